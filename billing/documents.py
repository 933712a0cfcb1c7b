"""What a customer is shown, as plain values: page, PDF and mail print these and can never disagree.

A document is a frozen dataclass of words, dates and cents, read from rows once. Templates only lay it
out: every sum, every sentence and every decision of what to say stands here. Nothing here writes a row,
knows a request or draws anything.
"""

import base64
import functools
import re
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import date, timedelta
from urllib.parse import urlsplit

from billing import changes, demands, ledger, remittance, words
from billing import company as companies
from billing.automatic import upcoming
from billing.errors import BillingError
from billing.money import format_cents
from billing.remedies import fees
from models import (
    Allocation,
    Credit,
    Customer,
    Dispute,
    Event,
    Invoice,
    Line,
    Payment,
    PaymentPart,
    Refund,
    among,
)

DAY = timedelta(days=1)


# --- the company at the top of every page ----------------------------------------------------------


@dataclass(frozen=True)
class Letterhead:
    """The company as printed. ``logo_uri`` is a data: URI, empty when there is no picture to show."""

    name: str
    legal_name: str
    address_lines: tuple[str, ...]
    phone: str
    phone_hours: str
    email: str
    license_number: str
    payable_to: str
    remit_lines: tuple[str, ...]
    logo_uri: str = ""

    @property
    def phone_link(self):
        """The phone number as a tel: link wants it."""
        return re.sub(r"[^\d+]", "", self.phone)


def letterhead(company):
    """The Letterhead of a Company row."""
    return Letterhead(
        name=company.name,
        legal_name=company.legal_name or company.name,
        address_lines=tuple(company.address_lines),
        phone=company.phone,
        phone_hours=company.phone_hours,
        email=company.email,
        license_number=company.license_number,
        payable_to=company.payable_to or company.legal_name or company.name,
        remit_lines=tuple(company.remit_lines),
        logo_uri=logo_uri(company.logo),
    )


