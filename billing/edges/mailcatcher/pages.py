"""The page for people, and the same as JSON for tests. A mail is shown in a frame that can run nothing."""

import base64
import re
import secrets
from datetime import UTC
from pathlib import Path

from flask import (
    Blueprint,
    Flask,
    Response,
    abort,
    current_app,
    g,
    redirect,
    render_template,
    request,
    url_for,
)
from werkzeug.local import LocalProxy

from billing.edges.mailcatcher import answers as answering
from billing.edges.mailcatcher.smtp import MODES, Fault
from billing.edges.mailcatcher.store import MOST_LISTED

STATIC = Path(__file__).parents[3] / "static"  # the names of colors and the typeface are the product's
SHOWN = ("application/pdf", "image/png", "image/jpeg", "image/gif", "text/plain")  # by the browser itself
MAIL_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src data:; "
    "style-src 'unsafe-inline'; font-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)

TOLD = {
    "reply": "Your answer lies in the mailbox; it is read within seconds.",
    "bounce": "A mail server reports: there is no such mailbox.",
    "full": "A mail server reports: the mailbox is full.",
    "spam": "The provider reports that you called it spam.",
    "texted": "Your text was taken.",
    "lost": "Nobody took your text. Is the portal running?",
}

bp = Blueprint("mails", __name__)
store = LocalProxy(lambda: current_app.extensions["mails"])
faults = LocalProxy(lambda: current_app.extensions["faults"])
answers = LocalProxy(lambda: current_app.extensions["answers"])


def create_app(store, faults, answers):
    """The Flask application over a Store, its Faults and the Answers that can be given."""
    app = Flask(__name__, static_folder=STATIC)
    app.json.sort_keys = False
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.extensions.update(mails=store, faults=faults, answers=answers)
    app.register_blueprint(bp)
    app.context_processor(lambda: {"nonce": _nonce()})
    app.add_template_filter(_when, "when")
    app.add_template_filter(_size, "size")
    app.after_request(_protect)
    return app


# --- Pages -----------------------------------------------------------------------------------------


@bp.before_request
def refuse_strangers():
    """A page of another site must not press our buttons."""
    if request.method == "POST" and request.headers.get("Sec-Fetch-Site") == "cross-site":
        abort(403)


@bp.get("/")
def index():
    """All mails, newest first; ?find= for those that have its words in a recipient or in the subject."""
    return _page(None)


@bp.get("/mails/<int:id>")
def show(id):
    """One mail beside the list."""
    return _page(_mail(id))


def _page(mail):
    find = " ".join(request.args.get("find", "").split())
    view = request.args.get("view", "html" if mail and mail.html else "text")
    count, newest = store.count()
    return render_template(
        "mails.html",
        mails=store.mails(words=find), mail=mail, view=view, find=find, count=count, newest=newest,
        most=MOST_LISTED,
        faults=faults.all(), modes=MODES, answers=answers, told=TOLD.get(request.args.get("told", "")),
    )  # fmt: skip


@bp.get("/mails/<int:id>/body")
def body(id):
    """The HTML part alone, for the frame: links open in a new tab, nothing runs and nothing is fetched."""
    html = _mail(id).html or abort(404)
    shown = Response(_with_pictures(html, _mail(id).parts), content_type="text/html; charset=utf-8")
    shown.headers["Content-Security-Policy"] = MAIL_POLICY
    return shown


def _with_pictures(html, parts):
    """Put embedded pictures in place and let links open in a new tab, as in a mail program."""
    pictures = {part.content_id: part for part in parts if part.content_id}

    def inlined(match):
        part = pictures.get(match[1])
        return f"data:{part.kind};base64,{base64.b64encode(part.content).decode()}" if part else match[0]

    html = re.sub(r"cid:([^\"'\s)>]+)", inlined, html)
    return re.sub(r"(?i)(<a\b(?![^>]*\btarget=))", r'\1 target="_blank" rel="noopener"', html)


@bp.get("/mails/<int:id>/source")
def source(id):
    """The mail exactly as it came."""
    return Response(_mail(id).raw, content_type="text/plain; charset=utf-8")


@bp.get("/mails/<int:id>/parts/<int:number>")
def part(id, number):
    """An attachment: shown when the browser can do so harmlessly, else to be saved."""
    parts = _mail(id).parts
    found = parts[number - 1] if 0 < number <= len(parts) else abort(404)
    answer = Response(found.content, content_type=found.kind)
    shown = "inline" if found.kind in SHOWN else "attachment"
    answer.headers.set("Content-Disposition", shown, filename=found.name)
    if found.kind == "application/pdf":
        answer.headers["Content-Security-Policy"] = "frame-ancestors 'none'"  # a viewer has parts
    return answer


