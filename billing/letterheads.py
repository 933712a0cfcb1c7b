"""The company at the top of every page, paper and mail, and its logo. Not here: what stands below it."""

import base64
import functools
import re
from dataclasses import dataclass

from billing import words


@dataclass(frozen=True)
class Letterhead:
    """The company as printed. ``logo_uri`` is a data: URI, empty when there is no picture to show."""

    name: str
    legal_name: str
    address_lines: tuple[str, ...]
    phone: str
    phone_hours: str
    email: str
    license_number: str
    payable_to: str
    remit_lines: tuple[str, ...]
    logo_uri: str = ""

    @property
    def phone_link(self):
        """The phone number as a tel: link wants it."""
        return re.sub(r"[^\d+]", "", self.phone)


def of(company):
    """The Letterhead of a Company row."""
    return Letterhead(
        name=company.name,
        legal_name=company.legal_name or company.name,
        address_lines=tuple(company.address_lines),
        phone=company.phone,
        phone_hours=words.unbroken(company.phone_hours),
        email=company.email,
        license_number=company.license_number,
        payable_to=company.payable_to or company.legal_name or company.name,
        remit_lines=tuple(company.remit_lines),
        logo_uri=logo_uri(company.logo),
    )


_PICTURES = ((b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"))


def picture_kind(blob):
    """The media type of an uploaded logo judged by its bytes, or "" when it is not one that we show.

    PNG and JPEG only: an SVG is a program that may ask for files and addresses.
    """
    return next((kind for start, kind in _PICTURES if bytes(blob or b"").startswith(start)), "")


def logo_uri(blob):
    """A logo as a data: URI, so that nothing has to be fetched to show it; "" when it is no picture."""
    return _as_uri(bytes(blob or b""))


@functools.lru_cache(4)
def _as_uri(blob):
    kind = picture_kind(blob)
    return f"data:{kind};base64,{base64.b64encode(blob).decode()}" if kind else ""
