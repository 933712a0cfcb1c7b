"""What each kind of message may name: facts and pieces from its documents, in the reader's language.

``of(kind, context, tongue)`` gives every name of that kind, always all of them, so that a text can ask for
any. ``MEANINGS`` is what the editor shows beside the text. Not here: links and rows (billing/edges/letters.py
makes the context), what stands in the texts (templates/mail, templates/text, Template rows).
"""

from billing import words
from billing.money import format_cents
from billing.wording.pieces import Amount, Button, Code, Facts, Paragraphs, Row, Rows, Words
from models import Notice

MOST_ITEMS = 12  # a long invoice ends in a pointer to the invoice

MEANINGS = {
    # everywhere
    "company": "our name",
    "phone": "our telephone number; empty without one",
    "phone_hours": "when somebody answers it",
    "email": "our mail address",
    "or_call": "“ or call (512) 555-0100”; empty without a number",
    "first_name": "the first name of a person at home, else the whole name",
    "sign_in_link": "the page to sign in on",
    # one invoice
    "number": "the invoice number",
    "account": "the account number",
    "amount_due": "what is open of the invoice",
    "total": "what the invoice came to",
    "due_date": "the due date, months in words",
    "due_short": "the same, shorter, for texts",
    "due": "“due December 15, 2026” or “was due …”",
    "is_payable": "true while something is open",
    "is_automatic": "true when autopay pays it",
    "charge_date": "the day of the automatic charge",
    "charge_short": "the same, shorter, for texts",
    "autopay": "what autopay will do, in a sentence",
    "covers": "which period it is for, and when the work was done",
    "next_invoice": "when the next one comes",
    "changed": "piece: what changed since the invoice before, a sentence each",
    "wish": "how the customer likes to pay",
    "late": "that there is no late fee, and what to do instead",
    "objection": "that we look into it first, and reminders wait",
    "earlier": "what earlier invoices have open, in a sentence; else empty",
    "came": "what was paid of it so far; empty when nothing was",
    "by_check": "payee, address and account number for a check; empty when nothing is to be paid",
    "pay_link": "where to pay or see it",
    "wait_link": "where the automatic charge is put off; else empty",
    "question_link": "where to say what is wrong",
    "items": "piece: the lines, taxes, payments and the amount due",
    # service that may rest, and who writes instead of us
    "service": "the agreement by its name",
    "where": "the addresses that it is about",
    "systems": "what is installed there",
    "rests_date": "from when signals are not answered",
    "is_billed": "true when it is billed while it rests",
    "was_resting": "true when it rested, false when it was only announced",
    "agency": "who writes instead of us",
    # several invoices in one message
    "several": "true when the message tells of several invoices",
    "count": "how many, such as “2 invoices”",
    "sum_due": "what they come to",
    "together_link": "where all are paid with one button",
    "amount": "piece: the sum in large figures with its day",
    "amount_of_all": "piece: the same of all invoices of the message",
    "button": "piece: the one thing to do; give it its words",
    "button_for_all": "piece: the same for all invoices",
    "open_invoices": "piece: each invoice and the sum",
    "next_on": "when we write once more; empty when a person follows",
    "promised": "the day by which they had told us that they pay, and it did not come; else empty",
    "letter": "piece: what the person wrote who signs it",
    # promises and plans
    "what": "what was promised: “invoice 10482” or “everything that is open”",
    "is_today": "true on the day itself",
    "pays_itself": "true when autopay charges it then",
    "plan_link": "the page of the plan, or where one is chosen",
    "is_proposal": "true while the customer has not agreed",
    "is_kept": "true when the plan is paid off",
    "payment_count": "how many payments, such as “4 payments”",
    "payments": "piece: each payment with its day; of a reminder, empty unless it is one of a plan",
    "first_date": "the day of the next payment",
    "first_sum": "its amount",
    "repair_by": "until when a missed payment can be put right",
    "can_move": "true while it can be moved to another day",
    "due_now": "of a plan that is over: what is past its date; empty when nothing is",
    "pay_by": "until when we do not ask for that again",
    "is_translated": "true when the agreement is written in the language of this text",
    "place": "which payment of the plan, such as “2 of 4”; else empty",
    "follows": "the payments of the plan that come so soon after it that this reminder tells of them too",
    "note": "what our people wrote with a proposal; may be empty",
    # payments, charges, refunds
    "title": "what it is, such as “Receipt”",
    "sentence": "what is known, in a sentence",
    "sum": "the amount",
    "date": "its day",
    "date_short": "the same, shorter, for texts",
    "facts": "piece: the particulars",
    "paid": "piece: what the payment paid",
    "refunds": "piece: what went back",
    "account_link": "the page of the account",
    "fee_date": "the day from which a late fee is charged",
    "fee_short": "the same, shorter, for texts",
    "problem": "what became of it, such as “came back unpaid”",
    "next_step": "what happens next, and what to do",
    "is_dispute": "true when the payer went to their bank",
    "reopened": "piece: the invoices that are open again",
    "happened": "what happened, in sentences",
    "is_final": "true when nothing is charged again by itself",
    "method": "the card or account, such as “Visa ending 4242”",
    "invoices": "the invoices, such as “invoices 10482 and 10483”",
    "owed": "piece: what is still to be paid",
    "charged": "piece: what one charge pays, when it is more than one invoice",
    "was_planned": "the day until now, of a charge that was put off; else empty",
    "methods_link": "the page of saved cards and accounts",
    "autopay_link": "the page of autopay",
    "stop_link": "where autopay is switched off at once",
    "gets_receipt": "true for who wants a receipt of each payment",
    "methods_button": "piece: to the saved cards and accounts",
    "headline": "what happened, in a few words",
    "next_charges": "piece: what is charged next",
    "agreed": "piece: what was agreed, word for word",
    "ended": "when it ended",
    "reason": "why, in a sentence; may be empty",
    "under_way": "piece: charges that can no longer be called back",
    "change": "“added”, “removed”, “updated” or “disabled”",
    "expires": "the last day of the card; may be empty",
    "is_autopay": "true when autopay uses it",
    "next_charge": "the next charge to it, in a sentence; may be empty",
    # the account
    "code": "piece: the code to sign in with",
    "question": "what the customer asked, in a few words",
    "answer": "piece: what we answered",
    "wrote": "piece: what the customer wrote",
    "answer_day": "the day by which we answer",
    "about": "what was disputed: the text of a line, or “The whole invoice”",
    "rest": "what is due beside what is disputed; empty when nothing is",
    "credit": "what was credited; empty when nothing was",
    "again": "what is due after all; empty when nothing is",
    "again_day": "the fresh date of it",
    "period": "the month, such as “December 1–31, 2026”",
    "is_open": "true while something is open",
    "had_entries": "true when something was billed or paid",
    "entries": "piece: what was billed and paid, with the balance before and after",
    "reply": "the answer to STOP, START or HELP",
    # the contract
    "can_cancel": "by when it can be canceled, in a few words",
    "is_yearly": "true for the yearly reminder of a service that goes on",
    "services": "piece: each service and its price",
    "price": "what is paid now and later",
    "changes": "what changes, or that nothing does",
    "how_to_cancel": "by when, in a sentence",
    "if_nothing": "what happens if nobody does anything",
    "small_print": "piece: where the clause stands, the lease sheet, the law",
    "post": "our postal address in one line",
    "answer_link": "the page on which it is answered",
    "paragraphs": "piece: what it means, in a few paragraphs",
}  # fmt: skip


