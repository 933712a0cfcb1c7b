"""The lines of an invoice as printed: by kind of work and by service address, and the taxes below them."""

from billing import words
from billing.documents import printed


def sections(lines):
    """Recurring lines first, then work and parts, each by service address in printed order."""
    recurring = [line for line in lines if line.from_on]
    others = [line for line in lines if not line.from_on]
    named = (("Recurring services", recurring), ("Work and parts", others))
    return tuple(printed.Section(title, _places(part)) for title, part in named if part)


def _places(lines):
    by_address = {}
    for line in lines:
        by_address.setdefault(line.site_text, []).append(_item(line))
    return tuple(printed.Place(address, tuple(items)) for address, items in by_address.items())


def _item(line):
    from_on, to_on = (line.from_on, line.to_on) if line.from_on else (line.done_on, line.done_on)
    return printed.Item(
        text=line.text,
        system=line.system_text,
        when=words.period(from_on, to_on),
        short_when=words.short_period(from_on, to_on),
        part=f"{line.days} of {line.of_days} days" if line.days and line.days != line.of_days else "",
        work_order=line.work_order,
        quantity=line.quantity,
        unit_cents=line.unit_cents,
        amount_cents=line.amount_cents,
        discount_cents=line.discount_cents,
        discount_reason=line.discount_reason,
        tax_cents=line.tax_cents,
        total_cents=line.total_cents,
        line_id=line.id,
    )


def taxes(lines):
    """One row for each jurisdiction and rate that was charged, in order of appearance."""
    sums = {}
    for line in lines:
        if line.tax_cents:
            key = f"{line.tax_name or 'Sales tax'}, {words.rate(line.tax_ppm)}"
            sums[key] = sums.get(key, 0) + line.tax_cents
    return tuple(printed.Amount(text, cents) for text, cents in sums.items())
