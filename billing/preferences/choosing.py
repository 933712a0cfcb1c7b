"""What contacts chose: read, changed with a record of each change, and read as it was at any instant.

The rows of Preference are what counts now; PreferenceChange keeps how it came to be. What may be chosen and
what is obeyed is decided in ``offers``.
"""

from collections import defaultdict
from datetime import datetime
from typing import NamedTuple

from billing import phones, reminder_policies
from billing.errors import BillingError
from billing.preferences import offers
from billing.preferences.offers import Facts, Wish
from models import Autopay, Consent, Contact, Customer, Preference, PreferenceChange, among, db

GONE = "This person is no longer a contact of the account."


def wishes(contact):
    """The Wishes of a contact as they are obeyed now."""
    return of_contacts([contact.id])[contact.id]


def standing(contact):
    """(the Facts that decide about a contact's choices, the Wishes as they are obeyed now)."""
    known = facts(contact)
    return known, offers.settle(_chosen([contact.id]).get(contact.id, {}), known)


def of_contacts(contact_ids):
    """{contact id: Wishes} in a few plain queries, however many; those who are not there are left out."""
    chosen = _chosen(contact_ids)
    return {id: offers.settle(chosen.get(id, {}), facts) for id, facts in facts_of(contact_ids).items()}


def facts(contact):
    """The Facts that decide about a contact's choices."""
    return facts_of([contact.id])[contact.id]


def facts_of(contact_ids):
    """{contact id: Facts} in a few plain queries: PostgreSQL's plans of one join suffered in a bill run."""
    people = (
        Contact.select(
            Contact.id, Contact.customer, Contact.email, Contact.phone, Customer.kind, Customer.group
        )
        .join(Customer)
        .where(among(Contact.id, contact_ids))
    )
    people = list(people.tuples())
    usual = reminder_policies.early_days({customer_id: group for _, customer_id, *_, group in people})
    tell_days = _tell_days(usual)
    agreed = _agreed(contact_ids)
    readers = _readers([customer_id for _, customer_id, *_ in people if customer_id in tell_days])
    return {
        id: Facts(
            has_mail=bool(email),
            number=_number(agreed.get((id, Consent.TEXT)), phone),
            autopay=customer_id in tell_days,
            tell_days=tell_days.get(customer_id),
            written=kind == Customer.RESIDENTIAL and agreed.get((id, Consent.ELECTRONIC)) != email,
            usual=usual[customer_id],
            told_by_mail=customer_id in readers,
        )
        for id, customer_id, email, phone, kind, _ in people
    }


def _tell_days(customer_ids):
    """{customer id: days ahead that autopay tells, or None} of those who have it on."""
    query = Autopay.select(Autopay.customer, Autopay.tell_days)
    return dict(query.where(among(Autopay.customer, customer_ids) & Autopay.ended_at.is_null()).tuples())


def _readers(customer_ids):
    """The ids of those customers of whom somebody reads mail: they are told of charges by it."""
    if not customer_ids:
        return ()
    reached = Contact.select(Contact.customer).where(
        among(Contact.customer, customer_ids) & Contact.IS_REACHED
    )
    return {id for (id,) in reached.tuples()}


def _agreed(contact_ids):
    """{(contact id, kind): address or number} of the consents that stand."""
    query = Consent.select(Consent.contact, Consent.kind, Consent.address_or_number)
    standing = among(Consent.contact, contact_ids) & Consent.withdrawn_at.is_null()
    return {(id, kind): where for id, kind, where in query.where(standing).tuples()}


def _number(agreed, phone):
    """The number that texts were agreed to for, as long as it is still the contact's."""
    return agreed if agreed and agreed == phones.us_number(phone) else ""


def _chosen(contact_ids):
    """{contact id: {(event, channel): Wish}} of the rows that there are."""
    found = defaultdict(dict)
    query = Preference.select(
        Preference.contact, Preference.event, Preference.channel, Preference.timing, Preference.days_ahead,
        Preference.digest_day,
    ).where(among(Preference.contact, contact_ids))  # fmt: skip
    for contact_id, event, channel, timing, days, day in query.tuples():
        found[contact_id][event, channel] = stored(timing, days, day)
    return found


def stored(timing, days, day):
    """The Wish of a row's columns: those that its timing does not use are left out."""
    return Wish(
        timing,
        days if timing in (offers.AHEAD, offers.UNPAID) else 0,
        day if timing == offers.DIGEST else None,
    )


# --- Changing ------------------------------------------------------------------------------------


def choose(contact, changes, *, by, via, now, reason=""):
    """Store what a contact chose; returns how many cells changed.

    changes -- {(event, channel): Wish}; what is not named, and what is so already, stays
    via     -- PreferenceChange.VIAS: where the choice was made

    Raises BillingError with every sentence that says why it cannot be.
    """
    known = facts(contact)
    with db.atomic():
        _alone(contact)
        chosen = _chosen([contact.id]).get(contact.id, {})
        before = offers.settle(chosen, known)
        changes = {cell: wish for cell, wish in changes.items() if _is_new(cell, wish, chosen, before)}
        wrong = offers.objections(changes, before.cells, known)
        if wrong:
            raise BillingError(" ".join(dict.fromkeys(wrong)))
        for cell, wish in changes.items():
            _put(contact, cell, wish, now)
            _record(contact, cell, wish, by=by, via=via, at=now, reason=reason)
    return len(changes)


