"""The timeline of a customer: ``/staff/customer/<id>/timeline``, and its newest entries on their page.

Here: days, names of people, where an entry leads to. Not here: what there is (billing/timeline), looks
(templates/admin/_timeline.html).
"""

from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby

from flask import abort, g, request, url_for
from flask_admin import expose

from admin import base, finding, labels
from billing import timeline, words
from models import TABLES, Customer, Notice, Sighting, Staff

GROUPS = timeline.GROUPS
MODELS = {model._meta.table_name: model for model in TABLES}
NEWEST = 12  # on the customer's page
LONGEST_SEARCH = 200
KINDS = {
    "invoice": "Invoice", "payment": "Payment", "refund": "Refund", "credit": "Credit",
    "seen": "Opened", "inbound": "Incoming", "message": "Ticket", "call": "Call", "note": "Note",
    "promise": "Promise", "plan": "Plan", "dispute": "Dispute", "answer": "Answer", "event": "Change",
}  # fmt: skip


WAYS = {Notice.MAIL: "Email", Notice.PAPER: "Letter", Notice.TEXT: "Text"}


@dataclass(slots=True)
class Shown:
    """An entry as the page shows it."""

    entry: object
    kind: str
    title: str
    who: str
    url: str
    time: str


class TimelinePage:
    """Mixed into the home view."""

    @expose("/customer/<int:id>/timeline")
    def timeline(self, id):
        """Everything that happened with one customer, newest first."""
        row = (finding.as_id(id) and Customer.get_or_none(Customer.id == id)) or abort(404)
        group, typed = request.args.get("show", ""), request.args.get("q", "")[:LONGEST_SEARCH]
        before = request.args.get("before", "")[:80]
        page = timeline.page(row, group=group, text=typed, before=before)
        return self.render(
            "admin/timeline.html",
            row=row,
            days=days(page.entries),
            group=group if group in timeline.GROUPS else "",
            chips=_chips(row, group, typed),
            typed=typed,
            until=before if "~" not in before else "",
            is_first=not before,
            older=page.older and _address(row, group, typed, page.older),
            newest=_address(row, group, typed),
        )


def newest(customer):
    """The newest days of a customer for their page, as ``days`` gives them."""
    return days(timeline.page(customer, most=NEWEST).entries)


def _chips(row, group, typed):
    """(words, address, whether it is chosen) of each filter."""
    kinds = {"": "Everything", **timeline.GROUPS}
    chosen = group if group in kinds else ""
    return [(label, _address(row, key, typed), key == chosen) for key, label in kinds.items()]


def _address(row, group, typed, before=""):
    asked = {"show": group, "q": typed, "before": before}
    return url_for("staff.timeline", id=row.id, **{name: value for name, value in asked.items() if value})


# --- How entries are shown -----------------------------------------------------------------------


def days(entries):
    """[(heading, ISO day, [Shown])], newest first: two queries for the names, however many entries."""
    names = _names(entries)
    shown = [(_day(entry), _shown(entry, names)) for entry in entries]
    return [
        (_heading(day), day.isoformat(), [one for _, one in group])
        for day, group in groupby(shown, key=lambda pair: pair[0])
    ]


def _day(entry):
    return entry.at.date() if entry.is_day else labels.local(entry.at).date()


def _heading(day):
    if day == g.today:
        return "Today"
    if day == g.today - timedelta(days=1):
        return "Yesterday"
    return f"{day:%A}, {words.date(day)}"


def _shown(entry, names):
    return Shown(
        entry=entry,
        kind=WAYS[entry.row.channel] if entry.kind == "notice" else KINDS[entry.kind],
        title=entry.title.removeprefix(f"{g.company.name}: "),  # of a mail; here it tells nobody anything
        who=_who(entry, names),
        url=address(entry.row),
        time="" if entry.is_day else labels.moment(entry.at).rpartition(", ")[2],
    )


def _who(entry, names):
    """Who it came from, or who did it; empty where nobody did."""
    if entry.who:
        return f"{'from' if entry.toward == 'in' else 'by'} {entry.who}"
    done_by = names.get(entry.by) or labels.actor(entry.by)
    return f"by {done_by}" if done_by else ""


def _names(entries):
    """{"staff:ann@example.com": "Ann"} of all who did something, asked once."""
    emails = {entry.by.partition(":")[2] for entry in entries if entry.by.startswith("staff:")}
    rows = Staff.select(Staff.email, Staff.name).where(Staff.email.in_(list(emails))) if emails else ()
    return {f"staff:{row.email}": row.name for row in rows}


def address(row):
    """The page of what an entry is about; empty where there is none for this reader."""
    table, id, anchor = row._meta.table_name, row.id, None
    if table == "event":
        table, id = row.about_table, row.about_id
    elif table == "message":
        table, id, anchor = "ticket", row.ticket_id, f"message-{row.id}"
    elif isinstance(row, Sighting) and row.invoice_id:
        table, id = "invoice", row.invoice_id
    endpoint = _endpoint(table)
    return url_for(endpoint, id=id, _anchor=anchor) if endpoint else ""


def _endpoint(table):
    """Where a row of a table is shown, asked once in a request; empty where this reader may not look."""
    known = g.setdefault("endpoints", {"customer": "staff.customer"})
    if table not in known:
        view = base.screen(MODELS[table]) if table in MODELS else None
        known[table] = f"{view.endpoint}.details_view" if view and view.is_accessible() else ""
    return known[table]
