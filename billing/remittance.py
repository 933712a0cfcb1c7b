"""The scan line of the remittance slip: 31 digits that tell a scanner who pays which invoice.

account (10) + invoice (10) + amount due in cents (10) + check digit (1), all filled with zeros and
without spaces. Pure digits; where the line stands on paper is templates/pdf, who prints it
billing/documents/.

The check digit is "mod 10", also called Luhn (ISO/IEC 7812-1, annex B), over the 30 digits before it:
from the right, every second digit counts double, two-digit products count as the sum of their digits,
and the check digit fills the sum up to a multiple of ten. It catches every single misread digit and
every swap of neighbors except 0 with 9.
"""

import re
from typing import NamedTuple

from billing.errors import BillingError

WIDTH = 10  # of each of the three fields
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)  # digit sum of twice the digit


class ScanLine(NamedTuple):
    """What a slip says: the customer's remittance digits, the invoice number, the amount due."""

    account: str
    invoice_number: int
    amount_cents: int


def scan_line(account, invoice_number, cents):
    """The 31 digits for a slip.

    account        -- the customer's remittance digits, at most ten
    invoice_number -- the printed number, without prefix
    cents          -- amount due, zero or more

    >>> scan_line("100042", 10482, 4250)
    '0000100042000001048200000042506'

    Raises ValueError for what does not fit: callers hold rows that the database has checked.
    """
    fields = (str(account), str(invoice_number), str(cents))
    if not all(re.fullmatch(r"[0-9]{1,10}", field) for field in fields):
        raise ValueError(f"not three numbers of at most {WIDTH} digits: {fields}")
    digits = "".join(field.zfill(WIDTH) for field in fields)
    return digits + check_digit(digits)


def check_digit(digits):
    """The Luhn check digit of a string of digits.

    >>> check_digit("7992739871")
    '3'
    """
    total = 0
    for place, digit in enumerate(reversed(digits)):
        total += int(digit) if place % 2 else _DOUBLED[int(digit)]
    return str(-total % 10)


def read_scan_line(text):
    """Read a scanned or typed line; spaces and hyphens between the digits do not matter.

    Returns a ScanLine. Raises BillingError when it is not 31 digits or the check digit is wrong.

    >>> read_scan_line("0000100042 0000010482 0000004250 6")
    ScanLine(account='0000100042', invoice_number=10482, amount_cents=4250)
    """
    digits = re.sub(r"[\s-]", "", text)
    if not re.fullmatch(rf"[0-9]{{{3 * WIDTH + 1}}}", digits):
        raise BillingError("A scan line has 31 digits. Please scan the slip again, or type the digits.")
    if check_digit(digits[:-1]) != digits[-1]:
        raise BillingError("The check digit does not fit: one digit was misread. Please scan the slip again.")
    account, number, cents = digits[:WIDTH], digits[WIDTH : 2 * WIDTH], digits[2 * WIDTH : -1]
    return ScanLine(account, int(number), int(cents))
