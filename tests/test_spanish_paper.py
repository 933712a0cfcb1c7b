"""Invoices, receipts, statements and letters on paper for somebody who reads Spanish."""

import re
from collections import Counter
from dataclasses import replace
from datetime import date

import pytest

from billing.documents.autopay_documents import Charged, ChargeDocument, ChargeLetter
from billing.edges import pdf
from tests import sample_documents as samples
from tests.test_pdf import text_of, words_of
from tests.test_wording import LEFT

# names, and what was typed on it
THEIRS = re.compile(
    r"Example Alarm & Monitoring, LLC|Example Alarm|Burglary monitoring|Front house system|"
    r"Camera cloud storage, 30 days|Cameras|second camera at half price until June 2027|"
    r"Replace motion sensor, kitchen|technician came a day late|Texas and Austin sales tax|\S+@\S+|"
    r"\(\d+\) [\d-]+|pay\.\S+"
)


def paper(document, language="es"):
    """Its words on one line."""
    draw = {"InvoiceDocument": pdf.invoice_pdf, "ReceiptDocument": pdf.receipt_pdf}
    data = draw.get(type(document).__name__, pdf.statement_pdf)(replace(document, language=language))
    return " ".join(text_of(data, "-raw").split()), data


DOCUMENTS = {
    "full": samples.invoice(), "simple": samples.simple_invoice(changes=samples.CHANGES),
    "paid": samples.paid(samples.invoice()), "receipt": samples.receipt(), "statement": samples.statement(),
}  # fmt: skip


@pytest.mark.parametrize("name", DOCUMENTS)
def test_paper_is_spanish_and_says_the_same_sums(name):
    english, _ = paper(DOCUMENTS[name], "en")
    spanish, _ = paper(DOCUMENTS[name])

    assert LEFT.findall(THEIRS.sub("", spanish)) == []
    assert Counter(re.findall(r"−?\$[\d,.]*\d", spanish)) == Counter(re.findall(r"−?\$[\d,.]*\d", english))
    assert {*THEIRS.findall(spanish)} >= {*THEIRS.findall(english)}  # a second page names the company again


def test_what_is_due_by_when_and_how_to_pay_is_unmistakable():
    said, data = paper(samples.simple_invoice())

    for words in (
        "Total a pagar, dólares de EE. UU. $42.50 Vence el 15 de diciembre de 2026",
        "Total a pagar $42.50 a más tardar el 15 de diciembre de 2026", "página 1 de 1",
        "su enlace de pago en pay.example.com", "(512) 555-0100, lun–vie 8 am–6 pm",
    ):  # fmt: skip
        assert words in said
    assert b"https://pay.example.com" in data or "pay.example.com" in said


def test_addresses_code_and_scan_line_lie_where_the_envelope_and_the_bank_look_for_them():
    """To the hundredth of an inch as on the English one: windows and scanners know no language."""
    english, spanish = (words_of(paper(samples.simple_invoice(), code)[1]) for code in ("en", "es"))

    for text in ("Elm", "78704", "78764", samples.simple_invoice().scan_line):
        assert next(one for one in english if one[0] == text) == next(
            one for one in spanish if one[0] == text
        )


def test_pages_are_counted_in_spanish():
    assert "Página 1 de 2" in paper(samples.invoice())[0]


def test_what_is_not_known_leaves_all_of_it_in_english():
    said, _ = paper(replace(samples.simple_invoice(), late="Nobody ever translated this."))

    assert "Amount due" in said and "Total a pagar" not in said


def test_what_was_typed_is_printed_as_it_was():
    typed = "Thank you. Open"
    document = replace(
        samples.simple_invoice(), customer_name=typed, bill_to=(typed, "Pay now", "Paid"), po_number="Paid",
        note="Due. Paid\nOpen",
    )  # fmt: skip
    said, _ = paper(document)

    assert (
        "Thank you. Open Pay now Paid" in said and "Due. Paid Open" in said and "Orden de compra Paid" in said
    )


@pytest.mark.parametrize(("by_bank", "can_wait"), [(True, True), (False, False)])
def test_a_charge_to_come_is_told_in_spanish(by_bank, can_wait):
    invoice = samples.simple_invoice()
    charged = Charged("10482", date(2026, 12, 15), 4250)
    charge = ChargeDocument(
        "Ann Miller", "100042", date(2026, 12, 15), 4250, "Visa ending 4242", (charged,), False, ""
    )
    document = ChargeLetter(
        samples.COMPANY,
        "Ann Miller",
        "100042",
        invoice.bill_to,
        charge,
        "January 5, 2026",
        by_bank,
        can_wait,
        "es",
    )
    said = " ".join(text_of(pdf.written(pdf.charge_letter_drawn(document)), "-raw").split())

    assert LEFT.findall(THEIRS.sub("", said)) == []
    assert "Cobraremos $42.50 el 15 de diciembre de 2026" in said
