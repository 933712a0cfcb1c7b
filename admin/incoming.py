"""What came in by mail and text, and the addresses that mail comes back from: what staff do about them.

Here: the screens and the one call of each act. Not here: what a message means (billing/inbound.py,
billing/texts), who may (security.py).
"""

import wtforms
from flask import g, url_for
from markupsafe import Markup

from admin import finding, labels
from admin.actions import Action, Reason
from admin.base import StaffView
from admin.fields import Filled, RowInput
from billing import inbound, words
from billing.notices import bouncing
from models import Contact, Inbound


def _people():
    """Type-ahead over contacts, by name, address or customer."""
    return finding.Loader(
        Contact, finding.searched(Contact), lambda: url_for("staff_inbound.ajax_lookup", name="contact")
    )


class _People:
    """The same, made when it is asked: the screens are not there yet at import."""

    def __getattr__(self, name):
        return getattr(_people(), name)


class GiveForm(wtforms.Form):
    """Whose it is."""

    contact = RowInput("Contact", [Filled()], loader=_People(), description="Name or email address.")


def _fill(form, rows):
    if form.contact.typed is None and rows[0].contact_id:
        form.contact.data = rows[0].contact


def _give(row, form):
    ticket = inbound.give(row, form.contact.data, by=g.by, now=g.now)
    return f"It was given to {form.contact.data.name}: {ticket}."


def _dismiss(row, form):
    inbound.dismiss(row, form.reason.data, by=g.by, now=g.now)
    return "It was put aside."


def _waits(row):
    return row.state == Inbound.WAITING


def _effect(row):
    return f"{row.sender}: {words.clipped(' '.join(row.body.split()), 160)}"


INBOUND = (
    Action(
        "give",
        "Give to a contact",
        _give,
        form=GiveForm,
        fill=_fill,
        lead="It becomes a message of this contact's ticket about the same thing, or a new ticket. It then "
        "waits for our answer, and nothing past due is asked for meanwhile.",
        fits=_waits,
        effect=_effect,
        bulk=False,
        tone="main",
    ),
    Action(
        "dismiss",
        "Put aside",
        _dismiss,
        form=Reason,
        lead="Nothing follows from it. It stays here, with your reason.",
        fits=_waits,
        effect=_effect,
    ),
)
CONTACT = (
    Action(
        "reached",
        "Mail arrives again",
        lambda contact, form: bouncing.works_again(contact, by=g.by, now=g.now),
        lead="Mail is sent to this address again. Use it when they told you that the mailbox works; a new "
        "address is better typed under Edit.",
        done="Mail goes to {row} again.",
        fits=lambda contact: contact.bounced_at is not None,
        effect=lambda contact: contact.email,
    ),
)


class InboundView(StaffView):
    """What customers wrote to us, and what mail servers reported; each message once."""

    plural = "Incoming messages"
    lead = "Answers become tickets by themselves. What nobody could match waits here for you."
    column_list = ("received_at", "sender", "subject", "kind", "state", "customer", "result")
    column_labels = {
        "received_at": "Came", "sender": "From", "recipient": "To", "result": "What became of it",
        "body": "Message", "notice": "Answers", "handled_at": "Handled",
    }  # fmt: skip
    column_filters_by = ("state", "kind", "channel", "customer", "contact", "received_at")
    search_by = (Inbound.sender, finding.Anywhere(Inbound.subject))
    actions = INBOUND

    def get_details_columns(self):
        """What was said first; its number in the world of mail is of no use to people."""
        columns = [one for one in super().get_details_columns() if one[0] != "source_id"]
        return sorted(columns, key=lambda one: one[0] != "body")

    def heading(self, row):
        return str(row)

    def show_subject(self, row):
        return row.subject or Markup('<span class="soft">{}</span>').format(words.clipped(row.body, 60))

    def show_handled_by(self, row):
        return labels.person(row.handled_by) or labels.EMPTY
