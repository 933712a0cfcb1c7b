"""The proof that a notice was dispatched, and what the post says later: what staff note about letters.

Not here: mail, whose proof comes by itself (sending.py).
"""

from billing import certified, events, masking, outbox, states, words
from billing.errors import BillingError
from billing.renewals import closing, proof, sending
from models import Notice, RenewalNotice, db


def keep_text(notice, *, subject, text):
    """Keep the exact text of a letter that is being printed, with its hash; later prints change nothing.

    Returns the notice.
    """
    if not notice.body_text:
        Notice.update(subject=subject[:255], body_text=text).where(
            (Notice.id == notice.id) & (Notice.body_text == "")
        ).execute()
        RenewalNotice.update(text_sha256=sending.text_hash(text)).where(
            RenewalNotice.notice == notice
        ).execute()
    return Notice.get_by_id(notice.id)


def mark_mailed(row, *, mailed_on, certified_number="", by, today, now):
    """A letter was mailed: the proof of dispatch. All rules that it serves are proven. Returns the row.

    Also for a notice that was called missed because nobody had noted it: the consequence is taken back.
    Raises BillingError without the number of certified mail, and for a day outside of the window.
    """
    group = _same_letter(row)
    _check_mailed(group, mailed_on, certified_number, today)
    number = certified.for_letter(row.notice, certified_number) if certified_number.strip() else ""
    with db.atomic():
        notice = Notice.get_by_id(row.notice_id)
        if notice.state == Notice.PRINT:
            outbox.mark_printed(notice, mailed_on=mailed_on, today=today, now=now)
        Notice.update(certified_number=number).where(Notice.id == notice.id).execute()
        for one in group:
            _prove(one, notice, mailed_on, number, by, now)
    return row


def _prove(row, notice, mailed_on, number, by, now):
    was_missed = row.state == RenewalNotice.MISSED
    known = {"certified_number": number, "delivery": _mailed_words(mailed_on, number)}
    to = ", ".join([notice.customer.name, *notice.customer.address_lines])[:255]
    states.move(row, RenewalNotice.PROVEN, sent_on=mailed_on, address=to, **known)
    events.record(proof.MAILED, row, by=by, now=now, after=known, customer=notice.customer)
    if was_missed:
        why = f"It was mailed in time, on {words.date(mailed_on)}."
        closing.take_back(row, reason=why, by=by, now=now)


def _same_letter(row):
    rows = RenewalNotice.select().where(RenewalNotice.notice == row.notice_id) if row.notice_id else []
    open_to = (RenewalNotice.QUEUED, RenewalNotice.SENT, RenewalNotice.MISSED)
    return [one for one in rows if one.state in open_to and one.medium != RenewalNotice.EMAIL]


def _check_mailed(group, mailed_on, number, today):
    if not group:
        raise BillingError("There is no letter of this notice that waits to be mailed.")
    if any(one.medium == RenewalNotice.CERTIFIED for one in group) and not number.strip():
        raise BillingError("Certified mail counts by its number: type it from the receipt.")
    if mailed_on > today:
        raise BillingError("That day has not come yet.")
    opens_on, closes_on = max(one.opens_on for one in group), min(one.closes_on for one in group)
    if not opens_on <= mailed_on <= closes_on:
        span = words.period(opens_on, closes_on)
        raise BillingError(f"It counts only when it was mailed in its window, {span}.")


def _mailed_words(mailed_on, number):
    how = f"Certified mail {certified.shown(number)}" if number else "First-class mail"
    return f"{how}, mailed on {words.date(mailed_on)}."


def mark_delivered(row, *, on, text, by, today, now, came_back=False):
    """Note what the post says about a letter, for every rule that it serves. Returns the row.

    came_back -- nobody took it: that it was mailed stays proven, and the address wants a look
    """
    if row.state != RenewalNotice.PROVEN or not row.sent_on:
        raise BillingError("Note first when it was mailed.")
    if not row.sent_on <= on <= today:
        raise BillingError("That day is before it was mailed, or has not come yet.")
    text = masking.typed(text)
    with db.atomic():
        for one in RenewalNotice.select().where(RenewalNotice.notice == row.notice_id):
            _note_delivery(one, on, text, came_back, by, now)
    return RenewalNotice.get_by_id(row.id)


def _note_delivery(row, on, text, came_back, by, now):
    said = f"{'Came back' if came_back else 'Delivered'} on {words.date(on)}."
    row.delivered_on = None if came_back else on
    row.delivery = " ".join(filter(None, [row.delivery, said, words.sentence(text)]))[:255]
    row.save()
    events.record(
        "renewal_notice.came_back" if came_back else "renewal_notice.delivered", row, by=by, now=now,
        reason=text, after={"on": on}, customer=row.contract.customer,
    )  # fmt: skip
