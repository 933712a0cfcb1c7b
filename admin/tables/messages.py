"""Messages, links, preferences and consents: what their screens need beyond the generator."""

from flask import url_for
from markupsafe import Markup

from admin import (
    actions,
    labels,
    outbox,
    security,
)
from admin.base import StaffView
from billing import words
from models import Invoice, Notice


class NoticeView(StaffView):
    """Every message that we sent or will send."""

    column_list = ("created_at", "kind", "customer", "about", "channel", "state", "reason", "sent_at")
    column_labels = {"created_at": "Queued", "about": "Invoice", "why": "Why it was sent"}
    computed = ("about",)
    column_filters_by = (
        "state", "kind", "channel", "customer", "contact", "invoice", "created_at", "sent_at",
    )  # fmt: skip
    actions = (*outbox.DRAFT, *actions.NOTICE, outbox.PROOF)
    inline = ("gate_overrides", "offers", "citations", "said_too")

    def more_links(self, row):
        links = (
            [("Invoice PDF", url_for("staff_invoice.pdf_view", id=row.invoice_id))] if row.invoice_id else []
        )
        if self._is_to_read(row):
            links.insert(0, ("Read and send", url_for("staff.personal", id=row.id)))
        return links

    def row_url(self, row):
        """A draft opens where it is read and sent."""
        return url_for("staff.personal", id=row.id) if self._is_to_read(row) else super().row_url(row)

    def _is_to_read(self, row):
        is_personal = row.state == Notice.DRAFT and row.kind == Notice.CHECK_IN
        return is_personal and security.may("staff.personal")

    def bulk_actions(self, rows):
        """Those that one row of the page at least is for: drafts are no paper to be marked as printed."""
        return [one for one in super().bulk_actions(rows) if any(map(one.fits, rows))]

    def get_details_columns(self):
        """One row names its invoice among its fields."""
        return [column for column in super().get_details_columns() if column[0] not in self.computed]

    def prepare(self, rows):
        super().prepare(rows)
        columns = (Invoice.id, Invoice.number, Invoice.state, Invoice.open_cents)
        query = Invoice.select(*columns).where(Invoice.id.in_({row.invoice_id for row in rows}))
        found = {invoice.id: invoice for invoice in query}
        for row in rows:
            row.told_of = found.get(row.invoice_id)  # not in place of the invoice: this has not all of it

    def show_about(self, row):
        """The invoice, and what of it is open today."""
        if not (invoice := row.told_of):
            return labels.EMPTY
        address = url_for("staff_invoice.details_view", id=invoice.id)
        name = Markup('<a href="{}">{}</a>').format(address, invoice.number or "Draft")
        if invoice.state != Invoice.ISSUED or not invoice.open_cents:
            return name
        return Markup('{}<br><span class="soft">{}&nbsp;open</span>').format(
            name, labels.cents(invoice.open_cents)
        )

    def plain_about(self, row):
        return str(row.told_of.number or "") if row.told_of else ""

    def show_body_html(self, row):
        return (
            labels.EMPTY if not row.body_html else f"{words.plural(len(row.body_html), 'character')} of HTML"
        )


class LinkView(StaffView):
    """Capability links: that they exist, never what they are."""

    column_list = (
        "purpose", "customer", "invoice", "created_at", "expires_at", "revoked_at",
    )  # fmt: skip
    actions = actions.LINK


class PreferenceView(StaffView):
    """What contacts want to hear, how, and when; chosen by themselves."""

    column_list = ("contact", "event", "channel", "timing", "days_ahead", "changed_at")
    column_filters_by = ("event", "channel", "timing", "changed_at")


class PreferenceChangeView(StaffView):
    """Every choice that was ever made, by whom and how."""

    plural = "Changes of preferences"
    column_list = ("at", "contact", "event", "channel", "timing", "via", "by", "reason")
    column_filters_by = ("event", "channel", "via", "at")


class ConsentView(StaffView):
    """Permissions that the law wants in writing, with their words. Given and ended, never edited."""

    column_list = ("contact", "kind", "address_or_number", "given_at", "source", "withdrawn_at")
    column_filters_by = ("kind", "source", "given_at", "withdrawn_at")
