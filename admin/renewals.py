"""Screens of contract ends: the rules as data, the notices with their proof, and the page of all of them.

Here: what these pages show and the one call of each into ``billing/renewals``. Not here: any rule of it, who
may (security.py), the contract's own screen (tables/contracts.py).
"""

import wtforms
from flask import current_app, flash, g, redirect, request, url_for
from flask_admin import expose
from markupsafe import Markup
from wtforms.validators import Length, Optional

from admin import labels
from admin.actions import Action, Words, day_of, fill_today, text_field
from admin.base import StaffView
from admin.fields import ChoiceInput, DateInput, Filled, plain_text
from admin.filters import Derived
from billing import certified, renewals, words
from billing.edges import proofs, seals
from billing.edges.answers import pdf_answer
from billing.errors import BillingError
from billing.imports.fields import STATES
from billing.renewals import asking, closing, contents, figures, impact, proof, rules, sending, windows
from models import Contract, RenewalNotice, RenewalRule

MOST_CHANGES = 200
TONES = {"planned": "wait", "queued": "open", "sent": "open", "proven": "good", "missed": "bad"}


# --- Actions -------------------------------------------------------------------------------------


class WhyForm(wtforms.Form):
    """Why."""

    reason = text_field("Reason", 255, hint="It stays in the audit, beside your name.")


class MailedForm(wtforms.Form):
    """When it was mailed, and the number of certified mail."""

    mailed_on = DateInput("Mailed on", [Filled()])
    certified_number = Words(
        "Certified mail number",
        [Optional(), Length(max=45, message="At most 45 characters."), plain_text],
        description="From the receipt; for certified mail it is the proof.",
    )


class DeliveredForm(wtforms.Form):
    """What the post says."""

    came_back = ChoiceInput("What became of it", choices=[("", "It was delivered"), ("y", "It came back")])
    on = DateInput("On", [Filled()])
    text = text_field(
        "What the post says", 120, optional=True, hint="Such as: return receipt signed by A. Miller."
    )


def _send_now(row, form):
    sent = sending.send_now(row, today=g.today, now=g.now)
    how = "by e-mail" if sent.medium == RenewalNotice.EMAIL else "as a letter: it waits to be printed"
    return f"The notice by {sent.called} for {sent.contract} goes out {how}."


def _mailed(row, form):
    number = form.certified_number.data or ""
    renewals.mark_mailed(row, mailed_on=form.mailed_on.data, certified_number=number, **day_of())
    return f"Noted: mailed on {words.date(form.mailed_on.data)}. It counts as proof."


def _delivered(row, form):
    came_back, told = form.came_back.data == "y", {"on": form.on.data, "text": form.text.data or ""}
    renewals.mark_delivered(row, came_back=came_back, **told, **day_of())
    if came_back:
        return "Noted. That it was mailed stays proven. Ask the customer for the right address."
    return "Noted: it was delivered. The proof pack says so."


def _override(row, form):
    renewals.override(row, reason=form.reason.data, by=g.by, now=g.now)
    return f"{row.contract} renews as agreed. The notice stays missed, with your reason."


def _proof(row, form):
    pack = proof.pack(row, now=g.now)
    return pdf_answer(proofs.proof_pdf(pack, current_app.secret_key), f"Proof of notice {row.id}")


def _new_version(rule, form):
    draft = rules.new_version(rule, by=g.by, now=g.now)
    return f"{draft} is a draft now: open it, change it, and see what it would change before it is activated."


def _activate(rule, form):
    rules.activate(rule, reason=form.reason.data, **day_of())
    return f"{rule} is in force. The next daily run plans by it."


def _retire(rule, form):
    rules.retire(rule, reason=form.reason.data, by=g.by, now=g.now)
    return f"{rule} is not used any more."


def _impact_words(rule):
    found = impact.changes(rule, today=g.today, now=g.now)
    return _counted(found) or "no window of a contract would change"


