"""The phone in the back office: a call is logged in seconds, whose it was, what is still to be done.

Here: the form, its type-ahead, the screens and actions of calls, notes and sources. Not here: what a call
means for others (billing/calls), who may (security.py).
"""

import secrets
from dataclasses import dataclass

import flask_login
import wtforms
from flask import flash, g, jsonify, redirect, request, url_for
from flask_admin import expose
from markupsafe import Markup
from wtforms.validators import Length, Optional

from admin import finding, labels, related, security
from admin.actions import Action, text_field
from admin.base import StaffView
from admin.fields import DateInput, Filled, InstantInput, NumberInput, RowInput, plain_text
from admin.filters import Derived
from billing import calls, feeds, notes, phones, words
from billing.errors import BillingError
from models import Call, Contact, Customer

# What happened, as one choice: who called and what became of it.
WAYS = {
    "in-answered": "They called, we spoke",
    "out-answered": "We called, we spoke",
    "out-no_answer": "We called, nobody answered",
    "out-voicemail": "We called, left a message",
    "in-missed": "They called, we missed it",
    "in-voicemail": "They left a message",
    "in-wrong_number": "Wrong number",
}
MOST_WAITING = 5
NOBODY = "Nobody is called “{}”. Pick one of the list, or type the number of somebody unknown."


# --- Who is on the phone -------------------------------------------------------------------------


@dataclass(frozen=True)
class Caller:
    """A person or a customer whose call it is. ``id`` says which: c7 a customer, p7 a contact."""

    id: str
    customer: Customer
    contact: Contact | None = None

    def __str__(self):
        if self.contact is None:
            return str(self.customer)
        phone = f", {self.contact.phone}" if self.contact.phone else ""
        return f"{self.contact.name}{phone} – {self.customer}"


class Callers:
    """Type-ahead over everybody who may call: by phone number in any format, by name, by account."""

    MOST = 10

    @property
    def url(self):
        """Where the browser asks for suggestions."""
        return url_for("staff.callers")

    def get_one(self, id):
        """The Caller of c7 or p7, or None."""
        model = {"c": Customer, "p": Contact}.get(id[:1])
        number = finding.as_id(id[1:])
        row = model.get_or_none(model.id == number) if model and number else None
        if row is None:
            return None
        return Caller(id, row) if model is Customer else Caller(id, row.customer, row)

    def get_list(self, term):
        """Up to MOST Callers who answer to ``term``."""
        text = finding.clean(term)
        if phones.line(text):
            return [_of_contact(person) for person in calls.people_of(text)[: self.MOST]]
        if not text:
            return []
        people = Contact.select(Contact, Customer).join(Customer).where(Contact.left_on.is_null())
        customers = Customer.select().order_by(Customer.name)
        for word in text.replace("(", " ").replace(")", " ").replace("–", " ").replace(",", " ").split()[:6]:
            account = finding.begins(Customer.account_number, word)
            named = finding.contains(Customer.name, word) | account
            customers = customers.where(named)
            people = people.where(
                finding.contains(Contact.name, word) | finding.contains(Contact.email, word) | named
            )
        found = [_of_contact(person) for person in people.order_by(Contact.name).limit(self.MOST)]
        known = {one.customer.id for one in found}
        return found + [Caller(f"c{row.id}", row) for row in customers.limit(3) if row.id not in known]

    def find(self, typed):
        """The one Caller whom ``typed`` can mean, or None."""
        rows = self.get_list(typed)
        same = [row for row in rows if str(row) == typed]
        return same[0] if same else rows[0] if len(rows) == 1 else None

    def format(self, row):
        """(id, words) as the type-ahead shows them."""
        return row.id, str(row)


def _of_contact(person):
    return Caller(f"p{person.id}", person.customer, person)


def caller_number(typed):
    """What was typed into the search where it is a phone number; else empty."""
    return typed if phones.line(typed) else ""


# --- The form ------------------------------------------------------------------------------------


class WhoInput(RowInput):
    """Somebody we know, or a number of somebody we do not; nobody at all is fine, too."""

    def pre_validate(self, form):
        if self.data is None and self.typed and not self.number:
            raise wtforms.validators.StopValidation(NOBODY.format(words.clipped(self.typed, 40)))

    @property
    def number(self):
        """What was typed where it is a phone number; else empty."""
        digits = sum(sign.isdigit() for sign in self.typed or "")
        return self.typed if phones.line(self.typed or "") or (7 <= digits <= 15) else ""


