"""What will happen next on an account, with real dates: asked before it happens, so that nobody wonders.

Only looking ahead. What the daily job then does stands in ``bill`` and ``notices``; this asks the same
rules, so that what a customer was told and what they get cannot differ. Nothing here writes a row.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

from billing import bill, contracts, demands, ledger, periods, phones, promises, words
from billing import company as companies
from billing.automatic import autopay, upcoming
from billing.documents import autopay_documents
from billing.money import format_cents
from billing.preferences import offers
from models import PaymentMethod, Preference


@dataclass(frozen=True)
class NextInvoice:
    """The next invoice as it would be billed by what is known today; ``total_cents`` with tax.

    ``charge_on`` is the day on which autopay would charge it to ``method``; None while that is off.
    """

    bill_on: date
    due_on: date
    total_cents: int
    texts: tuple[str, ...]
    charge_on: date | None = None
    method: str = ""


def next_invoice(customer, *, today):
    """The NextInvoice of a customer, or None when nothing that recurs is on the calendar."""
    company = companies.current()
    coming = contracts.upcoming(customer, count=1)
    if not coming:
        return None
    starts_on, _, charge = coming[0]
    ahead = timedelta(days=0 if charge.in_arrears else company.bill_ahead_days)
    bill_on = max(starts_on - ahead, today)
    lines = bill.recurring_lines(customer, bill_on)
    if not lines:
        return None  # paused, muted, or not billable before somebody has looked at it
    due_on = bill_on + timedelta(days=companies.terms_days(company, customer))
    standing = autopay.standing(customer)
    if standing and standing.method.state != PaymentMethod.ACTIVE:
        standing = None  # it waits for another card or account: what comes is not charged
    return NextInvoice(
        charge_on=standing and max(autopay.charge_day(standing, issued_on=bill_on, due_on=due_on), bill_on),
        method=standing.method.label if standing else "",
        bill_on=bill_on,
        due_on=due_on,
        total_cents=sum(line.total_cents for line in lines),
        texts=tuple(dict.fromkeys(line.text for line in lines)),
    )


# --- In plain words ------------------------------------------------------------------------------

AUTOMATIC = "charged; until autopay is on, we remind you"
MOST_NAMED = 3  # invoices by number; the others are counted


@dataclass(frozen=True)
class Ahead:
    """What is known of the time ahead of an account: read once, told for any choice of wishes.

    open      -- demands.Asked of what is not past due and not charged by autopay
    late      -- demands.Asked of what is past due, and waits neither for autopay nor for a promised day
    charges   -- autopay_documents.ChargeDocument, earliest first
    prefix    -- of printed invoice numbers
    """

    coming: NextInvoice | None
    open: tuple
    charges: tuple
    prefix: str
    today: date
    late: tuple = ()


def ahead(customer, *, today):
    """The Ahead of a customer."""
    company = companies.current()
    charged = upcoming.promised_invoices([customer.id], today=today)
    named = promises.covered([customer.id])
    asked = demands.asked_of(list(ledger.open_invoices(customer)), today)
    rest = [one for one in asked if one.invoice.id not in charged]
    return Ahead(
        coming=next_invoice(customer, today=today),
        open=tuple(one for one in rest if one.due_on >= today),
        late=tuple(one for one in rest if one.due_on < today and one.invoice.id not in named),
        charges=autopay_documents.charges(customer, today=today, company=company),
        prefix=company.invoice_prefix,
        today=today,
    )


def story(ahead, wishes):
    """What will happen now, as a list of sentences with the next real dates and amounts.

    wishes -- preferences.Wishes: those that stand, or those that somebody thinks about
    """
    told = [_late_words(ahead), *(charge.sentence for charge in ahead.charges)]
    told += [_open_words(invoice, ahead, wishes) for invoice in ahead.open[:MOST_NAMED]]
    if len(ahead.open) > MOST_NAMED:
        told.append(f"The same goes for {words.plural(len(ahead.open) - MOST_NAMED, 'more open invoice')}.")
    told.append(_next_words(ahead.coming, wishes) if ahead.coming else _any_words(wishes))
    told += [_receipt_words(wishes), _summary_words(wishes, ahead.today), _text_words(wishes)]
    return [sentence for sentence in told if sentence]


def remind_days(wishes, due_on, *, issued_on, today):
    """[(day, channel)] of the reminders of an invoice that stays unpaid, earliest first; none that are over.

    Nothing is reminded of on the day that it is issued, or after it is due.
    """
    found = set()
    for channel, wish in wishes.channels(Preference.REMINDER).items():
        for ahead in wishes.usual if wish.timing == Preference.EVERY else (wish.days,):
            day = max(due_on - timedelta(days=ahead), issued_on + timedelta(days=1))
            if today <= day <= due_on:
                found.add((day, channel))
    return sorted(found)


class Moment(NamedTuple):
    """One thing that would happen, and when in words."""

    when: str
    what: str


def timeline(ahead, wishes, *, automatic=False):
    """What wishes would make of the next invoice, as [Moment], in order.

    automatic -- these wishes go with autopay: what would be charged is not reminded of
    """
    coming, found = ahead.coming, []
    if coming is None:
        return [*_usual(wishes, automatic), *_afterwards(wishes)]
    for channel, wish in wishes.letters(Preference.INVOICE).items():
        day = max(coming.due_on - timedelta(days=wish.days), coming.bill_on) if wish.days else coming.bill_on
        found.append((day, f"invoice {offers.BY[channel]}{', only if unpaid' if wish.days else ''}"))
    if coming.charge_on:
        found.append((coming.charge_on, f"charged to {coming.method}"))
    elif automatic:
        found.append((coming.due_on, AUTOMATIC))
    else:
        days = remind_days(wishes, coming.due_on, issued_on=coming.bill_on, today=coming.bill_on)
        found += [(day, f"reminder {offers.BY[channel]}, if unpaid") for day, channel in days]
        found.append((coming.due_on, "due"))
    ordered = sorted(found, key=lambda one: one[0])
    return [*(Moment(f"{day:%b} {day.day}", what) for day, what in ordered), *_afterwards(wishes)]


def _usual(wishes, automatic):
    """The same of any invoice, while none is on the calendar."""
    for channel in wishes.letters(Preference.INVOICE):
        yield Moment("When billed", f"invoice {offers.BY[channel]}")
    if automatic:
        yield Moment("When due", AUTOMATIC)
        return
    for channel, wish in wishes.channels(Preference.REMINDER).items():
        when = offers.words_of(Preference.REMINDER, wish, wishes.usual).lower()
        yield Moment("If unpaid", f"reminder {offers.BY[channel]}, {when}")


def _afterwards(wishes):
    for channel, wish in wishes.channels(Preference.RECEIPT).items():
        if wish.timing == Preference.EVERY:
            yield Moment("When paid", f"receipt {offers.BY[channel]}")
    for channel in wishes.channels(Preference.DIGEST):
        yield Moment("Monthly", f"summary {offers.BY[channel]}")


def _late_words(ahead):
    if not ahead.late:
        return ""
    cents, ways = format_cents(sum(one.cents for one in ahead.late)), "Pay it, or tell us what would fit."
    if len(ahead.late) > 1:
        return f"{cents} on {len(ahead.late)} invoices was due before today and is still open. {ways}"
    [late] = ahead.late
    number, due = f"{ahead.prefix}{late.invoice.number}", words.date(late.due_on)
    return f"Invoice {number}: {cents} was due {due} and is still open. {ways}"


def _open_words(asked, ahead, wishes):
    number, due = f"{ahead.prefix}{asked.invoice.number}", words.date(asked.due_on)
    says = f"Invoice {number} for {format_cents(asked.cents)} is due {due}."
    if not wishes.channels(Preference.REMINDER):
        return f"{says} You get no reminder of it."
    days = remind_days(wishes, asked.due_on, issued_on=asked.invoice.issued_on, today=ahead.today)
    if not days:
        return f"{says} It needs no further reminder."
    return f"{says} We remind you {_on_days(days, ahead.today)}, unless it is paid by then."


def _on_days(days, today):
    """Days and channels in a sentence: “by email on December 12, 2026 and December 15, 2026”."""
    by_channel = {}
    for day, channel in days:
        by_channel.setdefault(channel, []).append("today" if day == today else words.date(day))
    told = []
    for channel, when in by_channel.items():
        on = "" if when[0] == "today" else "on "
        told.append(f"{offers.BY[channel]} {on}{words.joined(when)}")
    return words.joined(told)


def _next_words(coming, wishes):
    amount, made = format_cents(coming.total_cents), words.date(coming.bill_on)
    ways = wishes.letters(Preference.INVOICE)
    unpaid = {channel: wish for channel, wish in ways.items() if wish.timing == Preference.UNPAID}
    at_once = [offers.BY[channel] for channel in ways if channel not in unpaid]
    comes = f"comes {words.joined(at_once)} on {made}" if at_once else f"is made on {made}"
    if coming.charge_on:
        return (
            f"Your next invoice, {amount}, {comes} and is charged to {coming.method} on "
            f"{words.date(coming.charge_on)}."
        )
    says = [f"Your next invoice, {amount}, {comes} and is due {words.date(coming.due_on)}."]
    for channel, wish in unpaid.items():
        day = max(coming.due_on - timedelta(days=wish.days), coming.bill_on)
        says.append(f"It comes {offers.BY[channel]} on {words.date(day)}, only if it is unpaid then.")
    days = remind_days(wishes, coming.due_on, issued_on=coming.bill_on, today=coming.bill_on)
    if days:
        says.append(f"We remind you {_on_days(days, coming.bill_on)}, if it is unpaid.")
    elif not wishes.channels(Preference.REMINDER):
        says.append("You get no reminders before the due date.")
    return " ".join(says)


def _any_words(wishes):
    ways = words.joined(offers.BY[channel] for channel in wishes.letters(Preference.INVOICE))
    none = "" if wishes.channels(Preference.REMINDER) else " You get no reminders before the due date."
    return f"The next invoice comes {ways}.{none}"


def _receipt_words(wishes):
    ways = wishes.channels(Preference.RECEIPT)
    at_once = [offers.BY[channel] for channel, wish in ways.items() if wish.timing == Preference.EVERY]
    if at_once:
        return f"A receipt follows every payment {words.joined(at_once)}."
    return "" if ways else "You get no receipts; every payment is listed in your account."


def _summary_words(wishes, today):
    for channel, wish in wishes.channels(Preference.DIGEST).items():
        day = today.replace(day=wish.day)
        following = day if day > today else periods.add_months(day, 1, wish.day)
        receipts = wishes.wish(Preference.RECEIPT, channel).timing == Preference.DIGEST
        what = "A summary of the month, with your receipts," if receipts else "A summary of the month"
        return f"{what} comes {offers.BY[channel]}, next on {words.date(following)}."
    return ""


def _text_words(wishes):
    if not wishes.number:
        return ""
    texted = [event for event in Preference.EVENTS if wishes.wants(event, Preference.TEXT)]
    return "" if texted else f"You agreed to texts to {phones.shown(wishes.number)}, and chose none."
