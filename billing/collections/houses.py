"""What is the same for all customers of one run of judging: the calendar, and what belongs to nobody yet."""

from dataclasses import dataclass
from datetime import UTC, date
from functools import cached_property, lru_cache
from zoneinfo import ZoneInfo

from peewee import fn

from billing import company as companies
from billing.collections.rules import Money
from models import Notice, PriceChange, RemittanceRow, Sighting, as_date, as_instant, db


@dataclass(frozen=True)
class House:
    """What is the same for all customers of one run."""

    zone: ZoneInfo
    prefix: str  # of invoice numbers
    seen_since: date | None  # since when it is noted who opened what
    unmatched: dict  # {(payer's name, cents): Money} of the bank's files
    rises: dict  # {charge id: [(price change id, from when, cents)]} whose message came back

    def day(self, at):
        """The business day of an instant as the database gives it; None for None."""
        if at is None:
            return None
        at = as_instant(at)
        return (at + self._offset(at.replace(minute=0, second=0, microsecond=0))).date()

    @cached_property
    def _offset(self):
        """How far the clock of the zone is from UTC in an hour; hours come again and again."""
        return lru_cache(10_000)(lambda hour: hour.replace(tzinfo=UTC).astimezone(self.zone).utcoffset())


def read():
    """The House as it is now."""
    company = companies.current()
    zone = ZoneInfo(company.time_zone)
    first = Sighting.select(fn.MIN(Sighting.at)).scalar()
    made = House(zone, company.invoice_prefix, None, _unmatched(), _rises())
    return House(zone, company.invoice_prefix, made.day(first), made.unmatched, made.rises)


def _unmatched():
    query = RemittanceRow.select(
        RemittanceRow.id, RemittanceRow.payer_text, RemittanceRow.amount_cents, RemittanceRow.received_on
    ).where(RemittanceRow.state == RemittanceRow.UNMATCHED)
    return {
        (name.strip().casefold(), cents): Money("remittance_row", id, cents, as_date(on))
        for id, name, cents, on in db.execute(query.order_by(RemittanceRow.id.desc()))
        if name.strip()
    }


def _rises():
    """Increases that had to be told, whose message came back, and that no other message told."""
    told_by = fn.COALESCE(PriceChange.told_with, PriceChange.id)
    arrived = Notice.select(Notice.price_change).where(
        (Notice.state == Notice.SENT) & Notice.bounced_at.is_null() & Notice.price_change.is_null(False)
    )
    query = (
        PriceChange.select(PriceChange.charge, PriceChange.id, PriceChange.starts_on, PriceChange.unit_cents)
        .join(Notice, on=(Notice.price_change == told_by))
        .where(
            PriceChange.needs_notice
            & PriceChange.canceled_on.is_null()
            & Notice.bounced_at.is_null(False)
            & told_by.not_in(arrived)
        )
        .order_by(PriceChange.id)
    )
    found = {}
    for charge_id, id, starts_on, cents in db.execute(query):
        found.setdefault(charge_id, []).append((id, as_date(starts_on), cents))
    return found
