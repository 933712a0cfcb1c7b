"""What the gate keeps back: whom to answer first, why, and the one click that clears it.

Here: the page and asking a second person. Not here: why something may not leave (billing/collections/gate),
what is held and let go on (billing/outbox/holding), deciding about requests (remedies.py).
"""

from datetime import timedelta

import wtforms
from flask import abort, flash, g, redirect, request, url_for
from flask_admin import expose
from werkzeug.routing import BuildError

from admin.actions import Action, day_of, text_field
from admin.base import StaffView
from admin.fields import ChoiceInput, DateInput, Filled
from billing import approvals, holds, words
from billing.collections import gate, overrides
from billing.errors import BillingError
from billing.notices import resting
from billing.outbox import holding
from models import Approval, Notice, Verdict

USUAL = timedelta(days=14)  # what a hold of messages begins with on the form


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


class HoldForm(wtforms.Form):
    """Until when, and why."""

    until = DateInput("Until, and with that day", [Filled()])
    reason = text_field("Why", 120, hint="Whoever looks at the account reads it. The customer does not.")


def _fill_hold(form, rows):
    if form.until.raw_data is None:
        form.until.data = g.today + USUAL


def _hold_messages(customer, form):
    hold = resting.begin(customer, until=form.until.data, reason=form.reason.data, **day_of())
    return f"What asks {customer} for money waits until {words.date(hold.ends_on)}."


def _standing_hold(customer):
    """The hold of messages that can be ended; None for one that is over with today."""
    found = resting.lasting([customer.id], g.today)
    return next((hold for hold in found if not hold.payment_id), None)


def _release_messages(customer, form):
    hold = _standing_hold(customer)
    if hold is None:
        raise BillingError("No hold of messages runs that could be ended.")
    hold = holds.end(hold, **day_of())
    begins = "tomorrow" if hold.ends_on >= g.today else "with the next daily run"
    return f"Messages to {customer} leave again {begins}, as they are due."


CUSTOMER = (
    Action(
        "hold_messages",
        "Hold messages",
        _hold_messages,
        form=HoldForm,
        fill=_fill_hold,
        lead=f"{resting.WAITS} {resting.COMES}",
        fits=lambda customer: not resting.lasting([customer.id], g.today).exists(),
    ),
    Action(
        "release_messages",
        "Let messages leave again",
        _release_messages,
        lead="The hold ends. What was kept back is looked at again, and what is still true leaves in turn.",
        fits=lambda customer: _standing_hold(customer) is not None,
        effect=lambda customer: _standing_hold(customer).reason,
    ),
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
