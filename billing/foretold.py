"""What will happen now, in sentences with the next real dates and amounts, for one contact.

Only words: what is ahead, and when, is asked in ``outlook``. Each sentence stands in the lists of Spanish
(billing/wording/spanish_pages/preferences.py) as it stands here.
"""

from datetime import timedelta
from typing import NamedTuple

from billing import naming, phones, reminding, words
from billing.money import format_cents
from billing.preferences import offers
from models import Notice, Preference

AUTOMATIC = "charged; until autopay is on, we remind you"
LETTER = "A letter tells you before: nothing is charged until it was posted in time."
MOST_NAMED = 3  # invoices by number; the others are counted


def story(ahead):
    """What will happen now, as a list of sentences; first what needs somebody to do something.

    ahead -- outlook.Ahead
    """
    wishes = ahead.wishes
    told = [_bounced_words(ahead), _late_words(ahead), *map(_charge_words, ahead.charges)]
    told += [_open_words(one, ahead) for one in ahead.open[:MOST_NAMED]]
    if len(ahead.open) > MOST_NAMED:
        more = len(ahead.open) - MOST_NAMED
        told.append(f"{words.plural(more, 'more invoice is', 'more invoices are')} open, and due later.")
    told.append(_next_words(ahead.coming, wishes) if ahead.coming else _any_words(wishes))
    told += [_receipt_words(wishes), _summary_words(ahead), _sudden_words(wishes)]
    told += [_calendar_words(ahead), _text_words(wishes)]
    return [sentence for sentence in told if sentence]


# --- What is open, and what is charged -----------------------------------------------------------


def _bounced_words(ahead):
    if not ahead.bounced:
        return ""
    return (
        f"Email to {ahead.bounced} comes back to us. What must reach you comes on paper until you give us "
        "an address that works."
    )


def _late_words(ahead):
    if not ahead.late:
        return ""
    cents, ways = format_cents(sum(one.cents for one in ahead.late)), "Pay it, or tell us what would fit."
    if len(ahead.late) > 1:
        return f"{cents} on {len(ahead.late)} invoices was due before today and is still open. {ways}"
    [late] = ahead.late
    number, due = f"{ahead.prefix}{late.invoice.number}", words.date(late.due_on)
    return f"Invoice {number}: {cents} was due {due} and is still open. {ways}"


def _charge_words(charge):
    return f"{charge.document.sentence}{_announced(charge.said, charge.by_letter)}"


def _announced(said, by_letter):
    letter = f" {LETTER}" if by_letter else ""
    return f"{letter} We tell you {_on_days(said, None)}." if said else letter


def _open_words(owed, ahead):
    says = f"{_what(owed)} is due {words.date(owed.due_on)}."
    if owed.said is None:
        return f"{says} For now we send no reminder of it."
    comes = [(day, channel) for day, kind, channel in owed.said if kind == Notice.INVOICE]
    reminds = [(day, channel) for day, kind, channel in owed.said if kind == Notice.REMINDER]
    if comes:
        says += f" It comes {_on_days(comes, ahead.today)}, only if it is unpaid then."
    if reminds:
        return f"{says} We remind you {_on_days(reminds, ahead.today)}, unless it is paid by then."
    wants = [one for one in ahead.wishes.channels(Preference.REMINDER) if one != Preference.CALENDAR]
    return f"{says} {'It needs no further reminder.' if wants else 'You get no reminder of it.'}"


def _what(owed):
    if not owed.payment:
        return f"Invoice {owed.number} for {format_cents(owed.cents)}"
    number, count = owed.payment
    return f"Payment {number} of {count} of your plan, {format_cents(owed.cents)},"


def _on_days(days, today):
    """Days and channels in a sentence: “by email on December 12, 2026 and December 15, 2026”.

    days  -- [(day, channel)], earliest first
    today -- said as such; None: the days of something to come
    """
    by_channel = {}
    for day, channel in days:
        by_channel.setdefault(channel, []).append("today" if day == today else words.date(day))
    told = []
    for channel, when in by_channel.items():
        on = "" if when[0] == "today" else "on "
        told.append(f"{offers.BY[channel]} {on}{words.joined(when)}")
    return words.joined(told)


