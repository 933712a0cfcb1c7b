"""Questions of the customer, and our answers: each is a ticket that staff see at once."""

from flask import abort, flash, g, redirect, render_template, request, url_for

from billing import tickets
from models import Contact, Invoice, Message, Ticket
from portal.door import bp
from portal.forms import NewQuestionForm, QuestionForm

MOST = 100


def _tickets():
    """Those of the account; a technical contact sees only their own."""
    query = g.customer.tickets
    if g.contact.role == Contact.TECHNICAL:
        query = query.where(Ticket.contact == g.contact)
    return query


@bp.get("/account/questions")
def questions():
    """Everything that was asked, the newest first."""
    found = _tickets().order_by(Ticket.last_at.desc(), Ticket.id.desc()).limit(MOST)
    return render_template("portal/questions.html", tickets=found)


@bp.route("/account/questions/new", methods=["GET", "POST"])
def new_question():
    """Ask something, perhaps about one invoice."""
    form = NewQuestionForm()
    about = _about(form.invoice.data or request.args.get("invoice", ""))
    if not form.is_submitted():
        form.invoice.data = about and about.number
        form.subject.data = f"Question about invoice {about.number}" if about else ""
    if form.validate_on_submit():
        ticket = tickets.open(
            g.customer,
            subject=form.subject.data,
            body=form.body.data,
            by=g.by,
            now=g.now,
            contact=g.contact,
            invoice=about,
        )
        flash("Thank you. Your question is with us; we answer by email, and here.", "success")
        return redirect(url_for("portal.question", id=ticket.id), 303)
    return render_template("portal/new_question.html", form=form, about=about), 422 if form.errors else 200


def _about(number):
    """The customer's own invoice of that number, or None."""
    number = str(number)
    if not number.isdecimal() or len(number) > 9 or g.contact.role == Contact.TECHNICAL:
        return None
    return g.customer.invoices.where(Invoice.number == int(number)).first()


@bp.route("/account/questions/<int(max=2147483647):id>", methods=["GET", "POST"])
def question(id):
    """One question with all its messages, and room for another."""
    ticket = _tickets().where(Ticket.id == id).first() or abort(404)
    form = QuestionForm()
    form.body.label.text = "Your message"
    if form.validate_on_submit():
        tickets.reply(ticket, body=form.body.data, by=g.by, now=g.now, contact=g.contact)
        flash("Sent. We have your message.", "success")
        return redirect(url_for("portal.question", id=id), 303)
    messages = ticket.messages.where(~Message.internal).order_by(Message.id)
    page = render_template("portal/question.html", ticket=ticket, messages=messages, form=form)
    return page, 422 if form.errors else 200
