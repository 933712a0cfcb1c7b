"""Reading the mapping of a file from the bank: TOML to a Mapping, every mistake one sentence with its key."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from billing.errors import BillingError
from billing.imports import fields, mapping, values
from billing.imports.fields import Bad, shown
from models import RemittanceFile, RemittanceRow

TOP = ("kind", "file", "codes", "rows", "payment")
KINDS = tuple(name for name, _ in RemittanceFile.kind.choices)
FIELDS = ("amount", "received_on", "scan_line", "account", "check_number", "payer")
REQUIRED = ("amount", "received_on")
COLUMNS = {"account": RemittanceRow.account_text, "payer": RemittanceRow.payer_text,
           "scan_line": RemittanceRow.scan_line, "check_number": RemittanceRow.check_number}  # fmt: skip
MOST_CENTS = 10**11


@dataclass(frozen=True)
class Mapping:
    """A mapping, found to be in order. ``text`` is kept with the file that was read by it."""

    text: str
    kind: str
    encoding: str
    delimiter: str
    codes: dict
    only: Callable
    skip: Callable
    fields: dict  # name -> (Value, what it accepts)
    used: dict  # column -> the first key that asks for it


def read_mapping(content):
    """Read the bytes of a mapping file. Raises BillingError with one sentence that names the key."""
    spec = mapping.parse_toml(content)
    mapping.refuse_sections(spec, TOP)
    if spec.get("kind") not in KINDS:
        raise BillingError(f"kind: write one of {', '.join(KINDS)}, like kind = “lockbox”.")
    encoding, delimiter, dates = mapping.file_settings(mapping.section_of(spec, "file"))
    context = values.Context(dates=dates, codes=mapping.codes_of(mapping.section_of(spec, "codes")))
    for column in context.codes:
        context.use(column, f"codes.{column}")
    rows = mapping.section_of(spec, "rows")
    values.refuse_unknown(rows, ("only", "skip"), "rows")
    return Mapping(
        text=content.decode("utf-8-sig"),
        kind=spec["kind"],
        encoding=encoding,
        delimiter=delimiter,
        codes=context.codes,
        only=mapping.filter_of(rows, "only", context, everything=True),
        skip=mapping.filter_of(rows, "skip", context, everything=False),
        fields=_fields(mapping.section_of(spec, "payment"), context),
        used=context.used,
    )


def _fields(table, context):
    values.refuse_unknown(table, (*FIELDS, "amount_in"), "payment")
    for name in REQUIRED:
        if name not in table:
            raise BillingError(f"payment.{name} is missing.")
    if "scan_line" not in table and "account" not in table:
        raise BillingError("payment: name a scan_line or an account: whose payments are they?")
    amount_in = table.get("amount_in", "dollars")
    if amount_in not in ("dollars", "cents"):
        raise BillingError("payment.amount_in: write “dollars” or “cents”.")
    accepts = {
        "amount": fields.amount if amount_in == "dollars" else cents,
        "received_on": partial(fields.day, dates=context.dates),
        **{name: partial(fields.text, None, column.max_length) for name, column in COLUMNS.items()},
    }
    return {
        name: (values.compile(table[name], f"payment.{name}", context), accepts[name])
        for name in FIELDS
        if name in table
    }


def cents(raw):
    """Cents of an amount that is written without a point: 4250 is $42.50."""
    if not str(raw).isascii() or not str(raw).isdigit() or int(raw) > MOST_CENTS:
        raise Bad(f"{shown(raw)} is not an amount in cents. Write it like 4250.")
    return int(raw)
