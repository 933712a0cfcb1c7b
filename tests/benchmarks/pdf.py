"""An invoice as PDF against the leanest WeasyPrint page that we know, and a thousand on two cores.

The lean page has the same words, a logo, a QR code and a slip, in one style sheet that was parsed before,
with one font, fixed columns and no boxes beyond need: what is left is WeasyPrint itself.
"""

import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor

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
<p class="right">{company}<br>12 Main Street<br>Austin, TX 78701</p>
<svg width="90" height="24"><rect width="24" height="24" fill="#b45309"/><path d="M30 4h50v16H30z"/></svg>
<h1>Invoice 10482</h1><p>Due December 16, 2026 &nbsp; Amount due $142.50</p>
<table><col style="width:46%"><col style="width:24%"><col style="width:10%"><col style="width:20%">
<tr><th>What<th>Period<th class="n">Quantity<th class="n">Amount</tr>{rows}</table>
<div class="slip"><p class="right"><img src="{qr}" width="80" alt="Pay online"></p>
<p>Please return this part with your check.<br>Amount due $142.50</p>
<p>PO Box 100<br>Austin, TX 78767</p><p>0000100101000001048200000142504</p></div></body></html>"""


def figures(_databases):
    """Warm, one core: milliseconds of one invoice; then a thousand invoices in two processes."""
    document = sample_documents.invoice()
    lean = _lean_page()
    ours, limit = _alternating(lambda: pdf.invoice_pdf(document), lean)
    yield at_most("One invoice as PDF, warm", ours, limit, 1.3)
    yield at_most(f"{MANY:,} invoices on {CORES} cores, each", _many(document), ours, 0.75)


def _alternating(ours, limit, rounds=5):
    """Medians of both, measured in turns: the machine is shared, and drifts."""
    pairs = [(median_ms(ours, times=7), median_ms(limit, times=7)) for _ in range(rounds)]
    return tuple(sorted(column)[rounds // 2] for column in zip(*pairs, strict=True))


def _lean_page():
    from weasyprint import CSS, HTML
    from weasyprint.text.fonts import FontConfiguration

    fonts = FontConfiguration()
    face = next(path for path in pdf.STATIC.glob("fonts/inter-regular.woff2"))
    source = f'@font-face {{ font-family: Inter; src: url("{face.as_uri()}") }}' + LEAN_CSS
    css = CSS(string=source, font_config=fonts)
    row = "<tr><td>Burglar alarm monitoring<td>December 1–31, 2026<td class=n>1<td class=n>$28.50</tr>"
    html = LEAN_HTML.format(
        company="Lantern Security", rows=row * 5, qr=pdf.qr_uri("https://pay.example/i/" + "x" * 43)
    )
    return lambda: HTML(string=html).write_pdf(stylesheets=[css], font_config=fonts, pdf_variant="pdf/ua-1")


def _many(document):
    """Milliseconds of wall time for each of MANY invoices, processes started and warm."""
    with ProcessPoolExecutor(CORES, mp_context=multiprocessing.get_context("spawn")) as pool:
        list(pool.map(pdf.invoice_pdf, [document] * CORES * 4))
        start = time.perf_counter()
        list(pool.map(pdf.invoice_pdf, [document] * MANY, chunksize=25))
        return (time.perf_counter() - start) * 1000 / MANY
