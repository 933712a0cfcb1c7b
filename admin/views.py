"""SCREENS: what a table's screen needs beyond what the generator reads from the model. Declarations only.

A model without an entry still gets its screen, under System. ``form_columns`` is a whitelist: nothing that
a rule owns (a state, a balance, a number) can be typed anywhere.
"""

from datetime import timedelta

from flask import abort, current_app, flash, g, request, url_for
from flask_admin import expose
from markupsafe import Markup
from peewee import SQL
from wtforms import PasswordField, validators

from admin import (
    actions,
    agreements,
    calls,
    clarity,
    collections,
    disputes,
    finding,
    held,
    incoming,
    labels,
    outbox,
    payment_actions,
    personal,
    plans,
    printing,
    related,
    remedies,
    remittances,
    renewals,
    security,
    settlements,
    tickets,
    way_out,
)
from admin.base import StaffView
from admin.filters import Derived
from admin.finding import Anywhere, Related
from billing import contracts, customers, demands, documents, ledger, reminder_policies, reports, words
from billing.edges import pdf
from billing.edges.answers import pdf_answer
from billing.money import as_decimal
from billing.remedies import write_offs
from billing.reversals import evidence
from models import (
    TABLES,
    Allocation,
    Approval,
    Attachment,
    AuthorityNotice,
    Autopay,
    AutopayOutcome,
    Call,
    Cancellation,
    CannedReply,
    Charge,
    Chargeback,
    Citation,
    Company,
    Consent,
    Contact,
    Contract,
    Credit,
    CreditReversal,
    Customer,
    CustomerGroup,
    Difference,
    Dispute,
    Event,
    Feed,
    GateOverride,
    GatewayEvent,
    Handover,
    HandoverFile,
    Hold,
    ImportBatch,
    Inbound,
    Installment,
    InstallmentPart,
    Invoice,
    Item,
    JobRun,
    LateFee,
    Line,
    Link,
    Loss,
    Message,
    Note,
    Notice,
    Offer,
    OneOff,
    Payment,
    PaymentMethod,
    PaymentPart,
    Plan,
    PlanInvoice,
    PlannedCharge,
    Preference,
    PreferenceChange,
    PriceChange,
    PrintBatch,
    PrintFile,
    PrintPiece,
    Promise,
    Refund,
    ReminderPolicy,
    ReminderStep,
    RemittanceFile,
    RemittanceRow,
    Renewal,
    RenewalAnswer,
    RenewalNotice,
    RenewalRule,
    RuleReview,
    SearchEntry,
    ServiceCredit,
    Settlement,
    SettlementLine,
    Site,
    Staff,
    Stance,
    Suspension,
    System,
    TaxRate,
    Ticket,
    ToJudge,
    Verdict,
)

ADDRESS = ("street", "street2", "city", "state", "zip")


# --- customers -------------------------------------------------------------------------------------


class CustomerView(StaffView):
    """Who owes. A row leads to the page that shows everything about them."""

    can_create = can_edit = True
    column_list = ("account_number", "name", "balance", "kind", "city", "state", "pay_wish", "since_on")
    column_labels = {"account_number": "Account", "since_on": "Since", "pay_wish": "Wishes to pay by"}
    column_filters_by = (
        "kind", "group", "pay_wish", "language", "state", "city", "since_on", "closed_on", "import_batch",
    )  # fmt: skip
    form_columns = (
        "account_number", "name", "kind", *ADDRESS, "language", "group", "terms_days",
        "po_number", "tax_exempt_number", "tax_exempt_until_on", "since_on", "vulnerable_reason", "note",
        "closed_on",
    )  # fmt: skip
    actions = (
        remedies.GOODWILL,
        *actions.CUSTOMER,
        *calls.CUSTOMER,
        plans.PROMISE_OF_CUSTOMER,
        plans.PLAN_OF_CUSTOMER,
        *way_out.CUSTOMER,
        *held.CUSTOMER,
    )
    search_by = (
        Customer.account_number,
        Anywhere(Customer.name),
        Anywhere(Customer.street),
        Anywhere(Customer.city),
    )

    def prepare(self, rows):
        super().prepare(rows)
        found = self.balances([row.id for row in rows])
        for row in rows:
            row.balance = found.get(row.id)

    def balances(self, ids):
        """What these customers owe, in a few queries for all of them."""
        return ledger.balances(ids, today=g.today) if ids else {}

    def show_balance(self, row):
        owed = row.balance
        if owed.past_due_cents:
            late = labels.badge("past due")
            return Markup("{}{}").format(late, labels.cents(owed.owed_cents))
        if owed.due_cents == 0 and owed.unapplied_cents > owed.owed_cents:
            return Markup("{} <span class='soft'>credit</span>").format(
                labels.cents(owed.unapplied_cents - owed.owed_cents)
            )
        return labels.cents(owed.owed_cents)

    def plain_balance(self, row):
        return str(as_decimal(row.balance.owed_cents))

    def is_number(self, name):
        return name == "balance" or super().is_number(name)

    details_view = None  # admin/customer.py has the page

    def _prefilled(self):
        return super()._prefilled() | {"account_number": customers.free_account_number()}

    def show_name(self, row):
        return Markup('<a href="{}">{}</a>').format(self.row_url(row), row.name)

    def row_url(self, row):
        return url_for("staff.customer", id=row.id)

    def customer_of(self, row):
        return row


