"""The document of an invoice: all that it says on page, on paper and in mail, put together from its parts.

Nothing is decided here but which parts: each comes from the module of its name.
"""

from billing import changes, letterheads, naming, remittance, replaced
from billing import company as companies
from billing.documents import as_issued as issue
from billing.documents import itemizing, reading, sentences, standing
from billing.documents.printed import InvoiceDocument
from billing.remedies import fees


def of(invoice, *, pay_url, today, as_issued=False, company=None):
    """The InvoiceDocument of ``invoice``: everything that it says.

    pay_url   -- the customer's link, as printed and in the QR code; "" leaves both out
    today     -- decides "past due" and what is said about late payment
    as_issued -- True: exactly as it stood at issue, the same bytes as PDF for ever; False: as it stands now
    company   -- the Company row, when the caller has it

    Drafts work too: they have no number and no date. Reads rows, writes none.
    """
    company = company or companies.current()
    read = reading.around_one(invoice, None if as_issued else today)
    lines, customer, charge = read.lines, invoice.customer, read.automatic
    stand = issue.standing(invoice) if as_issued else standing.now(invoice, read, today)
    return InvoiceDocument(
        company=letterheads.of(company),
        customer_name=customer.name,
        account_number=customer.account_number,
        bill_to=tuple(invoice.bill_to.splitlines()) or (customer.name, *customer.address_lines),
        number=naming.number(invoice, company),
        issued_on=invoice.issued_on,
        due_on=invoice.due_on,
        po_number=invoice.po_number,
        note=invoice.note,
        when=sentences.when(invoice, stand),
        when_note="" if as_issued else sentences.when_note(stand, today),
        sections=itemizing.sections(lines),
        subtotal_cents=invoice.subtotal_cents,
        discount_cents=invoice.discount_cents,
        taxes=itemizing.taxes(lines),
        total_cents=invoice.total_cents,
        expectation=sentences.expectation(lines, invoice),
        next_invoice=sentences.next_invoice(lines),
        wish="" if as_issued or not stand.asked_cents else sentences.wish(customer, charge),
        late=sentences.late(stand, charge, fees.late_words(invoice, lines, company, as_issued)),
        objection=sentences.OBJECTION,
        pay_url=pay_url,
        scan_line=_scan_line(customer, invoice, stand),
        automatic=charge,
        changes=changes.sentences(invoice, lines, read.before),
        instead=_replaces(lines, company)
        if as_issued
        else _replaced(invoice, company) or _replaces(lines, company),
        language=customer.language,
        **vars(stand),  # each under its own name
    )


def _replaced(invoice, company):
    """Which invoice stands for one that was canceled."""
    other = replaced.by(invoice)
    return (
        f"This invoice was canceled and is replaced by invoice {naming.number(other, company)}."
        if other
        else ""
    )


def _replaces(lines, company):
    """Which canceled invoice its lines were on before."""
    numbers = [number for line in lines if (number := getattr(line, "number_before", None))]
    if not numbers:
        return ""
    return f"This invoice replaces invoice {company.invoice_prefix}{max(numbers)}, which was canceled."


def _scan_line(customer, invoice, stand):
    """The slip's scan line; "" when there is nothing to pay or no room for it in ten digits."""
    cents = stand.asked_cents + stand.earlier_cents
    if not invoice.number or not stand.asked_cents or cents >= 10**remittance.WIDTH:
        return ""
    return remittance.scan_line(customer.remittance_digits, invoice.number, cents)
