"""The address that answers come to: it names the message that is answered, and only we can write it.

``reply+<notice>-<proof>@our.domain``: the number of the notice, and an HMAC of it with the app's secret.
No personal data, no difference between capital and small letters, short enough for every mail program. It is
the Reply-To and the envelope sender of what we send, so answers and failure reports alike come back by it;
Message-IDs carry the same proof. A subject, or a sender, is never believed to say what is answered.
"""

import base64
import hashlib
import hmac
import re

PROOF_CHARACTERS = 16  # 80 bits: whoever guesses one has to send that many mails
HIGHEST_ID = 2**31 - 1


class Replies:
    """Writes and reads the signed addresses of one installation.

    secret  -- the app's secret key; when it changes, answers to older messages go to a person
    address -- such as ``reply@billing.example.com``; empty: answers are not read, nothing is signed
    host    -- the domain of our Message-IDs
    """

    def __init__(self, secret, address, host):
        self._secret = secret.encode()
        self._local, _, self._domain = address.lower().rpartition("@")
        self._host = host.lower()
        signed = rf"(\d{{1,10}})-([a-z2-7]{{{PROOF_CHARACTERS}}})"
        self._address = re.compile(rf"{re.escape(self._local)}\+{signed}@{re.escape(self._domain)}(?![\w.-])")
        self._message_id = re.compile(rf"<notice-{signed}@{re.escape(self._host)}>")

    def token_for(self, notice_id):
        """What is signed: the notice's number and its proof."""
        mac = hmac.new(self._secret, b"reply:%d" % notice_id, hashlib.sha256).digest()
        return f"{notice_id}-{base64.b32encode(mac).decode().lower()[:PROOF_CHARACTERS]}"

    def address_for(self, notice_id):
        """Where answers to this notice, and reports about it, should come; empty when none are read."""
        return f"{self._local}+{self.token_for(notice_id)}@{self._domain}" if self._local else ""

    def message_id(self, notice_id):
        """The Message-ID of a notice: the same however often it is sent."""
        return f"<notice-{self.token_for(notice_id)}@{self._host}>"

    def notice_of(self, *texts):
        """The number of the notice that the first rightly signed address or Message-ID names, or None."""
        for text in texts:
            for pattern in (self._address, self._message_id):
                for match in pattern.finditer(text.lower()):
                    if (notice_id := self._signed(match)) is not None:
                        return notice_id
        return None

    def is_own(self, message_id):
        """True for the Message-ID of a message that we sent ourselves."""
        match = self._message_id.fullmatch(message_id.strip().lower())
        return match is not None and self._signed(match) is not None

    def _signed(self, match):
        notice_id = int(match[1])
        right = hmac.compare_digest(self.token_for(notice_id), f"{notice_id}-{match[2]}")
        return notice_id if right and notice_id <= HIGHEST_ID else None
