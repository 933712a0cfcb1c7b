"""The page of one invoice, for both ways to it: by pay link, and signed in.

What may be done there (see, pay, ask about a payment, ask a question) is the same; only the addresses
differ, and a Place says which they are.
"""

from dataclasses import dataclass
from datetime import timedelta

from flask import flash, g, redirect, render_template, request, url_for

from billing import demands, ledger, masking, naming, prepared, replaced, tickets
from billing.automatic import autopay, upcoming
from billing.disputes import finding
from billing.documents import invoice_documents
from billing.errors import BillingError
from billing.tickets import clocks
from models import Dispute, Invoice, Line, Message, Payment, PaymentPart, Ticket
from portal import more_time, payments, serious
from portal.forms import InvoiceQuestionForm, PayForm, new_key

SAME_QUESTION = timedelta(minutes=30)  # a second click, not a second question


@dataclass(frozen=True)
class Place:
    """Where an invoice is shown: the paths of its page and of its buttons; ``address`` is whole."""

    here: str
    pay: str
    check: str
    question: str
    pdf: str
    address: str
    replacement: str = ""
    wait: str = ""
    pay_saved: str = ""
    promise: str = ""
    plan: str = ""
    dispute: str = ""


def show(invoice, place, *, receipts, saved=(), pay_form=None, question_form=None, code=200, **more):
    """The invoice as it stands now, with one main button.

    receipts -- [(payment, its path)]
    saved    -- methods that whoever is signed in may pay with by a click
    """
    attempt = ledger.standing_attempt(invoice)
    document = invoice_documents.of(invoice, pay_url=place.address, today=g.today, company=g.company)
    asking = question_form or InvoiceQuestionForm(_shown_lines(document), formdata=None)
    page = render_template(
        "portal/invoice.html",
        invoice=invoice,
        place=place,
        document=document,
        serious=serious.of_customer(invoice.customer) if invoice.open_cents else [],
        can_wait=document.is_automatic and _can_wait(invoice),
        attempt=attempt,
        **_unfinished(attempt),
        free_at=attempt and payments.free_at(attempt),
        lowest_cents=min(g.company.minimum_payment_cents, invoice.open_cents),
        receipts=receipts,
        saved=saved,
        replacement=replaced.by(invoice),
        still_open=_still_open(invoice),
        asked=_asked(invoice),
        disputes=finding.of(invoice),
        about=finding.about,
        answer_by=clocks.promise,
        line_links=_line_links(asking.line_ids, place, document.is_payable and not attempt),
        ways=_more_time(invoice, document, attempt),
        key=new_key(),
        pay_form=pay_form or PayForm(formdata=None),
        question_form=asking,
        **more,
    )
    return page, code


def _still_open(invoice):
    """What else is asked for where this one is paid, as demands.Asked rows.

    By a link only what came before it, which the page of an open invoice tells by a link, too.
    """
    if invoice.state != Invoice.ISSUED or invoice.open_cents:
        return []
    others = ledger.owed_invoices(invoice.customer)
    if g.contact is None or g.contact.customer_id != invoice.customer_id:
        others = [other for other in others if other.number < invoice.number]
    return demands.asked_of(others, g.today) if others else []


def _unfinished(attempt):
    """How an attempt whose page is open goes on: by the button, or, where it is for more than this, there.

    What else it pays is said to nobody but whoever is signed in.
    """
    can_continue = attempt is not None and payments.can_continue(attempt)
    numbers = [naming.number(part.invoice, g.company) for part in attempt.parts] if can_continue else []
    is_mine = g.contact is not None and can_continue and g.contact.customer_id == attempt.customer_id
    together = is_mine and len(numbers) > 1
    return {
        "resumable": len(numbers) == 1,
        "page_url": url_for("portal.pay_page", reference=attempt.reference) if together else "",
        "page_numbers": numbers if together else (),
    }


def _more_time(invoice, document, attempt):
    """A day until which we wait, or a plan; nothing while it is paid by itself or being paid."""
    is_asked = document.is_payable and not document.is_automatic and not attempt
    return more_time.of_invoice(invoice, document.asked_on) if is_asked else more_time.NONE


