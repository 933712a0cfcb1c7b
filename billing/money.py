"""Integer cents: from what people type, to what people read, to the gateway, and times a rate.

These are the only four places where money changes its form. Rounding is half-up, once, at the line.
"""

import re
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from billing.errors import BillingError

MILLION = 1_000_000
MOST_CENTS = 999_999_999_99  # a gateway and a reader both give up beyond this
_TYPED = re.compile(r"\$?\s*(\d{1,3}(?:,\d{3})+|\d+)?(?:\.(\d{1,2}))?")


def parse_cents(text):
    """Read an amount as people type it in the United States: ``1,234.50``, ``$5``, ``.99``.

    Returns integer cents, zero or more. Raises BillingError with a sentence for everything that could
    be read in two ways or not at all (``12,50``, ``-5``, ``1e9``, ``1.234``).

    >>> parse_cents("$1,234.50"), parse_cents("5"), parse_cents(".99")
    (123450, 500, 99)
    """
    text = str(text).strip()
    match = _TYPED.fullmatch(text)
    if not match or not any(match.groups()):
        raise BillingError(f"“{text[:40]}” is not an amount. Write it like 42.50.")
    dollars, cents = match.groups()
    if len(dollars or "") > 15:
        raise BillingError("This amount is too large.")
    total = int((dollars or "0").replace(",", "")) * 100 + int((cents or "0").ljust(2, "0"))
    if total > MOST_CENTS:
        raise BillingError("This amount is too large.")
    return total


def format_cents(cents):
    """Cents as people read them.

    >>> format_cents(123450), format_cents(-5)
    ('$1,234.50', '−$0.05')
    """
    sign = "−" if cents < 0 else ""
    return f"{sign}${abs(cents) // 100:,}.{abs(cents) % 100:02d}"


def as_decimal(cents):
    """Cents as an exact Decimal with two places, for the gateway and for exports."""
    return Decimal(cents).scaleb(-2)


def from_decimal(text):
    """Exact cents of a decimal amount that a machine wrote, such as ``12.3``. Raises ValueError."""
    cents = Decimal(str(text)).scaleb(2)
    if not cents.is_finite() or cents != cents.to_integral_value():
        raise ValueError(f"{text} is not a whole number of cents")
    return int(cents)


def share(cents, part, whole):
    """``cents`` × part ÷ whole, rounded half-up to a cent.

    >>> share(3000, 21, 31), share(5, 1, 2)
    (2032, 3)
    """
    return half_up(Fraction(cents * part, whole))


def tax(cents, rate_ppm):
    """Tax on ``cents`` at ``rate_ppm`` parts per million, rounded half-up: the one rounding of a line.

    Whole-number arithmetic, because a bill run does this for every line.

    >>> tax(4250, 82500)
    351
    """
    return (cents * rate_ppm + MILLION // 2) // MILLION


def half_up(exact):
    """Round a Decimal or Fraction that is not negative to whole cents, halves up."""
    if isinstance(exact, Decimal):
        return int(exact.quantize(Decimal(1), ROUND_HALF_UP))
    return (2 * exact.numerator + exact.denominator) // (2 * exact.denominator)