def _counted(found):
    counts = ((sum(one.kind == kind for one in found), said) for kind, said in impact.COUNTED.items())
    return words.joined(f"{count:,} {said}" for count, said in counts if count)


NOTICE = (
    Action(
        "proof",
        "Proof pack",
        _proof,
        lead="One sealed PDF with the rule, the arithmetic, the words, the way and what came of it. Keep it: "
        "the page “Check a proof pack” says years later whether it is ours and still true.",
        fits=lambda row: row.notice_id is not None,
        bulk=False,
    ),
    Action(
        "send_now",
        "Send now",
        _send_now,
        lead="It leaves with the next run of the sender instead of on its planned day; a letter goes to the "
        "print queue. Possible in its lawful window only.",
        fits=lambda row: row.state == RenewalNotice.PLANNED,
        effect=lambda row: f"lawful {words.period(row.opens_on, row.closes_on)}",
    ),
    Action(
        "mailed",
        "Note as mailed",
        _mailed,
        form=MailedForm,
        lead="A letter counts from the day on which it was mailed. Certified mail counts by its number.",
        fits=lambda row: (
            row.medium != RenewalNotice.EMAIL
            and row.notice_id
            and row.state in (RenewalNotice.QUEUED, RenewalNotice.MISSED)
        ),
        fill=fill_today("mailed_on"),
        tone="main",
    ),
    Action(
        "delivered",
        "Note its delivery",
        _delivered,
        form=DeliveredForm,
        lead="What the return receipt or the page of the Postal Service says about the letter.",
        fits=lambda row: row.state == RenewalNotice.PROVEN and row.medium != RenewalNotice.EMAIL,
        fill=fill_today("on"),
        bulk=False,
    ),
    Action(
        "override",
        "Override",
        _override,
        form=WhyForm,
        lead="The contract renews as agreed though there is no proof of its notice. Ask counsel first.",
        fits=lambda row: row.state == RenewalNotice.MISSED and row.overridden_at is None,
        effect=lambda row: row.consequence,
        tone="danger",
    ),
)
RULE = (
    Action(
        "new_version",
        "New version",
        _new_version,
        lead="Makes a draft with the same text. What stands now stays in force until the draft is activated.",
        fits=lambda rule: rule.status != RenewalRule.DRAFT,
        bulk=False,
    ),
    Action(
        "activate",
        "Activate",
        _activate,
        form=WhyForm,
        lead="Puts the draft in force. What is out stays as it is; what is planned follows the new text.",
        fits=lambda rule: rule.status == RenewalRule.DRAFT,
        effect=_impact_words,
        bulk=False,
        tone="main",
    ),
    Action(
        "retire",
        "Retire",
        _retire,
        form=WhyForm,
        lead="The rule is not used any more; what was sent by it keeps its proof.",
        fits=lambda rule: rule.status != RenewalRule.RETIRED,
        tone="danger",
    ),
)


# --- Screens -------------------------------------------------------------------------------------


