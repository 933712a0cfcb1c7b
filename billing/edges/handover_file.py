"""The file that an agency gets: a ZIP with tables as CSV, invoices and statement as PDF, and our messages.

The same account gives the same bytes: the times inside are those of the day. What stands in it is decided in
``billing.dossiers``, whether it may be made in ``billing.handovers``.
"""

import csv
import hashlib
import io
import zipfile
from dataclasses import replace

from billing import dossiers, words
from billing.documents import invoice_documents, statement_documents
from billing.edges import pdf
from billing.money import format_cents
from models import Invoice

MOST_INVOICES, MOST_MESSAGES = 60, 500
OURS = "en"  # an agency reads the documents as we do, whatever the customer reads
RISKY = ("=", "+", "-", "@", "\t", "\r", "\n")


def build(handover, *, today, company):
    """(name, bytes) of the file. ``company`` is the Company row."""
    files = dict(_files(handover, today, company))
    files["README.txt"] = _told(handover, files, today, company).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            info = zipfile.ZipInfo(name, (today.year, today.month, today.day, 0, 0, 0))
            info.external_attr = 0o644 << 16
            archive.writestr(info, files[name], zipfile.ZIP_DEFLATED)
    return f"account-{_name(handover.customer.account_number)}-{today.isoformat()}.zip", buffer.getvalue()


def _files(handover, today, company):
    customer = handover.customer
    for table in dossiers.tables(handover):
        yield f"{table.name}.csv", _csv(table)
    invoices = dossiers.open_invoices(customer)
    for invoice in invoices[:MOST_INVOICES]:
        document = invoice_documents.of(invoice, pay_url="", today=today, as_issued=True, company=company)
        yield f"invoices/{invoice.number}.pdf", pdf.invoice_pdf(replace(document, language=OURS))
    first = Invoice.select().where((Invoice.customer == customer) & Invoice.issued_on.is_null(False))
    first = first.order_by(Invoice.issued_on).first()
    if first is not None:
        document = statement_documents.of(customer, first.issued_on, today, today=today, company=company)
        yield "statement.pdf", pdf.statement_pdf(replace(document, language=OURS))
    for number, notice in enumerate(dossiers.messages(customer)[-MOST_MESSAGES:], 1):
        text = f"{notice.subject}\n\n{notice.body_text}" if notice.body_text else notice.subject
        yield f"messages/{number:03}-{notice.sent_at:%Y-%m-%d}-{notice.kind}.txt", text.encode()


def _csv(table):
    """With a byte order mark, as spreadsheets want it, and nothing that they would run."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(table.columns)
    for row in table.rows:
        writer.writerow(["" if cell is None else _harmless(str(cell)) for cell in row])
    return ("\ufeff" + buffer.getvalue()).encode()


def _harmless(text):
    """Text that no spreadsheet takes for a formula; an amount below zero stays a number."""
    is_number = text.lstrip("-").replace(".", "", 1).isdigit()
    return f"'{text}" if text.startswith(RISKY) and not is_number else text


def _told(handover, files, today, company):
    lines = [
        f"Account {handover.customer.account_number}, {handover.customer.name}",
        f"From {company.legal_name or company.name} to {handover.agency}, {words.date(today)}",
        f"Past due: {format_cents(handover.amount_cents)}. No fee is added from now on.",
        "",
        "The customer is told once, by mail and letter, that you write to them about it. On this day",
        "nothing is disputed, no plan or promise is running, and nobody waits for an answer of ours. If they",
        "say that something is wrong, or ask for time, tell us the same day: we take the account back.",
        "",
        f"Questions: {company.email}{f', {company.phone}' if company.phone else ''}",
        "",
        "Fingerprints (SHA-256):",
        *(f"{hashlib.sha256(files[name]).hexdigest()}  {name}" for name in sorted(files)),
    ]
    return "\n".join(lines) + "\n"


def _name(text):
    return "".join(sign if sign.isalnum() or sign in "-_" else "-" for sign in text)
