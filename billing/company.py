"""The one company row: its identity and its policies."""

from contextlib import contextmanager
from contextvars import ContextVar

from billing import events, prepared
from billing.errors import BillingError
from models import Company, Notice, db

_read = ContextVar("the company, read once", default=None)


def current():
    """The company that this database belongs to. Raises BillingError before it is set up."""
    kept = _read.get()
    if kept is None:
        return _found()
    if not kept:
        kept.append(_found())
    return kept[0]


@contextmanager
def read_once(company=None):
    """Within this, the company is read once: one message, or one page, asks for it in many places.

    company -- the row, where it was read already
    """
    token = _read.set([company] if company else [])
    try:
        yield
    finally:
        _read.reset(token)


@prepared.question
def _companies():
    return Company.select().order_by(Company.id).limit(1)


def _found():
    company = _companies.first()
    if company is None:
        raise BillingError("There is no company yet. Run: flask --app app init-db")
    return company


def found():
    """Make the company row of an empty database. Harmless where there is one, and twice at once."""
    if not Company.select().exists():
        Company.insert(id=1, name="Your company").on_conflict_ignore().execute()


def terms_days(company, customer):
    """Days from issue to due date: the customer's own terms, else the company's."""
    return company.terms_days if customer.terms_days is None else customer.terms_days


# --- Speaking or mute ------------------------------------------------------------------------------


def is_live(company, today):
    """True when messages leave. Before that nothing does, except what people sign in with."""
    return company.live_on is not None and company.live_on <= today


def go_live(company, *, discard, by, today, now):
    """From now on messages leave. Returns how many that waited from before were thrown away.

    discard -- True: what was queued while nothing left is not sent; False: all of it is, if it is still true

    Raises BillingError when it is live already.
    """
    if is_live(company, today):
        raise BillingError("The company is live already.")
    thrown_away = 0
    with db.atomic():
        if discard:
            waits = Notice.state.in_((Notice.QUEUED, Notice.DRAFT)) & (Notice.kind != Notice.SIGN_IN)
            reason = "It waited from before the company went live."
            thrown_away = Notice.update(state=Notice.SKIPPED, reason=reason).where(waits).execute()
        Company.update(live_on=today).where(Company.id == company.id).execute()
        events.record("company.live", company, by=by, now=now, after={"thrown_away": thrown_away})
    return thrown_away


def go_mute(company, *, reason, by, now):
    """From now on nothing leaves, until somebody lets it. What is queued meanwhile waits."""
    with db.atomic():
        Company.update(live_on=None).where(Company.id == company.id).execute()
        events.record("company.mute", company, by=by, now=now, reason=reason)
