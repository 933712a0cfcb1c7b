"""Files of payments from the bank, a lockbox deposit or bank bill pay: read by a mapping, booked once.

A file is *checked* first (nothing is written): every row is a payment of a customer, a payment whose customer
nobody knows yet, one that came before, or refused with its line. Then it is *kept* whole or not at all, and
what is clear is *booked*, each row in a transaction of its own, so that a file may be long and a process may
die: what is left is finished by the next that comes by. What is not clear waits for a person, who *matches*
or *dismisses* it. Which customer a row belongs to is said by the scan line of our slip, with its check digit,
else by the account number. The mapping is TOML, in the language of ``billing/imports/__init__.py``::

    kind = "lockbox"              # or "bill_pay": sent by the customer's bank, without a slip

    [file]                        # encoding, delimiter, dates: as there
    dates = "%m/%d/%Y"

    [codes]
    Type = ["D", "T"]

    [rows]                        # which rows are payments; headings and totals are not
    skip = { Type = "T" }

    [payment]
    amount = "{Amount}"           # required, above zero
    received_on = "{Deposit date}"    # required
    amount_in = "cents"           # default "dollars", such as 42.50
    scan_line = "{OCR}"           # at least one of scan_line and account
    account = "{Account}"
    check_number = "{Check}"
    payer = "{Remitter}"
"""

from billing.remittances.booking import commit, dismiss, finish, match
from billing.remittances.mapping import Mapping, read_mapping
from billing.remittances.reading import Refusal, Result, Row, check, report_lines

__all__ = [
    "Mapping",
    "Refusal",
    "Result",
    "Row",
    "check",
    "commit",
    "dismiss",
    "finish",
    "match",
    "read_mapping",
    "report_lines",
]
