"""Screens of how contracts end and what they cost: answers, ends with their law, the authority, new prices.

Here: what these pages show and the one call of each into ``billing``. Not here: any rule of it, the notices
of a contract's end (renewals.py), who may (security.py).
"""

import json

import wtforms
from flask import abort, flash, g, redirect, request, url_for
from flask_admin import expose
from markupsafe import Markup
from peewee import JOIN
from wtforms.validators import Optional

from admin import finding, labels, outbox, related
from admin.actions import Action, day_of, text_field
from admin.base import StaffView
from admin.fields import ChoiceInput, DateInput, Filled, MoneyInput, RateInput
from admin.filters import Derived
from billing import authorities, letterheads, words
from billing import company as companies
from billing.edges import pdf
from billing.edges.answers import pdf_answer
from billing.errors import BillingError
from billing.money import format_cents
from billing.renewals import closing, endings, letter, prices
from models import AuthorityNotice, Charge, Contract, Customer, Item, Notice, PriceChange, Site

SHOWN_CHARGES = 200


# --- Ending a contract ---------------------------------------------------------------------------


class EndForm(wtforms.Form):
    """When, why, what shows it, and a fee where one may be charged."""

    on = DateInput("Last day of service", [Filled()])
    reason = ChoiceInput("Reason", choices=Contract.end_reason.choices, default="not_said")
    proof = text_field("What shows it", 255, optional=True, hint="Such as orders, or a physician's letter.")
    fee = MoneyInput(
        "Early-termination fee", [Optional()],
        description="Leave it empty for none. It is refused where the law or a missed notice forbids it.",
    )  # fmt: skip


def _end(contract, form):
    row = endings.end(
        contract, on=form.on.data, reason_code=form.reason.data, proof=form.proof.data or "",
        fee_cents=form.fee.data or 0, **day_of(),
    )  # fmt: skip
    said = [f"{contract.name} ends on {words.date(row.ends_on)}."]
    if row.credited_cents:
        said.append(f"{format_cents(row.credited_cents)} of unused service were credited.")
    if row.refund_by_on:
        said.append(f"What was paid ahead must be back by {words.date(row.refund_by_on)}.")
    return " ".join([*said, "The customer is told."])


def what_follows(contract):
    """What ending this contract would mean, on the day that the form begins with, in a sentence or two."""
    on = _last_day(contract)
    found = endings.consequences(contract, "other", on, today=g.today)
    last = f"With {words.date(on)} as its last day"
    fee = (
        f"{last}, no fee may be charged. {found.fee_refusal}"
        if found.fee_refusal
        else f"{last}, it ends before its term is over: a fee may be charged if the agreement has one, and "
        "the reason does not forbid it."
    )
    return " ".join(part for part in (found.missing, fee, *found.final.sentences) if part)


def _last_day(contract):
    """The day that the customer was told when they ended it, while it has not passed; else today."""
    asked = closing.asked_to_end(contract)
    return max(asked.last_on, g.today) if asked else g.today


def reasons(rows):
    """[(reason, what the law says about it)] for the page that asks."""
    names = dict(Contract.end_reason.choices)
    for code, law in endings.REASONS.items():
        proof = f"Keep {law.proof}." if law.proof else ""
        said = [law.free, *law.lines, *(f"{state}: {text}" for state, text in law.by_state), proof]
        yield names[code], " ".join(part for part in said if part)


def _fill_end(form, rows):
    if form.on.raw_data is None:
        form.on.data = _last_day(rows[0]) if len(rows) == 1 else g.today


END = Action(
    "end",
    "End contract",
    _end,
    form=EndForm,
    lead="Its charges end on that day, unused service is credited where the charge says so, and the customer "
    "is told.",
    fits=lambda contract: contract.ends_on is None,
    effect=what_follows,
    fill=_fill_end,
    about=reasons,
    tone="danger",
)


# --- The fire authority --------------------------------------------------------------------------


class LetterForm(wtforms.Form):
    """Whom the letter goes to, and the day that it names."""

    authority = text_field("Authority", 120, hint="Such as: Austin Fire Department, Fire Marshal.")
    address = text_field("Address", 255, hint="Lines with commas between them.")
    kind = ChoiceInput(
        "What happens", choices=[("ended", "Monitoring ends"), ("suspended", "Monitoring is suspended")]
    )
    ends_on = DateInput("Last day of monitoring", [Filled()])


