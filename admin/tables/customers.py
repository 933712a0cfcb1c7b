"""Customers, their people, places and systems, and what was written in tickets: what their screens need."""

from flask import g, url_for
from markupsafe import Markup

from admin import (
    actions,
    calls,
    finding,
    held,
    incoming,
    labels,
    plans,
    remedies,
    way_out,
)
from admin.base import StaffView
from admin.finding import Anywhere, Related
from billing import customers, ledger
from billing.money import as_decimal
from models import (
    Contact,
    Customer,
    Site,
    System,
    TaxRate,
)

ADDRESS = ("street", "street2", "city", "state", "zip")


class CustomerView(StaffView):
    """Who owes. A row leads to the page that shows everything about them."""

    can_create = can_edit = True
    column_list = ("account_number", "name", "balance", "kind", "city", "state", "pay_wish", "since_on")
    column_labels = {"account_number": "Account", "since_on": "Since", "pay_wish": "Wishes to pay"}
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
