"""Promises and plans at the desk: noted on the phone, proposed, accepted, answered, ended, put right.

Here: their screens, forms and the one call of each. Not here: what may be agreed (billing/plans/), what a
promise pauses (billing/promises.py), who may (security.py).
"""

import wtforms
from flask import g, url_for
from flask_admin import expose
from wtforms.validators import Optional

from admin import security
from admin.actions import Action, Reason, click_of, day_of, text_field
from admin.base import StaffView
from admin.fields import ChoiceInput, DateInput, Filled, MoneyInput
from admin.filters import Derived
from billing import company as companies
from billing import ledger, money, promises, words
from billing.edges import pdf
from billing.edges.answers import pdf_answer
from billing.money import format_cents
from billing.plans import agreeing, agreement, keeping, policy, shape, standing
from models import Invoice, Plan, Promise

MOST_TYPED = 120
# What an owner decides about all of this, on the company's page.
POLICIES = (
    "promise_days", "promise_limit", "promise_grace_days", "plan_max_count", "plan_min_cents",
    "plan_first_percent", "plan_max_days", "plan_grace_days",
)  # fmt: skip
HEARD = [(via, words_) for via, words_ in Promise.VIA.items() if via != Promise.PAGE]
POLICY_LABELS = {
    "plan_max_count": "Plan: payments, at most", "plan_min_cents": "Plan: smallest payment",
    "plan_first_percent": "Plan: first payment (percent)", "plan_max_days": "Plan: longest (days)",
    "plan_grace_days": "Plan: grace (days)",
}  # fmt: skip


# --- promises --------------------------------------------------------------------------------------


class PromiseForm(wtforms.Form):
    """When they pay, how much, and how we heard of it."""

    pay_on = DateInput("They pay by", [Filled()])
    amount = MoneyInput("Amount", [Optional()], description="Empty: all that is open.")
    via = ChoiceInput("How we heard", choices=HEARD)
    said = text_field("What they said", 300, optional=True)


def _promised(customer, invoice, form):
    made = promises.make(
        customer, pay_on=form.pay_on.data, amount_cents=form.amount.data, via=form.via.data,
        words=form.said.data, invoice=invoice, staff=True, **day_of(),
    )  # fmt: skip
    day = words.date(made.pay_on)
    return f"Noted: {format_cents(made.amount_cents)} by {day}. Until then nothing asks them."


def _owed(customer):
    return f"{format_cents(ledger.balance(customer, today=g.today).owed_cents)} open"


def _is_open(invoice):
    return invoice.state == Invoice.ISSUED and invoice.open_cents > 0


PAUSES = "Reminders, late notices and fees pause until then. They get a confirmation with the day."
PROMISE_OF_CUSTOMER = Action(
    "promise",
    "Note a promise to pay",
    lambda customer, form: _promised(customer, None, form),
    form=PromiseForm,
    lead=f"They said when they pay everything that is open. {PAUSES}",
    effect=_owed,
    bulk=False,
)
PROMISE_OF_INVOICE = Action(
    "promise",
    "Note a promise to pay",
    lambda invoice, form: _promised(invoice.customer, invoice, form),
    form=PromiseForm,
    lead=f"They said when they pay this invoice. {PAUSES}",
    fits=_is_open,
    effect=lambda invoice: f"{format_cents(invoice.open_cents)} open",
    bulk=False,
)


def _taken_back(promise, form):
    promises.withdraw(promise, reason=form.reason.data, **day_of())
    return "Taken back: it is asked for again as if nothing had been said."


def _looked_after(row, form):
    (promises if isinstance(row, Promise) else keeping).seen(row, by=g.by, now=g.now)
    return "It has left the queue."


def _is_unseen(row):
    return row.state == "broken" and row.seen_at is None


PROMISE = (
    Action(
        "seen",
        "I looked after it",
        _looked_after,
        lead="You called or wrote to them. It leaves the queue; reminders have gone on by themselves.",
        fits=_is_unseen,
    ),
    Action(
        "withdraw",
        "Take back",
        _taken_back,
        form=Reason,
        fits=lambda promise: promise.state == Promise.RUNNING,
        effect=lambda promise: f"{format_cents(promise.amount_cents)} by {words.date(promise.pay_on)}",
    ),
)


PROMISE_STANDING = {
    "due": (
        "Its day has come",
        lambda at: (at(Promise.state) == Promise.RUNNING) & (at(Promise.pay_on) <= g.today),
    ),
    "broken": (
        "Broken, to look after",
        lambda at: (at(Promise.state) == Promise.BROKEN) & at(Promise.seen_at).is_null(),
    ),
}


