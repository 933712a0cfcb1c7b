"""Sending what is planned, following what became of it, and falling back to paper while there is time.

A notice counts when there is proof that it was dispatched: mail that left and did not come back, a letter
that somebody mailed, the number of certified mail (proving.py). Not here: planning, closing.
"""

import hashlib
from datetime import timedelta

from billing import events, notices, preferences, states, words
from billing.errors import BillingError
from billing.renewals import agreements, one_by_one, windows
from models import Contact, Notice, Preference, RenewalNotice, RenewalRule, db

WHY_RENEWAL = "The law or your agreement requires us to tell you before it renews."
WHY_TEXT = "You asked for a text when an agreement of yours ends."
WHY_YEARLY = "Once a year we remind you of what you have with us and how to end it."
BOUNCE_DAYS = 5  # mail servers give up by then: what has not come back arrived
WORKING = (RenewalNotice.QUEUED, RenewalNotice.SENT)


def send_due(today, *, now, trouble=None, progress=None):
    """Queue every notice whose planned day has come, while its window is open. Returns how many messages."""
    due = (RenewalNotice.state == RenewalNotice.PLANNED) & (
        RenewalNotice.plan_on <= today + timedelta(days=1)
    )

    groups = list(_groups(RenewalNotice.select().where(due)))
    parties = agreements.by_contract(group[0] for group in groups)

    def send(group):
        party = parties[group[0].contract_id]
        day = party.day(today, now)
        is_due = group[0].plan_on <= day and max(row.opens_on for row in group) <= day <= _closes_on(group)
        if is_due:
            _queue(group, party, "", now)
        if progress:
            progress(1)
        return is_due

    return sum(one_by_one.each(groups, send, trouble))


def send_now(row, *, today, now):
    """Queue a planned notice today, with all that its message serves. Returns the row.

    Raises BillingError for one that is not planned, or outside of its lawful days.
    """
    group = [
        one
        for one in RenewalNotice.select().where(
            (RenewalNotice.contract == row.contract_id) & (RenewalNotice.state == RenewalNotice.PLANNED)
        )
        if (one.together, one.plan_on) == (row.together, row.plan_on)
    ]
    if row.id not in [one.id for one in group]:
        raise BillingError("It is not planned any more: open it again and see what became of it.")
    party = agreements.of(row.contract)
    day, opens_on, closes_on = party.day(today, now), max(one.opens_on for one in group), _closes_on(group)
    if not opens_on <= day <= closes_on:
        window = words.period(opens_on, closes_on)
        raise BillingError(f"It counts only when it leaves in its window, {window}.")
    _queue(sorted(group, key=lambda one: (one.rule_code != one.together, one.id)), party, "", now)
    return RenewalNotice.get_by_id(row.id)


def _groups(query):
    """Rows that one message says, as lists; the one that leads comes first."""
    found = {}
    for row in query.order_by(RenewalNotice.id):
        found.setdefault((row.contract_id, row.together, row.plan_on), []).append(row)
    for rows in found.values():
        yield sorted(rows, key=lambda row: (row.rule_code != row.together, row.id))


def _closes_on(group):
    return min(row.closes_on for row in group)


def _queue(group, party, suffix, now):
    """Put one message into the outbox for a group of rows."""
    lead = group[0]
    yearly = all(row.rule.basis == RenewalRule.CONTINUOUS for row in group)
    on_paper = lead.medium != RenewalNotice.EMAIL
    key = f"renewal:{lead.contract_id}:{lead.term_end_on}:{lead.rule_code}{suffix}"
    with db.atomic():
        notices.queue(
            Notice.YEARLY_REMINDER if yearly else Notice.RENEWAL,
            key=key,
            customer=party.contract.customer_id,
            contact=party.reader,
            channel=Preference.PAPER if on_paper else Preference.MAIL,
            contract=party.contract,
            legal=True,
            why=WHY_YEARLY if yearly else WHY_RENEWAL,
            now=now,
        )
        notice = Notice.get(Notice.key == key)
        for row in group:
            states.move(row, RenewalNotice.QUEUED, notice=notice, medium=lead.medium, reason="")
        if not suffix:
            _queue_texts(notice, now)


def _queue_texts(notice, now):
    """A text beside it to every payer who wishes one: it says where to read it, and counts for no law."""
    wishing = (
        Preference.select(Preference.contact)
        .join(Contact)
        .where(
            (Contact.customer == notice.customer_id)
            & Contact.PAYS
            & (Preference.event == Preference.CONTRACT_END)
            & (Preference.channel == Preference.TEXT)
            & (Preference.timing != Preference.NEVER)
        )
    )
    found = preferences.of_contacts([id for (id,) in wishing.tuples()])
    for id, own in found.items():
        if own.wants(Preference.CONTRACT_END, Preference.TEXT):
            notices.queue(
                notice.kind, key=f"{notice.key}:{id}:text", customer=notice.customer_id, contact=id,
                channel=Notice.TEXT, address=own.number, contract=notice.contract_id,
                event=Preference.CONTRACT_END, why=WHY_TEXT, now=now,
            )  # fmt: skip