def of(kind, context, tongue):
    """{name: fact or piece} of one message.

    context -- what ``letters`` or ``samples`` give: company, contact, links, and the kind's documents
    """
    company, links = context["company"], context["links"]
    contact = context.get("contact")
    facts = {
        "company": company.name,
        "phone": company.phone,
        "phone_hours": company.phone_hours,
        "email": company.email,
        "or_call": tongue.say(f" or call {company.phone}") if company.phone else "",
        "first_name": _called(contact),
        "sign_in_link": links.get("sign_in_page_url", ""),
    }
    return facts | _FACTS[kind](context, links, tongue)


def _called(contact):
    """As a person is spoken to: at home by the first name, a business by its whole name."""
    name = contact.name.strip() if contact else ""
    return name.split()[0] if name and contact.customer.kind == "residential" else name


# --- Invoices ------------------------------------------------------------------------------------


def _invoice(context, links, tongue):
    document, also = context["document"], context.get("also", ())
    return _one(document, links, tongue, bool(also)) | _all(context, document, also, links, tongue)


def _one(document, links, tongue, several):
    """What is said of the invoice itself."""
    automatic, is_asked = document.automatic, document.is_payable and not document.is_automatic
    shown_cents = document.asked_cents if document.is_payable else document.total_cents
    note = tongue.say(document.when_note)
    when = tongue.say(document.when) + (f", {note}" if note else "")
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


