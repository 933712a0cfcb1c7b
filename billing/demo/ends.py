"""Contract ends at the demo company: customers in other states, with something to see in each.

One notice leaves with the first daily job, one was sent and proven, one waits for its certified number, one
was missed, one came back and is on paper now, one opens soon. The weeks before are lived through by the real
renew step.
"""

import random
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from billing import certified, contracts
from billing.demo import cast
from billing.periods import DAY, add_months
from billing.renewals import day as renewing
from billing.renewals import letter, planning, proving, rules
from models import Charge, Contact, Contract, Customer, Item, Notice, RenewalNotice, Site, System

WEEKS = 12
BY = f"staff:{cast.STAFF[0][0]}"


@dataclass(frozen=True)
class Scene:
    """A customer in another state; ``days`` from today to the end of the term."""

    name: str
    state: str
    city: str
    zip: str
    days: int
    audience: str = Contract.CONSUMER
    mail: bool = True
    renewal_months: int = 12
    story: str = ""


SCENES = (
    Scene("Marcus and Dana Pruitt", "GA", "Savannah", "31401", 80),
    Scene("Lucille Fontaine", "FL", "Pensacola", "32501", 62),
    Scene("Theodore Blackwood", "NY", "Ithaca", "14850", 52, story="certified"),
    Scene("Wasatch Dental Partners", "UT", "Provo", "84601", 50, Contract.BUSINESS, story="missed"),
    Scene("Rosalind Ames", "NC", "Asheville", "28801", 25, story="bounced"),
    Scene("Great Lakes Cold Storage", "WI", "Racine", "53403", 104, Contract.BUSINESS, True, 24),
    Scene("Eleanor Voss", "HI", "Hilo", "96720", 75, mail=False, story="letter"),
)


def play(history):
    """Take the rules, settle the customers, and live through the weeks before today."""
    at = history.now
    rules.load_product(by="demo", now=at)
    made = {}
    for number, scene in enumerate(SCENES):
        made[_settle(scene, number, history).id] = scene
    for week in range(WEEKS, 0, -1):
        on = history.today - timedelta(days=7 * week - 3)
        if on < history.today:
            _live(on, made)
    planning.plan_due(history.today, now=at)


def _settle(scene, number, history):
    """One customer with a site, a system and a contract that ends on its day. Returns the Contract."""
    rng = random.Random(f"{history.seed}:end:{number}")
    ends_on = history.today + timedelta(days=scene.days)
    starts_on = add_months(ends_on + DAY, -36)
    address = {"street": f"{rng.randrange(10, 980)} Juniper Street", "city": scene.city}
    address |= {"state": scene.state, "zip": scene.zip}
    is_business = scene.audience == Contract.BUSINESS
    customer = Customer.create(
        account_number=f"{starts_on:%y}9{number:03d}",
        name=scene.name,
        kind=Customer.COMMERCIAL if is_business else Customer.RESIDENTIAL,
        since_on=starts_on,
        **address,
    )
    email = "".join(part for part in scene.name.lower() if part.isalpha()) + "@example.com"
    phone = f"(512) 555-01{80 + number}"
    Contact.create(customer=customer, name=scene.name, email=email if scene.mail else "", phone=phone)
    site = Site.create(customer=customer, name="Main building" if is_business else "Home", **address)
    system = System.create(site=site, kind="burglary", name="Alarm", station_number=f"LS-{7000 + number}")
    contract = Contract.create(
        customer=customer,
        name="Monitoring agreement",
        audience=scene.audience,
        starts_on=starts_on,
        signed_on=starts_on,
        term_months=36,
        renewal_months=scene.renewal_months,
        term_ends_on=ends_on,
    )
    _charge(contract, site, system, is_business, history)
    return contract


def _charge(contract, site, system, is_business, history):
    """Monthly monitoring from the coming month on; what was before stands in the books of a predecessor."""
    item = Item.get(Item.code == ("MON-SHOP" if is_business else "MON-BURG"))
    begins = add_months(history.today.replace(day=1), 1)
    charge = Charge(contract=contract, site=site, system=system, item=item, unit_cents=item.unit_cents,
                    starts_on=begins, anchor_day=1)  # fmt: skip
    contracts.start(charge, by="demo", now=history.now)


def _live(on, made):
    """The renew step of one day, and what became of its messages before the next."""
    at = datetime.combine(on, time(15))
    renewing.run(on, now=at, trouble=[])
    waiting = (Notice.state == Notice.QUEUED) & Notice.contract.is_null(False)
    for notice in list(Notice.select().where(waiting)):
        story = made[notice.contract_id].story if notice.contract_id in made else ""
        if notice.channel == Notice.PAPER:
            _print(notice, story, on, at)
        else:
            _mail(notice, story, on, at)


def _words(notice, on):
    document = letter.of_notice(notice, today=on)
    text = f"{document.sentence}\n\n{document.cancel_words} No reason is needed.\n\n{document.if_nothing}"
    return {"subject": f"{document.company.name}: {document.subject}"[:255], "body_text": text}


def _mail(notice, story, on, at):
    came_back = story == "bounced"
    Notice.update(
        state=Notice.SENT,
        sent_at=at,
        claimed_at=at,
        tries=1,
        bounced_at=at + timedelta(hours=1) if came_back else None,
        bounce_text="The mailbox is full, and nobody empties it." if came_back else "",
        **_words(notice, on),
    ).where(Notice.id == notice.id).execute()


def _print(notice, story, on, at):
    """Letters are mailed the day after; some wait at the printer, as they would."""
    kept = _words(notice, on)
    Notice.update(state=Notice.PRINT, claimed_at=at).where(Notice.id == notice.id).execute()
    proving.keep_text(notice, subject=kept["subject"], text=kept["body_text"])
    if story:
        return
    row = RenewalNotice.select().where(RenewalNotice.notice == notice).first()
    number = _number(row) if row.medium == RenewalNotice.CERTIFIED else ""
    proving.mark_mailed(row, mailed_on=on, certified_number=number, by=BY, today=on, now=at)


def _number(row):
    """A number of certified mail as a label has it, of each letter its own."""
    digits = f"9407111899560{row.id:08d}"
    return digits + str(certified.check_digit(digits))
