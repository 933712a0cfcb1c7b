"""The personal mail some days after the due date: a draft that somebody reads, puts right, signs and sends.

Its first words are written anew from what is so today each time it is opened, until a person keeps their own.
"""

from billing import company as companies
from billing import documents, events, words
from billing.collections import gate
from billing.errors import BillingError
from billing.money import format_cents
from billing.notices import judging, timing
from billing.states import move
from models import Customer, Notice, db

LONGEST = 4_000


def waiting():
    """A query of the drafts that wait for somebody to read them, oldest first."""
    return Notice.select().where(Notice.state == Notice.DRAFT).order_by(Notice.id)


def objection(notice, *, today, now):
    """Why a draft should not be sent now, or ""; paid since, or the customer waits for us."""
    if untrue := judging.objection(notice, today=today, now=now):
        return untrue
    against = gate.check(notice, today=today, now=now)
    return gate.sentence(against) if against else ""


def suggested(notice, *, staff):
    """The words that a draft begins with, in the name of ``staff``: warm, short, and true as of now."""
    company, invoice = companies.current(), notice.invoice
    number = documents.printed_number(invoice, company)
    due = words.date(invoice.due_on)
    if invoice.open_cents < invoice.total_cents:
        came = format_cents(invoice.total_cents - invoice.open_cents)
        state = (
            f"Thank you for the {came} that you paid on invoice {number}. "
            f"{format_cents(invoice.open_cents)} of it is still open; it was due on {due}."
        )
    else:
        state = (
            f"Invoice {number} for {format_cents(invoice.open_cents)} was due on {due}, and we have not "
            "seen a payment yet."
        )
    return SUGGESTED.format(
        name=_called(notice.contact), state=state, staff=staff.name, company=company.name,
        phone=f", {company.phone}" if company.phone else "",
    )  # fmt: skip


SUGGESTED = """Hello {name},

{state} Is everything all right with it?

If something is wrong, with the invoice or with our service, tell me and I will look into it. If it \
does not fit right now, we can find another date, or split it. And if you have just paid: thank you, our \
letters crossed.

You can simply reply to this mail. I read the answers myself.

{staff}
{company}{phone}"""


def _called(contact):
    """The first name of a person at home; the whole name of whoever stands for a business."""
    name = contact.name.strip()
    is_home = contact.customer.kind == Customer.RESIDENTIAL
    return name.split()[0] if is_home and name else name or "there"


def send(notice, *, words, staff, by, today, now):
    """Send a draft in the name of ``staff``, with these words. Returns the instant at which it may leave.

    Raises BillingError when there is nothing to say any more, or nothing is said.
    """
    text = words.replace("\x00", "").replace("\r\n", "\n").strip()
    if not text:
        raise BillingError("Write what you want to say, or discard the draft.")
    if len(text) > LONGEST:
        raise BillingError(f"Please keep it under {LONGEST:,} characters.")
    if notice.state == Notice.DRAFT and (why := objection(notice, today=today, now=now)):
        raise BillingError(f"This is not sent now: {why}")
    send_at = timing.not_before(notice, now)
    with db.atomic():
        move(notice, Notice.QUEUED, words=text, staff=staff, send_at=send_at)
        events.record("notice.signed", notice, by=by, now=now)
    return send_at


def discard(notice, *, reason, by, now):
    """Decide that a draft is not sent. Returns the notice; raises StaleState when it was sent already."""
    with db.atomic():
        move(notice, Notice.SKIPPED, reason=reason[:255])
        events.record("notice.discarded", notice, by=by, now=now, reason=reason)
    return notice