def _can_wait(invoice):
    """True while the charge of an invoice can still be put off."""
    coming = upcoming.of_customer(invoice.customer, today=g.today)
    days = autopay.can_wait(coming, now=g.now)
    return any(one.charge_on in days and invoice in one.invoices for one in coming)


def paid_by(invoice):
    """The online payments that were for this invoice, oldest first."""
    if invoice.open_cents == invoice.total_cents:
        return []
    return (
        Payment.select()
        .join(PaymentPart)
        .where((PaymentPart.invoice == invoice) & Payment.state.in_(Payment.MONEY))
        .order_by(Payment.id)
    )


def _asked(invoice):
    """The newest question about this invoice that is not settled, or None; a dispute tells of itself."""
    return _open_question.first(invoice)


@prepared.question
def _open_question(invoice):
    disputed = Dispute.select(Dispute.ticket).where(Dispute.invoice == invoice, Dispute.ticket.is_null(False))
    return tickets.about_invoice(invoice).where(Ticket.id.not_in(disputed)).limit(1)


def _shown_lines(document):
    """[(id, text, cents)] of an invoice's lines, in the order in which they are shown."""
    places = [place for section in document.sections for place in section.places]
    return [(item.line_id, item.text, item.amount_cents) for place in places for item in place.items]


def _line_links(line_ids, place, can_dispute):
    """{line id: [(words, address)]}: what can be done about one line."""
    if can_dispute:
        return {id: [("Something wrong?", f"{place.dispute}?line={id}")] for id in line_ids}
    return {id: [("Something wrong?", f"{place.here}?line={id}#question")] for id in line_ids}


def as_issued(invoice, place):
    """The document of the invoice exactly as it was sent."""
    return invoice_documents.of(
        invoice, pay_url=place.address, today=g.today, as_issued=True, company=g.company
    )


# --- What can be done there ----------------------------------------------------------------------


def pay(invoice, place, *, contact, again):
    """Start paying: the whole amount that the button named, or another that was typed.

    again -- callable(**forms) that shows the page once more, with what was typed and what is wrong with it
    """
    form = PayForm()
    if not form.validate():
        return again(pay_form=form, code=422)
    parts = [(invoice, form.cents)]
    try:
        if "whole" in request.form and payments.asks_for_disputed(invoice, form.cents, form.key.data):
            raise BillingError("A part of it is disputed.")
        return payments.begin(invoice.customer, parts, key=form.key.data, back=place.here, contact=contact)
    except BillingError as refusal:
        if "whole" in request.form or _has_changed(invoice):
            flash(f"This invoice changed since you opened it. {refusal} This is how it stands now.")
            return redirect(place.here, 303)
        form.amount.errors = [str(refusal)]
        return again(pay_form=form, code=422)


def _has_changed(invoice):
    """True when something was paid or credited since this request read the invoice."""
    return Invoice.get_by_id(invoice.id).open_cents != invoice.open_cents


def check(invoice, place):
    """Ask the processor about the payment that is under way."""
    if not payments.look_again([invoice]):
        flash("We asked again just now: the payment is not concluded yet.")
    return redirect(place.here, 303)


def ask(invoice, place, *, contact, again):
    """Something is wrong with it, or with one line: one sentence makes a ticket, and reminders wait."""
    lines = {str(line.id): line for line in invoice.lines.order_by(Line.position)}
    form = InvoiceQuestionForm([(line.id, line.text, line.amount_cents) for line in lines.values()])
    if not form.validate() or (files := form.taken_files()) is None:
        return again(question_form=form, code=422)
    if not _was_just_asked(invoice, form.body.data):
        tickets.open(
            invoice.customer,
            subject=f"Question about invoice {naming.number(invoice, g.company)}",
            body=form.body.data,
            by=g.by,
            now=g.now,
            contact=contact,
            invoice=invoice,
            line=lines.get(form.line.data),
            via=Ticket.PAY_LINK if place.replacement else Ticket.PORTAL,
            files=files,
        )
    flash("Thank you. Your question is with us.", "success")
    return redirect(f"{place.here}#main", 303)  # not where the form was: they see that it has arrived


def _was_just_asked(invoice, body):
    recent = Message.select().join(Ticket).where(
        (Ticket.invoice == invoice)
        & (Message.body == masking.masked(body))
        & (Message.written_at > g.now - SAME_QUESTION)
    )  # fmt: skip
    return recent.exists()
