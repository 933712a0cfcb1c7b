"""What customers answered about their contracts, at the demo company, and what prices are to rise.

One ended a service on the page, one wants to talk, the end of a required fire alarm waited for its authority,
and two prices are to rise: one is told in time, one was not. By the real use cases.
"""

from datetime import datetime, time, timedelta

from billing import authorities, contracts
from billing.demo import cast
from billing.periods import DAY, add_months
from billing.renewals import answers, prices
from models import Charge, Contract, Customer, Item, Site, System

BY = f"staff:{cast.STAFF[0][0]}"


def play(history):
    """Answer for some of the customers of ``ends``, and plan what prices become."""
    yesterday = history.today - DAY
    _answer("Great Lakes Cold Storage", "talk", history, yesterday, message="Is there a shorter term?")
    _answer("Marcus and Dana Pruitt", "end", history, yesterday)
    _fire(history)
    _prices(history)


def _contract(name):
    return Contract.select().join(Customer).where(Customer.name == name).first()


def _answer(name, answer, history, on, message=""):
    contract = _contract(name)
    answers.give(
        contract, answer=answer, name=name, message=message, key=f"demo:{contract.id}:{answer}",
        by=f"customer:{name}"[:80], via="account", contact=contract.customer.contacts.first(),
        ip="203.0.113.24", browser="A phone", today=on, now=datetime.combine(on, time(15)),
    )  # fmt: skip


def _fire(history):
    """A dental office ends a required fire alarm: its authority was told of one, not of the other."""
    contract = _contract("Wasatch Dental Partners")
    site = Site.select().where(Site.customer == contract.customer).first()
    system = System.create(
        site=site, kind="fire", name="Fire alarm", station_number="LS-7100", required_fire=True
    )
    charge = Charge(
        contract=contract, site=site, system=system, item=Item.get(Item.code == "MON-BURG"), unit_cents=4900,
        text="Fire alarm monitoring", starts_on=add_months(history.today.replace(day=1), 1), anchor_day=1,
    )  # fmt: skip
    contracts.start(charge, by="demo", now=history.now)
    _answer("Wasatch Dental Partners", "end", history, history.today - DAY)
    authorities.record(
        contract, authority="Provo Fire Marshal", address="80 South 300 West, Provo, UT 84601",
        ends_on=history.today + timedelta(days=45), sent_on=history.today - DAY, medium="certified",
        proof="9407111899560000007100", by=BY, today=history.today, now=history.now,
    )  # fmt: skip


def _prices(history):
    """Two increases: one will be told within its window, one was left too long and is not billed."""
    told = {"reason": "Yearly adjustment", "by": BY}
    for name, ahead, ago in (("Rosalind Ames", 75, 0), ("Eleanor Voss", 40, 30)):
        on = history.today - timedelta(days=ago)
        at = history.now - timedelta(days=ago)
        prices.plan(
            _contract(name).charges, prices.Rise(ppm=45_000), today=on, now=at,
            from_on=history.today + timedelta(days=ahead if ago == 0 else 3), **told,
        )  # fmt: skip
