"""The code beside the square code on paper: ten signs to type for who cannot scan a long address.

It belongs to one pay link, and lives and ends with it. Of its fifty random bits only a hash is stored, keyed
with the app's secret: the table alone gives away no code, and no address of who typed a wrong one. Those are
counted for each network, for what it belongs to, and for all. What is limited is typing codes: a link, from a
mail or by the square code, opens whatever anybody tries here.
"""

import hashlib
import hmac
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
# A guess is right once in 10 billion where 100,000 codes live: were all that may be guessed wrong all year,
# one would be found in 60 years.
MOST_WRONG, MOST_WRONG_AROUND, MOST_WRONG_OF_ALL = 10, 100, 20_000
NARROW, WIDE = 64, 48  # of an IPv6 address: a household or machine, and what one owner easily has
KEPT = timedelta(days=1)
HALF = 32  # of a stored hash: the first is of the wide network, the second of the narrow one
SHORT = "A code has ten letters and digits, such as K7Q2M-9XW4R. Please look at your invoice or letter again."
WRONG = (
    "We know no invoice by this code, or it is too old. Please look at your invoice or letter again; a B may "
    "be an 8, and an S a 5."
)


class TooMany(BillingError):
    """Wrong codes were typed too often; nothing is looked up for a while."""


def give(token, *, secret):
    """Give the pay link of ``token`` a code, and return it as it is printed: “K7Q2M-9XW4R”.

    secret -- the app's; while it is known, if only as an earlier one, the code opens
    """
    code = "".join(secrets.choice(SIGNS) for _ in range(LENGTH))
    Link.update(code_hash=_code_hash(code, secret)).where(
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


def open_by(typed, *, address, secrets, now):
    """(token, whether it is of several invoices): a new link to what that of the code opens, for as long.

    address -- of the network, as the web server tells it
    secrets -- the app's secret, and what it was before

    Raises TooMany while too many were wrong, BillingError for one that opens nothing.
    """
    code = read(typed)
    if not code:
        raise BillingError(SHORT)
    network = "".join(_hash("network", name, secrets[0])[:HALF] for name in _networks(address))
    CodeGuess.delete().where(CodeGuess.at < now - KEPT).execute()
    guess = CodeGuess.create(network_hash=network, at=now)  # counted first: many at once are not more
    try:
        _check_count(network, now)
    except TooMany:
        guess.delete_instance()  # what is refused unseen is no guess: the hour ends
        raise
    link = _found([_code_hash(code, secret) for secret in secrets], now)
    if link is None:
        raise BillingError(WRONG)
    with db.atomic():
        guess.delete_instance()
        return links.again(link, now=now), link.notice_id is not None


def _found(hashes, now):
    mine = (Link.purpose == Link.PAY) & Link.code_hash.in_(hashes) & (Link.code_hash != "")
    alive = Link.revoked_at.is_null() & (Link.expires_at > now)
    return Link.select(Link, Invoice).join(Invoice).where(mine & alive).first()


def _check_count(network, now):
    recent, around = CodeGuess.at > now - WITHIN, network[:HALF]
    counted = (
        (CodeGuess.network_hash == network, MOST_WRONG),
        (CodeGuess.network_hash.between(around, f"{around}g"), MOST_WRONG_AROUND),
        (True, MOST_WRONG_OF_ALL),
    )
    if all(CodeGuess.select().where(recent & theirs).count() <= most for theirs, most in counted):
        return
    phone = companies.current().phone
    call = f", or call {phone}" if phone else ""
    raise TooMany(
        "Many codes were wrong within the last hour, so we take none for now. Please try again in an hour, "
        f"{'scan' if call else 'or scan'} the square code on your invoice or letter{call}."
    )


def _networks(address):
    """What one owner has many of, and what one household or machine has. Of IPv4 both are the address."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address, address
    found = getattr(found, "ipv4_mapped", None) or found
    if found.version == 4:
        return str(found), str(found)
    return tuple(str(ipaddress.ip_network((found, length), strict=False)) for length in (WIDE, NARROW))


def _code_hash(code, secret):
    return _hash("code", code, secret)


def _hash(what, text, secret):
    """Keyed: without the secret, trying all codes or addresses finds out none."""
    return hmac.new(secret.encode(), f"paper {what}|{text}".encode(), hashlib.sha256).hexdigest()
