"""Documents as PDF: US Letter, tagged (PDF/UA-1), the same bytes for the same document on every machine.

Draws what billing/documents/ says and decides nothing. WeasyPrint is imported at the first PDF only: it
costs half a second. Nothing is fetched: the fonts are read from static/fonts when the style is parsed, a logo
and the QR code are data: URIs, and every other address is refused.
"""

import atexit
import logging
import re
from functools import cache
from io import BytesIO
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from billing import letterheads, money, words
from billing.wording import finished, tongues
from models import Difference

_log = logging.getLogger(__name__)
VARIANT = "pdf/ua-1"
ROOT = Path(__file__).parents[2]
STATIC = ROOT / "static"
FONTS = {path.as_uri(): path for path in sorted((STATIC / "fonts").glob("*.woff2"))}


FEW_LINES = 12  # more of them never fit on page 1, so the quick way is not tried


def invoice_pdf(document):
    """The bytes of an InvoiceDocument as PDF, with remittance slip and QR code while something is due."""
    return written(invoice_drawn(document))


def invoice_drawn(document):
    """An InvoiceDocument as WeasyPrint drew it: its ``pages`` may stand in a file with others (``bound``).

    Most invoices fit on one page and are drawn the quick way; one that turns out longer is drawn again
    with its slip as a footnote of page 1.
    """
    qr = qr_uri(document.pay_url) if document.is_payable else ""
    told = {"qr": qr, "reads": document.language}
    if len(document.items) <= FEW_LINES:
        drawn = _render("pdf/invoice.html", document, styles=("invoice", "single"), single=True, **told)
        if len(drawn.pages) == 1:
            return drawn
    return _render("pdf/invoice.html", document, single=False, **told)


def receipt_pdf(document):
    """The bytes of a ReceiptDocument as PDF."""
    return written(receipt_drawn(document))


def receipt_drawn(document):
    """A ReceiptDocument, drawn."""
    return _render("pdf/receipt.html", document, reads=document.language)


def statement_pdf(document):
    """The bytes of a StatementDocument as PDF."""
    return written(_render("pdf/statement.html", document, reads=document.language))


def charge_letter_drawn(document):
    """A autopay_documents.ChargeLetter, drawn."""
    return _render("pdf/charge_letter.html", document, reads=document.language)


def certificate_pdf(certificate, *, company, code):
    """The bytes of a certificates.Certificate as PDF; ``code`` is its seal, empty when it certifies nothing.

    company -- the Letterhead row of the books, whose clock the times are told by
    """
    zone = company.time_zone
    return written(
        _render(
            "pdf/certificate.html",
            certificate,
            styles=("certificate",),
            company=letterheads.of(company),
            code=code,
            kinds=dict(Difference.kind.choices),
            made=words.moment(certificate.made_at, zone),
            looked=words.moment(certificate.looked_at, zone) if certificate.looked_at else "",
        )
    )


def evidence_pdf(document):
    """The bytes of an Evidence as PDF."""
    return written(_render("pdf/evidence.html", document))


def renewal_drawn(document):
    """A RenewalDocument, drawn."""
    return _render("pdf/renewal.html", document, styles=("invoice", "letter"))


def letter_drawn(letter):
    """A print_batches.Letter, drawn: the words of a mail on our paper, with the slip where money is asked."""
    qr = qr_uri(letter.pay_url)
    return _render("pdf/letter.html", letter, styles=("invoice", "letter"), qr=qr)


def cover_drawn(cover):
    """The cover sheet of a print batch, drawn."""
    return _render("pdf/batch.html", cover, styles=("invoice", "batch"))


def bound(parts, title):
    """Drawn documents as one file with a ``title``; pages keep the numbers with which they were drawn.

    Each document begins on the front of a sheet: an empty page follows an odd number of them.
    """
    blank = _render("pdf/blank.html", None, styles=("batch",)).pages[0]
    pages = []
    for drawn in parts:
        pages += drawn.pages
        if len(drawn.pages) % 2:
            pages.append(blank)
    whole = parts[0].copy(pages)
    whole.metadata.title = title
    return written(whole)


def plan_pdf(document):
    """The bytes of a plans.agreement.Agreement."""
    return written(_render("pdf/plan.html", document, styles=("invoice", "letter")))


