"""Tickets at the desk: the page on which one is read and answered, files, ready answers.

Here: forms, rows and the one call of each act. Not here: whose turn it is, merging, clocks (billing/tickets),
what a file is (billing/attachments.py), who may (security.py).
"""

import wtforms
from flask import abort, current_app, flash, g, jsonify, redirect, request, url_for
from flask_admin import expose
from markupsafe import Markup
from wtforms.validators import Length

from admin import finding, labels, related, security
from admin.acting import remember, was_done
from admin.actions import Action, text_field
from admin.audit import history
from admin.base import StaffView
from admin.fields import ChoiceInput, Filled, InstantInput, Kept, plain_text
from admin.filters import Derived
from billing import attachments, demands, ledger, tickets, words
from billing.errors import BillingError
from billing.money import format_cents
from billing.tickets import canned, clocks, looking
from billing.tickets import finding as found
from models import Contact, Dispute, Invoice, Line, Message, Plan, Staff, Ticket

MOST_CHOICES = 100
TOO_LONG = f"Please keep it under {tickets.LONGEST:,} characters."


def _is_open(at):
    return at(Ticket.state) != Ticket.CLOSED


STANDING = {
    "late": ("Should be answered by now", lambda at: found.late_when(at, g.company, now=g.now)),
    "fault": ("Open faults", lambda at: (at(Ticket.kind) == Ticket.SERVICE) & _is_open(at)),
    "nobodys": ("Nobody’s yet", lambda at: at(Ticket.owner).is_null() & _is_open(at)),
}


def _now():
    return {"by": g.by, "now": g.now}


# --- forms and actions ---------------------------------------------------------------------------


class AnswerForm(wtforms.Form):
    """What is answered, or noted for colleagues."""

    body = wtforms.TextAreaField(
        "Your answer", [Filled(), Length(max=tickets.LONGEST, message=TOO_LONG), plain_text]
    )


class SortForm(wtforms.Form):
    """What a ticket is about, how pressing, whose."""

    kind = ChoiceInput("Kind", choices=Ticket.kind.choices)
    priority = ChoiceInput("Priority", choices=Ticket.priority.choices)
    owner = ChoiceInput("Owner", [Kept()], coerce=int, blank=True)
    contact = ChoiceInput("Who asks", [Kept()], coerce=int, blank=True)
    invoice = ChoiceInput("Invoice", [Kept()], coerce=int, blank=True)
    line = ChoiceInput("Line", [Kept()], coerce=int, blank=True)
    site = ChoiceInput("Site", [Kept()], coerce=int, blank=True)
    contract = ChoiceInput("Contract", [Kept()], coerce=int, blank=True)
    reported_from_at = InstantInput("Fault since", [Kept()])
    reported_until_at = InstantInput("Fault until", [Kept()])

    FIRST = ("kind", "priority", "owner")
    FAULT = ("reported_from_at", "reported_until_at")
    ROWS = ("owner", "contact", "invoice", "line", "site", "contract")


class MergeForm(wtforms.Form):
    """Which ticket the other becomes a part of."""

    into = ChoiceInput("Into", [Filled()], coerce=int)


class CloseForm(wtforms.Form):
    """Whether the customer hears of it."""

    tell = wtforms.BooleanField(
        "Tell the customer", description="By mail, with the way to open it again.", default=True
    )


class OwnerForm(wtforms.Form):
    """Who takes care of it."""

    owner = ChoiceInput("Owner", [Filled()], coerce=int)


class ReplyForm(wtforms.Form):
    """What to answer."""

    body = text_field(
        "Your answer", 10_000, hint="It is mailed to the customer.", control=wtforms.TextAreaField
    )


class NoteForm(wtforms.Form):
    """What to note."""

    body = text_field("Note", 10_000, hint="Only staff read it.", control=wtforms.TextAreaField)


def _colleagues():
    rows = (
        Staff.select().where(Staff.left_on.is_null() & (Staff.role != Staff.READ_ONLY)).order_by(Staff.name)
    )
    return [(row.id, row.name) for row in rows]


def _fill_owner(form, rows):
    form.owner.offer(_colleagues())
    if form.owner.raw_data is None:
        form.owner.data = security.me().id


def _fill_into(form, rows):
    others = Ticket.select().where(
        (Ticket.customer == rows[0].customer_id) & (Ticket.id != rows[0].id) & Ticket.merged_into.is_null()
    )
    newest = others.order_by((Ticket.state == Ticket.CLOSED), Ticket.last_at.desc()).limit(MOST_CHOICES)
    form.into.offer([(row.id, _in_short(row)) for row in newest])