# --- The next invoice ----------------------------------------------------------------------------


def _next_words(coming, wishes):
    ways = _sent(wishes, Preference.INVOICE)
    unpaid = {channel: wish for channel, wish in ways.items() if wish.timing == Preference.UNPAID}
    at_once = words.joined(offers.BY[channel] for channel in ways if channel not in unpaid)
    made = words.date(coming.bill_on)
    comes = f"comes on {made} {at_once}" if at_once else f"is made on {made}"
    says = f"Your next invoice, {format_cents(coming.total_cents)}, {comes}, and"
    if coming.charge_on:
        method = naming.in_a_sentence(coming.method)
        charged = f"{says} is charged to {method} on {words.date(coming.charge_on)}."
        return charged + _announced(charge_days(coming, wishes), coming.told.by_letter)
    return " ".join([f"{says} is due {words.date(coming.due_on)}.", *_unpaid_words(coming, wishes)])


def charge_days(coming, wishes):
    """[(day, channel)] of what tells of the charge of an invoice to come, beside the invoice itself."""
    said, told = [], coming.told
    if not told.by_letter:
        said += [(day, way) for day in told.told_on for way in wishes.letters(Preference.UPCOMING_CHARGE)]
    text = wishes.wish(Preference.UPCOMING_CHARGE, Preference.TEXT)
    if text.timing != Preference.NEVER:
        said.append((max(coming.charge_on - timedelta(days=text.days), coming.bill_on), Preference.TEXT))
    return sorted(said)


def _unpaid_words(coming, wishes):
    if coming.above_cents:
        limit = format_cents(coming.above_cents)
        yield f"That is above the {limit} that you set for autopay, so it is yours to pay."
    comes, reminds = _before_due(coming, wishes)
    if comes:
        yield f"It comes {_on_days(comes, None)}, only if it is unpaid then."
    if reminds:
        yield f"We remind you {_on_days(reminds, None)}, if it is unpaid."
    elif not _sent(wishes, Preference.REMINDER):
        yield "You get no reminders before the due date."


def _before_due(coming, wishes):
    """([(day, channel)] of the invoice itself where it waited, the same of its reminders)."""
    said = reminding.foreseen_of(wishes, issued_on=coming.bill_on, due_on=coming.due_on)
    return tuple(
        [(day, channel) for day, one, channel in said if one == kind]
        for kind in (Notice.INVOICE, Notice.REMINDER)
    )


def _sent(wishes, event):
    """{channel: Wish} of the channels on which something is sent: a calendar is looked into."""
    ways = wishes.channels(event)
    ways.pop(Preference.CALENDAR, None)
    return ways


def _any_words(wishes):
    ways = _by(wishes, Preference.INVOICE)
    none = "" if _sent(wishes, Preference.REMINDER) else " You get no reminders before the due date."
    return f"The next invoice comes {ways}.{none}"


def _by(wishes, event):
    return words.joined(offers.BY[channel] for channel in _sent(wishes, event))


# --- What comes when it happens ------------------------------------------------------------------


def _receipt_words(wishes):
    ways = wishes.channels(Preference.RECEIPT)
    at_once = [offers.BY[channel] for channel, wish in ways.items() if wish.timing == Preference.EVERY]
    if at_once:
        return f"A receipt follows every payment {words.joined(at_once)}."
    return "" if ways else "You get no receipts; every payment is listed in your account."


def _summary_words(ahead):
    if ahead.digest_on is None or not ahead.wishes.wants(Preference.DIGEST, Preference.MAIL):
        return ""
    receipts = ahead.wishes.wish(Preference.RECEIPT, Preference.MAIL).timing == Preference.DIGEST
    what = "A summary of the month, with your receipts," if receipts else "A summary of the month"
    return f"{what} comes by email, next on {words.date(ahead.digest_on)}."


