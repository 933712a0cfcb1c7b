"""Sending texts through Apprise: one address in the settings, whichever provider it names.

Apprise answers yes or no and tells the rest to its log, so its log is read here: what a provider refused,
what may have left, what never got there. Which words a text has is decided in ``letters``, when it leaves in
``billing.outbox``.
"""

import io
import logging
import re
import warnings
from urllib.parse import quote

from billing.outbox import MailNotSent

TIMEOUTS = "cto=5&rto=10"  # to connect, to be answered
REFUSED = (400, 404, 422)  # by the provider: this number, or this text, never
STATUS = re.compile(r"error=(\d{3})")
NOT_REACHED = re.compile(r"NewConnectionError|ConnectTimeout|NameResolutionError|Connection refused")


class Texter:
    """Sends texts for an app; without an address in the settings it refuses each one."""

    def __init__(self, app):
        self._app, self._url = app, app.config["TEXT_URL"]

    def send(self, notice, letter):
        """Send ``letter`` to the notice's number. Raises MailNotSent, which says what is known."""
        if not self._url:
            raise MailNotSent("No texts are sent: PORCHLIGHT_TEXT_URL is empty.", permanent=True)
        with _Heard() as heard:
            sent = self._service(notice).notify(body=letter.text, title="")
        if not sent:
            raise _trouble(heard.getvalue())

    def _service(self, notice):
        now = self._app.clock.local(self._app.clock.now())
        about = {"to": notice.address.removeprefix("+"), "id": str(notice.id), "sent": now.isoformat()}
        address = self._url
        for name, value in about.items():
            address = address.replace(f"{{{name}}}", quote(value, safe=""))
        return _apprise(address)


def _apprise(address):
    """Apprise's object for one recipient."""
    joint = "&" if "?" in address else "?"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some of its providers use what a later Python removes
        import apprise  # loads every provider that it knows: only where texts are sent

        found = apprise.Apprise.instantiate(f"{address}{joint}{TIMEOUTS}")
    if found is None:
        raise MailNotSent("PORCHLIGHT_TEXT_URL is no address that Apprise understands.")
    return found


def _trouble(log):
    """The MailNotSent that Apprise's log tells of; doubtful where it does not say what happened."""
    if found := STATUS.search(log):
        status = int(found[1])
        words = f"The text provider refused it ({status})."
        return MailNotSent(words, permanent=status in REFUSED, in_doubt=status >= 500)
    if NOT_REACHED.search(log):
        return MailNotSent("The text provider cannot be reached.")
    return MailNotSent("The text provider gave no answer; the text may have left.", in_doubt=True)


class _Heard(io.StringIO):
    """What Apprise says while it sends; none of it reaches our log, because it says secrets too."""

    def __enter__(self):
        logger = logging.getLogger("apprise")
        self._handler, self._before = logging.StreamHandler(self), (logger.level, logger.propagate)
        logger.addHandler(self._handler)
        logger.setLevel(logging.DEBUG)
        logger.propagate = False
        return self

    def __exit__(self, *_):
        logger = logging.getLogger("apprise")
        logger.removeHandler(self._handler)
        level, logger.propagate = self._before
        logger.setLevel(level)
