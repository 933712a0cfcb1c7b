"""Which invoice stands for a canceled one, and which canceled one an invoice stands for.

Nobody writes it down: it is the invoice that bills the same periods or work. Only reading; an invoice is
canceled, and billed again, by ``invoices``.
"""

from peewee import fn

from models import Invoice, Line


def by(invoice):
    """The newest issued Invoice that bills what a void one billed; None while there is none."""
    if invoice.state != Invoice.VOID:
        return None
    again, before = Line.alias(), Line.alias()
    return (
        Invoice.select()
        .join(again, on=(again.invoice == Invoice.id))
        .join(before, on=_same(again, before))
        .where((before.invoice == invoice) & (Invoice.state == Invoice.ISSUED))
        .order_by(Invoice.id.desc())
        .first()
    )


def of(invoice):
    """The void Invoice whose periods or work an invoice bills, the newest of several; None for most."""
    number = Line.select(fn.MAX(number_before(Line))).where(Line.invoice == invoice).scalar()
    return Invoice.get_or_none(Invoice.number == number) if number else None


def number_before(line):
    """Of a Line in a query: the number of the void invoice that billed the same before, as a column."""
    before, void = Line.alias(), Invoice.alias()
    return (
        void.select(fn.MAX(void.number))
        .join(before, on=(before.invoice == void.id))
        .where(
            _same(before, line) & before.voided_on.is_null(False) & (before.invoice < line.invoice)
            & (void.state == Invoice.VOID)
        )
    )  # fmt: skip


def _same(one, other):
    return ((one.charge == other.charge) & (one.from_on == other.from_on)) | (one.one_off == other.one_off)
