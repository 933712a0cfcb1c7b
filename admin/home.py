"""The door and the first page of the back office: sign-in, today's queues and numbers, the search box.

Here: pages that belong to no table. Not here: the numbers themselves (billing/reports.py), rights
(security.py).
"""

import flask_login
import wtforms
from flask import abort, current_app, flash, g, jsonify, redirect, request, url_for
from flask_admin import AdminIndexView, expose

from admin import labels, said, search, security
from admin.agreements import PriceIncrease
from admin.base import Guarded
from admin.call_lists import CallLists
from admin.calls import CallPages, caller_number
from admin.clarity import ClarityPage, company_url, lacking
from admin.collections import CollectionsDesk
from admin.customer import CustomerPage
from admin.desk import Desk
from admin.desk_calendar import DeskCalendar
from admin.fields import Filled
from admin.held import HeldNotices
from admin.personal import PersonalMail
from admin.phone import Phone
from admin.preferences import PreferencesPage
from admin.printing import PrintQueue
from admin.remittances import BankFiles
from admin.renewals import ContractEnds
from admin.said import SaidPage
from admin.settlements import Reconciliation
from admin.timeline import TimelinePage
from admin.wording import Wordings, failing
from billing import company as companies
from billing import feeds, first_steps, queues, reports, words
from billing.errors import BillingError
from billing.renewals import rules

MOST_DAYS = 400
PAGES = {  # what billing/ names and no list shows: (its page, the place on it)
    "bill": ("staff.bill_preview", None),
    "collections": ("staff.collections", "waiting"),
    "held": ("staff.held", None),
    "print": ("staff.print_queue", None),
    "review": ("staff.contract_ends", "review"),
}


class SignInForm(wtforms.Form):
    """Who, and the secret."""

    email = wtforms.EmailField("E-mail", [Filled()], render_kw={"autocomplete": "username"})
    password = wtforms.PasswordField("Password", [Filled()], render_kw={"autocomplete": "current-password"})


class PasswordForm(wtforms.Form):
    """The old password and the new one."""

    old = wtforms.PasswordField(
        "Password until now", [Filled()], render_kw={"autocomplete": "current-password"}
    )
    new = wtforms.PasswordField(
        "New password",
        [Filled()],
        description=f"At least {security.SHORTEST_PASSWORD} characters. Your other sessions end.",
        render_kw={"autocomplete": "new-password"},
    )


def _silent():
    """Sentences about the watched sources that were not heard from for too long."""
    silent = feeds.silent(g.now)
    return [f"{_last_heard(feed)} {feeds.doubt(feed)}, so no late notice leaves." for feed in silent]


def _last_heard(feed):
    when = labels.ago(feed.beat_at, g.now) if feed.beat_at else ""
    if feed.name == feeds.PHONE:
        told = f"The phone system was last heard from {when}." if when else "The phone was never heard from."
    else:
        read = f"last read {when}" if when else "never read"
        told = f"Incoming {feed.name} was {read}."
    return f"{told} {feed.trouble}".strip()


def _first_steps():
    """[(Step, its address or "")] until the company is live; none for who could not take them."""
    if companies.is_live(g.company, g.today) or not security.may("company.write"):
        return []
    return [(step, _step_url(step.screen)) for step in first_steps.steps(is_ready=not lacking())]


def _step_url(screen):
    match screen:
        case "":
            return ""
        case "company":
            return company_url()
        case "go_live":
            return url_for("staff_company.act_view", action="go_live", id=g.company.id)
    return _page_url(screen)


def _address(number):
    """Where a number leads."""
    return _page_url(number.screen, **number.args)


def _page_url(screen, **args):
    """A page of its own, else the filtered list."""
    if screen in PAGES:
        page, place = PAGES[screen]
        return url_for(page, _anchor=place)
    return url_for(f"staff_{screen}.index_view", **args)


