"""The seal on a certificate: whoever holds the paper can have us say whether it is ours, and still true.

A code of span, time and fingerprint, signed with the application's secret. Not here: what the fingerprint
is made of (billing/reconciliation/certificates.py).
"""

import hashlib
import hmac
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


def verify(content, secret):
    """Read a seal from the bytes of a PDF or from typed text, and compare it. Returns Sealed.

    Raises BillingError when there is none, or when it was not made here or was changed since.
    """
    match = _find(content if isinstance(content, bytes) else content.encode())
    if match is None:
        raise BillingError("There is no seal in it. Choose the PDF as it was made, or paste the whole code.")
    told, _, given = match[0].rpartition(".")
    if not hmac.compare_digest(_signature(told, secret), given):
        raise BillingError("This seal is not ours: the certificate was changed, or made elsewhere.")
    try:
        first, last = (datetime.strptime(match[at], "%Y%m%d").date() for at in (1, 2))
        made_at = datetime.strptime(match[3], "%Y%m%dT%H%M%S")
    except ValueError:
        raise BillingError("This seal cannot be read.") from None
    return Sealed(first, last, made_at, match[4], certificates.fingerprint(first, last) == match[4])


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
