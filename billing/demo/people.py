"""The customers of the demo company: who they are, what is installed, what they agreed to, how they pay."""

import random
import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from billing import contracts, customers, money, preferences
from billing.demo import cast
from billing.periods import add_months, on_day
from models import (
    Charge,
    Contact,
    Contract,
    Customer,
    Item,
    Payment,
    Preference,
    PreferenceChange,
    Site,
    System,
)

HOME, BUSINESS, EXEMPT = "home", "business", "exempt"
PATTERN = (
    (HOME,) * 5 + (BUSINESS,) + (HOME,) * 6 + (BUSINESS, EXEMPT) + (HOME,) * 6 + (BUSINESS,) * 4 + (HOME,)
)
HERO_NAME, HERO_EMAIL = "Grace Whitfield", "grace.whitfield@example.com"

EARLY, PROMPT, LATE, SLOW, STOPPED = "early", "prompt", "late", "slow", "stopped"
ON_THE_DAY = "on the day"  # autopay
HABITS = ((EARLY, 42), (PROMPT, 36), (LATE, 13), (SLOW, 5), (STOPPED, 5))
HOME_WAYS = (
    (Payment.CARD, 46),
    (Payment.BANK, 14),
    (Payment.CHECK, 33),
    (Payment.CASH, 3),
    (Payment.MONEY_ORDER, 4),
)
BUSINESS_WAYS = ((Payment.CHECK, 50), (Payment.CARD, 18), (Payment.BANK, 17), (Payment.WIRE, 15))
BRANDS = (("Visa", 55), ("Mastercard", 30), ("American Express", 9), ("Discover", 6))
CYCLES = {
    HOME: ((1, 44), (3, 33), (6, 5), (12, 18)),
    BUSINESS: ((1, 62), (3, 26), (12, 12)),
    EXEMPT: ((3, 50), (12, 50)),
}


@dataclass
class Payer:
    """How one customer pays: what the history has to know and no table tells."""

    customer: Customer
    contact: Contact
    way: str
    label: str
    habit: str
    check_number: int
    stopped_on: date | None = None  # the last day on which somebody who STOPPED still paid


def chosen(rng, weighted):
    """One of ``weighted`` [(value, weight)]."""
    values, weights = zip(*weighted, strict=True)
    return rng.choices(values, weights)[0]


