"""The words of our messages: which there are, and the page on which one is changed and put in force.

Here: what these pages show and the one call of each into ``billing/wording``. Not here: what a text must say
(billing/editions/checking.py), who may (security.py).
"""

import difflib
import secrets
from contextlib import suppress
from urllib.parse import urlsplit

from flask import abort, current_app, flash, g, make_response, redirect, render_template, request, url_for
from flask_admin import expose
from flask_login import current_user
from peewee import DoesNotExist

from admin import labels
from billing import words
from billing.edges import letters
from billing.edges.mail import Letter, Mailer
from billing.editions import checking, samples, versions
from billing.errors import BillingError
from billing.outbox import MailNotSent
from billing.texts import counting
from billing.wording import defaults, facts, pieces, tongues, writing
from billing.wording.rendering import CannotSay, Text
from models import Contact, Customer, Invoice, Notice, Template, db

MOST_REAL = 12
SEEN_REAL = 5  # real messages that a text must be able to say before it is put in force
OF_INVOICES = (Notice.INVOICE, Notice.REMINDER, Notice.FRESH_LINK)
CHANNELS = (Template.MAIL, Template.TEXT)
GROUPS = (
    ("Invoices and reminders", (Notice.INVOICE, Notice.REMINDER, Notice.OVERDUE, Notice.CHECK_IN,
                                Notice.FRESH_LINK, Notice.INVOICE_CANCELED, Notice.DIGEST)),
    ("Payments", (Notice.RECEIPT, Notice.PAYMENT_PROBLEM, Notice.REFUND, Notice.CREDIT_GIVEN)),
    ("Autopay", (Notice.AUTOPAY_ON, Notice.AUTOPAY_OFF, Notice.UPCOMING_CHARGE, Notice.CHARGE_POSTPONED,
                 Notice.CHARGE_DECLINED, Notice.ABOVE_CAP, Notice.METHOD_PROBLEM, Notice.METHOD_EXPIRING,
                 Notice.METHOD_CHANGED)),
    ("When paying is hard", (Notice.PROMISE, Notice.PLAN_AGREED, Notice.PLAN_MISSED, Notice.PLAN_ENDED,
                             Notice.LATE_FEE, Notice.SUSPENSION_WARNING, Notice.SUSPENDED, Notice.REINSTATED,
                             Notice.HANDED_OVER)),
    ("Contracts", (Notice.RENEWAL, Notice.YEARLY_REMINDER, Notice.PRICE_CHANGE, Notice.CONTRACT_ANSWERED,
                   Notice.CONTRACT_ENDED)),
    ("Questions and disputes", (Notice.TICKET_RECEIVED, Notice.TICKET_REPLY, Notice.TICKET_CLOSED,
                                Notice.DISPUTE_RECEIVED, Notice.DISPUTE_DECIDED)),
    ("The account", (Notice.SIGN_IN, Notice.CONSENT_CONFIRM, Notice.CONTACT_CHANGED, Notice.TEXT_REPLY)),
)  # fmt: skip
LABELS = dict(Notice.kind.choices)
# A preview is a mail: its looks are inside it, and nothing else may be. It is shown in a frame of ours only.
PREVIEW_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'"


def failing():
    """Sentences about texts in force that could not be written out: an older one is sent instead."""
    return [
        f"The text “{LABELS[row.kind]}” ({row.channel}, {tongues.TONGUES[row.language].name}) failed "
        f"{labels.ago(row.failed_at, g.now)}; an older one is sent instead. {row.failure}"
        for row in versions.failing()
    ]


# --- Real messages to look at ----------------------------------------------------------------------


def real_cases(kind, channel):
    """{choice: (what it is, Notice)} of messages of a kind, newest first; also of invoices that are open."""
    found = {}
    sent = (
        Notice.select().where((Notice.kind == kind) & (Notice.channel == channel)).order_by(Notice.id.desc())
    )
    for notice in sent.limit(MOST_REAL):
        found[f"notice-{notice.id}"] = (f"{notice.customer}, {labels.moment(notice.created_at)}", notice)
    if kind in OF_INVOICES:
        for row in _open_invoices():
            about = f"{row.customer}, invoice {row.number}"
            found[f"invoice-{row.id}"] = (about, _of_invoice(kind, channel, row))
    return {choice: case for choice, case in found.items() if case[1] is not None}


def _open_invoices():
    return (
        Invoice.select(Invoice, Customer)
        .join(Customer)
        .where((Invoice.state == Invoice.ISSUED) & Invoice.IS_OWED)
        .order_by(Invoice.id.desc())
        .limit(MOST_REAL)
    )


