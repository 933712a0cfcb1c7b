"""The menu beside every page of the back office: what is opened all day, and behind headings all the rest.

Here: which pages and tables whoever is signed in may open, and where they are now. The order of the tables
stands in views.py; how the menu looks, in ``templates/admin/staff.html``.
"""

from typing import NamedTuple

from flask import current_app, request, url_for

from admin import security, views

PAGES = (  # (label, endpoint, other endpoints of the same place): what is no table, in menu order
    ("Today", "staff.index", ()),
    ("Log a call", "staff.log_call", ()),
    ("Record payment", "staff.record_payment", ()),
    ("File from the bank", "staff.bank_file", ()),
    ("Bill run", "staff.bill_preview", ()),
    ("Letters to print", "staff.print_queue", ()),
    ("Collections", "staff.collections", ("staff.collections_case", "staff.clarity")),
    ("Messages held back", "staff.held", ()),
    ("Contract ends", "staff.contract_ends", ()),
    ("Texts of messages", "staff.wordings", ("staff.wording",)),
    ("Certificate", "staff.certificate", ()),
)


class Entry(NamedTuple):
    """One line of the menu; ``current`` is what aria-current says: page, true (a page within it) or empty."""

    label: str
    url: str
    current: str = ""


class Group(NamedTuple):
    """Entries under a heading; the closed ones open by a click, or when somebody is in one of them."""

    heading: str
    entries: list
    is_open: bool = True


def groups(view):
    """The Groups of whoever is signed in; the first has no heading. ``view`` is the screen being shown."""
    yield Group("", list(_pages()))
    for item in current_app.extensions["admin"][0].menu():
        if item.is_category() and (children := item.get_children()):
            entries = [_table(child, view) for child in children]
            opened = item.name == views.DAILY or any(entry.current for entry in entries)
            yield Group(item.name, entries, opened)


def find(typed):
    """The entries whose names have every word of ``typed`` in them."""
    asked = typed.casefold().split()
    named = [entry for group in groups(None) for entry in group.entries]
    return [entry for entry in named if all(word in entry.label.casefold() for word in asked)]


def _pages():
    for label, endpoint, within in PAGES:
        if security.may(endpoint):
            at = "page" if request.endpoint == endpoint else "true" if request.endpoint in within else ""
            yield Entry(label, url_for(endpoint), at)


def _table(item, view):
    url = item.get_url()
    inside = view is not None and item.is_active(view)
    return Entry(item.name, url, "page" if request.path == url else "true" if inside else "")
