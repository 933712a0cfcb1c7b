"""What an agency gets of one account, as tables: what is owed, why, what was paid and said. Only reading.

Facts that it needs to speak with the customer fairly, and nothing else: no notes of staff, no words of calls
and tickets, no card or bank data, nobody but those who pay. Not here: files (edges/handover_file.py).
"""

from typing import NamedTuple

from billing import company as companies
from billing import localtime, words
from billing.money import as_decimal
from models import (
    Call,
    Charge,
    Contact,
    Contract,
    Credit,
    Dispute,
    Installment,
    Invoice,
    Notice,
    Payment,
    Plan,
    Promise,
)

# What was written to them about money; letters of contracts and answers of support are not the agency's.
TOLD = (
    Notice.INVOICE, Notice.REMINDER, Notice.OVERDUE, Notice.CHECK_IN, Notice.RECEIPT, Notice.PAYMENT_PROBLEM,
    Notice.PROMISE, Notice.PLAN_AGREED, Notice.PLAN_MISSED, Notice.PLAN_ENDED, Notice.CREDIT_GIVEN,
    Notice.LATE_FEE, Notice.DISPUTE_RECEIVED, Notice.DISPUTE_DECIDED, Notice.SUSPENSION_WARNING,
    Notice.SUSPENDED, Notice.REINSTATED, Notice.INVOICE_CANCELED,
)  # fmt: skip


class Table(NamedTuple):
    """One list: its name, its columns, its rows of plain values."""

    name: str
    columns: tuple
    rows: list


def tables(handover):
    """Every Table of the account that ``handover`` is about."""
    customer, zone = handover.customer, companies.current().time_zone
    return [
        _account(handover, customer),
        _invoices(customer),
        _payments(customer),
        _credits(customer),
        _agreements(customer),
        _promises(customer),
        _disputes(customer, zone),
        _messages(customer),
        _calls(customer),
    ]


def messages(customer):
    """The messages about money that were sent, oldest first, with their words."""
    sent = (Notice.customer == customer) & (Notice.state == Notice.SENT) & Notice.kind.in_(TOLD)
    return list(Notice.select().where(sent).order_by(Notice.sent_at, Notice.id))


def open_invoices(customer):
    """The invoices that are open, oldest first."""
    return list(
        Invoice.select().where((Invoice.customer == customer) & Invoice.IS_OWED).order_by(Invoice.due_on)
    )


def _account(handover, customer):
    payers = customer.contacts.where(Contact.PAYS)
    rows = [
        ("Account", customer.account_number),
        ("Name", customer.name),
        ("Address", ", ".join(customer.address_lines)),
        ("Kind", customer.kind),
        ("Language", dict(type(customer).language.choices)[customer.language]),
        ("Customer since", customer.since_on or ""),
        ("Given to", handover.agency),
        ("Past due when it was decided", as_decimal(handover.amount_cents)),
    ]
    rows += [("Who pays", ", ".join(filter(None, (one.name, one.email, one.phone)))) for one in payers]
    return Table("account", ("What", "Value"), rows)


def _invoices(customer):
    rows = Invoice.select().where((Invoice.customer == customer) & Invoice.number.is_null(False))
    return Table(
        "invoices",
        ("Number", "State", "Issued", "Due", "Total", "Open"),
        [
            (row.number, row.state, row.issued_on, row.due_on, as_decimal(row.total_cents),
             as_decimal(row.open_cents))
            for row in rows.order_by(Invoice.number)
        ],
    )  # fmt: skip


def _payments(customer):
    rows = Payment.select().where((Payment.customer == customer) & Payment.state.not_in(Payment.LIVE))
    return Table(
        "payments",
        ("Received", "Kind", "Amount", "State", "Reference"),
        [
            (row.received_on, row.kind, as_decimal(row.amount_cents), row.state, row.reference)
            for row in rows.order_by(Payment.id)
        ],
    )


def _credits(customer):
    rows = Credit.select().where(Credit.customer == customer).order_by(Credit.id)
    return Table(
        "credits",
        ("On", "Kind", "Amount", "Reason"),
        [(row.made_on, row.kind, as_decimal(row.amount_cents), row.reason) for row in rows],
    )


def _agreements(customer):
    query = Charge.select(Charge, Contract).join(Contract).where(Contract.customer == customer)
    return Table(
        "agreements",
        ("Agreement", "Signed", "From", "To", "Charge", "Quantity", "Price", "Every months"),
        [
            (row.contract.name, row.contract.signed_on, row.starts_on, row.ends_on, str(row), row.quantity,
             as_decimal(row.unit_cents), row.cycle_months)
            for row in query.order_by(Contract.id, Charge.id)
        ],
    )  # fmt: skip


def _promises(customer):
    made = Promise.select().where(Promise.customer == customer).order_by(Promise.id)
    rows = [("Promise", one.made_on, one.pay_on, as_decimal(one.amount_cents), one.state) for one in made]
    parts = Installment.select(Installment, Plan).join(Plan).where(Plan.customer == customer)
    rows += [
        (f"Plan {one.plan_id}, payment {one.number}", one.plan.agreed_on, one.due_on,
         as_decimal(one.amount_cents), one.plan.state)
        for one in parts.order_by(Plan.id, Installment.number)
    ]  # fmt: skip
    return Table("promises-and-plans", ("What", "Made", "Due", "Amount", "State"), rows)


def _disputes(customer, zone):
    rows = Dispute.select(Dispute, Invoice).join(Invoice).where(Dispute.customer == customer)
    return Table(
        "disputes",
        ("Invoice", "Opened", "Amount", "State", "Decided"),
        [
            (row.invoice.number, row.opened_on, as_decimal(row.amount_cents), row.state,
             row.decided_at and localtime.day(row.decided_at, zone))
            for row in rows.order_by(Dispute.id)
        ],
    )  # fmt: skip


def _messages(customer):
    return Table(
        "messages",
        ("Sent (UTC)", "What", "Way", "To", "Subject", "Came back"),
        [
            (row.sent_at, words.sentence(row.kind.replace("_", " ")), row.channel, row.address, row.subject,
             row.bounced_at)
            for row in messages(customer)
        ],
    )  # fmt: skip


def _calls(customer):
    """That we spoke, not what was said."""
    rows = Call.select().where(Call.customer == customer).order_by(Call.started_at)
    return Table(
        "calls",
        ("When (UTC)", "Direction", "Outcome"),
        [(row.started_at, row.direction, row.outcome.replace("_", " ")) for row in rows],
    )
