"""What the bank and the processor's own terminal know of the demo company, so that those queues show life.

A lockbox file was read this morning: most checks found their customer, one waits for a person. And somebody
keyed a card into the processor's terminal by hand: the first reconciliation finds money without an owner.
"""

import csv
import io
from datetime import timedelta

from billing import ledger, remittance, remittances
from billing.demo import cast
from billing.demo.people import HERO_NAME
from models import Invoice, Payment, PaymentPart

MAPPING = b"""\
# A lockbox file as banks give it: one row for each check, a total at the end.
kind = "lockbox"

[file]
dates = "%m/%d/%Y"

[codes]
Type = ["D", "T"]

[rows]
skip = { Type = "T" }

[payment]
amount = "{Amount}"
received_on = "{Deposit Date}"
scan_line = "{OCR Line}"
account = "{Account}"
check_number = "{Check}"
payer = "{Remitter}"
"""
HEADER = ("Type", "Amount", "Deposit Date", "OCR Line", "Account", "Check", "Remitter")
MOST_CHECKS = 3
STRANGER = ("118.40", "", "88121", "2207", "M OKONKWO")  # amount, scan line, account, check, payer
TERMINAL_CENTS = 7_500


def play(history):
    """Read the file of this morning, and let a card be charged past us two days ago."""
    _lockbox(history)
    history.register([_terminal_entry(history)])


def _lockbox(history):
    checks = [_check(payer, invoice) for payer, invoice in _checks(history)]
    deposited = f"{history.today:%m/%d/%Y}"
    text = io.StringIO()
    lines = csv.writer(text)
    lines.writerow(HEADER)
    for amount, scan_line, account, number, payer in (*checks, STRANGER):
        lines.writerow(("D", amount, deposited, scan_line, account, number, payer))
    lines.writerow(("T", "", deposited, "", "", len(checks) + 1, ""))
    result = remittances.check(
        text.getvalue().encode(),
        f"lockbox-{history.today:%Y%m%d}.csv",
        remittances.read_mapping(MAPPING),
        today=history.today,
    )
    remittances.commit(result, by=cast.OFFICE, today=history.today, now=history.now)


def _checks(history):
    """[(payer, invoice)] of some who pay by check and owe something, in their order."""
    claimed = PaymentPart.select(PaymentPart.invoice).where(PaymentPart.live)
    found = []
    for payer in history.payers.values():
        if payer.way == Payment.CHECK and payer.customer.name != HERO_NAME and len(found) < MOST_CHECKS:
            invoice = ledger.open_invoices(payer.customer).where(Invoice.id.not_in(claimed)).first()
            found += [(payer, invoice)] if invoice else []
    return found


def _check(payer, invoice):
    payer.check_number += 1
    cents = invoice.open_cents
    scan_line = remittance.scan_line(payer.customer.remittance_digits, invoice.number, cents)
    name = payer.customer.name.upper()[:40]
    return f"{cents // 100}.{cents % 100:02d}", scan_line, "", str(payer.check_number), name


def _terminal_entry(history):
    """A sale that was typed into the processor's terminal: it has no reference of ours."""
    return {
        "reference": "TERMINAL-1",
        "amount_cents": TERMINAL_CENTS,
        "submitted_at": (history.now - timedelta(days=2)).isoformat(),
        "kind": "card",
        "method_label": "Visa ending 0042",
        "first_name": "Walk",
        "last_name": "In",
        "status": "capturedPendingSettlement",
    }
