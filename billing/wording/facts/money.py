"""What messages about money may name: that came, went back or did not come, and what follows from that."""

from billing import naming, words
from billing.money import format_cents
from billing.wording.facts import parts
from billing.wording.pieces import Amount, Button, Row, Rows


def _paid(document, tongue):
    """What of the money or credit paid which invoice, and what is left."""
    rows = [
        Row(
            tongue.say(f"Invoice {part.number}"),
            part.cents,
            tongue.say(part.left),
        )
        for part in document.paid
    ]
    if document.unapplied_cents:
        rows.append(Row(tongue.say("Kept for your next invoice"), document.unapplied_cents))
    return rows


def receipt(context, links, tongue):
    """Of a payment that we have, or of what became of it."""
    document = context["document"]
    paid = _paid(document, tongue)
    return {
        "title": tongue.say(document.title),
        "sentence": tongue.say(document.sentence),
        "sum": format_cents(document.amount_cents),
        "date": tongue.date(document.paid_on),
        "date_short": tongue.short_date(document.paid_on),
        "account": document.account_number,
        "amount": Amount(document.amount_cents, tongue.say(document.when), tongue.say(document.title)),
        "facts": parts.particulars(document.facts, tongue),
        "paid": Rows(tuple(paid)),
        "refunds": Rows(
            tuple(Row(tongue.say(one.text), one.cents, tongue.date(one.on)) for one in document.refunds)
        ),
    }


def _back(document, links, tongue):
    """What a refund and a payment that was taken back have in common."""
    return {
        "title": tongue.say(document.title),
        "sentence": tongue.say(document.sentence),
        "sum": format_cents(document.amount_cents),
        "amount": Amount(document.amount_cents, tongue.say(document.when), tongue.say(document.title)),
        "facts": parts.particulars(document.facts, tongue),
        "several": len(document.reopened) > 1,
        "reopened": Rows(
            tuple(parts.owed_row(one.number, one.due_on, one.open_cents, tongue) for one in document.reopened)
        ),
        "pay_link": parts.pay_link(links),
        "button": Button(parts.pay_link(links)),
    }


def problem(context, links, tongue):
    """Of a payment that came back."""
    document = context["document"]
    return _back(document, links, tongue) | {
        "problem": tongue.say(document.subject),
        "date": tongue.date(document.paid_on),
        "next_step": tongue.say(document.next_step),
        "is_dispute": document.is_dispute,
    }


def refund(context, links, tongue):
    """Of money that we sent back."""
    return _back(context["document"], links, tongue) | {"date": tongue.date(context["document"].on)}


def credit_given(context, links, tongue):
    """Of a credit."""
    document = context["document"]
    paid = _paid(document, tongue)
    link = links.get("sign_in_page_url", "")
    when = tongue.say(f"on {words.date(document.on)}")
    return {
        "account": document.account_number,
        "sum": format_cents(document.cents),
        "date": tongue.date(document.on),
        "sentence": tongue.say(document.sentence),
        "reason": tongue.say(document.reason),
        "amount": Amount(document.cents, when, tongue.say("A credit for you")),
        "paid": Rows(tuple(paid)),
        "account_link": link,
        "button": Button(link),
    }


def canceled(context, links, tongue):
    """Of an invoice that was canceled after it had been sent."""
    document = context["document"]
    link = links.get("sign_in_page_url", "")
    pairs = (
        ("Invoice", document.number),
        ("Issued", words.date(document.issued_on)),
        ("Canceled", words.date(document.on)),
        ("Account", document.account_number),
    )
    return {
        "number": document.number,
        "account": document.account_number,
        "sum": format_cents(document.total_cents),
        "date": tongue.date(document.on),
        "reason": tongue.say(document.reason),
        "was_paid": format_cents(document.paid_cents) if document.paid_cents else "",
        "amount": Amount(0, tongue.say("to pay on this invoice"), tongue.say(f"Invoice {document.number}")),
        "facts": parts.particulars(pairs, tongue),
        "account_link": link,
        "button": Button(link),
    }


def late_fee(context, links, tongue):
    """Of a late fee that is told ahead."""
    document = context["document"]
    pairs = (
        ("Invoice", document.number),
        ("Was due", words.date(document.due_on)),
        ("Late for your services, before tax", format_cents(document.base_cents)),
        ("Late fee, at most", format_cents(document.cents)),
        ("From", words.date(document.charge_from_on)),
    )
    when = tongue.say(f"was due {words.date(document.due_on)}")
    title = tongue.say(f"Invoice {document.number} is still open")
    return {
        "number": document.number,
        "due_date": tongue.date(document.due_on),
        "amount_due": format_cents(document.open_cents),
        "sum": format_cents(document.cents),
        "fee_date": tongue.date(document.charge_from_on),
        "fee_short": tongue.short_date(document.charge_from_on),
        "amount": Amount(document.open_cents, when, title),
        "facts": parts.particulars(pairs, tongue),
        "pay_link": parts.pay_link(links),
        "button": Button(parts.pay_link(links)),
        "question_link": links.get("question_url", ""),
    }


def suspension(context, links, tongue):
    """Of service that rests, may rest, or is back."""
    document = context["document"]
    return _open_on_account(document, document.oldest_on, links, tongue) | {
        "service": document.service,
        "where": document.where,
        "systems": ", ".join(document.systems),
        "rests_date": tongue.date(document.rests_on),
        "rests_short": tongue.short_date(document.rests_on),
        "date": tongue.date(document.on),
        "is_billed": document.is_billed,
        "was_resting": document.was_resting,
    }


def handed_over(context, links, tongue):
    """Of an account that an agency has now."""
    document = context["document"]
    return _open_on_account(document, document.oldest_on, links, tongue) | {
        "agency": document.agency,
        "date": tongue.date(document.on),
    }


def _open_on_account(document, oldest_on, links, tongue):
    when = tongue.say(f"the oldest part since {words.date(oldest_on)}")
    return {
        "account": document.account_number,
        "sum": format_cents(document.cents),
        "oldest_date": tongue.date(oldest_on),
        "amount": Amount(document.cents, when),
        "pay_link": parts.pay_link(links),
        "button": Button(parts.pay_link(links)),
        "question_link": links.get("question_url", ""),
    }


def setback(context, links, tongue):
    """Of a charge that was declined, or a card that cannot be charged."""
    document = context["document"]
    return {
        "happened": tongue.say(document.happened),
        "next_step": tongue.say(document.next_step),
        "sum": format_cents(document.cents),
        "method": tongue.say(_method(document.method, tongue)),
        "invoices": tongue.say(document.numbers),
        "is_final": document.is_final,
        "amount": Amount(document.cents, tongue.say("was not paid")),
        "button": Button(parts.pay_link(links)),
        "methods_button": Button(links["methods_url"]),
        "owed": Rows(
            tuple(parts.owed_row(one.number, one.due_on, one.cents, tongue) for one in document.owed)
        ),
        "facts": parts.particulars(document.facts, tongue),
        "pay_link": parts.pay_link(links),
        "methods_link": links["methods_url"],
        "autopay_link": links["autopay_url"],
    }


def _method(label, tongue):
    """English begins sentences with it; in Spanish other words always stand before it."""
    return label if tongue.code == "en" else naming.in_a_sentence(label)


def above_cap(context, links, tongue):
    """Of invoices that are above the customer's limit for automatic charges."""
    document = context["document"]
    when = tongue.say(f"for {document.numbers}")
    return setback(context, links, tongue) | {"amount": Amount(document.cents, when)}
