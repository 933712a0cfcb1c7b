"""Staff at their browsers: they sign in with a password, look around, book checks and refund payments.

Each errand is a function of a Clerk, as visits are of a Visitor. Every form is sent twice at the same moment,
because people double-click; what it said on paper (a note, a reason) tells the questions at the end which
rows it made.
"""

import re
from contextlib import suppress
from functools import partial

import requests

from tests.torture.visitors import FIELD, Visitor, at_once

EMAIL, PASSWORD = "clerk@example.com", "a long enough secret"
LOOKS = (
    "", "customer/", "payment/", "invoice/", "collections", "ticket/", "notice/", "refund/", "settlement/",
    "customer/{customer}", "customer/{customer}/timeline", "collections/{customer}", "search?q=customer",
)  # fmt: skip
PAYMENT = re.compile(r'href="/staff/payment/(\d+)')


class Clerk(Visitor):
    """Somebody of billing, signed in."""

    def __init__(self, web_url, told):
        super().__init__(web_url, None, told, None)

    def sign_in(self):
        """True once the home page is theirs."""
        form = dict(FIELD.findall(self.get("/staff/sign-in").text))
        answer = self.post("/staff/sign-in", {**form, "email": EMAIL, "password": PASSWORD})
        return answer.status_code == 303

    def send_twice(self, path, form):
        """The same form twice at once. Returns True when one of the answers says that it was done."""
        answers = at_once([partial(self._send, path, form), partial(self._send, path, form)])
        return 303 in answers

    def _send(self, path, form):
        with suppress(requests.RequestException):
            return self.post(path, form).status_code
        return None


def looks_around(clerk, dice, customers):
    """Opens the pages that staff live on; none of them may break."""
    for page in dice.sample(LOOKS, 3):
        clerk.get("/staff/" + page.format(customer=dice.choice(customers)))


def books_a_check(clerk, dice, customers):
    """Types in a check that came by mail."""
    customer = dice.choice(customers)
    path, cents = f"/staff/payment/record?customer={customer}", dice.randrange(500, 9000)
    form = dict(FIELD.findall(clerk.get(path).text))
    note = f"clerk {dice.getrandbits(48):x}"
    typed = {"amount": f"{cents / 100:.2f}", "kind": "check", "note": note, "confirmed": "y"}
    if "click" in form and clerk.send_twice(path, {**form, **typed}):
        clerk.told.add(booked=note, cents=cents)


def refunds_a_payment(clerk, dice, customers):
    """Gives a payment back, as far as its page offers it."""
    found = sorted(set(PAYMENT.findall(clerk.get("/staff/payment/").text)))
    if not found:
        return
    path = f"/staff/payment/act/refund?id={dice.choice(found)}"
    form = dict(FIELD.findall(clerk.get(path).text))
    reason = f"clerk {dice.getrandbits(48):x}"
    typed = {"reason": reason, "reopen": "y", "how": dice.choice(["card", "check"])}
    if "click" in form and "amount" in form and clerk.send_twice(path, {**form, **typed}):
        clerk.told.add(**{"gave back": reason})


ERRANDS = {errand.__name__.replace("_", " "): errand for errand in (
    looks_around, books_a_check, refunds_a_payment,
)}  # fmt: skip


def run(name, clerk, dice, customers):
    """Sign in and do one errand; a broken connection ends it, as it would for a person."""
    try:
        if clerk.sign_in():
            clerk.told.add(what="signed in")
            ERRANDS[name](clerk, dice, customers)
    except requests.RequestException:
        clerk.told.add(what="broken", visit=name)
    finally:
        clerk.close()
