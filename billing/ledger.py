"""Who owes what: every balance that anyone sees, and the only place that writes ``open_cents``.

Money (a payment or a credit) pays invoices through allocations. ``open_cents`` is the audited cache of
what is left: on an invoice, of its total; on money, of its amount. Corrections are negative twins.
"""

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta

from peewee import Value, fn

from billing import company as companies
from billing import demands, naming, prepared
from billing.errors import BillingError
from billing.money import format_cents
from models import (
    Allocation,
    Chargeback,
    Credit,
    CreditReversal,
    Invoice,
    Loss,
    Payment,
    PaymentPart,
    Refund,
    among,
    change_many,
    db,
    insert_rows,
)

# States of a payment in which a refund that is not decided yet keeps its amount back.
HOLDS_BACK = (*Payment.MONEY, Payment.REFUNDED)


@dataclass(frozen=True)
class Balance:
    """A customer's account on one day, in cents."""

    owed_cents: int = 0  # open on issued invoices
    unapplied_cents: int = 0  # received or credited, and paying nothing yet
    past_due_cents: int = 0
    disputed_cents: int = 0  # of what is owed: due on no date until it is decided
    pending_cents: int = 0  # on its way: being checked or held for review
    next_due_on: date | None = None

    @property
    def due_cents(self):
        """What a payment would have to be to settle all that is not disputed; never negative."""
        return max(self.owed_cents - self.disputed_cents - self.unapplied_cents, 0)


@dataclass(frozen=True)
class Entry:
    """One row of an account's history: ``amount_cents`` above zero is owed, below zero pays."""

    on: date
    kind: str
    text: str
    amount_cents: int
    balance_cents: int
    row: object


# --- Reading -------------------------------------------------------------------------------------


def balance(customer, *, today, due=None):
    """The account of one customer on ``today``.

    due -- demands.of_invoices of all their open invoices, where the caller has them
    """
    owed = None if due is None else {customer.id: demands.total(due, today)}
    return balances([customer.id], today=today, owed=owed)[customer.id]


def balances(customer_ids, *, today, owed=None):
    """The accounts of many customers, in three queries whatever their number: {customer id: Balance}.

    owed -- {customer id: demands.Totals}, where the caller has them
    """
    owed = demands.totals(customer_ids, today) if owed is None else owed
    sums = _sums(customer_ids)
    return {
        id: Balance(
            owed_cents=owed[id].owed_cents,
            unapplied_cents=sums.get((id, _UNAPPLIED), 0),
            past_due_cents=owed[id].past_due_cents,
            disputed_cents=owed[id].disputed_cents,
            pending_cents=sums.get((id, _PENDING), 0),
            next_due_on=owed[id].next_due_on,
        )
        for id in customer_ids
    }


_UNAPPLIED, _PENDING = "unapplied", "pending"


def _sums(customer_ids):
    """{(customer id, what): cents} of what is with us and pays nothing yet, and of what is on its way."""
    totals = {}
    for id, what, cents in _money(customer_ids):
        totals[id, what] = totals.get((id, what), 0) + int(cents)  # PostgreSQL sums into a Decimal
    return totals


@prepared.question
def _money(customer_ids):
    query = None
    for what, model, cents, counts in (
        (_UNAPPLIED, Payment, Payment.open_cents, Payment.open_cents > 0),
        (_UNAPPLIED, Credit, Credit.open_cents, Credit.open_cents > 0),
        (_PENDING, Payment, Payment.amount_cents, Payment.state.in_((Payment.HELD, Payment.IN_DOUBT))),
    ):
        one = (
            model.select(model.customer, Value(what), fn.SUM(cents))
            .where(among(model.customer, customer_ids) & counts)
            .group_by(model.customer)
        )
        query = one if query is None else query.union_all(one)
    return query.tuples()


def open_invoices(customer):
    """A query of the customer's invoices with something left to pay, oldest due date first."""
    return (
        Invoice.select()
        .where((Invoice.customer == customer) & Invoice.IS_OWED)
        .order_by(Invoice.due_on, Invoice.id)
    )


