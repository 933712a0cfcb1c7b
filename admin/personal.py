"""The personal mail: what is known on one side, the letter on the other, the ways out below it.

Here: its page and the one call of each form. Not here: what is known and said (billing/personal), who may
(security.py). One mail at a time: no page of these takes two.
"""

import flask_login
import wtforms
from flask import abort, flash, g, redirect, request, url_for
from flask_admin import expose
from wtforms.validators import Length

from admin.base import StaffView
from admin.fields import Filled, plain_text
from admin.held import reason_url
from billing import company as companies
from billing import words
from billing.errors import BillingError
from billing.money import parse_cents
from billing.personal import drafts, evidence
from models import Customer, Notice

SIDES = (
    (evidence.OPEN, "What is open"),
    (evidence.ASKED, "What they said and did"),
    (evidence.DID, "What we did"),
)


class LetterForm(wtforms.Form):
    """The words of a personal mail."""

    too_long = f"Please keep it under {drafts.LONGEST:,} characters."
    words = wtforms.TextAreaField(
        "Your mail",
        [Filled(), Length(max=drafts.LONGEST, message=too_long), plain_text],
        description="It goes out in your name, with a link to the invoice under it. The answer comes back "
        "as a ticket, and nothing else is sent until it is answered.",
        render_kw={"rows": 20, "aria-keyshortcuts": "Control+Enter"},
    )


class PersonalMail:
    """Mixed into the home view: ``/staff/personal/<id>`` and ``/staff/write/<customer>``."""

    @expose("/write/<int:id>", methods=("GET", "POST"))
    def write_to(self, id):
        """Begin a personal mail to a customer who owes, or go on with the one that waits."""
        customer = Customer.get_or_none(Customer.id == id) or abort(404)
        waiting = drafts.waiting().where(Notice.customer == customer).first()
        if waiting is None and request.method == "GET":
            return self.render("admin/personal_begin.html", customer=customer)
        try:
            waiting = waiting or drafts.begin(customer, by=g.by, today=g.today, now=g.now)
        except BillingError as refusal:
            flash(str(refusal), "error")
            return redirect(url_for("staff.customer", id=id), 303)
        return redirect(url_for("staff.personal", id=waiting.id), 303)

    @expose("/personal/<int:id>", methods=("GET", "POST"))
    def personal(self, id):
        """Read what is known, put the letter right, tick what helps, send it in one's own name."""
        notice = Notice.get_or_none((Notice.id == id) & (Notice.kind == Notice.CHECK_IN)) or abort(404)
        if notice.state != Notice.DRAFT:
            return redirect(url_for("staff_notice.details_view", id=id), 303)
        form = LetterForm(request.form if request.method == "POST" else None)
        told = {"staff": flask_login.current_user.row, "by": g.by, "today": g.today, "now": g.now}
        if request.method == "POST" and form.validate():
            try:
                return self._sent(notice, form, told)
            except BillingError as refusal:
                flash(str(refusal), "error")
        reading = drafts.read(notice, **told)
        seen = request.form.get("seen")
        news = reading.news if seen is None else reading.evidence.news(seen)
        if request.method == "GET":
            form.words.data = reading.words
        return self.render(
            "admin/personal.html",
            form=form,
            reading=reading,
            news=news,
            notice=notice,
            customer=notice.customer,
            sides=SIDES,
            address=fact_url,
            reason_address=reason_url,
            left=drafts.waiting().where(Notice.id != id).count(),
        ), 400 if request.method == "POST" else 200

    def _sent(self, notice, form, told):
        seen = request.form.get("seen", "")
        send_at = drafts.send(notice, words=form.words.data, seen=seen, granting=_granting(), **told)
        when = words.moment(send_at, companies.current().time_zone)
        later = (
            f"It leaves on {when}: not sooner, by our rules." if send_at > g.now else "It leaves in a moment."
        )
        flash(f"Your mail to {notice.customer.name} is signed. {later}", "success")
        following = drafts.waiting().first()
        target = url_for("staff.personal", id=following.id) if following else url_for("staff.index")
        return redirect(target, 303)


def _granting():
    """{kind of Offer: cents or None} of what was ticked; raises BillingError for what is no amount."""
    chosen = {}
    for kind in request.form.getlist("way"):
        typed = request.form.get(f"cents-{kind}", "").strip()
        chosen[kind] = parse_cents(typed) if typed else None
    return chosen


def fact_url(fact):
    """Where the record is looked at that a fact comes from."""
    if fact.table == "message":
        return ""
    return reason_url(fact)


# --- Screens ---------------------------------------------------------------------------------------


class CitationView(StaffView):
    """What somebody had before them when they signed a personal mail."""

    plural = "Records behind personal mails"
    column_list = ("sentence", "notice", "at", "about_table", "about_id")
    column_labels = {"about_table": "Kind of record", "about_id": "Its number", "at": "When"}
    column_filters_by = ("notice", "about_table", "at")


class OfferView(StaffView):
    """What personal mails brought."""

    plural = "Ways out in personal mails"
    column_list = ("kind", "notice", "amount_cents", "invoice", "staff", "made_at")
    column_labels = {"kind": "What", "staff": "Granted by", "made_at": "Granted"}
    column_filters_by = ("kind", "notice", "staff", "made_at")
