"""What staff do about messages: discard drafts, set the steps of reminding, let the company speak.

Here: the screens of policies, steps and groups, and the actions of drafts and of the company. Not here: the
list of messages itself (tables/messages.py), reading and signing a draft (personal.py), what is due and when
(billing/reminding).
"""

from datetime import timedelta

import wtforms
from flask import current_app, g

from admin.actions import Action, Reason, Words, day_of, text_field
from admin.base import StaffView
from billing import company as companies
from billing import message_proofs, reminder_policies, words
from billing.edges import proofs
from billing.edges.answers import pdf_answer
from billing.personal import drafts
from models import Notice, ReminderStep

# --- drafts ----------------------------------------------------------------------------------------


def _discard(notice, form):
    drafts.discard(notice, reason=form.reason.data, by=g.by, now=g.now)
    return "The draft was discarded."


def _is_draft(notice):
    return notice.state == Notice.DRAFT


def _proof(notice, form):
    pack = message_proofs.of_notice(notice, now=g.now)
    return pdf_answer(proofs.proof_pdf(pack, current_app.secret_key), pack.title)


def _authority_proof(row, form):
    pack = message_proofs.of_authority(row, now=g.now)
    return pdf_answer(proofs.proof_pdf(pack, current_app.secret_key), pack.title)


PROOF_LEAD = (
    "One sealed PDF that says who was told what, when and how, and what came of it. Keep it; "
    "“flask verify-proof” reads it years later."
)
PROOF = Action(
    "proof", "Proof pack", _proof, lead=PROOF_LEAD, fits=message_proofs.can_prove, bulk=False,
)  # fmt: skip
AUTHORITY_PROOF = Action("proof", "Proof pack", _authority_proof, lead=PROOF_LEAD, bulk=False)
DRAFT = (
    Action(
        "discard_draft",
        "Discard",
        _discard,
        form=Reason,
        lead="Nothing is sent. The next step of the invoice comes on its day all the same.",
        fits=_is_draft,
        bulk=False,
    ),
)


# --- the company speaks, or not --------------------------------------------------------------------


class LiveForm(wtforms.Form):
    """What becomes of what waits."""

    discard = wtforms.BooleanField(
        "Throw away what waits",
        default=True,
        description="Messages that were queued while you set things up. Unticked: all of them are sent now.",
    )


class MuteForm(wtforms.Form):
    """Why."""

    reason = text_field("Reason", 255, hint="Your colleagues will read it.", control=Words)


def _go_live(company, form):
    thrown_away = companies.go_live(company, discard=form.discard.data, **day_of())
    gone = f" {words.plural(thrown_away, 'message')} from before will not be sent." if thrown_away else ""
    return f"{company} is live: messages leave from now on.{gone}"


def _waiting_words(company):
    count = Notice.select().where(Notice.state == Notice.QUEUED).count()
    return f"{words.plural(count, 'message')} waiting."


COMPANY = (
    Action(
        "go_live",
        "Go live",
        _go_live,
        form=LiveForm,
        lead="From now on invoices, receipts and reminders reach your customers.",
        fits=lambda company: not companies.is_live(company, g.today),
        effect=_waiting_words,
        bulk=False,
        tone="main",
    ),
    Action(
        "go_mute",
        "Stop all messages",
        lambda company, form: companies.go_mute(company, reason=form.reason.data, by=g.by, now=g.now),
        form=MuteForm,
        lead="Nothing leaves any more, except what people sign in with. What is queued meanwhile waits.",
        done="Nothing leaves until you go live again.",
        fits=lambda company: companies.is_live(company, g.today),
        bulk=False,
        tone="danger",
    ),
)


# --- when customers are reminded -------------------------------------------------------------------


class CustomerGroupView(StaffView):
    """Customers who are treated alike."""

    can_create = can_edit = True
    column_list = ("name", "note")
    form_columns = ("name", "note")
    default_sort = "name"
    inline = ("reminder_policies",)


class ReminderPolicyView(StaffView):
    """When customers hear of an invoice that is open. The most specific one counts, as a whole."""

    can_create = can_edit = True
    plural = "Reminder policies"
    lead = "The most specific one counts, as a whole: of the invoice, the customer, the group, the company."
    column_list = ("name", "customer_group", "customer", "invoice", "active", "note")
    column_labels = {"customer_group": "For the group", "customer": "For the customer"}
    column_filters_by = ("customer_group", "customer", "invoice", "active")
    form_columns = ("name", "customer_group", "customer", "invoice", "active", "note")
    edit_columns = ("name", "active", "note")
    inline = ("steps",)
    details_page = "admin/reminder_policy.html"

    def check(self, form, row):
        typed = [
            name for name in ("customer_group", "customer", "invoice") if name in form and form[name].data
        ]
        if len(typed) > 1:
            form[typed[1]].errors = ["Choose one: a group, a customer or an invoice."]
        elif form.active.data and (other := _same_scope(form, row)):
            form.active.errors = [f"“{other.name}” counts for the same already. Untick that one first."]

    def example(self, policy):
        """(due date, [(day, what happens)]) of an invoice of today that is never paid."""
        company = companies.current()
        due_on = g.today + timedelta(days=company.terms_days)
        steps = [
            reminder_policies.Step(step.days, step.act)
            for step in policy.steps.where(ReminderStep.active).order_by(ReminderStep.days)
        ]
        calendar = reminder_policies.calendar(steps, due_on, grace_days=company.grace_days)
        return due_on, [(day, ReminderStep.ACTS[act]) for day, act in calendar]


def _same_scope(form, row):
    """Another active policy for the same invoice, customer, group or company."""
    scope = {}
    for name in ("customer_group", "customer", "invoice"):
        given = form[name].data if name in form else getattr(row, name, None)
        scope[name] = given.id if given else None
    return reminder_policies.standing(**scope, but=row.id if row else None)


class ReminderStepView(StaffView):
    """One step of a policy."""

    can_create = can_edit = True
    column_list = ("days", "act", "active", "policy")
    column_labels = {"days": "Days from the due date", "act": "What happens"}
    column_filters_by = ("policy", "act", "active")
    inline_sort = "id"
    form_columns = ("policy", "days", "act", "active")
    edit_columns = ("days", "act", "active")
    default_sort = "days"

    def show_days(self, row):
        return reminder_policies.days_words(row.days)

    def check(self, form, row):
        days, act = form.days.data, form.act.data
        if days is None or not -30 <= days <= 365:
            form.days.errors = ["Between -30 (a month before the due date) and 365 (a year after it)."]
        elif wrong := reminder_policies.misfit(days, act):
            form.act.errors = [wrong]
