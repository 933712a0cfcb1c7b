"""Documents on paper: complete, tagged, in place for the windows, the same bytes every time, and closed to
the outside. Any word from WeasyPrint's log fails a test here: it is how lost fonts and styles show.
"""

import base64
import hashlib
import logging
import re
import subprocess
import sys
from dataclasses import replace
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from billing import letterheads, remittance
from billing.documents import printed
from billing.edges import pdf
from tests import sample_documents as samples

POINTS = 72  # to the inch


@pytest.fixture(autouse=True)
def weasyprint_says_nothing(caplog):
    """WeasyPrint reports what it cannot draw to its log only. A test that expects that clears the log."""
    with caplog.at_level(logging.WARNING, logger="weasyprint"):
        yield
    assert [r.getMessage() for r in caplog.get_records("call") if r.name == "weasyprint"] == []


def invoice_of(count, **fields):
    """An invoice with ``count`` equal lines at one place."""
    items = tuple(samples.item(f"Monitoring of building {n}", 1000) for n in range(count))
    places = (printed.Place("18 Elm Street, Austin, TX 78704", items),)
    return samples.simple_invoice(sections=(printed.Section("Recurring services", places),), **fields)


def tool(*args, data=None):
    """What a poppler tool says about a PDF given on its standard input."""
    return subprocess.run(args, input=data, capture_output=True, check=True).stdout.decode()


def text_of(data, *options):
    return tool("pdftotext", "-layout", *options, "-", "-", data=data)


def info_of(data):
    lines = tool("pdfinfo", "-", data=data).splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def words_of(data, page=1):
    """(text, left, top, right, bottom) in inches of every word of a page."""
    boxes = tool("pdftotext", "-bbox", "-f", str(page), "-l", str(page), "-", "-", data=data)
    found = re.findall(r'<word xMin="(.+?)" yMin="(.+?)" xMax="(.+?)" yMax="(.+?)">(.*?)</word>', boxes)
    return [(text, *(float(edge) / POINTS for edge in edges)) for *edges, text in found]


def within(words, left, top, right, bottom):
    """True when all words lie in a rectangle, in inches from the top left edge of the paper."""
    return all(w[1] >= left and w[2] >= top and w[3] <= right and w[4] <= bottom for w in words)


def pictures(data):
    return len(tool("pdfimages", "-list", "-", data=data).splitlines())


def tree_of(data, tmp_path):
    """The structure tree with its text, as a reader for the blind walks it."""
    path = tmp_path / "document.pdf"
    path.write_bytes(data)
    return tool("pdfinfo", "-struct-text", str(path))


# --- What it says --------------------------------------------------------------------------------


def test_an_invoice_on_paper_says_everything_on_the_list():
    text = " ".join(text_of(pdf.invoice_pdf(samples.invoice(po_number="PO-77"))).split())

    for said in (
        "Example Alarm & Monitoring, LLC", "410 Commerce Street", "(512) 555-0100", "Mon–Fri 8 am–6 pm",
        "billing@example.com", "License TX B-10482", "Ann Miller", "18 Elm Street", "Invoice 10482",
        "Account 100042", "Issued December 1, 2026", "Due December 15, 2026", "$178.72", "PO number PO-77",
        "page 1 of 1", "Recurring services", "Work and parts", "Burglary monitoring", "Dec 1–31, 2026",
        "2 × $12.50", "Discount: second camera", "−$5.00", "Work order", "Nov 19, 2026", "Subtotal",
        "Texas and Austin sales tax, 8.25%", "Credit: technician came a day late", "Invoice 10377, was due",
        "Due in all $218.67", "pay.example.com", "There is no late fee", "Something wrong?",
        "from January 1, 2027", "PO Box 3050", "Amount enclosed", "account number 100042", "New address",
        "billed in advance", "reminders", "Scan or click",
    ):  # fmt: skip
        assert said.lower() in text.lower(), said
    assert "Net 15" not in text
    assert not re.search(r"card (number|no)[^.]*:|CVV|expir", text, re.I)