class RenewalRuleView(StaffView):
    """The law as data: one row for each version. Only drafts can be changed."""

    can_create = can_edit = True
    plural = "Renewal rules"
    lead = "Which law asks for which notice before a contract renews. A starting point, not legal advice."
    computed = ("window",)
    column_list = ("code", "window", "audience", "consequence", "certainty", "status")
    column_labels = {
        "first_term_at_least": "First term at least (months)", "state": "State",
        "renewal_longer_than": "Renewal longer than (months)",
        "max_renewal_months": "Longest renewal (months)",
        "lifted_by": "Lifted by", "effective_from_on": "In force from", "effective_to_on": "In force until",
        "opens_days": "Opens (days before)", "closes_days": "Closes (days before)", "media": "Ways",
        "alarm_exempt": "Alarm companies exempt", "window": "Window", "anchor": "Counted back from",
    }  # fmt: skip
    column_filters_by = ("status", "state", "audience", "basis", "certainty", "consequence")
    form_columns = ("code", *rules.TEXT)
    edit_columns = rules.TEXT
    details_page = "admin/renewal_rule.html"
    unlisted = ("renewal_notices",)
    default_sort = "code"
    actions = RULE

    def show_window(self, rule):
        return windows.in_words(rule)

    plain_window = show_window

    def show_code(self, rule):
        return rule.title if rule.version == 1 else str(rule)

    def show_media(self, rule):
        return windows.ways(rule) or labels.EMPTY

    def show_status(self, rule):
        return labels.badge(rule.status, {"active": "good", "draft": "wait"}.get(rule.status, "plain"))

    def show_certainty(self, rule):
        return certainty(rule)

    def show_contents(self, rule):
        return _must_say(rule)

    def changes(self, rule):
        """What a draft would change: (the Changes that fit on a page, how many in all, in words)."""
        found = impact.changes(rule, today=g.today, now=g.now) if rule.status == RenewalRule.DRAFT else []
        return found[:MOST_CHANGES], len(found), _counted(found)

    kinds = impact.WORDS

    @expose("/<int:id>/edit", methods=("GET", "POST"))
    def edit_view(self, id):
        """Change a draft; what was active stands."""
        if self.get_one(id).status != RenewalRule.DRAFT:
            flash("This version was in force: its text stands. Make a new version and change that.", "error")
            return redirect(url_for(".details_view", id=id), 303)
        return super().edit_view(id)

    def check(self, form, row):
        values = {name: form[name].data for name in form._fields if name in rules.TEXT}
        for name, sentence in rules.problems(values):
            form[name].errors = [sentence]
        if "code" in form and not rules.CODE.fullmatch(form.code.data or ""):
            form.code.errors = ["Write it like NY-5903: the state and the section."]

    def _typed(self, form):
        """A new row says who made it, and when."""
        made = {"made_by": g.by, "made_at": g.now} if "code" in form else {}
        return super()._typed(form) | made


def certainty(rule):
    """How sure a rule is; what nobody verified says so wherever it drives a date."""
    if rules.is_unverified(rule):
        return labels.badge("not verified", "bad")
    return dict(RenewalRule.certainty.choices)[rule.certainty]


def _waiting(at):
    return at(RenewalNotice.state).in_((RenewalNotice.PLANNED, RenewalNotice.QUEUED))


def _of_the_year(at):
    return at(RenewalNotice.closes_on) >= g.today - figures.YEAR


STANDING = {
    "at_risk": (
        "About to close without proof",
        lambda at: _waiting(at) & (at(RenewalNotice.alarm_on) <= g.today),
    ),
    "to_mail": (
        "On paper, to mail soon",
        lambda at: (
            (at(RenewalNotice.state) == RenewalNotice.QUEUED)
            & at(RenewalNotice.notice).in_(closing.on_paper())
            & (at(RenewalNotice.alarm_on) > g.today)
            & (at(RenewalNotice.closes_on) <= g.today + closing.MAIL_WITHIN)
        ),
    ),
    "open": (
        "Window open, nothing out",
        lambda at: (
            (at(RenewalNotice.state) == RenewalNotice.PLANNED)
            & (at(RenewalNotice.opens_on) <= g.today)
            & (at(RenewalNotice.closes_on) >= g.today)
        ),
    ),
    "opening": (
        "Opens soon",
        lambda at: (
            (at(RenewalNotice.state) == RenewalNotice.PLANNED) & (at(RenewalNotice.opens_on) > g.today)
        ),
    ),
    "out": (
        "On its way",
        lambda at: at(RenewalNotice.state).in_((RenewalNotice.QUEUED, RenewalNotice.SENT)),
    ),
    "proven": (
        "Proven, of twelve months",
        lambda at: (at(RenewalNotice.state) == RenewalNotice.PROVEN) & _of_the_year(at),
    ),
    "missed": (
        "Missed and not overridden, of twelve months",
        lambda at: (
            (at(RenewalNotice.state) == RenewalNotice.MISSED)
            & at(RenewalNotice.overridden_at).is_null()
            & _of_the_year(at)
        ),
    ),
}


