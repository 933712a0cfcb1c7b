"""What would confuse a customer, as staff see it: on a draft, before a bill run, and making it anew.

Here: the action, the sentences for the pages, where each thing is put right, and the page that says whether
clear invoices, and those asked about and answered soon, are paid sooner. Not here: what confuses
(billing/clarity.py), what is counted (billing/paid_sooner.py, billing/paid_after_answer.py).
"""

from flask import current_app, g, request, url_for
from flask_admin import expose

from admin import base, security
from admin.actions import Action, day_of
from billing import bill, clarity, invoices, paid_after_answer, paid_sooner
from billing.money import format_cents
from models import Invoice, Line


class ClarityPage:
    """Mixed into the home view: ``/staff/clarity``."""

    @expose("/clarity")
    def clarity(self):
        """How clear invoices were, and how soon questions were answered, against when they were paid."""
        return self.render(
            "admin/clarity.html", report=paid_sooner.report(g.today), counted=paid_sooner,
            answers=paid_after_answer.report(g.today),
        )  # fmt: skip


def findings(invoice):
    """[(Finding that a draft keeps, the address where it is put right or "")], for its page."""
    found = clarity.of_draft(invoice) if invoice.state == Invoice.DRAFT else ()
    lines = list(invoice.lines.order_by(Line.position)) if found else []
    by_words = {f"“{clarity.shown(line.text)}”": line for line in lines}
    return [(finding, _fix_url(invoice, finding, by_words.get(finding.where))) for finding in found]


def _fix_url(invoice, finding, line):
    """Where a finding comes from: the charge or the work of its line, the customer, the company."""
    if line is not None:
        row = line.charge or line.one_off
    else:
        customer = invoice.customer
        rows = {clarity.COMPANY: g.company, clarity.CUSTOMER: customer, "the PO number": customer}
        row = rows.get(finding.where)
    if row is None:
        return ""
    view = base.screen(type(row))
    if finding.code == "unexplained":  # a price is not typed over: it is changed with its day and its word
        return url_for(f"staff_{view.key}.details_view", id=row.id)
    return url_for(f"staff_{view.key}.edit_view", id=row.id, url=request.path) if view.may_write() else ""


def lacking():
    """What the company lacks before anything can be billed: Findings, none when it is ready."""
    local = any(host in current_app.config["BASE_URL"] for host in ("127.0.0.1", "localhost"))
    return bill.lacks(g.company, has_pay_link=not (local and current_app.config["MODE"] == "production"))


def company_url():
    """Where it is put right; "" for who may not."""
    if not security.may("company.write"):
        return ""
    return url_for("staff_company.edit_view", id=g.company.id)


def _redo(draft, form):
    report = invoices.redo(draft, **day_of())
    if report.unclear:
        return "It is still not clear, and waits as a new draft that says why."
    return f"Made anew: {report}."


def _anew(draft):
    """The newest invoice with a charge or a work of this one's: what it was made anew as, or None."""
    lines = list(draft.lines)
    same = Line.charge.in_([line.charge_id for line in lines if line.charge_id])
    same |= Line.one_off.in_([line.one_off_id for line in lines if line.one_off_id])
    later = Invoice.select().join(Line).where((Invoice.id > draft.id) & same)
    return later.order_by(Invoice.id.desc()).first()


REDO = Action(
    "redo",
    "Bill it again",
    _redo,
    lead="Throws this draft away and bills its periods and work anew, with the words, sites and prices as "
    "they are now. What is clear is issued and sent at once.",
    fits=lambda invoice: invoice.state == Invoice.DRAFT,
    effect=lambda invoice: format_cents(invoice.total_cents),
    lands=_anew,
)
