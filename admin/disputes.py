"""Disputes at the desk: what customers say is wrong with an invoice, our clocks, and our answer.

Here: their screen, their actions, the line on an invoice's page. Not here: what rests and when it is due
again (billing/disputes/, billing/demands.py), who may (security.py).
"""

from datetime import timedelta

import wtforms
from flask import g, url_for
from wtforms.validators import Optional

from admin import labels, related, security
from admin.actions import WAITS, Action, click_of, day_of, text_field
from admin.base import StaffView
from admin.fields import ChoiceInput, Filled, MoneyInput
from admin.filters import Derived
from billing import demands, words
from billing.disputes import asking, deciding, finding
from billing.money import format_cents
from billing.remedies import goodwill
from models import Approval, Dispute, Invoice, Line

READ = "The customer reads it word for word."


class AnswerForm(wtforms.Form):
    """Our reasons."""

    decision = text_field(
        "Reasons", deciding.LONGEST, hint=READ, control=wtforms.TextAreaField, to_customer=True
    )


class CreditForm(wtforms.Form):
    """How much of it we credit, and why."""

    amount = MoneyInput("Credit", [Filled()])
    decision = text_field(
        "Reasons", deciding.LONGEST, hint=READ, control=wtforms.TextAreaField, to_customer=True
    )


def _fill_amount(form, rows):
    if form.amount.raw_data is None:
        form.amount.data = rows[0].amount_cents


def _uphold(dispute, form):
    made = deciding.uphold(
        dispute, amount_cents=form.amount.data, decision=form.decision.data, staff=security.me(), **day_of()
    )
    if isinstance(made, Approval):
        return f"{format_cents(made.amount_cents)} is more than you may credit alone. {WAITS}"
    told = f"{dispute.invoice} was credited {format_cents(made.credit.amount_cents)}; the customer is told."
    return f"{told} {_comes_again(dispute)}".rstrip()


def _comes_again(dispute):
    """What nobody ordered is billed again next time, unless somebody ends it."""
    charge = dispute.line.charge if dispute.line_id else None
    if dispute.reason != Dispute.NOT_ORDERED or charge is None or charge.next_on is None:
        return ""
    return (
        f"“{charge.text}” goes on: it is billed again on {words.date(charge.next_on)}. If they are not to "
        "pay for it any more, end that charge in their contract."
    )


def _reject(dispute, form):
    made = deciding.reject(dispute, decision=form.decision.data, staff=security.me(), **day_of())
    return f"{format_cents(made.amount_cents)} is due {words.date(made.due_again_on)}; the customer is told."


def _withdraw(dispute, form):
    asking.withdraw(dispute, **day_of())
    return f"{format_cents(dispute.amount_cents)} is due again."


def _is_open(dispute):
    return dispute.state == Dispute.OPEN


def _effect(dispute):
    return f"{format_cents(dispute.amount_cents)}, {finding.about(dispute)}: “{dispute.words}”"


def _limit(rows):
    cents = goodwill.left_cents(rows[0].customer, security.me().role, by=g.by, today=g.today)
    return [] if cents is None else [("You may credit alone", format_cents(cents))]


DISPUTE = (
    Action(
        "uphold",
        "They are right: credit",
        _uphold,
        form=CreditForm,
        lead="What you do not credit of it is due again on a fresh date.",
        fits=_is_open,
        effect=_effect,
        about=_limit,
        fill=_fill_amount,
        tone="main",
        bulk=False,
    ),
    Action(
        "reject",
        "It is right as billed",
        _reject,
        form=AnswerForm,
        lead="It is due again on a fresh date, some days ahead, without any fee for the time in between.",
        fits=_is_open,
        effect=_effect,
        bulk=False,
    ),
    Action(
        "withdraw",
        "The customer takes it back",
        _withdraw,
        lead="It is due again on the invoice's date, tomorrow at the earliest.",
        fits=_is_open,
        effect=_effect,
        bulk=False,
    ),
)


class OpenForm(wtforms.Form):
    """What a customer told us on the phone or by mail."""

    line = ChoiceInput("Line", [Optional()], coerce=int, blank=True)
    amount = MoneyInput(
        "Amount in question", [Optional()], description="Empty: all of the line, or all that is open."
    )
    reason = ChoiceInput("What is wrong", choices=list(asking.REASONS.items()))
    words = text_field(
        "In their words", asking.LONGEST, hint="The customer reads it.", control=wtforms.TextAreaField,
        to_customer=True,
    )  # fmt: skip


def _fill_lines(form, rows):
    lines = rows[0].lines.where(Line.total_cents > 0).order_by(Line.position)
    form.line.offer([(line.id, f"{line.text}, {format_cents(line.total_cents)}") for line in lines])


