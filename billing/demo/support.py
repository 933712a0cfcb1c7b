"""What support has on its desk today: a fault, two tickets that are one, answers that are given often."""

from datetime import timedelta

from billing import tickets
from billing.demo import cast
from billing.demo.people import EARLY, PROMPT
from models import CannedReply, Staff, Ticket

HOUR = timedelta(hours=1)
LOOK = """Hello {name},

thank you for telling us about invoice {invoice}. We look into it today and write to you; until then you \
need not pay it, and no reminder comes.

{me}"""
COMES = """Hello {name},

we are sorry that it does not work. A technician comes tomorrow between 8 and 12. You do not pay for days \
on which it did not work.

{me}"""
REVISAMOS = """Hola {name}:

Gracias por avisarnos sobre la factura {invoice}. La revisamos hoy y le escribimos; hasta entonces no tiene \
que pagarla.

{me}"""
CANNED = (
    ("We look into it", "billing", "en", LOOK),
    ("A technician comes", "service", "en", COMES),
    ("Lo revisamos", "billing", "es", REVISAMOS),
)


def play(history):
    """Set the desk of today."""
    for title, kind, language, body in CANNED:
        CannedReply.create(title=title, kind=kind, language=language, body=body)
    payers = [one for one in history.payers.values() if one.habit in (EARLY, PROMPT) and one.contact.email]
    asked = {row.customer_id for row in Ticket.select(Ticket.customer).where(Ticket.state != Ticket.CLOSED)}
    free = [payer for payer in payers if payer.customer.id not in asked and payer.customer.sites.exists()]
    if len(free) > 1:  # a very small demo has nobody left to ask
        _fault(free[len(free) // 3], history.now - 20 * HOUR)
        _twice(free[2 * len(free) // 3], history.now - 3 * HOUR)


def _fault(payer, at):
    """The keypad is dead since yesterday: reported on a phone, taken by somebody, not answered yet."""
    ticket = tickets.open(
        payer.customer,
        subject="Keypad is dark since last night",
        body="The keypad at the back door is dark and nothing beeps. Are we still protected?",
        by=f"customer:{payer.contact.email}",
        now=at,
        contact=payer.contact,
        site=payer.customer.sites.first(),
        kind=Ticket.SERVICE,
        via=Ticket.PORTAL,
        reported_from_at=at - 4 * HOUR,
    )
    priya = Staff.get(Staff.email == "priya@example.com")
    tickets.assign(ticket, priya, by=cast.SUPPORT, now=at + HOUR)
    note = "Signals of the panel still come in, so it is the keypad only."
    tickets.reply(ticket, body=note, by=cast.SUPPORT, now=at + HOUR, staff=priya, internal=True)


def _twice(payer, at):
    """The same question by phone and from the pay page: somebody should merge the two."""
    told = {"by": f"customer:{payer.contact.email}", "contact": payer.contact}
    subject, body = (
        "Address on our invoices",
        "We moved the office. Please change the address on our invoices.",
    )
    tickets.open(payer.customer, subject=subject, body=body, via=Ticket.TEXT, now=at, **told)
    tickets.open(
        payer.customer,
        subject="Called about their new address",
        body="They called: the office moved, invoices should go to the new address from next month on.",
        by=cast.SUPPORT,
        contact=payer.contact,
        staff=Staff.get(Staff.email == "priya@example.com"),
        now=at + HOUR,
    )