@prepared.question
def owed_invoices(customer):
    """The same as a list, for what asks nothing more of them."""
    return open_invoices(customer)


def past_due(today):
    """A query of every invoice of which something should have been paid before ``today``, oldest first."""
    late = demands.due_between(None, today - timedelta(days=1))
    return Invoice.select().where(late).order_by(Invoice.due_on)


def history(customer, *, until=None):
    """Everything that changed what the customer owes, oldest first, with the running balance."""
    rows = [*_invoice_entries(customer), *_payment_entries(customer), *_credit_entries(customer)]
    entries, running = [], 0
    for on, _, kind, text, cents, row in sorted(rows, key=lambda row: (row[0], row[1], row[5].id)):
        if until is None or on <= until:
            running += cents
            entries.append(Entry(on, kind, text, cents, running, row))
    return entries


def _invoice_entries(customer):
    company = companies.current()
    for invoice in Invoice.select().where((Invoice.customer == customer) & Invoice.number.is_null(False)):
        text = f"Invoice {naming.number(invoice, company)}"
        yield invoice.issued_on, 0, "invoice", text, invoice.total_cents, invoice
        if invoice.state == Invoice.VOID:
            yield invoice.voided_on, 1, "void", f"{text} canceled", -invoice.total_cents, invoice


def _payment_entries(customer):
    counted = Payment.state.in_((*Payment.MONEY, Payment.REFUNDED, Payment.CHARGED_BACK))
    counted |= Payment.returned_on.is_null(False)
    for payment in Payment.select().where((Payment.customer == customer) & counted):
        text = f"Payment, {payment.method_label}".rstrip(", ")
        yield payment.received_on, 2, "payment", text, -payment.amount_cents, payment
        if payment.returned_on:
            text += " canceled" if payment.state == Payment.VOIDED else " returned"
            yield payment.returned_on, 3, "returned", text, payment.amount_cents, payment
    yield from _refund_entries(customer)
    yield from _chargeback_entries(customer)


def _refund_entries(customer):
    """Refunds, as long as they count: a canceled payment tells of itself, so its refund does not."""
    refunds = Refund.select(Refund, Payment).join(Payment).where(
        (Payment.customer == customer) & Refund.state.not_in(Refund.DEAD)
    )  # fmt: skip
    for refund in refunds:
        payment = refund.payment
        cents, is_live = refund.amount_cents, refund.state in Refund.LIVE
        if is_live:
            cents = cents - refund.reopen_cents if payment.state in HOLDS_BACK else 0
        if cents and not (refund.how == Refund.VOID and payment.state == Payment.VOIDED):
            text = "Refund on its way" if is_live else refund_words(refund)
            yield refund.paid_on or refund.made_on, 4, "refund", text, cents, refund


def refund_words(refund):
    """How money went back, in a few words: “Refund to Visa ending 4242”, “Refund by check”."""
    if refund.how in Refund.BY_HAND:
        return f"Refund by {refund.how}"
    return f"Refund to {refund.payment.method_label or 'the same card or account'}"


def _chargeback_entries(customer):
    """What a bank took after a dispute and gave again, and what was gone twice and is nobody's debt."""
    losses = (
        Loss.select(Loss, Payment).join(Payment)
        .where((Payment.customer == customer) & (Loss.kind == Loss.AFTER_REFUND))
    )  # fmt: skip
    for loss in losses:
        yield loss.made_on, 5, "loss", "Refunded before the bank took it back", -loss.amount_cents, loss
    for case in Chargeback.select().where(Chargeback.customer == customer):
        yield case.opened_on, 3, "chargeback", "Payment disputed at the bank", case.amount_cents, case
        if case.state == Chargeback.WON:
            cents = lost_twice_cents(case.payment_id) - case.amount_cents
            yield case.closed_on, 6, "won", "Dispute decided: the payment counts again", cents, case