def _is_new(cell, wish, chosen, before):
    """What is so already is no change; but what is so only because it must be can be wished as well."""
    if cell not in before.fixed:
        return before.cells.get(cell) != wish
    event, channel = cell
    can_be_chosen = wish.timing in offers.OFFERED[event].get(channel, ())
    return can_be_chosen and wish == before.cells[cell] and wish != chosen.get(cell)


def _alone(contact):
    """Two pages of one person that are sent at once: the second sees what the first chose."""
    if db.for_update:
        Contact.select(Contact.id).where(Contact.id == contact.id).for_update().tuples().first()


def _put(contact, cell, wish, now):
    event, channel = cell
    _keep_unrecorded(contact, cell)
    values = {
        Preference.timing: wish.timing,
        Preference.days_ahead: wish.days,
        Preference.digest_day: wish.day,
        Preference.changed_at: now,
    }
    Preference.insert(
        {Preference.contact: contact, Preference.event: event, Preference.channel: channel, **values}
    ).on_conflict(
        conflict_target=[Preference.contact, Preference.event, Preference.channel], update=values
    ).execute()


def _keep_unrecorded(contact, cell):
    """A choice that came with an import, or from before changes were recorded, is recorded when it ends."""
    event, channel = cell
    mine = (PreferenceChange.contact == contact) & (PreferenceChange.event == event)
    if PreferenceChange.select().where(mine & (PreferenceChange.channel == channel)).exists():
        return
    row = contact.preferences.where((Preference.event == event) & (Preference.channel == channel)).first()
    if row is not None:
        wish = stored(row.timing, row.days_ahead, row.digest_day)
        via = PreferenceChange.IMPORT
        _record(contact, cell, wish, by="as it was taken over", via=via, at=row.changed_at)


def _record(contact, cell, wish, *, by, via, at, reason=""):
    event, channel = cell
    PreferenceChange.create(
        contact=contact,
        event=event,
        channel=channel,
        timing=wish.timing,
        days_ahead=wish.days,
        digest_day=wish.day,
        by=by[:300],
        via=via,
        reason=reason[:255],
        at=at,
    )


class Change(NamedTuple):
    """One choice of the past, in words; ``event`` and ``channel`` for whoever looks one up."""

    at: datetime
    event: str
    channel: str
    what: str
    by: str
    via: str
    how: str
    reason: str


def _said(row):
    """What a change chose, in words; the floor of the law is not said to be gone."""
    wish = stored(row.timing, row.days_ahead, row.digest_day)
    if row.event in offers.WRITTEN and row.channel == offers.PAPER and wish == offers.NOT:
        return "only where the law wants paper"
    return offers.words_of(row.event, wish).lower()


def history(contact, *, most):
    """The newest ``most`` changes of a contact as [Change], newest first."""
    rows = contact.preference_changes.where(PreferenceChange.via != PreferenceChange.IMPORT)
    how = dict(PreferenceChange.via.choices)
    return [
        Change(
            at=row.at,
            event=row.event,
            channel=row.channel,
            what=f"{offers.TITLES[row.event]} {offers.BY[row.channel]}: " + _said(row),
            by=row.by,
            via=row.via,
            how=how[row.via],
            reason=row.reason,
        )
        for row in rows.order_by(PreferenceChange.id.desc()).limit(most)
    ]


def use_preset(contact, name, *, by, now, via=PreferenceChange.PRESET, reason=""):
    """Choose everything as a preset says; returns how many cells changed. Raises BillingError."""
    if name not in {preset.name for preset in offers.PRESETS}:
        raise BillingError("Choose one of the four ways.")
    changes = offers.preset_cells(name, facts(contact))
    return choose(contact, changes, by=by, via=via, now=now, reason=reason)


def stop(contact, event, channel, *, by, via, now):
    """Stop one kind of message on one channel, and nothing else; returns how many cells changed.

    Raises BillingError for what must reach people, which nobody can stop.
    """
    if event not in offers.STOPPABLE or channel not in offers.OFFERED[event]:
        raise BillingError("This kind of message cannot be stopped. The page says why.")
    changes = {(event, channel): offers.NOT}
    if event == Preference.DIGEST:  # receipts that waited for it come one by one again, unless unwanted
        changes |= _no_longer_waiting(contact, channel)
    return choose(contact, changes, by=by, via=via, now=now)


def _no_longer_waiting(contact, channel):
    chosen = _chosen([contact.id]).get(contact.id, {}).get((Preference.RECEIPT, channel), offers.NOT)
    return {(Preference.RECEIPT, channel): offers.ALWAYS} if chosen.timing == offers.DIGEST else {}


def typed(fields):
    """{(event, channel): Wish} of a form's fields: ``event-channel``, with values as code_of makes them.

    Raises BillingError for what no page of ours sends.
    """
    changes = {}
    for name, value in fields.items():
        event, _, channel = name.partition("-")
        wish = offers.wish_of(value)
        known = event in Preference.EVENTS and channel in Preference.CHANNELS
        if not known or wish is None:
            raise BillingError("This choice is not known here. Open the page again and choose once more.")
        changes[event, channel] = wish
    return changes


def posted(lists):
    """The same of a page's fields as [(name, values)]: a box that is ticked sends two, the last counts."""
    return typed({name: values[-1] for name, values in lists if "-" in name})


def imported(event, way, days):
    """[(channel, Wish)] of what an old system knew of a wish: ``mail``, ``paper`` or ``none``."""
    when = offers.before(days) if event == Preference.REMINDER else offers.ALWAYS
    if way == offers.PAPER and event != Preference.REMINDER:
        return [(offers.PAPER, offers.ALWAYS), (offers.MAIL, offers.NOT)]
    return [(offers.MAIL, offers.NOT if way == "none" else when)]
