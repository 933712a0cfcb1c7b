"""Invoices, payments, credits, refunds, chargebacks and losses: what their screens need."""

from datetime import timedelta

from flask import abort, g, request, url_for
from flask_admin import expose
from peewee import SQL

from admin import (
    actions,
    clarity,
    disputes,
    labels,
    payment_actions,
    plans,
    related,
    remedies,
    security,
    tickets,
)
from admin.base import StaffView
from admin.filters import Derived
from billing import demands, reminder_policies, replaced, reports
from billing.documents import invoice_documents, receipt_documents
from billing.edges import pdf
from billing.edges.answers import pdf_answer
from billing.remedies import write_offs
from billing.reversals import evidence
from models import (
    Credit,
    Invoice,
    Payment,
)

INVOICE_STANDING = {
    "open": ("Open", lambda at: at(Invoice.open_cents) > SQL("0")),
    "past_due": ("Past due", lambda at: demands.due_between(None, g.today - timedelta(days=1), at)),
    "disputed": ("Disputed", lambda at: at(Invoice.id).in_(disputes.disputed())),
    "needs_person": ("Needs a person", lambda at: reminder_policies.needing_person(at, g.today)),
    "unclear": (
        "To make clear",
        lambda at: (at(Invoice.unclear) != SQL("''")) & (at(Invoice.state) == Invoice.DRAFT),
    ),
    "remainder": ("Small remainder", lambda at: write_offs.remainders(g.today, at)),
    "paid": ("Paid", lambda at: (at(Invoice.open_cents) == 0) & (at(Invoice.state) == Invoice.ISSUED)),
}


def _of_age(name):
    """A condition for those of which something is asked for so many days ago: the list behind a number."""
    return lambda at: demands.due_between(*reports.days_of(name, g.today), at)


INVOICE_AGE = {name: (words, _of_age(name)) for name, (words, *_) in reports.AGES.items()}


class InvoiceView(StaffView):
    """Demands for money. Frozen once issued; everything else is an action."""

    column_list = ("number", "customer", "state", "issued_on", "due_on", "total_cents", "open_cents")
    column_labels = {
        "open_cents": "Open",
        "total_cents": "Total",
        "previous_cents": "Owed before",
        "run": "Bill run",
    }
    column_filters_by = (
        Derived("standing", "Standing", Invoice.open_cents, INVOICE_STANDING),
        Derived("age", "Past due for", Invoice.due_on, INVOICE_AGE),
        "state", "customer", "due_on", "issued_on", "total_cents", "open_cents", "number", "run",
    )  # fmt: skip
    actions = (*actions.INVOICE, clarity.REDO, *disputes.INVOICE, *remedies.INVOICE, plans.PROMISE_OF_INVOICE)
    details_page = "admin/invoice.html"
    inline = ("lines", "allocations", "credits", "notices")

    @expose("/<int:id>/pdf")
    def pdf_view(self, id):
        """The invoice as the customer gets it on paper; a draft as it would be."""
        document = invoice_documents.of(self.get_one(id), pay_url="", today=g.today)
        return pdf_answer(pdf.invoice_pdf(document), f"Invoice {document.number}")

    def more_links(self, row):
        links = [("PDF", url_for(".pdf_view", id=row.id))]
        if row.open_cents and security.may("staff.record_payment"):
            links.append(
                ("Record payment", url_for("staff.record_payment", customer=row.customer_id, invoice=row.id))
            )
        return links

    unclear = staticmethod(clarity.findings)
    replaced_by, replaces = staticmethod(replaced.by), staticmethod(replaced.of)

    def banners(self, row):
        return [*disputes.banners(row), *tickets.banners(row)]

    def prepare(self, rows):
        super().prepare(rows)
        disputes.learn_what_is_asked(rows)

    def show_number(self, row):
        return row.number or "Draft"

    def show_state(self, row):
        return labels.badge(invoice_state(row))

    def plain_state(self, row):
        return invoice_state(row)


def invoice_state(invoice):
    """One word for where an invoice stands today, derived from its columns."""
    if invoice.state != Invoice.ISSUED:
        return invoice.state
    if not invoice.open_cents:
        return "paid"
    return disputes.standing(invoice)


class LineView(StaffView):
    """Lines of invoices, with every word that was printed."""

    column_list = (
        "text", "invoice", "site_text", "from_on", "to_on", "quantity", "unit_cents", "tax_cents",
        "total_cents",
    )  # fmt: skip
    column_labels = {"site_text": "Site", "unit_cents": "Price of one", "system_text": "System"}
    column_filters_by = ("invoice", "charge", "one_off", "voided_on")
    inline_sort = "id"


PAYMENT_STANDING = {
    "came": ("Money that came", reports.came),
    "on_the_way": (
        "On its way to the bank",
        lambda at: (at(Payment.state) == Payment.APPROVED) & at(Payment.transaction_id).is_null(False),
    ),
}