def test_an_invoice_is_titled_tagged_and_in_english():
    data = pdf.invoice_pdf(samples.invoice())
    info = info_of(data)

    assert info["Title"] == "Invoice 10482, Example Alarm"
    assert info["Tagged"] == "yes"
    assert info["Page size"] == "612 x 792 pts (letter)"
    assert 'pdfuaid:part="1"' in tool("pdfinfo", "-meta", "-", data=data)


def test_every_font_is_embedded():
    rows = tool("pdffonts", "-", data=pdf.invoice_pdf(samples.invoice())).splitlines()[2:]

    assert {re.sub(r"^[A-Z]{6}\+", "", row.split()[0]) for row in rows} == {
        "Porchlight-Sans",
        "Porchlight-Sans-Bold",
        "OCR-B",
    }
    assert all(row.split()[-5:-2] == ["yes", "yes", "yes"] for row in rows)


@pytest.mark.parametrize("count", [2, 30])
def test_it_is_read_aloud_in_the_order_in_which_it_is_seen(tmp_path, count):
    tree = tree_of(pdf.invoice_pdf(invoice_of(count)), tmp_path)

    order = ["Example Alarm", "Invoice 10482", "Amount due", "Due December 15", "building 0", "Please cut"]
    places = [tree.index(words) for words in order]
    assert places == sorted(places)
    assert tree.count("TH ") >= 6
    assert "Pay online" not in tree or "Figure" in tree


def test_a_paid_invoice_has_no_slip_and_no_code():
    data = pdf.invoice_pdf(samples.paid(samples.invoice()))
    text = text_of(data)

    assert "Paid on December 3, 2026" in text
    assert "Amount enclosed" not in text
    assert "Scan or click" not in text
    assert "http" not in tool("pdfinfo", "-url", "-", data=data)


def test_the_pay_link_can_be_clicked():
    links = tool("pdfinfo", "-url", "-", data=pdf.invoice_pdf(samples.simple_invoice()))

    assert samples.PAY_URL in links


def test_the_code_holds_the_pay_link_as_one_bit_for_each_dot():
    png = base64.b64decode(pdf.qr_uri(samples.PAY_URL).partition(",")[2])

    assert png.startswith(b"\x89PNG")
    assert png[24] == 1  # bit depth
    assert pdf.qr_uri("") == ""


# --- Where it stands: the measures of static/invoice.css ----------------------------------------


@pytest.mark.parametrize("count", [1, 40])
def test_both_addresses_stand_in_the_windows_of_the_envelope(count):
    words = words_of(pdf.invoice_pdf(invoice_of(count)))
    top = [w for w in words if w[1] < 4.4]

    sender = [w for w in top if 0.7 < w[2] < 1.2]
    customer = [w for w in top if 2.0 < w[2] < 3.5]
    assert {"Example", "Commerce", "78701"} <= {w[0] for w in sender}
    assert within(sender, 0.375, 0.75, 2.95, 1.26)
    assert [w[0] for w in customer] == ["Ann", "Miller", "18", "Elm", "Street", "Austin,", "TX", "78704"]
    assert within(customer, 0.375, 2.5, 3.375, 3.13)


def test_an_address_of_many_lines_still_fits_both_windows():
    lines = ("410 Commerce Street", "Suite 200", "Austin, TX 78701")
    company = replace(samples.COMPANY, address_lines=lines, remit_lines=lines)
    bill_to = ("Archer & Sons, Inc.", "7 Oak Street", "Building 4", "Austin, TX 78702")
    words = words_of(pdf.invoice_pdf(samples.simple_invoice(company=company, bill_to=bill_to)))

    towns = [w for w in words if w[0] == "78701"]
    assert within(towns[:1], 0.375, 0.75, 2.95, 1.26)
    assert within(towns[1:], 0.875, 9.98, 4.375, 10.5)
    assert within([w for w in words if w[0] == "78702"], 0.375, 2.5, 3.375, 3.14)
    assert len(towns) == 2