def _in_short(ticket):
    """A ticket in a list to choose from: a long subject would push its state out of sight."""
    subject = ticket.subject if len(ticket.subject) <= 40 else f"{ticket.subject[:39].rstrip()}…"
    return f"Ticket {ticket.id}, {ticket.state.replace('_', ' ')}: {subject}"


def _merge(ticket, form):
    into = Ticket.get_or_none(Ticket.id == form.into.data) or abort(404)
    tickets.merge(ticket, into, staff=security.me(), **_now())
    return f"{ticket} is a part of ticket {into.id} now."


def _reply(ticket, form):
    tickets.reply(ticket, body=form.body.data, staff=security.me(), **_now())
    return "Your answer will be mailed in a moment."


def _note(ticket, form):
    tickets.reply(ticket, body=form.body.data, staff=security.me(), internal=True, **_now())
    return "The note was added."


def _assign(ticket, form):
    owner = Staff.get_or_none(Staff.id == form.owner.data) or abort(404)
    tickets.assign(ticket, owner, **_now())
    return f"{owner.name} takes care of {ticket}."


def _stands(ticket):
    return ticket.merged_into_id is None


TICKET = (
    Action("reply", "Answer", _reply, form=ReplyForm, tone="main", bulk=False, fits=_stands),
    Action("note", "Add a note", _note, form=NoteForm, bulk=False, fits=_stands),
    Action("assign", "Assign", _assign, form=OwnerForm, fill=_fill_owner, fits=_stands,
           lead="Whoever owns a ticket sees that it is answered in time."),
    Action(
        "merge", "Merge", _merge, form=MergeForm, fill=_fill_into, bulk=False, fits=_stands,
        lead="Its messages move into the other ticket, and so do answers to mails about it.",
        lands=lambda ticket: Ticket.get_by_id(ticket.id).merged_into,
    ),
    Action(
        "close",
        "Close",
        lambda ticket, form: tickets.close(ticket, tell=form.tell.data, **_now()) and None,
        form=CloseForm,
        lead="Nothing is left to do. A new message from the customer opens it again.",
        done="{row} was closed.",
        fits=lambda ticket: ticket.state != Ticket.CLOSED,
    ),
)  # fmt: skip


# --- the screen ------------------------------------------------------------------------------------