class ContactView(StaffView):
    """People at customers."""

    can_create = can_edit = True
    column_list = ("name", "customer", "email", "phone", "role", "bounced_at", "left_on")
    column_filters_by = ("customer", "role", "bounced_at", "left_on")
    form_columns = ("customer", "name", "email", "phone", "role", "left_on")
    edit_columns = form_columns[1:]  # nothing moves from one customer to another
    inline = ("preferences",)
    actions = incoming.CONTACT

    def saved(self, row, form, *, created):
        """Of a new address nothing is known yet."""
        if not created and form.email.data != form.email.object_data:
            Contact.update(bounced_at=None).where(Contact.id == row.id).execute()


class SiteView(StaffView):
    """Protected places."""

    can_create = can_edit = True
    column_list = ("name", "customer", "street", "city", "state", "zip", "jurisdiction", "permit_number")
    column_filters_by = ("customer", "state", "jurisdiction")
    form_columns = ("customer", "name", *ADDRESS, "jurisdiction", "time_zone", "permit_number")
    edit_columns = form_columns[1:]
    inline = ("systems", "charges")

    def check(self, form, row):
        code = form.jurisdiction.data
        if code and not TaxRate.select().where(TaxRate.jurisdiction == code).exists():
            form.jurisdiction.errors = [f"No tax rate is called {code}. Look in Tax rates, or add it there."]


class SystemView(StaffView):
    """What is installed and monitored."""

    can_create = can_edit = True
    column_list = ("name", "site", "kind", "station_number", "required_fire", "certificated")
    form_columns = ("site", "kind", "name", "station_number", "required_fire")
    edit_columns = form_columns[1:]
    search_by = (Anywhere(System.name), System.station_number, Related(System.site, finding.searched(Site)))


class MessageView(StaffView):
    """The messages of tickets."""

    column_list = ("written_at", "staff", "contact", "body", "internal")
    column_filters_by = ("ticket", "staff", "internal", "written_at")
    inline_sort = "id"

    def show_body(self, row):
        return Markup('<div class="prewrap">{}</div>').format(row.body)


# --- contracts -------------------------------------------------------------------------------------


class ContractView(renewals.ContractEnd, StaffView):
    """Terms, renewal and end. Ending and pausing are actions."""

    can_create = can_edit = True
    column_list = ("name", "customer", "starts_on", "term_months", "auto_renew", "ends_on", "end_reason")
    column_labels = {"term_months": "Term (months)", "renewal_months": "Renewal (months)"}
    column_filters_by = ("customer", "audience", "starts_on", "ends_on", "end_reason", "auto_renew")
    form_columns = (
        "customer", "name", "audience", "signed_on", "starts_on", "term_months", "renewal_months",
        "notice_days", "auto_renew", "governing_state", "signup_medium", "signed_online",
        "renewal_disclosure_signed_on", "renewal_requested_on", "leased_equipment", "late_fee_agreed",
    )  # fmt: skip
    edit_columns = tuple(name for name in form_columns if name not in ("customer", "starts_on"))
    actions = (*actions.CONTRACT, agreements.END, *agreements.AUTHORITY, *way_out.CONTRACT)
    inline = ("charges", "holds")
    unlisted = ("renewal_notices",)
    details_page = "admin/contract.html"