@pytest.mark.parametrize("count", [1, 40])
def test_the_slip_shows_where_to_mail_it_through_its_window(count):
    words = words_of(pdf.invoice_pdf(invoice_of(count)))

    remit = [w for w in words if w[2] > 9.9 and w[1] < 4.4]
    assert [w[0] for w in remit if w[2] > 10.1] == ["PO", "Box", "3050", "Austin,", "TX", "78764"]
    assert within(remit, 0.875, 9.98, 4.375, 10.5)


@pytest.mark.parametrize("document", [samples.invoice(), samples.simple_invoice(), invoice_of(40)])
def test_the_scan_line_is_alone_in_its_band_and_readable(document):
    data = pdf.invoice_pdf(document)
    (line,) = [w for w in words_of(data) if re.fullmatch(r"\d{31}", w[0])]
    text, left, top, right, bottom = line

    near = [w for w in words_of(data) if w[4] > top - 0.25 and w[1] > left - 0.25 and w != line]
    assert near == []
    assert right - left == pytest.approx(3.1, abs=0.03)
    assert 11 - 0.75 < bottom < 11 - 0.25
    assert right <= 8.5 - 0.25
    assert remittance.read_scan_line(text).invoice_number == int(document.number)


@pytest.mark.parametrize("count", [1, 6, 7, 12, 13, 40])
def test_nothing_but_the_slip_is_printed_below_the_cut(count):
    data = pdf.invoice_pdf(invoice_of(count))

    words = words_of(data)
    slip = [w for w in words if w[2] > 7.5]
    above = [w for w in words if w[2] <= 7.5]
    assert slip[0][0] == "Please"
    assert all(w[4] <= 7.5 for w in above)
    assert text_of(data).count("Monitoring of building") == count
    assert text_of(data).count("Something wrong?") == 1


# --- Long, wide, empty ---------------------------------------------------------------------------


def test_two_hundred_lines_run_over_pages_with_heads_and_numbers():
    data = pdf.invoice_pdf(invoice_of(200))
    pages = int(info_of(data)["Pages"])

    text = text_of(data)
    assert pages > 3
    assert text.count("Monitoring of building") == 200
    for page in range(1, pages + 1):
        words = text_of(data, "-f", str(page), "-l", str(page))
        assert f"Page {page} of {pages}" in words
        assert ("Description" in words) == ("Monitoring of building" in words)
        assert ("Account 100042" in words) and ("Amount enclosed" in words) == (page == 1)
    assert text.count("$42.50") >= 3


@pytest.mark.parametrize("when", ["Nov 22 – Dec 21, 2026", "Nov 22, 2026 – Nov 21, 2027"])
def test_the_days_of_a_line_stand_on_one_line(when):
    line = replace(samples.item("Burglar alarm monitoring", 64860), short_when=when)
    places = (printed.Place("18 Elm Street, Austin, TX 78704", (line,)),)

    paper = text_of(pdf.invoice_pdf(samples.simple_invoice(sections=(printed.Section("Recurring", places),))))

    assert when in paper


def test_an_address_never_stands_alone_at_the_end_of_a_page():
    for count in range(8, 14):
        for expectation in ("", "One line.", "Two lines. " * 14):
            lines = (samples.item(),) * count
            places = (printed.Place("18 Elm Street", lines), printed.Place("7 Oak Street", lines))
            section = printed.Section("Recurring services", places)
            data = pdf.invoice_pdf(samples.simple_invoice(sections=(section,), expectation=expectation))
            page = next(text for text in text_of(data).split("\f") if "7 Oak Street" in text)
            assert "Burglary" in page.partition("7 Oak Street")[2], (count, expectation)