def _choices(names):
    return [wtforms.SelectChoice(value=value, label=label) for value, label in names.items()]


class CallForm(wtforms.Form):
    """One call."""

    who = WhoInput(
        "Who", loader=Callers(), description="Number in any format, name or account. Empty: number withheld."
    )
    way = wtforms.RadioField("What happened", choices=_choices(WAYS), default="in-answered")
    note = wtforms.TextAreaField(
        "Note", [Optional(), Length(max=calls.LONGEST, message="At most 10,000 characters."), plain_text]
    )
    next_step = text_field("Next step", 255, optional=True)
    next_on = DateInput("On which day", [Optional()])
    started_at = InstantInput("When", [Optional()])
    minutes = NumberInput("Minutes", [Optional()])

    def validate_minutes(self, field):
        if field.data is not None and not 0 <= field.data <= 1440:
            raise wtforms.ValidationError("A call lasts from 0 minutes to a day.")


class CallPages:
    """Mixed into the home view: ``/staff/log-call``."""

    @expose("/log-call", methods=("GET", "POST"))
    def log_call(self):
        """Log a call: who, what happened, what is next. Nothing else is asked."""
        form = CallForm(request.form if request.method == "POST" else None)
        status = 200
        if request.method == "POST":
            status = 400
            if form.validate():
                try:
                    return _after(_logged(form))
                except BillingError as refusal:
                    flash(str(refusal), "error")
        elif caller := _asked_for():
            form.who.data = caller
        elif request.args.get("number"):
            form.who.typed = finding.clean(request.args["number"])
        customer = form.who.data and form.who.data.customer
        return self.render(
            "admin/call.html",
            form=form,
            customer=customer,
            waiting=list(calls.to_return().where(Call.customer == customer).limit(MOST_WAITING))
            if customer
            else [],
            click=request.form.get("click") or secrets.token_urlsafe(16),
        ), status

    @expose("/log-call/who")
    def callers(self):
        """Suggestions while somebody types."""
        loader = Callers()
        rows = map(loader.format, loader.get_list(request.args.get("query", "")))
        return jsonify([{"id": id, "text": text} for id, text in rows])


def _asked_for():
    contact, customer = request.args.get("contact", ""), request.args.get("customer", "")
    return Callers().get_one(f"p{contact}" if contact else f"c{customer}")


def _logged(form):
    direction, _, outcome = form.way.data.partition("-")
    who = form.who.data
    return calls.log(
        who.customer if who else None,
        contact=who.contact if who else None,
        number=form.who.number if who is None else "",
        direction=direction,
        outcome=outcome,
        note=form.note.data or "",
        next_step=form.next_step.data or "",
        next_on=form.next_on.data,
        started_at=form.started_at.data,
        seconds=form.minutes.data and 60 * form.minutes.data,
        staff=flask_login.current_user.row,
        key=request.form.get("click", "")[:60],
        by=g.by,
        today=g.today,
        now=g.now,
    )


def _after(call):
    flash(_logged_words(call), "success")
    if "ticket" in request.form and call.customer_id:
        return redirect(url_for("staff_call.act_view", action="ticket", id=call.id), 303)
    if "another" in request.form:
        return redirect(url_for("staff.log_call"), 303)
    if call.customer_id is None:
        return redirect(url_for("staff_call.details_view", id=call.id), 303)
    return redirect(url_for("staff.customer", id=call.customer_id), 303)


def _logged_words(call):
    said = "The call was logged."
    if settled := call.settled.count():
        said += f" It settles {words.plural(settled, 'call')} that waited."
    if call.next_on:
        said += f" “{call.next_step}” comes up on {words.date(call.next_on)}."
    elif call.customer_id is None and call.state == Call.TO_CALL:
        said += " It waits for somebody who knows whose it was."
    elif call.waits:
        said += " It waits to be called back."
    return said


# --- Actions -------------------------------------------------------------------------------------


class GiveForm(wtforms.Form):
    """Whose call it was."""

    who = RowInput("Whose call was it?", [Filled()], loader=Callers(), description="Name, account or number.")
    remember = wtforms.BooleanField(
        "Remember the number", description="It becomes this contact’s phone, if none is on file."
    )


class HowForm(wtforms.Form):
    """How it was dealt with."""

    how = text_field(
        "What was done about it", 255, hint="Such as: they wrote instead. Your colleagues will read it."
    )


