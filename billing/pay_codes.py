"""The code beside the square code on paper: ten signs to type for who cannot scan a long address.

It belongs to one pay link, and lives and ends with it. Fifty random bits, only a slow hash of them is stored;
wrong ones are counted for each network and for all. What is limited is typing codes: a link, from a mail or
by the square code, opens whatever anybody tries here.
"""

import hashlib
import ipaddress
import secrets
from datetime import timedelta

from billing import company as companies
from billing import links
from billing.errors import BillingError
from models import CodeGuess, Invoice, Link, db

SIGNS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford: without I, L, O and U
LENGTH = 10
LOOK_ALIKES = str.maketrans("ILOU", "110V")
WITHIN = timedelta(hours=1)
MOST_WRONG, MOST_WRONG_OF_ALL = 10, 2_000  # a guess is right once in 10 billion where 100,000 codes live
KEPT = timedelta(days=1)
ROUNDS = 20_000
SHORT = "A code has ten letters and digits, such as K7Q2M-9XW4R. Please look at your paper again."
WRONG = (
    "We know no invoice by this code, or it is too old. Please look at your paper again; a B may be an 8, "
    "and an S a 5."
)


class TooMany(BillingError):
    """Wrong codes were typed too often; nothing is looked up for a while."""


def give(token):
    """Give the pay link of ``token`` a code, and return it as it is printed: “K7Q2M-9XW4R”."""
    code = "".join(secrets.choice(SIGNS) for _ in range(LENGTH))
    Link.update(code_hash=_hash(code)).where(
        (Link.token_hash == links.hashed(token)) & (Link.purpose == Link.PAY)
    ).execute()
    return f"{code[:5]}-{code[5:]}"


def read(typed):
    """What somebody typed as the ten signs of a code, or "" for what can be none.

    >>> read(" k7q2m 9xw4r"), read("K7Q2M-9XW4"), read("o1il0-OILU2")
    ('K7Q2M9XW4R', '', '01110011V2')
    """
    code = "".join(one for one in typed.upper() if one.isalnum()).translate(LOOK_ALIKES)
    return code if len(code) == LENGTH and set(code) <= set(SIGNS) else ""


def open_by(typed, *, address, now):
    """(token, whether it is of several invoices): a new link to what that of the code opens, for as long.

    address -- of the network, as the web server tells it

    Raises TooMany while too many were wrong, BillingError for one that opens nothing.
    """
    code = read(typed)
    if not code:
        raise BillingError(SHORT)
    network = _hash(f"{now:%Y-%m-%d} {_network(address)}")
    CodeGuess.delete().where(CodeGuess.at < now - KEPT).execute()
    guess = CodeGuess.create(network_hash=network, at=now)  # counted first: many at once are not more
    try:
        _check_count(network, now)
    except TooMany:
        guess.delete_instance()  # what is refused unseen is no guess: the hour ends
        raise
    link = _found(code, now)
    if link is None:
        raise BillingError(WRONG)
    with db.atomic():
        guess.delete_instance()
        return links.again(link, now=now), link.notice_id is not None


def _found(code, now):
    mine = (Link.purpose == Link.PAY) & (Link.code_hash == _hash(code)) & (Link.code_hash != "")
    alive = Link.revoked_at.is_null() & (Link.expires_at > now)
    return Link.select(Link, Invoice).join(Invoice).where(mine & alive).first()


def _check_count(network, now):
    recent = CodeGuess.at > now - WITHIN
    own = CodeGuess.select().where(recent & (CodeGuess.network_hash == network)).count()
    if own <= MOST_WRONG and CodeGuess.select().where(recent).count() <= MOST_WRONG_OF_ALL:
        return
    phone = companies.current().phone
    call = f", or call {phone}" if phone else ""
    raise TooMany(
        "Many codes were wrong within the last hour, so we take none for now. Please try again in an hour, "
        f"{'scan' if call else 'or scan'} the square code on your paper{call}."
    )


def _network(address):
    """What one household, or one machine, has: an address, or its network where it has very many."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((found, 64), strict=False)) if found.version == 6 else str(found)


def _hash(secret):
    """Slow on purpose: few bits would be found out quickly by who stole the table."""
    return hashlib.pbkdf2_hmac("sha256", secret.encode(), b"a code on paper", ROUNDS).hex()