def _open(invoice, form):
    line = Line.get_by_id(form.line.data) if form.line.data else None
    made = asking.open(
        invoice, line=line, amount_cents=form.amount.data, reason=form.reason.data, words=form.words.data,
        via=Dispute.STAFF, staff=None, key=click_of(invoice), **day_of(),
    )  # fmt: skip
    by = words.date(made.answer_by_on)
    return f"{format_cents(made.amount_cents)} rests; the customer is told that we answer by {by}."


INVOICE = (
    Action(
        "dispute",
        "Open a dispute",
        _open,
        form=OpenForm,
        lead="The part in question is due on no date until it is decided. The customer is told at once.",
        fits=lambda invoice: invoice.state == Invoice.ISSUED and invoice.open_cents > 0,
        effect=lambda invoice: f"{format_cents(invoice.open_cents)} open",
        fill=_fill_lines,
        bulk=False,
    ),
)


DISPUTE_STANDING = {
    "runs_out": ("The 90 days run out", lambda at: finding.runs_out(g.today, at)),
    "late": (
        "Later than we promised",
        lambda at: (at(Dispute.state) == Dispute.OPEN) & (at(Dispute.answer_by_on) < g.today),
    ),
}


class DisputeView(StaffView):
    """What customers say is wrong."""

    lead = "What is disputed is due on no date. We promised an answer in 30 days; by 90 days it is decided."
    column_list = (
        "id", "customer", "invoice", "amount_cents", "reason", "state", "opened_on", "answer_by_on", "words",
    )  # fmt: skip
    column_labels = {
        "id": "Number", "amount_cents": "Disputed", "opened_on": "Since", "answer_by_on": "Answer by",
        "words": "In their words", "due_again_on": "Due again", "decision": "Our reasons",
        "decide_by": "Decide by",
    }  # fmt: skip
    column_filters_by = (
        Derived("standing", "Standing", Dispute.state, DISPUTE_STANDING),
        "state", "customer", "invoice", "reason", "opened_on", "answer_by_on", "via",
    )  # fmt: skip
    computed = ("decide_by",)
    default_sort = "answer_by_on"
    actions = DISPUTE

    def prepare(self, rows):
        super().prepare(rows)
        related.load(rows, [Dispute.line])

    def heading(self, row):
        return f"{format_cents(row.amount_cents)} of {row.invoice}: {finding.about(row)}"

    def show_answer_by_on(self, row):
        if row.state != Dispute.OPEN:
            return words.short_date(row.answer_by_on)
        return f"{words.short_date(row.answer_by_on)}, {words.from_today(row.answer_by_on, g.today)}"

    def show_decide_by(self, row):
        if row.state != Dispute.OPEN:
            return labels.EMPTY
        last_on = finding.last_on(row)
        return f"{words.short_date(last_on)}, {words.from_today(last_on, g.today)}"

    def show_state(self, row):
        return labels.badge(clock_word(row))

    def plain_state(self, row):
        return clock_word(row)


def clock_word(dispute):
    """Where a dispute stands: open, late (our promise has passed), about to run out, or how it ended."""
    if dispute.state != Dispute.OPEN:
        return dispute.state
    if finding.last_on(dispute) - timedelta(days=finding.WARN_DAYS) <= g.today:
        return "open, 90 days run out"
    return "open, late" if dispute.answer_by_on < g.today else "open"


def banners(invoice):
    """[(sentence, address)] about open disputes of an invoice, for its page."""
    for row in finding.open_of(invoice):
        days = words.from_today(row.answer_by_on, g.today)
        yield (
            f"{format_cents(row.amount_cents)} of it is disputed and rests ({finding.about(row)}): "
            f"“{row.words}” Answer promised by {words.date(row.answer_by_on)}, {days}.",
            url_for("staff_dispute.details_view", id=row.id),
        )


def disputed():
    """A query of the ids of invoices with an open dispute."""
    return Dispute.select(Dispute.invoice).where(Dispute.state == Dispute.OPEN)


def learn_what_is_asked(invoices):
    """Read what is due when of the rows of a page at once, for ``standing``."""
    for invoice, asked in zip(invoices, _asked(invoices), strict=True):
        invoice.asked = asked


def _asked(invoices):
    found = demands.of_invoices(invoices)
    return [found[invoice.id] for invoice in invoices]


def standing(invoice):
    """One word for where an open invoice stands today, by what of it is due when."""
    asked = invoice.asked if hasattr(invoice, "asked") else demands.of(invoice)
    if demands.late_cents(asked, g.today):
        return "past due"
    if demands.first_on(asked) is None:
        return "disputed"
    return "part paid" if invoice.open_cents < invoice.total_cents else "open"