class ChargeView(StaffView):
    """Recurring charges. Their price, dates and end change through actions: no period is billed twice."""

    can_create = can_edit = True
    column_list = ("text", "contract", "site", "quantity", "unit_cents", "cycle_months", "next_on", "ends_on")
    column_labels = {
        "unit_cents": "Price of one", "next_on": "Next bill", "cycle_months": "Cycle", "text": "Charge",
        "discount_cents": "Discount", "in_arrears": "In arrears",
    }  # fmt: skip
    column_filters_by = (
        "contract", "site", "item", "cycle_months", "unit_cents", "next_on", "starts_on", "ends_on",
    )  # fmt: skip
    form_columns = (
        "contract", "item", "text", "site", "system", "quantity", "unit_cents", "discount_cents",
        "discount_reason", "cycle_months", "anchor_day", "in_arrears", "prorate_first", "prorate_last",
        "starts_on", "ends_on",
    )  # fmt: skip
    edit_columns = ("text", "site", "system", "discount_cents", "discount_reason")
    actions = actions.CHARGE
    inline = ("price_changes",)
    search_by = (Anywhere(Charge.text), Related(Charge.contract, finding.searched(Contract)))

    def prepare(self, rows):
        super().prepare(rows)
        related.load(rows, [Charge.item])

    def show_text(self, row):
        return row

    def more_links(self, row):
        if row.next_on is None or not security.may("staff.price_increase"):
            return []
        return [("Plan an increase", url_for("staff.price_increase", charge=row.id))]

    def check(self, form, row):
        contract = form.contract.data if "contract" in form else row.contract
        refuse_strangers(form, contract.customer_id)
        if "quantity" in form and (form.discount_cents.data or 0) > form.quantity.data * (
            form.unit_cents.data or 0
        ):
            form.discount_cents.errors = ["The discount is more than the price."]
        renewals.refuse_state(form, contract)

    def saved(self, row, form, *, created):
        if created:
            contracts.start(row, by=g.by, now=g.now)


def refuse_strangers(form, customer_id):
    """A charge or work stands at a site of its own customer, and its system at that site."""
    site, system = form.site.data, form.system.data
    if site and site.customer_id != customer_id:
        form.site.errors = ["This site belongs to another customer."]
    if system and (system.site_id != site.id if site else system.site.customer_id != customer_id):
        form.system.errors = ["This system is installed at another site."]


class OneOffView(StaffView):
    """Service calls and parts, billed once."""

    can_create = can_edit = True
    column_list = (
        "text", "customer", "done_on", "quantity", "unit_cents", "work_order", "billed_on", "canceled_on",
    )  # fmt: skip
    column_labels = {"unit_cents": "Price of one", "text": "Work", "alone": "On an invoice of its own"}
    column_filters_by = ("customer", "item", "done_on", "billed_on", "canceled_on", "unit_cents")
    form_columns = (
        "customer", "item", "text", "site", "system", "quantity", "unit_cents", "discount_cents",
        "discount_reason", "done_on", "work_order", "alone",
    )  # fmt: skip
    edit_columns = form_columns[1:]
    actions = actions.ONE_OFF

    def prepare(self, rows):
        super().prepare(rows)
        related.load(rows, [OneOff.item])

    def show_text(self, row):
        return row

    def check(self, form, row):
        refuse_strangers(form, form.customer.data.id if "customer" in form else row.customer_id)
        if (form.discount_cents.data or 0) > form.quantity.data * (form.unit_cents.data or 0):
            form.discount_cents.errors = ["The discount is more than the price."]
        if row is not None and (row.billed_on or row.canceled_on):
            form.text.errors = ["This work is billed or canceled and cannot be changed any more."]


