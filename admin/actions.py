"""What staff do to a row beyond editing it: a form, a sentence of what will happen, one use case.

Here: forms of actions and the one call of each into ``billing/``. Not here: who may (security.py), the page
that asks and the page that tells (base.py). An action's name is its name in ``security.ACCESS``.
"""

import flask_login
import wtforms
from flask import current_app, g, request, url_for
from wtforms.validators import Length, Optional

from admin import security
from admin.fields import ChoiceInput, DateInput, Filled, MoneyInput, plain_text
from billing import (
    contracts,
    imports,
    invoices,
    links,
    masking,
    notices,
    one_offs,
    outbox,
    printing,
    renewals,
    tickets,
    words,
)
from billing.edges import print_batches
from billing.edges.answers import pdf_answer
from billing.money import format_cents
from models import Contact, Customer, Hold, ImportBatch, Invoice, Link, Notice, Ticket

READS_SPANISH = "They read Spanish: your words reach them as you write them."
OF_CONTRACTS = (Notice.RENEWAL, Notice.YEARLY_REMINDER)
WAITS = "A second person decides; it waits under “To approve” on the first page."


class Action:
    """One thing to do to a row, or to many.

    run    -- callable(row, form); its sentence, if it returns one, is shown instead of ``done``
    fits   -- callable(row): whether the row offers it
    effect -- callable(row): what will happen to this row, in a few words
    about  -- callable(rows): [(term, words)] to know before, shown below the form
    lands  -- callable(row): the row of the same screen that one goes to from this row's page, or None to stay
    """

    def __init__(self, name, label, run, *, form=None, lead="", done="{row}: done.", **more):
        self.name, self.label, self.run, self.lead, self.done = name, label, run, lead, done
        self.form, self.fits = form or wtforms.Form, more.get("fits", lambda row: True)
        self.effect, self.tone = more.get("effect", lambda row: ""), more.get("tone", "")
        self.about, self.lands = more.get("about"), more.get("lands", lambda row: None)
        self.bulk, self.shows_result = more.get("bulk", True), more.get("shows_result", False)
        self.fill = more.get("fill", lambda form, rows: None)

    def form_for(self, rows, data):
        """The form, filled in from the rows the first time and from what was typed afterwards."""
        form = self.form(data)
        self.fill(form, rows)
        say_language(form, rows)
        return form


class Words(wtforms.StringField):
    """One line of text."""

    def process_formdata(self, valuelist):
        self.data = (valuelist[0] if valuelist else "").strip()


def text_field(label, most, *, optional=False, hint="", control=Words, to_customer=False):
    """A line of text of at most ``most`` characters, that is plain text and has no card number in it.

    to_customer -- a customer reads these words; in which language is said beside it (``say_language``)
    """
    too_long = f"Please keep it under {most:,} characters."
    rules = [Optional() if optional else Filled(), Length(max=most, message=too_long), plain_text]
    told = {"render_kw": {"data-reader": "customer"}} if to_customer else {}
    return control(label, rules, description=hint, filters=[masking.masked], **told)


def say_language(form, rows):
    """Tell whoever writes to customers that one of them does not read English."""
    customers = [row if isinstance(row, Customer) else getattr(row, "customer", None) for row in rows]
    if not any(customer and customer.language == "es" for customer in customers):
        return
    for field in form:
        if (field.render_kw or {}).get("data-reader") == "customer":
            field.description = f"{field.description} {READS_SPANISH}".strip()


class Reason(wtforms.Form):
    """Why."""

    reason = text_field(
        "Reason", 120, hint="The customer and your colleagues will read it.", to_customer=True
    )


def _now():
    return {"by": g.by, "now": g.now}


def day_of(*, by=True):
    """What a use case is told of this request: the day, the moment and, mostly, who asks."""
    return {"today": g.today, "now": g.now} | ({"by": g.by} if by else {})


def click_of(row):
    """The key of what a form orders for a row: two clicks at the same moment are one order."""
    return f"{row.id}:{request.form.get('click', '')}"[:64]


# --- invoices --------------------------------------------------------------------------------------


class VoidForm(Reason):
    """Why, and whether to bill it anew."""

    bill_again = wtforms.BooleanField(
        "Bill it again",
        description="Puts its periods and work back: the next bill run bills them anew, as they are then.",
    )


class AmountForm(wtforms.Form):
    """How much, and why."""

    amount = MoneyInput("Amount", [Filled()])
    reason = text_field(
        "Reason", 255, hint="The customer and your colleagues will read it.", to_customer=True
    )