class AuthorityForm(LetterForm):
    """The same, with how it was sent and what proves it."""

    sent_on = DateInput("Sent on", [Filled()])
    medium = ChoiceInput("Sent by", choices=AuthorityNotice.medium.choices)
    proof = text_field("Proof", 255, hint="Certified number, confirmation of the fax, who took it.")


def _fill_known(form, rows):
    if form.authority.raw_data is None and len(rows) == 1:
        form.authority.data, form.address.data = authorities.known(rows[0])
        asked = closing.asked_to_end(rows[0])
        form.ends_on.data = asked.last_on if asked else None
        if "sent_on" in form:
            form.sent_on.data = g.today


def _letter(contract, form):
    document = authorities.letter(
        contract,
        company=letterheads.of(companies.current()),
        authority=form.authority.data,
        address=form.address.data,
        ends_on=form.ends_on.data,
        today=g.today,
        kind=form.kind.data,
    )
    return pdf_answer(pdf.authority_pdf(document), f"Letter to {document.authority}")


def _told(contract, form):
    row = authorities.record(
        contract, authority=form.authority.data, address=form.address.data, ends_on=form.ends_on.data,
        sent_on=form.sent_on.data, medium=form.medium.data, proof=form.proof.data, kind=form.kind.data,
        **day_of(),
    )  # fmt: skip
    may = "end" if row.kind == AuthorityNotice.ENDED else "rest"
    return f"Recorded: {row.authority} was told. Monitoring may {may} on {words.date(row.ends_on)} or later."


def _needs_authority(contract):
    return contract.ends_on is None and bool(authorities.required(contract))


AUTHORITY = (
    Action(
        "authority_letter",
        "Letter to the authority",
        _letter,
        form=LetterForm,
        lead="The letter that tells the fire authority that required monitoring ends. Send it with proof, "
        "then record it: nothing ends before.",
        fits=_needs_authority,
        fill=_fill_known,
        bulk=False,
    ),
    Action(
        "authority_told",
        "Record notice to the authority",
        _told,
        form=AuthorityForm,
        lead="The record stands for good. With it the contract may end on the day that the letter names, or "
        "later.",
        fits=_needs_authority,
        fill=_fill_known,
        bulk=False,
    ),
)


# --- Screens -------------------------------------------------------------------------------------


def _lines(text):
    items = Markup("").join(Markup("<li>{}</li>").format(line) for line in json.loads(text or "[]"))
    return Markup('<ol class="steps">{}</ol>').format(items) if items else labels.EMPTY


class RenewalAnswerView(StaffView):
    """What customers answered about their contracts, as they signed it."""

    plural = "Answers of customers"
    column_list = ("contract", "answer", "name", "last_on", "via", "at")
    column_labels = {
        "last_on": "Last day told", "term_end_on": "Term ends", "deadline_on": "Deadline by contract",
        "is_late": "After the deadline", "text_sha256": "Text (SHA-256)", "ip": "Network address",
        "at": "When",
    }  # fmt: skip
    column_filters_by = ("answer", "contract", "via", "is_late", "at")
    search_by = ()

    def customer_of(self, row):
        return row.contract.customer


class CancellationView(StaffView):
    """Why contracts ended, and what followed."""

    plural = "Ended contracts"
    column_list = ("contract", "reason", "ends_on", "fee_cents", "credited_cents", "refund_by_on")
    column_labels = {
        "fee_cents": "Fee", "fee_refusal": "Why no fee", "credited_cents": "Credited",
        "refund_by_on": "Refund by", "law": "What follows",
    }  # fmt: skip
    column_filters_by = ("reason", "contract", "ends_on", "refund_by_on")
    search_by = ()

    def show_law(self, row):
        return _lines(row.law)

    def customer_of(self, row):
        return row.contract.customer


class AuthorityNoticeView(StaffView):
    """Proof that the fire authority was told before required monitoring ended."""

    plural = "Notices to authorities"
    column_list = ("contract", "authority", "ends_on", "sent_on", "medium", "proof")
    column_filters_by = ("contract", "sent_on", "ends_on", "medium")
    search_by = ()
    actions = (outbox.AUTHORITY_PROOF,)


