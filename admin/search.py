"""The one search box: numbers, names, phones in any format, e-mail addresses, check numbers.

Here: which rows answer to what was typed, by kind. Not here: lists of one table (lists.py).
"""

import re
from dataclasses import dataclass

from flask import url_for
from peewee import fn

from admin import finding, menu
from admin.said import IN_BOX
from admin.said import newest as newest_said
from billing import words
from billing.money import format_cents
from models import Contact, Customer, Invoice, Payment, Site, Ticket

MOST = 8


@dataclass(frozen=True)
class Hit:
    """One answer: what it is called, what tells it apart, and where it leads."""

    kind: str
    title: str
    detail: str
    url: str
    exact: bool = False


def find(typed):
    """Hits for ``typed``, exact ones first: at most MOST of each kind."""
    text = finding.clean(typed)
    if not text:
        return []
    hits = [*_customers(text), *_invoices(text), *_payments(text), *_tickets(text), *_sites(text)]
    hits += [Hit("Page", entry.label, "of the back office", entry.url) for entry in menu.find(text)[:MOST]]
    seen = {}
    for hit in sorted(hits, key=lambda hit: not hit.exact):
        seen.setdefault(hit.url, hit)
    return list(seen.values())


# --- customers, by everything that people say of themselves ------------------------------------------


def _customers(text):
    by_number = Customer.select().where(Customer.account_number == text)
    yield from (_customer(row, row.street, exact=True) for row in by_number)
    if "@" in text:
        yield from _people(finding.begins(Contact.email, text.lower()), "email")
    elif phone := _phone(text):
        yield from _people(_digits(Contact.phone).contains(phone), "phone")
    named = Customer.select().order_by(Customer.name).limit(MOST)
    for word in text.split()[:6]:
        answer = finding.contains(Customer.name, word) | finding.begins(Customer.account_number, word)
        if _is_address(text):
            answer |= finding.contains(Customer.street, word)
        named = named.where(answer)
    yield from (_customer(row, f"{row.street}, {row.city}".strip(", ")) for row in named)
    if "@" not in text:
        yield from _people_named(text)


def _people_named(text):
    condition = Contact.left_on.is_null()
    for word in text.split()[:6]:
        condition &= finding.contains(Contact.name, word)
    yield from _people(condition, "name")


def _people(condition, what):
    rows = Contact.select(Contact, Customer).join(Customer).where(condition).limit(MOST)
    for contact in rows:
        told = getattr(contact, what)
        yield _customer(contact.customer, told if what == "name" else f"{contact.name}, {told}")


def _customer(row, detail, exact=False):
    return Hit("Customer", str(row), detail, url_for("staff.customer", id=row.id), exact)


def _is_address(text):
    """A house number and a street: 17 Oak."""
    return re.match(r"\d+\s+[^\W\d]", text) is not None


def _phone(text):
    """The digits of something that looks like a phone number, without the country's 1; else empty."""
    if not re.fullmatch(r"\+?[\d\s().\-/]{7,25}", text):
        return ""
    digits = re.sub(r"\D", "", text)
    digits = digits[1:] if len(digits) == 11 and digits[0] == "1" else digits
    return digits if len(digits) >= 7 else ""


def _digits(column):
    for mark in "()-. /+":
        column = fn.REPLACE(column, mark, "")
    return column


# --- everything with a number ------------------------------------------------------------------------


def _invoices(text):
    number = (
        finding.as_id(re.sub(r"\D", "", text)) if re.fullmatch(r"[A-Za-z#\-]{0,8}\s?\d{1,10}", text) else None
    )
    for row in (
        Invoice.select(Invoice, Customer).join(Customer).where(Invoice.number == number) if number else ()
    ):
        detail = f"{row.customer}, {format_cents(row.total_cents)}"
        if row.issued_on:
            detail += f", {words.short_date(row.issued_on)}"
        yield Hit("Invoice", str(row), detail, url_for("staff_invoice.details_view", id=row.id), exact=True)


def _payments(text):
    upper = text.upper()
    condition = (Payment.reference == upper) | (Payment.transaction_id == text)
    if re.fullmatch(r"[\w-]{2,30}", text):
        condition |= (Payment.check_number == text) & (Payment.check_number != "")
    rows = (
        Payment.select(Payment, Customer)
        .join(Customer)
        .where(condition)
        .order_by(Payment.id.desc())
        .limit(MOST)
    )
    for row in rows:
        detail = f"{row.customer}, {format_cents(row.amount_cents)}, {words.short_date(row.received_on)}"
        exact = upper == row.reference or text in (row.transaction_id, row.check_number)
        title = f"{row.method_label or row.kind.capitalize()} · {row.reference}"
        yield Hit("Payment", title, detail, url_for("staff_payment.details_view", id=row.id), exact)


def _tickets(text):
    number = finding.as_id(text.lower().removeprefix("ticket").strip(" #"))
    rows = Ticket.select(Ticket, Customer).join(Customer).where(Ticket.id == number) if number else ()
    for row in rows:
        yield Hit("Ticket", str(row), str(row.customer), url_for("staff_ticket.details_view", id=row.id))


def _sites(text):
    rows = Site.select(Site, Customer).join(Customer).limit(MOST)
    for word in text.split()[:6]:
        rows = rows.where(finding.contains(Site.street, word) | finding.contains(Site.name, word))
    for row in rows if len(text) > 2 else ():
        place = ", ".join(row.address_lines)
        yield Hit(
            "Site", f"{row.name}", f"{row.customer}, {place}", url_for("staff_site.details_view", id=row.id)
        )


def said(typed):
    """A few of the newest texts with these words, as Hits: for the suggestions below the box."""
    for one in newest_said(finding.clean(typed), IN_BOX):
        told = "".join(piece for piece, _ in one.hit.snippet)
        yield Hit(one.kind, words.clipped(one.title, 80), words.clipped(told, 90), one.url)


def only_exact(hits):
    """The one place that was surely meant, or None."""
    exact = [hit for hit in hits if hit.exact]
    if len(exact) == 1:
        return exact[0]
    return hits[0] if len(hits) == 1 else None
