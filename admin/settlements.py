"""Screens of reconciliation: batches with their deposits, differences, and the certificate.

Here: what these pages show and the one call of each into ``billing/``. Not here: comparing and certifying
(billing/reconciliation/settlements.py, differences.py, certificates.py), who may (security.py).
"""

import csv
import datetime
import io
import re

import flask_login
import wtforms
from flask import Response, current_app, flash, g, redirect, request, url_for
from flask_admin import expose

from admin import labels, security
from admin.actions import Action
from admin.actions import Words as OneLine
from admin.base import StaffView
from admin.fields import DateInput, Filled, plain_text
from billing import daily, events, words
from billing.edges import pdf, seals
from billing.edges.answers import pdf_answer
from billing.errors import BillingError
from billing.money import as_decimal, format_cents
from billing.reconciliation import certificates, differences, settlements
from models import Difference

SPAN_DAYS = 30
LARGEST = 4_000_000
MOST_LINES = 300  # of a batch on its page; the file has all
COLUMNS = ("Transaction", "What", "Reference", "Account", "Customer", "Method", "Amount")


# --- Batches and their lines -----------------------------------------------------------------------


class SettlementView(StaffView):
    """Batches of the processor: what each should bring to the bank."""

    plural = "Deposits"
    lead = "What the processor paid out together. Cards and bank debits settle apart."
    computed = ("deposit",)
    column_list = (
        "batch_id", "settled_at", "kind", "charge_count", "charge_cents", "refund_cents", "return_cents",
        "deposit",
    )  # fmt: skip
    column_labels = {
        "batch_id": "Batch", "settled_at": "Settled", "charge_count": "Charges", "charge_cents": "Charged",
        "refund_cents": "Refunded", "return_cents": "Taken back", "deposit": "Deposit",
        "refund_count": "Refunds", "return_count": "Returns", "is_settled": "Paid out",
        "read_at": "Last read",
    }  # fmt: skip
    column_filters_by = ("kind", "is_settled", "settled_at")
    default_sort = "-settled_at"
    details_page = "admin/settlement.html"
    inline = ("differences",)
    unlisted = ("lines",)

    def show_deposit(self, row):
        """Before the processor's fees; a batch that failed brings nothing."""
        return format_cents(row.deposit_cents) if row.is_settled else labels.badge("failed")

    def plain_deposit(self, row):
        return str(as_decimal(row.deposit_cents))

    def is_number(self, name):
        return name == "deposit" or super().is_number(name)

    def more_links(self, row):
        if not security.may("settlement.export"):
            return []
        return [("Deposit report (CSV)", url_for(".deposit_view", id=row.id))]

    def deposit(self, row):
        """What is in the batch, as far as a page can show it: (lines, whether there are more)."""
        lines = certificates.deposit_lines(row, limit=MOST_LINES + 1)
        return lines[:MOST_LINES], len(lines) > MOST_LINES

    @expose("/<int:id>/deposit.csv")
    def deposit_view(self, id):
        """What is in a batch, as a file for the accountant."""
        row = self.get_one(id)
        who = flask_login.current_user.row
        events.record("settlement.exported", who, by=g.by, now=g.now, after={"batch": row.batch_id})
        buffer = io.StringIO()
        writer = csv.writer(buffer)
        writer.writerow(COLUMNS)
        for line in certificates.deposit_lines(row):
            told = [labels.harmless(text) for text in _texts(line)]
            writer.writerow([*told, str(as_decimal(line.amount_cents))])
        return Response(
            "\ufeff" + buffer.getvalue(),
            mimetype="text/csv",
            headers={"Content-Disposition": f'attachment; filename="deposit-{row.batch_id}.csv"'},
        )


def _texts(line):
    return (
        line.transaction_id, line.what, line.reference, line.account_number, line.customer, line.method,
    )  # fmt: skip


class SettlementLineView(StaffView):
    """Transactions of batches, as the processor lists them, beside the rows of the books."""

    plural = "Processor transactions"
    column_list = ("transaction_id", "settlement", "status", "amount_cents", "payment", "refund")
    column_labels = {"transaction_id": "Transaction", "settlement": "Batch", "is_refund": "Refund"}
    column_filters_by = ("settlement", "transaction_id", "payment", "refund")

    def show_status(self, row):
        """The processor's word, in words: settledSuccessfully is “Settled successfully”."""
        return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", row.status).capitalize()


# --- Differences -----------------------------------------------------------------------------------


class SettleForm(wtforms.Form):
    """How it was cleared up."""

    reason = OneLine(
        "How it was cleared up",
        [Filled(), wtforms.validators.Length(max=255, message="At most 255 characters."), plain_text],
        description="The certificate prints it.",
    )


def _settle(difference, form):
    differences.settle(difference, reason=form.reason.data, by=g.by, now=g.now)
    return "The difference is settled."


DIFFERENCE = (
    Action(
        "settle",
        "Settle",
        _settle,
        form=SettleForm,
        lead="Says that a person has cleared it up. No money moves: refund, record or void first what must "
        "be. A difference that agrees by itself later needs nothing.",
        fits=lambda row: row.state == Difference.OPEN,
        tone="main",
    ),
)


