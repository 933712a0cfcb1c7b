"""A way into the back office for tests: somebody of a role at their browser, with the form token at hand.

The session is laid directly, because hashing a password for every test would take most of the time; the
real sign-in has tests of its own (test_staff_sign_in.py).
"""

import re
import time
from datetime import datetime

from admin import security
from models import Staff

NOW = datetime(2026, 12, 1, 18, 0)
PASSWORD = "a long enough secret"
NAMES = {"owner": "Olga Owner", "billing": "Bill Ing", "support": "Sam Support", "read_only": "Rita Reader"}


def make_staff(role="owner", *, name=None, email=None, **fields):
    """A member of staff without a password: nobody signs in as them but ``enter``."""
    email = email or f"{role}@lantern.example"
    return Staff.create(email=email, name=name or NAMES[role], role=role, **fields)


def enter(app, role="owner", row=None):
    """Somebody of ``role``, signed in: a Desk."""
    row = row or Staff.get_or_none(Staff.email == f"{role}@lantern.example") or make_staff(role)
    client = app.test_client()
    with client.session_transaction() as session:
        session["_user_id"] = security.Person(row).get_id()
        session["_fresh"] = True
        session["staff_since"] = time.time()
    return Desk(client, row)


class Desk:
    """A signed-in browser. ``get`` and ``post`` return the response; ``post`` brings the token along."""

    def __init__(self, client, row=None):
        self.client, self.row = client, row
        self._token = None

    def get(self, path, **query):
        return self.client.get(path, query_string=query or None)

    def post(self, path, follow_redirects=False, **data):
        return self.client.post(
            path, data={"csrf_token": self.token(), **data}, follow_redirects=follow_redirects
        )

    def token(self):
        if self._token is None:
            page = self.client.get("/staff/password").text
            self._token = re.search(r'name="csrf_token" value="([^"]+)"', page)[1]
        return self._token

    def act(self, screen, action, *rows, follow_redirects=True, **data):
        """Perform an action on rows, as its confirmation page would send it."""
        click = data.pop("click", f"click-{time.perf_counter_ns()}")
        return self.post(
            f"/staff/{screen}/act/{action}",
            follow_redirects=follow_redirects,
            id=[row.id for row in rows],
            click=click,
            **data,
        )


def text_of(response):
    """What a page says, without its tags and with single spaces."""
    body = re.sub(r"</?(strong|b|a|span|time|small|wbr)\b[^>]*>", "", response.text)
    body = re.sub(r"<script.*?</script>|<[^>]+>", " ", body, flags=re.S)
    return re.sub(r"\s+", " ", body.replace("&#39;", "'").replace("&#34;", '"').replace("&amp;", "&"))


def rows_of(response):
    """The headings of the rows in a list, in order."""
    return re.findall(r'<th scope="row"><a href="[^"]+">([^<]*)</a>', response.text)
