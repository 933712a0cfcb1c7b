"""One invoice after it was drafted: issue, discard, void, credit. Nothing here edits what was issued."""

from datetime import timedelta

from billing import (
    bill,
    canceling,
    clarity,
    contracts,
    events,
    ledger,
    masking,
    notices,
    replaced,
    undisputed,
)
from billing import company as companies
from billing.automatic import autopay
from billing.errors import BillingError
from billing.money import format_cents
from billing.states import move
from models import Charge, Credit, CreditReversal, Invoice, Line, OneOff, db


def issue(draft, *, by, today, now):
    """Give a draft its number, dates and place in the ledger, and queue its messages. Returns it.

    Raises BillingError with what would confuse the customer, which the draft then keeps.
    """
    if draft.state != Invoice.DRAFT:
        raise BillingError("This invoice is issued already.")
    company, customer = companies.current(), draft.customer
    paper = _paper(draft, company, today)
    if findings := _unclear(draft, paper):
        _keep(draft, findings)
        raise BillingError(f"It would confuse {customer.name}. {clarity.sentence(findings)}")
    _keep(draft, ())
    with ledger.locked(customer.id):
        owed = ledger.balance(customer, today=today).owed_cents
        move(
            draft,
            Invoice.ISSUED,
            number=bill.take_numbers(1),
            issued_on=today,
            due_on=today + timedelta(days=companies.terms_days(company, customer)),
            previous_cents=owed,
            bill_to=bill.bill_to(customer),
            po_number=customer.po_number,
            clarity=clarity.score(paper),
        )
        ledger.open_invoice(draft)
        ledger.use_unapplied([customer.id], by=by, on=today)
        notices.queue_invoices([draft.id], now=now)
        autopay.plan([customer.id], today=today, now=now)
        events.record("invoice.issued", draft, by=by, now=now, customer=customer)
    return Invoice.get_by_id(draft.id)


def _paper(draft, company, today):
    """What the customer would read of a draft as it stands now."""
    lines, customer = list(draft.lines.order_by(Line.position)), draft.customer
    return clarity.paper(
        customer, lines, clarity.sender_of(company), issued_on=today, note=draft.note, sums=draft,
        due_on=bill.due_on(company, customer, today),
    )  # fmt: skip


def _unclear(draft, paper):
    """What would confuse in a draft. An unrecorded price is not mended by waiting."""
    known = [finding for finding in clarity.of_draft(draft) if finding.code == "unexplained"]
    return (*clarity.check(paper), *known)


def _keep(draft, findings):
    kept = clarity.kept(findings)
    if kept != draft.unclear:
        Invoice.update(unclear=kept).where(Invoice.id == draft.id).execute()
        draft.unclear = kept
        draft._dirty.discard("unclear")


def redo(draft, *, by, today, now):
    """Throw a draft away and bill its periods and work anew, as charges, sites and texts are now.

    What is clear now is issued; what is not is a draft again. Returns the bill step's Report.
    """
    if draft.state != Invoice.DRAFT:
        raise BillingError("Only a draft is made anew. Void an issued invoice instead.")
    with ledger.locked(draft.customer_id):
        move(draft, Invoice.VOID, voided_on=today, void_reason="Made anew")
        _release_lines(draft, today)
        _put_back(draft)
        events.record("invoice.redone", draft, by=by, now=now, customer=draft.customer)
        return bill.run(today, by=by, now=now, customer=draft.customer)


def discard(draft, *, reason, by, today, now):
    """Throw a draft away: its periods and work are not billed, now or later."""
    if draft.state != Invoice.DRAFT:
        raise BillingError("Only a draft can be discarded. Void an issued invoice instead.")
    with db.atomic():
        move(draft, Invoice.VOID, voided_on=today, void_reason=_reason(reason))
        _release_lines(draft, today)
        events.record("invoice.discarded", draft, by=by, now=now, customer=draft.customer, reason=reason)
    return draft


def void(invoice, *, reason, by, today, now, bill_again=False):
    """Cancel an issued invoice. What was paid on it becomes unapplied again and pays what else is open.

    bill_again -- put its periods and work back, so that the next bill step bills them anew

    Raises BillingError when a payment of it is under way, when it was credited (the credit would stay and
    count twice), or when a later period is billed already.
    """
    with ledger.locked(invoice.customer_id):
        _check_void(invoice)
        freed_cents = ledger.unapply(invoice, reason=f"Invoice {invoice.number} voided", by=by, on=today)
        ledger.close(invoice)
        move(invoice, Invoice.VOID, voided_on=today, void_reason=_reason(reason))
        _release_lines(invoice, today)
        if bill_again:
            _put_back(invoice)
        ledger.use_unapplied([invoice.customer_id], by=by, on=today)
        undisputed.settle([invoice.id], by=by, now=now)
        notices.queue_canceled(invoice, now=now)
        events.record(
            "invoice.voided", invoice, by=by, now=now, customer=invoice.customer, reason=reason,
            after={canceling.FREED: freed_cents} if freed_cents else None,
        )  # fmt: skip
    return invoice


