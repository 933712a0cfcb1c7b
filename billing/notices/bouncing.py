"""What follows when a message did not arrive: it is noted, the address is known as dead, paper goes instead.

Told by the mail server while we send (``billing.outbox``) or by a report days later (``billing.inbound``). A
message that came back does not count as sent: legal notices read ``bounced_at`` and fall back themselves.
"""

from datetime import timedelta

from billing import events
from billing.notices import queueing
from models import Contact, Notice

HARD = "5.1.1"  # what a refusal without a status code of its own means: there is no such mailbox
FULL = ("5.2.2", "5.2.3", "5.3.4")  # full, or this one message too large: the address is good
SOFT_LIMIT, SOFT_WITHIN = 3, timedelta(days=30)  # as many soft ones as make an address dead
MUST_ARRIVE = (
    Notice.INVOICE, Notice.UPCOMING_CHARGE, Notice.OVERDUE, Notice.PAYMENT_PROBLEM, Notice.CHARGE_DECLINED,
    Notice.METHOD_PROBLEM, Notice.ABOVE_CAP, Notice.LATE_FEE, Notice.PLAN_AGREED, Notice.PLAN_MISSED,
    Notice.PLAN_ENDED,
)  # fmt: skip
ABOUT = (
    "invoice", "payment", "autopay", "method", "contract", "price_change", "late_fee", "plan", "installment",
)  # fmt: skip
DEAD = "Mail to this address comes back."
ASKED_FOR = (Notice.SIGN_IN, Notice.FRESH_LINK, Notice.CONSENT_CONFIRM, Notice.CONTACT_CHANGED)
BY_PERSON = ":again:"  # in the key of what somebody of the office sent by hand
WHY_PAPER = "A message to your mail address came back to us."


def came_back(notice, *, code, text, now):
    """Note that ``notice`` did not arrive, and do what follows. Returns it as a sentence for staff.

    code -- RFC 3463 status such as 5.1.1; text -- the reason in the server's words

    Twice told is once done: a server may refuse and report.
    """
    first = (
        Notice.update(bounced_at=now, bounce_code=code[:20], bounce_text=text[:255])
        .where((Notice.id == notice.id) & Notice.bounced_at.is_null())
        .execute()
    )
    if not first:
        return f"{notice.address} was known already."
    notice.bounced_at = now
    told = [f"It did not reach {notice.address}{f' ({code})' if code else ''}."]
    if _is_dead(notice, code, now) and _mark(notice, now):
        told.append("The address counts as dead from now on.")
    if fall_back(notice, now=now):
        told.append("A letter was queued instead.")
    return " ".join(told)


def is_hard(code):
    """True for a status that says: not at this address, ever. Policy, size and full boxes may pass.

    >>> [is_hard(code) for code in ("5.1.1", "5.2.1", "5.2.2", "4.4.1", "5.7.1", "5.0.0", "")]
    [True, True, False, False, False, True, False]
    """
    return code.startswith(("5.0", "5.1", "5.2", "5.4")) and code not in FULL


def goes_nowhere(notice):
    """True for mail to an address that is known as dead; what somebody asks for right now is tried."""
    contact = notice.contact if notice.channel == Notice.MAIL else None
    is_tried = notice.kind in ASKED_FOR or BY_PERSON in notice.key
    return bool(contact and contact.bounced_at and contact.email == notice.address and not is_tried)


def _is_dead(notice, code, now):
    if is_hard(code):
        return True
    recent = Notice.select().where(
        (Notice.contact == notice.contact_id)
        & (Notice.address == notice.address)
        & (Notice.bounced_at > now - SOFT_WITHIN)
    )
    return notice.contact_id is not None and recent.count() >= SOFT_LIMIT


def _mark(notice, now):
    """Remember it with the contact, unless they have another address by now. True when it is news."""
    if notice.channel != Notice.MAIL:
        return False
    marked = (
        Contact.update(bounced_at=now)
        .where(
            (Contact.id == notice.contact_id)
            & (Contact.email == notice.address)
            & Contact.bounced_at.is_null()
        )
        .execute()
    )
    if marked:
        events.record(
            "contact.bounced", notice.contact, by="mailbox", now=now, after={"email": notice.address}
        )
    return bool(marked)


def fall_back(notice, *, now):
    """Queue the same on paper where it must arrive. True when it was; renewals have their own way.

    ``legal`` messages of a contract's end are planned, printed and proven by ``billing.renewals``.
    """
    ours = notice.kind not in (Notice.RENEWAL, Notice.YEARLY_REMINDER)
    must = notice.kind in MUST_ARRIVE or (notice.legal and ours)
    if not must or notice.channel != Notice.MAIL:  # a text never stands alone: mail or paper went as well
        return False
    about = {name: getattr(notice, f"{name}_id") for name in ABOUT if getattr(notice, f"{name}_id", None)}
    queueing.queue(
        notice.kind,
        key=f"{notice.key}:paper"[:100],
        customer=notice.customer_id,
        contact=notice.contact,
        channel=Notice.PAPER,
        charge_on=notice.charge_on,
        legal=notice.legal,
        why=WHY_PAPER,
        now=now,
        **about,
    )
    return True


def works_again(contact, *, by, now):
    """Mail may go to this address again: somebody asked, or it was put right there."""
    Contact.update(bounced_at=None).where(Contact.id == contact.id).execute()
    events.record("contact.reached", contact, by=by, now=now, before={"bounced_at": contact.bounced_at})