class PaymentView(StaffView):
    """Attempts and money. Entering one by hand has its own page."""

    column_list = (
        "reference", "customer", "received_on", "amount_cents", "state", "kind", "method_label",
        "open_cents",
    )  # fmt: skip
    column_labels = {
        "open_cents": "Not applied",
        "method_label": "Method",
        "entered_by": "Entered by",
        "asks": "Empty searches",
        "method": "Saved method",
        "retry_on": "Tried again on",
        "returned_on": "Taken back on",
        "return_code": "Bank's return code",
        "decline_code": "Processor's decline code",
        "clears_on": "Complete on",
        "entry_class": "Kind of bank entry",
        "said_by": "Authorized by phone by",
        "said_words": "What was read to them",
        "said_version": "Text of what was read",
        "try_number": "Automatic try no.",
    }
    column_filters_by = (
        Derived("standing", "Standing", Payment.state, PAYMENT_STANDING),
        "state", "kind", "customer", "received_on", "amount_cents", "open_cents", "check_number",
        "returned_on",
    )  # fmt: skip
    actions = payment_actions.PAYMENT
    inline = ("allocations", "parts", "refunds", "chargebacks", "losses")

    @expose("/<int:id>/receipt")
    def pdf_view(self, id):
        """The receipt of a payment that is ours."""
        payment = self.get_one(id)
        if payment.state not in Payment.MONEY:
            abort(404)
        return pdf_answer(pdf.receipt_pdf(receipt_documents.of(payment)), f"Receipt {payment.reference}")

    def more_links(self, row):
        return [("Receipt", url_for(".pdf_view", id=row.id))] if row.state in Payment.MONEY else []


class PaymentPartView(StaffView):
    """What payers meant their payments for."""

    column_list = ("payment", "invoice", "amount_cents", "live")


class CreditView(StaffView):
    """What lowers a debt without money moving; made by actions."""

    column_list = (
        "id", "customer", "invoice", "kind", "amount_cents", "open_cents", "reason", "by", "made_on",
    )  # fmt: skip
    column_labels = {"open_cents": "Not applied"}
    column_filters_by = (
        Derived("standing", "Standing", Credit.kind, remedies.CREDIT_STANDING),
        "customer", "invoice", "kind", "amount_cents", "open_cents", "made_on",
    )  # fmt: skip
    actions = remedies.CREDIT
    inline = ("allocations", "undone_by", "notices")


class AllocationView(StaffView):
    """Which money pays which invoice."""

    column_list = ("invoice", "payment", "credit", "amount_cents", "made_on", "by", "reason")
    column_filters_by = ("invoice", "payment", "credit", "made_on", "amount_cents")


class RefundView(StaffView):
    """Money that went back, or is ordered to."""

    column_list = (
        "reference", "customer", "amount_cents", "state", "how", "reason", "payment", "by", "made_on",
    )  # fmt: skip
    column_labels = {
        "reference": "Refund", "made_on": "Ordered", "paid_on": "Paid back", "how": "Way",
        "reopen_cents": "Taken from invoices", "approved_by": "Second person", "outcome": "How it stands",
    }  # fmt: skip
    column_filters_by = ("state", "how", "payment", "amount_cents", "made_on", "by")
    actions = payment_actions.REFUND
    inline = ("notices",)

    def get_details_columns(self):
        """Without the rows of staff: who they are stands there as people read it."""
        hidden = ("by_staff", "approved_by_staff")
        return [pair for pair in super().get_details_columns() if pair[0] not in hidden]

    def show_reference(self, row):
        return row.reference or f"Refund {row.id}"

    def prepare(self, rows):
        super().prepare(rows)
        related.load([row.payment for row in rows], [Payment.customer])

    def show_customer(self, row):
        return labels.row_link(self.customer_of(row))

    def plain_customer(self, row):
        return labels.name_of(self.customer_of(row))

    def customer_of(self, row):
        return row.payment.customer if row.payment_id else None


class ChargebackView(StaffView):
    """Disputes: each a case with a deadline and its evidence."""

    column_list = (
        "id", "payment", "customer", "amount_cents", "state", "reason", "answer_by_on", "opened_on",
        "closed_on",
    )  # fmt: skip
    column_labels = {
        "fee_cents": "Bank's fee", "opened_on": "Opened", "answer_by_on": "Answer by",
        "answered_on": "Answered", "closed_on": "Decided",
    }  # fmt: skip
    column_filters_by = ("state", "customer", "answer_by_on", "opened_on", "amount_cents")
    actions = payment_actions.CHARGEBACK
    details_page = "admin/chargeback.html"
    default_sort = "-id"

    @expose("/<int:id>/evidence")
    def pdf_view(self, id):
        """The evidence as the bank gets it."""
        case = self.get_one(id)
        document = evidence.collect(case)
        if "chosen" in request.args:
            wanted = request.args.getlist("part")
            document = evidence.without(document, [name for name, _ in evidence.PARTS if name not in wanted])
        return pdf_answer(pdf.evidence_pdf(document), f"Evidence for {case}")

    evidence_parts = evidence.PARTS

    def evidence(self, row):
        """What its page shows."""
        return evidence.collect(row)


class LossView(StaffView):
    """Money that is gone and that no invoice covers."""

    plural = "Losses"
    column_list = ("id", "payment", "kind", "amount_cents", "reason", "by", "made_on")
    column_filters_by = ("kind", "payment", "amount_cents", "made_on")
