"""From rows to Agreements, set-based: what a contract says, where it is protected, who reads its letters.

Only reading. A contract's places are the sites that it charges for, else all of the customer's; the bill's
state and the law that it names count beside them.
"""

from typing import NamedTuple

from peewee import JOIN

from billing import company as companies
from billing import localtime, preferences
from billing.renewals import places
from billing.renewals.terms import Agreement, Place
from models import Charge, Consent, Contact, Contract, Customer, ImportBatch, Preference, Site, among

CHUNK = 500


class Party(NamedTuple):
    """A contract with all that its notices depend on. ``zone``: the clock of the protected place."""

    contract: Contract
    agreement: Agreement
    zone: str
    reader: Contact | None  # who is written to; None: paper to the customer
    has_email: bool
    may_write: bool  # agreed that e-mail counts as writing

    home: str  # the company's clock, by which the business day is told

    def __str__(self):
        return str(self.contract)

    def day(self, today, now):
        """The calendar day at the protected place while the company's is ``today``, at ``now``."""
        return today + (self.date(now) - localtime.day(now, self.home))

    def date(self, at):
        """The calendar day at the protected place at an instant."""
        return localtime.day(at, self.zone)


def of(contract):
    """The Party of one contract."""
    return parties([contract.id])[0]


def running():
    """A query of the ids of contracts whose end matters: they run, and their customers are not mute."""
    return (
        Contract.select(Contract.id)
        .join(Customer)
        .join(ImportBatch, JOIN.LEFT_OUTER)
        .where(
            Contract.ends_on.is_null()
            & Customer.closed_on.is_null()
            & (ImportBatch.id.is_null() | (ImportBatch.state == ImportBatch.RELEASED))
        )
        .order_by(Contract.id)
    )


def chunks(ids):
    """Lists of Parties, a few hundred at a time; memory stays flat however many there are."""
    ids = list(ids)
    for at in range(0, len(ids), CHUNK):
        yield parties(ids[at : at + CHUNK])


def by_contract(rows):
    """{contract id: Party} of rows that have a contract, with few queries."""
    ids = sorted({row.contract_id for row in rows})
    return {party.contract.id: party for some in chunks(ids) for party in some}


def parties(contract_ids):
    """The Parties of contracts, in their order, with six queries however many they are."""
    contracts = list(
        Contract.select(Contract, Customer)
        .join(Customer)
        .where(among(Contract.id, contract_ids))
        .order_by(Contract.id)
    )
    customer_ids = {contract.customer_id for contract in contracts}
    charged, owned = _charged_sites(contract_ids), _owned_sites(customer_ids)
    readers, consents = _readers(customer_ids), _consents(customer_ids)
    on_paper = _on_paper(customer_ids)
    otherwise = companies.current().time_zone
    found = []
    for contract in contracts:
        sites = charged.get(contract.id) or owned.get(contract.customer_id, [])
        reader, address = _reader(readers.get(contract.customer_id, ()))
        found.append(
            Party(
                contract,
                agreement(contract, contract.customer, sites),
                zone(sites, contract.customer, otherwise),
                reader,
                bool(address) and reader.id not in on_paper,
                bool(address) and (reader.id, address.lower()) in consents,
                otherwise,
            )
        )
    return found


def agreement(contract, customer, sites):
    """The Agreement of a contract row, stored or just typed; ``sites`` are the protected places."""
    return Agreement(
        places=_places(contract, customer, sites),
        audience=contract.audience,
        starts_on=contract.starts_on,
        term_months=contract.term_months,
        renewal_months=contract.renewal_months,
        notice_days=contract.notice_days,
        auto_renew=contract.auto_renew,
        ends_on=contract.ends_on,
        term_ends_on=contract.term_ends_on,
        monthly_from_on=contract.renews_monthly_from_on,
        signed_online=contract.signed_online,
        signup_medium=contract.signup_medium,
        disclosure_on=contract.renewal_disclosure_signed_on,
        requested_on=contract.renewal_requested_on,
        leased=contract.leased_equipment,
    )


def _places(contract, customer, sites):
    """Each state once, the protected places first."""
    found = {}
    for site in sites:
        found.setdefault(site.state, f"the site {site.name} is in {places.name(site.state)}")
    if contract.governing_state:
        law = places.name(contract.governing_state)
        found.setdefault(contract.governing_state, f"the contract names the law of {law}")
    found.setdefault(customer.state, f"the bill goes to {places.name(customer.state)}")
    return tuple(Place(state, why) for state, why in found.items() if state)


def zone(sites, customer, otherwise):
    """The time zone of the first protected place, else of its state, else the company's."""
    for site in sites:
        if site.time_zone:
            return site.time_zone
    state = sites[0].state if sites else customer.state
    return places.zone(state, otherwise=otherwise)


def sites_of(contract):
    """The protected places of one contract: those that it charges for, else all of its customer's."""
    charged = _charged_sites([contract.id]).get(contract.id) if contract.id else None
    return charged or _owned_sites([contract.customer_id]).get(contract.customer_id, [])


def _charged_sites(contract_ids):
    """{contract id: its sites} of the charges that run."""
    rows = (
        Charge.select(Charge.contract, Site)
        .join(Site)
        .where(among(Charge.contract, contract_ids) & Charge.ends_on.is_null())
        .order_by(Charge.id)
    )
    found = {}
    for row in rows:
        sites = found.setdefault(row.contract_id, [])
        if row.site not in sites:
            sites.append(row.site)
    return found


def _owned_sites(customer_ids):
    found = {}
    for site in Site.select().where(among(Site.customer, customer_ids)).order_by(Site.id):
        found.setdefault(site.customer_id, []).append(site)
    return found


def _readers(customer_ids):
    """{customer id: its payers}, longest known first."""
    rows = Contact.select().where(among(Contact.customer, customer_ids) & Contact.PAYS)
    found = {}
    for contact in rows.order_by(Contact.id):
        found.setdefault(contact.customer_id, []).append(contact)
    return found


def _reader(contacts):
    """(who is written to, an address that works): the first that mail reaches, else the first of all."""
    for contact in contacts:
        if contact.email and contact.bounced_at is None:
            return contact, contact.email
    return (contacts[0], "") if contacts else (None, "")


def _on_paper(customer_ids):
    """The ids of those who chose to hear of this on paper and not by mail: paper serves every law."""
    chose = (
        Preference.select(Preference.contact)
        .join(Contact)
        .where(
            among(Contact.customer, customer_ids)
            & (Preference.event == Preference.CONTRACT_END)
            & (Preference.channel == Preference.MAIL)
            & (Preference.timing == Preference.NEVER)
        )
    )
    ids = [id for (id,) in chose.tuples()]
    found = preferences.of_contacts(ids) if ids else {}
    return {id for id, own in found.items() if not own.wants(Preference.CONTRACT_END, Preference.MAIL)}


def _consents(customer_ids):
    """{(contact id, address)}: who agreed to get legal notices by e-mail, there."""
    rows = (
        Consent.select(Consent.contact, Consent.address_or_number)
        .join(Contact)
        .where(
            among(Contact.customer, customer_ids)
            & (Consent.kind == Consent.ELECTRONIC)
            & Consent.withdrawn_at.is_null()
        )
    )
    return {(contact_id, address.lower()) for contact_id, address in rows.tuples()}