class TicketForm(wtforms.Form):
    """The ticket of a call."""

    subject = text_field("Subject", 120, hint="The customer sees it.", to_customer=True)
    body = text_field(
        "What they said",
        10_000,
        control=wtforms.TextAreaField,
        hint="The customer sees it, too.",
        to_customer=True,
    )


class NoteForm(wtforms.Form):
    """A note for colleagues."""

    body = text_field(
        "Note", notes.LONGEST, control=wtforms.TextAreaField, hint="The customer never sees it."
    )
    pinned = wtforms.BooleanField("Keep it on top")


class WatchForm(wtforms.Form):
    """Whether the silence of a source counts."""

    watched = wtforms.BooleanField("Hold late notices while it is silent")
    limit_minutes = NumberInput("Trusted for (minutes)", [Filled()])


def _give(call, form):
    who = form.who.data
    calls.give(call, who.customer, contact=who.contact, remember=form.remember.data, by=g.by, now=g.now)
    return f"It was given to {who.customer.name}."


def _fill_give(form, rows):
    people = calls.people_of(rows[0].number)
    if form.who.typed is None and len(people) == 1:
        form.who.data = _of_contact(people[0])


def _candidates(call):
    people = calls.people_of(call.number)
    names = words.joined(f"{one.name} of {one.customer}" for one in people[:5])
    shown = phones.shown(call.number) if call.number else "number withheld"
    return f"{shown}; it may be {names}" if names else shown


def _done(call, form):
    calls.done(call, how=form.how.data, by=g.by, now=g.now)
    return "It is done."


def _ticket(call, form):
    ticket = calls.open_ticket(
        call, subject=form.subject.data, body=form.body.data, by=g.by, now=g.now, staff=None
    )
    return f"{ticket} was opened."


def _fill_ticket(form, rows):
    if form.body.data is None:
        form.body.data = rows[0].note
        form.subject.data = words.clipped(rows[0].note.partition("\n")[0], 80) or "Your call"


def _note(customer, form):
    notes.write(customer, form.body.data, pinned=form.pinned.data, by=g.by, now=g.now)
    return "The note is kept."


def _watch(feed, form):
    told = {"watched": form.watched.data, "limit_minutes": form.limit_minutes.data}
    feeds.set_watch(feed, by=g.by, now=g.now, **told)
    return "Its silence counts now." if form.watched.data else "Its silence no longer holds anything."


def _fill_watch(form, rows):
    if form.limit_minutes.raw_data is None:
        form.watched.data, form.limit_minutes.data = rows[0].watched, rows[0].limit_minutes


CALL = (
    Action(
        "give", "Whose call it was", _give, form=GiveForm, fill=_fill_give, bulk=False, tone="main",
        lead="It goes into their history, and waits to be called back if nobody did since.",
        fits=lambda call: call.customer_id is None, effect=_candidates,
    ),
    Action(
        "done", "Done", _done, form=HowForm,
        lead="Nobody has to be called about it any more. Reaching them by phone settles it by itself.",
        fits=lambda call: call.state == Call.TO_CALL, effect=lambda call: call.next_step or str(call),
    ),
    Action(
        "ticket", "Make a ticket", _ticket, form=TicketForm, fill=_fill_ticket, bulk=False,
        lead="What they want is answered in the ticket from now on; the call itself is done.",
        fits=lambda call: call.customer_id is not None and call.ticket_id is None,
    ),
)  # fmt: skip
CUSTOMER = (Action("note", "Write a note", _note, form=NoteForm, bulk=False, lead="For colleagues only."),)
NOTE = (
    Action(
        "pin", "Keep on top", lambda note, form: notes.pin(note, pinned=True, by=g.by, now=g.now) and None,
        done="It stands above the others.", fits=lambda note: not note.pinned,
    ),
    Action(
        "unpin", "Not on top", lambda note, form: notes.pin(note, pinned=False, by=g.by, now=g.now) and None,
        done="It stands among the others.", fits=lambda note: note.pinned,
    ),
)  # fmt: skip
FEED = (
    Action(
        "watch", "Watch it, or not", _watch, form=WatchForm, fill=_fill_watch, bulk=False,
        lead="While a watched source is silent we cannot know whether a customer asked us something, so "
        "nothing that presses them leaves. Watch what is heard from regularly, and nothing else.",
    ),
)  # fmt: skip


# --- Screens -------------------------------------------------------------------------------------


