"""Composing a notice into a mail or a text: documents and fresh links, at the moment of sending.

What is said, by which text and in which language, stands in ``billing.wording``. Links are made here, because
a token exists in clear only in the mail itself: what is stored of it has the secret part left out.
"""

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace

from flask import url_for
from flask.testing import EnvironBuilder

from billing import (
    canceling,
    digests,
    handovers,
    letterheads,
    links,
    localtime,
    pay_codes,
    preferences,
    promises,
    reminding,
    renewals,
    words,
)
from billing import company as companies
from billing.automatic import autopay, setbacks, upcoming
from billing.disputes import telling
from billing.documents import autopay_documents, invoice_documents, printed, reading, receipt_documents
from billing.edges import pdf
from billing.edges.mail import Letter
from billing.editions import composing, versions
from billing.outbox import joining
from billing.plans import agreement
from billing.plans import told as plan_told
from billing.remedies import told
from billing.renewals import answers, endings, prices
from billing.reversals import money_back
from billing.suspensions import standing
from billing.tickets import clocks
from billing.wording import tongues
from models import Contact, Notice, Preference, Template

HIDDEN = "…"
_place = ContextVar("the request in which the messages that were read together are written", default=None)
_OF_AN_INVOICE = (Notice.INVOICE, Notice.REMINDER)


@dataclass
class Tokens:
    """Links of one mail, and the secrets to leave out of the copy that is kept."""

    urls: dict = field(default_factory=dict)
    secrets: list = field(default_factory=list)
    pay_token: str = ""

    def add(self, name, endpoint, token):
        self.secrets.append(token)
        if name == "pay_url":
            self.pay_token = token
        self.urls[name] = url_for(endpoint, token=token, _external=True)
        return self.urls[name]


def composer(app):
    """Return the Composer of this app: ``compose(notice, now)`` -> Letter."""
    return Composer(app)


class Composer:
    """Writes messages with an app's templates and addresses: ``compose(notice, now)`` -> Letter."""

    def __init__(self, app):
        self._app = app
        self._places = {}  # {base URL: the environment of a request there}

    def __call__(self, notice, now):
        with _place.get() or self._request():
            return _compose(self._app, notice, now)

    def _request(self):
        """Where links lead from, as Flask wants to know it."""
        base_url = self._app.config["BASE_URL"]
        if base_url not in self._places:  # made once, because it takes a while
            self._places[base_url] = EnvironBuilder(self._app, base_url=base_url).get_environ()
        return self._app.request_context(dict(self._places[base_url]))

    def reading(self, notices, today):
        """Read what these tell of, in a few queries. Returns what opens a context to write them in.

        Nothing of it may have changed when a message leaves: the sender sees to that. The links of what is
        written there open nothing before ``Letter.write_links``.
        """
        company = companies.current()
        rows = [one.invoice for one in notices if one.kind in _OF_AN_INVOICE and one.invoice_id]
        read, texts = reading.around(rows, today=today) if rows else {}, {}
        request = self._request()

        @contextmanager
        def opened():
            with (
                companies.read_once(company),
                reading.ahead(read, today),
                versions.read_once(texts),
                links.kept_back(),
                _at(request),
            ):
                yield

        return opened


@contextmanager
def _at(request):
    token = _place.set(request)
    try:
        yield
    finally:
        _place.reset(token)


def _compose(app, notice, now):
    context, tokens = _context(app, notice, now)
    tongue = tongues.of(notice.customer)
    said = composing.compose(notice.kind, _channel(notice), context, tongue, now=now)
    return _letter(app, notice, said, tokens, context.get("attachments", ()))


def _context(app, notice, now):
    """(everything that a text may tell of, the Tokens of its links)."""
    tokens = Tokens()
    context = _CONTEXTS[notice.kind](notice, tokens, app.clock.today(), now)
    _add_standing_links(notice, tokens, now, with_preferences=notice.channel == Notice.MAIL)
    links.carry(tokens.secrets, notice)
    company = letterheads.of(companies.current())
    around = {"company": company, "contact": notice.contact, "why": notice.why, "links": tokens.urls}
    return context | around, tokens