STANDING = {
    "waiting": (
        "Waits to be told",
        lambda at: at(PriceChange.needs_notice) & at(PriceChange.told_on).is_null()
        & at(PriceChange.canceled_on).is_null() & (at(PriceChange.tell_by_on) >= g.today),
    ),
    "at_risk": ("About to be told too late", lambda at: at(PriceChange.id) << prices.at_risk(g.today)),
    "silent": (
        "Not told in time: the old price is billed",
        lambda at: at(PriceChange.needs_notice) & at(PriceChange.told_on).is_null()
        & at(PriceChange.canceled_on).is_null() & (at(PriceChange.tell_by_on) < g.today),
    ),
    "billed": ("Billed, and not told", lambda at: at(PriceChange.id) << prices.billed_untold(g.today)),
    "told": ("Told", lambda at: at(PriceChange.told_on).is_null(False)),
}  # fmt: skip


class CancelForm(wtforms.Form):
    """Why."""

    reason = text_field("Reason", 120)


def _take_back(change, form):
    prices.cancel(change, reason=form.reason.data, **day_of())
    return f"The new price of {change.charge} was taken back; the old one goes on."


class PriceChangeView(StaffView):
    """Prices from a date on: agreed to, or planned and told in time."""

    plural = "Price changes"
    details_page = "admin/price_change.html"
    lead = "An increase that nobody agreed to is billed only once it was told in time."
    computed = ("standing",)
    column_list = ("charge", "starts_on", "old_cents", "unit_cents", "standing", "reason")
    column_labels = {
        "unit_cents": "New price", "old_cents": "Old price", "told_on": "Told", "plan_on": "Planned to tell",
        "standing": "Standing", "told_with": "Told with", "agreed_how": "Agreed to by",
        "needs_notice": "Must be told", "tell_from_on": "Tell from", "tell_by_on": "Tell by",
    }  # fmt: skip
    column_filters_by = (
        Derived("standing", "Standing", PriceChange.starts_on, STANDING), "charge", "starts_on", "told_on",
    )  # fmt: skip
    actions = (
        Action(
            "take_back",
            "Take back",
            _take_back,
            form=CancelForm,
            lead="The old price goes on. Possible until something was billed at the new one.",
            fits=lambda change: change.canceled_on is None,
            effect=lambda change: prices.standing_words(change, today=g.today),
            tone="danger",
        ),
    )

    def prepare(self, rows):
        super().prepare(rows)
        charges = [row.charge for row in rows if row.charge]
        related.load(charges, [Charge.item, Charge.contract, Charge.site])
        related.load([one.contract for one in charges], [Contract.customer])

    def show_charge(self, row):
        address = url_for("staff_charge.details_view", id=row.charge_id)
        link = Markup('<a href="{}">{}</a>').format(address, row.charge)
        return link + Markup('<br><span class="soft">{}</span>').format(_whose(row.charge))

    def customer_of(self, row):
        return row.charge.contract.customer

    channels = {Notice.MAIL: "E-mail", Notice.PAPER: "Letter", Notice.TEXT: "Text message"}

    def messages(self, row):
        """Who is told of it, and when: for its own page."""
        return prices.messages(row)

    def notice_state(self, notice):
        """What became of one of those messages."""
        if notice.bounced_at:
            return labels.badge("came back", "bad")
        if notice.state == Notice.PRINT:
            return labels.badge("to print and mail", "wait")
        return labels.badge(notice.state, "good" if notice.state == Notice.SENT else "plain")

    def show_standing(self, row):
        return prices.standing_words(row, today=g.today)

    plain_standing = show_standing

    def show_arithmetic(self, row):
        return _lines(row.arithmetic)

    def plain_charge(self, row):
        return f"{row.charge}, {_whose(row.charge)}"


def _whose(charge):
    """The customer of a charge, and the place where there is one."""
    place = f", {charge.site.name}" if charge.site else ""
    return f"{charge.contract.customer}{place}"


# --- Price increases -----------------------------------------------------------------------------


