"""What messages about an invoice may name: itself, its lines, and the others that one message tells of."""

from billing import words
from billing.money import format_cents
from billing.wording.pieces import Amount, Button, Paragraphs, Row, Rows, Words

MOST_ITEMS = 12  # a long invoice ends in a pointer to the invoice


def invoice(context, links, tongue):
    """Of an invoice, and of the others that its message tells of."""
    document, also = context["document"], context.get("also", ())
    return _one(document, links, tongue, bool(also)) | _all(context, document, also, links, tongue)


def _one(document, links, tongue, several):
    """What is said of the invoice itself."""
    automatic, is_asked = document.automatic, document.is_payable and not document.is_automatic
    shown_cents = document.asked_cents if document.is_payable else document.total_cents
    note = tongue.say(document.when_note)
    when = tongue.say(_when(document)) + (f", {note}" if note else "")
    return {
        "number": document.number,
        "account": document.account_number,
        "amount_due": format_cents(document.asked_cents),
        "total": format_cents(document.total_cents),
        "due_date": tongue.date(document.asked_on),
        "due_short": tongue.short_date(document.asked_on),
        "is_payable": document.is_payable,
        "is_automatic": document.is_automatic,
        "charge_date": tongue.date(automatic.charge_on) if automatic else "",
        "charge_short": tongue.short_date(automatic.charge_on) if automatic else "",
        "charge_day": tongue.day(automatic.charge_on) if automatic else "",
        "autopay": tongue.say(automatic.sentence) if automatic else "",
        "covers": tongue.say(document.expectation),
        "next_invoice": tongue.say(document.next_invoice),
        "changed": Paragraphs(tuple(map(tongue.say, document.changes))),
        "wish": "" if document.is_automatic else tongue.say(document.wish),
        "late": tongue.say(document.late),
        "objection": tongue.say(document.objection),
        "earlier": "" if several else _earlier(document, tongue),
        "came": _came(document, several),
        "by_check": _by_check(document, tongue) if is_asked else "",
        "pay_link": document.pay_url,
        "wait_link": links.get("wait_url", ""),
        "question_link": links.get("question_url", ""),
        "amount": Amount(shown_cents, when),
        "button": Button(document.pay_url),
        "items": Rows(tuple(_items(document, tongue))),
    }


def _when(document):
    """The line under the amount, of a day to come or of one that has passed."""
    return document.when.replace("Due ", "Was due ", 1) if document.state == "past due" else document.when


def _earlier(document, tongue):
    if not document.earlier_cents:
        return ""
    open_cents, sum_cents = format_cents(document.earlier_cents), format_cents(document.due_in_all_cents)
    return tongue.say(f"Earlier invoices have {open_cents} open: {sum_cents} in all.")


def _came(document, several):
    is_part = document.applied and document.open_cents and not several
    return format_cents(document.total_cents - document.open_cents) if is_part else ""


def _by_check(document, tongue):
    company = document.company
    return tongue.say(
        f"By check: payable to {company.payable_to}, {', '.join(company.remit_lines)}, with account "
        f"{document.account_number} written on it."
    )


def _items(document, tongue):
    """The Rows of an invoice: lines, discounts, taxes, what was paid, and what is due."""
    for item in document.items[:MOST_ITEMS]:
        times = f"{item.quantity} × {format_cents(item.unit_cents)}" if item.quantity != 1 else ""
        detail = [item.system, tongue.say(item.when), tongue.say(item.part), times]
        yield Row(item.text, item.amount_cents, " · ".join(filter(None, detail)))
        if item.discount_cents:
            why = f": {item.discount_reason}" if item.discount_reason else ""
            yield Row(tongue.say("Discount") + why, -item.discount_cents)
    if rest := document.items[MOST_ITEMS:]:
        cents = sum(item.amount_cents - item.discount_cents for item in rest)
        more = words.plural(len(rest), "more line")
        yield Row(tongue.say(more), cents, tongue.say("listed on the invoice"))
    for tax in document.taxes:
        yield Row(tongue.say(tax.text), tax.cents)
    for amount in document.applied:
        yield Row(tongue.say(amount.text), amount.cents, tongue.date(amount.on))
    if document.disputed_cents:
        yield Row(tongue.say("Disputed: not due until you have our answer"), -document.disputed_cents)
    if document.later_cents:
        yield Row(tongue.say("Due later, by your payment plan"), -document.later_cents)
    yield Row(tongue.say("Amount due"), document.asked_cents, is_sum=True)


def _all(context, document, also, links, tongue):
    """What is said when one message tells of several invoices."""
    sum_cents = context.get("all_cents", document.asked_cents)
    english = context.get("due_words") or f"due {words.date(document.asked_on)}"
    due, count = tongue.say(english), words.plural(len(also) + 1, "invoice")
    when = tongue.say(f"{count}, the first {english}") if also else due[:1].upper() + due[1:]
    rows = [Row(tongue.say(f"Invoice {document.number}"), document.asked_cents, due)]
    rows += [Row(tongue.say(f"Invoice {one.number}"), one.cents, tongue.say(one.when)) for one in also]
    rows.append(Row(tongue.say("In all"), sum_cents, is_sum=True))
    return {
        "several": bool(also),
        "count": tongue.say(count),
        "sum_due": format_cents(sum_cents),
        "due": due,
        "together_link": links.get("together_url", ""),
        "amount_of_all": Amount(sum_cents, when),
        "button_for_all": Button(links.get("together_url", document.pay_url)),
        "open_invoices": Rows(tuple(rows) if also else ()),
    }


def overdue(context, links, tongue):
    """Of an invoice that is past due, and when the next message about it comes."""
    return invoice(context, links, tongue) | {
        "next_on": tongue.date(context["next_on"]),
        "promised": tongue.date(context.get("promised_on")),
    }


def check_in(context, links, tongue):
    """Of an invoice about which a person writes, with their words."""
    return invoice(context, links, tongue) | {"letter": Words(context["words"])}
