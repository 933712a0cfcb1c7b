"""The one blueprint of the customer's pages, and its guard: closed, unless a page is opened here by name.

Who is there is asked once for each request. What belongs to somebody else is not refused but not found:
pages look things up through ``g.customer`` or through the link that they were opened with.
"""

from flask import Blueprint, abort, flash, g, redirect, render_template, request, session, url_for
from flask_wtf.csrf import CSRFError

from billing import links, naming
from billing.wording import tongues
from models import Contact
from portal import speaking, visitor

bp = Blueprint("portal", __name__)
# Parts of addresses: what a link carries, the number of an invoice, the id of anything else.
TOKEN = "<string(maxlength=100):token>"
NUMBER = "<int(max=2147483647):number>"
ID = "<int(max=2147483647):id>"

# These open without signing in: what a link or a mail leads to, and the machine's door.
OPEN = frozenset({
    "home", "sign_in", "sign_in_code", "sign_in_again", "sign_in_by_link", "sign_out",
    "pay_code", "pay_link", "pay_link_pdf", "pay_by_link", "ask_by_link", "check_by_link", "replacement",
    "everything", "fresh_link", "pay_together", "pay_all_of_it", "receipt_by_link", "back_to_invoice",
    "pay_page", "payment_return", "payment_cancel", "payment_receipt",
    "promise_by_link", "plan_by_link", "plan_pdf_by_link", "wait_by_link", "autopay_off_by_pay_link",
    "dispute_by_link", "withdraw_by_link",
    "preferences_by_link", "unsubscribe_page", "stop_by_click", "electronic_consent", "authorize_net",
    "incoming_text", "incoming_calls", "calendar_feed", "contract_by_link",
    "invoice_seen_by_link", "together_seen", "preferences_seen", "contract_seen", "language",
})  # fmt: skip

# What a technical contact may open: their own data and questions, nothing about money.
WITHOUT_MONEY = frozenset({
    "questions", "question", "new_question", "question_settled", "question_file", "details", "choose_account",
    "account", *OPEN,
})  # fmt: skip


bp.after_app_request(speaking.answer)


@bp.before_request
def recognize():
    """Find out who is there, and keep everybody else out of what is not open."""
    name = request.endpoint.partition(".")[2]
    g.contact = visitor.contact()
    speaking.to(g.contact and g.contact.customer)
    if g.contact:
        g.customer = g.contact.customer
        g.by = f"customer:{g.contact.email}"
        if g.contact.role == Contact.TECHNICAL and name not in WITHOUT_MONEY:
            abort(404)
    elif name not in OPEN:
        return _ask_to_sign_in()


def _ask_to_sign_in():
    if request.method == "GET":
        session["next"] = request.full_path.rstrip("?")
    flash("Please sign in to see this page.")
    return redirect(url_for("portal.sign_in"), 303)


@bp.app_template_filter("number")
def number(invoice):
    """A template's filter: the number of an invoice as it is printed."""
    return naming.number(invoice, g.company)


@bp.app_context_processor
def foot():
    """The choice of a language, at the foot of the customer's pages: what is spoken, and where they are."""
    if not speaking.is_ours():
        return {}
    here = request.full_path.rstrip("?")
    return {"spoken": speaking.tongue(), "tongues": tongues.TONGUES.values(), "here_again": here}


@bp.context_processor
def frame():
    """What the base page shows to somebody who is signed in."""
    if not g.get("contact"):
        return {}
    return {
        "nav": [_entry(*place) for place in _places(g.contact)],
        "home_url": url_for("portal.account"),
        "sign_out_url": url_for("portal.sign_out"),
    }


AUTOPAY = frozenset({
    "autopay_agree", "autopay_agreed", "agreement", "wait", "wait_for_invoice", "methods", "add_method",
    "remove_method",
})  # fmt: skip


def _places(contact):
    """The menu: (endpoint, label, endpoints below it)."""
    questions = ("questions", "Questions", {"question", "new_question"})
    settings = ("details", "Settings", {"choose_account"})
    if contact.role == Contact.TECHNICAL:
        return (questions, settings)
    if contact.role == Contact.PAYER:
        pages = {"details", "choose_account", "contract", "contracts", "calendar"}
        settings = ("preferences", "Settings", pages)
    places = [
        ("account", "Overview", {"review", "plan", "plan_of"}),
        ("invoices", "Invoices", {"invoice"}),
        ("payments", "Payments", {"payment", "statement"}),
    ]
    if contact.role == Contact.PAYER:
        places.append(("autopay", "Autopay", AUTOPAY))
    return (*places, questions, settings)


def _entry(endpoint, label, below):
    here = (request.endpoint or "").partition(".")[2]
    return {
        "href": url_for(f"portal.{endpoint}"),
        "label": label,
        "current": here == endpoint or here in below,
    }


@bp.get("/")
def home():
    """The address without anything behind it: your account, or the way into it."""
    return redirect(url_for("portal.account" if g.contact else "portal.sign_in"), 303)


# --- What went wrong on the way in ---------------------------------------------------------------


@bp.errorhandler(CSRFError)
def stale_form(_error):
    """A form without a valid token: nothing was done, and nothing that was typed is lost.

    It is offered for sending again only when the browser says that one of our own pages sent it.
    """
    ours = request.headers.get("Sec-Fetch-Site") == "same-origin"
    typed = [(name, value) for name, value in request.form.items(multi=True) if name != "csrf_token"]
    return render_template("errors/stale.html", typed=typed if ours else [], action=request.path), 400


@bp.errorhandler(links.DeadLink)
def dead_link(dead):
    """A link that opens nothing any more says why, and offers a way that works."""
    token = (request.view_args or {}).get("token", "")
    speaking.to(dead.link.customer if dead.link and dead.link.contact else None)
    return render_template("portal/dead_link.html", dead=dead, token=token), 410 if dead.link else 404
