"""When a text may leave: from 8 am to 8 pm where the recipient is.

The federal rule for telemarketing ends at 9 pm (47 CFR 64.1200), that of Florida and some other states at
8 pm; it is kept for every text.

Where that is, the protected sites say, else the state of the address; where it may be one of two zones, both
must be awake.
"""

from datetime import timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from billing import localtime
from models import Site

FROM, UNTIL = 8, 20
EASTERN, CENTRAL, MOUNTAIN, PACIFIC = (
    "America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles",
)  # fmt: skip
STATES = {
    EASTERN: "CT DC DE FL GA IN KY MA MD ME MI NC NH NJ NY OH PA RI SC TN VA VT WV",
    CENTRAL: "AL AR FL IA IL IN KS KY LA MI MN MO MS ND NE OK SD TN TX WI",
    MOUNTAIN: "AZ CO ID KS MT ND NE NM NV OR SD TX UT WY",
    PACIFIC: "CA ID NV OR WA",
    "America/Phoenix": "AZ",
    "America/Anchorage": "AK",
    "Pacific/Honolulu": "HI AK",
    "America/Puerto_Rico": "PR VI",
    "Pacific/Guam": "GU MP",
}
OF_STATE = {}
for _zone, _states in STATES.items():
    for _state in _states.split():
        OF_STATE.setdefault(_state, []).append(_zone)


def leaves_at(customer, now, *, company_zone):
    """The first instant from ``now`` on at which a text to ``customer`` may leave; ``now`` itself by day.

    company_zone -- name of the zone for a customer of whom nothing is known
    """
    zones = zones_of(customer) or [ZoneInfo(company_zone)]
    at, moved = now, True
    while moved:
        moved = False
        for zone in zones:
            opens = _opens(at, zone)
            if opens > at:
                at, moved = opens, True
    return at


def zones_of(customer):
    """The zones where the customer may be, in no order; none when nothing is known."""
    sites = list(Site.select(Site.time_zone, Site.state).where(Site.customer == customer).distinct().tuples())
    named = [zone for own, state in sites for zone in ([own] if own else OF_STATE.get(state, ()))]
    found = {_zone_of(name) for name in named or OF_STATE.get(customer.state, ())}
    return [zone for zone in found if zone]


def _zone_of(name):
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return None  # staff typed a zone that is none


def _opens(at, zone):
    """``at`` when it is day in ``zone``, else the next morning there."""
    there = localtime.moment(at, zone)
    if FROM <= there.hour < UNTIL:
        return at
    day = there.date() + timedelta(days=there.hour >= UNTIL)
    return localtime.at_hour(day, FROM, zone)