def _letter(app, notice, said, tokens, attachments):
    house = app.config["MAIL_NAME"] or companies.current().name
    return Letter(
        subject=said.subject,
        text=said.text,
        html=said.html,
        kept_text=_without(said.text, tokens.secrets),
        kept_html=_without(said.html, tokens.secrets),
        message_id=notice.message_id or app.replies.message_id(notice.id),
        sender_name=_sender_name(notice, house),
        preferences_url=tokens.urls.get("preferences_url", "") if _may_be_stopped(notice) else "",
        event=preferences.event_of(notice),
        attachments=attachments,
        template=said.template,
        text_sha256=said.sha256,
        links=links.kept(),
    )


def _channel(notice):
    """Paper that is printed from a mail has its words."""
    return Template.TEXT if notice.channel == Notice.TEXT else Template.MAIL


def context_of(app, notice, now):
    """What a text would tell of, were ``notice`` sent now: for previews, inside a request.

    It makes links as a mail does: undo what it writes.
    """
    return _context(app, notice, now)[0]


def for_paper(app, notice, now):
    """(what a letter may tell of, the links in it, the secret parts of those)."""
    with app.test_request_context(base_url=app.config["BASE_URL"]):
        context, tokens = _context(app, notice, now)
        if tokens.pay_token:
            _add_code(context, tokens, app.seal_secrets[0])
    return context, tokens.urls, tokens.secrets


def _add_code(context, tokens, secret):
    """What can be typed instead of scanned, on paper only."""
    code = pay_codes.give(tokens.pay_token, secret=secret)
    address = url_for("portal.pay_code", _external=True)
    tokens.secrets.append(code)
    tokens.urls |= {"pay_code": code, "pay_code_at": address.partition("://")[2]}
    document = context.get("document")
    if isinstance(document, printed.InvoiceDocument):
        typed = {name: tokens.urls[name] for name in ("pay_code", "pay_code_at")}
        context["document"] = replace(document, **typed)


def _may_be_stopped(notice):
    """True for what one click in a mail program may end: nothing that must reach people."""
    return preferences.event_of(notice) in preferences.STOPPABLE


def _sender_name(notice, house):
    """A message that a person signed comes from that person."""
    return f"{notice.staff.name}, {house}" if notice.staff_id else house


def _without(text, secrets):
    for secret in secrets:
        text = text.replace(secret, HIDDEN)
    return text


def _add_standing_links(notice, tokens, now, *, with_preferences):
    """What every message to a customer carries: where to sign in, and for payers how to change what they get.

    Those preferences decide how the account is paid: whoever only looks at it, or asks, gets no link to them.
    """
    tokens.urls["sign_in_page_url"] = url_for("portal.sign_in", _external=True)
    is_payer = notice.contact and notice.contact.role == Contact.PAYER
    if with_preferences and is_payer and notice.kind not in (Notice.SIGN_IN, Notice.CONTACT_CHANGED):
        tokens.add(
            "preferences_url", "portal.preferences_by_link", links.preferences_link(notice.contact, now=now)
        )


# --- What each kind tells ------------------------------------------------------------------------


def _invoice(notice, tokens, today, now):
    also = joining.said_with(notice, today=today)
    together = notice if also else None
    token = links.pay_link(notice.invoice, now=now, contact=notice.contact, notice=together)
    pay_url = tokens.add("pay_url", "portal.pay_link", token)
    tokens.urls["question_url"] = f"{pay_url}#question"
    if also:
        tokens.add("together_url", "portal.pay_together", token)
    document = invoice_documents.of(notice.invoice, pay_url=pay_url, today=today)
    if document.is_automatic:
        tokens.add("wait_url", "portal.wait_by_link", token)
    all_cents = document.asked_cents + sum(other.cents for other in also)
    when = joining.due_words(document.asked_on, today)
    return {"document": document, "also": also, "all_cents": all_cents, "due_words": when}


