"""The demo company itself: its row, its people, its catalog and its tax rates."""

from datetime import date, timedelta
from pathlib import Path

from argon2 import PasswordHasher

from billing.demo import cast
from billing.periods import add_months
from models import Company, Item, Staff, TaxRate

LOGO = Path(__file__).with_name("logo.png")
LONG_AGO = date(2015, 1, 1)


def found(begins_on):
    """Write the company, staff, catalog and tax rates. ``begins_on`` is the first day of the history."""
    Company.create(
        **cast.COMPANY, logo=LOGO.read_bytes(), logo_type="image/png", demo_days=0, live_on=begins_on
    )
    password_hash = PasswordHasher().hash(cast.PASSWORD)
    for email, name, role in cast.STAFF:
        Staff.create(email=email, name=name, role=role, password_hash=password_hash)
    for code, name, kind, cents, taxable in cast.CATALOG:
        Item.create(code=code, name=name, kind=kind, unit_cents=cents, taxable=taxable)
    for rate in cast.TAX_RATES:
        _set_rates(*rate, changes_on=add_months(begins_on, 11, 1))


def _set_rates(jurisdiction, name, ppm, earlier_ppm, *, changes_on):
    """One row, or two where the rate changed."""
    starts_on = LONG_AGO
    if earlier_ppm is not None:
        TaxRate.create(
            jurisdiction=jurisdiction,
            name=name,
            rate_ppm=earlier_ppm,
            starts_on=LONG_AGO,
            ends_on=changes_on - timedelta(days=1),
        )
        starts_on = changes_on
    TaxRate.create(jurisdiction=jurisdiction, name=name, rate_ppm=ppm, starts_on=starts_on)
