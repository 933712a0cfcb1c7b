"""The texts that come with the product: files, version 0 of every kind, channel and language.

``templates/mail/<language>/<kind>.md`` has its subject on the first line;
``templates/text/<language>/<kind>.txt`` is all body.
"""

import functools
import hashlib
from pathlib import Path

from billing.wording.rendering import Text
from models import Template

TEMPLATES = Path(__file__).parents[2] / "templates"
SUBJECT = "Subject: "


@functools.lru_cache(400)
def of(kind, channel, language):
    """The Text of a default, in English where ``language`` has none; None where there is none at all."""
    for wanted in dict.fromkeys((language, "en")):
        path = _path(kind, channel, wanted)
        if path.exists():
            return _read(path, channel)
    return None


def _path(kind, channel, language):
    ending = "md" if channel == Template.MAIL else "txt"
    return TEMPLATES / channel / language / f"{kind}.{ending}"


def _read(path, channel):
    source = path.read_text("utf-8")
    if channel == Template.TEXT:
        return Text("", source.strip())
    subject, _, body = source.partition("\n")
    return Text(subject.removeprefix(SUBJECT).strip(), body.strip() + "\n")


def kinds(channel):
    """The kinds that have a default on a channel."""
    return [path.stem for path in sorted((TEMPLATES / channel / "en").iterdir())]


@functools.lru_cache(200)
def sha256(text):
    """What a notice remembers of the Text that it was written by."""
    return hashlib.sha256(f"{text.subject}\n{text.body}".encode()).hexdigest()
