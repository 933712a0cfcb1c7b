"""The evidence of a disputed payment, collected from what is stored: for one page, and for the bank as PDF.

What was agreed to, what was billed, what was said and sent, and how the payment came about. Only reading, and
only words: an invoice, a mail or a consent stands here as it was shown to the customer. What the dispute does
to the books stands in returns.py.
"""

from dataclasses import dataclass, replace
from datetime import date

from billing import company as companies
from billing import letterheads, naming, words
from models import Autopay, Contact, Line, Message, Notice, Payment, Ticket

MOST = 20  # of each kind; a bank reads the first pages


@dataclass(frozen=True)
class Consent:
    """An authorization: its words, and who agreed to them, when and from where."""

    text: str
    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Billed:
    """An invoice that the payment paid, line by line."""

    invoice: object
    number: str
    issued_on: date
    due_on: date
    total_cents: int
    lines: tuple[tuple[str, str, int], ...]  # (text, where and when, cents)


@dataclass(frozen=True)
class Sent:
    """A message as it went out, or was written to us."""

    when: str
    who: str
    subject: str
    text: str


@dataclass(frozen=True)
class Evidence:
    """All that we can show. ``facts`` pairs are (heading, text), in the order in which they are read."""

    company: letterheads.Letterhead
    customer_name: str
    case: str
    amount_cents: int
    reason: str
    answer_by_on: date | None
    payment_facts: tuple[tuple[str, str], ...]
    customer_facts: tuple[tuple[str, str], ...]
    consents: tuple[Consent, ...]
    invoices: tuple[Billed, ...]
    messages: tuple[Sent, ...]
    tickets: tuple[tuple[str, tuple[Sent, ...]], ...]
    earlier: tuple[tuple[date, str, int], ...]  # (day, method, cents) of payments that nobody disputed


PARTS = (  # what a person may leave out: the bank needs not read what does not help
    ("consents", "What was agreed to"),
    ("invoices", "What was billed"),
    ("earlier", "Earlier payments, not disputed"),
    ("messages", "What we sent"),
    ("tickets", "What the customer asked, and what we answered"),
)


def without(document, names):
    """The same Evidence without some of its PARTS; names that are none of them are ignored."""
    return replace(document, **{name: None for name, _ in PARTS if name in names})


def collect(case):
    """The Evidence of a Chargeback as it can be shown today. A part that is None was left out by a person."""
    company, payment = companies.current(), case.payment
    invoices = [part.invoice for part in payment.parts]
    return Evidence(
        company=letterheads.of(company),
        customer_name=payment.customer.name,
        case=str(case),
        amount_cents=case.amount_cents,
        reason=case.reason,
        answer_by_on=case.answer_by_on,
        payment_facts=_payment_facts(payment, company),
        customer_facts=_customer_facts(payment.customer),
        consents=tuple(_consent(one, company) for one in _agreements(payment)),
        invoices=tuple(_billed(one, company) for one in invoices),
        messages=_messages(payment, invoices, company),
        tickets=_tickets(payment.customer, company),
        earlier=_earlier(payment),
    )


def _given(*pairs):
    return tuple((heading, text) for heading, text in pairs if text)


def _payment_facts(payment, company):
    at = payment.concluded_at or payment.created_at
    how = "on the processor's own payment page"
    if payment.autopay_id:
        how = "automatically, under the authorization below"
    elif payment.method_id:
        how = "with the saved card or account, by the customer"
    return _given(
        ("Payment", payment.reference),
        ("Paid on", words.moment(at, company.time_zone)),
        ("Method", naming.method(payment)),
        ("How it was paid", how),
        ("Processor's transaction", payment.transaction_id),
        ("Authorization code", payment.auth_code),
        ("Settled on", words.date(payment.settled_on)),
        ("Kind of bank entry", payment.entry_class),
    )


def _customer_facts(customer):
    people = customer.contacts.where(Contact.email != "").order_by(Contact.id).limit(5)
    return _given(
        ("Customer", customer.name),
        ("Account", customer.account_number),
        ("Address", ", ".join(customer.address_lines)),
        ("Customer since", words.date(customer.since_on)),
        ("E-mail", ", ".join(dict.fromkeys(person.email for person in people))),
        ("Service at", "; ".join(", ".join(site.address_lines) for site in customer.sites.limit(5))),
    )


def _agreements(payment):
    """The authorization that was charged under; without one, those that the customer gave."""
    if payment.autopay_id:
        return [payment.autopay]
    return list(payment.customer.autopays.order_by(Autopay.id.desc()).limit(2))


def _consent(autopay, company):
    ended = words.moment(autopay.ended_at, company.time_zone) if autopay.ended_at else ""
    return Consent(
        autopay.text,
        _given(
            ("Agreed on", words.moment(autopay.agreed_at, company.time_zone)),
            ("By", autopay.contact.name if autopay.contact_id else autopay.agreed_by),
            ("From network address", autopay.agreed_from),
            ("Version of the words", autopay.text_version),
            ("Ended on", ended),
        ),
    )


def _billed(invoice, company):
    return Billed(
        invoice=invoice,
        number=naming.number(invoice, company),
        issued_on=invoice.issued_on,
        due_on=invoice.due_on,
        total_cents=invoice.total_cents,
        lines=tuple(
            (line.text, _where_and_when(line), line.total_cents)
            for line in invoice.lines.order_by(Line.position).limit(MOST)
        ),
    )


def _where_and_when(line):
    period = words.short_period(line.from_on, line.to_on) if line.from_on else ""
    done = f"done {words.short_date(line.done_on)}" if line.done_on else ""
    return ", ".join(part for part in (line.site_text, line.system_text, period, done) if part)


def _messages(payment, invoices, company):
    """What we sent about the payment, its invoices and its authorization, oldest first."""
    about = (Notice.payment == payment) | Notice.invoice.in_(invoices)
    if payment.autopay_id:
        about |= Notice.autopay == payment.autopay_id
    sent = Notice.select().where(about & (Notice.state == Notice.SENT) & Notice.sent_at.is_null(False))
    return tuple(
        Sent(
            words.moment(one.sent_at, company.time_zone),
            one.address or "by letter",
            one.subject,
            one.body_text,
        )
        for one in sent.order_by(Notice.sent_at, Notice.id).limit(MOST)
    )


def _tickets(customer, company):
    """What the customer asked and what we answered; notes for staff stay here."""
    tickets = Ticket.select().where(Ticket.customer == customer).order_by(Ticket.last_at.desc()).limit(5)
    return tuple(
        (
            ticket.subject,
            tuple(
                Sent(
                    words.moment(message.written_at, company.time_zone),
                    message.staff.name if message.staff_id else customer.name,
                    "",
                    message.body,
                )
                for message in ticket.messages.where(~Message.internal).order_by(Message.id).limit(MOST)
            ),
        )
        for ticket in tickets
    )


def _earlier(payment):
    """Payments before this one with the same card or account that nobody disputed, newest first."""
    same = (
        (Payment.customer == payment.customer_id)
        & (Payment.method_label == payment.method_label)
        & Payment.state.in_(Payment.MONEY)
        & (Payment.received_on < payment.received_on)
    )
    rows = Payment.select().where(same).order_by(Payment.received_on.desc()).limit(5)
    return tuple((row.received_on, naming.method(row), row.amount_cents) for row in rows)