def test_the_total_is_never_cut_off_at_the_end_of_a_page():
    for count in range(4, 14):
        earlier = tuple(printed.Earlier(str(n), date(2026, 11, 1), 100, True) for n in range(10300, 10306))
        data = pdf.invoice_pdf(invoice_of(count, earlier=earlier, earlier_cents=600))
        assert re.search(r"Due in all\s+\$48.50", text_of(data)), count


def test_enormous_texts_are_cut_and_never_push_the_page_apart():
    long = "Wolfeschlegelsteinhausen" * 500
    place = printed.Place(long, (samples.item(long, system=long, work_order=long, discount_cents=1,
                                                discount_reason=long),))  # fmt: skip
    data = pdf.invoice_pdf(
        samples.invoice(
            customer_name=long,
            bill_to=(long,) * 10,
            po_number=long,
            note=long,
            company=replace(samples.COMPANY, legal_name=long, name=long, payable_to=long, phone_hours=long),
            sections=(printed.Section("Recurring services", (place,)),),
            applied=(printed.Amount(long, -5, date(2026, 12, 1)),),
        )
    )

    assert int(info_of(data)["Pages"]) <= 2
    for page in range(1, int(info_of(data)["Pages"]) + 1):
        assert within(words_of(data, page), 0, 0, 8.5, 11)
    assert any(re.fullmatch(r"\d{31}", word[0]) for word in words_of(data))


@pytest.mark.parametrize(
    "address_lines", [(), ("1 A St",), ("1 A St", "Unit 2", "Floor 3", "Austin, TX 78701")]
)
def test_a_company_that_says_little_still_has_a_page(address_lines):
    company = letterheads.Letterhead("A", "A", address_lines, "", "", "", "", "A", address_lines)

    text = text_of(pdf.invoice_pdf(samples.simple_invoice(company=company, pay_url="")))

    assert "License" not in text
    assert "By phone" not in text


# --- The same bytes ------------------------------------------------------------------------------


DIGEST = """
import hashlib
from billing.edges import pdf
from tests import sample_documents, test_pdf
for document in (sample_documents.invoice(), test_pdf.invoice_of(30)):
    print(hashlib.sha256(pdf.invoice_pdf(document)).hexdigest())
"""


def test_the_same_document_gives_the_same_bytes_in_every_process():
    elsewhere = subprocess.run([sys.executable, "-c", DIGEST], capture_output=True, check=True, cwd=pdf.ROOT)

    here = [pdf.invoice_pdf(document) for document in (samples.invoice(), invoice_of(30))]

    assert elsewhere.stdout.decode().split() == [hashlib.sha256(data).hexdigest() for data in here]


def test_weasyprint_is_loaded_with_the_first_pdf_and_not_before():
    code = "import sys, billing.edges.pdf, billing.edges.letters; print('weasyprint' in sys.modules)"

    said = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, cwd=pdf.ROOT)

    assert said.stdout == b"False\n"


# --- Closed to the outside -----------------------------------------------------------------------


@pytest.fixture
def listener():
    """A web server that notes whoever asks it for something."""
    asked = []

    class Notes(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Notes)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


def attacks(address, secret):
    """Texts that ask for a file or an address in every way that HTML, CSS and SVG know."""
    return [
        f'<img src="{address}/img">', f'<img src="{secret.as_uri()}">',
        f'<link rel="stylesheet" href="{address}/css">',
        f'<link rel="attachment" href="{secret.as_uri()}">', f'<object data="{secret.as_uri()}"></object>',
        f'<style>@import url({address}/import); body {{ background: url({secret.as_uri()}) }}</style>',
        f'"><iframe src="{address}/frame"></iframe>', f'<svg><image href="{address}/svg"/></svg>',
    ]  # fmt: skip