def lost_twice_cents(payment_id):
    """What was refunded of a payment and then taken back by the bank as well."""
    lost = (Loss.payment == payment_id) & (Loss.kind == Loss.AFTER_REFUND)
    return int(Loss.select(fn.SUM(Loss.amount_cents)).where(lost).scalar() or 0)


def _credit_entries(customer):
    for credit in Credit.select().where(Credit.customer == customer):
        yield credit.made_on, 2, "credit", f"Credit: {credit.reason}", -credit.amount_cents, credit
    undone = CreditReversal.select(CreditReversal, Credit).join(Credit).where(Credit.customer == customer)
    for row in undone:
        text = f"Paid after all: {row.reason}" if row.payment_id else f"Credit taken back: {row.reason}"
        yield row.made_on, 3, "credit_taken_back", text, row.amount_cents, row


# --- Applying money ------------------------------------------------------------------------------


@contextmanager
def locked(customer_id):
    """A transaction in which nobody else moves this customer's money: what is read in it stays true.

    SQLite's IMMEDIATE transactions see to that by themselves. There is one lock, on the customer, and every
    use case that moves money takes it first: two of them never wait for each other crosswise.
    """
    with db.atomic():
        lock(customer_id)
        yield


def lock(customer_id):
    """Take the lock, in the caller's transaction, before anything else in it."""
    if db.for_update:
        db.execute_sql(_LOCK, (customer_id,))


_LOCK = prepared.Text("SELECT id FROM customer WHERE id = %s FOR NO KEY UPDATE")


def apply(money, parts, *, by, on, reason=""):
    """Pay invoices from a payment or credit: ``parts`` is a list of (invoice, cents).

    Raises BillingError when an invoice or the money has less left than asked for; then nothing is
    applied. What an allocation takes is taken by a guarded UPDATE, so two at once cannot take it twice.
    """
    with locked(money.customer_id):
        for invoice, cents in parts:
            _check_part(money, invoice, cents)
            _take(Invoice, invoice, cents, f"Invoice {invoice.number} has only {{}} left to pay.")
            _take(type(money), money, cents, "Only {} of this money is left.")
            Allocation.create(
                invoice=invoice, amount_cents=cents, by=by, made_on=on, reason=reason, **_source(money)
            )


def _check_part(money, invoice, cents):
    if invoice.customer_id != money.customer_id:
        raise BillingError(f"Invoice {invoice.number} belongs to another customer.")
    if cents <= 0:
        raise BillingError(f"Enter an amount above zero for invoice {invoice.number}.")


def apply_oldest_first(money, *, by, on, only=None):
    """Pay what the customer owes from ``money``, what is due first first; the rest stays unapplied.

    only -- restrict to these invoices, in this order

    What is disputed is never paid by itself: only a credit for one of ``only`` goes there. Runs in the
    caller's ``locked`` transaction: what it reads must not change before it is applied.
    """
    parts, left = {}, money.open_cents
    for invoice, asked_cents in _in_order(money.customer_id) if only is None else _in_full(only):
        cents = min(left, asked_cents)
        if cents > 0:
            parts[invoice] = parts.get(invoice, 0) + cents
            left -= cents
    apply(money, list(parts.items()), by=by, on=on)


def _in_full(invoices):
    return [(invoice, invoice.open_cents) for invoice in invoices]


def _in_order(customer_id):
    """[(invoice, cents)] of what is due on some day, earliest first."""
    invoices = list(open_invoices(customer_id))
    asked = demands.of_invoices(invoices)
    rows = [(one.due_on, invoice, one.cents) for invoice in invoices for one in asked[invoice.id]]
    dated = sorted((row for row in rows if row[0]), key=lambda row: row[0])  # stable: by number within a day
    return [(invoice, cents) for _, invoice, cents in dated]


