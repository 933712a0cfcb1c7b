"""How each kind of entry reads: plain sentences, amounts, states. One function for each, and one query in it.

Nothing of the web here: where an entry leads to is its row's page (admin/timeline.py).
"""

from dataclasses import dataclass
from datetime import datetime

from billing import words
from billing.timeline import wording
from models import (
    Call,
    Credit,
    Dispute,
    Event,
    Inbound,
    Invoice,
    Message,
    Note,
    Notice,
    Payment,
    Plan,
    Promise,
    Refund,
    RenewalAnswer,
    Sighting,
)

LONGEST = 280  # of what was said; the whole of it is one click away


@dataclass(slots=True)
class Entry:
    """One thing that happened. ``by`` is written as the audit writes it; ``who`` are words already.

    by      -- "staff:ann@example.com", "customer:…", or empty where nobody did it
    states  -- words for badges
    toward  -- "in": from the customer; "out": from us; "": neither
    """

    kind: str
    row: object
    title: str
    text: str = ""
    by: str = ""
    who: str = ""
    cents: int | None = None
    states: tuple = ()
    toward: str = ""
    internal: bool = False
    at: datetime | None = None
    is_day: bool = False


def _clip(text):
    return words.clipped(" ".join((text or "").split()), LONGEST)


def _said(row, name):
    """The words that people read for the stored name of a choice."""
    return dict(getattr(type(row), name).choices)[getattr(row, name)]


def _all(model, ids, *others):
    """Rows by id, with the rows of ``others`` (foreign keys): one query for each that is there."""
    left_out = LETTERS.get(model, ())
    columns = [field for field in model._meta.sorted_fields if field not in left_out]
    rows = list(model.select(*columns).where(model.id.in_(ids)))
    for key in others:
        wanted = {row.__data__[key.name] for row in rows} - {None}
        found = (
            {one.id: one for one in key.rel_model.select().where(key.rel_model.id.in_(wanted))}
            if wanted
            else {}
        )
        for row in rows:
            row.__rel__[key.name] = found.get(row.__data__[key.name])
    return rows


# Whole letters and forms, which nobody reads here.
LETTERS = {
    Notice: (Notice.body_text, Notice.body_html, Notice.words),
    Payment: (Payment.form_token,),
    Plan: (Plan.text,),
    RenewalAnswer: (RenewalAnswer.wording,),
    Event: (Event.before, Event.after),
}


# --- Money ---------------------------------------------------------------------------------------


def invoices(ids):
    """Each when it was issued, as it stands now."""
    return [
        Entry(
            "invoice", row, str(row), f"Due {words.short_date(row.due_on)}", cents=row.total_cents,
            states=(_standing(row),), toward="out",
        )
        for row in _all(Invoice, ids)
    ]  # fmt: skip


def _standing(row):
    if row.state == Invoice.VOID:
        return "void"
    if row.open_cents == 0:
        return "paid"
    return "open" if row.open_cents == row.total_cents else "part paid"


def payments(ids):
    """Money that came, or should have come."""
    return [
        Entry(
            "payment", row, row.method_label or f"Payment by {_said(row, 'kind').lower()}",
            _clip(". ".join(part for part in (_check(row), _said_yes(row), row.reason, row.note) if part)),
            by=row.entered_by, cents=row.amount_cents, states=(row.state,), toward="in",
        )
        for row in _all(Payment, ids)
    ]  # fmt: skip


def _check(row):
    return f"No. {row.check_number}" if row.check_number else ""


def _said_yes(row):
    """Who authorized a charge on the phone; who took it stands with every entry."""
    return f"Taken by phone, authorized by {row.said_by}" if row.said_by else ""


def refunds(ids):
    """Money that goes back."""
    return [
        Entry("refund", row, str(row), _clip(row.reason), by=row.by, cents=row.amount_cents,
              states=(row.state,), toward="out")
        for row in _all(Refund, ids)
    ]  # fmt: skip


def credits(ids):
    """What was taken off without money moving."""
    return [
        Entry("credit", row, f"Credit, {_said(row, 'kind').lower()}", _clip(row.reason), by=row.by,
              cents=row.amount_cents, toward="out")
        for row in _all(Credit, ids)
    ]  # fmt: skip


# --- Messages ------------------------------------------------------------------------------------


def notices(ids):
    """What we sent or will send; when it was opened, and whether it came back."""
    rows = list(_all(Notice, ids, Notice.staff))
    opened = _opened(ids)
    return [
        Entry(
            "notice", row, row.subject or _said(row, "kind"), _clip(_fate(row)),
            who=row.staff.name if row.staff else "",
            states=tuple(_states(row, row.id in opened)), toward="out",
        )
        for row in rows
    ]  # fmt: skip