_END = "The end of an agreement is told in time, by email or on paper as the law wants it."
_END_BY_TEXT = f"{_END.removesuffix('.')}, and by text."


def _sudden_words(wishes):
    """What nobody knows the day of: by which ways it would be told."""
    told = [f"If a payment fails, we tell you {_by(wishes, Preference.PAYMENT_PROBLEM)}."]
    told.append(f"A new price is told in time {_by(wishes, Preference.PRICE_CHANGE)}.")
    told.append(_END_BY_TEXT if wishes.wants(Preference.CONTRACT_END, Preference.TEXT) else _END)
    if answers := _by(wishes, Preference.TICKET_REPLY):
        told.append(f"Answers to what you ask come {answers}.")
    return " ".join(told)


def _calendar_words(ahead):
    stands = {
        Preference.INVOICE: "Due dates stand in your calendar.",
        Preference.UPCOMING_CHARGE: "Autopay days stand in your calendar.",
        Preference.CONTRACT_END: "Ends of agreements stand in your calendar.",
    }
    told = [says for event, says in stands.items() if ahead.wishes.wants(event, Preference.CALENDAR)]
    if told and not ahead.calendar:
        return "You chose your calendar as well: it needs an address first, which you make below."
    return " ".join(told)


def _text_words(wishes):
    if not wishes.number:
        return ""
    texted = [event for event in Preference.EVENTS if wishes.wants(event, Preference.TEXT)]
    return "" if texted else f"You agreed to texts to {phones.shown(wishes.number)}, and chose none."


# --- What a choice would make of the next invoice ------------------------------------------------


class Moment(NamedTuple):
    """One thing that would happen, and when in words."""

    when: str
    what: str


def timeline(ahead, wishes, *, automatic=False):
    """What wishes would make of the next invoice, as [Moment], in order.

    automatic -- these wishes go with autopay: what would be charged is not reminded of
    """
    if ahead.coming is None:
        return [*_usual(wishes, automatic), *_afterwards(wishes)]
    ordered = sorted(_steps(ahead.coming, wishes, automatic), key=lambda one: one[0])
    return [*(Moment(f"{day:%b} {day.day}", what) for day, what in ordered), *_afterwards(wishes)]


def _steps(coming, wishes, automatic):
    comes, reminds = _before_due(coming, wishes)
    for channel, wish in _sent(wishes, Preference.INVOICE).items():
        if wish.timing == Preference.EVERY:
            yield coming.bill_on, f"invoice {offers.BY[channel]}"
    for day, channel in comes:
        yield day, f"invoice {offers.BY[channel]}, only if unpaid"
    if coming.charge_on:
        for day, channel in charge_days(coming, wishes):
            yield day, f"told of the charge {offers.BY[channel]}"
        yield coming.charge_on, f"charged to {naming.in_a_sentence(coming.method)}"
    elif automatic:
        yield coming.due_on, AUTOMATIC
    else:
        for day, channel in reminds:
            yield day, f"reminder {offers.BY[channel]}, if unpaid"
        yield coming.due_on, "due"


def _usual(wishes, automatic):
    """The same of any invoice, while none is on the calendar."""
    for channel in _sent(wishes, Preference.INVOICE):
        yield Moment("When billed", f"invoice {offers.BY[channel]}")
    if automatic:
        yield Moment("When due", AUTOMATIC)
        return
    for channel, wish in _sent(wishes, Preference.REMINDER).items():
        when = offers.words_of(Preference.REMINDER, wish, wishes.usual).lower()
        yield Moment("If unpaid", f"reminder {offers.BY[channel]}, {when}")


def _afterwards(wishes):
    for channel, wish in wishes.channels(Preference.RECEIPT).items():
        if wish.timing == Preference.EVERY:
            yield Moment("When paid", f"receipt {offers.BY[channel]}")
    for channel in wishes.channels(Preference.DIGEST):
        yield Moment("Monthly", f"summary {offers.BY[channel]}")
