"""Whether an invoice can be understood: what would confuse the reader, and how staff put it right.

Pure: a Paper holds everything that the customer will read, ``check`` names what is wrong with it. An invoice
that fails stays a draft (billing/bill.py) and is refused at issue (billing/invoices.py); what the company
itself lacks stops a bill run before it begins. What passes still asks more or less of its reader: its
``score`` is kept with it. Not here: what changed since last time (changes.py), whether clear invoices are
paid sooner (paid_sooner.py), looks.
"""

import json
import re
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from billing import words
from billing.money import format_cents

INVOICE, COMPANY, CUSTOMER = "the invoice", "the company", "the customer"


class Finding(NamedTuple):
    """One thing that would confuse: what the customer would wonder, what to do, and where it stands."""

    code: str
    sentence: str
    fix: str
    where: str = INVOICE


class Said(NamedTuple):
    """A line as the customer reads it. ``unexplained``: why its price is another one than last time."""

    text: str
    place: str = ""
    system: str = ""
    from_on: date | None = None
    to_on: date | None = None
    days: int | None = None
    of_days: int | None = None
    done_on: date | None = None
    work_order: str = ""
    quantity: int = 1
    unit_cents: int = 0
    amount_cents: int = 0
    discount_cents: int = 0
    discount_reason: str = ""
    tax_cents: int = 0
    tax_name: str = ""
    total_cents: int = 0
    is_recurring: bool = True
    unexplained: str = ""


@dataclass(frozen=True)
class Sender:
    """What of the company every invoice says."""

    name: str
    payable_to: str
    remit_lines: tuple
    phone: str = ""
    email: str = ""
    has_pay_link: bool = True


@dataclass(frozen=True)
class Paper:
    """Everything that an invoice says, before it is one."""

    sender: Sender
    customer_name: str
    address_lines: tuple
    due_on: date | None
    issued_on: date | None
    lines: tuple
    subtotal_cents: int
    discount_cents: int
    tax_cents: int
    total_cents: int
    note: str = ""
    po_number: str = ""


# --- What would confuse --------------------------------------------------------------------------

VAGUE = frozenset(
    "service services misc miscellaneous other others item items charge charges fee fees monthly various "
    "adjustment labor parts part work material materials general extra extras amount balance billing invoice "
    "product products subscription thing things see above same as before standard default".split()
)
FILLERS = frozenset("a an and for of the per our your on".split())
NET = re.compile(
    r"\b(?:net|due in)\s*\d{1,3}\b|\b\d{1,3}\s*(?:days?\s*)?net\b|\bEOM\b|\bupon receipt\b", re.I
)
CODE = re.compile(r"(?=.*[\d_-])[A-Z0-9][A-Z0-9_./#-]{2,}\Z|#?\d+\Z")
CONTROL = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]|_x00[01][0-9A-F]_"
)
GARBLED = re.compile(r"\ufffd|[ÃÂ][^A-Za-z\s]|â€|&(?:amp|lt|gt|quot|nbsp|#\d+);|</?[a-z]+[ />]", re.I)
PLACEHOLDER = re.compile(
    r"\{\{?\s*\w*\s*\}?\}|\[(?:name|text|todo|insert)[^]]*\]|\b(?:tbd|tba|lorem ipsum|undefined|xxx+)\b"
    r"|\A(?:none|null|nan|n/?a|test|\?+|-+|\.+)\Z",
    re.I,
)
CARD_FIELDS = re.compile(
    r"\bcvv2?\b|\bcvc\b|card (?:number|no\b)|\bexp(?:iry|iration)?\.? ?date\b|name on card", re.I
)
DIGITS = re.compile(r"(?<!\d)\d(?:[ -]?\d){12,18}(?!\d)")
FREE = re.compile(
    r"\b(?:free|included|no charge|waived|complimentary|courtesy|warranty|gratis|inclusive)\b", re.I
)
UNKNOWN = re.compile(
    r"(?:unknown(?: address)?|n/?a|tbd|none|see (?:file|notes?)|no address|same(?: as above)?|address|street"
    r"|xxx+|test|[?.\-x\s]*)\.?",
    re.I,
)
MOST_SHOWN = 12


def check(paper, *, sender_is_fine=False):
    """The Findings of an invoice, most important first; none when it is clear.

    sender_is_fine -- the company was checked before, as a bill run does once
    """
    found = [] if sender_is_fine else list(check_sender(paper.sender))
    found += [*_customer(paper), *_dates(paper), *_sums(paper)]
    for line in paper.lines:
        found += _line(line, paper)
    found += _look_alike(paper.lines)
    for text, where in ((paper.note, "the note"), (paper.po_number, "the PO number")):
        found += [finding._replace(where=where) for finding in _of_text(text)]
    return tuple(found)


