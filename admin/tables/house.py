"""What we sell, the company, its staff, its imports, its jobs and its audit: what their screens need."""

from flask import current_app, flash, g, url_for
from markupsafe import Markup
from wtforms import PasswordField, validators

from admin import (
    actions,
    labels,
    outbox,
    plans,
    remedies,
    security,
    way_out,
)
from admin.base import StaffView
from admin.tables.customers import ADDRESS
from billing import letterheads
from models import (
    Company,
    Staff,
)


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
            Company.update(logo_type=letterheads.picture_kind(form.logo.data)).where(
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
        if security.is_too_long(form.email.data):
            form.email.errors = [security.TOO_LONG]
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