# --- What became of it ---------------------------------------------------------------------------


def follow(today, *, now, trouble=None):
    """See what became of the messages that are out: sent, proven, or back and on paper now.

    Returns (newly proven, fallen back to paper).
    """

    groups = _out(today)
    parties = agreements.by_contract(group[0] for group in groups)

    def look(group):
        party = parties[group[0].contract_id]
        day = party.day(today, now)
        if _is_over(group):
            return _cancel(group)
        if _came_back(group, day):
            return 0, _fall_back(group, party, day, now)
        return _note_sent(group, party, day), 0

    seen = one_by_one.each(groups, look, trouble)
    return sum(proven for proven, _ in seen), sum(fallen for _, fallen in seen)


def _is_over(group):
    """True for what was not sent because the contract was ended before."""
    return group[0].notice.state == Notice.SKIPPED and group[0].contract.ends_on is not None


def _cancel(group):
    for row in group:
        states.move(row, RenewalNotice.CANCELED, reason="The contract was ended before it was sent.")
    return 0, 0


def _out(today):
    """Rows by the message that says them: those that are out, and proven ones that came back after all."""
    late = (
        (RenewalNotice.state == RenewalNotice.PROVEN)
        & (RenewalNotice.medium == RenewalNotice.EMAIL)
        & (RenewalNotice.closes_on >= today)
        & Notice.bounced_at.is_null(False)
    )
    query = (
        RenewalNotice.select(RenewalNotice, Notice)
        .join(Notice)
        .where((RenewalNotice.state << WORKING) | late)
        .order_by(RenewalNotice.id)
    )
    found = {}
    for row in query:
        found.setdefault(row.notice_id, []).append(row)
    return list(found.values())


def _came_back(group, day):
    """True for mail that did not reach anybody, or has not left with three days to go."""
    notice = group[0].notice
    if group[0].medium != RenewalNotice.EMAIL:
        return False
    late = day > max(group[0].opens_on, _closes_on(group) - windows.RETRY_DAYS * timedelta(days=1))
    stuck = notice.state == Notice.QUEUED and late
    return notice.bounced_at is not None or notice.state in (Notice.FAILED, Notice.SKIPPED) or stuck


def _fall_back(group, party, day, now):
    """Once mail failed, a letter goes to the print queue while the window is open."""
    if day > _closes_on(group):
        return 0
    notice = group[0].notice
    with db.atomic():
        if notice.state == Notice.QUEUED:
            states.move(notice, Notice.SKIPPED, reason="It goes out on paper instead.")
        for row in group:
            fresh = {"medium": RenewalNotice.MAIL, "notice": None, "sent_on": None, "text_sha256": ""}
            states.move(row, RenewalNotice.PLANNED, delivery="", **fresh)
        _queue(group, party, ":paper", now)
        why = notice.bounce_text or notice.reason or "It did not leave in time."
        for row in group:
            row.reason = f"The e-mail did not arrive, so it is mailed as a letter. {why}"[:255]
            row.save()
            events.record("renewal_notice.fell_back", row, by="daily job", now=now, reason=why)
    return 1


def _note_sent(group, party, day):
    """Note that a message left in its window, and count it as proven once mail had time to come back.

    What left on another day proves nothing: its window is called missed, unless somebody notes the right day.
    """
    notice, proven = group[0].notice, 0
    if notice.state != Notice.SENT:
        return 0
    sent_on = min(party.date(notice.sent_at), day)
    for row in group:
        in_window = row.opens_on <= sent_on <= row.closes_on
        if row.state == RenewalNotice.QUEUED and in_window and _is_complete(row):
            _sent(row, notice, sent_on)
        if row.state == RenewalNotice.SENT and _is_certain(row, day):
            states.move(row, RenewalNotice.PROVEN, delivery=row.delivery or _delivery(row))
            proven += 1
    return proven


def _is_complete(row):
    return row.medium != RenewalNotice.CERTIFIED or bool(row.certified_number)


def _sent(row, notice, sent_on):
    to = notice.address or ", ".join([notice.customer.name, *notice.customer.address_lines])
    states.move(
        row, RenewalNotice.SENT, sent_on=row.sent_on or sent_on, address=to[:255],
        text_sha256=text_hash(notice.body_text) if notice.body_text else "",
    )  # fmt: skip


def _is_certain(row, day):
    waited = row.sent_on and day >= row.sent_on + timedelta(days=BOUNCE_DAYS)
    return row.medium != RenewalNotice.EMAIL or waited


def _delivery(row):
    if row.medium == RenewalNotice.EMAIL:
        return f"Left on {words.date(row.sent_on)}; nothing came back in {BOUNCE_DAYS} days."
    return f"Mailed on {words.date(row.sent_on)}."


def text_hash(text):
    """The SHA-256 of a text as it was sent, in hex."""
    return hashlib.sha256(text.encode()).hexdigest()
