"""Writing one message by the text that is in force, and by an older one where that fails."""

import logging
from dataclasses import dataclass

from billing.editions import versions
from billing.wording import defaults, writing
from billing.wording.rendering import CannotSay
from models import Template

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Written:
    """A finished message. ``template`` is None when it was written by the default text."""

    subject: str
    text: str
    html: str
    template: Template | None = None
    sha256: str = ""


def compose(kind, channel, context, tongue, *, now):
    """Write one message by the text that is in force; returns a Written.

    A text that fails is noted for staff, and the last good one is used: an older version, then the default.
    Raises CannotSay only when even the default fails, which is a bug.
    """
    failed = None
    for template, text in versions.candidates(kind, channel, tongue.code):
        try:
            return _written(kind, channel, context, tongue, text, template)
        except CannotSay as error:
            failed = error
            log.error("%s: %s", template or f"default text of {kind}", error)
            if template:
                versions.note_failure(template, str(error), now=now)
    raise failed or CannotSay(f"There is no text for {kind} by {channel}.")


def _written(kind, channel, context, tongue, text, template):
    subject, plain, html = writing.written_by(text, kind, channel, context, tongue)
    return Written(subject, plain, html, template, defaults.sha256(text))
