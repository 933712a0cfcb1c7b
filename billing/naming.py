"""What an invoice, and the way in which a payment came, are called wherever a customer reads of them."""

from models import Payment

_METHODS = {
    Payment.ONLINE: "online", Payment.CARD: "card", Payment.BANK: "bank account", Payment.CHECK: "check",
    Payment.CASH: "cash", Payment.MONEY_ORDER: "money order", Payment.WIRE: "wire transfer",
    Payment.BILL_PAY: "bank bill pay",
}  # fmt: skip


def number(invoice, company):
    """The invoice number with the company's prefix; "Draft" before issue."""
    return f"{company.invoice_prefix}{invoice.number}" if invoice.number else "Draft"


def method(payment):
    """How it was paid: “Visa ending 4242”, “check 1042”, “cash”. Never a full number."""
    if payment.method_label:
        return payment.method_label
    return f"{_METHODS[payment.kind]} {payment.check_number}".strip()
