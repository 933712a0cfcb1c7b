"""What is not asked for any more: cents that are not worth a letter, and debts that nobody will pay.

A write-off pays the rest of one invoice and moves no money: reports of what was collected never count it,
and what is owed by age falls. It is undone by rows of its own: by staff as a whole, or by as much as was paid
after all (``recover``). Bad debt always takes two people; so does a remainder above the company's limit. Not
here: credits that correct an invoice (billing/invoices.py).
"""

from peewee import SQL, fn

from billing import approvals, demands, events, invoices, ledger, masking
from billing import company as companies
from billing.errors import BillingError
from billing.money import format_cents
from models import Credit, CreditReversal, Invoice, Payment, db

KINDS = {Credit.WRITE_OFF: "Write-off", Credit.BAD_DEBT: "Bad debt"}
GIVEN_UP = tuple(KINDS)


def is_small(invoice):
    """True for a remainder that one person may write off alone."""
    return 0 < invoice.open_cents <= companies.current().write_off_alone_cents


def remainders(today, at=lambda column: column):
    """The condition on Invoice for what is small, late and the rest of something that was paid.

    at -- the column as the query names it
    """
    most = companies.current().write_off_alone_cents
    return (
        (at(Invoice.open_cents) > SQL("0"))
        & (at(Invoice.open_cents) <= most)
        & (at(Invoice.open_cents) < at(Invoice.total_cents))
        & (at(Invoice.due_on) < today)
    )


def write_off(invoice, *, reason, by, today, now, key=None):
    """Write off the rest of an invoice. Returns the Credit, or the Approval that waits for a second person.

    Raises BillingError when nothing is open, or something about it is not decided yet.
    """
    with ledger.locked(invoice.customer_id):
        if key and (earlier := Credit.get_or_none(Credit.key == key)):
            return earlier
        invoice = _checked(invoice)
        if not is_small(invoice):
            return _ask(Credit.WRITE_OFF, invoice, reason, by, now)
        return _write(invoice, Credit.WRITE_OFF, reason, by, today, now, key=key)


def bad_debt(invoice, *, reason, by, now):
    """Ask to give up an invoice that nobody will pay: a second person decides. Returns the Approval."""
    with ledger.locked(invoice.customer_id):
        return _ask(Credit.BAD_DEBT, _checked(invoice), reason, by, now)


def take_back(credit, *, reason, by, today, now):
    """Undo a write-off by a row of its own: the invoice is owed again, and unapplied money pays it.

    Returns the CreditReversal; raises BillingError for other credits and for one that was undone already.
    """
    reason = masking.reason(reason, "Say why it is owed again.")
    with ledger.locked(credit.customer_id):
        if credit.kind not in KINDS:
            raise BillingError("Only a write-off is taken back. Talk to the customer about other credits.")
        left = standing_cents(credit)
        if not left:
            raise BillingError("This write-off was taken back already, or paid after all.")
        ledger.reopen(credit, left, reason=f"{KINDS[credit.kind]} taken back", by=by, on=today)
        row = _undo(credit, left, reason, "credit.taken_back", by, today, now)
        ledger.use_unapplied([credit.customer_id], by=by, on=today)
    return row


def _undo(credit, cents, reason, what, by, today, now, payment=None):
    """The counter-entry of a write-off that was freed from its invoice by so much."""
    ledger.close(credit)
    row = CreditReversal.create(
        credit=credit, amount_cents=cents, reason=reason[:255], by=by, made_on=today, created_at=now,
        payment=payment,
    )  # fmt: skip
    told = {"cents": cents, "kind": credit.kind}
    events.record(what, credit, by=by, now=now, reason=reason, after=told)
    return row


# --- Paid after all ------------------------------------------------------------------------------


def standing_cents(credit):
    """What of a write-off still stands: neither taken back nor paid after all."""
    undone = CreditReversal.select(fn.SUM(CreditReversal.amount_cents)).where(CreditReversal.credit == credit)
    return credit.amount_cents - int(undone.scalar() or 0)


def standing(customer_id, *, kinds=GIVEN_UP):
    """[(Credit, cents)] of what stands written off for a customer, the oldest first."""
    query = Credit.select().where((Credit.customer == customer_id) & Credit.kind.in_(kinds))
    rows = [(credit, standing_cents(credit)) for credit in query.order_by(Credit.id)]
    return [(credit, cents) for credit, cents in rows if cents]


def bad_debt_cents(customer_id):
    """What a customer owed that was given up as bad debt and that nobody has paid since."""
    return sum(cents for _, cents in standing(customer_id, kinds=(Credit.BAD_DEBT,)))


