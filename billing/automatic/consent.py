"""The words of an authorization to charge automatically, computed from what the customer chose.

They are shown, agreed to, stored and mailed exactly as they stand here, in the customer's language. A change
of wording is a new VERSION; its Spanish stands in billing/wording/spanish.py.
"""

from dataclasses import dataclass
from typing import NamedTuple

from billing import company as companies
from billing import money, words
from billing.errors import BillingError
from billing.wording import tongues
from models import Autopay, Customer, PaymentMethod

VERSION = "2026-12"
MOST_DAYS = 30
LAST_DAY = 28  # of the month: every month has it
LAW_DAYS = 10  # Regulation E, 12 CFR 1005.10(d): notice of a debit whose amount differs from the last one


class Terms(NamedTuple):
    """What the customer chooses; an Autopay row has the same names. See ``models.Autopay``."""

    timing: str = Autopay.DUE_DATE
    days_before: int = 0
    day_of_month: int | None = None
    cap_cents: int | None = None
    tell_days: int | None = None


@dataclass(frozen=True)
class Words:
    """The authorization as it is shown, stored and mailed: paragraphs, one to a line."""

    text: str
    version: str


def words_of(customer, method, *, timing, days_before, day_of_month, cap_cents, tell_days):
    """Every word that is agreed to, for these terms: amount, day, method, notice, and how to stop.

    Raises BillingError for terms that cannot be.
    """
    terms = Terms(timing, days_before, day_of_month, cap_cents, tell_days)
    _check_terms(terms)
    company = companies.current()
    paragraphs = (
        _what(customer, method, company),
        _amount(terms),
        _day(terms, company),
        _notice(customer, method, terms),
        _tries(method),
        _return_fee(method, company),
        _stopping(method, company),
    )
    say = tongues.of(customer).say
    return Words("\n".join(say(one) for one in paragraphs if one), version(method, customer))


def version(method, customer):
    """Which text it is: the wording differs for cards and bank accounts, and by the language agreed in."""
    language = tongues.of(customer).code
    return f"{VERSION}-{method.kind}" + ("" if language == "en" else f"-{language}")


def _check_terms(terms):
    if terms.timing not in (Autopay.DUE_DATE, Autopay.DAYS_BEFORE, Autopay.DAY_OF_MONTH):
        raise BillingError("Choose on which day invoices are charged.")
    if terms.timing == Autopay.DAYS_BEFORE and not 1 <= terms.days_before <= MOST_DAYS:
        raise BillingError(f"Choose between 1 and {MOST_DAYS} days before the due date.")
    if terms.timing == Autopay.DAY_OF_MONTH and not 1 <= (terms.day_of_month or 0) <= LAST_DAY:
        raise BillingError("Choose a day of the month from 1 to 28: every month has these.")
    if terms.cap_cents is not None and terms.cap_cents <= 0:
        raise BillingError("Enter a limit above zero, or leave it empty.")
    if terms.tell_days is not None and not 1 <= terms.tell_days <= MOST_DAYS:
        raise BillingError(f"Choose between 1 and {MOST_DAYS} days, or leave it empty.")


def _what(customer, method, company):
    does = "debit" if method.kind == PaymentMethod.BANK else "charge"
    return (
        f"I authorize {company.legal_name or company.name} to {does} my {_label(method)} automatically for "
        f"the invoices of account {customer.account_number}, {customer.name}: those that are open now and "
        "those that come."
    )


def _label(method):
    """In the middle of a sentence, a bank account is written small and a card by its name."""
    return method.label[:1].lower() + method.label[1:] if method.kind == PaymentMethod.BANK else method.label


def _amount(terms):
    text = (
        "Amount: what is still open on the invoice on the day of the charge. Invoices that fall on the same "
        "day are charged together."
    )
    if terms.cap_cents:
        cap = money.format_cents(terms.cap_cents)
        text += f" If that comes to more than {cap}, nothing is charged: I am asked first."
    return text


def day_words(terms):
    """When invoices are charged, as the rest of a sentence: "on the due date of each invoice"."""
    if terms.timing == Autopay.DAYS_BEFORE:
        return f"{words.plural(terms.days_before, 'day')} before the due date of each invoice"
    if terms.timing == Autopay.DAY_OF_MONTH:
        return f"on the {words.ordinal(terms.day_of_month)} of the month after each invoice is issued"
    return "on the due date of each invoice"


def its_day_words(terms):
    """The same of one invoice: "on its due date"."""
    if terms.timing == Autopay.DAYS_BEFORE:
        return f"{words.plural(terms.days_before, 'day')} before its due date"
    if terms.timing == Autopay.DAY_OF_MONTH:
        return f"on the first {words.ordinal(terms.day_of_month)} of a month after it is issued"
    return "on its due date"


def _day(terms, company):
    text = f"Day: {day_words(terms)}."
    if terms.timing == Autopay.DAY_OF_MONTH:
        text += " An invoice issued on that very day is charged on it."
    text += " An invoice whose day has passed is charged as soon as I could be told."
    if company.postpone_limit and company.postpone_days:
        text += (
            f" I may put a charge off by up to {words.plural(company.postpone_days, 'day')}, "
            f"{words.times(company.postpone_limit)} in a year."
        )
    return text


def _notice(customer, method, terms):
    sentences = ["Notice: each invoice that is emailed to me states the amount and the day of its charge."]
    if terms.tell_days:
        days = words.plural(terms.tell_days, "day")
        sentences.append(f"I am also told by email {days} before each charge; told later, it is made later.")
    if customer.kind == Customer.RESIDENTIAL and method.kind == PaymentMethod.BANK:
        if terms.cap_cents:
            sentences.append("Amounts may differ up to the limit above without further notice.")
        else:
            sentences.append(
                f"If an amount differs from the last one, I am told {LAW_DAYS} days or more before the debit."
            )
    return " ".join(sentences)


def _tries(method):
    if method.kind == PaymentMethod.BANK:
        return (
            "If my bank returns a debit because there was not enough money in the account, it may be tried "
            "again, at most twice."
        )
    return "If the card is declined, it may be tried again, at most three times within 15 days."


def _return_fee(method, company):
    if method.kind != PaymentMethod.BANK or not company.return_fee_cents:
        return ""
    fee = money.format_cents(company.return_fee_cents)
    return f"For a debit that is returned because there was not enough money, a fee of {fee} may be added."


def _stopping(method, company):
    text = (
        "How to stop: I can switch autopay off at any time, at once, on the page “Autopay” of my account or "
        "by the link “Change what we send you” in every email"
    )
    text += f", or by calling {company.phone}." if company.phone else "."
    if method.kind == PaymentMethod.BANK:
        text += " I can also tell my bank to stop a debit, up to three business days before it."
    return text + " What was sent to the bank before that cannot be called back. It runs until I stop it."