class TicketView(StaffView):
    """What customers want from us, and the page on which it is answered."""

    column_list = ("subject", "customer", "clock", "owner", "state", "last_at")
    column_labels = {"last_at": "Last message", "clock": "Answer", "line": "Line of the invoice"}
    computed = ("clock",)
    column_filters_by = (
        Derived("standing", "Standing", Ticket.state, STANDING),
        "state", "kind", "priority", "owner", "customer", "invoice", "via", "opened_at", "last_at",
    )  # fmt: skip
    actions = TICKET
    details_page = "admin/ticket.html"
    unlisted = ("messages", "merged")
    on_page = ("reply", "note", "assign")  # what the page has a form of its own for

    @property
    def lead(self):
        """The queues of the desk, one click each."""
        queues = (
            ("Waiting on us", {"state": Ticket.WAITING_ON_US}),
            ("Late", {"standing": "late"}),
            ("Yours", {"owner": security.me().id, "state": Ticket.WAITING_ON_US}),
            ("Nobody’s", {"standing": "nobodys"}),
            ("Faults", {"standing": "fault"}),
        )
        links = [
            Markup('<a href="{}">{}</a>').format(url_for(".index_view", **args), text)
            for text, args in queues
        ]
        return Markup(" · ").join(links)

    def rank(self, ids):
        """Whom we owed an answer longest ago first; then what does not wait on us, the newest first."""
        return found.by_urgency(ids, g.company)

    def row_actions(self, row):
        return [action for action in super().row_actions(row) if action.name not in self.on_page]

    def show_clock(self, row):
        said = clocks.in_words(row, g.company, now=g.now)
        if not said:
            return labels.EMPTY
        return labels.badge(said, "bad") if clocks.is_late(row, g.company, now=g.now) else said

    def plain_clock(self, row):
        return clocks.in_words(row, g.company, now=g.now)

    # --- one ticket

    @expose("/<int:id>")
    def details_view(self, id):
        """One ticket: the thread, the answer, and everything to know beside it."""
        return self._page(self.get_one(id))

    def _page(self, row, answer=None, sort=None, warning="", status=200):
        self.prepare_one(row)
        may_answer = security.may("ticket.reply")
        lately = looking.look(row, security.me(), now=g.now) if may_answer and request.method == "GET" else ""
        messages = list(row.messages.order_by(Message.id))
        related.load(messages, [Message.staff, Message.contact])
        page = self.render(
            self.details_page,
            row=row,
            messages=messages,
            attached=attachments.of_messages(messages),
            answer=answer or AnswerForm(),
            sort=sort or self._sort_form(row),
            warning=warning or lately,
            last_message=looking.last_message(row),
            clock=clocks.in_words(row, g.company, now=g.now),
            is_late=clocks.is_late(row, g.company, now=g.now),
            first_answer=first_answer_words(row),
            canned=canned.offered(row, security.me()) if may_answer else [],
            owes=owes(row.customer),
            decisions=decisions(row),
            links=self._links(row),
            tables=[],
            actions=self.row_actions(row),
            history=history(row),
            click=self.new_click(),
        )
        return page, status

    @expose("/<int:id>/answer", methods=("POST",))
    def answer_view(self, id):
        """Send an answer, add a note, or put a canned reply into the box."""
        row, form = self.get_one(id), AnswerForm(request.form)
        if "insert" in request.form:
            return self._page(row, answer=self._with_canned(row, form))
        if not form.validate():
            return self._page(row, answer=form, status=400)
        if was_done(request.form.get("click", "")):
            flash("This was sent already; nothing was sent twice.", "error")
            return redirect(url_for(".details_view", id=id), 303)
        internal = "internal" in request.form
        news = looking.news(row, since=finding.as_id(request.form.get("seen", "")) or 0, staff=security.me())
        if news and not internal:
            warning = f"{news} Read it first; send yours again if it is still right."
            return self._page(row, answer=form, warning=warning, status=409)
        try:
            files = current_app.files.taken(request)
        except BillingError as refusal:
            return self._page(row, answer=form, warning=str(refusal), status=400)
        return self._answered(row, form, internal, files)

    def _answered(self, row, form, internal, files):
        message = tickets.reply(
            row, body=form.body.data, staff=security.me(), internal=internal, files=files, **_now()
        )
        remember(request.form.get("click", ""))
        if "close" in request.form and not internal:
            tickets.close(message.ticket, **_now())
        flash("The note was added." if internal else "Your answer will be mailed in a moment.", "success")
        return redirect(url_for(".details_view", id=message.ticket.id), 303)

    def _with_canned(self, row, form):
        offered = canned.offered(row, security.me())
        number = request.form.get("canned", "")
        chosen = offered[int(number)][1] if number.isdecimal() and int(number) < len(offered) else ""
        form.body.data = "\n\n".join(filter(None, (form.body.data, chosen)))
        return form

    @expose("/<int:id>/sort", methods=("POST",))
    def sort_view(self, id):
        """Say what it is about, how pressing it is and whose."""
        row = self.get_one(id)
        form = self._sort_form(row, request.form)
        if not form.validate():
            return self._page(row, sort=form, status=400)
        changes = {name: field.data for name, field in form._fields.items() if name in request.form}
        for name in SortForm.ROWS:
            if name in changes:
                model = Ticket._meta.fields[name].rel_model
                changes[name] = model.get_or_none(model.id == changes[name]) if changes[name] else None
        try:
            tickets.sort(row, **changes, **_now())
        except BillingError as refusal:
            flash(str(refusal), "error")
            return self._page(row, sort=form, status=409)
        flash("Saved.", "success")
        return redirect(url_for(".details_view", id=id), 303)

    def _sort_form(self, row, data=None):
        now = {name: getattr(row, f"{name}_id") for name in SortForm.ROWS}
        now |= {name: getattr(row, name) for name in ("kind", "priority", *SortForm.FAULT)}
        form = SortForm(data, **now)
        customer = row.customer
        people = customer.contacts.where(Contact.left_on.is_null() | (Contact.id == row.contact_id))
        invoices = customer.invoices.where(Invoice.number.is_null(False)).order_by(Invoice.id.desc())
        lines = Line.select().where(Line.invoice == row.invoice_id).order_by(Line.position)
        form.owner.offer(_colleagues())
        form.contact.offer([(one.id, one.name) for one in people])
        form.invoice.offer([(one.id, _invoice_words(one)) for one in invoices.limit(MOST_CHOICES)])
        form.line.offer([(one.id, one.text) for one in lines] if row.invoice_id else [])
        form.site.offer([(one.id, one.name) for one in customer.sites.limit(MOST_CHOICES)])
        form.contract.offer([(one.id, one.name) for one in customer.contracts.limit(MOST_CHOICES)])
        return form

    @expose("/<int:id>/news")
    def news_view(self, id):
        """What others wrote since: asked by the page while somebody types."""
        since = finding.as_id(request.args.get("since", "")) or 0
        return jsonify(news=looking.news(self.get_one(id), since=since, staff=security.me()))

    def file_url(self, file):
        """Where a file of the thread is opened."""
        return url_for("staff_attachment.file_view", id=file.id)


