"""Questions of the customer, and our answers: each is a ticket that staff see at once."""

from flask import abort, current_app, flash, g, redirect, render_template, request, url_for
from wtforms.fields.choices import SelectChoice

from billing import attachments, localtime, naming, tickets, words
from billing.disputes import finding
from billing.errors import BillingError
from billing.tickets import clocks
from models import Attachment, Contact, Invoice, Message, Ticket
from portal import speaking
from portal.door import ID, bp
from portal.forms import FaultForm, NewQuestionForm, QuestionForm

MOST = 100


def _tickets():
    """Those of the account; a technical contact sees only their own."""
    query = g.customer.tickets
    if g.contact.role == Contact.TECHNICAL:
        query = query.where(Ticket.contact == g.contact)
    return query


@bp.get("/account/questions")
def questions():
    """Everything that was asked: what is open first, the newest first."""
    found = _tickets().where(Ticket.merged_into.is_null()).order_by(Ticket.last_at.desc(), Ticket.id.desc())
    shown = list(found.limit(MOST))
    disputes = finding.of_tickets([ticket.id for ticket in shown])
    rows = [(ticket, status(ticket, disputes.get(ticket.id))) for ticket in shown]
    return render_template(
        "portal/questions.html",
        open=[row for row in rows if row[0].state != Ticket.CLOSED],
        closed=[row for row in rows if row[0].state == Ticket.CLOSED],
    )


def status(ticket, dispute=None):
    """Where a question stands, in the customer's words; ``dispute``: the open one that it is about."""
    if ticket.state == Ticket.WAITING_ON_US:
        promised = clocks.promise(ticket, g.company, now=g.now)
        return f"{promised} {_decided_by(dispute)}" if dispute else promised
    on = words.date(localtime.day(ticket.closed_at or ticket.last_at, g.company.time_zone))
    if ticket.state == Ticket.CLOSED:
        return f"Settled on {on}."
    if dispute:
        return f"We wrote on {on}. {_decided_by(dispute)}"
    return f"We answered on {on}. Is anything still open? Write to us here."


def _decided_by(dispute):
    """The day that the page of the invoice names, too."""
    return f"Our answer about the amount comes by {words.date(dispute.answer_by_on)} at the latest."


@bp.route("/account/questions/new", methods=["GET", "POST"])
def new_question():
    """Ask something, perhaps about one invoice; or report that something does not work."""
    is_fault = request.values.get("kind") == Ticket.SERVICE
    form = _fault_form() if is_fault else NewQuestionForm()
    about = _about(form.invoice.data or request.args.get("invoice", ""))
    if not form.is_submitted():
        form.kind.data = Ticket.SERVICE if is_fault else ""
        form.invoice.data = about and about.number
        number = about and naming.number(about, g.company)
        form.subject.data = speaking.said(f"Question about invoice {number}") if about else ""
    if form.validate_on_submit() and (files := form.taken_files()) is not None:
        ticket = _opened(form, about, files)
        flash("Thank you. It is with us; we answer by email, and here.", "success")
        return redirect(url_for("portal.question", id=ticket.id), 303)
    page = render_template("portal/new_question.html", form=form, about=about, is_fault=is_fault)
    return page, 422 if form.errors else 200


def _opened(form, about, files):
    more = _of_fault(form) if isinstance(form, FaultForm) else {"invoice": about}
    return tickets.open(
        g.customer,
        subject=form.subject.data,
        body=form.body.data,
        by=g.by,
        now=g.now,
        contact=g.contact,
        via=Ticket.PORTAL,
        files=files,
        **more,
    )


def _fault_form():
    form = FaultForm()
    form.body.label.text = "What happens, and what did you try?"
    form.subject.label.text = "What does not work?"
    sites = list(g.customer.sites.limit(MOST))
    form.sites = {str(site.id): site for site in sites}
    elsewhere = SelectChoice("", "Everywhere, or another place")
    named = [SelectChoice(id, speaking.theirs(site.name)) for id, site in form.sites.items()]
    form.site.choices = [elsewhere, *named]
    if len(sites) == 1 and not form.is_submitted():
        form.site.data = str(sites[0].id)
    return form


def _of_fault(form):
    """A day is reported; the fault counts from its beginning, there."""
    since = None
    if form.since_on.data:
        since = min(localtime.at_hour(form.since_on.data, 0, g.company.time_zone), g.now)
    return {"kind": Ticket.SERVICE, "site": form.sites.get(form.site.data), "reported_from_at": since}


def _about(number):
    """The customer's own invoice of that number, or None."""
    number = str(number)
    if not number.isdecimal() or len(number) > 9 or g.contact.role == Contact.TECHNICAL:
        return None
    return g.customer.invoices.where(Invoice.number == int(number)).first()


@bp.route(f"/account/questions/{ID}", methods=["GET", "POST"])
def question(id):
    """One question with all its messages, and room for another."""
    ticket = _mine(id)
    if ticket.merged_into_id:
        return redirect(url_for("portal.question", id=tickets.standing(ticket).id), 303)
    form = QuestionForm()
    form.body.label.text = "Your message"
    if form.validate_on_submit() and (files := form.taken_files()) is not None:
        tickets.reply(ticket, body=form.body.data, by=g.by, now=g.now, contact=g.contact, files=files)
        flash("Sent. We have your message.", "success")
        return redirect(url_for("portal.question", id=id), 303)
    messages = list(ticket.messages.where(~Message.internal).order_by(Message.id))
    page = render_template(
        "portal/question.html",
        ticket=ticket,
        status=status(ticket, finding.of_tickets([ticket.id]).get(ticket.id)),
        messages=messages,
        attached=attachments.of_messages(messages),
        form=form,
    )
    return page, 422 if form.errors else 200


def _mine(id):
    return _tickets().where(Ticket.id == id).first() or abort(404)


@bp.post(f"/account/questions/{ID}/settled")
def question_settled(id):
    """The customer says that nothing is left to do."""
    try:
        tickets.close(_mine(id), by=g.by, now=g.now)
    except BillingError:
        flash("Something was written meanwhile. Please read it first.", "error")
    else:
        flash("Thank you for telling us. It is settled; write here any time to open it again.", "success")
    return redirect(url_for("portal.question", id=id), 303)


@bp.get(f"/account/questions/{ID}/files/<int(max=2147483647):file>")
def question_file(id, file):
    """One file of a message that this person may read."""
    ticket = _mine(id)
    readable = (Attachment.id == file) & (Message.ticket == ticket) & ~Message.internal
    row = Attachment.select().join(Message).where(readable).first() or abort(404)
    return current_app.files.answer(row)