def _reminder(notice, tokens, today, now):
    """Of an invoice, or of a payment of the plan that covers it."""
    told = _invoice(notice, tokens, today, now)
    if notice.installment_id:
        tokens.urls["plan_url"] = _plan_url(tokens)
        told["coming"] = plan_told.coming(notice, today=today)
    return told


def _plan_url(tokens):
    return url_for("portal.plan_by_link", token=tokens.secrets[0], _external=True)


def _pay_and_ask(notice, tokens, invoice, now):
    """The links that a message about a promise or a plan has: pay, split, ask."""
    token = links.pay_link(invoice, now=now, contact=notice.contact)
    pay_url = tokens.add("pay_url", "portal.pay_link", token)
    tokens.urls["question_url"] = f"{pay_url}#question"
    tokens.urls["plan_url"] = url_for("portal.plan_by_link", token=token, _external=True)


def _promise(notice, tokens, today, now):
    document = promises.document(notice.promise, today=today)
    if notice.invoice_id:
        _pay_and_ask(notice, tokens, notice.invoice, now)
    return {"document": document}


def _plan(notice, tokens, today, now):
    _pay_and_ask(notice, tokens, notice.invoice, now)
    return {"document": plan_told.plan_document(notice.plan, today=today)}


def _plan_agreed(notice, tokens, today, now):
    """With the agreement as a file: a copy is part of it."""
    file = pdf.plan_pdf(agreement.document(notice.plan, today=today))
    attached = (f"payment-plan-{notice.plan_id}.pdf", "application/pdf", file)
    return _plan(notice, tokens, today, now) | {"attachments": (attached,)}


def _overdue(notice, tokens, today, now):
    return _invoice(notice, tokens, today, now) | {
        "next_on": reminding.next_on(notice.invoice, today=today),
        "promised_on": promises.broken_for(notice.invoice, today=today),
    }


def _check_in(notice, tokens, today, now):
    return _invoice(notice, tokens, today, now) | {"words": notice.words}


def _payment(notice, tokens, today, now):
    return {"document": receipt_documents.of(notice.payment), "payment": notice.payment}


def _payment_problem(notice, tokens, today, now):
    document = money_back.problem_document(notice.payment)
    _add_pay_link(notice, document, tokens, now)
    return {"document": document}


def _refund(notice, tokens, today, now):
    document = money_back.refund_document(notice.refund)
    _add_pay_link(notice, document, tokens, now)
    return {"document": document}


def _credit_given(notice, tokens, today, now):
    return {"document": told.credit_document(notice.credit)}


def _invoice_canceled(notice, tokens, today, now):
    return {"document": canceling.document(notice.invoice)}


def _late_fee(notice, tokens, today, now):
    token = links.pay_link(notice.invoice, now=now, contact=notice.contact)
    pay_url = tokens.add("pay_url", "portal.pay_link", token)
    tokens.urls["question_url"] = f"{pay_url}#question"
    return {"document": told.fee_document(notice.late_fee)}


def _suspension(notice, tokens, today, now):
    _pay_the_oldest(notice, tokens, now)
    return {"document": standing.document(notice.suspension, today=today)}


def _handed_over(notice, tokens, today, now):
    _pay_the_oldest(notice, tokens, now)
    return {"document": handovers.document(notice.handover, today=today)}


def _pay_the_oldest(notice, tokens, now):
    """Where something is open, the button leads to the oldest of it; the page tells of the rest."""
    invoice = standing.pay_invoice(notice.customer)
    if invoice is not None:
        token = links.pay_link(invoice, now=now, contact=notice.contact)
        pay_url = tokens.add("pay_url", "portal.pay_link", token)
        tokens.urls["question_url"] = f"{pay_url}#question"


def _add_pay_link(notice, document, tokens, now):
    """Where one invoice is owed again, the button leads to it; several are found by signing in."""
    if len(document.reopened) == 1:
        token = links.pay_link(document.reopened[0].invoice, now=now, contact=notice.contact)
        tokens.add("pay_url", "portal.pay_link", token)