def _opened(ids):
    """The messages whose link a person came by."""
    found = Sighting.select(Sighting.notice).where(Sighting.notice.in_(ids)).distinct()
    return {notice_id for (notice_id,) in found.tuples()}


def _fate(row):
    where = f"To {row.address}" if row.address else ""
    trouble = row.bounce_text or row.bounce_code if row.bounced_at else row.reason
    return ". ".join(part for part in (where, trouble) if part)


def _states(row, was_opened):
    """What is worth a word: that a message was sent is why it stands there."""
    if row.bounced_at:
        yield "came back"
    elif row.state != Notice.SENT:
        yield row.state
    if was_opened:
        yield "opened"


def sightings(ids):
    """A person had a page of ours before them."""
    return [
        Entry(
            "seen", row, _opened_what(row),
            "By the link of a message" if row.notice_id else "By a link" if row.link_id else "Signed in",
            who=row.contact.name if row.contact else "", toward="in",
        )
        for row in _all(Sighting, ids, Sighting.contact, Sighting.invoice)
    ]  # fmt: skip


def _opened_what(row):
    if row.page == Sighting.INVOICE:
        return f"Opened {str(row.invoice).lower()}"
    if row.page == Sighting.TOGETHER:
        return f"Opened {str(row.invoice).lower()}, with others"
    return "Opened their preferences" if row.page == Sighting.PREFERENCES else "Opened their agreement"


def inbound(ids):
    """What came by mail or text and became no ticket."""
    return [
        Entry("inbound", row, row.subject or f"{row.channel.capitalize()} from {row.sender}", _clip(row.body),
              who=row.sender, states=(row.state,), toward="in")
        for row in _all(Inbound, ids)
    ]  # fmt: skip


# --- Talking -------------------------------------------------------------------------------------


def messages(ids):
    """What was written in tickets."""
    return [
        Entry(
            "message", row, row.ticket.subject, _clip(row.body),
            who=row.staff.name if row.staff else row.contact.name if row.contact else "",
            states=("internal note",) if row.internal else (row.ticket.state,),
            toward="" if row.internal else "out" if row.staff_id else "in", internal=row.internal,
        )
        for row in _all(Message, ids, Message.ticket, Message.contact, Message.staff)
    ]  # fmt: skip


def calls(ids):
    """Calls, and what is to be done about them."""
    return [
        Entry(
            "call", row, str(row), _clip(_sentences(row.note, row.next_step, row.done_how)),
            by=row.by, who=_who_called(row), states=(row.state,) if row.state == Call.TO_CALL else (),
            toward=row.direction,
        )
        for row in _all(Call, ids, Call.contact)
    ]  # fmt: skip


def _sentences(*told):
    *first, last = [one for one in told if one] or [""]
    return " ".join([*map(words.sentence, first), last])


def _who_called(row):
    return row.contact.name if row.contact and row.direction == Call.IN else ""


def notes(ids):
    """What staff noted for each other."""
    return [
        Entry("note", row, "Pinned note" if row.pinned else "Note", _clip(row.body), by=row.by, internal=True)
        for row in _all(Note, ids)
    ]


# --- Agreements ----------------------------------------------------------------------------------


def promises(ids):
    """What they said they would pay, and whether they did."""
    return [
        Entry("promise", row, f"Promised to pay by {words.short_date(row.pay_on)}",
              _clip(row.words or row.reason), by=row.by, cents=row.amount_cents, states=(row.state,),
              toward="in")
        for row in _all(Promise, ids)
    ]  # fmt: skip


def plans(ids):
    """Agreements to pay in parts."""
    return [
        Entry("plan", row, f"Plan of {words.plural(row.count, 'payment')}", _clip(row.words or row.reason),
              by=row.by, cents=row.amount_cents, states=(row.state,))
        for row in _all(Plan, ids)
    ]  # fmt: skip


def disputes(ids):
    """What they say they do not owe, and what we decided."""
    return [
        Entry("dispute", row, f"Disputes {str(row.invoice).lower()}: {_said(row, 'reason').lower()}",
              _clip(row.decision or row.words), by=row.by, cents=row.amount_cents, states=(row.state,),
              toward="in")
        for row in _all(Dispute, ids, Dispute.invoice)
    ]  # fmt: skip


def answers(ids):
    """What they answered about the end of a contract."""
    return [
        Entry("answer", row, _said(row, "answer"), _clip(row.words), who=row.name, toward="in")
        for row in _all(RenewalAnswer, ids)
    ]


# --- Everything else -----------------------------------------------------------------------------


def events(ids):
    """The audit: what was done, and why."""
    return [
        Entry("event", row, wording.of(row.what), _clip(row.reason), by=row.by) for row in _all(Event, ids)
    ]