def authority_pdf(document):
    """The bytes of an authorities.AuthorityLetter."""
    return written(_render("pdf/authority.html", document, styles=("invoice", "letter")))


def proof_pdf(document):
    """The bytes of a proof.ProofPack, not sealed yet."""
    return written(_render("pdf/proof.html", document, styles=("invoice", "letter")))


def qr_uri(text):
    """``text`` as a QR code: a data: URI of a PNG with one bit for each pixel; "" for no text.

    The mask is fixed: trying all eight takes four times as long and no reader notices.
    """
    import segno

    if not text:
        return ""
    code = segno.make(text, micro=False, mask=2, boost_error=False, error="m")
    return code.png_data_uri(scale=4, border=1)


def _render(template, document, *, styles=("invoice",), reads="en", **more):
    from weasyprint import HTML

    html = _said(_templates().get_template(template).render(document=document, **more), document, reads)
    sheets, fonts = _style()
    styles = (*styles[:1], *(("spanish",) if reads == "es" else ()), *styles[1:])
    page = HTML(string=html, url_fetcher=_fetcher({}))
    return page.render(stylesheets=[sheets[name] for name in styles], font_config=fonts, pdf_variant=VARIANT)


def _said(html, document, reads):
    """The page in the language of whom the document is for, where all of it can be said; else in English."""
    tongue = tongues.TONGUES[reads]
    if tongue.code != "en":
        try:
            return finished.spoken(html, tongue, finished.names_of(document.company))
        except finished.NotWhole:
            _log.info("A %s is not whole in %s", type(document).__name__, tongue.name)
    return finished.unmarked(html)


def written(drawn):
    """The bytes of one drawn document."""
    return drawn.write_pdf(pdf_variant=VARIANT)


@cache
def _templates():
    loaded = Environment(
        loader=FileSystemLoader(ROOT / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    loaded.filters.update(words.FILTERS, money=money.format_cents, theirs=finished.theirs)
    loaded.filters.update(reason=finished.reason, ours_until=finished.ours_until)
    return loaded


# For an invoice on one page: the slip keeps its room in the flow and lies where the paper is cut.
SINGLE = """
@page :first { @top-right { content: none } }
.slip { float: none; position: static }
.slip .sheet { top: 7.1in }
"""


SPANISH = """
@page :first { @top-right { content: "Página " counter(page) " de " counter(pages) } }
@page { @bottom-right { content: "Página " counter(page) " de " counter(pages) } }
"""


@cache
def _style():
    """The parsed style sheets and the fonts that they name, once for each process."""
    from weasyprint import CSS
    from weasyprint.text.fonts import FontConfiguration

    fonts = FontConfiguration()
    atexit.register(_style.cache_clear)  # removes temporary font files while that is still possible
    tokens = (STATIC / "tokens.css").read_text("utf-8")
    sheets = {
        name: CSS(
            string=with_tokens((STATIC / f"{name}.css").read_text("utf-8"), tokens),
            base_url=STATIC.as_uri() + "/",
            font_config=fonts,
            url_fetcher=_fetcher(FONTS),
        )
        for name in ("invoice", "certificate", "letter", "batch")
    }
    added = {"single": SINGLE, "spanish": SPANISH}
    return {**sheets, **{name: CSS(string=text, font_config=fonts) for name, text in added.items()}}, fonts


def with_tokens(style, tokens):
    """``style`` with every ``var(--name)`` replaced by the light value that ``tokens`` gives it.

    Paper is always light, and looking names up again for every box is slow.
    """
    light = tokens.partition("@media")[0]
    values = dict(re.findall(r"(--[\w-]+):\s*([^;]+);", light))
    return re.sub(r"var\((--[\w-]+)\)", lambda match: values[match[1]], style)


def _fetcher(files):
    """A WeasyPrint fetcher that knows data: URIs and exactly these ``files`` ({uri: path})."""
    from weasyprint.urls import URLFetcher, URLFetcherResponse

    class Closed(URLFetcher):
        def fetch(self, url, headers=None):
            if url in files:
                return URLFetcherResponse(url, BytesIO(files[url].read_bytes()))
            if url.startswith("data:"):
                return super().fetch(url, headers)
            raise ValueError("a document may not fetch anything")

    return Closed(allowed_protocols={"data"}, allow_redirects=False)
