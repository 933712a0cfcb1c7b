"""The collections desk: whose money waits for us, whom to look after first, and one screen for each of them.

Here: pages, the addresses of what a verdict says to do, and what staff write down. Not here: why something is
unpaid (billing/collections), what may not leave (its gate), who may (security.py).
"""

import wtforms
from flask import abort, current_app, flash, g, redirect, request, url_for
from flask_admin import expose

from admin import finding, security
from admin.actions import text_field
from admin.base import StaffView
from admin.fields import ChoiceInput, DateInput, Filled
from billing.collections import desk, rules, stances, verdicts
from billing.errors import BillingError
from models import Customer, Stance, Verdict


class StanceForm(wtforms.Form):
    """What they told us of why they do not pay."""

    code = ChoiceInput("They", choices=list(Stance.WORDS.items()))
    said = text_field("What they said", stances.LONGEST, hint="In their words. The verdict quotes it.")
    heard_on = DateInput("Said on", [Filled()])


class CollectionsDesk:
    """Mixed into the home view: ``/staff/collections`` and one screen of it for each customer."""

    @expose("/collections")
    def collections(self):
        """What waits for us, the queues, and the customers with the worst first."""
        code = request.args.get("why", "")
        if code and code not in Verdict.WORDS:
            abort(404)
        number = finding.as_id(request.args.get("page", "")) or 1
        return self.render(
            "admin/collections.html",
            page=desk.page(today=g.today, now=g.now, code=code, number=number),
            waiting=desk.waiting(now=g.now) if number == 1 and not code else None,
            queues=[queue for queue in desk.queues(g.today) if security.may(f"{queue.screen}.read")],
            code=code,
        )

    @expose("/collections/<int:id>", methods=("GET", "POST"))
    def collections_case(self, id):
        """One customer: who, how much, how late, why, what proves it, what to do, and what is held."""
        row = (finding.as_id(id) and Customer.get_or_none(Customer.id == id)) or abort(404)
        form = StanceForm(request.form if request.method == "POST" else None, heard_on=g.today)
        if request.method == "POST" and form.validate() and self._noted(row, form):
            return redirect(url_for("staff.collections_case", id=id), 303)
        return self.render(
            "admin/collections_case.html",
            customer=row,
            case=desk.case(row.id, today=g.today, now=g.now),
            people=desk.people(row),
            next_id=desk.next_after(row.id, g.today),
            standing=list(stances.standing(row.id)),
            form=form,
        ), 400 if request.method == "POST" else 200

    def _noted(self, customer, form):
        if not security.may("staff.collections_note"):
            abort(403)
        try:
            stances.note(
                customer, form.code.data, words=form.said.data, heard_on=form.heard_on.data, by=g.by,
                today=g.today, now=g.now,
            )  # fmt: skip
        except BillingError as refusal:
            flash(str(refusal), "error")
            return False
        flash("Noted. The verdict follows.", "success")
        return True

    @expose("/collections/<int:id>/past", methods=("POST",))
    def collections_note(self, id):
        """What they said is not so any more."""
        row = (finding.as_id(id) and Stance.get_or_none(Stance.id == id)) or abort(404)
        stances.end(row, reason="Not so any more", by=g.by, now=g.now)
        flash("Noted. The verdict follows.", "success")
        return redirect(url_for("staff.collections_case", id=row.customer_id), 303)


class VerdictView(StaffView):
    """Why something was unpaid, as it was judged: those that stand, and those that stood."""

    column_list = ("sentence", "customer", "invoice", "code", "amount_cents", "due_on", "since_on", "current")
    column_labels = {"code": "Why", "amount_cents": "Past due", "current": "Stands", "due_on": "Due"}
    column_filters_by = ("code", "customer", "current", "owner", "due_on", "amount_cents", "judged_at")
    details_page = "admin/verdict.html"
    can_create = can_edit = False
    apart = ("evidence", "rejected", "act", "installment_id")  # its page shows them in words

    def get_details_columns(self):
        return [column for column in super().get_details_columns() if column[0] not in self.apart]


class ToJudgeView(StaffView):
    """Of whom something has changed since they were judged; empty within seconds while a worker runs."""

    plural = "Customers to judge"


