"""Import of customers, sites, contracts and charges from a CSV file, told by a small mapping file.

A file is *checked* first (nothing is written), then *committed* as one batch in one transaction, whole or
not at all. A batch stays mute, nothing of it is billed or mailed, until it is *released*; it is *undone*
whole as long as nothing was billed. Opening invoices and payments do not belong here.

One row of the file is one customer, with at most one contact, site, system and contract, and as many
recurring charges as the mapping makes of it. The mapping is TOML; each section below may be left out,
except ``bill_from`` and ``[customer]``::

    bill_from = 2026-12-01        # first day billed here. What ended before is history and is never billed

    [file]
    encoding = "cp1252"           # default utf-8, with or without a byte order mark
    delimiter = ";"               # default comma; "\\t" is a tab
    dates = "%m/%d/%Y"            # how the file writes dates; 2026-12-31 is always understood

    [codes]                       # every value that a column may hold; any other value refuses the row.
    Fire = ["Y", "N"]             # A column must stand here before a condition may ask for it
    Test = ["Y", ""]
    Status = ["Active", "Canceled", "Lead"]

    [rows]                        # which rows count; both are conditions, the rest is left out
    only = { Status = ["Active", "Canceled"] }
    skip = { Test = "Y" }

    [items.MONITORING]            # a catalogue row, made when the catalogue has no such code yet
    name = "Burglary monitoring"
    price = "29.95"               # default 0.00
    taxable = false               # default true

    [customer]
    account_number = "{Acct}"     # text with {columns} in it; without one it is a constant
    name = "{First} {Last}"
    kind = { column = "Type", values = { R = "residential", C = "commercial" }, default = "residential" }
    state = { column = "State", default = "TX" }          # default: what an empty cell means

    [contract]
    name = "Monitoring agreement"
    starts_on = { date = "2026-12-01", minus_months = "{Months}" }   # also plus_months, plus_days, minus_days
    ends_on = { when = { Status = "Canceled" }, value = "{End}", otherwise = "" }

    [charges]                     # what all charges share
    cycle_months = 1

    [[charge]]                    # one charge for each row that meets the condition, in this order
    when = { Fire = "Y" }         # all of them; a list means any of these; "*" is anything, "" is empty
    item = "FIRE"
    amount = "12.50"

    [[charge]]
    item = "MONITORING"
    amount = { remainder_of = "Monthly" }   # the column less the row's other charges; nothing left: no charge

Fields have the names of ``models.py``, but ``amount`` and ``discount`` of a charge are dollars. An empty
value leaves a field at its default. A charge without dates runs from ``bill_from`` (from the contract's
start when that is later or the contract is history) to the contract's end. ``[preferences]`` holds
``invoice``, ``reminder`` and ``receipt`` (``mail``, ``paper`` or ``none``) and ``days_ahead``.
"""

from billing.imports.checking import Refusal, Result, Totals, check
from billing.imports.mapping import Mapping, read_mapping
from billing.imports.report import report_lines
from billing.imports.writing import commit, find, release, undo

__all__ = [
    "Mapping",
    "Refusal",
    "Result",
    "Totals",
    "check",
    "commit",
    "find",
    "read_mapping",
    "release",
    "report_lines",
    "undo",
]