def _step_due(at):
    due = at(Call.next_on).is_null() | (at(Call.next_on) <= g.today)
    return (at(Call.state) == Call.TO_CALL) & (at(Call.next_step) != "") & due


WORK = {
    "to_return": (
        "To call back",
        lambda at: (at(Call.state) == Call.TO_CALL) & at(Call.waits) & (at(Call.next_step) == "")
        & at(Call.customer).is_null(False),
    ),
    "steps_due": ("Next steps that are due", _step_due),
    "unmatched": (
        "Whose call was it?", lambda at: (at(Call.state) == Call.TO_CALL) & at(Call.customer).is_null()
    ),
    "later": (
        "Next steps of later",
        lambda at: (at(Call.state) == Call.TO_CALL) & (at(Call.next_on) > g.today),
    ),
}  # fmt: skip


class CallView(StaffView):
    """Every call, in and out, and what is still to be done about it."""

    plural = "Calls"
    column_list = ("started_at", "who", "direction", "outcome", "state", "next_step", "next_on", "note")
    computed = ("who",)
    column_labels = {
        "started_at": "When", "who": "Who", "next_on": "On", "seconds": "Length", "by": "Logged by",
        "staff": "Spoke", "waits": "They wait for us",
        "done_how": "What was done", "done_with": "Settled by", "logged_at": "Logged",
    }  # fmt: skip
    column_filters_by = (
        Derived("work", "Work", Call.state, WORK), "direction", "outcome", "state", "customer", "staff",
        "started_at",
    )  # fmt: skip
    search_by = (Call.number,)
    default_sort = "-started_at"
    actions = CALL

    @property
    def lead(self):
        """What waits here, and where lists of other systems are read."""
        told = Markup("A call that nobody answered waits here until somebody reached them, or says why not.")
        if not security.may("staff.call_list"):
            return told
        return told + Markup(' <a href="{}">Read a list of calls</a>').format(url_for("staff.call_list"))

    def more_links(self, row):
        """Calling back is logged from here."""
        if row.customer_id is None:
            return []
        whose = {"contact": row.contact_id} if row.contact_id else {"customer": row.customer_id}
        return [("Log a call with them", url_for("staff.log_call", **whose))]

    def get_details_columns(self):
        """Where a call came from is of no use to people."""
        return [one for one in super().get_details_columns() if one[0] not in ("source_id", "who")]

    def heading(self, row):
        name = row.customer.name if row.customer_id else self._unknown(row)
        return f"{name}: {row}"

    def show_who(self, row):
        if row.customer_id is None:
            return self._unknown(row)
        return row.contact.name if row.contact_id else row.customer.name

    def plain_who(self, row):
        return self.show_who(row)

    @staticmethod
    def _unknown(row):
        return " ".join(filter(None, (phones.shown(row.number) or "Number withheld", row.caller)))

    def show_number(self, row):
        if not row.number:
            return "Withheld"
        if not phones.line(row.number):
            return row.number
        return Markup('<a class="phone" href="tel:{}">{}</a>').format(row.number, phones.shown(row.number))

    def show_seconds(self, row):
        if row.seconds is None:
            return labels.EMPTY
        return f"{row.seconds // 60}:{row.seconds % 60:02} minutes"

    def show_state(self, row):
        if row.state == Call.DONE:
            return labels.badge("done", "plain")
        return (
            labels.badge("to call back", "open")
            if row.waits and not row.next_step
            else labels.badge("to do", "wait")
        )

    def prepare(self, rows):
        super().prepare(rows)
        related.load(rows, [Call.customer, Call.contact])


class NoteView(StaffView):
    """What staff noted about customers."""

    plural = "Notes"
    lead = "For colleagues only. A note is written from the page of its customer."
    column_list = ("at", "customer", "body", "pinned", "by")
    column_labels = {"at": "Written", "by": "By", "body": "Note", "pinned": "On top"}
    column_filters_by = ("customer", "pinned", "at")
    actions = NOTE


class FeedView(StaffView):
    """When what customers tell us by was last heard from."""

    plural = "Sources"
    lead = "While a watched one of these is silent, a customer’s question may lie in it unread."
    column_list = ("name", "beat_at", "watched", "limit_minutes", "trouble", "tried_at")
    column_labels = {
        "beat_at": "Last heard", "tried_at": "Last tried", "limit_minutes": "Trusted for (minutes)",
        "watched": "Watched",
    }  # fmt: skip
    actions = FEED