class StanceView(StaffView):
    """What customers told us of why they do not pay."""

    plural = "What customers told us"
    column_list = ("words", "customer", "code", "heard_on", "by", "ended_at")
    column_labels = {
        "words": "In their words",
        "code": "They",
        "heard_on": "Said on",
        "ended_at": "Not so since",
    }
    column_filters_by = ("code", "customer", "heard_on", "ended_at")


# --- Where a verdict leads -----------------------------------------------------------------------

# What to do: the words of its button, and where: a page of staff, an action of a screen ("screen/action"), or
# nothing, which is the record's own screen.
ACTS = {
    rules.LOOK_AT_PAYMENT: ("Look at the payment", ""),
    rules.USE_CREDIT: ("Use what they have paid", "staff.customer"),
    rules.MATCH: ("Match the payment", ""),
    rules.SEND_AGAIN: ("Send the invoice again", "invoice/resend"),
    rules.LOOK_AT_PRICE: ("Look at the price", ""),
    rules.ANSWER: ("Answer", ""),
    rules.CALL_BACK: ("Call back", ""),
    rules.READ: ("Read the message", ""),
    rules.ANSWER_PLAN: ("Answer the proposal", ""),
    rules.DECIDE: ("Decide the dispute", ""),
    rules.REPAIR: ("Look after the fault", ""),
    rules.MEND_ADDRESS: ("Put the address right", "staff.customer"),
    rules.PRINT: ("Print the letters", "staff.print_queue"),
    rules.CALL: ("Call them", "staff.log_call"),
    rules.ASK_FOR_METHOD: ("Ask for another way to pay", "staff.phone_payment"),
    rules.OFFER_PLAN: ("Offer a plan", "customer/offer_plan"),
    rules.DECIDE_NEXT: ("Decide with an owner", "staff.customer"),
    rules.WRITE: ("Write to them", "staff.write_to"),
}
# How a page names the customer; others have the id in their path.
NAMED = {"staff.print_queue": (), "staff.phone_payment": ("customer",), "staff.log_call": ("customer",)}


def act_of(verdict):
    """(words of the button, address) of what a verdict says to do; None where one waits, or may not."""
    if verdict.act not in ACTS:
        return None
    label, target = ACTS[verdict.act]
    address = _address(verdict, target)
    return (label, address) if address else None


def _address(verdict, target):
    if "." in target:
        args = dict.fromkeys(NAMED.get(target, ("id",)), verdict.customer_id)
        return url_for(target, **args) if security.may(target) else ""
    if "/" in target:
        screen, action = target.split("/")
        row_id = verdict.invoice_id if screen == "invoice" else verdict.customer_id
        name = f"staff_{screen}.act_view"
        may = security.may(f"{screen}.{action}")
        return url_for(name, action=action, id=row_id, url=request.path) if may else ""
    proof = verdicts.proofs(verdict)
    return record_url(proof[0]) if proof else ""


def record_url(proof):
    """The screen of a record that proves something; empty where this person may not see it."""
    if not security.may(f"{proof.table}.read"):
        return ""
    return url_for(f"staff_{proof.table}.details_view", id=proof.id)


def of_invoice(invoice):
    """The standing reasons of one invoice, for its page: [desk.Reason]."""
    return desk.reasons(verdicts.of_invoice(invoice, today=g.today, now=g.now)) if invoice.open_cents else ()


def of_customer(customer_id):
    """The standing reasons of one customer, for their page and their tickets: [desk.Reason]."""
    return desk.of_customer(customer_id, today=g.today, now=g.now)


def gate_url(reason):
    """The screen of the record that keeps the gate shut."""
    name = f"staff_{reason.table}.details_view"
    is_known = name in current_app.view_functions and reason.id
    return url_for(name, id=reason.id) if is_known and security.may(f"{reason.table}.read") else ""


GLOBALS = {
    "verdict_act": act_of,
    "verdict_record": record_url,
    "verdict_proofs": verdicts.proofs,
    "verdict_rejected": verdicts.rejected,
    "verdicts_of_invoice": of_invoice,
    "verdicts_of_customer": of_customer,
    "gate_url": gate_url,
}