def check_sender(sender):
    """What the company lacks to send any invoice that can be understood."""
    if not sender.name.strip() or sender.name == "Your company":
        yield Finding("no_name", "Nobody can tell who sends it.", "Enter the company’s name.", COMPANY)
    if not _is_address(sender.remit_lines):
        yield Finding(
            "no_remit_address", "Who pays by check does not know where to mail it.",
            "Enter the company’s address, or the one that checks go to: street, city, state and ZIP.",
            COMPANY,
        )  # fmt: skip
    if not sender.phone.strip() and not sender.email.strip():
        yield Finding(
            "no_contact", "Whoever has a question finds nobody to ask.",
            "Enter a phone number or a mail address that somebody reads.", COMPANY,
        )  # fmt: skip
    if not sender.has_pay_link:
        yield Finding(
            "no_pay_link", "There is no link to pay it.",
            "Set PORCHLIGHT_BASE_URL to the address that customers reach, so that links can be made.",
            COMPANY,
        )  # fmt: skip


def _is_address(lines):
    """A street and a town with a ZIP."""
    return (
        len(lines) >= 2 and bool(re.search(r"\d{5}", lines[-1])) and not UNKNOWN.fullmatch(lines[0].strip())
    )


def _customer(paper):
    if not paper.customer_name.strip() or UNKNOWN.fullmatch(paper.customer_name.strip()):
        yield Finding("no_customer", "It is addressed to nobody.", "Enter the customer’s name.", CUSTOMER)
    lines = [line.strip() for line in paper.address_lines[1:] if line.strip()]
    places = any("," in line.place for line in paper.lines)  # a site with its street says whose it is, too
    if not (lines or places) or any(UNKNOWN.fullmatch(line) for line in lines):
        yield Finding(
            "no_address", "The customer’s address is not known, so nobody can see that it is theirs.",
            "Enter the street and the town of the customer.", CUSTOMER,
        )  # fmt: skip
    for text in (paper.customer_name, *lines):
        if CONTROL.search(text) or GARBLED.search(text):
            yield Finding(
                "garbled", f"“{shown(text)}” has signs that cannot be read.",
                "Write the customer’s name and address anew.", CUSTOMER,
            )  # fmt: skip
            return


def _dates(paper):
    if paper.due_on is None:
        yield Finding("no_due_date", "Nobody can tell when it is due.", "Give it a due date.")
        return
    if paper.issued_on and paper.due_on < paper.issued_on:
        yield Finding(
            "due_before_issue",
            "It is due before it is issued.",
            "Check the customer’s terms: days from issue.",
        )
    last = max((line.done_on for line in paper.lines if line.done_on), default=None)
    if last and last > paper.due_on:
        yield Finding(
            "due_before_delivery",
            f"It is due on {words.date(paper.due_on)}, before the work of {words.date(last)} is done.",
            "Bill the work once it is done.",
        )


def _sums(paper):
    lines = paper.lines
    if not lines:
        yield Finding("no_lines", "It does not say what it is for.", "Discard it.")
        return
    for name, cents, added in (
        ("subtotal", paper.subtotal_cents, sum(line.amount_cents for line in lines)),
        ("discount", paper.discount_cents, sum(line.discount_cents for line in lines)),
        ("tax", paper.tax_cents, sum(line.tax_cents for line in lines)),
        ("total", paper.total_cents, sum(line.total_cents for line in lines)),
    ):
        if cents != added:
            yield Finding(
                "sums", f"Its {name} is {format_cents(cents)}, but the lines come to {format_cents(added)}.",
                "Discard it and bill it again.",
            )  # fmt: skip
            return


# --- Lines ---------------------------------------------------------------------------------------


def _line(line, paper):
    where = f"“{shown(line.text)}”"
    for finding in (*_text(line.text), *_of_text(line.discount_reason), *_of_text(line.system)):
        yield finding._replace(where=where)
    if line.is_recurring and not (line.from_on and line.to_on):
        yield Finding(
            "no_period",
            f"{where} does not say for which time it is.",
            "Bill it by a charge with periods.",
            where,
        )
    if not line.is_recurring and not line.done_on:
        yield Finding(
            "no_date",
            f"{where} does not say when it was done.",
            "Enter the day on which the work was done.",
            where,
        )
    yield from _amounts(line, where)
    if not line.place and line.is_recurring and len({other.place for other in paper.lines}) > 2:
        yield Finding(
            "no_place", f"{where} does not say which of the addresses it is for.",
            "Choose the site of this charge.", where,
        )  # fmt: skip
    if line.unexplained:
        yield Finding(
            "unexplained", f"{where}: {line.unexplained}",
            "Record the new price with “Change price” or “Price increase”, then bill it again.", where,
        )  # fmt: skip


