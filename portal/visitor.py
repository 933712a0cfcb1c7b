"""What we remember of a browser: who signed in, and which payments were started in it.

The signed cookie holds the token of a session whose hash lies in the database, so that signing out ends
it everywhere. Signed is not sealed, and whoever holds the browser can read the cookie: the only address
ever written into it is the one that this person has just shown to be theirs.
"""

import time

from flask import g, session

from billing import links

IDLE_SECONDS = 12 * 3600
SEEN_EVERY_SECONDS = 300
MOST_PAYMENTS = 10


def contact():
    """The Contact who is signed in here, or None. An idle session is over."""
    known = session.get("portal")
    if not known:
        return None
    idle = time.time() - known["seen"]
    try:
        if idle > IDLE_SECONDS:
            raise links.DeadLink("idle")
        found = links.session_contact(known["token"], now=g.now)
    except links.DeadLink:
        session.pop("portal")
        return None
    if idle > SEEN_EVERY_SECONDS:
        session["portal"] = {**known, "seen": int(time.time())}
    return found


def sign_in(contact, *, email=None):
    """Let this browser be ``contact`` from now on, under a new token.

    email -- the address that was proven to be theirs; the contact's own when they just used a mailed code
    """
    _end_session()
    session.pop("csrf_token", None)
    token = links.open_session(contact, now=g.now)
    session["portal"] = {"token": token, "seen": int(time.time()), "email": email or contact.email}


def sign_out():
    """Forget who this is and what was paid here, in the browser and on the server."""
    _end_session()
    for name in ("payments", "sign_in", "next", "csrf_token"):
        session.pop(name, None)


def _end_session():
    if known := session.pop("portal", None):
        links.close_session(known["token"], now=g.now)


def proven_email():
    """The address that the person who is signed in has shown to be theirs."""
    return session["portal"]["email"]


def remember_payment(payment, back):
    """Note that ``payment`` was started in this browser, and the path of the page that led to it."""
    started = session.get("payments", {})
    started.pop(payment.reference, None)
    session["payments"] = dict([*started.items(), (payment.reference, back)][-MOST_PAYMENTS:])


def started_at(reference):
    """The path that a payment was started from in this browser, or None for any other payment."""
    return session.get("payments", {}).get(reference)