def apply_many(parts, *, by):
    """``apply`` for thousands of payments at once: parts is [(payment id, invoice id, cents, on)].

    Guarded like ``apply``: one part that finds too little left refuses all of them with a BillingError.
    """
    if not parts:
        return
    with db.atomic():
        for table, at in (("payment", 0), ("invoice", 1)):
            taken = [(part[2], part[at], part[2]) for part in parts]
            update = f"UPDATE {table} SET open_cents = open_cents - ? WHERE id = ? AND open_cents >= ?"
            if change_many(update, taken) != len(parts):
                raise BillingError(f"A {table} has less left than one of these parts would take.")
        rows = [(invoice, payment, cents, "", by, on) for payment, invoice, cents, on in parts]
        insert_rows(Allocation, ("invoice_id", "payment_id", "amount_cents", "reason", "by", "made_on"), rows)


def use_unapplied(customer_ids, *, by, on):
    """Let money that pays nothing yet pay what is open now, credits first; for the bill step."""
    for model in (Credit, Payment):
        unapplied = among(model.customer, customer_ids) & (model.open_cents > 0)
        for money in list(model.select().where(unapplied).order_by(model.id)):  # a list: applying changes it
            apply_oldest_first(money, by=by, on=on)


def unapply(row, *, reason, by, on, refund=None):
    """Take back every allocation of a payment, credit or invoice, each by its negative twin.

    The invoices are owed again and the money is unapplied again. Call ``close`` next when the row
    itself is worth nothing any more (void, returned). Returns the sum, in cents.

    refund -- for which it is taken back (``owed_again``)
    """
    with locked(row.customer_id):
        allocations = _standing(row)
        for allocation in allocations:
            _take_back(allocation, reason=reason, by=by, on=on, refund=refund)
        row.open_cents = type(row).get_by_id(row.id).open_cents
    row._dirty.discard("open_cents")
    return sum(allocation.amount_cents for allocation in allocations)


def _standing(row):
    """The allocations of a payment, credit or invoice that were not undone, oldest first."""
    column = {Payment: Allocation.payment, Credit: Allocation.credit, Invoice: Allocation.invoice}[type(row)]
    twin = Allocation.alias()
    undone = twin.select(twin.reverses).where(twin.reverses.is_null(False))
    standing = (column == row) & Allocation.reverses.is_null() & Allocation.id.not_in(undone)
    return list(Allocation.select().where(standing).order_by(Allocation.id))


def _take_back(allocation, *, reason, by, on, **why):
    money = allocation.payment or allocation.credit
    _give(Invoice, allocation.invoice_id, allocation.amount_cents)
    _give(type(money), money.id, allocation.amount_cents)
    Allocation.create(
        invoice=allocation.invoice_id,
        amount_cents=-allocation.amount_cents,
        reverses=allocation,
        reason=reason[:255],
        by=by,
        made_on=on,
        **why,
        **_source(money),
    )


def owed_again(payment, *, refund=None, chargeback=None):
    """A query of the invoices that were taken back from a payment and are owed now, the oldest first.

    refund, chargeback -- only those that were taken back for it
    """
    twins = (Allocation.payment == payment) & (Allocation.amount_cents < 0)
    if refund:
        twins &= Allocation.refund == refund
    if chargeback:
        twins &= Allocation.chargeback == chargeback
    taken = Allocation.select(Allocation.invoice).where(twins)
    owed = Invoice.select().where(Invoice.id.in_(taken) & Invoice.IS_OWED)
    return owed.order_by(Invoice.due_on, Invoice.id)


def open_money(money):
    """New money is ours: all of it is unapplied. Called once, when it is approved or credited."""
    _set(money, money.amount_cents)


def opening_cents(total_cents):
    """What is open on an invoice at the moment of issue; for rows that are inserted in bulk."""
    return total_cents


def open_invoice(invoice):
    """An issued invoice is owed in full. Called once, when it gets its number."""
    _set(invoice, opening_cents(invoice.total_cents))


def close(row):
    """A void invoice is not owed; returned money is not ours. Its allocations were taken back before."""
    _set(row, 0)


def pay_out(payment, cents):
    """Money leaves a payment, or is kept for a refund. Raises BillingError above what is unapplied."""
    _take(Payment, payment, cents, "Only {} of this payment can be refunded; the rest pays invoices.")


