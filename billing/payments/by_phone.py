"""Charging a saved card or account because its owner said yes on the phone: the words, and who said them.

Each yes is for one charge. The words are read to the caller as they stand here, kept with the attempt, and
for a bank account sent in writing with its receipt: a debit that was authorized by telephone wants that
(Nacha, entry class TEL). Here is no charging of its own: the attempt is claimed and sent by ``saved``.
"""

import hashlib
from typing import NamedTuple

from billing import company as companies
from billing import demands, masking, naming, words
from billing.errors import BillingError
from billing.money import format_cents
from billing.payments import claiming, saved
from billing.wording import tongues
from models import Invoice, PaymentMethod

VERSION = "2026-11"
CHANGED = "What would be charged is not what was read any more. Read it to them once more."


class Script(NamedTuple):
    """What staff read, in the customer's language and in ours, and which text it is."""

    text: str
    english: str
    version: str

    @property
    def mark(self):
        """What a form brings back to say that these very words were read."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:32]


class Said(NamedTuple):
    """The name of who said yes, and to what."""

    by: str
    script: Script


def script(customer, parts, method, *, today):
    """The Script for charging ``parts`` [(invoice, cents)] to a saved method today.

    Raises BillingError for what cannot be charged this way, with a sentence that says what can.
    """
    _check(customer, parts, method)
    company, tongue = companies.current(), tongues.of(customer)
    sentences = list(_sentences(customer, parts, method, company, words.date(today)))
    language = "" if tongue.code == "en" else f"-{tongue.code}"
    version = f"{VERSION}-{method.kind}{language}"
    return Script(" ".join(map(tongue.say, sentences)), " ".join(sentences), version)


def _sentences(customer, parts, method, company, on):
    """The particulars that a debit by telephone has to name; a card wants no more than these."""
    amount = format_cents(sum(cents for _, cents in parts))
    which = words.joined([naming.number(invoice, company) for invoice, _ in parts])
    who, way = company.legal_name or company.name, naming.in_a_sentence(method.label)
    noun = "invoice" if len(parts) == 1 else "invoices"
    if method.kind == PaymentMethod.BANK:
        yield f"You authorize {who} to debit {amount} from your {way}, once, on or after {on}."
        yield "We use your yes to make an electronic debit of that account."
    else:
        yield f"You authorize {who} to charge {amount} to your {way}, once, on {on}."
    yield f"It pays {noun} {which} of account {customer.account_number}, {customer.name}."
    if method.kind == PaymentMethod.BANK:
        yield f"You get this in writing. For questions, call {company.phone}."
    yield "Do you agree?"


def _check(customer, parts, method):
    claiming.check_owner(customer, parts)
    if not parts:
        raise BillingError("Enter an amount for at least one invoice.")
    for invoice, cents in parts:
        claiming.check_amount(invoice, cents)
        asked = demands.of(invoice)
        if demands.disputed_cents(asked) and cents > (most := demands.undisputed_cents(asked)):
            raise BillingError(
                f"{format_cents(most)} of invoice {invoice.number} can be charged; the rest is disputed."
            )
    if method.customer_id != customer.id or method.state != PaymentMethod.ACTIVE:
        raise BillingError(f"{method.label} cannot be used any more. Choose another way to pay.")
    if method.kind == PaymentMethod.BANK and not companies.current().phone:
        raise BillingError(
            "A bank debit by phone names a number for questions. Enter the company's phone first."
        )


def charge_by_phone(customer, parts, *, method, said_by, mark, key, gateway, by, today, now):
    """Charge a saved method to which the caller said yes. Returns the Payment, as ``charge_saved`` does.

    said_by -- the name of who said yes
    mark    -- ``Script.mark`` of what was read to them

    Raises BillingError when nobody is named or something else was read, and what ``charge_saved`` raises:
    nothing was sent then.
    """
    if earlier := claiming.same_click(customer, key):
        return earlier
    said_by = " ".join(masking.typed(said_by).split())
    if len(said_by) < 2:
        raise BillingError("Write the name of the person who said yes.")
    read = script(customer, parts, method, today=today)
    if read.mark != mark:
        raise BillingError(CHANGED)
    return saved.charge_saved(
        customer, parts, method=method, said=Said(said_by[:80], read), key=key, gateway=gateway, by=by,
        today=today, now=now, recheck=lambda: _as_it_stands(customer, parts, method),
    )  # fmt: skip


def _as_it_stands(customer, parts, method):
    """``parts`` once more, under the lock: a part may have been paid, or disputed, while they were read."""
    fresh = [(Invoice.get_by_id(invoice.id), cents) for invoice, cents in parts]
    _check(customer, fresh, method)
    return fresh