def make_room(payment, parts, *, by, today, now):
    """Money came for these invoices: what of it was written off is owed again by as much as it pays.

    parts -- [(invoice, cents)] that are about to be paid; call it in the transaction that pays them

    Returns the parts with the invoices as they stand then.
    """
    told = {"by": by, "today": today, "now": now}
    for invoice, cents in parts:
        missing = cents - Invoice.get_by_id(invoice.id).open_cents
        for credit, left in standing(payment.customer_id) if missing > 0 else ():
            if credit.invoice_id == invoice.id and missing > 0:
                missing -= _paid_after_all(credit, min(missing, left), payment, **told)
    return [(Invoice.get_by_id(invoice.id), cents) for invoice, cents in parts]


def recover(payment, *, by, today, now):
    """What is left of a payment pays bad debt, the oldest first; the caller holds the customer's lock.

    Only bad debt: cents that were let go for kindness are not taken from somebody who pays ahead. Returns the
    cents that came after all.
    """
    found = 0
    for credit, left in standing(payment.customer_id, kinds=(Credit.BAD_DEBT,)):
        cents = min(left, Payment.get_by_id(payment.id).open_cents)
        if cents:
            found += _paid_after_all(credit, cents, payment, by=by, today=today, now=now)
            ledger.apply(payment, [(Invoice.get_by_id(credit.invoice_id), cents)], by=by, on=today)
    return found


def _paid_after_all(credit, cents, payment, *, by, today, now):
    words_ = f"{payment.method_label or payment.kind.replace('_', ' ')}, {payment.reference}"
    ledger.reopen(credit, cents, reason=f"Paid after all: {words_}", by=by, on=today)
    _undo(credit, cents, words_, "credit.recovered", by, today, now, payment=payment)
    return cents


def totals(first, last):
    """(written off, paid after all) in cents, of the days from ``first`` to ``last``.

    A payment that came back was none: what it paid is owed again.
    """
    off = Credit.select(fn.SUM(Credit.amount_cents)).where(
        Credit.kind.in_(GIVEN_UP) & Credit.made_on.between(first, last)
    )
    back = (
        CreditReversal.select(fn.SUM(CreditReversal.amount_cents))
        .join(Payment)
        .where(Payment.state.in_(Payment.MONEY) & CreditReversal.made_on.between(first, last))
    )
    return int(off.scalar() or 0), int(back.scalar() or 0)


def _checked(invoice):
    """The invoice as it is now, when nothing speaks against writing off what it has open."""
    invoice = Invoice.get_by_id(invoice.id)
    if invoice.state != Invoice.ISSUED or not invoice.open_cents:
        raise BillingError(f"Nothing is open on {invoice}.")
    if attempt := ledger.standing_attempt(invoice):
        raise BillingError(f"Payment {attempt.reference} of {invoice} is not concluded. Wait until it is.")
    kinds = {one.kind for one in demands.of(invoice)}
    if demands.DISPUTED in kinds:
        raise BillingError(f"A part of {invoice} is disputed. Decide the dispute first.")
    if demands.INSTALLMENT in kinds:
        raise BillingError(f"{invoice} is being paid by a plan. End the plan first.")
    return invoice


def _write(invoice, kind, reason, by, today, now, **about):
    return invoices.credit(
        invoice, amount_cents=invoice.open_cents, reason=reason, by=by, today=today, now=now, kind=kind,
        **about,
    )  # fmt: skip


def _ask(kind, invoice, reason, by, now):
    return approvals.ask(kind, invoice, reason=reason, by=by, now=now, amount_cents=invoice.open_cents)


def _approved(approval, *, by, today, now):
    """Only what was asked for: where the invoice was paid in part meanwhile, somebody looks again."""
    with db.atomic():
        invoice = _checked(approvals.about(approval))
        if invoice.open_cents != approval.amount_cents:
            raise BillingError(
                f"{invoice} has {format_cents(invoice.open_cents)} open now, not "
                f"{format_cents(approval.amount_cents)}. Refuse this and ask again for what is left."
            )
        _write(invoice, approval.kind, approval.reason, approval.asked_by, today, now, approval=approval)


def _effect(approval):
    row = approvals.about(approval)
    cents = format_cents(approval.amount_cents)
    return f"{cents} of {row}, {approval.customer.name}, is not asked for any more. It can be taken back."


for _kind, _label in KINDS.items():
    approvals.register(_kind, _approved, label=_label, effect=_effect)
