"""The sentences of an invoice: when it is due, what it covers, how it is paid, what being late means."""

from billing import words
from billing.periods import DAY
from models import Customer, Invoice

OBJECTION = "Tell us, and we will look into it first. Reminders wait until you have our answer."


def when(invoice, stand):
    """The line under the amount: always a date in words, never a number of days alone."""
    if stand.state == Invoice.VOID:
        return f"Voided on {words.date(invoice.voided_on)}" if invoice.voided_on else "Void"
    if stand.state == "paid":
        paid_on = max((amount.on for amount in stand.applied if amount.on), default=None)
        return f"Paid on {words.date(paid_on)}" if paid_on else "Nothing to pay"
    if stand.state == "disputed":
        return "Not due until you have our answer"
    return f"Due {words.date(stand.pay_by_on)}" if stand.pay_by_on else "Not issued yet"


def when_note(stand, today):
    """How far that day is from today, while it is asked for; else ""."""
    is_asked = stand.state in ("due", "part paid", "past due")
    return words.from_today(stand.pay_by_on, today) if is_asked else ""


def expectation(lines, invoice):
    """When payment is expected relative to the work: the question people call about most."""
    sentences = []
    ahead = [line for line in lines if line.from_on and _is_ahead(line, invoice)]
    behind = [line for line in lines if line.from_on and not _is_ahead(line, invoice)]
    if ahead:
        sentences.append(f"Services are billed in advance: this invoice covers {_cover(ahead)}.")
    if behind:
        sentences.append(f"For service that you already had: {_cover(behind)}.")
    if done := sorted({line.done_on for line in lines if line.done_on}):
        sentences.append(f"The work listed was done on {words.joined(words.date(day) for day in done[:3])}.")
    return " ".join(sentences)


def _is_ahead(line, invoice):
    return not invoice.issued_on or line.to_on >= invoice.issued_on


def _cover(lines):
    """The one period of all lines, or from the first day to the last."""
    return words.period(min(line.from_on for line in lines), max(line.to_on for line in lines))


def next_invoice(lines):
    """When the next invoice comes, from what this one covers."""
    ends = [line.to_on for line in lines if line.from_on]
    if not ends:
        return ""
    return f"Services that continue are billed next for the period from {words.date(min(ends) + DAY)}."


def wish(customer, automatic):
    """How the invoice is paid: what autopay does, else how the customer said they like to pay."""
    if automatic:
        return automatic.sentence
    later = "This is not switched on: please open “Autopay” in your account, or pay this invoice yourself."
    return {
        Customer.REMINDERS: "Nothing is charged automatically: you pay each invoice yourself.",
        Customer.CARD_AUTOPAY: f"You would like us to charge your card automatically. {later}",
        Customer.BANK_AUTOPAY: f"You would like us to debit your bank account automatically. {later}",
        Customer.CHECK: "You like to pay by check: please send the slip of the printed invoice with it.",
    }[customer.pay_wish]


def late(stand, automatic, fee):
    """What late payment costs (mostly nothing), and what to do instead of worrying.

    fee -- the sentences about the late fee; "" where there is none
    """
    if automatic and automatic.is_promise and not automatic.is_retry:
        return "There is no late fee. If the day does not suit you, let the charge wait until another one."
    fee = fee or "There is no late fee."
    if stand.state == "past due":
        return f"{fee} If you need more time, tell us and we will find a date together."
    if not stand.pay_by_on or stand.state in ("paid", Invoice.VOID, "disputed"):
        return ""
    by = words.date(stand.pay_by_on)
    return f"{fee} If you cannot pay by {by}, tell us and we will find a date together."
