"""The press: letters of notices as values, as pages, and bound with a cover sheet into the file of a batch.

Decides nothing: which letters, and in which order, stands in billing/printing.py. A letter is either a
document that has a design of its own (invoice, receipt, charge, contract's end) or the words of its mail.
"""

from dataclasses import dataclass
from urllib.parse import urlsplit

from billing import company as companies
from billing import letterheads, naming, printing, words
from billing.documents import autopay_documents, printed
from billing.edges import letters, pdf
from billing.editions import composing, on_paper
from billing.wording import tongues
from models import Notice, Template

OF_CONTRACTS = (Notice.RENEWAL, Notice.YEARLY_REMINDER)
ASKS = (Notice.REMINDER, Notice.OVERDUE, Notice.CHECK_IN, Notice.FRESH_LINK)


@dataclass(frozen=True)
class Letter:
    """One letter as values. ``text`` is what is kept of it; the secret part of links is left out.

    draw -- callable(document): how its pages are drawn
    """

    to: str
    zip: str
    address: str
    what: str
    subject: str
    text: str
    document: object
    draw: object


@dataclass(frozen=True)
class Said:
    """The values of templates/pdf/letter.html: the words of a mail on our paper."""

    said: on_paper.OnPaper
    company: letterheads.Letterhead
    customer_name: str
    account_number: str
    bill_to: tuple[str, ...]
    written_on: str
    why: str
    language: str
    account_words: str
    due_label: str
    scan_words: str
    pay_words: str
    pay_url: str = ""
    pay_code: str = ""
    code_words: str = ""
    slip: printed.InvoiceDocument | None = None

    @property
    def pay_host(self):
        """Where the square code leads, to be read."""
        return urlsplit(self.pay_url).netloc