class ContactForm(wtforms.Form):
    """Whom to."""

    contact = ChoiceInput("To", coerce=int, choices=[])


def _fill_open(form, rows):
    if form.amount.raw_data is None and len(rows) == 1:
        form.amount.data = rows[0].open_cents or None


def _fill_contacts(form, rows):
    people = Contact.select().where((Contact.customer == rows[0].customer_id) & Contact.left_on.is_null())
    form.contact.offer([(person.id, str(person)) for person in people.order_by(Contact.role, Contact.id)])


def _issue(invoice, form):
    issued = invoices.issue(invoice, **day_of())
    amount, due = format_cents(issued.total_cents), words.date(issued.due_on)
    return f"Invoice {issued.number} for {amount} was issued, due {due}."


def _void(invoice, form):
    invoices.void(invoice, reason=form.reason.data, bill_again=form.bill_again.data, **day_of())
    again = " Its periods will be billed again by the next bill run." if form.bill_again.data else ""
    return f"{invoice} was voided.{again}"


def _credit(invoice, form):
    made = invoices.credit(
        invoice, amount_cents=form.amount.data, reason=form.reason.data, key=click_of(invoice), **day_of()
    )
    left = f", {format_cents(made.open_cents)} of it stays on the account" if made.open_cents else ""
    return f"{invoice} was credited {format_cents(made.amount_cents)}{left}."


def _resend(invoice, form):
    return _mail_again(invoice, Contact.get_by_id(form.contact.data))


def _mail_again(invoice, contact):
    notices.resend(invoice, contact=contact, **_now())
    return f"{invoice} will be mailed to {contact.email} in a moment."


def _pay_link(invoice, form):
    """A new address that opens the invoice, or what was billed in its place, without a password."""
    token = links.pay_link(invoices.latest_payable(invoice), now=g.now)
    return current_app.config["BASE_URL"] + url_for("portal.pay_link", token=token)


def _print(notice, form):
    """What goes into the envelope; an invoice with a pay link of its own, so that the code on it works."""
    app = current_app._get_current_object()
    content, letter = print_batches.one_letter(app, notice, today=g.today, now=g.now)
    if notice.kind in OF_CONTRACTS:  # its text is kept the first time it is printed
        renewals.keep_text(notice, subject=letter.subject, text=letter.text)
    return pdf_answer(content, letter.what)


def _goes_otherwise(notice):
    """A letter in a batch is mailed with it; certified mail counts by its number."""
    return printing.is_in_batch(notice) or printing.is_certified(notice)


def _revoke_links(row, form):
    count = links.revoke(row.links, **_now())
    return f"{words.plural(count, 'link')} withdrawn."


def _money_effect(invoice):
    if invoice.state == Invoice.DRAFT:
        return format_cents(invoice.total_cents)
    return f"{format_cents(invoice.total_cents)}, {format_cents(invoice.open_cents)} still open"


INVOICE = (
    Action(
        "issue",
        "Issue",
        _issue,
        lead="The draft gets the next number and its due date, is owed from today, and is sent.",
        fits=lambda invoice: invoice.state == Invoice.DRAFT and not invoice.unclear,
        effect=_money_effect,
        tone="main",
    ),
    Action(
        "discard",
        "Discard draft",
        lambda draft, form: invoices.discard(draft, reason=form.reason.data, **day_of()) and None,
        form=Reason,
        lead="The draft is thrown away. Its periods and work will not be billed, now or later.",
        done="{row} was discarded.",
        fits=lambda invoice: invoice.state == Invoice.DRAFT,
        effect=_money_effect,
        tone="danger",
    ),
    Action(
        "credit",
        "Credit",
        _credit,
        form=AmountForm,
        lead="A credit note lowers what is owed on this invoice. What it does not need stays on the account.",
        fits=lambda invoice: invoice.state == Invoice.ISSUED,
        effect=_money_effect,
        fill=_fill_open,
        bulk=False,
    ),
    Action(
        "resend",
        "Send again",
        _resend,
        form=ContactForm,
        lead="Mails the invoice once more, with a fresh pay link. Links that are out keep working.",
        fits=lambda invoice: invoice.state == Invoice.ISSUED,
        fill=_fill_contacts,
        bulk=False,
    ),
    Action(
        "pay_link",
        "Make a pay link",
        _pay_link,
        lead="Makes a link that opens this invoice without a password, to paste into your own mail. It is "
        "shown once and not stored.",
        fits=lambda invoice: invoice.state == Invoice.ISSUED,
        bulk=False,
        shows_result=True,
    ),
    Action(
        "revoke_links",
        "Withdraw links",
        _revoke_links,
        lead="Every pay link of this invoice stops working. The customer can ask for a fresh one.",
        fits=lambda invoice: invoice.state != Invoice.DRAFT,
    ),
    Action(
        "void",
        "Void",
        _void,
        form=VoidForm,
        lead="The invoice is canceled and stays in the books. What was paid on it pays what else is open. "
        "Who was sent it is told.",
        fits=lambda invoice: invoice.state == Invoice.ISSUED,
        effect=_money_effect,
        tone="danger",
    ),
)


