"""The last steps at the desk: service that rests, and accounts that an agency gets; each for two people.

Here: their screens, forms and the one call of each. Not here: when that is allowed (billing/suspensions,
billing/handovers.py), the second person's word (remedies.py), who may (security.py).
"""

import io

import wtforms
from flask import abort, g, send_file, url_for
from flask_admin import expose
from markupsafe import Markup

from admin import labels
from admin.actions import WAITS, Action, day_of, text_field
from admin.base import StaffView
from billing import approvals, authorities, handovers, words
from billing import company as companies
from billing.edges import handover_file
from billing.money import format_cents
from billing.suspensions import standing, steps
from models import Approval, Handover, Suspension

POLICIES = ("suspend_after_days", "suspend_notice_days", "suspend_pauses_billing")


class WhyForm(wtforms.Form):
    """Why, for the second person and the record."""

    reason = text_field("Reason", 255, hint="Your colleagues decide by it. The customer does not read it.")


class CheckForm(wtforms.Form):
    """The checklist where lives may depend on it."""


for _name, _sentence in steps.CHECKS.items():
    setattr(CheckForm, _name, wtforms.BooleanField(_sentence))


class HandoverForm(WhyForm):
    """To whom, and why."""

    agency = text_field("Agency", 120)


# --- Suspensions ---------------------------------------------------------------------------------


def _ask(contract, form):
    steps.ask(contract, reason=form.reason.data, **day_of())
    return f"The warning for {contract.name} is asked for. {WAITS}"


def _ask_effect(contract):
    if sentence := steps.objection(contract, today=g.today, now=g.now):
        return sentence
    cents, oldest_on = standing.of(contract.customer, g.today)
    told = f"{format_cents(cents)} past due, the oldest since {words.date(oldest_on)}."
    if lives := standing.guarded(contract):
        told += f" Lives may depend on it: {words.joined(lives)}. The checklist comes before any letter."
    return told


def _check(row, form):
    steps.check(row, [name for name in steps.CHECKS if form[name].data], by=g.by, now=g.now)
    return "The checklist is answered."


def _request(row, form):
    steps.request(row, reason=form.reason.data, **day_of())
    return f"It is asked for. {WAITS}"


def _stop(row, form):
    end = steps.lift if row.state == Suspension.SUSPENDED else steps.cancel
    row = end(row, why=form.reason.data, **day_of())
    return "It works again. Tell the monitoring station now." if row.station else "Nothing rests; it is over."


def _stand(row):
    """Where it stands, in a sentence."""
    if row.state == Suspension.WARNED:
        return standing.untold(row, g.today) or f"They were told: from {words.date(row.rests_on)} on."
    return ""


CONTRACT = (
    Action(
        "suspend", "Ask for a suspension", _ask, form=WhyForm, bulk=False, effect=_ask_effect,
        lead="The hardest thing that we do, and the last. The customer gets a letter and a mail with the "
        "day, at least ten days ahead; any payment ends it. Have you spoken with them, and offered a plan?",
        fits=lambda contract: contract.ends_on is None,
    ),
)  # fmt: skip
SUSPENSION = (
    Action(
        "check", "Answer the checklist", _check, form=CheckForm, bulk=False,
        lead="Lives may depend on this service. Tick only what you know; your name stands beside it.",
        fits=lambda row: row.state in (Suspension.ASKED, Suspension.WARNED) and row.checked_at is None,
        effect=lambda row: words.joined(standing.names_of(row)) or "Nothing of the kind is known here.",
    ),
    Action(
        "request", "Let it rest now", _request, form=WhyForm, bulk=False, effect=_stand,
        lead="Asks a second person. From their word on signals are not answered.",
        fits=lambda row: row.state == Suspension.WARNED,
    ),
    Action(
        "stop", "Stop it", _stop, form=WhyForm, bulk=False,
        lead="Nothing rests, and what did not leave is not sent.",
        fits=lambda row: row.state in (Suspension.ASKED, Suspension.WARNED), effect=_stand,
    ),
    Action(
        "lift", "Switch it on again", _stop, form=WhyForm, bulk=False, tone="main",
        lead="Signals are answered again at once, and it is billed again. The customer is told. A payment "
        "does the same by itself.",
        fits=lambda row: row.state == Suspension.SUSPENDED,
    ),
    Action(
        "station", "Station was told", lambda row, form: steps.station_told(row, by=g.by, now=g.now) and None,
        lead="The monitoring station knows whether it answers signals of this account.",
        done="Noted.", fits=lambda row: row.station,
    ),
    Action(
        "recalled", "Letter was taken back",
        lambda row, form: steps.recalled(row, how=form.reason.data, by=g.by, now=g.now) and None,
        form=WhyForm, lead="It is printed and must not be mailed. Say where it is now.", done="Noted.",
        fits=lambda row: row.recall, bulk=False,
    ),
)  # fmt: skip


