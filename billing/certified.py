"""Numbers of certified mail as the Postal Service prints them: read from a label, typed or scanned.

A label has 20 digits, the barcode of an electronic one 22; a scanner puts the ZIP that it goes to before
them (420 and five or nine digits). The last digit checks the others: weights 3 and 1 from the right, modulo
10 (USPS Publication 199, the check digit of the Intelligent Mail package barcode; the same for the older 20).
"""

import re

from billing.errors import BillingError
from models import Notice

ROUTED = re.compile(r"420(?:\d{9}|\d{5})(9[1-5]\d{20})")
LENGTHS = (20, 22)


def checked(typed):
    """The digits of a number. Raises BillingError with what is wrong with it.

    >>> checked("7112 3456 7891 2345 6787")
    '71123456789123456787'
    """
    digits = re.sub(r"[\s().\x1d-]", "", typed or "")
    if not digits.isascii() or not digits.isdecimal():
        raise BillingError("The number of certified mail has digits only: type it from the green label.")
    routed = ROUTED.fullmatch(digits)
    digits = routed[1] if routed else digits
    if len(digits) not in LENGTHS:
        raise BillingError(f"A number of certified mail has 20 or 22 digits; this has {len(digits)}.")
    if check_digit(digits[:-1]) != int(digits[-1]):
        raise BillingError("A digit of this number is wrong: its last digit does not fit the others.")
    return digits


def for_letter(notice, typed):
    """The digits of a number typed for one letter. Raises BillingError also when another letter has it."""
    digits = checked(typed)
    other = Notice.get_or_none((Notice.certified_number == digits) & (Notice.id != notice.id))
    if other:
        raise BillingError(f"This number is on another letter already: that to {other.customer}.")
    return digits


def check_digit(digits):
    """The digit that belongs behind ``digits``."""
    total = sum(int(digit) * (3 if at % 2 == 0 else 1) for at, digit in enumerate(reversed(digits)))
    return -total % 10


def shown(number):
    """In groups of four, as on the label.

    >>> shown("71123456789123456787")
    '7112 3456 7891 2345 6787'
    """
    return " ".join(number[at : at + 4] for at in range(0, len(number), 4))
