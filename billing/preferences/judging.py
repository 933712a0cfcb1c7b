"""Was a message allowed on the day that it left, and by which choice? Any of the past can be asked about.

Reads what stood at that instant: the choices as they are recorded, the consents, the authorization and the
address of then. Set-based: ten thousand messages are a matter of seconds. Nothing here writes a row.
"""

import json
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import NamedTuple

from billing import company as companies
from billing import localtime, reminder_policies, words
from billing.preferences import choosing, offers
from billing.preferences.offers import Facts
from models import (
    Autopay,
    Consent,
    Contact,
    Customer,
    Event,
    Invoice,
    Notice,
    Preference,
    PreferenceChange,
    among,
)

CHUNK = 2_000
LEFT = (Notice.SENT, Notice.PRINT)
# The event that a kind of message belongs to; for what is not named here, nobody was asked.
EVENT_OF = {
    "invoice": Preference.INVOICE,
    "reminder": Preference.REMINDER,
    "receipt": Preference.RECEIPT,
    "credit_given": Preference.RECEIPT,
    "payment_problem": Preference.PAYMENT_PROBLEM,
    "charge_declined": Preference.PAYMENT_PROBLEM,
    "method_problem": Preference.PAYMENT_PROBLEM,
    "above_cap": Preference.PAYMENT_PROBLEM,
    "late_fee": Preference.PAYMENT_PROBLEM,
    "promise": Preference.PAYMENT_PROBLEM,
    "plan_agreed": Preference.PAYMENT_PROBLEM,
    "plan_missed": Preference.PAYMENT_PROBLEM,
    "plan_ended": Preference.PAYMENT_PROBLEM,
    "upcoming_charge": Preference.UPCOMING_CHARGE,
    "charge_postponed": Preference.UPCOMING_CHARGE,
    "renewal": Preference.CONTRACT_END,
    "yearly_reminder": Preference.CONTRACT_END,
    "price_change": Preference.PRICE_CHANGE,
    "ticket_reply": Preference.TICKET_REPLY,
    "ticket_received": Preference.TICKET_REPLY,
    "ticket_closed": Preference.TICKET_REPLY,
    "dispute_received": Preference.TICKET_REPLY,
    "dispute_decided": Preference.TICKET_REPLY,
    "digest": Preference.DIGEST,
}
BY_PERSON = ":again:"  # in the key of what somebody of the office sent by hand


class Judgement(NamedTuple):
    """``violation`` is a sentence, or "" when it was allowed; ``choice`` says what allowed or forbade it."""

    violation: str
    choice: str


class Message(NamedTuple):
    """What of a Notice decides."""

    id: int
    kind: str
    channel: str
    key: str
    address: str
    contact_id: int | None
    claimed_at: datetime | None
    sent_at: datetime | None
    created_at: datetime
    legal: bool
    stored_event: str
    due_on: date | None

    @property
    def event(self):
        return self.stored_event or EVENT_OF.get(self.kind, "")

    @property
    def left_at(self):
        """When it was decided that it leaves: paper is claimed long before somebody says it is printed."""
        return self.claimed_at or self.sent_at or self.created_at


def at(contact, instant):
    """The Wishes of a contact as they stood at ``instant`` (naive UTC)."""
    return _pasts([contact.id])[contact.id].wishes(instant)


def judge(notice):
    """ "" when a message was allowed when it left, else a sentence that says why not."""
    return explain(notice).violation


def explain(notice):
    """The Judgement of one Notice; of what has not left there is nothing to say."""
    [found] = judge_all(Notice.select().where(Notice.id == notice.id)) or [(None, Judgement("", ""))]
    return found[1]


class Report(NamedTuple):
    """``judged``: how many messages had left; ``found``: [(notice id, sentence)] of those not allowed."""

    judged: int
    found: list


def violations(*, since, progress=None):
    """The Report of all messages that were queued since an instant (naive UTC; None: ever), oldest first."""
    after = Notice.id > 0 if since is None else Notice.created_at >= since
    count, found, last = 0, [], 0
    while True:
        chunk = Notice.select().where(after & (Notice.id > last)).order_by(Notice.id).limit(CHUNK)
        ids = [id for (id,) in chunk.select(Notice.id).tuples()]
        judged = judge_all(Notice.select().where(among(Notice.id, ids)))
        count += len(judged)
        found += [(message.id, verdict.violation) for message, verdict in judged if verdict.violation]
        if progress:
            progress(len(ids))
        if len(ids) < CHUNK:
            return Report(count, sorted(found))
        last = ids[-1]


def judge_all(query):
    """[(Message, Judgement)] of the messages of a query of Notice that have left."""
    rows = query.select(
        Notice.id, Notice.kind, Notice.channel, Notice.key, Notice.address, Notice.contact, Notice.claimed_at,
        Notice.sent_at, Notice.created_at, Notice.legal, Notice.event, Invoice.due_on,
    ).left_outer_join(Invoice, on=(Notice.invoice == Invoice.id))  # fmt: skip
    messages = [Message(*row) for row in rows.where(Notice.state << LEFT).tuples()]
    pasts = _pasts({message.contact_id for message in messages} - {None})
    zone = companies.current().time_zone
    return [(message, _judgement(message, pasts.get(message.contact_id), zone)) for message in messages]


