"""What is not asked for any more: cents that are not worth a letter, and debts that nobody will pay.

A write-off pays the rest of one invoice and moves no money: reports of what was collected never count it,
and what is owed by age falls. It is undone by a row of its own. Bad debt always takes two people; so does a
remainder above the company's limit. Not here: credits that correct an invoice (billing/invoices.py).
"""

from peewee import SQL

from billing import approvals, demands, events, invoices, ledger
from billing import company as companies
from billing.errors import BillingError
from billing.money import format_cents
from models import Credit, CreditReversal, Invoice, db

KINDS = {Credit.WRITE_OFF: "Write-off", Credit.BAD_DEBT: "Bad debt"}


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
    if not reason.strip():
        raise BillingError("Say why it is owed again.")
    with ledger.locked(credit.customer_id):
        if credit.kind not in KINDS:
            raise BillingError("Only a write-off is taken back. Talk to the customer about other credits.")
        if credit.undone_by.exists():
            raise BillingError("This write-off was taken back already.")
        credit = Credit.get_by_id(credit.id)
        ledger.unapply(credit, reason=f"{KINDS[credit.kind]} taken back", by=by, on=today)
        ledger.close(credit)
        row = CreditReversal.create(
            credit=credit, amount_cents=credit.amount_cents, reason=reason.strip()[:255], by=by,
            made_on=today, created_at=now,
        )  # fmt: skip
        ledger.use_unapplied([credit.customer_id], by=by, on=today)
        events.record(
            "credit.taken_back", credit, by=by, now=now, reason=reason,
            after={"cents": credit.amount_cents, "kind": credit.kind},
        )  # fmt: skip
    return row


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
