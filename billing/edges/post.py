"""Sends every message by its channel: mail by the mailer, a text by the texter. Decides nothing else."""

from billing.edges.mail import Mailer
from billing.edges.texts import Texter
from models import Notice


class Post:
    """The sender of an app. Not shared between threads; each makes its own."""

    def __init__(self, app):
        self._mailer, self._texter = Mailer(app), Texter(app)

    def send(self, notice, letter):
        """Send ``letter`` by the notice's channel. Raises MailNotSent, which says what is known.

        Mail is handed over: it returns what waits for the server's word and raises MailNotSent as well.
        """
        if notice.channel == Notice.TEXT:
            return self._texter.send(notice, letter)
        return self._mailer.begin(notice, letter)

    def reach(self):
        """Open the connection before anything is composed for it. Raises MailNotSent, unreachable."""
        self._mailer.reach()

    def close(self):
        """Hang up."""
        self._mailer.close()
