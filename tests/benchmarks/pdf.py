"""An invoice as PDF against the leanest WeasyPrint page that we know, and a thousand on two cores.

The lean page has the same words, a logo, a QR code and a slip, in one style sheet that was parsed before,
with one font, fixed columns and no boxes beyond need: what is left is WeasyPrint itself.
"""

import multiprocessing
import subprocess
import time
from concurrent.futures import ProcessPoolExecutor
from html import escape

from billing.edges import pdf
from tests import sample_documents
from tests.benchmarks.measure import at_most, median_ms

MANY = 1_000
CORES = 2

LEAN_CSS = """
@page { size: Letter; margin: 0.5in 0.6in; font-family: Inter; @bottom-right { content: counter(page) } }
body { font: 9.5pt/1.4 Inter; margin: 0; color: #1f2933 }
h1 { font-size: 18pt; margin: 0 } .right { float: right; text-align: right }
table { width: 100%; table-layout: fixed; border-collapse: collapse; margin-top: 12pt }
td, th { text-align: left; padding: 3pt 0; border-bottom: .5pt solid #ccc } .n { text-align: right }
.slip { position: absolute; top: 6.7in; left: 0; right: 0; border-top: .7pt dashed #777 }
"""
LEAN_HTML = """<!doctype html><html lang="en"><head><title>Invoice 10482</title></head><body>
<svg width="90" height="24"><rect width="24" height="24" fill="#b45309"/><path d="M30 4h50v16H30z"/></svg>
<h1>{title}</h1><p>{above}</p><table><col style="width:75%"><col style="width:25%">{rows}</table>
<div class="slip"><img src="{qr}" width="80" alt="Pay online"><p>{below}</p></div></body></html>"""


def figures(_databases):
    """Warm, one core: milliseconds of one invoice; then a thousand invoices in two processes."""
    document = sample_documents.invoice()
    lean = _lean_page(document)
    ours, limit = _alternating(lambda: pdf.invoice_pdf(document), lean)
    yield at_most("One invoice as PDF, warm", ours, limit, 1.3)
    yield at_most(f"{MANY:,} invoices on {CORES} cores, each", _many(document), ours, 0.75)


def _alternating(ours, limit, rounds=5):
    """Medians of both, measured in turns: the machine is shared, and drifts."""
    pairs = [(median_ms(ours, times=7), median_ms(limit, times=7)) for _ in range(rounds)]
    return tuple(sorted(column)[rounds // 2] for column in zip(*pairs, strict=True))


def _lean_page(document):
    from weasyprint import CSS, HTML
    from weasyprint.text.fonts import FontConfiguration

    fonts = FontConfiguration()
    face = next(path for path in pdf.STATIC.glob("fonts/inter-regular.woff2"))
    source = f'@font-face {{ font-family: Inter; src: url("{face.as_uri()}") }}' + LEAN_CSS
    css = CSS(string=source, font_config=fonts)
    html = _lean_html(document)
    return lambda: HTML(string=html).write_pdf(stylesheets=[css], font_config=fonts, pdf_variant="pdf/ua-1")


def _lean_html(document):
    """Every word that our PDF prints, in as few boxes as carry them."""
    text = subprocess.run(
        ["pdftotext", "-layout", "-", "-"], input=pdf.invoice_pdf(document), capture_output=True, check=True
    ).stdout.decode()
    lines = [escape(" ".join(line.split())) for line in text.splitlines() if line.strip()]
    cut = len(lines) * 2 // 3  # about where the slip begins
    rows = [line.rpartition(" ") for line in lines[:cut] if "$" in line]
    return LEAN_HTML.format(
        title=lines[0],
        above="<br>".join(line for line in lines[1:cut] if "$" not in line),
        rows="".join(f"<tr><td>{words}<td class=n>{amount}</tr>" for words, _, amount in rows),
        below="<br>".join(lines[cut:]),
        qr=pdf.qr_uri(document.pay_url),
    )


def _many(document):
    """Milliseconds of wall time for each of MANY invoices, processes started and warm."""
    with ProcessPoolExecutor(CORES, mp_context=multiprocessing.get_context("spawn")) as pool:
        list(pool.map(pdf.invoice_pdf, [document] * CORES * 4))
        start = time.perf_counter()
        list(pool.map(pdf.invoice_pdf, [document] * MANY, chunksize=25))
        return (time.perf_counter() - start) * 1000 / MANY
