"""The page that tells everything about one customer, in one place.

Here: which rows stand on it, each kind read with a fixed number of queries. Not here: balances (the ledger
says them), actions (actions.py), looks (templates/admin/customer.html).
"""

from flask import abort, g
from flask_admin import expose

from admin import automatic, base, finding, related, timeline, waiting
from billing import bill, contracts, handovers, ledger, preferences
from billing.charging import tally
from billing.collections import desk
from billing.notices import resting
from billing.suspensions import standing
from models import (
    AutopayOutcome,
    Charge,
    Chargeback,
    Contact,
    Contract,
    Credit,
    Customer,
    Hold,
    ImportBatch,
    Invoice,
    Note,
    Notice,
    OneOff,
    Payment,
    Site,
    Suspension,
    System,
    Ticket,
)

MOST = 8
SUSPENSIONS = {
    Suspension.ASKED: "suspension asked for", Suspension.WARNED: "suspension announced",
    Suspension.SUSPENDED: "monitoring rests",
}  # fmt: skip
OPEN_CASES = [Chargeback.OPEN, Chargeback.ANSWERED]


class CustomerPage:
    """Mixed into the home view: ``/staff/customer/<id>``."""

    @expose("/customer/<int:id>")
    def customer(self, id):
        """Everything about one customer."""
        row = (finding.as_id(id) and Customer.get_or_none(Customer.id == id)) or abort(404)
        view = base.screen(Customer)
        return self.render(
            "admin/customer.html",
            row=row,
            view=view,
            actions=view.row_actions(row),
            balance=ledger.balance(row, today=g.today),
            flags=flags(row),
            holds=list(resting.running([row.id], g.today)),
            people=people(row),
            places=places(row),
            agreements=agreements(row),
            upcoming=contracts.upcoming(row, count=3),
            automatic=automatic.of(row),
            tables=[table for table in tables(row) if table],
            waiting=waiting.of(row),
            reasons=desk.of_customer(row.id, today=g.today, now=g.now),
            days=timeline.newest(row),
            groups=timeline.GROUPS,
            pinned=list(row.notes.where(Note.pinned).order_by(Note.id.desc()).limit(MOST)),
        )


def flags(row):
    """What one must know before acting: [(words, tone)]."""
    found = []
    if row.closed_on:
        found.append(("closed", "plain"))
    if row.import_batch_id and row.import_batch.state != ImportBatch.RELEASED:
        found.append(("import not released", "wait"))
    if bill.is_exempt(row, g.today):
        found.append(("tax exempt", "open"))
    elif row.tax_exempt_number:
        found.append(("tax exemption expired", "bad"))
    if Chargeback.select().where((Chargeback.customer == row) & (Chargeback.state << OPEN_CASES)).exists():
        found.append(("disputed payment", "bad"))
    if tally.has_stopped(row):
        found.append(("autopay stopped", "bad"))
    if row.vulnerable_reason:
        found.append(("special care", "bad"))
    for suspension in standing.running(row):
        found.append((SUSPENSIONS[suspension.state], "bad"))
    if handover := handovers.running(row):
        found.append(("with an agency" if handover.handed_on else "hand-over asked for", "bad"))
    # one of messages that ends today, lifted or by itself, is no warning any more: the page says from when
    counts = Hold.ends_on.is_null() | (Hold.ends_on > g.today)
    counts |= (Hold.ends_on == g.today) & (Hold.scope != Hold.NOTICES)
    for hold in Hold.select().where((Hold.customer == row) & (Hold.starts_on <= g.today) & counts):
        found.append((f"{hold.scope} on hold", "wait"))
    return found


def people(row):
    """Contacts with what they want to hear, who left last."""
    contacts = list(row.contacts.order_by(Contact.left_on.is_null(False), Contact.role, Contact.id))
    wishes = preferences.of_contacts([contact.id for contact in contacts if not contact.left_on])
    for contact in contacts:
        found = wishes.get(contact.id)
        contact.wishes = preferences.in_short(found) if found and contact.role == Contact.PAYER else []
    return contacts


def places(row):
    """Sites with their systems."""
    sites = list(row.sites.order_by(Site.name, Site.id).limit(50))
    systems = list(System.select().where(System.site.in_([site.id for site in sites])).order_by(System.id))
    return [(site, [system for system in systems if system.site_id == site.id]) for site in sites]


def agreements(row):
    """Contracts with their charges and running pauses, running ones first."""
    found = list(row.contracts.order_by(Contract.ends_on.is_null(False), Contract.starts_on.desc()).limit(50))
    ids = [contract.id for contract in found]
    charges = list(
        Charge.select().where(Charge.contract.in_(ids)).order_by(Charge.ends_on.is_null(False), Charge.id)
    )
    related.load(charges, [Charge.item, Charge.site])
    paused = {
        hold.contract_id: hold
        for hold in Hold.select().where(Hold.contract.in_(ids) & Hold.ends_on.is_null())
    }
    return [
        (
            contract,
            [charge for charge in charges if charge.contract_id == contract.id],
            paused.get(contract.id),
        )
        for contract in found
    ]


def tables(row):
    """The newest invoices, payments, work, credits, tickets and messages, with how many there are."""
    kinds = (
        (Invoice, "Invoices"), (Payment, "Payments"), (OneOff, "Work"), (Credit, "Credits"),
        (Ticket, "Tickets"), (Notice, "Messages"), (AutopayOutcome, "Autopay by day"),
    )  # fmt: skip
    for model, title in kinds:
        view = base.screen(model)
        if view.is_accessible():
            yield newest(view, row, title)


def newest(view, row, title):
    """The newest rows of one screen that are this customer's, as base.StaffView.table_of gives them."""
    model = view.model
    mine = model.customer == row
    table = view.table_of(model.customer, row, title, most=MOST)
    table["count"] = model.select(model.id).where(mine).count()
    return table
