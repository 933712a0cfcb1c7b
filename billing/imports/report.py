"""What a check found, as lines for a terminal: counts, control totals, and every refused row."""

from billing import money


def report_lines(result):
    """The lines to print for a Result, refused rows last so that they stand above the prompt."""
    lines = [_heading(result), "", *_counts(result.totals)]
    if result.totals.by_item:
        lines += ["", *_by_item(result)]
    if result.unused_columns:
        lines += ["", f"Columns that the mapping does not use: {', '.join(result.unused_columns)}."]
    if result.refused:
        lines += ["", *(str(refusal) for refusal in result.refused)]
    return lines


def _heading(result):
    totals = result.totals
    left_out = f", {totals.rows_left_out:,} left out by [rows]" if totals.rows_left_out else ""
    return f"{result.file_name}: {totals.rows_read:,} rows read{left_out}, {totals.rows_refused:,} refused."


def _counts(totals):
    rows = [
        ("Customers", f"{totals.customers:,}", ""),
        ("Contacts", f"{totals.contacts:,}", ""),
        ("Sites", f"{totals.sites:,}", ""),
        ("Systems", f"{totals.systems:,}", ""),
        ("Contracts", f"{totals.contracts:,}", f"{totals.ended_contracts:,} of them ended"),
        ("Charges", f"{totals.charges + totals.ended_charges:,}", f"{totals.ended_charges:,} of them ended"),
        ("RMR", money.format_cents(totals.rmr_cents), "of the charges that run, normalized to a month"),
    ]
    return [f"  {name:<12}{count:>15}   {note}".rstrip() for name, count, note in rows]


def _by_item(result):
    """Running charges and what they come to in one cycle, by catalogue code: the sums to compare."""
    width = max(12, *(len(code) + 1 for code in result.totals.by_item))
    return [f"  {'Running':<{width}}{'charges':>9}{'a cycle':>17}"] + [
        f"  {code:<{width}}{count:>9,}{money.format_cents(cents):>17}"
        for code, (count, cents) in sorted(result.totals.by_item.items())
    ]
