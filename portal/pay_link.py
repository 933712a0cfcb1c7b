"""The pay link: one invoice, opened without a password.

Opening it changes nothing, because mail scanners open links too. Whoever holds it may see and pay this
invoice and ask about it; anything beyond needs the code that ``everything`` mails to the address on file.
"""

from flask import abort, current_app, flash, g, redirect, render_template, session, url_for

from billing import links, replaced
from billing.edges import pdf
from billing.edges.answers import pdf_answer
from models import Invoice, Link
from portal import invoice_page, payments, seen, speaking
from portal.door import TOKEN, bp
from portal.sign_in import masked


def _follow(token):
    """(link, invoice, place). Raises DeadLink, which the door answers with a way to a fresh one."""
    link = links.follow(token, Link.PAY, now=g.now)
    if link.invoice.state == Invoice.DRAFT:
        abort(404)
    g.by = f"customer:{link.contact.email}" if link.contact else f"pay link {link.id}"
    speaking.to(link.invoice.customer if link.contact else None)
    return link, link.invoice, _place(token)


def _place(token):
    here = url_for("portal.pay_link", token=token)
    return invoice_page.Place(
        here=here,
        pay=url_for("portal.pay_by_link", token=token),
        check=url_for("portal.check_by_link", token=token),
        question=url_for("portal.ask_by_link", token=token),
        pdf=url_for("portal.pay_link_pdf", token=token),
        address=current_app.config["BASE_URL"] + here,
        replacement=url_for("portal.replacement", token=token),
        wait=url_for("portal.wait_by_link", token=token),
        promise=url_for("portal.promise_by_link", token=token),
        plan=url_for("portal.plan_by_link", token=token),
        dispute=url_for("portal.dispute_by_link", token=token),
    )


@bp.get(f"/i/{TOKEN}")
def pay_link(token):
    """The invoice as it stands now, with one main button."""
    return _show(token, *_follow(token))


def _show(token, link, invoice, place, **forms):
    contact = link.contact or links.mail_contact(invoice.customer)
    return invoice_page.show(
        invoice,
        place,
        receipts=[(payment, _receipt_url(token, payment)) for payment in _receipts(invoice)],
        token=token,
        mailed_to=masked(contact.email) if contact and contact.email else "",
        **forms,
    )


def _receipt_url(token, payment):
    return url_for("portal.receipt_by_link", token=token, reference=payment.reference)


def _receipts(invoice):
    """Payments that were for this invoice and no other: a link to one invoice shows nothing beyond it."""
    return [payment for payment in invoice_page.paid_by(invoice) if payment.parts.count() == 1]


@bp.get(f"/i/{TOKEN}/invoice.pdf")
def pay_link_pdf(token):
    """The invoice as it was issued, as a file."""
    _, invoice, place = _follow(token)
    document = invoice_page.as_issued(invoice, place)
    return pdf_answer(pdf.invoice_pdf(document), speaking.said(f"Invoice {document.number}"))


@bp.get(f"/i/{TOKEN}/receipts/<reference:reference>.pdf")
def receipt_by_link(token, reference):
    """The receipt of a payment that was for this invoice alone."""
    _, invoice, _ = _follow(token)
    found = [payment for payment in _receipts(invoice) if payment.reference == reference]
    return payments.receipt_pdf(found[0]) if found else abort(404)


@bp.get(f"/i/{TOKEN}/<any(pay, promise, check, question, everything, replacement, fresh, seen):_action>")
def back_to_invoice(token, _action):
    """An address of what only a button does, opened by hand or after a reload: show the invoice instead."""
    return redirect(url_for("portal.pay_link", token=token), 303)


# --- What can be done there ----------------------------------------------------------------------


@bp.post(f"/i/{TOKEN}/pay")
def pay_by_link(token):
    """Start paying the whole of it, or another amount."""
    link, invoice, place = _follow(token)
    return invoice_page.pay(
        invoice,
        place,
        contact=link.contact,
        again=lambda **forms: _show(token, link, invoice, place, **forms),
    )


@bp.post(f"/i/{TOKEN}/check")
def check_by_link(token):
    """Ask the processor about the payment that is under way."""
    _, invoice, place = _follow(token)
    return invoice_page.check(invoice, place)


@bp.post(f"/i/{TOKEN}/question")
def ask_by_link(token):
    """Something is wrong with the invoice."""
    link, invoice, place = _follow(token)
    answer = invoice_page.ask(
        invoice,
        place,
        contact=link.contact,
        again=lambda **forms: _show(token, link, invoice, place, **forms),
    )
    return seen.acted(answer, link=link, invoice=invoice)


@bp.post(f"/i/{TOKEN}/everything")
def everything(token):
    """More than this invoice: mail a code to the address on file, and ask for it."""
    link, invoice, place = _follow(token)
    contact = link.contact or links.mail_contact(invoice.customer)
    if contact is None or not contact.email:
        flash("We have no email address of yours. Please call us and we will note one.", "error")
        return redirect(place.here, 303)
    links.ask_code(contact, now=g.now)
    session["sign_in"] = {"contact": contact.id}
    session.pop("next", None)
    return redirect(url_for("portal.sign_in_code"), 303)


@bp.post(f"/i/{TOKEN}/replacement")
def replacement(token):
    """Open the invoice that is valid instead of a void one."""
    link, invoice, _ = _follow(token)
    valid = replaced.by(invoice) or abort(404)
    fresh = links.pay_link(valid, now=g.now, contact=link.contact)
    return redirect(url_for("portal.pay_link", token=fresh), 303)


@bp.post(f"/i/{TOKEN}/fresh")
def fresh_link(token):
    """Mail a fresh link to the address on file. The page says the same whether there was one or not."""
    try:
        links.follow(token, Link.PAY, now=g.now)
    except links.DeadLink as dead:
        if dead.link is None:
            raise
        links.ask_fresh(dead.link, now=g.now)
        speaking.to(dead.link.customer if dead.link.contact else None)
        return render_template("portal/fresh_link.html")
    return redirect(url_for("portal.pay_link", token=token), 303)