# --- contracts and work ----------------------------------------------------------------------------


class PauseForm(wtforms.Form):
    """From when, and why."""

    from_on = DateInput("From", [Filled()])
    reason = text_field("Reason", 120)


class ResumeForm(wtforms.Form):
    """From when."""

    on = DateInput("Charge again from", [Filled()])


class PriceForm(wtforms.Form):
    """From when, how much, and why."""

    from_on = DateInput("From", [Filled()], description="Periods that start on or after this day.")
    unit = MoneyInput("New price of one", [Filled()])
    reason = text_field("Reason", 120)
    agreed_how = text_field(
        "What shows that the customer agreed",
        120,
        optional=True,
        hint="For an increase, such as a signed order. One that nobody agreed to is planned under Price "
        "increase, so that it is told in time.",
    )


def fill_today(name):
    """An Action's ``fill``: today in the field ``name``, unless something was typed there."""

    def fill(form, rows):
        if form[name].raw_data is None:
            form[name].data = g.today

    return fill


def _pause(contract, form):
    contracts.pause(contract, from_on=form.from_on.data, reason=form.reason.data, **_now())
    return f"{contract.name} rests from {words.date(form.from_on.data)} until it is resumed."


def _resume(contract, form):
    contracts.resume(contract, on=form.on.data, **_now())
    return f"{contract.name} is charged again from {words.date(form.on.data)}."


def _change_price(charge, form):
    contracts.change_price(
        charge,
        from_on=form.from_on.data,
        unit_cents=form.unit.data,
        reason=form.reason.data,
        agreed_how=form.agreed_how.data or "",
        **_now(),
    )
    return f"{charge} costs {format_cents(form.unit.data)} from {words.date(form.from_on.data)} on."


def _is_paused(contract):
    resting = (Hold.contract == contract) & (Hold.scope == Hold.BILLING) & Hold.ends_on.is_null()
    return Hold.select().where(resting).exists()


CONTRACT = (
    Action(
        "pause",
        "Pause",
        _pause,
        form=PauseForm,
        lead="Nothing is charged from that day until it is resumed. What was billed ahead stays billed.",
        fits=lambda contract: contract.ends_on is None and not _is_paused(contract),
        fill=fill_today("from_on"),
    ),
    Action(
        "resume",
        "Resume",
        _resume,
        form=ResumeForm,
        lead="Charges run again from that day.",
        fits=_is_paused,
        fill=fill_today("on"),
    ),
)
CHARGE = (
    Action(
        "change_price",
        "Change price",
        _change_price,
        form=PriceForm,
        lead="Issued invoices stay as they are; later periods cost the new price.",
        fits=lambda charge: charge.next_on is not None,
        effect=lambda charge: f"now {format_cents(charge.unit_cents)}",
        fill=fill_today("from_on"),
    ),
)
ONE_OFF = (
    Action(
        "cancel",
        "Cancel work",
        lambda work, form: one_offs.cancel(work, reason=form.reason.data, **day_of()) and None,
        form=Reason,
        lead="The work will not be billed.",
        done="{row} was canceled.",
        fits=lambda work: work.billed_on is None and work.canceled_on is None,
        effect=lambda work: f"{work.quantity} × {format_cents(work.unit_cents)}",
        tone="danger",
    ),
)


# --- talking ---------------------------------------------------------------------------------------


class TicketForm(wtforms.Form):
    """What a customer wants, taken down by staff."""

    subject = text_field("Subject", 120)
    via = ChoiceInput(
        "How it came",
        choices=[(Ticket.PHONE, "By phone"), (Ticket.STAFF, "We noticed it")],
        default=Ticket.STAFF,
    )
    contact = ChoiceInput("Who asks", [Optional()], coerce=int, blank=True)
    kind = ChoiceInput("Kind", choices=Ticket.kind.choices, default=Ticket.OTHER)
    priority = ChoiceInput("Priority", choices=Ticket.priority.choices, default=Ticket.NORMAL)
    invoice = ChoiceInput("Invoice", [Optional()], coerce=int, blank=True)
    body = text_field("What it is about", 10_000, control=wtforms.TextAreaField)