def take_in(payment, cents):
    """What was kept for a refund, or taken by a bank, is the payment's again: unapplied."""
    _give(Payment, payment.id, cents)
    payment.open_cents = Payment.get_by_id(payment.id).open_cents
    payment._dirty.discard("open_cents")


def swap_for_credits(payment, cents, *, reason, by, on):
    """Free ``cents`` of a payment by letting the customer's unapplied credits pay its invoices instead.

    Nothing is owed again. Raises BillingError when there are fewer credits than that.
    """
    with locked(payment.customer_id):
        for invoice_id, freed in reopen(payment, cents, reason=reason, by=by, on=on):
            unapplied = (Credit.customer == payment.customer_id) & (Credit.open_cents > 0)
            for credit in list(Credit.select().where(unapplied).order_by(Credit.id)):  # applying changes it
                part = min(freed, credit.open_cents)
                if part:
                    apply(credit, [(Invoice.get_by_id(invoice_id), part)], reason=reason, by=by, on=on)
                    freed -= part
            if freed:
                raise BillingError("The credits of this account were used meanwhile. Look again.")


def reopen(money, cents, *, reason, by, on, refund=None, chargeback=None):
    """Free ``cents`` of a payment or credit: the invoices that it paid last are owed again by that much.

    Returns [(invoice id, cents)]. Raises BillingError when it pays less than that.

    refund, chargeback -- for which it is taken back (``owed_again``)
    """
    freed, left = [], cents
    with locked(money.customer_id):
        for allocation in reversed(_standing(money)):
            part = min(left, allocation.amount_cents)
            if part == 0:
                break
            _take_back(allocation, reason=reason, by=by, on=on, refund=refund, chargeback=chargeback)
            money = type(money).get_by_id(money.id)
            if rest := allocation.amount_cents - part:
                apply(money, [(Invoice.get_by_id(allocation.invoice_id), rest)], by=by, on=on)
            freed.append((allocation.invoice_id, part))
            left -= part
        if left:
            raise BillingError(f"This payment pays only {format_cents(cents - left)} of invoices.")
    return freed


def applied_cents(payment):
    """What a payment pays of invoices now."""
    total = Allocation.select(fn.SUM(Allocation.amount_cents)).where(Allocation.payment == payment).scalar()
    return int(total or 0)


def unapplied_credit_cents(customer_id):
    """What the customer's credits have left over."""
    mine = (Credit.customer == customer_id) & (Credit.open_cents > 0)
    return int(Credit.select(fn.SUM(Credit.open_cents)).where(mine).scalar() or 0)


def standing_attempt(invoice):
    """The payment attempt that claims this invoice and is not concluded yet, or None."""
    return standing_attempts([invoice.id]).get(invoice.id)


def standing_attempts(invoice_ids):
    """The same for many: {invoice id: Payment} of those that are claimed."""
    return {part.invoice_id: part.payment for part in _claims(invoice_ids)}


@prepared.question
def _claims(invoice_ids):
    claims = PaymentPart.live & among(PaymentPart.invoice, invoice_ids)
    return PaymentPart.select(PaymentPart, Payment).join(Payment).where(claims)


def _source(money):
    return {"payment": money} if isinstance(money, Payment) else {"credit": money}


def _take(model, row, cents, refusal):
    won = (
        model.update(open_cents=model.open_cents - cents)
        .where((model.id == row.id) & (model.open_cents >= cents))
        .execute()
    )
    left = model.get_by_id(row.id).open_cents
    if not won:
        raise BillingError(refusal.format(format_cents(left)))
    row.open_cents = left
    row._dirty.discard("open_cents")


def _give(model, id, cents):
    model.update(open_cents=model.open_cents + cents).where(model.id == id).execute()


def _set(row, cents):
    type(row).update(open_cents=cents).where(type(row).id == row.id).execute()
    row.open_cents = cents
    row._dirty.discard("open_cents")
