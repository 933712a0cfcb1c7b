"""Contracts of the demo company that end: where fire monitoring is required, its authority is told first."""

from billing import authorities, contracts


def end(contract, *, on, reason_code, by, today, now):
    """End a contract as the office does it. Returns the credits that were made."""
    if authorities.required(contract):
        town = contract.customer.city
        authorities.record(
            contract, authority=f"{town} Fire Marshal", address=f"1 Station Street, {town}, TX",
            ends_on=on, sent_on=min(today, on), medium="email", proof="They confirmed it by mail.",
            by=by, today=today, now=now,
        )  # fmt: skip
    return contracts.end(contract, on=on, reason_code=reason_code, by=by, today=today, now=now)
