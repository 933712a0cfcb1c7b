"""The days and amounts of a plan: pure arithmetic, to the cent. What is allowed stands in ``policy``.

A Shape always adds up: ``shaped`` refuses what does not, so that nothing behind it has to ask again.
"""

from dataclasses import dataclass
from datetime import date, timedelta

from billing import periods
from billing.errors import BillingError
from billing.money import format_cents

MONTHLY, TWO_WEEKLY, WEEKLY = "monthly", "two_weekly", "weekly"
RHYTHMS = {MONTHLY: "Every month", TWO_WEEKLY: "Every two weeks", WEEKLY: "Every week"}
FEWEST, MOST = 2, 24
LONGEST = timedelta(days=730)


@dataclass(frozen=True)
class Payment:
    """One payment of a plan."""

    number: int
    due_on: date
    cents: int


@dataclass(frozen=True)
class Shape:
    """What is paid when. ``owed`` is [(invoice id, cents)], the oldest first; both sums are the same."""

    owed: tuple[tuple[int, int], ...]
    payments: tuple[Payment, ...]

    @property
    def cents(self):
        """All of it."""
        return sum(payment.cents for payment in self.payments)

    @property
    def parts(self):
        """[(payment number, invoice id, cents)]: the first payment pays the oldest invoice first.

        >>> days = (date(2026, 12, 1), 600), (date(2027, 1, 1), 400)
        >>> shaped([(7, 700), (8, 300)], days).parts
        [(1, 7, 600), (2, 7, 100), (2, 8, 300)]
        """
        left, found = [list(one) for one in self.owed], []
        for payment in self.payments:
            cents = payment.cents
            while cents:
                invoice_id, open_cents = left[0]
                taken = min(cents, open_cents)
                found.append((payment.number, invoice_id, taken))
                cents -= taken
                left[0][1] -= taken
                if not left[0][1]:
                    left.pop(0)
        return found


def days(first_on, count, rhythm):
    """The days of ``count`` payments.

    >>> [day.isoformat() for day in days(date(2026, 12, 31), 3, "monthly")]
    ['2026-12-31', '2027-01-31', '2027-02-28']
    """
    if rhythm == MONTHLY:
        return [periods.add_months(first_on, n) for n in range(count)]
    step = timedelta(days=14 if rhythm == TWO_WEEKLY else 7)
    return [first_on + n * step for n in range(count)]


def amounts(cents, count):
    """``cents`` in equal parts; the last one absorbs the rounding.

    >>> amounts(10_000, 3), amounts(5, 4)
    ([3334, 3334, 3332], [1, 1, 1, 2])
    """
    each = -(-cents // count)
    if each * (count - 1) >= cents:
        each = cents // count
    return [each] * (count - 1) + [cents - each * (count - 1)]


def filled(cents, count, typed):
    """The amounts where some of the first ones were typed (None where not): the last is what is left.

    Raises BillingError with a sentence when they leave nothing for the rest.
    """
    typed = (*typed, *[None] * count)[: count - 1]
    known = sum(one for one in typed if one is not None)
    open_places = count - sum(one is not None for one in typed)
    left = cents - known
    if any(one is not None and one <= 0 for one in typed):
        raise BillingError("Each payment must be above zero.")
    if left < open_places:
        raise BillingError(
            f"These payments come to {format_cents(known)}, and {format_cents(cents)} is open in all: "
            "there is nothing left for the last one. Enter smaller amounts."
        )
    rest = iter(amounts(left, open_places))
    return [next(rest) if one is None else one for one in (*typed, None)]


def shaped(owed, dated):
    """The Shape of [(invoice id, cents)] paid by [(day, cents)], the oldest first.

    Raises BillingError for what does not add up, goes backwards, or is no plan at all.
    """
    owed, dated = tuple(tuple(one) for one in owed), list(dated)
    if not FEWEST <= len(dated) <= MOST:
        raise BillingError(f"A plan has at least {FEWEST} payments.")
    if any(cents <= 0 for _, cents in dated):
        raise BillingError("Each payment must be above zero.")
    if any(later <= earlier for (earlier, _), (later, _) in zip(dated, dated[1:], strict=False)):
        raise BillingError("Each payment needs a later day than the one before it.")
    if dated[-1][0] - dated[0][0] > LONGEST:
        raise BillingError("This plan is too long. Choose fewer payments, or days that are closer together.")
    given, asked = sum(cents for _, cents in dated), sum(cents for _, cents in owed)
    if given != asked or any(cents <= 0 for _, cents in owed):
        raise BillingError(
            f"The payments come to {format_cents(given)}, but {format_cents(asked)} is to be paid."
        )
    payments = tuple(Payment(n, day, cents) for n, (day, cents) in enumerate(dated, 1))
    return Shape(owed, payments)