class DifferenceView(StaffView):
    """Where the processor and the books do not agree."""

    lead = "Each is looked at again by every daily run, and is gone by itself when both sides agree."
    column_list = ("text", "kind", "state", "ours_cents", "theirs_cents", "found_on")
    column_labels = {
        "text": "Difference", "ours_cents": "Books", "theirs_cents": "Processor", "found_on": "Found",
        "transaction_id": "Transaction", "settlement": "Batch",
    }  # fmt: skip
    column_filters_by = ("state", "kind", "found_on", "transaction_id", "payment", "settlement")
    actions = DIFFERENCE

    def customer_of(self, row):
        return row.payment.customer if row.payment_id else None

    def show_text(self, row):
        """The whole sentence: what was cut off would be what matters."""
        return row.text

    def show_closed_by(self, row):
        return row.closed_by.partition(":")[2] or row.closed_by or labels.EMPTY


# --- The certificate ---------------------------------------------------------------------------------


class SpanForm(wtforms.Form):
    """Which days."""

    first = DateInput("From", [Filled()])
    last = DateInput("To", [Filled()])


class Reconciliation:
    """Mixed into the home view: ``/staff/certificate``."""

    @expose("/certificate")
    def certificate(self):
        """Whether the books and the processor agree, for a span of days."""
        form = _span()
        made = self._made(form) if form.validate() else None
        return self.render(
            "admin/certificate.html",
            form=form,
            made=made,
            kinds=dict(Difference.kind.choices),
            ids=_ids(made),
            looked=words.moment(made.looked_at, g.company.time_zone) if made and made.looked_at else "",
            code=request.args.get("code", ""),
        ), 200 if made else 400

    @expose("/certificate.pdf")
    def certificate_pdf(self):
        """The same on paper; sealed when it certifies something."""
        form = _span()
        made = self._made(form) if form.validate() else None
        if made is None:
            return redirect(url_for("staff.certificate", **request.args), 303)
        code = seals.seal(made, current_app.secret_key) if made.is_clean else ""
        content = pdf.certificate_pdf(made, company=g.company, code=code)
        return pdf_answer(content, f"Certificate {made.first} to {made.last}")

    def _made(self, form):
        try:
            return certificates.certificate(form.first.data, form.last.data, today=g.today, now=g.now)
        except BillingError as refusal:
            form.last.errors = [*form.last.errors, str(refusal)]
            return None

    @expose("/certificate/verify", methods=("POST",))
    def certificate_verify(self):
        """Say whether a certificate is ours, and still true."""
        upload = request.files.get("file")
        content = upload.read(LARGEST) if upload and upload.filename else request.form.get("code", "")
        try:
            sealed = seals.verify(content, *current_app.seal_secrets)
        except BillingError as refusal:
            flash(str(refusal), "error")
            return redirect(url_for("staff.certificate"), 303)
        made_at = words.moment(sealed.made_at, g.company.time_zone)
        about = f"made on {made_at} for {words.period(sealed.first, sealed.last)}"
        if sealed.agrees:
            flash(f"The seal is ours, {about}, and the books still give the same fingerprint.", "success")
        else:
            flash(f"The seal is ours, {about}, but batches of these days have changed since.", "error")
        return redirect(
            url_for("staff.certificate", first=sealed.first.isoformat(), last=sealed.last.isoformat()), 303
        )

    @expose("/certificate/look", methods=("POST",))
    def certificate_look(self):
        """Look at the processor now, under the lease of the daily job."""
        try:
            flash(f"The processor was read: {_look()}.", "success")
        except BillingError as refusal:
            flash(str(refusal), "error")
        return redirect(url_for("staff.certificate", **_kept()), 303)


def _look():
    job = daily.begin("daily", today=g.today, now=g.now, only=settlements.STEP)
    report = None
    try:
        report = settlements.reconcile(gateway=current_app.gateway, today=g.today, now=g.now)
    finally:
        told = [f"{settlements.STEP}: {report}", *report.trouble] if report else ["Stopped half way."]
        daily.finish(job, told, failed=report is None, now=g.now)
    return report


def _span():
    """The form of the address; the last month when it says nothing."""
    form = SpanForm(request.args if "first" in request.args or "last" in request.args else None)
    if not form.first.raw_data and not form.last.raw_data:
        form.first.process_data(g.today - datetime.timedelta(days=SPAN_DAYS))
        form.last.process_data(g.today)
        form.first.raw_data, form.last.raw_data = [form.first.data.isoformat()], [form.last.data.isoformat()]
    return form


def _kept():
    return {name: request.form[name] for name in ("first", "last") if request.form.get(name)}


def _ids(made):
    """{key: id} of the stored differences among those found, for links."""
    if made is None or not made.found:
        return {}
    keys = [one.key for one in made.found[:500]]
    return dict(Difference.select(Difference.key, Difference.id).where(Difference.key.in_(keys)).tuples())