def _of_invoice(kind, channel, invoice):
    """A Notice that is stored nowhere, as it would be of this invoice; None where nobody pays it."""
    payer = Contact.get_or_none((Contact.customer == invoice.customer_id) & Contact.PAYS)
    about = {"customer": invoice.customer, "contact": payer, "invoice": invoice}
    why = "You get invoices for this account."
    return Notice(id=0, key="", kind=kind, channel=channel, why=why, **about) if payer else None


def real_context(notice):
    """What a text would tell of, were this sent now, or None when it cannot be sent any more.

    The links that it makes are undone: none of them opens anything.
    """
    with db.atomic() as transaction, suppress(StopIteration, DoesNotExist, BillingError, AttributeError):
        try:
            return letters.context_of(current_app, notice, g.now)
        finally:
            transaction.rollback()
    return None


# --- The pages -------------------------------------------------------------------------------------


class Edited:
    """One text as it stands in the form."""

    def __init__(self, kind, channel, language):
        if defaults.of(kind, channel, language) is None or language not in tongues.TONGUES:
            abort(404)
        self.kind, self.channel, self.language = kind, channel, language
        self.tongue, self.label = tongues.TONGUES[language], LABELS[kind]
        self.is_mail = channel == Template.MAIL
        self.real = real_cases(kind, channel)

    def typed(self):
        """The Text of the form."""
        body = request.form.get("body", "").replace("\r\n", "\n")
        return Text(request.form.get("subject", "") if self.is_mail else "", body)

    def draft(self):
        """The draft that is being worked on, or None."""
        newest = versions.of(self.kind, self.channel, self.language)
        return newest.where(Template.state == Template.DRAFT).first()

    def context(self):
        """(context, sentence on why it is a sample after all) of the chosen case."""
        examples = samples.contexts(self.kind)
        chosen = request.form.get("case", "")
        if chosen in self.real:
            context = real_context(self.real[chosen][1])
            if context is not None:
                return context, ""
            return next(iter(examples.values())), "This one can no longer be sent, so here is a sample."
        return examples.get(chosen) or next(iter(examples.values())), ""

    def reals(self):
        """[(what it is, context)] of real messages that the text must be able to say."""
        cases = [(name, real_context(notice)) for name, notice in list(self.real.values())[:SEEN_REAL]]
        return [(name, context) for name, context in cases if context is not None]

    def written(self, text):
        """(subject, plain text, HTML) of the chosen case. Raises CannotSay."""
        return writing.written_by(text, self.kind, self.channel, self.context()[0], self.tongue)


class Wordings:
    """Mixed into the home view: ``/staff/wordings``."""

    @expose("/wordings", methods=("GET",))
    def wordings(self):
        """Every kind of message, and by which text it is written."""
        offered = {channel: set(defaults.kinds(channel)) for channel in CHANNELS}
        return self.render(
            "admin/wordings.html", groups=GROUPS, labels=LABELS, offered=offered, channels=CHANNELS,
            tongues=tongues.TONGUES.values(), in_play=versions.all_in_play(), failing=failing(),
        )  # fmt: skip

    @expose("/wordings/<kind>/<channel>/<language>", methods=("GET", "POST"))
    def wording(self, kind, channel, language):
        """One text: change it, look at it, put it in force."""
        edited = Edited(kind, channel, language)
        if request.method == "GET":
            return self._wording(edited, *_starting(edited))
        text, found = edited.typed(), []
        try:
            answer = DOINGS.get(request.form.get("do", ""), _unknown)(edited, text)
        except BillingError as refusal:
            found, answer = str(refusal).split("\n"), None
        if answer is None:
            return self._wording(edited, text, request.form.get("note", ""), found), 409
        flash(answer, "success")
        return redirect(url_for(".wording", kind=kind, channel=channel, language=language), 303)

    def _wording(self, edited, text, note, found=()):
        rows = list(versions.of(edited.kind, edited.channel, edited.language))
        example = checking.example(edited.kind, edited.language)
        draft = next((row for row in rows if row.state == Template.DRAFT), None)
        return self.render(
            "admin/wording.html", edited=edited, text=text, note=note, found=found, rows=rows,
            names=[(name, facts.MEANINGS[name], shown(value)) for name, value in example.items()],
            cases=list(samples.CASES[edited.kind]), changes=_changes(edited, rows),
            draft=draft, is_kept=draft is not None and versions.says(draft, text),
            standing=next((row for row in rows if row.state == Template.ACTIVE), None),
        )  # fmt: skip

    @expose("/wordings/<kind>/<channel>/<language>/preview", methods=("POST",))
    def wording_preview(self, kind, channel, language):
        """The message as it would arrive, for the frame beside the text; or what is wrong, with the line."""
        edited = Edited(kind, channel, language)
        text = edited.typed()
        found = checking.problems(kind, channel, language, text)
        try:
            subject, plain, html = edited.written(text)
        except CannotSay as error:
            subject, plain, html = "", "", ""
            found = found or [str(error)]
        show_plain = request.form.get("show") == "plain" or not html
        page = render_template(
            "admin/wording_preview.html", found=found, note=edited.context()[1], subject=subject,
            plain=plain if show_plain else "", segments=0 if edited.is_mail else counting.segments(plain),
        )  # fmt: skip
        answer = make_response(page if show_plain else _with_subject(html, page))
        answer.headers["Content-Security-Policy"] = PREVIEW_POLICY
        return answer