class PromiseView(StaffView):
    """Who said when they pay. Until that day nothing asks them."""

    column_list = ("pay_on", "customer", "invoice", "amount_cents", "state", "via", "made_on")
    column_labels = {
        "pay_on": "Pays by", "owed_cents": "Open then", "made_on": "Made", "words": "What they said",
    }  # fmt: skip
    column_filters_by = (
        Derived("standing", "Standing", Promise.state, PROMISE_STANDING),
        "state", "customer", "pay_on", "via", "amount_cents",
    )  # fmt: skip
    default_sort = "-pay_on"
    actions = PROMISE


# --- plans -----------------------------------------------------------------------------------------


class PlanForm(wtforms.Form):
    """How many payments, from when, how often."""

    count = wtforms.IntegerField("Number of payments", [Filled()])
    first_on = DateInput("First payment on", [Filled()])
    rhythm = ChoiceInput("And then", choices=list(shape.RHYTHMS.items()))
    amounts = text_field(
        "Amounts", MOST_TYPED, optional=True,
        hint="Empty: equal parts. Else the first ones, such as 50 25; the last is what is left.",
    )  # fmt: skip
    note = text_field(
        "A word with it", 500, optional=True, hint="They read it above the plan.", to_customer=True
    )


def _wish(form):
    typed = tuple(money.parse_cents(text) for text in form.amounts.data.split())
    return agreeing.Wish(form.count.data, form.first_on.data, form.rhythm.data, typed)


def _proposed(customer, form):
    made = agreeing.propose(
        customer, _wish(form), staff=security.me(), key=click_of(customer), note=form.note.data, **day_of()
    )
    return _sent(made)


def _sent(plan):
    days = ", ".join(
        f"{format_cents(one.amount_cents)} on {words.short_date(one.due_on)}"
        for one in plan.installments.order_by("number")
    )
    return f"Sent to {plan.customer.name} to agree to: {days}."


def _first_plan(form, rows):
    if form.first_on.raw_data is None:
        form.first_on.data = form.first_on.data or g.today
        form.count.data = form.count.data or 3


def _limits(rows):
    company = companies.current()
    return [
        ("Alone, customers may agree to", f"{company.plan_max_count} payments, each at least "
         f"{format_cents(company.plan_min_cents)}, the first {company.plan_first_percent}% of it, within "
         f"{words.plural(company.plan_max_days, 'day')}"),
        ("Beyond that", "billing or an owner proposes; more payments only an owner"),
    ]  # fmt: skip


PLAN_OF_CUSTOMER = Action(
    "offer_plan",
    "Propose a payment plan",
    _proposed,
    form=PlanForm,
    lead="For everything that is open and not disputed. They get a mail with the plan and agree with one "
    "click; nothing counts before. No fee, no interest.",
    effect=lambda customer: f"{format_cents(policy.owed(customer).cents)} could be in it",
    fill=_first_plan,
    about=_limits,
    bulk=False,
)


def _accepted(plan, form):
    agreeing.accept(plan, staff=security.me(), **day_of())
    return "The plan runs. They get the agreement by mail."


def _countered(plan, form):
    made = agreeing.counter(
        plan, _wish(form), staff=security.me(), key=click_of(plan), note=form.note.data, **day_of()
    )
    return _sent(made)


def _refused(plan, form):
    agreeing.refuse(plan, reason=form.reason.data, staff=security.me(), **day_of())
    return "Refused. They get your words as our answer."


def _withdrawn(plan, form):
    agreeing.withdraw(plan, reason=form.reason.data, **day_of())
    return "The proposal is taken back."


def _ended(plan, form):
    keeping.end(plan, reason=form.reason.data, **day_of())
    return "The plan ended. The invoices have their own dates again; they get a mail."


class MoveForm(wtforms.Form):
    """To when."""

    to_on = DateInput("Move the missed payment to", [Filled()])


def _moved(plan, form):
    moved = keeping.move_payment(plan, to_on=form.to_on.data, **day_of())
    return f"Moved to {words.date(form.to_on.data)}. {moved} goes on."


def _waits_for_us(plan):
    return plan.state == Plan.PROPOSED and plan.waits_for == Plan.US


def _is_movable(plan):
    return plan.state == Plan.RUNNING and keeping.movable(standing.of(plan, today=g.today)) is not None


def _in_short(plan):
    return f"{format_cents(plan.amount_cents)} in {words.plural(plan.count, 'payment')}"


