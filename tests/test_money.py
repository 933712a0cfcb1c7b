"""Cents: what people type, what they read, what the gateway gets, and a rate times an amount."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing import money
from billing.errors import BillingError

CENTS = st.integers(0, money.MOST_CENTS)


@pytest.mark.parametrize(
    ("text", "cents"),
    [
        ("42.50", 4250),
        ("$42.50", 4250),
        ("$ 5", 500),
        (" 5 ", 500),
        ("5.1", 510),
        (".99", 99),
        ("1,234.50", 123450),
        ("12,345,678", 1234567800),
        ("0", 0),
        ("007", 700),
        (5, 500),
    ],
)
def test_amounts_are_read_as_people_type_them(text, cents):
    assert money.parse_cents(text) == cents


@pytest.mark.parametrize(
    "text",
    [
        *("", "  ", "$", ".", "12,50", "1,2345", "12,345,67", "-5", "+5", "1e9", "1.234", "5.", "0x10"),
        *("5 0", "5$", "five", "1,234,", "NaN", "inf", "1.2.3", "$$5", "−5", "5\u00a0000", None, "' OR 1=1"),
    ],
)
def test_what_can_be_read_in_two_ways_or_not_at_all_is_refused_with_a_sentence(text):
    with pytest.raises(BillingError, match="is not an amount. Write it like 42.50"):
        money.parse_cents(text)


@pytest.mark.parametrize("text", ["1000000000", "9" * 40, "99,999,999,999.99"])
def test_an_amount_that_nobody_owes_is_too_large(text):
    with pytest.raises(BillingError, match="too large"):
        money.parse_cents(text)


@given(CENTS)
def test_what_is_shown_can_be_typed_again(cents):
    assert money.parse_cents(money.format_cents(cents)) == cents


@given(CENTS)
def test_what_goes_to_the_gateway_comes_back_exactly(cents):
    sent = money.as_decimal(cents)

    assert sent.as_tuple().exponent == -2
    assert money.from_decimal(str(sent)) == cents


@pytest.mark.parametrize(
    ("text", "cents"), [("12.3", 1230), ("0", 0), ("45", 4500), ("45.00", 4500), (1, 100)]
)
def test_a_machines_decimal_is_exact_cents(text, cents):
    assert money.from_decimal(text) == cents


@pytest.mark.parametrize("text", ["0.001", "12.345", "NaN", "Infinity", "-Infinity"])
def test_a_machines_decimal_that_is_not_cents_is_an_error(text):
    with pytest.raises(ValueError, match="whole number of cents"):
        money.from_decimal(text)


@pytest.mark.parametrize(
    ("cents", "shown"),
    [(0, "$0.00"), (5, "$0.05"), (123450, "$1,234.50"), (-5, "−$0.05"), (100000000, "$1,000,000.00")],
)
def test_amounts_are_shown_in_dollars(cents, shown):
    assert money.format_cents(cents) == shown


@pytest.mark.parametrize(
    ("cents", "ppm", "tax"),
    [(4250, 82_500, 351), (100, 5_000, 1), (99, 5_000, 0), (0, 82_500, 0), (4250, 0, 0), (1, 500_000, 1)],
)
def test_tax_is_rounded_half_up_once(cents, ppm, tax):
    assert money.tax(cents, ppm) == tax


@given(st.integers(0, 10**9), st.integers(0, 500_000))
def test_tax_is_what_exact_arithmetic_gives(cents, ppm):
    assert money.tax(cents, ppm) == money.half_up(Fraction(cents * ppm, 1_000_000))
    assert money.tax(cents, ppm) == money.half_up(Decimal(cents) * ppm / 1_000_000)


@given(st.integers(0, 10**9), st.integers(1, 366), st.data())
def test_a_share_is_between_nothing_and_everything(cents, whole, data):
    part = data.draw(st.integers(0, whole))

    assert 0 <= money.share(cents, part, whole) <= cents
    assert money.share(cents, whole, whole) == cents
    both = money.share(cents, part, whole) + money.share(cents, whole - part, whole)
    assert abs(both - cents) <= 1