def _amounts(line, where):
    expected = line.quantity * line.unit_cents
    is_part = line.days is not None and line.of_days is not None
    if line.amount_cents != expected and not is_part:
        yield Finding(
            "arithmetic",
            f"{where}: {line.quantity} × {format_cents(line.unit_cents)} is not "
            f"{format_cents(line.amount_cents)}.",
            "Discard it and bill it again.", where,
        )  # fmt: skip
    if line.amount_cents - line.discount_cents + line.tax_cents != line.total_cents:
        yield Finding(
            "arithmetic", f"{where}: amount, discount and tax do not come to its total.",
            "Discard it and bill it again.", where,
        )  # fmt: skip
    if line.discount_cents and not line.discount_reason.strip():
        yield Finding(
            "no_reason", f"{where} has a discount, and nothing says why and how long.",
            "Write the reason of the discount.", where,
        )  # fmt: skip
    if line.tax_cents and not line.tax_name.strip():
        yield Finding("no_tax_name", f"{where} has tax, and nothing says which.", "Name the tax rate.", where)
    nothing = line.amount_cents == 0 and not (FREE.search(line.text) or line.discount_reason)
    if nothing:
        yield Finding(
            "zero", f"{where} costs nothing, and nothing says why.",
            "Write that it is included or free, or end the charge.", where,
        )  # fmt: skip


@lru_cache(maxsize=4096)
def _text(text):
    """What is wrong with the words of a line; the same few texts come a thousand times in a bill run."""
    plain = text.strip()
    if not plain:
        return (Finding("vague", "A line has no words at all.", "Write what it is."),)
    found = list(_of_text(text))
    names = [word for word in re.findall(r"[a-z]+", plain.lower()) if word not in FILLERS]
    if not found and CODE.match(plain):
        found.append(
            Finding("code", f"“{shown(plain)}” is a code that only we understand.", "Write it in words.")
        )
    elif not found and len(names) <= 3 and all(name in VAGUE for name in names):
        found.append(
            Finding(
                "vague", f"“{shown(plain)}” does not say what was done.", "Write what it is, in plain words."
            )
        )
    return tuple(found)


@lru_cache(maxsize=4096)
def _of_text(text):
    """What no text of an invoice may have."""
    if not text:
        return ()
    found = []
    if CONTROL.search(text):
        found.append(Finding("control", "There are signs in it that nobody can see.", "Type the words anew."))
    if GARBLED.search(text):
        found.append(
            Finding("garbled", f"“{shown(text)}” has signs that cannot be read.", "Type the words anew.")
        )
    if PLACEHOLDER.search(text.strip()):
        found.append(
            Finding("placeholder", f"“{shown(text)}” was meant to be replaced.", "Write what it is.")
        )
    if NET.search(text):
        found.append(
            Finding(
                "net", f"“{shown(text)}”: nobody should have to count days.",
                "Leave it out: the due date stands there.",
            )
        )  # fmt: skip
    if CARD_FIELDS.search(text) or any(_is_card(number) for number in DIGITS.findall(text)):
        found.append(
            Finding(
                "card", "It asks for or shows a card number.",
                "Take it out: cards are entered on the pay page only.",
            )
        )  # fmt: skip
    return tuple(found)


def _is_card(number):
    digits = [int(sign) for sign in number if sign.isdigit()][::-1]
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0 and len(set(digits)) > 1


def _look_alike(lines):
    """Two lines that a reader cannot tell apart look like a mistake, even where they are none."""
    seen = set()
    for line in lines:
        told = (line.text.lower(), line.place, line.system, line.from_on, line.to_on, line.done_on,
                line.work_order, line.quantity, line.unit_cents)  # fmt: skip
        if told in seen:
            where = f"“{shown(line.text)}”"
            yield Finding(
                "look_alike",
                f"{where} stands there twice, word for word: it looks as if it was billed twice.",
                "Say what is different: name the system, or write it into the words of one of them.", where,
            )  # fmt: skip
            return
        seen.add(told)