class IncreaseForm(wtforms.Form):
    """Whose prices rise, by how much and from when."""

    from_on = DateInput("From", [Filled()], description="Periods that start on or after this day.")
    percent = RateInput("By percent", [Optional()], description="Such as 4.5; rounded up to five cents.")
    amount = MoneyInput("Or by an amount", [Optional()], description="More for one, in each bill.")
    to = MoneyInput("Or to a price", [Optional()], description="The new price of one, in each bill.")
    cycle = ChoiceInput("Billed", choices=Charge.cycle_months.choices, blank=True, coerce=int)
    item = ChoiceInput("What", choices=[], blank=True, coerce=int)
    kind = ChoiceInput("Whose", choices=Customer.kind.choices, blank=True)
    charge = wtforms.HiddenField()
    reason = text_field(
        "Why", 120, optional=True, hint="The customers read it in the message.", to_customer=True
    )

    def validate(self, extra_validators=None):
        fine = super().validate(extra_validators)
        said = [field for field in (self.percent, self.amount, self.to) if field.data]
        if not self.percent.errors and len(said) != 1:
            self.percent.errors = ["Say one of the three: a percentage, an amount, or a price."]
            return False
        if not (self.percent.data or self.cycle.data or self.charge.data):
            self.cycle.errors = ["Say how often it is billed: a sum for a month is none for a year."]
            return False
        return fine

    @property
    def rise(self):
        """What was typed, as a prices.Rise."""
        return prices.Rise(
            ppm=self.percent.data or 0, more_cents=self.amount.data or 0, to_cents=self.to.data or 0
        )


class PriceIncrease:
    """Mixed into the home view: ``/staff/price-increase``."""

    @expose("/price-increase", methods=("GET", "POST"))
    def price_increase(self):
        """Choose, see who and how much, and plan it."""
        data = request.form if request.method == "POST" else request.args
        form = IncreaseForm(data or None)
        form.item.offer([(item.id, str(item)) for item in _items()])
        found, status = [], 200
        if data.get("from_on") or request.method == "POST":
            status = 200 if form.validate() else 400
            found = [] if form.errors else self._found(form)
        if request.method == "POST" and not form.errors:
            return self._planned(form, found)
        return self._increase(form, found), status

    def _found(self, form):
        return prices.preview(_chosen(form), form.rise, from_on=form.from_on.data, today=g.today)

    def _increase(self, form, found):
        ready, refused = _rising(found), [one for one in found if one.refusal]
        return self.render(
            "admin/price_increase.html",
            form=form,
            every=letter.EVERY,
            ready=ready[:SHOWN_CHARGES],
            count=len(ready),
            more_cents=sum(
                (one.new_cents - one.old_cents) * one.charge.quantity * (12 // one.charge.cycle_months)
                for one in ready
            ),
            refused=refused[:SHOWN_CHARGES],
            refused_count=len(refused),
            dearer=[one for one in found if not one.refusal and one.new_cents < one.old_cents],
            asked=bool(request.values.get("from_on")),
            one=finding.as_id(form.charge.data or ""),
        )

    def _planned(self, form, found):
        if not (form.reason.data or "").strip():
            form.reason.errors = ["Say why prices change; the customers read it."]
            return self._increase(form, found), 400
        try:
            made, refused = prices.plan(
                [one.charge for one in found if one.refusal or one.new_cents > one.old_cents],
                form.rise,
                from_on=form.from_on.data,
                reason=form.reason.data,
                **day_of(),
            )
        except BillingError as refusal:
            form.reason.errors = [str(refusal)]
            return self._increase(form, found), 409
        flash(
            f"Planned: {words.plural(len(made), 'new price')}. Nobody is billed more before they were told."
        )
        if refused:
            flash(f"{words.plural(len(refused), 'charge')} could not be planned.", "error")
        return redirect(url_for("staff_price_change.index_view"), 303)


def _rising(found):
    """Those of the Planned whose price rises: what costs more already keeps its price."""
    return [one for one in found if not one.refusal and one.new_cents > one.old_cents]


def _items():
    return Item.select().where(Item.kind == Item.RECURRING).order_by(Item.name)


def _chosen(form):
    """A query of the running charges that the form chooses."""
    query = (
        Charge.select(Charge, Contract, Customer, Site)
        .join(Contract)
        .join(Customer)
        .join_from(Charge, Site, JOIN.LEFT_OUTER)
        .where(Charge.next_on.is_null(False) & Contract.ends_on.is_null() & Customer.closed_on.is_null())
        .order_by(Customer.name, Charge.id)
    )
    if form.charge.data:
        query = query.where(Charge.id == (finding.as_id(form.charge.data) or abort(404)))
    if form.cycle.data:
        query = query.where(Charge.cycle_months == form.cycle.data)
    if form.item.data:
        query = query.where(Charge.item == form.item.data)
    return query.where(Customer.kind == form.kind.data) if form.kind.data else query