_PICTURES = ((b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"))


def picture_kind(blob):
    """The media type of an uploaded logo judged by its bytes, or "" when it is not one that we show.

    PNG and JPEG only: an SVG is a program that may ask for files and addresses.
    """
    return next((kind for start, kind in _PICTURES if bytes(blob or b"").startswith(start)), "")


def logo_uri(blob):
    """A logo as a data: URI, so that nothing has to be fetched to show it; "" when it is no picture."""
    return _as_uri(bytes(blob or b""))


@functools.lru_cache(4)
def _as_uri(blob):
    kind = picture_kind(blob)
    return f"data:{kind};base64,{base64.b64encode(blob).decode()}" if kind else ""


# --- the invoice -----------------------------------------------------------------------------------


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
    automatic: Automatic | None = None
    changes: tuple[str, ...] = ()  # since the invoice before, a sentence each
    disputed_cents: int = 0
    later_cents: int = 0  # open, and due by a plan only after what is asked for now
    pay_by_on: date | None = None  # when what is asked for is due: the due date, but for plans and disputes
    plan: tuple = ()  # [(day, cents)] of the payments of a plan that are still to come

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


@dataclass(frozen=True)
class Around:
    """What the document of an invoice tells of besides its own row. Nothing but lines where it is as issued.

    demands  -- of the invoice
    earlier  -- Earlier rows of what was open before it
    before   -- the lines that it is compared with (``changes.before``)
    """

    lines: list
    before: list
    demands: tuple = ()
    allocations: list = field(default_factory=list)
    earlier: tuple = ()
    is_being_checked: bool = False
    automatic: Automatic | None = None


def around(invoices, *, today):
    """{invoice id: Around} in a few queries for any number; for no day (None) as at the issue."""
    lines, before = _lines(invoices), changes.before(invoices)
    if today is None:
        return {one.id: Around(lines.get(one.id, []), before[one.id]) for one in invoices}
    others = _open_of({one.customer_id for one in invoices if one.open_cents})
    every = [other for mine in others.values() for other in mine]
    asked = demands.of_invoices([*every, *invoices])  # of the rows that were given, where both have it
    allocations, checked = _allocations_of(invoices), _being_checked(invoices)
    charges = upcoming.of_invoices(invoices, today=today)
    return {
        one.id: Around(
            lines=lines.get(one.id, []),
            before=before[one.id],
            demands=asked[one.id],
            allocations=allocations.get(one.id, []),
            earlier=_earlier(one, others.get(one.customer_id, ()), asked, today),
            is_being_checked=one.id in checked,
            automatic=_automatic(one, charges.get(one.id)),
        )
        for one in invoices
    }


def _lines(invoices):
    found = {}
    ids = [invoice.id for invoice in invoices]
    for line in Line.select().where(among(Line.invoice, ids)).order_by(Line.invoice, Line.position):
        found.setdefault(line.invoice_id, []).append(line)
    return found


_ahead = ContextVar("what was read of invoices ahead", default=None)


@contextmanager
def reading_ahead(read, today):
    """Within this, documents of ``today`` are made from ``read`` (of ``around``) where that has the invoice.

    For who writes many messages: it must know that nothing of it has changed since.
    """
    token = _ahead.set((today, read))
    try:
        yield
    finally:
        _ahead.reset(token)


def _around(invoice, today):
    day, read = _ahead.get() or (None, {})
    if today is not None and day == today and invoice.id in read:
        return read[invoice.id]
    return around([invoice], today=today)[invoice.id]


def invoice_document(invoice, *, pay_url, today, as_issued=False, company=None):
    """Everything that ``invoice`` says.

    pay_url   -- the customer's link, as printed and in the QR code; "" leaves both out
    today     -- decides "past due" and what is said about late payment
    as_issued -- True: exactly as it stood at issue, the same bytes as PDF for ever; False: as it stands now
    company   -- the Company row, when the caller has it

    Drafts work too: they have no number and no date. Reads rows, writes none.
    """
    company = company or companies.current()
    read = _around(invoice, None if as_issued else today)
    lines, customer, charge = read.lines, invoice.customer, read.automatic
    stand = _at_issue(invoice) if as_issued else _now(invoice, read, today)
    return InvoiceDocument(
        company=letterhead(company),
        customer_name=customer.name,
        account_number=customer.account_number,
        bill_to=tuple(invoice.bill_to.splitlines()) or (customer.name, *customer.address_lines),
        number=printed_number(invoice, company),
        issued_on=invoice.issued_on,
        due_on=invoice.due_on,
        po_number=invoice.po_number,
        note=invoice.note,
        state=stand.state,
        when=_when(invoice, stand),
        when_note="" if as_issued else _when_note(stand, today),
        sections=_sections(lines),
        subtotal_cents=invoice.subtotal_cents,
        discount_cents=invoice.discount_cents,
        taxes=_taxes(lines),
        total_cents=invoice.total_cents,
        applied=stand.applied,
        open_cents=stand.open_cents,
        earlier=stand.earlier,
        earlier_cents=stand.earlier_cents,
        expectation=_expectation(lines, invoice),
        next_invoice=_next_invoice(lines),
        wish="" if as_issued or not stand.asked_cents else _wish(customer, charge),
        late=_late(stand, charge, fees.late_words(invoice, lines, company, as_issued)),
        objection=OBJECTION,
        pay_url=pay_url,
        scan_line=_scan_line(customer, invoice, stand),
        automatic=charge,
        changes=changes.sentences(invoice, lines, read.before),
        disputed_cents=stand.disputed_cents,
        later_cents=stand.later_cents,
        pay_by_on=stand.pay_by_on,
        plan=stand.plan,
    )


def printed_number(invoice, company):
    """The invoice number with the company's prefix; "Draft" before issue."""
    return f"{company.invoice_prefix}{invoice.number}" if invoice.number else "Draft"


@dataclass(frozen=True)
class _Standing:
    """What changes after the issue: what was paid, what is open, what else is."""

    state: str
    applied: tuple[Amount, ...]
    open_cents: int
    earlier: tuple[Earlier, ...]
    earlier_cents: int
    pay_by_on: date | None
    disputed_cents: int = 0
    later_cents: int = 0
    plan: tuple = ()

    @property
    def asked_cents(self):
        return self.open_cents - self.disputed_cents - self.later_cents


def _now(invoice, read, today):
    asked = read.demands
    disputed_cents = demands.disputed_cents(asked)
    return _Standing(
        state=_state(invoice, read, today),
        applied=_applied(read.allocations),
        open_cents=invoice.open_cents,
        earlier=read.earlier,
        earlier_cents=sum(other.open_cents for other in read.earlier),
        pay_by_on=demands.first_on(asked) if asked else invoice.due_on,
        disputed_cents=disputed_cents,
        later_cents=invoice.open_cents - disputed_cents - demands.asked_cents(asked, today),
        plan=tuple((one.due_on, one.cents) for one in asked if one.installment_id),
    )


def _at_issue(invoice):
    """The standing at the moment of issue, from frozen columns and rows that are never changed."""
    issued_at = _issued_at(invoice)
    applied = _applied(_standing_at_issue(_allocations(invoice), invoice, issued_at))
    open_cents = invoice.total_cents + sum(amount.cents for amount in applied)
    earlier, earlier_cents = _earlier_at_issue(invoice, issued_at) if invoice.previous_cents else ((), 0)
    state = "due" if open_cents else "paid"
    return _Standing(state, applied, open_cents, earlier, earlier_cents, invoice.due_on)


def _state(invoice, read, today):
    """One word for where the invoice stands; the badge and every sentence follow it."""
    if invoice.state != Invoice.ISSUED:
        return invoice.state
    if not invoice.open_cents:
        return "paid"
    if read.is_being_checked:
        return "being checked"
    return standing_word(invoice, read.demands, today)


def standing_word(invoice, asked, today):
    """Where an open invoice stands by its demands; "disputed" while everything that is open is."""
    if demands.late_cents(asked, today):
        return "past due"
    if demands.first_on(asked) is None:
        return "disputed"
    return "part paid" if invoice.open_cents < invoice.total_cents else "due"


def _being_checked(invoices):
    """Those of which a payment waits for the processor's word: nobody should pay them a second time."""
    unsure = (Payment.HELD, Payment.IN_DOUBT)
    parts = PaymentPart.select(PaymentPart.invoice).join(Payment)
    mine = among(PaymentPart.invoice, [invoice.id for invoice in invoices])
    return {id for (id,) in parts.where(mine, PaymentPart.live, Payment.state.in_(unsure)).tuples()}


def _when(invoice, stand):
    """The line under the amount: always a date in words, never a number of days alone."""
    if stand.state == Invoice.VOID:
        return f"Voided on {words.date(invoice.voided_on)}" if invoice.voided_on else "Void"
    if stand.state == "paid":
        paid_on = max((amount.on for amount in stand.applied if amount.on), default=None)
        return f"Paid on {words.date(paid_on)}" if paid_on else "Nothing to pay"
    if stand.state == "disputed":
        return "Not due until you have our answer"
    return f"Due {words.date(stand.pay_by_on)}" if stand.pay_by_on else "Not issued yet"


def _when_note(stand, today):
    is_asked = stand.state in ("due", "part paid", "past due")
    return words.from_today(stand.pay_by_on, today) if is_asked else ""


def _sections(lines):
    """Recurring lines first, then work and parts, each by service address in printed order."""
    recurring = [line for line in lines if line.from_on]
    others = [line for line in lines if not line.from_on]
    named = (("Recurring services", recurring), ("Work and parts", others))
    return tuple(Section(title, _places(part)) for title, part in named if part)


def _places(lines):
    by_address = {}
    for line in lines:
        by_address.setdefault(line.site_text, []).append(_item(line))
    return tuple(Place(address, tuple(items)) for address, items in by_address.items())


def _item(line):
    from_on, to_on = (line.from_on, line.to_on) if line.from_on else (line.done_on, line.done_on)
    return Item(
        text=line.text,
        system=line.system_text,
        when=words.period(from_on, to_on),
        short_when=words.short_period(from_on, to_on),
        part=f"{line.days} of {line.of_days} days" if line.days and line.days != line.of_days else "",
        work_order=line.work_order,
        quantity=line.quantity,
        unit_cents=line.unit_cents,
        amount_cents=line.amount_cents,
        discount_cents=line.discount_cents,
        discount_reason=line.discount_reason,
        tax_cents=line.tax_cents,
        total_cents=line.total_cents,
        line_id=line.id,
    )


def _taxes(lines):
    """One row for each jurisdiction and rate that was charged, in order of appearance."""
    sums = {}
    for line in lines:
        if line.tax_cents:
            key = f"{line.tax_name or 'Sales tax'}, {words.rate(line.tax_ppm)}"
            sums[key] = sums.get(key, 0) + line.tax_cents
    return tuple(Amount(text, cents) for text, cents in sums.items())


# --- what was paid, what else is open --------------------------------------------------------------


def _allocations(invoice):
    """What was ever applied to an invoice, with the money that it came from, in order."""
    return _allocations_of([invoice]).get(invoice.id, [])


def _allocations_of(invoices):
    """{invoice id: the same} of those to which anything was."""
    query = (
        Allocation.select(Allocation, Payment, Credit)
        .left_outer_join(Payment)
        .switch(Allocation)
        .left_outer_join(Credit, on=Allocation.credit)
        .where(among(Allocation.invoice, [invoice.id for invoice in invoices]))
        .order_by(Allocation.made_on, Allocation.id)
    )
    found = {}
    for allocation in query:
        found.setdefault(allocation.invoice_id, []).append(allocation)
    return found


def _applied(allocations):
    """Payments and credits as negative amounts; what came back is its own row."""
    return tuple(Amount(_applied_text(a), -a.amount_cents, _applied_on(a)) for a in allocations)


def _standing_at_issue(allocations, invoice, issued_at):
    """Those that were booked before the issue, and the use that it made of money which lay ready.

    Money that was taken back later on that day and used once more counts once.
    """
    found, used = [], set()
    for allocation in allocations:
        source = allocation.payment or allocation.credit
        lay_ready = allocation.reverses_id is None and source.created_at <= issued_at
        if allocation.made_on < invoice.issued_on:
            found.append(allocation)
        elif allocation.made_on == invoice.issued_on and lay_ready and source not in used:
            found.append(allocation)
            used.add(source)
    return found


def _issued_at(invoice):
    """The instant of issue: a draft's is in the audit, others are issued as they are created."""
    event = Event.get_or_none(
        Event.about_table == "invoice", Event.about_id == invoice.id, Event.what == "invoice.issued"
    )
    return event.at if event else invoice.created_at


def _applied_on(allocation):
    if allocation.payment and not allocation.reverses_id:
        return allocation.payment.received_on
    return allocation.made_on


def _applied_text(allocation):
    if allocation.reverses_id:
        return f"Taken back: {allocation.reason}" if allocation.reason else "Taken back"
    if allocation.payment:
        return f"Payment, {method_words(allocation.payment)}"
    return f"Credit: {allocation.credit.reason}"


OBJECTION = "Tell us, and we look into it first. Reminders wait until you have our answer."

METHODS = {
    Payment.ONLINE: "online", Payment.CARD: "card", Payment.BANK: "bank account", Payment.CHECK: "check",
    Payment.CASH: "cash", Payment.MONEY_ORDER: "money order", Payment.WIRE: "wire transfer",
    Payment.BILL_PAY: "bank bill pay",
}  # fmt: skip


def method_words(payment):
    """How it was paid: “Visa ending 4242”, “check 1042”, “cash”. Never a full number."""
    if payment.method_label:
        return payment.method_label
    return f"{METHODS[payment.kind]} {payment.check_number}".strip()


def _before(invoice):
    """The customer's other invoices that were issued before this one, oldest due date first."""
    others = Invoice.select().where(Invoice.customer == invoice.customer_id, Invoice.id != invoice.id)
    if invoice.number:
        others = others.where(Invoice.number < invoice.number)
    return others.order_by(Invoice.due_on, Invoice.number)


def _open_of(customer_ids):
    """{customer id: their open invoices, oldest due date first}."""
    found = {}
    if customer_ids:
        is_open = (Invoice.state == Invoice.ISSUED) & Invoice.IS_OWED
        mine = among(Invoice.customer, list(customer_ids)) & is_open
        for invoice in Invoice.select().where(mine).order_by(Invoice.due_on, Invoice.number):
            found.setdefault(invoice.customer_id, []).append(invoice)
    return found


def _earlier(invoice, others, asked, today):
    """Of the customer's open invoices those before this one, each with what is asked for of it."""
    rows = []
    for other in others if invoice.open_cents else ():
        if other.id == invoice.id or (invoice.number and other.number >= invoice.number):
            continue
        if cents := demands.asked_cents(asked[other.id], today):
            first_on = demands.first_on(asked[other.id])
            rows.append(Earlier(str(other.number), first_on, cents, first_on < today))
    return tuple(rows)


def _earlier_at_issue(invoice, issued_at):
    """(rows, sum) of the same at the moment of issue, after the issue used what lay ready.

    The frozen sum was taken before that, so it must lie between what was open then and what was open on the
    evening before; when today's rows do not explain it, it stands alone. An invoice of the same run (work
    billed apart) is a sibling, not an earlier one.
    """
    rows, evening_cents = [], 0
    for other in _before(invoice).where(Invoice.created_at != invoice.created_at):
        if other.voided_on and other.voided_on <= invoice.issued_on:
            continue
        allocations = list(_allocations(other))
        paid = sum(a.amount_cents for a in _standing_at_issue(allocations, invoice, issued_at))
        evening_cents += other.total_cents
        evening_cents -= sum(a.amount_cents for a in allocations if a.made_on < invoice.issued_on)
        if other.total_cents > paid:
            rows.append(_earlier_row(other, other.total_cents - paid, invoice.issued_on))
    cents = sum(row.open_cents for row in rows)
    explained = cents <= invoice.previous_cents <= evening_cents
    return (tuple(rows), cents) if explained else ((), invoice.previous_cents)


def _earlier_row(invoice, open_cents, day):
    return Earlier(str(invoice.number), invoice.due_on, open_cents, invoice.due_on < day)


# --- the receipt -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Paid:
    """What a payment did for one invoice. ``open_cents`` is what that invoice still has open."""

    number: str
    due_on: date
    cents: int
    open_cents: int


@dataclass(frozen=True)
class ReceiptDocument:
    """Everything that a receipt says. ``fact`` pairs (heading, text) are printed in their order."""

    company: Letterhead
    customer_name: str
    account_number: str
    bill_to: tuple[str, ...]
    number: str
    title: str
    state: str
    sentence: str
    amount_cents: int
    paid_on: date
    facts: tuple[tuple[str, str], ...]
    paid: tuple[Paid, ...]
    unapplied_cents: int
    refunds: tuple[Amount, ...]

    @property
    def when(self):
        return words.date(self.paid_on)


def receipt_document(payment, *, company=None):
    """Everything that a receipt for ``payment`` says, as it stands now.

    Works in every state: one that is not money yet, or not any more, says so in its title and sentence.
    """
    company = company or companies.current()
    customer = payment.customer
    title, state, sentence = _payment_words(payment)
    return ReceiptDocument(
        company=letterhead(company),
        customer_name=customer.name,
        account_number=customer.account_number,
        bill_to=(customer.name, *customer.address_lines),
        number=payment.reference,
        title=title,
        state=state,
        sentence=sentence,
        amount_cents=payment.amount_cents,
        paid_on=payment.received_on,
        facts=_payment_facts(payment, company),
        paid=_paid(payment, company),
        unapplied_cents=payment.open_cents if payment.state in Payment.MONEY else 0,
        refunds=tuple(
            Amount(
                f"{ledger.refund_words(refund)}: {refund.reason}",
                refund.amount_cents,
                refund.paid_on or refund.made_on,
            )
            for refund in payment.refunds.where(
                Refund.state.in_((Refund.APPROVED, Refund.SETTLED)) & (Refund.how != Refund.VOID)
            ).order_by(Refund.id)
        ),
    )


def _payment_words(payment):
    """(title, one word, sentence): what is known about the money, never more."""
    why = f" {words.sentence(payment.reason)}" if payment.reason else ""
    pending = "Bank payments are final once the banks have settled them, normally within a few banking days."
    match payment.state:
        case Payment.APPROVED if payment.kind == Payment.BANK:
            return "Receipt, pending", "processing", f"Thank you. Your bank payment has started. {pending}"
        case Payment.APPROVED | Payment.SETTLED:
            return "Receipt", "paid", "Thank you. We have your payment."
        case Payment.CHARGED_BACK:
            return "Disputed payment", "returned", "Your bank took this payment back."
        case Payment.RETURNED:
            return "Returned payment", "returned", f"This payment came back to us unpaid.{why}"
        case Payment.REFUNDED:
            return "Refunded payment", "refunded", "We have sent this payment back to you."
        case Payment.VOIDED:
            return "Canceled payment", "canceled", "This payment was canceled before any money moved."
        case Payment.DECLINED:
            return "Declined payment", "declined", f"No money moved.{why}"
        case Payment.EXPIRED:
            return "Unfinished payment", "not paid", "This payment was never completed. No money moved."
    sentence = "We are confirming this payment. You will not be charged twice."
    return "Payment being checked", "being checked", sentence


def _payment_facts(payment, company):
    """The particulars that a bank or a bookkeeper asks for; empty ones are left out."""
    at = payment.concluded_at or payment.created_at
    by_hand = payment.kind in Payment.BY_HAND
    facts = (
        ("Payment", payment.reference),
        ("Received" if by_hand else "Date", words.date(payment.received_on)),
        ("Confirmed", "" if by_hand or not at else words.moment(at, company.time_zone)),
        ("Method", method_words(payment)),
        ("Processor reference", payment.transaction_id or ""),
        ("Authorization code", payment.auth_code),
        ("Entered by", "our office" if by_hand else ""),
    )
    return tuple((heading, text) for heading, text in facts if text)


def _paid(payment, company):
    """Invoices that this payment pays now, oldest first; what was taken back is gone."""
    sums = {}
    allocations = Allocation.select(Allocation, Invoice).join(Invoice).where(Allocation.payment == payment)
    for allocation in allocations.order_by(Invoice.due_on, Invoice.number):
        invoice = allocation.invoice
        sums.setdefault(invoice.id, [invoice, 0])[1] += allocation.amount_cents
    return tuple(
        Paid(printed_number(invoice, company), invoice.due_on, cents, invoice.open_cents)
        for invoice, cents in sums.values()
        if cents > 0
    )


# --- the statement ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """One row of a statement; ``balance_cents`` is the account after it."""

    on: date
    text: str
    charged_cents: int
    paid_cents: int
    balance_cents: int


@dataclass(frozen=True)
class StatementDocument:
    """What happened on an account between two dates. Below zero: the customer has money with us."""

    company: Letterhead
    customer_name: str
    account_number: str
    bill_to: tuple[str, ...]
    made_on: date
    period: str
    opening_cents: int
    rows: tuple[Row, ...]
    closing_cents: int
    disputed: tuple[tuple[str, int], ...] = ()  # what of it is in question today, each in words

    @property
    def disputed_cents(self):
        return sum(cents for _, cents in self.disputed)

    @property
    def charged_cents(self):
        return sum(row.charged_cents for row in self.rows)

    @property
    def paid_cents(self):
        return sum(row.paid_cents for row in self.rows)


def statement_document(customer, from_on, to_on, *, today, company=None):
    """The account of ``customer`` from ``from_on`` to ``to_on``, both days included.

    Raises BillingError when the first day comes after the last.
    """
    if from_on > to_on:
        raise BillingError("The first day of a statement cannot come after its last day.")
    entries = ledger.history(customer, until=to_on)
    before = [entry for entry in entries if entry.on < from_on]
    opening = before[-1].balance_cents if before else 0
    rows = tuple(_row(entry) for entry in entries[len(before) :])
    return StatementDocument(
        company=letterhead(company or companies.current()),
        customer_name=customer.name,
        account_number=customer.account_number,
        bill_to=(customer.name, *customer.address_lines),
        made_on=today,
        period=words.period(from_on, to_on),
        opening_cents=opening,
        rows=rows,
        closing_cents=rows[-1].balance_cents if rows else opening,
        disputed=tuple(_in_dispute(customer, to_on, company or companies.current())),
    )


def _in_dispute(customer, to_on, company):
    """(“Invoice 10482, Service call”, cents) of what the customer disputes, opened until the last day."""
    query = (
        Dispute.select(Dispute, Invoice, Line)
        .join(Invoice)
        .switch(Dispute)
        .left_outer_join(Line)
        .where(
            (Dispute.customer == customer) & (Dispute.state == Dispute.OPEN) & (Dispute.opened_on <= to_on)
        )
    )
    for one in query.order_by(Dispute.id):
        line = f", {one.line.text}" if one.line_id else ""
        yield f"Invoice {printed_number(one.invoice, company)}{line}", one.amount_cents


def _row(entry):
    cents = entry.amount_cents
    return Row(entry.on, entry.text, max(cents, 0), max(-cents, 0), entry.balance_cents)


# --- sentences -------------------------------------------------------------------------------------


def _expectation(lines, invoice):
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


def _next_invoice(lines):
    """When the next invoice comes, from what this one covers."""
    ends = [line.to_on for line in lines if line.from_on]
    if not ends:
        return ""
    return f"Services that continue are billed next for the period from {words.date(min(ends) + DAY)}."


def automatic(invoice, today):
    """What autopay does with an invoice, or None. A charge of several invoices says their sum."""
    return _automatic(invoice, upcoming.of_invoice(invoice, today=today))


def _automatic(invoice, charge):
    if charge is None:
        return None
    others = len(charge.planned) - 1
    amount = format_cents(sum(row.cents for row in charge.planned if row.invoice_id == invoice.id))
    if others:
        amount += (
            f", together with {words.plural(others, 'other invoice')}: {format_cents(charge.cents)} in all,"
        )
    does = "tries again to charge" if charge.is_retry else "will charge"
    sentence = f"Autopay {does} {amount} {charge.when} from {charge.method.label}. {charge.advice}"
    label = charge.method.label
    return Automatic(charge.charge_on, label, charge.is_promise, charge.why_not or sentence, charge.is_retry)


def _wish(customer, automatic):
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


def _late(stand, automatic, fee):
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


def _scan_line(customer, invoice, stand):
    """The slip's scan line; "" when there is nothing to pay or no room for it in ten digits."""
    cents = stand.asked_cents + stand.earlier_cents
    if not invoice.number or not stand.asked_cents or cents >= 10**remittance.WIDTH:
        return ""
    return remittance.scan_line(customer.remittance_digits, invoice.number, cents)
