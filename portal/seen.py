"""Where the script of a page reports that a person is there. What that means stands in billing/sightings.py.

Only POST, from our own pages, with their form token. Nothing is told here, and nothing is shown.
"""

from flask import abort, g, request, session

from billing import links, sightings
from billing.outbox import joining
from models import Invoice, Link, Sighting
from portal.door import NUMBER, TOKEN, bp

DONE = ("", 204)
STAFF_SIGNED_IN = "_user_id"  # Flask-Login's: our own people who look at a customer's page


def _note(page, *, customer, **known):
    if STAFF_SIGNED_IN not in session:
        browser = request.headers.get("User-Agent", "")
        sightings.note(page, customer=customer, today=g.today, now=g.now, browser=browser, **known)
    return DONE


def _note_link(page, link, **known):
    return _note(page, customer=link.customer, contact=link.contact, link=link, **known)


@bp.post(f"/i/{TOKEN}/seen")
def invoice_seen_by_link(token):
    """The invoice behind a pay link is before a person."""
    link = links.follow(token, Link.PAY, now=g.now)
    return _note_link(Sighting.INVOICE, link, invoices=[link.invoice])


@bp.post(f"/i/{TOKEN}/together/seen")
def together_seen(token):
    """Every invoice that one message told of."""
    link = links.follow(token, Link.PAY, now=g.now)
    others = joining.said_with(link.notice, today=g.today) if link.notice else ()
    return _note_link(Sighting.TOGETHER, link, invoices=[link.invoice, *(one.invoice for one in others)])


@bp.post(f"/p/{TOKEN}/seen")
def preferences_seen(token):
    """What we send, and how they pay."""
    return _note_link(Sighting.PREFERENCES, links.follow(token, Link.PREFERENCES, now=g.now))


@bp.post(f"/c/{TOKEN}/seen")
def contract_seen(token):
    """The agreement behind the link of a notice."""
    link = links.follow(token, Link.ANSWER, now=g.now)
    return _note_link(Sighting.CONTRACT, link, contract=link.notice and link.notice.contract)


@bp.post(f"/account/invoices/{NUMBER}/seen")
def invoice_seen(number):
    """An invoice, by somebody who is signed in."""
    found = g.customer.invoices.where(Invoice.number == number).first() or abort(404)
    return _note(Sighting.INVOICE, customer=g.customer, contact=g.contact, invoices=[found])


def acted(answer, *, link, invoice):
    """Note who typed something about an invoice, once ``answer`` says that it was taken; returns it."""
    if getattr(answer, "status_code", None) == 303:
        _note_link(Sighting.INVOICE, link, invoices=[invoice], how=Sighting.ACTED)
    return answer
