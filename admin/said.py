"""Full-text search for staff: ``/staff/said``, and the section of it among the answers of the search box.

Here: filters, addresses, who may read what. Not here: finding (billing/search), customers and numbers
(search.py).
"""

from dataclasses import dataclass

from flask import g, request, url_for
from flask_admin import expose

from admin import base, finding, labels
from admin.timeline import address
from billing import search
from models import Call, Customer, Inbound, Message, Note, Notice, SearchEntry

PAGE = 20
IN_SECTION = 5
IN_BOX = 3
LONGEST = 400
WORDS = {
    SearchEntry.MESSAGE: "Tickets",
    SearchEntry.CALL: "Calls",
    SearchEntry.NOTE: "Notes",
    SearchEntry.INBOUND: "Mail and texts to us",
    SearchEntry.SENT: "Messages from us",
}
MODELS = {
    SearchEntry.MESSAGE: Message, SearchEntry.CALL: Call, SearchEntry.NOTE: Note,
    SearchEntry.INBOUND: Inbound, SearchEntry.SENT: Notice,
}  # fmt: skip


@dataclass(frozen=True)
class Shown:
    """A hit as a page shows it."""

    hit: search.Hit
    kind: str
    title: str
    url: str
    when: str


class SaidPage:
    """Mixed into the home view."""

    @expose("/said")
    def said(self):
        """What was said by anybody, found by its words; narrowed to a kind or a customer."""
        typed, kind = request.args.get("q", "")[:LONGEST], request.args.get("kind", "")
        number = finding.as_id(request.args.get("customer", ""))
        customer = Customer.get_or_none(Customer.id == number) if number else None
        found = search.find(
            typed,
            kinds=_kinds(kind),
            customer=customer,
            limit=PAGE,
            before=request.args.get("before", "")[:20],
        )
        chips = [(label, _address(typed, key, customer), key == kind) for key, label in _choices()]
        return self.render(
            "admin/said.html",
            typed=typed,
            kind=kind,
            customer=customer,
            shown=[shown(hit) for hit in found.hits],
            chips=chips,
            everyone=_address(typed, kind, None),
            next=found.next and _address(typed, kind, customer, found.next),
            first="before" in request.args and _address(typed, kind, customer),
        )


def newest(typed, most=IN_SECTION):
    """The newest that was said by people with these words: for the search box and its page."""
    kinds = [kind for kind in search.SAID if kind in _readable()]
    return [shown(hit) for hit in search.find(typed, kinds=kinds, limit=most).hits]


def shown(hit):
    """A hit with its address and its moment."""
    kind = "Internal note" if hit.internal else KIND[hit.kind]
    title = hit.title.removeprefix(f"{g.company.name}: ")
    return Shown(hit, kind, title, address(hit.row), labels.moment(hit.at))


KIND = {
    SearchEntry.MESSAGE: "Ticket", SearchEntry.CALL: "Call", SearchEntry.NOTE: "Note",
    SearchEntry.INBOUND: "To us", SearchEntry.SENT: "From us",
}  # fmt: skip


def _readable():
    """The kinds whose rows this reader may open."""
    if "said_kinds" not in g:
        views = {kind: base.screen(model) for kind, model in MODELS.items()}
        g.said_kinds = [kind for kind, view in views.items() if view and view.is_accessible()]
    return g.said_kinds


def _kinds(kind):
    """Without a choice what people said: thousands of letters of ours tell the same words again and again."""
    return [one for one in _readable() if one == kind or (not kind and one in search.SAID)]


def _choices():
    return [("", "Said by people"), *((kind, WORDS[kind]) for kind in WORDS if kind in _readable())]


def _address(typed, kind, customer, before=""):
    asked = {"q": typed, "kind": kind, "customer": customer and customer.id, "before": before}
    return url_for("staff.said", **{name: value for name, value in asked.items() if value})