class RenewalNoticeView(StaffView):
    """What each rule asks for before each term ends, and the proof that it was done."""

    plural = "Renewal notices"
    lead = "One row for each rule and term; one message may serve several rules."
    column_list = (
        "contract", "rule_code", "state", "plan_on", "closes_on", "medium", "sent_on",
    )  # fmt: skip
    column_labels = {
        "rule_code": "Rule", "rule": "Its version", "plan_on": "Planned", "opens_on": "Opens",
        "closes_on": "Closes",
        "term_end_on": "Term ends", "alarm_on": "Alarm", "deadline_on": "Customer's deadline",
        "together": "Said with", "text_sha256": "Text (SHA-256)", "sent_on": "Sent", "alarmed_at": "Alarmed",
        "overridden_by": "Overridden by", "overridden_at": "Overridden", "override_reason": "Why overridden",
    }  # fmt: skip
    column_filters_by = (
        Derived("standing", "Standing", RenewalNotice.closes_on, STANDING),
        "state", "contract", "rule_code", "medium", "plan_on", "opens_on", "closes_on", "alarm_on",
        "term_end_on", "overridden_at",
    )  # fmt: skip
    search_by = ()
    actions = NOTICE
    default_sort = "closes_on"
    inline_sort = "id"

    def show_state(self, row):
        return state(row)

    def show_rule_code(self, row):
        return row.title

    def show_together(self, row):
        """Another rule's letter, if it is one."""
        return labels.EMPTY if row.together == row.rule_code else RenewalRule.title_of(row.together)

    def show_certified_number(self, row):
        return certified.shown(row.certified_number) or labels.EMPTY

    def show_arithmetic(self, row):
        return lines(row)

    def show_contents(self, row):
        return _must_say(row)

    def customer_of(self, row):
        return row.contract.customer

    def more_links(self, row):
        if not row.notice_id:
            return []
        return [("The message", url_for("staff_notice.details_view", id=row.notice_id))]


def _must_say(row):
    """What a rule wants a notice to say, or what one had to say, in words."""
    return words.joined(contents.CODES[code] for code in row.contents.split("|") if code) or labels.EMPTY


def state(row):
    """Where a notice stands, in a word that staff use."""
    said = {"queued": "on its way" if row.medium == RenewalNotice.EMAIL else "to print and mail"}
    if row.overridden_at:
        return labels.badge("missed, overridden", "wait")
    return labels.badge(said.get(row.state, row.state), TONES.get(row.state, "plain"))


def lines(row):
    """The arithmetic of a row, line by line."""
    said = asking.lines_of(row)
    if not said:
        return labels.EMPTY
    items = Markup("").join(Markup("<li>{}</li>").format(line) for line in said)
    return Markup('<ol class="steps">{}</ol>').format(items)


class RenewalView(StaffView):
    """What became of each term that ended."""

    plural = "Ended terms"
    column_list = ("contract", "term_end_on", "outcome", "next_ends_on", "reason")
    column_labels = {"term_end_on": "Term ended", "next_ends_on": "Next term ends", "decided_at": "Decided"}
    column_filters_by = ("outcome", "contract", "term_end_on")
    search_by = ()


class RuleReviewView(StaffView):
    """Who reviewed the table of rules, and which."""

    plural = "Reviews by counsel"
    column_list = ("name", "reviewed_on", "rule_count", "by")


# --- Parts of other screens ----------------------------------------------------------------------