PLAN = (
    Action(
        "accept",
        "Accept",
        _accepted,
        lead="The customer has signed it. It runs from now on, and they get the agreement.",
        fits=_waits_for_us,
        effect=_in_short,
        tone="main",
        bulk=False,
    ),
    Action(
        "counter",
        "Propose another one",
        _countered,
        form=PlanForm,
        lead="They get your proposal by mail and agree with one click. Theirs is answered with it.",
        fits=_waits_for_us,
        effect=_in_short,
        fill=_first_plan,
        about=_limits,
        bulk=False,
    ),
    Action(
        "refuse",
        "Refuse",
        _refused,
        form=Reason,
        lead="Your words go to them as our answer. Offer them another way where you can.",
        fits=_waits_for_us,
        effect=_in_short,
        tone="danger",
        bulk=False,
    ),
    Action(
        "withdraw",
        "Take the proposal back",
        _withdrawn,
        form=Reason,
        fits=lambda plan: plan.state == Plan.PROPOSED and plan.waits_for == Plan.CUSTOMER,
        effect=_in_short,
        bulk=False,
    ),
    Action(
        "move",
        "Move a missed payment",
        _moved,
        form=MoveForm,
        lead="One payment of a plan can be moved, once. The plan goes on.",
        fits=_is_movable,
        effect=_in_short,
        bulk=False,
    ),
    Action(
        "seen",
        "I looked after it",
        _looked_after,
        lead="You talked with them. It leaves the queue.",
        fits=_is_unseen,
        effect=_in_short,
    ),
    Action(
        "end",
        "End the plan",
        _ended,
        form=Reason,
        lead="The invoices have their own dates again, less what was paid. Nothing is added.",
        fits=lambda plan: plan.state == Plan.RUNNING,
        effect=_in_short,
        tone="danger",
        bulk=False,
    ),
)


PLAN_STANDING = {
    "answer": (
        "To answer",
        lambda at: (at(Plan.state) == Plan.PROPOSED) & (at(Plan.waits_for) == Plan.US),
    ),
    "missed": (
        "A payment missed",
        lambda at: (at(Plan.state) == Plan.RUNNING) & at(Plan.missed_on).is_null(False),
    ),
    "broken": (
        "Broken, to look after",
        lambda at: (at(Plan.state) == Plan.BROKEN) & at(Plan.seen_at).is_null(),
    ),
}


class PlanView(StaffView):
    """What customers pay in parts: proposed, running, kept, broken."""

    column_list = (
        "id",
        "customer",
        "amount_cents",
        "count",
        "state",
        "waits_for",
        "missed_on",
        "proposed_on",
    )
    column_labels = {
        "count": "Payments", "waits_for": "Waits", "missed_on": "Missed", "outside": "Why not at once",
        "words": "What was written", "ip": "Network address",
    }  # fmt: skip
    column_filters_by = (
        Derived("standing", "Standing", Plan.state, PLAN_STANDING),
        "state", "customer", "waits_for", "proposed_on", "amount_cents", "autopay",
    )  # fmt: skip
    details_page = "admin/plan.html"
    default_sort = "-id"
    actions = PLAN
    unlisted = ("plan_invoices", "installments")

    apart = ("text", "key", "proposed_on", "agreed_on", "ended_on")  # on its page, or told to the minute

    def get_details_columns(self):
        return [column for column in super().get_details_columns() if column[0] not in self.apart]

    def heading(self, row):
        return f"{words.plural(row.count, 'payment')} for {format_cents(row.amount_cents)}"

    def standing(self, plan):
        """How its payments stand, for its page."""
        return standing.of(plan, today=g.today)

    def more_links(self, row):
        return [("The agreement (PDF)", url_for(".pdf_view", id=row.id))]

    @expose("/<int:id>/agreement.pdf")
    def pdf_view(self, id):
        """The agreement as the customer has it."""
        row = self.get_one(id)
        return pdf_answer(pdf.plan_pdf(agreement.document(row, today=g.today)), f"Payment plan {row.id}")


class PlanInvoiceView(StaffView):
    """Which invoices a plan covers."""

    plural = "Invoices of plans"
    column_list = ("plan", "invoice", "amount_cents", "active")
    column_filters_by = ("plan", "invoice", "active")


class InstallmentView(StaffView):
    """The payments of plans, each with its day."""

    column_list = ("plan", "number", "due_on", "amount_cents", "moved_from_on")
    column_filters_by = ("plan", "due_on", "amount_cents")
    unlisted = ("parts",)


class InstallmentPartView(StaffView):
    """What of a payment belongs to which invoice."""

    plural = "Parts of installments"
    column_list = ("installment", "invoice", "amount_cents")
    column_filters_by = ("installment", "invoice")