def _reminder(context, links, tongue):
    """Of an invoice; or of a payment of the plan that covers it: its sum and day stand for the invoice's."""
    known = _invoice(context, links, tongue)
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


def _promise(context, links, tongue):
    document = context["document"]
    return {
        "what": tongue.say(document.what),
        "sum": format_cents(document.cents),
        "date": tongue.date(document.pay_on),
        "date_short": tongue.short_date(document.pay_on),
        "is_today": document.is_today,
        "pays_itself": document.pays_itself,
        "amount": Amount(document.cents, tongue.say(f"on {words.date(document.pay_on)}")),
        "button": Button(_pay_link(links)),
        "pay_link": _pay_link(links),
        "plan_link": links.get("plan_url", ""),
        "question_link": links.get("question_url", ""),
    }


def _plan(context, links, tongue):
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
        "can_move": document.can_move,
        "reason": tongue.say(document.reason),
        "note": Words(document.note),
        "agreed": Paragraphs(document.paragraphs),
        "is_translated": document.language == tongue.code,
        "facts": _facts(document.signed, tongue),
        "owed": Rows(tuple(_owed_row(one.number, one.due_on, one.cents, tongue) for one in document.owed)),
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


def _overdue(context, links, tongue):
    return _invoice(context, links, tongue) | {
        "next_on": tongue.date(context["next_on"]),
        "promised": tongue.date(context.get("promised_on")),
    }


def _check_in(context, links, tongue):
    return _invoice(context, links, tongue) | {"letter": Words(context["words"])}


# --- Money that came, went back, or did not come ---------------------------------------------------


def _facts(pairs, tongue):
    """Particulars; the reason that somebody typed is theirs."""
    return Facts(tuple((tongue.say(term), tongue.say(text)) for term, text in pairs if text))


def _paid(document, tongue):
    """What of the money or credit paid which invoice, and what is left."""
    rows = [
        Row(
            tongue.say(f"Invoice {part.number}"),
            part.cents,
            tongue.say(f"{format_cents(part.open_cents)} still open" if part.open_cents else "paid in full"),
        )
        for part in document.paid
    ]
    if document.unapplied_cents:
        rows.append(Row(tongue.say("Kept for your next invoice"), document.unapplied_cents))
    return rows


def _receipt(context, links, tongue):
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
        "facts": _facts(document.facts, tongue),
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
        "facts": _facts(document.facts, tongue),
        "several": len(document.reopened) > 1,
        "reopened": Rows(
            tuple(_owed_row(one.number, one.due_on, one.open_cents, tongue) for one in document.reopened)
        ),
        "pay_link": _pay_link(links),
        "button": Button(_pay_link(links)),
    }


def _owed_row(number, due_on, cents, tongue):
    return Row(tongue.say(f"Invoice {number}"), cents, tongue.say(f"due {words.date(due_on)}"))


