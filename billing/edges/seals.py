"""Seals: whoever holds a certificate or a proof pack can have us say whether it is ours, and still true.

A certificate carries a code of span, time and fingerprint, a proof pack a line behind the end of its file;
both are signed with the application's secret, and read with that or an earlier one: years later as well.
Not here: what the fingerprints are made of.
"""

import base64
import hashlib
import hmac
import json
import re
import zlib
from dataclasses import dataclass
from datetime import date, datetime

from billing.errors import BillingError
from billing.reconciliation import certificates

CODE = re.compile(r"PLC1\.(\d{8})\.(\d{8})\.(\d{8}T\d{6})\.([0-9a-f]{64})\.([0-9a-f]{64})")
MOST_BYTES = 4_000_000


@dataclass(frozen=True)
class Sealed:
    """What a genuine seal says. ``agrees``: the books still give the same fingerprint."""

    first: date
    last: date
    made_at: datetime  # naive UTC
    fingerprint: str
    agrees: bool


def seal(certificate, secret):
    """The code that is printed on a certificate."""
    told = ".".join(
        (
            "PLC1",
            f"{certificate.first:%Y%m%d}",
            f"{certificate.last:%Y%m%d}",
            f"{certificate.made_at:%Y%m%dT%H%M%S}",
            certificate.fingerprint,
        )
    )
    return f"{told}.{_signature(told, secret)}"


def verify(content, *secrets):
    """Read a seal from the bytes of a PDF or from typed text, and compare it. Returns Sealed.

    secrets -- one of which it must have been made with

    Raises BillingError when there is none, or when it was not made here or was changed since.
    """
    match = _find(content if isinstance(content, bytes) else content.encode())
    if match is None:
        raise BillingError("There is no seal in it. Choose the PDF as it was made, or paste the whole code.")
    told, _, given = match[0].rpartition(".")
    if not _is_any(given, (_signature(told, secret) for secret in secrets)):
        raise BillingError("This seal is not ours: the certificate was changed, or made elsewhere.")
    try:
        first, last = (datetime.strptime(match[at], "%Y%m%d").date() for at in (1, 2))
        made_at = datetime.strptime(match[3], "%Y%m%dT%H%M%S")
    except ValueError:
        raise BillingError("This seal cannot be read.") from None
    return Sealed(first, last, made_at, match[4], certificates.fingerprint(first, last) == match[4])


def _is_any(given, signatures):
    return any(hmac.compare_digest(one, given) for one in signatures)


def _signature(told, secret):
    key = secret if isinstance(secret, bytes) else secret.encode()
    return hmac.new(key, b"certificate|" + told.encode(), hashlib.sha256).hexdigest()


def _find(content):
    """The code in text or PDF: as it stands, with line breaks taken out, or inside of packed streams."""
    for text in _readings(content[:MOST_BYTES]):
        if match := CODE.search(re.sub(r"\s+", "", text)):
            return match
    return None


def _readings(content):
    yield content.decode("latin-1")
    for stream in re.findall(rb"stream\r?\n(.*?)endstream", content, re.DOTALL):
        unpack = zlib.decompressobj()
        try:
            yield unpack.decompress(stream, MOST_BYTES).decode("latin-1")
        except zlib.error:
            continue


# --- Files that are sealed whole -----------------------------------------------------------------

MARK = b"\n%PLP1."
PACK = re.compile(rb"%PLP1\.([A-Za-z0-9_-]+)\.([0-9a-f]{64})\s*$")


def _packed(content, told):
    """``told`` and the fingerprint of ``content``, in letters that a PDF may hold."""
    said = {**told, "file": hashlib.sha256(content).hexdigest()}
    packed = json.dumps(said, separators=(",", ":"), sort_keys=True).encode()
    return base64.urlsafe_b64encode(packed).rstrip(b"=")


def sealed(content, told, secret):
    """The bytes of a PDF with a seal behind its end, where readers of PDF look no more.

    told -- plain values that the seal keeps, such as the fingerprints of the file's parts
    """
    packed = _packed(content, told)
    return content + MARK + packed + b"." + _file_signature(packed, secret).encode() + b"\n"


def opened(content, *secrets):
    """What a seal told, from the bytes of a file. A single byte that was changed is found.

    secrets -- one of which it must have been made with

    Raises BillingError when there is no seal, when it is not ours, and when the file is not as it was sealed.
    """
    found = PACK.search(content)
    if found is None:
        raise BillingError("There is no seal at the end of it. Choose the file as it was made.")
    if not _is_any(found[2].decode(), (_file_signature(found[1], secret) for secret in secrets)):
        raise BillingError("This seal is not ours: it was made elsewhere, or was changed.")
    told = json.loads(base64.urlsafe_b64decode(found[1] + b"=" * (-len(found[1]) % 4)))
    before = content[: found.start() - 1]
    if not hmac.compare_digest(hashlib.sha256(before).hexdigest(), told.pop("file")):
        raise BillingError("The seal is ours, but the file is not as we made it: somebody changed it.")
    return told


def _file_signature(packed, secret):
    key = secret if isinstance(secret, bytes) else secret.encode()
    return hmac.new(key, b"file|" + packed, hashlib.sha256).hexdigest()
