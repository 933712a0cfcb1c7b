"""Contracts, charges, work billed once and pauses: what their screens need beyond the generator."""

from flask import g, url_for

from admin import (
    actions,
    agreements,
    finding,
    labels,
    lists,
    payment_actions,
    related,
    renewals,
    security,
    way_out,
)
from admin.base import StaffView
from admin.filters import Derived
from admin.finding import Anywhere, Related
from billing import contracts, one_offs, reports
from billing.money import format_cents
from billing.remedies import given_up
from models import (
    Charge,
    Contract,
    Hold,
    OneOff,
)


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


CHARGE_STANDING = {
    "running": ("Running", lambda at: reports.running(g.today, at)),
    "to_come": ("To come", lambda at: at(Charge.starts_on) > g.today),
    "ended": ("Ended", lambda at: at(Charge.ends_on) < g.today),
}


class ChargeListing(lists.Listing):
    """Prices of a month and of a year add up to nothing; what charges come to in a month does."""

    def _matches(self, conditions):
        count, sums, ids = super()._matches(conditions)
        return count, {"a_month": reports.rmr_cents(g.today, ids)} if sums else {}, ids


class ChargeView(StaffView):
    """Recurring charges. Their price, dates and end change through actions: no period is billed twice."""

    can_create = can_edit = True
    listing_class = ChargeListing
    column_list = (
        "text", "contract", "site", "quantity", "unit_cents", "cycle_months", "a_month", "next_on", "ends_on",
    )  # fmt: skip
    column_labels = {
        "unit_cents": "Price of one", "next_on": "Next bill", "cycle_months": "Cycle", "text": "Charge",
        "discount_cents": "Discount", "in_arrears": "In arrears", "a_month": "A month",
    }  # fmt: skip
    column_filters_by = (
        Derived("standing", "Standing", Charge.ends_on, CHARGE_STANDING),
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
        monthly = reports.monthly_cents(rows, g.today)
        for charge in rows:
            charge.month_cents = monthly.get(charge.id)

    def is_number(self, name):
        return name == "a_month" or super().is_number(name)

    def show_text(self, row):
        return row

    def show_a_month(self, row):
        """What it comes to in a month as of today: what RMR adds up."""
        return labels.EMPTY if row.month_cents is None else format_cents(row.month_cents)

    def plain_a_month(self, row):
        return "" if row.month_cents is None else labels.plain(Charge.unit_cents, row.month_cents)

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
        if row is None or not (row.canceled_on or row.billed_on):
            return
        if row.canceled_on or not one_offs.is_unclear(row):
            form.text.errors = ["This work is billed or canceled and cannot be changed any more."]
            return
        for name in ("item", "quantity", "unit_cents", "discount_cents"):
            if form[name].data != getattr(row, name):  # the draft keeps the sum that it was made with
                form[name].errors = ["A draft has this sum: discard it first, or change only the words."]


def _counts(starts_on, ends_on):
    return (starts_on <= g.today) & (ends_on.is_null() | (ends_on >= g.today))


HOLD_STANDING = {
    "running": ("Running", lambda at: _counts(at(Hold.starts_on), at(Hold.ends_on))),
    "given_up": ("Given-up debts to decide", lambda at: at(Hold.id).in_(given_up.running().select(Hold.id))),
}


class HoldView(StaffView):
    """Pauses; made by the actions of contracts and customers, and where a bank took money back."""

    column_list = ("customer", "contract", "scope", "reason", "starts_on", "ends_on", "by")
    column_filters_by = (
        Derived("standing", "Standing", Hold.ends_on, HOLD_STANDING),
        "scope", "customer", "contract", "starts_on", "ends_on",
    )  # fmt: skip
    actions = payment_actions.HOLD
