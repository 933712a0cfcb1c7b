"""What messages about promises and payment plans may name, and reminders of a payment of a plan."""

from billing import words
from billing.money import format_cents
from billing.wording.facts import invoices, parts
from billing.wording.pieces import Amount, Button, Paragraphs, Row, Rows, Words


def promise(context, links, tongue):
    """Of a promise: what, how much, and on which day."""
    document = context["document"]
    return {
        "what": tongue.say(document.what),
        "sum": format_cents(document.cents),
        "date": tongue.date(document.pay_on),
        "date_short": tongue.short_date(document.pay_on),
        "is_today": document.is_today,
        "pays_itself": document.pays_itself,
        "amount": Amount(document.cents, tongue.say(_by(document))),
        "button": Button(parts.pay_link(links)),
        "pay_link": parts.pay_link(links),
        "plan_link": links.get("plan_url", ""),
        "question_link": links.get("question_url", ""),
    }


def _by(document):
    """On the day itself it is that day."""
    return f"{'on' if document.is_today else 'by'} {words.date(document.pay_on)}"


def plan(context, links, tongue):
    """Of a payment plan, agreed, missed, ended or proposed."""
    document = context["document"]
    late = document.late or document.next
    when = f"was due {words.date(late.due_on)}" if document.late else ""
    cents = late.open_cents if document.late else document.cents
    whole = words.plural(document.count, "payment")
    return {
        "sum": format_cents(cents),
        "total": format_cents(document.cents),
        "date": tongue.date(late.due_on) if late else "",
        "date_short": tongue.short_date(late.due_on) if late else "",
        "is_proposal": document.is_proposal,
        "is_kept": document.is_kept,
        "payment_count": tongue.say(whole),
        "payments": _payments(document.rows, tongue),
        "first_date": tongue.date(document.rows[0].due_on),
        "first_sum": format_cents(document.rows[0].cents),
        "repair_by": tongue.date(document.repair_by_on),
        "repair_short": tongue.short_date(document.repair_by_on),
        "can_move": document.can_move,
        "reason": tongue.say(document.reason),
        "note": Words(document.note),
        "agreed": Paragraphs(document.paragraphs),
        "is_translated": document.language == tongue.code,
        "facts": parts.particulars(document.signed, tongue),
        "owed": Rows(
            tuple(parts.owed_row(one.number, one.due_on, one.cents, tongue) for one in document.owed)
        ),
        **_after_plan(document, tongue),
        "amount": Amount(cents, tongue.say(when or f"in {whole}")),
        "button": Button(links["plan_url"]),
        "pay_link": links["pay_url"],
        "plan_link": links["plan_url"],
        "question_link": links["question_url"],
    }


def _after_plan(document, tongue):
    by = document.pay_by_on
    cents = document.due_now_cents(by) if by else 0
    return {"due_now": format_cents(cents) if cents else "", "pay_by": tongue.date(by)}


def reminder(context, links, tongue):
    """Of an invoice; or of a payment of the plan that covers it: its sum and day stand for the invoice's."""
    known = invoices.invoice(context, links, tongue)
    coming = context.get("coming")
    if coming is None:
        return known | {"payments": Rows(()), "place": "", "follows": "", "plan_link": ""}
    due = tongue.say(f"Due {words.date(coming.due_on)}")
    return known | {
        "several": False,
        "amount_due": format_cents(coming.cents),
        "due_date": tongue.date(coming.due_on),
        "due_short": tongue.short_date(coming.due_on),
        "amount": Amount(coming.cents, due),
        "came": "",
        "earlier": "",
        "late": "",
        "payments": _payments(coming.rows, tongue),
        "place": tongue.say(coming.place),
        "follows": " ".join(tongue.say(_follows(row)) for row in coming.follows),
        "plan_link": links["plan_url"],
    }


def _follows(row):
    return f"Payment {row.number}, {format_cents(row.open_cents)}, follows on {words.date(row.due_on)}."


def _payments(rows, tongue):
    """The payments of a plan: what of each is open where some of it is paid."""
    told = [
        Row(
            tongue.say(f"Payment {row.number}"),
            row.cents,
            tongue.say(f"{words.date(row.due_on)}, paid") if row.state == "paid" else tongue.date(row.due_on),
        )
        for row in rows
    ]
    return Rows((*told, Row(tongue.say("In all"), sum(row.cents for row in rows), is_sum=True)))