def _sign_in(notice, tokens, today, now):
    token, code = links.sign_in_link(notice.contact, now=now)
    tokens.add("sign_in_url", "portal.sign_in_by_link", token)
    tokens.secrets.append(code)
    return {"code": code}


def _digest(notice, tokens, today, now):
    tokens.urls["account_url"] = url_for("portal.account", _external=True)
    return {"digest": digests.of_notice(notice, today=today)}


def _consent_confirm(notice, tokens, today, now):
    token = links.consent_link(notice.contact, now=now, notice=notice)
    tokens.add("consent_url", "portal.electronic_consent", token)
    return {}


def _ticket_reply(notice, tokens, today, now):
    message = notice.ticket_message
    tokens.urls["ticket_url"] = url_for("portal.question", id=message.ticket_id, _external=True)
    return {"message": message, "ticket": message.ticket}


def _ticket_received(notice, tokens, today, now):
    """What we have, and by which day we answer it as things stand."""
    context = _ticket_reply(notice, tokens, today, now)
    company = companies.current()
    due = clocks.due_at(context["ticket"], company)
    return context | {"answer_on": localtime.day(due or now, company.time_zone)}


def _dispute(notice, tokens, today, now):
    token = links.pay_link(notice.invoice, now=now, contact=notice.contact)
    tokens.add("pay_url", "portal.pay_link", token)
    tokens.urls["ticket_url"] = url_for("portal.question", id=notice.dispute.ticket_id, _external=True)
    return {"document": telling.document(notice.dispute, today=today)}


def _agreement(notice, tokens, today, now):
    tokens.urls["autopay_url"] = url_for("portal.autopay", _external=True)
    document = autopay_documents.agreement_document(notice.autopay, today=today)
    return {"document": document, "gets_receipt": _gets_receipt(notice)}


def _charge(notice, tokens, today, now):
    """One charge to come as it stands when this is sent, with the way to put it off."""
    coming = upcoming.of_customer(notice.customer, today=today)
    charge = next(one for one in coming if one.charge_on == notice.charge_on)
    token = links.pay_link(charge.invoices[0], now=now, contact=notice.contact)
    tokens.add("pay_url", "portal.pay_link", token)
    _add_wait_link(notice, tokens, token, now)
    tokens.urls["autopay_url"] = url_for("portal.autopay", _external=True)
    return {"document": autopay_documents.charge_document(charge), "gets_receipt": _gets_receipt(notice)}


def _gets_receipt(notice):
    """True for who has a receipt of each payment, not in a monthly summary and not none at all."""
    wishes = preferences.wishes(notice.contact).channels(Preference.RECEIPT) if notice.contact else {}
    return any(wish.timing == Preference.EVERY for wish in wishes.values())


def _add_wait_link(notice, tokens, token, now):
    """Where a charge is put off, for those who may still do so."""
    if autopay.waits_left(notice.customer_id, now=now):
        tokens.add("wait_url", "portal.wait_by_link", token)


def _method(notice, tokens, today, now):
    """What changed stands in the notice's key, because the method may have changed again since."""
    change = notice.key.partition(":")[0].removeprefix("method_")
    tokens.urls["methods_url"] = url_for("portal.methods", _external=True)
    return {"document": autopay_documents.method_document(notice.method, today=today, change=change)}


def _charge_declined(notice, tokens, today, now):
    return _setback(notice, setbacks.decline_document(notice.payment), tokens, now)


def _method_problem(notice, tokens, today, now):
    return _setback(notice, setbacks.method_document(notice.payment), tokens, now)


def _above_cap(notice, tokens, today, now):
    return _setback(notice, setbacks.cap_document(notice.autopay, notice.charge_on), tokens, now)


