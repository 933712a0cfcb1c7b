"""What the document of an invoice consists of, as plain values: templates lay them out and add nothing.

Receipts print an ``Amount`` too. Not here: how they are made from rows (``invoice_documents.of`` and what it
calls); the values of receipts and statements, which stand beside what makes them.
"""

from dataclasses import dataclass
from datetime import date
from urllib.parse import urlsplit

from billing.letterheads import Letterhead


@dataclass(frozen=True)
class Item:
    """One line as printed: ``amount_cents`` is before discount and tax.

    ``when`` is the period of a recurring service, or the day on which work was done.
    """

    text: str
    system: str
    when: str
    short_when: str
    part: str
    work_order: str
    quantity: int
    unit_cents: int
    amount_cents: int
    discount_cents: int
    discount_reason: str
    tax_cents: int
    total_cents: int
    line_id: int | None = None


@dataclass(frozen=True)
class Place:
    """The lines of one service address."""

    address: str
    items: tuple[Item, ...]


@dataclass(frozen=True)
class Section:
    """Recurring services, or work and parts."""

    title: str
    places: tuple[Place, ...]

    @property
    def items(self):
        return tuple(item for place in self.places for item in place.items)


@dataclass(frozen=True)
class Amount:
    """A named amount under the lines: a tax, a payment, a credit. ``on`` may be missing."""

    text: str
    cents: int
    on: date | None = None


@dataclass(frozen=True)
class Earlier:
    """An earlier invoice that is still open."""

    number: str
    due_on: date
    open_cents: int
    is_past_due: bool


@dataclass(frozen=True)
class Automatic:
    """What autopay is going to do with an invoice. ``is_promise``: nobody has to do anything."""

    charge_on: date
    method: str
    is_promise: bool
    sentence: str
    is_retry: bool = False


@dataclass(frozen=True)
class InvoiceDocument:
    """Everything that an invoice says, on page, on paper and in mail."""

    company: Letterhead
    customer_name: str
    account_number: str
    bill_to: tuple[str, ...]
    number: str
    issued_on: date | None
    due_on: date | None
    po_number: str
    note: str
    state: str
    when: str
    when_note: str
    sections: tuple[Section, ...]
    subtotal_cents: int
    discount_cents: int
    taxes: tuple[Amount, ...]
    total_cents: int
    applied: tuple[Amount, ...]
    open_cents: int
    earlier: tuple[Earlier, ...]
    earlier_cents: int
    expectation: str
    next_invoice: str
    wish: str
    late: str
    objection: str
    pay_url: str
    scan_line: str
    pay_code: str = ""  # to be typed at ``pay_code_at`` by who cannot scan; of paper that we print
    pay_code_at: str = ""
    automatic: Automatic | None = None
    changes: tuple[str, ...] = ()  # since the invoice before, a sentence each
    disputed_cents: int = 0
    later_cents: int = 0  # open, and due by a plan only after what is asked for now
    pay_by_on: date | None = None  # when what is asked for is due: the due date, but for plans and disputes
    instead: str = ""  # of which canceled invoice it stands, or which stands for it
    plan: tuple = ()  # [(day, cents)] of the payments of a plan that are still to come
    language: str = "en"  # that its reader reads: a code of wording.tongues

    @property
    def asked_cents(self):
        """What is asked for: what is open, but for what is disputed and what a plan makes due later."""
        return self.open_cents - self.disputed_cents - self.later_cents

    @property
    def asked_on(self):
        return self.pay_by_on or self.due_on

    @property
    def is_automatic(self):
        """True when autopay pays it: then nobody is asked to."""
        return self.automatic is not None and self.automatic.is_promise

    @property
    def due_in_all_cents(self):
        """This invoice and the earlier ones: what the remittance slip asks for."""
        return self.asked_cents + self.earlier_cents

    @property
    def due_first(self):
        """What of ``due_in_all_cents`` is due first, as an Earlier row without a number."""
        own = Earlier(self.number, self.asked_on, self.asked_cents, self.state == "past due")
        rows = [row for row in (own, *self.earlier) if row.open_cents]
        first_on = min(row.due_on for row in rows)
        first = [row for row in rows if row.due_on == first_on]
        cents = sum(row.open_cents for row in first)
        return Earlier("", first_on, cents, any(row.is_past_due for row in first))

    @property
    def is_payable(self):
        return self.asked_cents > 0

    @property
    def items(self):
        """Every line in printed order."""
        return tuple(item for section in self.sections for item in section.items)

    @property
    def has_tax(self):
        return any(item.tax_cents for item in self.items)

    @property
    def pay_host(self):
        """The part of the pay link that a person recognizes."""
        return urlsplit(self.pay_url).hostname or ""
