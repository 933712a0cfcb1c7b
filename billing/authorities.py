"""Required fire monitoring and the authority that requires it: told in writing first, with proof.

A fire code official must be told in writing when monitoring of a required system ends (section 901.9 of the
International Fire Code). So no contract with such monitoring ends before that is recorded; nothing here ends
one by itself. The database refuses the same (migrations/0016). Not here: ending (contracts.py, renewals/).
"""

from dataclasses import dataclass
from datetime import date

from billing import events, words
from billing.errors import BillingError
from models import AuthorityNotice, Charge, Contract, Site, System, db


@dataclass(frozen=True)
class Fire:
    """One required system: what it is, where, and its number at the monitoring station."""

    name: str
    site: str
    address: str
    station_number: str


@dataclass(frozen=True)
class AuthorityLetter:
    """The letter to the authority, as printed. ``verb``: ends, or is suspended."""

    company: object
    authority: str
    address_lines: tuple[str, ...]
    customer_name: str
    account_number: str
    written_on: date
    ends_on: date
    verb: str
    systems: tuple[Fire, ...]


# --- Asking --------------------------------------------------------------------------------------


def required(contract):
    """The Fire systems of a contract whose monitoring an authority requires; () for most contracts.

    A charge names its system; one that names none counts for whatever is required at its site.
    """
    query = (
        System.select(System, Site)
        .join(Site)
        .join(
            Charge,
            on=(Charge.system == System.id) | (Charge.system.is_null() & (Charge.site == System.site)),
        )
        .where((Charge.contract == contract) & System.required_fire)
        .order_by(System.id)
        .distinct()
    )
    return tuple(
        Fire(system.name, system.site.name, ", ".join(system.site.address_lines), system.station_number)
        for system in query
    )


def told(contract, *, by_on=None, kind=AuthorityNotice.ENDED):
    """The AuthorityNotice that lets a contract's monitoring end on ``by_on``, or None.

    It must name that day or an earlier one: an authority that was told a later day believes itself guarded.
    """
    query = contract.authority_notices.where(AuthorityNotice.kind == kind)
    if by_on is not None:
        query = query.where(AuthorityNotice.ends_on <= by_on)
    return query.order_by(AuthorityNotice.id.desc()).first()


def missing(contract, on, *, kind=AuthorityNotice.ENDED):
    """What is missing before monitoring may end (or rest) after ``on``, as a sentence; "" for nothing."""
    systems = required(contract)
    if not systems or told(contract, by_on=on, kind=kind):
        return ""
    names = words.joined(f"{one.name} at {one.site}" for one in systems)
    verb = "ends" if kind == AuthorityNotice.ENDED else "rests"
    return (
        f"The authority requires the monitoring of {names}. Before it {verb} on {words.date(on)}, tell the "
        "authority in writing and record that notice with its proof."
    )


def refuse(contract, on, *, kind=AuthorityNotice.ENDED):
    """Raise BillingError while the authority was not told."""
    if sentence := missing(contract, on, kind=kind):
        raise BillingError(sentence)


# --- Doing ---------------------------------------------------------------------------------------


def record(contract, *, authority, address, ends_on, sent_on, medium, proof, by, today, now, kind="ended"):
    """Record that the authority was told in writing. Returns the AuthorityNotice, which stands for good.

    ends_on -- the last day of monitoring that the letter names
    proof   -- the certified number, the confirmation, or who took it
    """
    if not required(contract):
        raise BillingError("No system of this contract is marked as required by the fire authority.")
    if not authority.strip() or not proof.strip():
        raise BillingError("Say which authority was told, and what proves it.")
    if sent_on > today:
        raise BillingError("That day has not come yet: record it once it was sent.")
    if ends_on < sent_on:
        raise BillingError("The authority must be told before the monitoring ends, not after.")
    with db.atomic():
        row = AuthorityNotice.create(
            contract=contract, kind=kind, authority=authority.strip(), address=address.strip(),
            ends_on=ends_on, sent_on=sent_on, medium=medium, proof=proof.strip(), by=by, at=now,
        )  # fmt: skip
        events.record(
            "authority_notice.recorded", row, by=by, now=now, customer=contract.customer,
            after={"authority": row.authority, "sent": sent_on, "ends": ends_on},
        )  # fmt: skip
    return row


def letter(contract, *, company, authority, address, ends_on, today, kind=AuthorityNotice.ENDED):
    """The AuthorityLetter of a contract; ``company`` is a Letterhead."""
    return AuthorityLetter(
        company=company,
        authority=authority.strip(),
        address_lines=_lines(address),
        customer_name=contract.customer.name,
        account_number=contract.customer.account_number,
        written_on=today,
        ends_on=ends_on,
        verb="ends" if kind == AuthorityNotice.ENDED else "is suspended",
        systems=required(contract),
    )


def _lines(address):
    """An address with commas, as lines: town, state and ZIP stay together."""
    parts = [part.strip() for part in address.split(",") if part.strip()]
    return (*parts[:-2], ", ".join(parts[-2:])) if parts else ()


def known(contract):
    """(authority, address) that was told last about a system in the same town, or ("", ""): a good guess."""
    towns = {site.city for site in contract.customer.sites}
    query = (
        AuthorityNotice.select(AuthorityNotice, Contract)
        .join(Contract)
        .where(Contract.customer << Site.select(Site.customer).where(Site.city << list(towns)))
        .order_by(AuthorityNotice.id.desc())
    )
    row = query.first()
    return (row.authority, row.address) if row else ("", "")
