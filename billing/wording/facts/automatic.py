"""What messages about autopay and saved cards and accounts may name."""

from billing import naming, words
from billing.money import format_cents
from billing.wording.facts import parts
from billing.wording.pieces import Amount, Button, Paragraphs, Row, Rows


def charge(context, links, tongue):
    """Of one automatic charge that is coming."""
    document = context["document"]
    is_several = len(document.invoices) > 1
    rows = [parts.owed_row(one.number, one.due_on, one.cents, tongue) for one in document.invoices]
    rows.append(Row(tongue.say("In all"), document.cents, is_sum=True))
    return {
        "sum": format_cents(document.cents),
        "date": tongue.date(document.charge_on),
        "date_short": tongue.short_date(document.charge_on),
        "charge_day": tongue.day(document.charge_on),
        "method": tongue.say(naming.in_a_sentence(document.method)),
        "invoices": tongue.say(document.numbers),
        "account": document.account_number,
        "was_planned": tongue.date(document.put_off_from_on),
        "amount": Amount(document.cents, tongue.say(f"on {words.date(document.charge_on)}")),
        "charged": Rows(tuple(rows) if is_several else ()),
        "pay_link": links["pay_url"],
        "wait_link": links.get("wait_url", ""),
        "autopay_link": links["autopay_url"],
        "stop_link": _stop_link(links),
        "gets_receipt": context.get("gets_receipt", True),
    }


def _stop_link(links):
    return links.get("preferences_url") or links["autopay_url"]


def agreement(context, links, tongue):
    """Of autopay that was switched on or off."""
    document = context["document"]
    proof = [
        ("Agreed", document.agreed), ("By", document.agreed_by), ("From", document.agreed_from),
        ("Version of these words", document.version),
    ]  # fmt: skip
    return {
        "account": document.account_number,
        "headline": tongue.say(document.headline),
        "sentence": tongue.say(document.sentence),
        "method": tongue.say(naming.in_a_sentence(document.method)),
        "next_charges": Rows(
            tuple(
                Row(tongue.date(one.charge_on), one.cents, tongue.say(one.why_not or one.numbers))
                for one in document.charges
            )
        ),
        "rests": Paragraphs(tuple(tongue.say(one) for one in document.rests)),
        "agreed": Paragraphs(document.paragraphs),
        "facts": parts.particulars(proof, tongue),
        "ended": tongue.say(document.ended),
        "reason": tongue.say(document.end_reason),
        "under_way": Paragraphs(
            tuple(
                tongue.say(
                    f"One charge of {format_cents(one.cents)} to "
                    f"{naming.in_a_sentence(one.method)} was sent before that, on "
                    f"{one.sent}, and can no longer be called back. If it does not go through, you will "
                    "hear from us."
                )
                for one in document.under_way
            )
        ),
        "autopay_link": links["autopay_url"],
        "stop_link": _stop_link(links),
        "gets_receipt": context.get("gets_receipt", True),
    }


def method(context, links, tongue):
    """Of a saved card or account that was changed."""
    document = context["document"]
    coming = document.next_charge
    return {
        "headline": tongue.say(document.headline),
        "method": tongue.say(document.label),
        "change": document.change,
        "reason": tongue.say(document.reason),
        "expires": tongue.date(document.expires_on),
        "expires_short": tongue.short_date(document.expires_on),
        "is_autopay": document.is_autopay,
        "next_charge": tongue.say(
            f"Next charge: {format_cents(coming.cents)} on {words.date(coming.charge_on)}."
        )
        if coming
        else "",
        "methods_link": links["methods_url"],
        "methods_button": Button(links["methods_url"]),
    }