class HoldView(StaffView):
    """Pauses; made by the actions of contracts, and by disputes."""

    column_list = ("customer", "contract", "scope", "reason", "starts_on", "ends_on", "by")
    actions = payment_actions.HOLD


# --- money -----------------------------------------------------------------------------------------

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
        document = documents.invoice_document(self.get_one(id), pay_url="", today=g.today)
        return pdf_answer(pdf.invoice_pdf(document), f"Invoice {document.number}")

    def more_links(self, row):
        links = [("PDF", url_for(".pdf_view", id=row.id))]
        if row.open_cents and security.may("staff.record_payment"):
            links.append(
                ("Record payment", url_for("staff.record_payment", customer=row.customer_id, invoice=row.id))
            )
        return links

    unclear = staticmethod(clarity.findings)

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
        return pdf_answer(
            pdf.receipt_pdf(documents.receipt_document(payment)), f"Receipt {payment.reference}"
        )

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
        "reference", "payment", "amount_cents", "state", "how", "reason", "by", "made_on",
    )  # fmt: skip
    column_labels = {
        "reference": "Refund", "made_on": "Ordered", "paid_on": "Paid back", "how": "Way",
        "reopen_cents": "Taken from invoices", "approved_by": "Second person", "outcome": "How it stands",
    }  # fmt: skip
    column_filters_by = ("state", "how", "payment", "amount_cents", "made_on", "by")
    actions = payment_actions.REFUND
    inline = ("notices",)

    def show_reference(self, row):
        return row.reference or f"Refund {row.id}"

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


class PaymentMethodView(StaffView):
    """Cards and bank accounts that the processor keeps. The customer adds and removes them."""

    column_list = ("label", "customer", "kind", "state", "expires_on", "added_at", "reason")
    column_labels = {
        "label": "Method", "first_cents": "First charge", "token": "Processor's id", "ended_at": "Ended",
        "network_transaction_id": "Network's id of the first charge",
    }  # fmt: skip
    column_filters_by = ("state", "kind", "customer", "expires_on", "added_at")
    lead = "Nobody types a card here: customers save them on the processor's page."
    actions = payment_actions.METHOD
    inline = ("payments",)


class AutopayView(StaffView):
    """Standing authorizations: who agreed to which words, and when. Never changed, only ended."""

    plural = "Autopay"
    column_list = ("id", "customer", "method", "timing", "cap_cents", "tell_days", "agreed_at", "ended_at")
    column_labels = {
        "cap_cents": "Ask above", "tell_days": "Told ahead (days)", "days_before": "Days before due",
        "agreed_at": "Agreed", "agreed_from": "Agreed from", "ended_at": "Ended", "text": "Words agreed to",
    }  # fmt: skip
    column_filters_by = ("customer", "method", "timing", "cap_cents", "agreed_at", "ended_at")
    actions = payment_actions.AUTOPAY
    inline = ("planned_charges", "payments")


class PlannedChargeView(StaffView):
    """What autopay is going to do, and what customers were told of it."""

    column_list = ("id", "customer", "invoice", "state", "charge_on", "told_on", "told_cents", "reason")
    column_labels = {
        "told_on": "Told on", "told_cents": "Told", "charge_on": "Day of the charge",
        "postponed_from_on": "Put off from", "postponed_at": "Put off",
    }  # fmt: skip
    column_filters_by = ("state", "customer", "invoice", "charge_on", "told_on", "postponed_from_on")
    actions = payment_actions.PLANNED_CHARGE

    def show_state(self, row):
        """A charge of an invoice that was paid another way stays planned until the next daily job."""
        is_paid = row.state == row.PLANNED and row.invoice.open_cents == 0
        return labels.badge("paid already", "plain") if is_paid else labels.badge(row.state)


class AutopayOutcomeView(StaffView):
    """What became of every invoice that autopay should have paid on a day."""

    plural = "Autopay, day by day"
    column_list = ("id", "run_on", "customer", "invoice", "outcome", "why", "reason", "payment")
    column_labels = {"run_on": "Day", "decided_at": "Decided", "reason": "In words"}
    column_filters_by = ("outcome", "why", "run_on", "customer", "invoice")


# --- messages --------------------------------------------------------------------------------------