def shown(text):
    """A text as it can be shown in a sentence."""
    return words.clipped("".join(sign if sign.isprintable() else "·" for sign in text.strip()), 60)


# --- How much it asks of its reader ---------------------------------------------------------------

BEST = 100
FEW_LINES, LONG_TEXT = 5, 80
MOST_OF_LINES = MOST_OF_PLACES = 15


class Burden(NamedTuple):
    """Something that takes a reader longer although it is right: in words, and what it costs of the score."""

    words: str
    points: int


def score(paper):
    """0 to 100: how little a clear invoice asks of its reader. 100 is a few lines that say it all."""
    return max(BEST - sum(burden.points for burden in burdens(paper)), 0)


def burdens(paper):
    """The Burdens of an invoice, the heaviest first; none when there is nothing to work out."""
    lines = paper.lines
    recurring = [line for line in lines if line.is_recurring]
    services = {(line.text, line.place, line.system) for line in recurring}
    more_lines = len(lines) - FEW_LINES
    more_places = len({line.place for line in lines if line.place}) - 1
    weighed = (
        Burden(words.plural(len(lines), "line"), min(3 * max(more_lines, 0), MOST_OF_LINES)),
        Burden("several addresses", min(5 * max(more_places, 0), MOST_OF_PLACES)),
        Burden("a part of a period", 10 * any(line.days is not None for line in recurring)),
        Burden("several periods of one service", 10 * (len(services) < len(recurring))),
        Burden("services and single work together", 5 * (0 < len(recurring) < len(lines))),
        Burden("a discount", 5 * any(line.discount_cents for line in lines)),
        Burden("several taxes", 5 * (len({line.tax_name for line in lines if line.tax_cents}) > 1)),
        Burden("long descriptions", 5 * any(len(line.text) > LONG_TEXT for line in lines)),
    )
    return tuple(sorted((one for one in weighed if one.points), key=lambda one: -one.points))


# --- Making a Paper ------------------------------------------------------------------------------


def paper(customer, lines, sender, *, issued_on, due_on, note="", unexplained=None, sums=None):
    """The Paper of lines that are rows or drafts of the bill step; nothing is read.

    unexplained -- {position in ``lines``: why its price is another one than last time}
    sums        -- an Invoice whose sums must agree with its lines; None: they are added up here
    """
    why = unexplained or {}
    said = tuple(_said(line, why.get(at, "")) for at, line in enumerate(lines))
    return Paper(
        sender=sender,
        customer_name=customer.name,
        address_lines=(customer.name, *customer.address_lines),
        due_on=due_on,
        issued_on=issued_on,
        lines=said,
        subtotal_cents=sums.subtotal_cents if sums else sum(line.amount_cents for line in said),
        discount_cents=sums.discount_cents if sums else sum(line.discount_cents for line in said),
        tax_cents=sums.tax_cents if sums else sum(line.tax_cents for line in said),
        total_cents=sums.total_cents if sums else sum(line.total_cents for line in said),
        note=note,
        po_number=customer.po_number,
    )


def _said(line, unexplained):
    return Said(
        line.text, line.site_text, line.system_text, line.from_on, line.to_on, line.days, line.of_days,
        line.done_on, line.work_order, line.quantity, line.unit_cents, line.amount_cents,
        line.discount_cents, line.discount_reason, line.tax_cents, line.tax_name, line.total_cents,
        line.charge_id is not None, unexplained,
    )  # fmt: skip


# --- Keeping -------------------------------------------------------------------------------------


def kept(findings):
    """Findings as a draft keeps them; "" for none."""
    if not findings:
        return ""
    return json.dumps([finding._asdict() for finding in findings[:MOST_SHOWN]], ensure_ascii=False)


def of_draft(invoice):
    """The Findings that a draft keeps."""
    return tuple(Finding(**row) for row in json.loads(invoice.unclear)) if invoice.unclear else ()


def sentence(findings):
    """All of it in one refusal: what is wrong and what to do."""
    parts = [f"{finding.sentence} {finding.fix}" for finding in findings[:3]]
    more = len(findings) - len(parts)
    return " ".join(parts) + (f" And {words.plural(more, 'more thing')}." if more > 0 else "")


def sender_of(company, *, has_pay_link=True):
    """The Sender of a Company row."""
    return Sender(
        name=company.name,
        payable_to=company.payable_to or company.legal_name or company.name,
        remit_lines=tuple(company.remit_lines),
        phone=company.phone,
        email=company.email,
        has_pay_link=has_pay_link,
    )
