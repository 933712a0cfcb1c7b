"""What an invoice, and the way in which a payment came, are called wherever a customer reads of them."""

from models import Payment

_METHODS = {
    Payment.ONLINE: "online", Payment.CARD: "card", Payment.BANK: "bank account", Payment.CHECK: "check",
    Payment.CASH: "cash", Payment.MONEY_ORDER: "money order", Payment.WIRE: "wire transfer",
    Payment.BILL_PAY: "bank bill pay",
}  # fmt: skip
_WORDS = ("Bank account ", "Card ")


def number(invoice, company):
    """The invoice number with the company's prefix; "Draft" before issue."""
    return f"{company.invoice_prefix}{invoice.number}" if invoice.number else "Draft"


def method(payment):
    """How it was paid: “Visa ending 4242”, “check 1042”, “cash”. Never a full number."""
    if payment.method_label:
        return payment.method_label
    return f"{_METHODS[payment.kind]} {payment.check_number}".strip()


def in_a_sentence(label):
    """What a card or account is called behind other words: a brand keeps its capital, other words have none.

    >>> in_a_sentence("Bank account ending 6781"), in_a_sentence("Visa ending 4242")
    ('bank account ending 6781', 'Visa ending 4242')
    """
    return label[:1].lower() + label[1:] if label.startswith(_WORDS) else label