class NoticeView(StaffView):
    """Every message that we sent or will send."""

    column_list = ("created_at", "kind", "customer", "channel", "state", "reason", "sent_at")
    column_labels = {"created_at": "Queued", "why": "Why it was sent"}
    column_filters_by = (
        "state", "kind", "channel", "customer", "contact", "invoice", "created_at", "sent_at",
    )  # fmt: skip
    actions = (*outbox.DRAFT, *actions.NOTICE, outbox.PROOF)
    inline = ("gate_overrides", "offers", "citations", "said_too")

    def more_links(self, row):
        links = (
            [("Invoice PDF", url_for("staff_invoice.pdf_view", id=row.invoice_id))] if row.invoice_id else []
        )
        if row.state == Notice.DRAFT and row.kind == Notice.CHECK_IN and security.may("staff.personal"):
            links.insert(0, ("Read and send", url_for("staff.personal", id=row.id)))
        return links

    def show_body_html(self, row):
        return (
            labels.EMPTY if not row.body_html else f"{words.plural(len(row.body_html), 'character')} of HTML"
        )


class LinkView(StaffView):
    """Capability links: that they exist, never what they are."""

    column_list = (
        "purpose", "customer", "invoice", "created_at", "expires_at", "revoked_at",
    )  # fmt: skip
    actions = actions.LINK


class PreferenceView(StaffView):
    """What contacts want to hear, how, and when; chosen by themselves."""

    column_list = ("contact", "event", "channel", "timing", "days_ahead", "changed_at")
    column_filters_by = ("event", "channel", "timing", "changed_at")


class PreferenceChangeView(StaffView):
    """Every choice that was ever made, by whom and how."""

    plural = "Changes of preferences"
    column_list = ("at", "contact", "event", "channel", "timing", "via", "by", "reason")
    column_filters_by = ("event", "channel", "via", "at")


class ConsentView(StaffView):
    """Permissions that the law wants in writing, with their words. Given and ended, never edited."""

    column_list = ("contact", "kind", "address_or_number", "given_at", "source", "withdrawn_at")
    column_filters_by = ("kind", "source", "given_at", "withdrawn_at")


# --- catalog and house -----------------------------------------------------------------------------


class ItemView(StaffView):
    """What the company sells."""

    can_create = can_edit = True
    column_list = ("code", "name", "kind", "unit_cents", "taxable", "retired_on")
    column_labels = {"unit_cents": "Usual price"}
    column_filters_by = ("kind", "taxable", "unit_cents", "retired_on")
    form_columns = ("code", "name", "kind", "unit_cents", "taxable", "retired_on")
    default_sort = "code"


class TaxRateView(StaffView):
    """Sales tax between two dates. A change is a new row; a row that was used is only ended."""

    can_create = can_edit = True
    column_list = ("jurisdiction", "name", "rate_ppm", "starts_on", "ends_on")
    form_columns = ("jurisdiction", "name", "rate_ppm", "starts_on", "ends_on")
    edit_columns = ("name", "ends_on")
    default_sort = "jurisdiction"


class CompanyView(StaffView):
    """The company and its policies; one row."""

    can_edit = True
    plural = "Company"
    column_list = ("name", "phone", "email", "time_zone", "next_invoice_number", "terms_days")
    form_columns = (
        "name", "legal_name", "phone", "phone_hours", "email", "website", *ADDRESS, "license_number",
        "payable_to", "remit_street", "remit_city", "remit_state", "remit_zip", "logo", "time_zone",
        "invoice_prefix", "terms_days", "bill_ahead_days", "catch_up_periods", "minimum_payment_cents",
        "pay_link_days", "bank_clear_days", "postpone_days", "postpone_limit",
        "refund_alone_cents", "return_fee_cents", "grace_days", "gap_days", "contacts_a_week",
        "send_from_hour", "send_until_hour", "dispute_days", "daily_batch",
        *remedies.POLICIES,
        *plans.POLICIES,
        *way_out.POLICIES,
    )  # fmt: skip
    column_labels = remedies.POLICY_LABELS | plans.POLICY_LABELS
    actions = outbox.COMPANY

    def check(self, form, row):
        remedies.check_policies(form)
        first, last = form.send_from_hour.data, form.send_until_hour.data
        if first is not None and last is not None and first >= last:
            form.send_until_hour.errors = ["This is not later than the hour from which messages leave."]

    def saved(self, row, form, *, created):
        if form.logo.data:
            Company.update(logo_type=documents.picture_kind(form.logo.data)).where(
                Company.id == row.id
            ).execute()