STEPS = {
    "asked": "Asked for",
    "checked": "Checklist answered",
    "warned": "Warning approved",
    "suspended": "Rest approved",
    "station_told": "Station told",
    "recalled": "Letter taken back",
    "ended": "Ended",
}


def _second_person(row):
    """The way to the request that waits for a second person; "" when none does."""
    waits = Approval.select().where(
        (Approval.about_table == row._meta.table_name)
        & (Approval.about_id == row.id)
        & (Approval.state == Approval.ASKED)
    ).first()  # fmt: skip
    if waits is None:
        return ""
    checklist = isinstance(row, Suspension) and standing.names_of(row) and row.checked_at is None
    return Markup("{}<a href='{}'>Waits for a second person: {}</a>").format(
        "Answer the checklist first: lives may depend on it. " if checklist else "",
        url_for("staff_approval.details_view", id=waits.id),
        approvals.label(waits.kind).lower(),
    )


class SuspensionView(StaffView):
    """Service that may rest, rests or rested, with every step and its people."""

    plural = "Suspensions"
    lead = "Two people decide, twice. Any payment ends it by itself."
    column_list = ("contract", "customer", "state", "rests_on", "owed_cents", "oldest_on", "asked_at")
    column_labels = {
        "rests_on": "Rests from", "owed_cents": "Past due then", "oldest_on": "Oldest due",
        "asked_at": "Asked", "guarded": "Lives may depend on", "checks": "Checklist",
        "station": "Station to be told",
        "recall": "Letter to take back", "ended_why": "Why it ended", "payment": "Cured by",
    }  # fmt: skip
    column_filters_by = ("state", "customer", "rests_on", "recall", "station")
    actions = SUSPENSION
    inline = ("notices",)

    computed = ("next", "steps")

    def get_details_columns(self):
        """What comes next, the particulars, and the steps with their people as one story."""
        kept = (
            "next", "customer", "contract", "steps", "reason", "owed_cents", "oldest_on", "guarded",
            "checks", "rests_on", "hold", "payment", "ended_why", "station", "recall",
        )  # fmt: skip
        named = dict(super().get_details_columns()) | {"next": "What comes next"}
        return [(name, named[name]) for name in kept]

    def show_next(self, row):
        """What is to be done now, by whom; with the way to it."""
        if row.state in (Suspension.LIFTED, Suspension.CANCELED):
            return labels.EMPTY
        if waits := _second_person(row):
            return waits
        if row.state == Suspension.SUSPENDED:
            return "Any payment switches it on again by itself; so does anybody at the desk."
        if row.state == Suspension.ASKED:
            return "Nobody is asked for a second word any more: stop it, and ask anew if it must be."
        day = words.date(row.rests_on)
        if g.today < row.rests_on:
            return f"They were told {day}. On that day, ask for the second word: “Let it rest now”."
        return _stand(row) or f"The day that they were told, {day}, has come: “Let it rest now”, or stop it."

    def heading(self, row):
        return f"{row.contract.name}, {row.customer.name}"

    def show_steps(self, row):
        """Who did what, when; only what happened."""
        done = [
            (getattr(row, f"{step}_at"), words_, getattr(row, f"{step}_by")) for step, words_ in STEPS.items()
        ]
        items = Markup("").join(
            Markup("<li>{}, {}, {}</li>").format(words_, labels.moment(at), labels.person(by))
            for at, words_, by in done
            if at
        )
        return Markup("<ol>{}</ol>").format(items)

    def show_guarded(self, row):
        return words.joined(standing.names_of(row)) or labels.EMPTY

    def show_checks(self, row):
        if row.checked_at is None:
            return labels.EMPTY
        items = Markup("").join(Markup("<li>{}</li>").format(text) for text in steps.CHECKS.values())
        return Markup("<ul>{}</ul>").format(items)

    def more_links(self, row):
        """The contract, where the fire authority is told."""
        if row.state != Suspension.WARNED or not authorities.required(row.contract):
            return []
        return [("Tell the authority", url_for("staff_contract.details_view", id=row.contract_id))]