# --- Answering -------------------------------------------------------------------------------------


@bp.post("/texts")
def take_text():
    """Take a text, as a provider would: ``to`` and ``message``; ``sent``, when its sender says so."""
    given = request.get_json()
    return {"id": store.keep_text(*(str(given.get(name, "")) for name in ("to", "message", "sent")))}


@bp.post("/mails/<int:id>/answer")
def answer(id):
    """Answer as the recipient: ``how`` is reply, bounce, full or spam for a mail; a text is texted back."""
    mail, words = _mail(id), request.form.get("words", "").strip()
    how = request.form.get("how", "reply")
    if mail.is_text:
        _allowed(answers.takes_texts and words)
        told = answers.text(f"+{mail.recipients[0].lstrip('+')}", words, id)
        return redirect(
            url_for("mails.show", id=id, told="texted" if told == "It was taken." else "lost"), 303
        )
    _allowed(answers.takes_mail and mail.recipients and (words or how != "reply"))
    made = {
        "reply": lambda: answering.reply(mail, words),
        "bounce": lambda: answering.bounce(mail),
        "full": lambda: answering.bounce(mail, full=True),
        "spam": lambda: answering.complaint(mail),
    }
    answers.deliver(made.get(how, lambda: abort(400))())
    return redirect(url_for("mails.show", id=id, told=how), 303)


def _allowed(condition):
    if not condition:
        abort(400)


# --- Ruling ----------------------------------------------------------------------------------------


@bp.post("/delete")
def delete():
    """Delete all mails."""
    store.forget_all()
    return _done({"count": 0})


@bp.post("/faults")
def set_fault():
    """Misbehave: mode (smtp.MODES), count (null: until switched off), recipient, seconds; or clear."""
    given = request.get_json() if request.is_json else request.form.to_dict()
    if given.get("clear"):
        faults.clear()
        return _done({"faults": []})
    try:
        count = given.get("count", 1)
        count = None if count in (None, "") else int(count)
        seconds = float(given.get("seconds") or 60)
        faults.add(Fault(given.get("mode"), count, given.get("recipient", ""), seconds))
    except ValueError as error:
        return {"error": str(error)}, 400
    return _done({"faults": faults.all()})


# --- JSON ------------------------------------------------------------------------------------------


@bp.get("/messages.json")
def messages():
    """All mails with everything in them, newest first; ?to= for those of one recipient."""
    return [_as_json(store.mail(mail.id)) for mail in store.mails(request.args.get("to", ""))]


@bp.get("/count.json")
def count():
    """How many there are, and the newest id: what the open page asks for."""
    total, newest = store.count()
    return {"count": total, "newest": newest}


def _as_json(mail):
    return {
        "id": mail.id,
        "channel": "text" if mail.is_text else "mail",
        "received_at": mail.received_at.isoformat(),
        "sent_at": mail.sent_at.isoformat() if mail.sent_at else None,
        "sender": mail.sender,
        "recipients": mail.recipients,
        "subject": mail.subject,
        "headers": [] if mail.is_text else mail.headers,
        "text": mail.text,
        "html": mail.html,
        "attachments": [{"name": part.name, "kind": part.kind, "size": part.size} for part in mail.parts],
    }


# --- How -------------------------------------------------------------------------------------------


def _mail(id):
    return (store.mail(id) if id < 2**62 else None) or abort(404)


def _done(result):
    return result if request.is_json else redirect(url_for("mails.index"), 303)


def _nonce():
    if "nonce" not in g:
        g.nonce = secrets.token_urlsafe(16)
    return g.nonce


def _protect(response):
    response.headers.setdefault(
        "Content-Security-Policy",
        f"default-src 'none'; style-src 'self' 'nonce-{_nonce()}'; script-src 'nonce-{_nonce()}'; "
        "font-src 'self'; img-src 'self' data:; connect-src 'self'; frame-src 'self'; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'",
    )
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    if request.endpoint != "static":
        response.headers["Cache-Control"] = "no-store"
    return response


def _when(at):
    """A moment on the clock that it was told by; one without a zone is UTC, shown on this machine's."""
    there = at if at.tzinfo else at.replace(tzinfo=UTC).astimezone()
    return f"{there:%b} {there.day}, {there.hour % 12 or 12}:{there:%M} {'am' if there.hour < 12 else 'pm'}"


def _size(count):
    return f"{count / 1024:,.0f} KB" if count >= 1024 else f"{count} bytes"