class Town:
    """Makes customers from a seed, so that the same seed and day make the same ones."""

    def __init__(self, seed, *, begins_on, today):
        self.seed = seed
        self.begins_on = begins_on
        self.today = today
        self.items = {item.code: item for item in Item.select()}
        self._emails = {HERO_EMAIL}
        self._names = set()

    def settle(self, number):
        """Write customer ``number`` with all that belongs to them; returns their Payer."""
        rng = random.Random(f"{self.seed}:{number}")
        if number == 0:
            return self._hero(rng)
        kind = PATTERN[number % len(PATTERN)]
        return {HOME: self._home, BUSINESS: self._business, EXEMPT: self._exempt}[kind](rng, number)

    # --- Who they are

    def _hero(self, rng):
        """The customer whom a newcomer signs in as: billed today, and with a visit to pay."""
        customer = self._customer(rng, 0, HERO_NAME, city=cast.PLACES[0], since_on=self.begins_on)
        contact = Contact.create(customer=customer, name=HERO_NAME, email=HERO_EMAIL, phone=_phone(rng))
        site = self._site(customer, "Home")
        alarm = self._system(rng, site, "burglary", "Home alarm")
        eyes = self._system(rng, site, "cameras", "Cameras, outside")
        contract = Contract.create(
            customer=customer,
            name="Monitoring agreement",
            starts_on=self.begins_on,
            signed_on=self.begins_on,
            term_months=36,
            renewal_months=12,
        )
        starts_on = on_day(self.begins_on.year, self.begins_on.month, self.today.day)
        terms = {"cycle_months": 1, "anchor_day": self.today.day, "starts_on": starts_on}
        discount = {"discount_cents": 300, "discount_reason": "Neighbor referral"}
        self._charge(contract, site, alarm, "MON-BURG", terms, **discount)
        self._charge(contract, site, alarm, "MON-CELL", terms)
        self._charge(contract, site, eyes, "CAM-STORE", terms, quantity=3)
        return Payer(customer, contact, Payment.CARD, "Visa ending 4242", EARLY, 0)

    def newcomer(self, rng, number, name, *, kind, codes, fire=False, late_fee_agreed=False):
        """The Payer of somebody with a story of their own: billed monthly on the first, pays by check."""
        home = kind == Customer.RESIDENTIAL
        customer = self._customer(
            rng, number, name, kind=kind, city=cast.PLACES[0], since_on=self.begins_on - timedelta(days=400)
        )
        contact = self._contact(rng, customer, name)
        site = self._site(customer, "Home" if home else "Store")
        alarm = self._system(rng, site, "burglary", "Home alarm" if home else "Intrusion alarm")
        contract = Contract.create(
            customer=customer, name="Monitoring agreement", signed_on=customer.since_on,
            audience=Contract.CONSUMER if home else Contract.BUSINESS, starts_on=customer.since_on,
            term_months=60, renewal_months=12, late_fee_agreed=late_fee_agreed,
        )  # fmt: skip
        starts_on = min(self.begins_on, add_months(self.today, -6, 1))
        terms = {"cycle_months": 1, "anchor_day": 1, "starts_on": starts_on}
        for code in codes:
            self._charge(contract, site, alarm, code, terms)
        if fire:
            panel = self._system(rng, site, "fire", "Fire alarm panel", required_fire=True)
            self._charge(contract, site, panel, "MON-FIRE", terms)
        return Payer(customer, contact, Payment.CHECK, "", STOPPED, 1101)

    def _home(self, rng, number):
        first, last = self._person(rng)
        customer = self._customer(
            rng, number, f"{first} {last}", language="es" if rng.random() < 0.06 else "en"
        )
        payer = self._contact(rng, customer, f"{first} {last}", mail=rng.random() < 0.9)
        if rng.random() < 0.25:
            self._contact(rng, customer, f"{rng.choice(cast.FIRST_NAMES)} {last}", role=Contact.VIEWER)
        self._agree(rng, customer, HOME, [self._home_site(rng, customer, "Home")])
        if rng.random() < 0.05:
            self._agree(rng, customer, HOME, [self._home_site(rng, customer, "Lake house", move=rng)])
        return self._payer(rng, customer, payer, HOME_WAYS)

    def _business(self, rng, number):
        name, what = self._business_name(rng)
        customer = self._customer(
            rng,
            number,
            name,
            kind=Customer.COMMERCIAL,
            terms_days=30,
            po_number=f"PO {rng.randrange(1000, 9999)}" if rng.random() < 0.55 else "",
        )
        payer = self._contact(rng, customer, "Accounts payable", email=_slug(f"ap.{name}"))
        first, last = self._person(rng)
        self._contact(rng, customer, f"{first} {last}", role=rng.choice((Contact.TECHNICAL, Contact.VIEWER)))
        sites = [
            self._business_site(rng, customer, what, name)
            for name in (
                _branches(rng) if what == "many" else ("Store" if what == "shop" else "Main building",)
            )
        ]
        self._agree(rng, customer, BUSINESS, sites)
        return self._payer(rng, customer, payer, BUSINESS_WAYS)

    def _exempt(self, rng, number):
        at = number // len(PATTERN)
        name = cast.EXEMPT[at % len(cast.EXEMPT)]
        name = name if at < len(cast.EXEMPT) else f"{name}, {number}"
        until_on = None if at % 3 else add_months(self.today, 8 if at % 2 else -2, 28)
        customer = self._customer(
            rng,
            number,
            name,
            kind=Customer.COMMERCIAL,
            terms_days=30,
            tax_exempt_number=f"TX-{rng.randrange(10**8, 10**9)}",
            tax_exempt_until_on=until_on,
        )
        first, last = self._person(rng)
        payer = self._contact(rng, customer, f"{first} {last}", email=_slug(f"office.{name}"))
        self._agree(rng, customer, EXEMPT, [self._business_site(rng, customer, "shop", "Main building")])
        return self._payer(rng, customer, payer, BUSINESS_WAYS)

    def _customer(self, rng, number, name, *, city=None, since_on=None, **fields):
        city, zips, _, _ = city or rng.choices(cast.PLACES, [place[3] for place in cast.PLACES])[0]
        since_on = since_on or self._signed_on(rng)
        return Customer.create(
            account_number=f"{since_on:%y}{number + 1:04d}",
            name=name,
            street=_street(rng),
            city=city,
            state="TX",
            zip=rng.choice(zips),
            since_on=since_on,
            **fields,
        )

    def _signed_on(self, rng):
        """Most were customers before the history begins; the others came in the course of it."""
        days = max((self.today - self.begins_on).days - 10, 1)
        if rng.random() < 0.78:
            return self.begins_on - timedelta(days=rng.randrange(30, 3000))
        return self.begins_on + timedelta(days=rng.randrange(days))

    def _contact(self, rng, customer, name, *, role=Contact.PAYER, email="", mail=True):
        email = self._free_email(email or _slug(name)) if mail else ""
        return Contact.create(customer=customer, name=name, email=email, phone=_phone(rng), role=role)

    def _free_email(self, local):
        number, email = 1, f"{local}@example.com"
        while email in self._emails:
            number += 1
            email = f"{local}{number}@example.com"
        self._emails.add(email)
        return email

    def _person(self, rng):
        while (person := (rng.choice(cast.FIRST_NAMES), rng.choice(cast.LAST_NAMES))) in self._names:
            pass
        self._names.add(person)
        return person

    def _business_name(self, rng):
        while True:
            pattern, what = rng.choice(cast.BUSINESSES)
            name = pattern.format(rng.choice(cast.LAST_NAMES))
            if name not in self._names:
                self._names.add(name)
                return name, what

    # --- What is installed

    def _site(self, customer, name, **place):
        where = {"street": customer.street, "city": customer.city, "state": "TX", "zip": customer.zip} | place
        jurisdiction = next(place[2] for place in cast.PLACES if place[0] == where["city"])
        return Site.create(customer=customer, name=name, jurisdiction=jurisdiction, **where)

    def _system(self, rng, site, kind, name, **fields):
        station = f"LS-{rng.randrange(1000, 9999)}"
        return System.create(site=site, kind=kind, name=name, station_number=station, **fields)

    def _home_site(self, rng, customer, name, *, move=None):
        """A home and what is charged for it: (site, [(item code, system, quantity)])."""
        site = self._site(customer, name, **(_elsewhere(move) if move else {}))
        if site.city == "Austin" and rng.random() < 0.7:
            site.permit_number = f"AUS-{rng.randrange(100000, 999999)}"
            site.save()
        if rng.random() < 0.08:
            return site, [("MON-MED", self._system(rng, site, "medical", "Medical pendant"), 1)]
        alarm = self._system(rng, site, "burglary", "Home alarm")
        wanted = [("MON-BURG", alarm, 1)]
        wanted += [
            (code, alarm, 1)
            for code, share in (("MON-CELL", 0.6), ("APP", 0.35), ("CARE", 0.12))
            if rng.random() < share
        ]
        if rng.random() < 0.2:
            wanted.append(
                ("CAM-STORE", self._system(rng, site, "cameras", "Cameras, outside"), rng.randrange(2, 6))
            )
        if rng.random() < 0.05:
            wanted.append(("MON-MED", self._system(rng, site, "medical", "Medical pendant"), 1))
        return site, wanted

    def _business_site(self, rng, customer, what, name):
        site = self._site(customer, name, **(_elsewhere(rng) if what == "many" else {}))
        alarm = self._system(rng, site, "burglary", "Intrusion alarm")
        wanted = [("MON-SHOP", alarm, 1), ("MON-CELL", alarm, 1)]
        if what in ("kitchen", "many") or rng.random() < 0.3:
            fire = self._system(rng, site, "fire", "Fire alarm panel", required_fire=True)
            wanted += [("MON-FIRE", fire, 1), ("TEST-FIRE", fire, 1)]
        if what == "yard" or rng.random() < 0.4:
            eyes = self._system(rng, site, "cameras", "Cameras")
            wanted.append(("CAM-STORE", eyes, rng.randrange(4, 17)))
        if what == "many" or rng.random() < 0.15:
            doors = self._system(rng, site, "access", "Door access")
            wanted.append(("ACC-DOOR", doors, rng.randrange(2, 9)))
        return site, wanted

    # --- What they agreed to

    def _agree(self, rng, customer, kind, sites):
        """One contract over all these sites, with its charges on the calendar."""
        home = kind == HOME
        contract = Contract.create(
            customer=customer,
            name="Monitoring agreement",
            audience=Contract.CONSUMER if home else Contract.BUSINESS,
            signed_on=customer.since_on - timedelta(days=rng.randrange(12)),
            starts_on=customer.since_on,
            term_months=rng.choice((12, 36, 36, 36) if home else (36, 60)),
            renewal_months=1 if home else 12,
        )
        terms = self._terms(rng, customer, kind)
        deal = rng.random() < (0.16 if home else 0.22)
        for site, wanted in sites:
            for at, (code, system, quantity) in enumerate(wanted):
                fields = self._deal(rng, code, terms, home) if deal and at == 0 else {}
                rhythm = terms | {"cycle_months": 12, "in_arrears": False} if code == "TEST-FIRE" else terms
                self._charge(contract, site, system, code, rhythm, quantity=quantity, **fields)

    def _terms(self, rng, customer, kind):
        cycle = chosen(rng, CYCLES[kind])
        anchor = chosen(rng, ((1, 34), (15, 14), (rng.randrange(2, 29), 44), (rng.choice((29, 30, 31)), 8)))
        starts_on = customer.since_on
        if starts_on < self.begins_on:  # billed elsewhere until then; spread over the cycle
            month = self.begins_on.month + rng.randrange(cycle)
            starts_on = on_day(self.begins_on.year, month, anchor)
        elif rng.random() < 0.5:
            anchor = starts_on.day
        arrears = kind == BUSINESS and cycle == 1 and rng.random() < 0.15
        return {"cycle_months": cycle, "anchor_day": anchor, "starts_on": starts_on, "in_arrears": arrears}

    def _deal(self, rng, code, terms, home):
        whole = self.items[code].unit_cents * terms["cycle_months"]
        cents = money.share(whole, rng.choice((5, 10, 10, 15)), 100)
        return {
            "discount_cents": cents,
            "discount_reason": rng.choice(cast.DISCOUNTS if home else cast.BUSINESS_DISCOUNTS),
        }

    def _charge(self, contract, site, system, code, terms, **fields):
        item = self.items[code]
        charge = Charge.create(
            contract=contract,
            site=site,
            system=system,
            item=item,
            unit_cents=item.unit_cents * terms["cycle_months"],
            **terms,
            **fields,
        )
        contracts.start(charge, by=cast.OFFICE, now=datetime.combine(contract.signed_on, time(17)))

    # --- How they pay

    def _payer(self, rng, customer, contact, ways):
        way, habit = chosen(rng, ways), chosen(rng, HABITS)
        if not contact.email and way in Payment.BY_PROCESSOR:
            way = Payment.CHECK
        label = {
            Payment.CARD: f"{chosen(rng, BRANDS)} ending {rng.randrange(1000, 9999)}",
            Payment.BANK: f"Bank account ending {rng.randrange(1000, 9999)}",
        }.get(way, "")
        self._wish(rng, contact, way)
        if contact.customer.pay_wish in (Customer.CARD_AUTOPAY, Customer.BANK_AUTOPAY):
            habit = ON_THE_DAY
        return Payer(customer, contact, way, label, habit, rng.randrange(1001, 8000))

    def _wish(self, rng, contact, way):
        """Some said how they want to be billed and reminded; the others get the defaults."""
        paper = way == Payment.CHECK and contact.email and rng.random() < 0.3
        online = way in Payment.BY_PROCESSOR
        if not (paper or rng.random() < (0.45 if online else 0.2)):
            return
        wish = {
            Payment.CARD: Customer.CARD_AUTOPAY,
            Payment.BANK: Customer.BANK_AUTOPAY,
            Payment.CHECK: Customer.CHECK,
        }
        reminded, days = rng.random() < 0.6, rng.choice((1, 2, 3, 5, 7))
        changes = {
            (Preference.REMINDER, Preference.MAIL): preferences.before(days) if reminded else preferences.NOT
        }
        if paper:
            changes |= {(Preference.INVOICE, Preference.PAPER): preferences.ALWAYS}
            changes |= {(Preference.INVOICE, Preference.MAIL): preferences.NOT}
        eve = max(contact.customer.since_on, self.begins_on) - timedelta(days=1)  # of the first invoice
        at = datetime.combine(eve, time(19, 30))
        told = {"by": f"customer:{contact.email or contact.name}", "now": at}
        if contact.email:
            preferences.choose(contact, changes, via=PreferenceChange.PAGE, **told)
        customers.choose_pay_wish(contact.customer, wish.get(way, Customer.REMINDERS), **told)


def _street(rng):
    return f"{rng.randrange(101, 13900)} {rng.choice(cast.STREETS)}"


def _elsewhere(rng):
    city, zips, _, _ = rng.choices(cast.PLACES, [place[3] for place in cast.PLACES])[0]
    return {"street": _street(rng), "city": city, "zip": rng.choice(zips)}


def _branches(rng):
    names = ("North", "South", "Downtown", "Lakeline", "Arboretum", "Mueller")
    return rng.sample(names, rng.randrange(2, 6))


def _phone(rng):
    return f"({rng.choice((512, 512, 737))}) 555-{rng.randrange(101, 200):04d}"


def _slug(text):
    return re.sub(r"[^a-z0-9]+", ".", text.lower().replace("’", "")).strip(".")[:50]


def first_day(today, months):
    """The first day of the month ``months`` before ``today``."""
    return date(today.year, today.month, 1) if months == 0 else add_months(today, -months, 1)