class ContractEnd:
    """Mixed into the screen of contracts: what the law refuses, and how a contract ends."""

    def check(self, form, row):
        """What the law refuses about the renewal, next to the field that mends it."""
        law = form.governing_state.data = (form.governing_state.data or "").strip().upper()
        if law and law not in STATES.split():
            form.governing_state.errors = ["Write the state as two letters, such as TX."]
        if any(field.errors for field in form):
            return
        typed = Contract(**(dict(row.__data__) if row else {}))
        for name in form._fields:
            setattr(typed, name, form[name].data)
        for name, sentence in renewals.refusals(typed, today=g.today):
            form[name].errors = [sentence]

    def saved(self, row, form, *, created):
        renewals.plan_one(row, today=g.today, now=g.now)

    def end_of(self, row):
        """All about the end of a contract, for its page."""
        return renewals.contract_end(row, today=g.today, now=g.now)

    notice_state = staticmethod(state)
    certainty = staticmethod(certainty)
    contents = contents.CODES
    media = RenewalNotice.MEDIA
    review_words = staticmethod(rules.review_words)


def refuse_state(form, contract):
    """Refuse a charge at a site whose state does not allow the contract's renewal, next to the site."""
    site = form.site.data if "site" in form else None
    if site is None or form.site.errors:
        return
    for _, sentence in renewals.refusals_of_site(contract, site, today=g.today):
        form.site.errors = [f"{sentence} Change the contract first."]


# --- The page ------------------------------------------------------------------------------------


class ReviewForm(wtforms.Form):
    """The tick, and whose word it is."""

    name = text_field("Counsel who reviewed it", 80)
    reviewed = wtforms.BooleanField("Our counsel has reviewed the notice table", [Filled()])


class ContractEnds:
    """Mixed into the home view: ``/staff/contract-ends``."""

    @expose("/contract-ends", methods=("GET",))
    def contract_ends(self):
        """Windows open, sent and missed; what ends soon; how many renew, and why not."""
        return self._contract_ends(ReviewForm())

    @staticmethod
    def _within():
        """How many days ahead the table of ends shows; the longest span unless a shorter one was chosen."""
        typed = request.args.get("within", type=int)
        return typed if typed in figures.SPANS else figures.SPANS[-1]

    def _contract_ends(self, form, status=200):
        return self.render(
            "admin/contract_ends.html",
            form=form,
            standing=figures.standing(g.today),
            ending=figures.ending(g.today),
            spans=figures.SPANS,
            within=self._within(),
            months=figures.months(g.today),
            reasons=figures.reasons(g.today),
            unreviewed=rules.review_words(),
            notice_state=state,
        ), status

    @expose("/check-proof", methods=("GET", "POST"))
    def check_proof(self):
        """Say whether a proof pack is ours, unchanged, and still what our books say. Nothing is kept."""
        verdict, refusal = None, ""
        if request.method == "POST":
            try:
                upload = request.files.get("file")
                if upload is None or not upload.filename:
                    raise BillingError("Choose the file first: the PDF as it was made.")
                verdict = proofs.verified(upload.read(seals.MOST_BYTES), *current_app.seal_secrets)
            except BillingError as error:
                refusal = str(error)
        page = self.render("admin/check_proof.html", verdict=verdict, refusal=refusal, said=proofs.SAID)
        return page, 422 if refusal else 200

    @expose("/contract-ends/review", methods=("POST",))
    def review_rules(self):
        """Note that counsel has reviewed the table as it is."""
        form = ReviewForm(request.form)
        if not (form.validate() and form.reviewed.data):
            form.reviewed.errors = form.reviewed.errors or ["Tick it when they have."]
            return self._contract_ends(form, 400)
        try:
            row = rules.review(form.name.data, **day_of())
        except BillingError as refusal:
            form.name.errors = [str(refusal)]
            return self._contract_ends(form, 409)
        flash(f"Noted: {row.name} has reviewed {words.plural(row.rule_count, 'rule')}.", "success")
        return redirect(url_for("staff.contract_ends"), 303)