def event_of(notice):
    """The choice that decides about a message: its kind's, unless it was queued under another one."""
    return notice.event or EVENT_OF.get(notice.kind, "")


def unwanted(notice, wishes=None):
    """Why the choices of now keep a queued message from leaving by its channel, or "".

    wishes -- of ``asked_when_sent``, where it was read for many
    """
    if not _may_be_unwanted(notice):
        return ""
    event = event_of(notice)
    own = choosing.wishes(notice.contact) if wishes is None else wishes[notice.contact_id]
    timing = own.wish(event, notice.channel).timing
    if event in offers.STOPPABLE:
        waits = timing == offers.DIGEST and event != Preference.DIGEST
        return "The contact does not want this any more." if timing == offers.NEVER or waits else ""
    return "It was wanted only if unpaid, and it is paid." if timing == offers.UNPAID else ""


def asked_when_sent(notices):
    """{contact id: Wishes} of those whose choices of now decide about one of these messages."""
    ids = {one.contact_id for one in notices if _may_be_unwanted(one)}
    return choosing.of_contacts(ids) if ids else {}


def _may_be_unwanted(notice):
    if notice.contact_id is None or BY_PERSON in notice.key:
        return False
    event = event_of(notice)
    is_paid = event == Preference.INVOICE and notice.invoice and not notice.invoice.open_cents
    return event in offers.STOPPABLE or bool(is_paid)


# --- Judging one ---------------------------------------------------------------------------------


def _judgement(message, past, zone):
    event, channel = message.event, message.channel
    if past is None:
        return Judgement("", "It went to the address of the account.")
    left_on = localtime.day(message.left_at, zone)
    if past.left_on and past.left_on < left_on and message.kind != Notice.CONTACT_CHANGED:
        return Judgement(f"They had left the account on {words.date(past.left_on)}.", "")
    if message.kind == Notice.TEXT_REPLY:
        return Judgement("", "They wrote to us; one answer needs no consent.")
    if channel == offers.TEXT and not past.consented(message.address, message.left_at):
        return Judgement("There was no consent to texts to this number.", "")
    if not event:
        return Judgement("", "Nobody can switch this off.")
    if BY_PERSON in message.key:
        return Judgement("", "Somebody of our office sent it by hand.")
    if message.legal:
        return Judgement("", "Law or contract decide how this goes.")
    wish = past.wishes(message.left_at, mailed=channel == offers.MAIL).wish(event, channel)
    choice = past.choice(event, channel, message.left_at, zone)
    return Judgement(_violation(message, past, wish, left_on), choice)


def _violation(message, past, wish, left_on):
    event, channel = message.event, message.channel
    what = f"{offers.TITLES[event]} {offers.BY[channel]}"
    if wish.timing == offers.NEVER:
        if channel == offers.PAPER and event in offers.MUST_ARRIVE and past.came_back(message.left_at):
            return ""
        return f"{what} was not wanted."
    if wish.timing == offers.DIGEST and event != Preference.DIGEST:
        return f"{what} was to wait for the monthly summary."
    if message.due_on and wish.timing in (offers.UNPAID, offers.AHEAD, offers.ON_DAY):
        early = (message.due_on - timedelta(days=wish.days) - left_on).days
        if early > 0 and event != Preference.UPCOMING_CHARGE:
            return f"{what} came {words.plural(early, 'day')} before the day that was chosen."
    return ""


# --- What stood then -----------------------------------------------------------------------------