class StaffMemberView(StaffView):
    """Who may sign in to the back office."""

    can_create = can_edit = True
    plural = "Staff"
    column_list = ("name", "email", "role", "signed_in_at", "locked_until_at", "left_on")
    column_labels = {"signed_in_at": "Last sign-in", "failed_tries": "Failed tries"}
    column_filters_by = ("role", "left_on")
    form_columns = ("name", "email", "role", "left_on")
    create_columns = (*form_columns, "password")
    actions = actions.STAFF

    def extra_fields(self, columns):
        if "password" not in columns:
            return {}
        hint = "At least 10 characters. Empty: they cannot sign in until an owner sets one."
        return {"password": PasswordField("Password", [validators.Length(max=500)], description=hint)}

    def is_valid(self, form, row):
        form.email.data = (form.email.data or "").strip().lower()  # as they sign in, however it is typed
        return super().is_valid(form, row)

    def check(self, form, row):
        if form.password.data if "password" in form else "":
            try:
                security.hashed_password(form.password.data)
            except security.BillingError as refusal:
                form.password.errors = [str(refusal)]
        if row is not None and row.role == Staff.OWNER and self._is_last_owner(form, row):
            form.role.errors = ["This is the last owner. Make somebody else an owner first."]

    def _is_last_owner(self, form, row):
        stays = form.role.data == Staff.OWNER and not form.left_on.data
        others = Staff.select().where(
            (Staff.role == Staff.OWNER) & Staff.left_on.is_null() & (Staff.id != row.id)
        )
        return not stays and not others.exists()

    def saved(self, row, form, *, created):
        if created and form.password.data:
            security.set_password(row, form.password.data, by=g.by, now=g.now)
        elif created:
            flash("They cannot sign in before they have a password: use “Set password”.", "message")


class ImportBatchView(StaffView):
    """Imported files. Their customers stay mute until they are released."""

    plural = "Imports"
    column_list = ("id", "file_name", "state", "by", "committed_at", "released_at", "undone_at")
    actions = actions.IMPORT_BATCH


class JobRunView(StaffView):
    """What the daily job did."""

    plural = "Daily job"
    column_list = ("name", "as_of_on", "state", "started_at", "ended_at", "holder")


class EventView(StaffView):
    """The audit: who did what, when, from what to what."""

    plural = "Audit"
    column_list = ("at", "by", "what", "about_table", "about_id", "reason")
    column_labels = {"about_table": "Table", "about_id": "Row", "customer_id": "Customer no."}
    column_filters_by = ("at", "customer_id", "about_id")
    search_by = ()

    def show_what(self, row):
        return labels.event(row.what)

    def show_about_id(self, row):
        """The row it is about, where there is a page of it."""
        is_customer = row.about_table == "customer"
        endpoint = "staff.customer" if is_customer else f"staff_{row.about_table}.details_view"
        if endpoint not in current_app.view_functions:
            return row.about_id
        return Markup('<a href="{}">{}</a>').format(url_for(endpoint, id=row.about_id), row.about_id)


class GatewayEventView(StaffView):
    """Webhooks as they came."""

    column_list = ("received_at", "kind", "transaction_id", "handled_at", "result")
    column_filters_by = ("kind", "transaction_id", "received_at", "handled_at")


class SearchEntryView(StaffView):
    """What the search looks through: one row for each message, call and note. Kept by the database."""

    plural = "Search index"