def _invoice_words(invoice):
    owed = f", {format_cents(invoice.open_cents)} open" if invoice.open_cents else ""
    return f"{invoice.number}, {words.short_date(invoice.issued_on)}{owed}"


def first_answer_words(row):
    """How long the customer waited for the first answer, in working time; "" while there is none."""
    took = clocks.first_answer(row, g.company)
    if took is None:
        return ""
    minutes = int(took.total_seconds() // 60)
    return words.plural(minutes // 60, "working hour") if minutes >= 60 else words.plural(minutes, "minute")


def decisions(row):
    """[(what it asks us to decide, the act, its address)]: words alone answer no proposal and no dispute."""
    plan = (Plan.ticket == row) & (Plan.state == Plan.PROPOSED) & (Plan.waits_for == Plan.US)
    disputed = (Dispute.ticket == row) & (Dispute.state == Dispute.OPEN)
    found = [
        (f"They propose to pay {format_cents(one.amount_cents)} in {one.count} parts.", "Answer the proposal",
         url_for("staff_plan.details_view", id=one.id))
        for one in Plan.select().where(plan)
    ]  # fmt: skip
    return found + [
        (f"They dispute {format_cents(one.amount_cents)} of it; that part is on hold until it is decided.",
         "Decide the dispute", url_for("staff_dispute.details_view", id=one.id))
        for one in Dispute.select().where(disputed)
    ]  # fmt: skip


def owes(customer):
    """(cents past due, days the oldest is late) of a customer; None when nothing is late."""
    late_cents = ledger.balance(customer, today=g.today).past_due_cents
    if not late_cents:
        return None
    asked = demands.of_invoices(list(ledger.open_invoices(customer)))
    days = [one.due_on for each in asked.values() for one in each if one.is_past_due(g.today)]
    return late_cents, (g.today - min(days)).days if days else 0


# --- files and canned replies ----------------------------------------------------------------------


class AttachmentView(StaffView):
    """Files that came with messages."""

    column_list = ("name", "kind", "size", "message", "inbound", "made_at")
    column_filters_by = ("kind", "message", "inbound", "made_at")
    search_by = ()

    @expose("/<int:id>/file")
    def file_view(self, id):
        """The file itself."""
        return current_app.files.answer(self.get_one(id))

    def more_links(self, row):
        return [("Open the file", url_for(".file_view", id=row.id))]

    def show_size(self, row):
        return f"{max(row.size // 1024, 1):,} KB"

    def show_stored_as(self, row):
        return Markup("<code>{}</code>").format(row.stored_as)


class CannedReplyView(StaffView):
    """Answers that are given often."""

    plural = "Canned replies"
    lead = (
        "Chosen in the answer box of a ticket. {name} becomes the customer’s first name, {me} yours, "
        "{invoice} the number of the invoice."
    )
    can_create = can_edit = True
    default_sort = "title"
    column_list = ("title", "kind", "language", "active")
    column_filters_by = ("kind", "language", "active")
    form_columns = ("title", "body", "kind", "language", "active")


def banners(invoice):
    """[(sentence, address)] about open tickets of an invoice, for its page."""
    rows = list(tickets.about_invoice(invoice).limit(3))
    related.load(rows, [Ticket.contact])
    for row in rows:
        who = row.contact.name if row.contact_id else "Somebody"
        said = clocks.in_words(row, g.company, now=g.now) or "answered, not closed"
        text = f"{who} asked about this invoice {labels.ago(row.opened_at, g.now)}: “{row.subject}”, {said}."
        yield text, url_for("staff_ticket.details_view", id=row.id)