def _check_void(invoice):
    if invoice.state != Invoice.ISSUED:
        raise BillingError("Only an issued invoice can be voided.")
    if attempt := ledger.standing_attempt(invoice):
        raise BillingError(f"Payment {attempt.reference} of this invoice is not concluded. Wait until it is.")
    if invoice.credits.exists():
        raise BillingError("This invoice was corrected by a credit already. Credit the rest of it instead.")


def credit(
    invoice, *, amount_cents, reason, by, today, now, kind=Credit.NOTE, line=None, key=None, **more
):  # fmt: skip
    """Correct an issued invoice by a credit note; what the invoice does not need stays on the account.

    more -- its other columns: the days of service that it is for, the second person's approval

    The same ``key`` again returns the same credit. Raises BillingError above what the invoice was for,
    less what was credited on it before.
    """
    customer = invoice.customer
    with ledger.locked(customer.id):
        if earlier := _same_click(key):
            return earlier
        if Invoice.get_by_id(invoice.id).state != Invoice.ISSUED:
            raise BillingError("Only an issued invoice can be credited.")
        most = creditable_cents(invoice)
        if not 0 < amount_cents <= most:
            raise BillingError(f"Enter an amount between $0.01 and {format_cents(most)}.")
        about = {"invoice": invoice, "line": line, "key": key, **more}
        made = _make_credit(customer, amount_cents, reason, kind, by, today, now, **about)
        ledger.apply_oldest_first(made, by=by, on=today, only=[Invoice.get_by_id(invoice.id)])
        ledger.use_unapplied([customer.id], by=by, on=today)
        if kind != Credit.DISPUTE:  # what decides a dispute closes it itself
            undisputed.settle([invoice.id], by=by, now=now)
    return Credit.get_by_id(made.id)


def _same_click(key):
    """The credit that this form made before, or None; asked under the customer's lock."""
    return Credit.get_or_none(Credit.key == key) if key else None


def creditable_cents(invoice):
    """What can still be credited on an invoice: its total, less what was credited on it and stands."""
    undone = CreditReversal.select(CreditReversal.amount_cents).join(Credit).where(Credit.invoice == invoice)
    standing = sum(credit.amount_cents for credit in invoice.credits)
    return invoice.total_cents - standing + sum(row.amount_cents for row in undone)


def goodwill(customer, *, amount_cents, reason, by, today, now, key=None, kind=Credit.GOODWILL, **more):
    """Give a customer credit out of kindness; it pays what is open, oldest first. One for each ``key``.

    more -- its other columns. Who may give how much alone: billing/remedies/goodwill.py.
    """
    if amount_cents <= 0:
        raise BillingError("Enter an amount above zero.")
    with ledger.locked(customer.id):
        if earlier := _same_click(key):
            return earlier
        made = _make_credit(customer, amount_cents, reason, kind, by, today, now, key=key, **more)
        ledger.apply_oldest_first(made, by=by, on=today)
    return Credit.get_by_id(made.id)


def latest_payable(invoice):
    """The invoice to pay instead of a void one: what bills its periods or work now, or the invoice itself."""
    return replaced.by(invoice) or invoice


def _make_credit(customer, amount_cents, reason, kind, by, today, now, **about):
    made = Credit.create(
        customer=customer,
        kind=kind,
        amount_cents=amount_cents,
        reason=_reason(reason),
        by=by,
        made_on=today,
        created_at=now,
        **about,
    )
    ledger.open_money(made)
    events.record("credit.made", made, by=by, now=now, customer=customer, reason=reason)
    return made


def _reason(text):
    return masking.reason(text, "Give a reason; the customer and your colleagues will read it.")[:255]


def _release_lines(invoice, today):
    """Free the periods and work of a void invoice, so that the unique index lets them be billed again."""
    Line.update(voided_on=today).where(Line.invoice == invoice).execute()


def _put_back(invoice):
    """Set charges and work back to before this invoice, whose lines were released before."""
    for line in invoice.lines.where(Line.charge.is_null(False)).order_by(Line.from_on.desc()):
        charge = Charge.get_by_id(line.charge_id)
        later = charge.lines.where(Line.from_on > line.from_on)
        if later.where(Line.voided_on.is_null()).exists():
            raise BillingError(f"A later period of “{line.text}” is billed already. Void that invoice first.")
        if any(contracts.index_of(charge, one.from_on) < charge.next_index for one in later):
            raise BillingError(
                f"A later period of “{line.text}” was voided for good and would be billed again with this "
                "one. Void it without billing again, and enter what is owed as work."
            )
        contracts.bill_next(charge, contracts.index_of(charge, line.from_on))
    ids = [line.one_off_id for line in invoice.lines.where(Line.one_off.is_null(False))]
    OneOff.update(billed_on=None).where(OneOff.id.in_(ids)).execute()