def _fill_ticket(form, rows):
    """The people and the invoices of the customer."""
    people = rows[0].contacts.where(Contact.left_on.is_null()).order_by(Contact.role, Contact.id)
    form.contact.offer([(person.id, str(person)) for person in people])
    issued = rows[0].invoices.where(Invoice.number.is_null(False)).order_by(Invoice.id.desc()).limit(50)
    form.invoice.offer([(one.id, f"{one.number}, {words.short_date(one.issued_on)}") for one in issued])


def _send_again(notice, form):
    return _mail_again(notice.invoice, notice.contact)


NOTICE = (
    Action(
        "send_again",
        "Send again",
        _send_again,
        lead="Mails the invoice once more to the same person, at the address that they have now.",
        fits=lambda notice: notice.state == Notice.FAILED and notice.invoice_id and notice.contact_id,
        effect=lambda notice: notice.reason,
    ),
    Action(
        "print",
        "Print",
        _print,
        lead="Opens it as PDF; an invoice has a fresh pay link and its square code. Mark it as printed when "
        "it has left the house: a charge that was told by letter is not made before.",
        fits=lambda notice: notice.state == Notice.PRINT and not printing.is_in_batch(notice),
        bulk=False,
        tone="main",
    ),
    Action(
        "mark_printed",
        "Mark as printed",
        lambda notice, form: outbox.mark_printed(notice, today=g.today, now=g.now) and None,
        lead="The paper left the house.",
        done="{row} is marked as printed.",
        fits=lambda notice: notice.state == Notice.PRINT and not _goes_otherwise(notice),
    ),
)
LINK = (
    Action(
        "revoke",
        "Withdraw",
        lambda link, form: links.revoke(Link.select().where(Link.id == link.id), **_now()) and None,
        lead="The link stops working. The customer can ask for a fresh one.",
        done="The link was withdrawn.",
        fits=lambda link: link.revoked_at is None,
        tone="danger",
    ),
)


def _open_ticket(customer, form):
    ticket = tickets.open(
        customer,
        subject=form.subject.data,
        body=form.body.data,
        via=form.via.data,
        kind=form.kind.data,
        priority=form.priority.data,
        contact=form.contact.data and Contact.get_by_id(form.contact.data),
        invoice=form.invoice.data and Invoice.get_by_id(form.invoice.data),
        staff=flask_login.current_user.row,
        **_now(),
    )
    return f"{ticket} was opened."


CUSTOMER = (
    Action("open_ticket", "Open a ticket", _open_ticket, form=TicketForm, fill=_fill_ticket, bulk=False),
    Action(
        "revoke_links",
        "Withdraw links",
        _revoke_links,
        lead="Every link of this customer stops working: pay links, sign-in links, preferences.",
    ),
)


# --- the house -------------------------------------------------------------------------------------


class PasswordForm(wtforms.Form):
    """A new password, by an owner."""

    password = wtforms.PasswordField(
        "New password", [Filled()], description="At least 10 characters. Their open sessions end."
    )


def _set_password(row, form):
    security.set_password(row, form.password.data, **_now())
    return f"{row.name} has a new password."


STAFF = (
    Action("set_password", "Set password", _set_password, form=PasswordForm, bulk=False),
    Action(
        "unlock",
        "Unlock",
        lambda row, form: security.unlock(row, **_now()),
        lead="They can try to sign in again at once.",
        done="{row} can sign in again.",
        fits=lambda row: row.locked_until_at is not None,
    ),
)
IMPORT_BATCH = (
    Action(
        "release",
        "Release",
        lambda batch, form: imports.release(batch, **_now()) and None,
        lead="From now on these customers are billed and written to.",
        done="{row} was released.",
        fits=lambda batch: batch.state == ImportBatch.COMMITTED,
        tone="main",
    ),
    Action(
        "undo",
        "Take back",
        lambda batch, form: imports.undo(batch, **_now()) and None,
        lead="All that this import wrote is removed, as long as nothing was billed, paid, asked or sent.",
        done="{row} was taken back.",
        fits=lambda batch: batch.state != ImportBatch.UNDONE,
        tone="danger",
    ),
)