def _pay_link(links):
    return links.get("pay_url") or links.get("sign_in_page_url", "")


def _problem(context, links, tongue):
    document = context["document"]
    return _back(document, links, tongue) | {
        "problem": tongue.say(document.subject),
        "date": tongue.date(document.paid_on),
        "next_step": tongue.say(document.next_step),
        "is_dispute": document.is_dispute,
    }


def _refund(context, links, tongue):
    return _back(context["document"], links, tongue) | {"date": tongue.date(context["document"].on)}


def _credit_given(context, links, tongue):
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


def _late_fee(context, links, tongue):
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
        "facts": _facts(pairs, tongue),
        "pay_link": _pay_link(links),
        "button": Button(_pay_link(links)),
        "question_link": links.get("question_url", ""),
    }


def _suspension(context, links, tongue):
    document = context["document"]
    return _open_on_account(document, document.oldest_on, links, tongue) | {
        "service": document.service,
        "where": document.where,
        "systems": ", ".join(document.systems),
        "rests_date": tongue.date(document.rests_on),
        "date": tongue.date(document.on),
        "is_billed": document.is_billed,
        "was_resting": document.was_resting,
    }


def _handed_over(context, links, tongue):
    document = context["document"]
    return _open_on_account(document, document.oldest_on, links, tongue) | {
        "agency": document.agency,
        "date": tongue.date(document.on),
    }


def _open_on_account(document, oldest_on, links, tongue):
    when = tongue.say(f"was due {words.date(oldest_on)}")
    return {
        "account": document.account_number,
        "sum": format_cents(document.cents),
        "amount": Amount(document.cents, when),
        "pay_link": _pay_link(links),
        "button": Button(_pay_link(links)),
        "question_link": links.get("question_url", ""),
    }


def _setback(context, links, tongue):
    document = context["document"]
    return {
        "happened": tongue.say(document.happened),
        "next_step": tongue.say(document.next_step),
        "sum": format_cents(document.cents),
        "method": tongue.say(document.method),
        "invoices": tongue.say(document.numbers),
        "is_final": document.is_final,
        "amount": Amount(document.cents, tongue.say("was not paid")),
        "button": Button(_pay_link(links)),
        "methods_button": Button(links["methods_url"]),
        "owed": Rows(tuple(_owed_row(one.number, one.due_on, one.cents, tongue) for one in document.owed)),
        "facts": _facts(document.facts, tongue),
        "pay_link": _pay_link(links),
        "methods_link": links["methods_url"],
        "autopay_link": links["autopay_url"],
    }


def _above_cap(context, links, tongue):
    document = context["document"]
    when = tongue.say(f"for {document.numbers}")
    return _setback(context, links, tongue) | {"amount": Amount(document.cents, when)}


# --- Autopay -------------------------------------------------------------------------------------