class Home(
    Guarded,
    CustomerPage,
    TimelinePage,
    SaidPage,
    PreferencesPage,
    Desk,
    DeskCalendar,
    CollectionsDesk,
    ClarityPage,
    CallPages,
    CallLists,
    Phone,
    BankFiles,
    Reconciliation,
    ContractEnds,
    PrintQueue,
    HeldNotices,
    PersonalMail,
    PriceIncrease,
    Wordings,
    AdminIndexView,
):
    """``/staff``: today."""

    def __init__(self):
        super().__init__(name="Today", endpoint="staff", url="/staff")
        self.static_folder = None  # the stock files of the theme are not used, so they are not served

    def is_accessible(self):
        """For the menu."""
        return security.may("staff.index")

    @expose("/")
    def index(self):
        """Today's queues first, then the numbers; each leads to the list behind it."""
        return self.render(
            "admin/home.html",
            home=reports.home(g.today),
            groups=queues.groups(flask_login.current_user.row, today=g.today, now=g.now),
            steps=_first_steps(),
            address=_address,
            unreviewed=rules.review_words(),
            silent=_silent(),
            failing=failing(),
        )

    @expose("/sign-in", methods=("GET", "POST"))
    def sign_in(self):
        """Sign in, and go on to where one wanted to go."""
        target = security.safe_next(request.values.get("next", ""))
        if security.role():
            return redirect(target, 303)
        form = SignInForm(request.form if request.method == "POST" else None)
        status = 200
        if request.method == "POST":
            status = 400
            if form.validate():
                try:
                    security.sign_in(form.email.data, form.password.data, now=g.now)
                    return redirect(target, 303)
                except BillingError as refusal:
                    form.password.errors = [str(refusal)]
        return self.render("admin/sign_in.html", form=form, next=request.values.get("next", "")), status

    @expose("/sign-out", methods=("POST",))
    def sign_out(self):
        """End this session."""
        security.sign_out()
        return redirect(url_for("staff.sign_in"), 303)

    @expose("/password", methods=("GET", "POST"))
    def password(self):
        """Change one's own password."""
        form = PasswordForm(request.form if request.method == "POST" else None)
        if request.method == "POST" and form.validate() and self._changed(form):
            flash("Your password was changed. Sign in with the new one.", "success")
            return redirect(url_for("staff.sign_in"), 303)
        return self.render("admin/password.html", form=form), 400 if request.method == "POST" else 200

    def _changed(self, form):
        row = flask_login.current_user.row
        try:
            security.confirm(row, form.old.data, now=g.now)
        except BillingError as refusal:
            form.old.errors = [str(refusal)]
            return False
        try:
            security.set_password(row, form.new.data, by=g.by, now=g.now)
        except BillingError as refusal:
            form.new.errors = [str(refusal)]
            return False
        security.sign_out()
        return True

    @expose("/search")
    def search(self):
        """The search box: typed results; what was surely meant is opened at once."""
        typed = request.args.get("q", "")
        hits = search.find(typed)
        if request.accept_mimetypes.best == "application/json":
            hits += search.said(typed)
            return jsonify(
                [{"kind": h.kind, "title": h.title, "detail": h.detail, "url": h.url} for h in hits]
            )
        sure = search.only_exact(hits)
        if sure and "all" not in request.args:
            return redirect(sure.url, 303)
        return self.render(
            "admin/search.html",
            typed=typed,
            hits=hits,
            said=said.newest(typed),
            caller_number=caller_number(typed),
        )

    @expose("/demo/advance", methods=("POST",))
    def demo_advance(self):
        """Let the demo company live through some days."""
        if current_app.config["MODE"] != "demo":
            abort(404)
        days = request.form.get("days", 1, type=int)
        if not 1 <= days <= MOST_DAYS:
            abort(400, f"The demo can move by 1 to {MOST_DAYS} days at once.")
        try:
            day = current_app.advance_demo(days)
        except BillingError as refusal:
            flash(str(refusal), "error")
        else:
            flash(f"The demo company has lived on to {words.date(day)}.", "success")
        return redirect(url_for("staff.index"), 303)