# --- Hand-overs ----------------------------------------------------------------------------------


def _hand_over(customer, form):
    handovers.ask(customer, agency=form.agency.data, reason=form.reason.data, **day_of())
    return f"It is asked for. {WAITS}"


def _make_file(row, form):
    name, content = handover_file.build(row, today=g.today, company=companies.current())
    handovers.hand_over(row, content, name=name, **day_of())
    return f"{name} is made, and the customer is told. Send it to {row.agency} by a safe way."


def _take_back(row, form):
    handovers.take_back(row, why=form.reason.data, by=g.by, now=g.now)
    return "We speak with them ourselves again. Tell the agency."


CUSTOMER = (
    Action(
        "hand_over", "Ask for a hand-over", _hand_over, form=HandoverForm, bulk=False,
        lead="From then on others write to this customer in our name. Nothing is added any more, and we can "
        "take it back at any time. A plan or a write-off is mostly kinder, and often cheaper.",
        fits=lambda customer: handovers.running(customer) is None,
    ),
)  # fmt: skip
HANDOVER = (
    Action(
        "make_file", "Make the file", _make_file, bulk=False, tone="main",
        lead="Puts the facts of the account into one file, freezes fees, and tells the customer once.",
        fits=handovers.is_approved, effect=lambda row: f"for {row.agency}",
    ),
    Action(
        "take_back", "Take it back", _take_back, form=WhyForm, bulk=False,
        lead="We speak with the customer ourselves again.", fits=lambda row: row.state in Handover.RUNNING,
    ),
)  # fmt: skip


class HandoverView(StaffView):
    """Accounts that an agency has, had, or may get."""

    plural = "Hand-overs"
    lead = "Two people decide. While an agency has an account, nothing is added or asked from here."
    column_list = ("customer", "agency", "state", "amount_cents", "handed_on", "asked_at", "ended_why")
    column_labels = {"amount_cents": "Past due then", "handed_on": "Handed over", "asked_at": "Asked",
                     "ended_why": "Why it ended"}  # fmt: skip
    column_filters_by = ("state", "customer", "handed_on")
    actions = HANDOVER
    inline = ("notices",)
    unlisted = ("files",)
    computed = ("next",)

    def get_details_columns(self):
        """What comes next, then the particulars in their order; the state stands beside the heading."""
        kept = (
            "next", "customer", "agency", "reason", "amount_cents", "asked_by", "asked_at", "approval",
            "handed_on", "handed_by", "ended_at", "ended_by", "ended_why",
        )  # fmt: skip
        named = dict(super().get_details_columns()) | {"next": "What comes next"}
        return [(name, named[name]) for name in kept]

    def show_handed_by(self, row):
        return labels.person(row.handed_by) if row.handed_by else labels.EMPTY

    def show_next(self, row):
        """What is to be done now, by whom; with the way to it."""
        if row.state == Handover.HANDED_OVER:
            return (
                f"{row.agency} writes to them. Nothing is added or asked from here; take it back at any time."
            )
        if row.state != Handover.ASKED:
            return labels.EMPTY
        return _second_person(row) or "A second person agreed: make the file, and send it by a safe way."

    def heading(self, row):
        return f"{row.customer.name}, {row.agency}"

    def more_links(self, row):
        return [("Download the file", url_for(".file_view", id=row.id))] if row.files.exists() else []

    @expose("/<int:id>/file")
    def file_view(self, id):
        """What the agency got, to the byte."""
        file = self.get_one(id).files.first() or abort(404)
        answer = send_file(
            io.BytesIO(bytes(file.content)),
            mimetype="application/zip",
            as_attachment=True,
            download_name=file.name,
        )
        answer.headers["Cache-Control"] = "no-store"
        return answer


class HandoverFileView(StaffView):
    """The files themselves are opened from their hand-over."""

    plural = "Files for agencies"
    column_list = ("name", "handover", "size", "sha256", "made_at")