def _setback(notice, document, tokens, now):
    if len(document.owed) == 1:
        token = links.pay_link(document.owed[0].invoice, now=now, contact=notice.contact)
        tokens.add("pay_url", "portal.pay_link", token)
    tokens.urls["methods_url"] = url_for("portal.methods", _external=True)
    tokens.urls["autopay_url"] = url_for("portal.autopay", _external=True)
    return {"document": document}


def _renewal(notice, tokens, today, now):
    """The notice of a contract's end, with the page on which it is answered."""
    url = _add_answer_link(notice, tokens, now)
    return {"document": renewals.of_notice(notice, today=today, online=url)}


def _add_answer_link(notice, tokens, now):
    """Where a contract is seen and ended: by mail without a password, on paper by signing in."""
    if notice.channel == Notice.MAIL and notice.contact_id:
        token = links.answer_link(notice.contact, notice, now=now)
        return tokens.add("answer_url", "portal.contract_by_link", token)
    url = tokens.urls["answer_url"] = url_for("portal.contracts", _external=True)
    return url


def _contract_answered(notice, tokens, today, now):
    url, row = _add_answer_link(notice, tokens, now), answers.of_notice(notice)
    moment = words.moment(row.at, companies.current().time_zone)
    return {"document": answers.document(row, today=today, moment=moment, online=url)}


def _contract_ended(notice, tokens, today, now):
    url = _add_answer_link(notice, tokens, now)
    return {"document": endings.document(notice.contract, today=today, online=url)}


def _price_change(notice, tokens, today, now):
    url = _add_answer_link(notice, tokens, now)
    return {"document": prices.document(notice.price_change, today=today, online=url)}


def _contact_changed(notice, tokens, today, now):
    return {}


def _text_reply(notice, tokens, today, now):
    return {"words": notice.words}


_CONTEXTS = {
    Notice.INVOICE: _invoice,
    Notice.REMINDER: _reminder,
    Notice.PROMISE: _promise,
    Notice.PLAN_AGREED: _plan_agreed,
    Notice.PLAN_MISSED: _plan,
    Notice.PLAN_ENDED: _plan,
    Notice.FRESH_LINK: _invoice,
    Notice.OVERDUE: _overdue,
    Notice.CHECK_IN: _check_in,
    Notice.RECEIPT: _payment,
    Notice.PAYMENT_PROBLEM: _payment_problem,
    Notice.REFUND: _refund,
    Notice.CREDIT_GIVEN: _credit_given,
    Notice.INVOICE_CANCELED: _invoice_canceled,
    Notice.LATE_FEE: _late_fee,
    Notice.SUSPENSION_WARNING: _suspension,
    Notice.SUSPENDED: _suspension,
    Notice.REINSTATED: _suspension,
    Notice.HANDED_OVER: _handed_over,
    Notice.SIGN_IN: _sign_in,
    Notice.CONSENT_CONFIRM: _consent_confirm,
    Notice.DIGEST: _digest,
    Notice.TICKET_REPLY: _ticket_reply,
    Notice.TICKET_RECEIVED: _ticket_received,
    Notice.DISPUTE_RECEIVED: _dispute,
    Notice.DISPUTE_DECIDED: _dispute,
    Notice.TICKET_CLOSED: _ticket_reply,
    Notice.CONTRACT_ANSWERED: _contract_answered,
    Notice.CONTRACT_ENDED: _contract_ended,
    Notice.PRICE_CHANGE: _price_change,
    Notice.CONTACT_CHANGED: _contact_changed,
    Notice.AUTOPAY_ON: _agreement,
    Notice.AUTOPAY_OFF: _agreement,
    Notice.UPCOMING_CHARGE: _charge,
    Notice.CHARGE_POSTPONED: _charge,
    Notice.METHOD_EXPIRING: _method,
    Notice.METHOD_CHANGED: _method,
    Notice.CHARGE_DECLINED: _charge_declined,
    Notice.METHOD_PROBLEM: _method_problem,
    Notice.ABOVE_CAP: _above_cap,
    Notice.TEXT_REPLY: _text_reply,
    Notice.RENEWAL: _renewal,
    Notice.YEARLY_REMINDER: _renewal,
}