def _with_subject(html, page):
    """The mail below the line of its subject."""
    bar = page.partition("<body>")[2].partition("</body>")[0]
    head, body, rest = html.partition("<body")
    attributes, closing, rest = rest.partition(">")
    return f"{head}{body}{attributes}{closing}{bar}{rest}"


def _starting(edited):
    """(Text, note) that the form begins with: the draft, what is in force, or the chosen older version."""
    if number := request.args.get("version", type=int):
        row = (
            versions.of(edited.kind, edited.channel, edited.language)
            .where(Template.version == number)
            .first()
        )
        return (versions.text_of(row), f"As version {number} was") if row else abort(404)
    if request.args.get("version") == "0":
        return defaults.of(edited.kind, edited.channel, edited.language), "As the default is"
    if draft := edited.draft():
        return versions.text_of(draft), draft.note
    standing = versions.in_force(edited.kind, edited.channel, edited.language)
    text = versions.text_of(standing) if standing else None
    return text or defaults.of(edited.kind, edited.channel, edited.language), ""


def shown(value):
    """An example of a fact, as the list of names shows it; a piece by what is in it."""
    match value:
        case bool():
            return "yes" if value else "no"
        case pieces.Amount():
            return f"{words.clipped(value.when, 40)}"
        case pieces.Piece():
            return "drawn by the layout"
    return words.clipped(value, 60)


def _changes(edited, rows):
    """{version: [(sign, line)]}: what each version changed in the one before it."""
    default = defaults.of(edited.kind, edited.channel, edited.language)
    texts = [default, *(versions.text_of(row) for row in reversed(rows))]
    numbers = [row.version for row in reversed(rows)]
    return {
        number: _difference(before, after)
        for number, before, after in zip(numbers, texts, texts[1:], strict=False)
    }


def _difference(before, after):
    old, new = (f"{one.subject}\n{one.body}".splitlines() for one in (before, after))
    lines = difflib.unified_diff(old, new, lineterm="", n=1)
    return [(line[0], line[1:]) for line in list(lines)[2:] if not line.startswith("@@")]


# --- What is done to a text ------------------------------------------------------------------------


def _saved(edited, text):
    return versions.save(
        edited.kind, edited.channel, edited.language, text, note=request.form.get("note", "").strip(),
        by=g.by, now=g.now, draft=edited.draft(),
    )  # fmt: skip


def _save(edited, text):
    row = _saved(edited, text)
    return f"Saved as a draft, version {row.version}. Messages are written as before until it is activated."


def _activate(edited, text):
    row = versions.activate(_saved(edited, text), by=g.by, now=g.now, real=edited.reals())
    return f"Version {row.version} is in force: the next message is written by it."


def _discard(edited, text):
    if draft := edited.draft():
        versions.discard(draft, by=g.by, now=g.now)
    return "The draft is discarded."


def _default(edited, text):
    versions.use_default(edited.kind, edited.channel, edited.language, by=g.by, now=g.now)
    return "The default text is in force again."


def _test(edited, text):
    """Send the chosen case to oneself; nothing else is kept of it."""
    if not edited.is_mail:
        raise BillingError("A test goes by mail; a text message is seen whole in the preview.")
    subject, plain, html = edited.written(text)
    domain = urlsplit(current_app.config["BASE_URL"]).hostname or "localhost"
    letter = Letter(
        subject=f"[Test] {subject}", text=plain, html=html, kept_text="", kept_html="",
        message_id=f"<test-{secrets.token_hex(8)}@{domain}>", sender_name=g.company.name,
    )  # fmt: skip
    address = current_user.row.email
    mailer = Mailer(current_app)
    try:
        mailer.send(Notice(id=0, kind=edited.kind, channel=Notice.MAIL, address=address), letter)
    except MailNotSent as trouble:
        raise BillingError(f"The test was not sent. {trouble}") from None
    finally:
        mailer.close()
    _saved(edited, text)
    return f"A test is on its way to {address}. Its links open nothing. The text is saved as a draft."


def _unknown(edited, text):
    abort(400)


DOINGS = {"save": _save, "activate": _activate, "discard": _discard, "default": _default, "test": _test}
