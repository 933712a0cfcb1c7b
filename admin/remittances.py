"""Files of payments from the bank: the page that reads one, and the queue of rows that wait for a person.

Here: the upload, what it would do, and one call of each use case. Not here: reading, matching and booking
(billing/remittances/), who may (security.py).
"""

import wtforms
from flask import flash, g, redirect, request, url_for
from flask_admin import expose
from markupsafe import Markup

from admin import labels, uploads
from admin.actions import Action, Reason
from admin.base import StaffView
from admin.desk import payer_loader
from admin.fields import Filled, RowInput
from billing import remittances, words
from billing.errors import BillingError
from billing.money import format_cents
from models import RemittanceFile, RemittanceRow

SHOWN = 100
AT_ONCE = 200  # booked while the page waits; the worker goes on with the rest
CHOOSE = "Choose the file that the bank gave you."
TOO_LARGE = "This file is too large for a page. Read it with: flask --app app import-payments FILE --map MAP"
SAMPLE = """\
kind = "lockbox"              # or "bill_pay"

[file]
dates = "%m/%d/%Y"

[payment]
amount = "{Amount}"
received_on = "{Date}"
scan_line = "{Scan line}"
account = "{Account}"
check_number = "{Check}"
payer = "{Payer}"
"""


# --- Screens ---------------------------------------------------------------------------------------


class RemittanceFileView(StaffView):
    """Files of payments from the bank: lockbox and bank bill pay."""

    plural = "Files from the bank"
    column_list = ("file_name", "kind", "row_count", "total_cents", "by", "read_at")
    column_labels = {"row_count": "Payments", "total_cents": "Total", "read_at": "Read"}
    column_filters_by = ("kind", "read_at")
    inline = ("rows",)

    def show_mapping(self, row):
        """How its columns were read, line by line."""
        lines = Markup("<br>").join(row.mapping.splitlines())
        return Markup("<details><summary>Show</summary>{}</details>").format(lines)


class _Payers:
    """Type-ahead over customers, made when it is asked: the screens are not there yet at import."""

    def __getattr__(self, name):
        return getattr(payer_loader(), name)


class MatchForm(wtforms.Form):
    """Whose payment it is."""

    customer = RowInput("Customer", [Filled()], loader=_Payers(), description="Name, number or account.")


def _match(row, form):
    payment = remittances.match(row, form.customer.data, by=g.by, today=g.today, now=g.now)
    return f"{format_cents(payment.amount_cents)} was booked for {form.customer.data}."


def _dismiss(row, form):
    remittances.dismiss(row, reason=form.reason.data, by=g.by, now=g.now)
    return "The row was dismissed. Nothing was booked."


def _effect(row):
    check = f"check {row.check_number}, " if row.check_number else ""
    return f"{check}received {words.date(row.received_on)}. {row.reason}"


REMITTANCE_ROW = (
    Action(
        "match",
        "Book for a customer",
        _match,
        form=MatchForm,
        lead="Books the payment for this customer: the invoice of its slip, else the oldest first.",
        fits=lambda row: row.state == RemittanceRow.UNMATCHED,
        effect=_effect,
        bulk=False,
        tone="main",
    ),
    Action(
        "dismiss",
        "Dismiss",
        _dismiss,
        form=Reason,
        lead="It is no payment of a customer of ours, or it was booked another way. Nothing is booked.",
        fits=lambda row: row.state == RemittanceRow.UNMATCHED,
        effect=_effect,
        tone="danger",
    ),
)


class RemittanceRowView(StaffView):
    """Single payments of such files; those that nobody could match wait here."""

    plural = "Payments from files"
    column_list = (
        "received_on", "state", "amount_cents", "payer_text", "account_text", "check_number", "customer",
        "reason",
    )  # fmt: skip
    column_labels = {
        "received_on": "Received", "payer_text": "Payer", "account_text": "Account as written",
        "check_number": "Check", "reason": "Why it waits", "row_number": "Line",
    }  # fmt: skip
    column_filters_by = ("state", "file", "customer", "received_on", "amount_cents", "check_number")
    actions = REMITTANCE_ROW

    def heading(self, row):
        return f"{format_cents(row.amount_cents)}, {row.payer_text or 'line ' + str(row.row_number)}"

    def show_closed_by(self, row):
        return labels.actor(row.closed_by) if row.closed_by else labels.EMPTY


# --- Reading a file ----------------------------------------------------------------------------------


class BankFiles:
    """Mixed into the home view: ``/staff/bank-file``."""

    @expose("/bank-file", methods=("GET", "POST"))
    def bank_file(self):
        """Read a lockbox or bank-bill-pay file: first what it would do, then booking it."""
        mapping = request.form.get("mapping", "").replace("\r\n", "\n") or _last_mapping()
        if request.method == "GET":
            return self._ask(mapping)
        try:
            name, content = uploads.taken(choose=CHOOSE, too_large=TOO_LARGE)
            result = remittances.check(
                content, name, remittances.read_mapping(mapping.encode()), today=g.today
            )
            if uploads.AGREED in request.form:
                return _booked(result)
        except BillingError as refusal:
            return self._ask(mapping, str(refusal)), 400
        return self.render(
            "admin/bank_file.html", result=result, mapping=mapping, packed=uploads.packed(content),
            agreed=uploads.AGREED, shown=SHOWN, sentence="", waiting=0,
        )  # fmt: skip

    def _ask(self, mapping, sentence=""):
        waiting = RemittanceRow.select().where(RemittanceRow.state == RemittanceRow.UNMATCHED).count()
        return self.render(
            "admin/bank_file.html", result=None, mapping=mapping, sentence=sentence, waiting=waiting
        )


def _booked(result):
    file = remittances.commit(result, by=g.by, today=g.today, now=g.now, limit=AT_ONCE)
    booked = file.rows.where(RemittanceRow.state == RemittanceRow.BOOKED).count()
    flash(f"{words.plural(booked, 'payment')} of {file.file_name} booked.", "success")
    left = len(result.matched) - booked
    if left > 0:
        flash(f"{words.plural(left, 'payment')} more will be booked within minutes.", "message")
    if result.unmatched:
        return redirect(url_for("staff_remittance_row.index_view", state=RemittanceRow.UNMATCHED), 303)
    return redirect(url_for("staff_remittance_file.details_view", id=file.id), 303)


def _last_mapping():
    """How the last file was read; a sample before there was one."""
    last = RemittanceFile.select().order_by(RemittanceFile.id.desc()).first()
    return (last and last.mapping) or SAMPLE