def test_what_customers_and_staff_type_is_printed_and_never_obeyed(listener, tmp_path):
    address, asked = listener
    secret = tmp_path / "secret.txt"
    secret.write_text("the secret word is xyzzy")
    for attack in attacks(address, secret):
        company = replace(samples.COMPANY, name=attack, legal_name=attack, email=attack)
        data = pdf.invoice_pdf(
            samples.simple_invoice(customer_name=attack, bill_to=(attack,), note=attack, company=company)
        )
        assert b"xyzzy" not in data
        assert b"EmbeddedFile" not in data
        assert "<" in text_of(data)
    assert asked == []


@pytest.mark.parametrize("kind", ["svg+xml", "png"])
def test_a_hostile_logo_fetches_nothing(listener, tmp_path, caplog, kind):
    address, asked = listener
    secret = tmp_path / "secret.svg"
    secret.write_text('<svg xmlns="http://www.w3.org/2000/svg"><text>xyzzy</text></svg>')
    svg = f"""<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9">
    <style>@import "{address}/style";</style><image href="{address}/a"/><use href="{secret.as_uri()}#a"/>
    <image href="{secret.as_uri()}"/></svg>"""
    logo = f"data:image/{kind};base64,{base64.b64encode(svg.encode()).decode()}"

    data = pdf.invoice_pdf(samples.simple_invoice(company=replace(samples.COMPANY, logo_uri=logo)))

    assert asked == []
    assert "xyzzy" not in text_of(data)
    caplog.clear()


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:1/logo.png", "file:///etc/hostname", "ftp://127.0.0.1/x"]
)
def test_a_logo_from_elsewhere_is_left_out(caplog, address):
    data = pdf.invoice_pdf(samples.simple_invoice(company=replace(samples.COMPANY, logo_uri=address)))

    assert "may not fetch" in caplog.text
    assert "$42.50" in text_of(data)
    caplog.clear()


def test_a_logo_is_drawn():
    from io import BytesIO

    from PIL import Image

    picture = BytesIO()
    Image.new("RGB", (600, 150), "#a84b06").save(picture, "PNG")
    plain = pdf.invoice_pdf(samples.simple_invoice())

    logo = letterheads.logo_uri(picture.getvalue())
    data = pdf.invoice_pdf(samples.simple_invoice(company=replace(samples.COMPANY, logo_uri=logo)))

    assert pictures(data) == pictures(plain) + 1


# --- Receipt and statement -----------------------------------------------------------------------


def test_a_receipt_on_paper_says_what_was_paid_and_what_for():
    data = pdf.receipt_pdf(samples.receipt())
    text = " ".join(text_of(data).split())

    for said in (
        "Receipt", "$100.00", "December 3, 2026, 2:05 pm CST", "Visa ending 4242", "60198230011", "A1B2C3",
        "Invoice 10377 Nov 15, 2026 $39.95 $0.00", "Kept for your next invoice $17.55",
    ):  # fmt: skip
        assert said in text, said
    assert info_of(data)["Tagged"] == "yes"


def test_a_receipt_shows_what_was_sent_back():
    refund = printed.Amount("Refund by check: paid twice", 1755, date(2026, 12, 9))

    text = text_of(pdf.receipt_pdf(samples.receipt(refunds=(refund,))))

    assert re.search(r"Refund by check: paid twice\s+Dec 9, 2026\s+\$17.55", text)


def test_a_statement_on_paper_runs_over_pages():
    rows = samples.statement().rows * 60
    data = pdf.statement_pdf(samples.statement(rows=rows))
    pages = int(info_of(data)["Pages"])

    assert pages > 1
    assert text_of(data).count("Invoice 10377") == 60
    assert text_of(data).count("Balance at the end") == 1
    assert f"Page {pages} of {pages}" in text_of(data)


def test_a_statement_in_the_customers_favor_says_so():
    text = text_of(pdf.statement_pdf(samples.statement(closing_cents=-500, rows=())))

    assert "In your favor" in text
    assert "Nothing happened" in text
