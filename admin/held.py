"""What the gate keeps back: whom to answer first, why, and the one click that clears it.

Here: the page and asking a second person. Not here: why something may not leave (billing/collections/gate),
what is held and let go on (billing/notices/holding), deciding about requests (remedies.py).
"""

import wtforms
from flask import abort, flash, g, redirect, request, url_for
from flask_admin import expose
from werkzeug.routing import BuildError

from admin.actions import Action, text_field
from admin.base import StaffView
from admin.fields import ChoiceInput
from billing import approvals
from billing.collections import gate, overrides
from billing.errors import BillingError
from billing.notices import holding
from models import Approval, Notice, Verdict


class HeldNotices:
    """Mixed into the home view: ``/staff/held``."""

    @expose("/held")
    def held(self):
        """Whom to answer, with what their silence from us keeps back; what passes by itself last."""
        people = holding.by_customer(today=g.today, now=g.now)
        return self.render(
            "admin/held.html",
            first=[one for one in people if not all(reason.waits for reason in one[2])],
            rest=[one for one in people if all(reason.waits for reason in one[2])],
            count=sum(len(notices) for _, notices, _ in people),
            address=reason_url,
            kinds=dict(Notice.kind.choices),
            then=holding.then,
            asked=_asked(),
            may_pass=lambda reasons: not any(one.code in gate.NEVER_PASSED for one in reasons),
        )

    @expose("/held/<int:id>/pass", methods=("POST",))
    def ask_to_pass(self, id):
        """Ask a second person to let one notice leave all the same."""
        notice = Notice.get_or_none(Notice.id == id) or abort(404)
        try:
            reason = request.form.get("reason", "")
            overrides.ask(notice, reason=reason, by=g.by, today=g.today, now=g.now)
        except BillingError as refusal:
            flash(str(refusal), "error")
        else:
            flash("A second person was asked. Until they agree, it stays here.", "success")
        return redirect(url_for("staff.held"), 303)


class PassForm(wtforms.Form):
    """What is to pass, and why."""

    what = ChoiceInput("What shall be possible all the same?", choices=[])
    reason = text_field("Reason", 255, hint="A second person reads it, and it stays in the history.")


def _offer_acts(form, _rows):
    form.what.offer([(code, act[:1].upper() + act[1:]) for code, act in gate.ACTS.items()])


def _ask_act(customer, form):
    overrides.ask_act(customer, form.what.data, reason=form.reason.data, by=g.by, today=g.today, now=g.now)
    return "A second person was asked. Until they agree, nothing changes."


CUSTOMER = (
    Action(
        "let_pass",
        "Go on although it is held",
        _ask_act,
        form=PassForm,
        fill=_offer_acts,
        lead="Nothing presses while somebody waits for us. Where there is a good reason to go on all the "
        "same, a second person may let one act pass; what happens after you ask is not covered.",
        bulk=False,
    ),
)


def reason_url(reason):
    """Where the row that proves a Reason is looked at, and what clears it is done."""
    if reason.table == "customer":
        return url_for("staff.customer", id=reason.id)
    if reason.table == "verdict":  # what to do about it stands in the case
        return url_for("staff.collections_case", id=Verdict.get_by_id(reason.id).customer_id)
    try:
        return url_for(f"staff_{reason.table}.details_view", id=reason.id)
    except BuildError:
        return url_for("staff.held")


def _asked():
    """{notice id: the Approval that waits}."""
    waiting = approvals.waiting().where(Approval.kind == overrides.KIND)
    return {one.about_id: one for one in waiting}


# --- Screens ---------------------------------------------------------------------------------------


class GateOverrideView(StaffView):
    """What two people let pass although somebody waited for us."""

    plural = "Let past the gate"
    lead = "One asked with a reason, another agreed; it counts for what stood against it then, and no longer."
    column_list = ("reason", "what", "customer", "notice", "invoice", "sentences", "made_at")
    column_labels = {
        "what": "What", "sentences": "What stood against it", "covers_at": "As of", "made_at": "Let pass",
    }  # fmt: skip
    column_filters_by = ("customer", "notice", "made_at")