@dataclass
class _Past:
    """Everything about one contact that decided at some time."""

    email: str
    is_consumer: bool
    left_on: date | None
    bounced_at: datetime | None
    usual: tuple
    unrecorded: dict = field(default_factory=dict)  # {cell: (since, Wish)}
    changes: list = field(default_factory=list)  # (at, cell, Wish, by, via), oldest first
    consents: list = field(default_factory=list)  # (kind, address or number, given, withdrawn)
    permissions: list = field(default_factory=list)  # (agreed, ended, days ahead)
    addresses: list = field(default_factory=list)  # (until, address), oldest first
    bounces: list = field(default_factory=list)  # (at, address found dead; "": reached), oldest first

    def wishes(self, instant, *, mailed=False):
        """What was obeyed at ``instant``. mailed -- a mail left then, so there was an address"""
        return offers.settle(self.chosen(instant), self.facts(instant, mailed))

    def chosen(self, instant):
        recorded = {cell for _, cell, *_ in self.changes}
        cells = {
            cell: wish
            for cell, (since, wish) in self.unrecorded.items()
            if cell not in recorded and since <= instant
        }
        return cells | {cell: wish for since, cell, wish, *_ in self.changes if since <= instant}

    def facts(self, instant, mailed=False):
        email = self.address(instant)
        agreed = [days for since, ended, days in self.permissions if _stood(since, ended, instant)]
        mail, numbers = (
            [one for kind, one, *when in self.consents if kind == asked and _stood(*when, instant)]
            for asked in (Consent.ELECTRONIC, Consent.TEXT)
        )
        return Facts(
            has_mail=bool(email) or mailed,
            number=numbers[0] if numbers else "",
            autopay=bool(agreed),
            tell_days=agreed[0] if agreed else None,
            written=self.is_consumer and email not in mail,
            usual=self.usual,
            told_by_mail=bool(email) or mailed,
        )

    def address(self, instant):
        """The mail address of then."""
        return next((address for until, address in self.addresses if until > instant), self.email)

    def came_back(self, instant):
        """True when the address of then was known as dead, whatever was put right since."""
        if self.bounced_at and self.bounced_at <= instant:
            return True
        return [one for at, one in self.bounces if at <= instant][-1:] == [self.address(instant)]

    def consented(self, number, instant):
        return any(
            kind == Consent.TEXT and one == number and _stood(given, withdrawn, instant)
            for kind, one, given, withdrawn in self.consents
        )

    def choice(self, event, channel, instant, zone):
        """Which choice counted, as a sentence; its day is that of ``zone``."""
        made = [one for one in self.changes if one[1] == (event, channel) and one[0] <= instant]
        if not made:
            return "Nobody had chosen anything else."
        since, _, wish, by, via = made[-1]
        how = dict(PreferenceChange.via.choices)[via].lower()
        on = words.date(localtime.day(since, zone))
        return f"“{offers.words_of(event, wish)}”, chosen on {on} by {by} ({how})."


def _stood(since, until, instant):
    return since <= instant and (until is None or until > instant)


def _pasts(contact_ids):
    """{contact id: _Past} in eight queries, however many."""
    pasts, by_customer = {}, defaultdict(list)
    people = Contact.select(
        Contact.id,
        Contact.customer,
        Contact.email,
        Customer.kind,
        Contact.left_on,
        Contact.bounced_at,
        Customer.group,
    ).where(among(Contact.id, contact_ids))
    people = list(people.join(Customer).tuples())
    usual = reminder_policies.early_days({customer_id: group for _, customer_id, *_, group in people})
    for id, customer_id, email, kind, left_on, bounced_at, _ in people:
        pasts[id] = _Past(email, kind == Customer.RESIDENTIAL, left_on, bounced_at, usual[customer_id])
        by_customer[customer_id].append(pasts[id])
    _read_choices(pasts)
    _read_consents(pasts)
    _read_permissions(by_customer)
    _read_addresses(pasts)
    _read_bounces(pasts)
    return pasts


def _read_choices(pasts):
    rows = Preference.select().where(among(Preference.contact, pasts))
    for row in rows:
        wish = choosing.stored(row.timing, row.days_ahead, row.digest_day)
        pasts[row.contact_id].unrecorded[row.event, row.channel] = (row.changed_at, wish)
    changes = PreferenceChange.select().where(among(PreferenceChange.contact, pasts))
    for row in changes.order_by(PreferenceChange.at, PreferenceChange.id):
        wish = choosing.stored(row.timing, row.days_ahead, row.digest_day)
        pasts[row.contact_id].changes.append((row.at, (row.event, row.channel), wish, row.by, row.via))


def _read_consents(pasts):
    for row in Consent.select().where(among(Consent.contact, pasts)):
        pasts[row.contact_id].consents.append(
            (row.kind, row.address_or_number, row.given_at, row.withdrawn_at)
        )


def _read_permissions(by_customer):
    query = Autopay.select(Autopay.customer, Autopay.agreed_at, Autopay.ended_at, Autopay.tell_days)
    for customer_id, *permission in query.where(among(Autopay.customer, by_customer)).tuples():
        for past in by_customer[customer_id]:
            past.permissions.append(tuple(permission))


def _read_addresses(pasts):
    """Every address that was replaced, with the instant until which it counted; from the audit."""
    query = Event.select(Event.about_id, Event.at, Event.before).where(
        (Event.about_table == "contact") & among(Event.about_id, pasts) & (Event.before != "")
    )
    for id, until, before in query.order_by(Event.at, Event.id).tuples():
        values = json.loads(before)
        if "email" in values:
            pasts[id].addresses.append((until, values["email"] or ""))


def _read_bounces(pasts):
    """When an address was found dead, and when mail was tried there again; from the audit."""
    told = Event.what.in_(("contact.bounced", "contact.reached"))
    query = Event.select(Event.about_id, Event.at, Event.what, Event.after).where(
        (Event.about_table == "contact") & among(Event.about_id, pasts) & told
    )
    for id, at, what, after in query.order_by(Event.at, Event.id).tuples():
        pasts[id].bounces.append((at, json.loads(after)["email"] if what == "contact.bounced" else ""))