SCREENS = (  # (heading of the menu, ((model, view), ...)), in menu order
    (
        "Customers",
        (
            (Customer, CustomerView),
            (Contact, ContactView),
            (CustomerGroup, outbox.CustomerGroupView),
            (Site, SiteView),
            (System, SystemView),
            (Ticket, tickets.TicketView),
            (CannedReply, tickets.CannedReplyView),
            (Call, calls.CallView),
            (Note, calls.NoteView),
            (Verdict, collections.VerdictView),
            (Stance, collections.StanceView),
        ),
    ),
    (
        "Contracts",
        (
            (Contract, ContractView),
            (Charge, ChargeView),
            (OneOff, OneOffView),
            (PriceChange, agreements.PriceChangeView),
            (Hold, HoldView),
        ),
    ),  # fmt: skip
    (
        "Contract ends",
        (
            (RenewalNotice, renewals.RenewalNoticeView),
            (RenewalAnswer, agreements.RenewalAnswerView),
            (Cancellation, agreements.CancellationView),
            (Suspension, way_out.SuspensionView),
            (AuthorityNotice, agreements.AuthorityNoticeView),
            (Renewal, renewals.RenewalView),
            (RenewalRule, renewals.RenewalRuleView),
            (RuleReview, renewals.RuleReviewView),
        ),
    ),  # fmt: skip
    (
        "Money",
        (
            (Invoice, InvoiceView),
            (Payment, PaymentView),
            (Credit, CreditView),
            (Dispute, disputes.DisputeView),
            (Promise, plans.PromiseView),
            (Plan, plans.PlanView),
            (Installment, plans.InstallmentView),
            (PlanInvoice, plans.PlanInvoiceView),
            (InstallmentPart, plans.InstallmentPartView),
            (Approval, remedies.ApprovalView),
            (ServiceCredit, remedies.ServiceCreditView),
            (LateFee, remedies.LateFeeView),
            (CreditReversal, remedies.CreditReversalView),
            (Refund, RefundView),
            (Chargeback, ChargebackView),
            (Loss, LossView),
            (Handover, way_out.HandoverView),
            (Allocation, AllocationView),
            (Line, LineView),
        ),
    ),  # fmt: skip
    (
        "Bank and processor",
        (
            (Settlement, settlements.SettlementView),
            (Difference, settlements.DifferenceView),
            (RemittanceRow, remittances.RemittanceRowView),
            (RemittanceFile, remittances.RemittanceFileView),
            (SettlementLine, settlements.SettlementLineView),
        ),
    ),  # fmt: skip
    (
        "Automatic payment",
        (
            (Autopay, AutopayView),
            (PaymentMethod, PaymentMethodView),
            (PlannedCharge, PlannedChargeView),
            (AutopayOutcome, AutopayOutcomeView),
        ),
    ),  # fmt: skip
    (
        "Messages",
        (
            (Notice, NoticeView),
            (Citation, personal.CitationView),
            (Offer, personal.OfferView),
            (GateOverride, held.GateOverrideView),
            (Inbound, incoming.InboundView),
            (ReminderPolicy, outbox.ReminderPolicyView),
            (ReminderStep, outbox.ReminderStepView),
            (PrintBatch, printing.PrintBatchView),
            (PrintPiece, printing.PrintPieceView),
            (PrintFile, printing.PrintFileView),
            (Link, LinkView),
            (Preference, PreferenceView),
            (PreferenceChange, PreferenceChangeView),
            (Consent, ConsentView),
        ),
    ),  # fmt: skip
    ("Catalog", ((Item, ItemView), (TaxRate, TaxRateView))),
    (
        "System",
        (
            (Company, CompanyView),
            (Staff, StaffMemberView),
            (JobRun, JobRunView),
            (ImportBatch, ImportBatchView),
            (Event, EventView),
            (GatewayEvent, GatewayEventView),
            (Feed, calls.FeedView),
            (ToJudge, collections.ToJudgeView),
            (Message, MessageView),
            (Attachment, tickets.AttachmentView),
            (HandoverFile, way_out.HandoverFileView),
            (PaymentPart, PaymentPartView),
            (SearchEntry, SearchEntryView),
        ),
    ),  # fmt: skip
)


def screens():
    """(heading, model, view class) of every table: declared ones in menu order, then all that is left."""
    declared = [(heading, model, view) for heading, group in SCREENS for model, view in group]
    left = [model for model in TABLES if model not in {model for _, model, _ in declared}]
    return declared + [("System", model, StaffView) for model in left]