class Press:
    """What ``printing.make`` draws with; one for each app."""

    def __init__(self, app):
        self.app = app

    def compose(self, notice, today, now):
        """The Letter of a notice as it stands. Raises BillingError when there is nothing to say any more."""
        context, urls, secrets = letters.for_paper(self.app, notice, now)
        tongue, customer = tongues.of(notice.customer), notice.customer
        kept = composing.compose(notice.kind, Template.MAIL, context, tongue, now=now)
        text = kept.text
        for secret in secrets:
            text = text.replace(secret, letters.HIDDEN)
        document, draw = _document(notice, context, urls, today, now)
        return Letter(
            to=customer.name,
            zip=customer.zip,
            address=", ".join([customer.name, *customer.address_lines]),
            what=what_of(notice),
            subject=kept.subject,
            text=text,
            document=document,
            draw=draw,
        )

    def draw(self, letter):
        """The pages of a letter."""
        return letter.draw(letter.document)

    def bind(self, batch, drawn, left_out, now):
        """(the bytes of the file, the page on which each piece begins)."""
        cover = cover_of(batch, drawn, left_out, now)
        parts = [pdf.cover_drawn(cover), *(done for _, _, done in drawn)]
        begins, first_pages = 1, []
        for part in parts:
            first_pages.append(begins)
            begins += 2 * ((len(part.pages) + 1) // 2)
        return pdf.bound(parts, cover.title), first_pages[1:]


def one_letter(app, notice, *, today, now):
    """(the bytes of its PDF, the Letter) of a notice by itself, for who prints it without a batch."""
    press = Press(app)
    letter = press.compose(notice, today, now)
    return pdf.written(press.draw(letter)), letter


def what_of(notice):
    """What a letter is, in a few words: “Reminder, invoice 10482”."""
    kind = dict(Notice.kind.choices)[notice.kind]
    if not notice.invoice_id:
        return kind
    number = naming.number(notice.invoice, companies.current())
    return f"Invoice {number}" if notice.kind == Notice.INVOICE else f"{kind}, invoice {number}"


def _document(notice, context, urls, today, now):
    """(the values of a letter, what draws them)."""
    if notice.kind == Notice.INVOICE:
        return context["document"], pdf.invoice_drawn
    if notice.kind == Notice.RECEIPT:
        return context["document"], pdf.receipt_drawn
    if notice.kind in OF_CONTRACTS:
        return context["document"], pdf.renewal_drawn
    if notice.kind == Notice.UPCOMING_CHARGE:
        return autopay_documents.charge_letter(notice, today=today, now=now), pdf.charge_letter_drawn
    return _said(notice, context, urls, today, now), pdf.letter_drawn


def _said(notice, context, urls, today, now):
    """The words of the mail, with a slip and a code where an invoice is asked for."""
    tongue, customer = tongues.of(notice.customer), notice.customer
    document = context.get("document")
    asks = notice.kind in ASKS and isinstance(document, printed.InvoiceDocument) and document.is_payable
    pay_url = urls.get("together_url") or urls.get("pay_url", "")
    is_spanish = tongue.code == "es"
    host = urlsplit(pay_url).netloc
    return Said(
        said=on_paper.written(notice.kind, context, tongue, now=now),
        company=context["company"],
        customer_name=customer.name,
        account_number=customer.account_number,
        bill_to=(customer.name, *customer.address_lines),
        written_on=tongue.date(today),
        why=tongue.say(notice.why),
        language=tongue.tag,
        account_words=f"{'Cuenta' if is_spanish else 'Account'} {customer.account_number}",
        due_label="Importe pendiente" if is_spanish else "Amount due",
        scan_words="Escanee\npara pagar" if is_spanish else "Scan\nto pay",
        pay_words=(
            f"Pague en línea: el código abre su enlace personal en {host}, sin contraseña. También puede "
            "decirnos allí si algo no está bien."
            if is_spanish
            else f"Online: the square code opens your own link at {host}, without a password. You can also "
            "tell us there if something is wrong."
        ),
        pay_url=pay_url,
        pay_code=urls.get("pay_code", ""),
        code_words=(
            f"¿Sin cámara? Escriba en {urls.get('pay_code_at')}:"
            if is_spanish
            else f"No camera? Type this at {urls.get('pay_code_at')}:"
        ),
        slip=document if asks and document.scan_line else None,
    )


# --- The cover sheet -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """One line of the cover sheet: a piece, or one that was left out."""

    place: int | None
    to: str
    zip: str
    what: str
    pages: int
    sheets: int
    why: str = ""


@dataclass(frozen=True)
class Class:
    """Envelopes of one thickness."""

    words: str
    pieces: int
    pages: int
    sheets: int
    places: str


@dataclass(frozen=True)
class Cover:
    """What the cover sheet says."""

    title: str
    company: letterheads.Letterhead
    made: str
    by: str
    pieces: tuple[Row, ...]
    certified: tuple[Row, ...]
    classes: tuple[Class, ...]
    left_out: tuple[Row, ...]

    @property
    def pages(self):
        return sum(row.pages for row in self.pieces)

    @property
    def sheets(self):
        return sum(row.sheets for row in self.pieces)


def cover_of(batch, drawn, left_out, now):
    """The Cover of a batch: its pieces in order, their counts, what was left out and why."""
    company = companies.current()
    rows = [
        Row(piece.place, letter.to, letter.zip, letter.what, piece.pages, piece.sheets)
        for piece, letter, _ in drawn
    ]
    certified = [row for row, (piece, _, _) in zip(rows, drawn, strict=True) if piece.certified]
    others = [row for row in rows if row not in certified]
    return Cover(
        title=f"Print batch {batch.id}",
        company=letterheads.of(company),
        made=words.moment(now, company.time_zone),
        by=batch.ordered_by.partition(":")[2] or batch.ordered_by,
        pieces=tuple(rows),
        certified=tuple(certified),
        classes=(*_classes(others), *_class("Certified mail", certified)),
        left_out=tuple(_left_out(piece) for piece in left_out),
    )


def _classes(rows):
    for at, (_, said) in enumerate(printing.CLASSES):
        yield from _class(said, [row for row in rows if printing.class_of(row.sheets) == at])


def _class(said, rows):
    if rows:
        first, last = rows[0].place, rows[-1].place
        places = str(first) if first == last else f"{first}–{last}"
        yield Class(said, len(rows), sum(r.pages for r in rows), sum(r.sheets for r in rows), places)


def _left_out(piece):
    customer = piece.notice.customer
    return Row(None, customer.name, customer.zip, what_of(piece.notice), 0, 0, piece.out_reason)