def _charge(context, links, tongue):
    document = context["document"]
    is_several = len(document.invoices) > 1
    rows = [_owed_row(one.number, one.due_on, one.cents, tongue) for one in document.invoices]
    rows.append(Row(tongue.say("In all"), document.cents, is_sum=True))
    return {
        "sum": format_cents(document.cents),
        "date": tongue.date(document.charge_on),
        "date_short": tongue.short_date(document.charge_on),
        "method": tongue.say(document.method),
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


def _agreement(context, links, tongue):
    document = context["document"]
    proof = [
        ("Agreed", document.agreed), ("By", document.agreed_by), ("From", document.agreed_from),
        ("Text", document.version),
    ]  # fmt: skip
    return {
        "account": document.account_number,
        "headline": tongue.say(document.headline),
        "sentence": tongue.say(document.sentence),
        "method": tongue.say(document.method),
        "next_charges": Rows(
            tuple(
                Row(tongue.date(one.charge_on), one.cents, tongue.say(one.why_not or one.numbers))
                for one in document.charges
            )
        ),
        "agreed": Paragraphs(document.paragraphs),
        "facts": _facts(proof, tongue),
        "ended": tongue.say(document.ended),
        "reason": tongue.say(document.end_reason),
        "under_way": Paragraphs(
            tuple(
                tongue.say(
                    f"One charge of {format_cents(one.cents)} to {one.method} was sent before that, on "
                    f"{one.sent}, and can no longer be called back. If it does not go through, you hear "
                    "from us."
                )
                for one in document.under_way
            )
        ),
        "autopay_link": links["autopay_url"],
        "stop_link": _stop_link(links),
        "gets_receipt": context.get("gets_receipt", True),
    }


def _method(context, links, tongue):
    document = context["document"]
    coming = document.next_charge
    return {
        "headline": tongue.say(document.headline),
        "method": tongue.say(document.label),
        "change": document.change,
        "reason": tongue.say(document.reason),
        "expires": tongue.date(document.expires_on),
        "is_autopay": document.is_autopay,
        "next_charge": tongue.say(
            f"Next charge: {format_cents(coming.cents)} on {words.date(coming.charge_on)}."
        )
        if coming
        else "",
        "methods_link": links["methods_url"],
        "methods_button": Button(links["methods_url"]),
    }


# --- The account ---------------------------------------------------------------------------------


def _sign_in(context, links, tongue):
    return {"code": Code(context["code"]), "button": Button(links["sign_in_url"])}


def _digest(context, links, tongue):
    digest = context["digest"]
    rows = [
        Row(tongue.say(entry.text), entry.amount_cents, tongue.date(entry.on)) for entry in digest.entries
    ]
    rows.insert(0, Row(tongue.say("Balance before"), digest.before_cents))
    rows.append(Row(tongue.say("Balance after"), digest.after_cents, is_sum=True))
    following = f"the next due {words.date(digest.next_due_on)}" if digest.next_due_on else "open now"
    return {
        "period": tongue.say(words.period(digest.from_on, digest.to_on)),
        "is_open": bool(digest.open_cents),
        "had_entries": bool(digest.entries),
        "amount": Amount(digest.open_cents, tongue.say(following)),
        "entries": Rows(tuple(rows)),
        "button": Button(links["account_url"]),
    }


def _consent(context, links, tongue):
    return {"button": Button(links["consent_url"])}


def _ticket(context, links, tongue):
    return {
        "question": context["ticket"].subject,
        "answer": Words(context["message"].body),
        "button": Button(links["ticket_url"]),
        "question_link": links["ticket_url"],
    }


def _ticket_received(context, links, tongue):
    facts = _ticket(context, links, tongue)
    return facts | {"wrote": facts.pop("answer"), "answer_day": tongue.date(context["answer_on"])}


def _dispute(context, links, tongue):
    document = context["document"]
    rest = format_cents(document.rest_cents) if document.rest_cents else ""
    has_two_days = document.again_cents and document.rest_cents > document.again_cents
    due = tongue.say(f"due {words.date(document.rest_on)}") if document.rest_on and not has_two_days else ""
    return {
        "number": document.number,
        "about": document.about if document.is_line else tongue.say(document.about),
        "sum": format_cents(document.cents),
        "wrote": Words(document.words),
        "answer_day": tongue.date(document.answer_by_on),
        "credit": format_cents(document.credit_cents) if document.credit_cents else "",
        "again": format_cents(document.again_cents) if document.again_cents else "",
        "again_day": tongue.date(document.again_on),
        "answer": Words(document.decision),
        "rest": rest,
        "autopay": tongue.say(document.automatic),
        "amount": Amount(document.rest_cents, due),
        "pay_link": _pay_link(links),
        "button": Button(_pay_link(links)),
        "question_link": links["ticket_url"],
    }


def _nothing_more(context, links, tongue):
    return {}


def _text_reply(context, links, tongue):
    return {"reply": context["words"]}


# --- The contract --------------------------------------------------------------------------------


def _renewal(context, links, tongue):
    document = context["document"]
    more = [f"{document.clause}; ask us for a copy and you have it the same day."]
    if document.is_leased:
        more.append(
            "The lease sheet with the purchase price, the rate, the monthly payment and the payoff comes "
            "with it."
        )
    if document.citations:
        more.append(f"This notice is given under {'; '.join(document.citations)}.")
    until = f"You can cancel until {document.deadline_words}."
    return {
        "title": tongue.say(document.subject),
        "sentence": tongue.say(document.sentence),
        "can_cancel": tongue.say("You can end it any time." if document.is_yearly else until),
        "is_yearly": document.is_yearly,
        "facts": _facts(document.facts, tongue),
        "services": Rows(
            tuple(
                Row(line.text, line.now_cents, ", ".join(filter(None, [line.where, tongue.say(line.every)])))
                for line in document.lines
            )
        ),
        "price": tongue.say(document.price_words),
        "changes": tongue.say(document.changes_words),
        "how_to_cancel": tongue.say(document.cancel_words),
        "if_nothing": tongue.say(document.if_nothing),
        "small_print": Paragraphs((" ".join(map(tongue.say, more)),)),
        "post": f"{document.company.legal_name}, {', '.join(document.company.address_lines)}",
        "answer_link": links["answer_url"],
        "button": Button(links["answer_url"]),
    }


def _told(context, links, tongue):
    """What is told about a contract besides the notice of its end."""
    document = context["document"]
    return {
        "title": tongue.say(document.title),
        "sentence": tongue.say(document.sentence),
        "facts": _facts(document.facts, tongue),
        "paragraphs": Paragraphs(tuple(map(tongue.say, document.paragraphs))),
        "answer_link": links["answer_url"],
        "button": Button(links["answer_url"]),
    }


_FACTS = {
    Notice.INVOICE: _invoice,
    Notice.REMINDER: _reminder,
    Notice.PROMISE: _promise,
    Notice.PLAN_AGREED: _plan,
    Notice.PLAN_MISSED: _plan,
    Notice.PLAN_ENDED: _plan,
    Notice.FRESH_LINK: _invoice,
    Notice.OVERDUE: _overdue,
    Notice.CHECK_IN: _check_in,
    Notice.RECEIPT: _receipt,
    Notice.PAYMENT_PROBLEM: _problem,
    Notice.REFUND: _refund,
    Notice.CREDIT_GIVEN: _credit_given,
    Notice.LATE_FEE: _late_fee,
    Notice.SUSPENSION_WARNING: _suspension,
    Notice.SUSPENDED: _suspension,
    Notice.REINSTATED: _suspension,
    Notice.HANDED_OVER: _handed_over,
    Notice.CHARGE_DECLINED: _setback,
    Notice.METHOD_PROBLEM: _setback,
    Notice.ABOVE_CAP: _above_cap,
    Notice.AUTOPAY_ON: _agreement,
    Notice.AUTOPAY_OFF: _agreement,
    Notice.UPCOMING_CHARGE: _charge,
    Notice.CHARGE_POSTPONED: _charge,
    Notice.METHOD_EXPIRING: _method,
    Notice.METHOD_CHANGED: _method,
    Notice.SIGN_IN: _sign_in,
    Notice.CONSENT_CONFIRM: _consent,
    Notice.DIGEST: _digest,
    Notice.TICKET_REPLY: _ticket,
    Notice.TICKET_CLOSED: _ticket,
    Notice.TICKET_RECEIVED: _ticket_received,
    Notice.DISPUTE_RECEIVED: _dispute,
    Notice.DISPUTE_DECIDED: _dispute,
    Notice.CONTACT_CHANGED: _nothing_more,
    Notice.TEXT_REPLY: _text_reply,
    Notice.RENEWAL: _renewal,
    Notice.YEARLY_REMINDER: _renewal,
    Notice.CONTRACT_ANSWERED: _told,
    Notice.CONTRACT_ENDED: _told,
    Notice.PRICE_CHANGE: _told,
}
KINDS = tuple(_FACTS)
