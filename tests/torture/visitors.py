"""Customers with browsers, without the browser: they open pay links, press buttons, pay at the processor.

Each visit is a function of a Visitor; what the pages told its customer is kept, because it must still be true
at the end. A connection that breaks is no violation: the customer looks again, or goes away.
"""

import itertools
import json
import re
import threading
from contextlib import closing, suppress
from dataclasses import dataclass, field
from functools import partial

import requests

from billing.edges.sandbox.webhooks import sign
from tests.sandbox_process import ACCOUNT, ADDRESS, VISA

FIELD = re.compile(r'<input[^>]*?name="([^"]+)"[^>]*?value="([^"]*)"')
STATE = re.compile(r'data-state="([a-z_-]+)"')
CARDS = itertools.cycle(["4111111111111111", "5424000000000015", "4007000000027"])
SECONDS = 6


@dataclass
class Told:
    """What clients were told, for the questions at the end: shared by all visitors of a round."""

    facts: list = field(default_factory=list)
    trouble: list = field(default_factory=list)  # answers that no client should ever see
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, **fact):
        with self._lock:
            self.facts.append(fact)


class Visitor:
    """One browser at our web server and at the processor's page."""

    def __init__(self, web_url, sandbox, told, token):
        self.web_url, self.sandbox, self.told, self.token = web_url, sandbox, told, token
        self._http = requests.Session()
        self._http.trust_env = False
        self.reference = None

    def close(self):
        self._http.close()

    def get(self, path):
        """A page of ours."""
        return self._noted(
            self._http.get(self.web_url + path, timeout=SECONDS, allow_redirects=False), "GET", path
        )

    def post(self, path, data):
        """A form of ours, as a browser sends it."""
        answer = self._http.post(
            self.web_url + path, data=data, timeout=SECONDS, allow_redirects=False,
            headers={"Sec-Fetch-Site": "same-origin"},
        )  # fmt: skip
        return self._noted(answer, "POST", path)

    def _noted(self, answer, method, path):
        if answer.status_code == 500:
            self.told.trouble.append(f"{method} {path.replace(self.token or '-', 'TOKEN')} was answered 500")
        return answer

    # -- at our pages

    def pay_form(self):
        """The fields behind the main button of the invoice's page, or None when there is none."""
        page = self.get(f"/i/{self.token}")
        form = page.text.partition(f'action="/i/{self.token}/pay"')[2].partition("</form>")[0]
        if page.status_code != 200 or 'name="whole"' not in form:
            return None
        return {**dict(FIELD.findall(form)), "whole": "yes"}

    def press_pay(self, form, **typed):
        """Send the form. Returns the path of the page that follows, or None when it is not about paying."""
        answer = self.post(f"/i/{self.token}/pay", {**form, **typed})
        where = answer.headers.get("Location", "")
        if answer.status_code != 303 or not where.startswith("/payments/"):
            return None
        self.reference = where.split("/")[2]
        self.told.add(what="started", reference=self.reference)
        return where

    def page_token(self, path):
        """The token that our page would send the browser to the processor with, or None."""
        page = self.get(path)
        return dict(FIELD.findall(page.text)).get("token") if page.status_code == 200 else None

    def start(self, **typed):
        """From the invoice's page to the token of the processor's page, or None on the way."""
        form = self.pay_form()
        path = form and self.press_pay(form, **typed)
        return path and self.page_token(path)

    def come_back(self, reference=None):
        """Open the return page and keep what it says."""
        reference = reference or self.reference
        page = self.get(f"/payments/{reference}/return")
        shown = STATE.search(page.text) if page.status_code == 200 else None
        if shown:
            self.told.add(what="shown", reference=reference, state=shown[1])
        return shown and shown[1]

    # -- at the processor's page

    def open_page(self, token):
        """The browser posts the token; the page is displayed."""
        requests.post(f"{self.sandbox.url}/payment/payment", data={"token": token}, timeout=SECONDS)

    def submit(self, token, seconds=SECONDS, **typed):
        """Send the payment. When the answer is lost, the customer sees an error page and knows nothing."""
        fields = {**VISA, **ADDRESS, "number": next(CARDS), **typed}
        with suppress(requests.RequestException):
            requests.post(f"{self.sandbox.url}/payment/pay", data={"token": token, **fields}, timeout=seconds)

    # -- others

    def twin(self):
        """Another window of the same browser: it has its cookies."""
        made = self.stranger()
        made._http.cookies.update(self._http.cookies.copy())
        return made

    def stranger(self):
        """Somebody else with the same link."""
        return Visitor(self.web_url, self.sandbox, self.told, self.token)

    def click(self, form, **typed):
        """Press the button in a window of its own. Returns (reference, token) of the page, or None."""
        window = self.twin()
        with closing(window), suppress(requests.RequestException):
            path = window.press_pay(form, **typed)
            token = path and window.page_token(path)
            return (window.reference, token) if token else None


# --- Visits --------------------------------------------------------------------------------------


def pays(visitor, dice):
    """The ordinary one: link, button, card, return page."""
    if token := visitor.start():
        visitor.open_page(token)
        visitor.submit(token)
        visitor.come_back()


def pays_by_bank(visitor, dice):
    """The same from a bank account."""
    if token := visitor.start():
        visitor.open_page(token)
        visitor.submit(token, **ACCOUNT)
        visitor.come_back()


def pays_a_part(visitor, dice):
    """A part of the invoice only."""
    if token := visitor.start(amount=f"{dice.randrange(500, 900) / 100:.2f}", whole=""):
        visitor.open_page(token)
        visitor.submit(token)
        visitor.come_back()


def is_declined_then_pays(visitor, dice):
    """The first card is refused, the second is taken, on the same page."""
    if token := visitor.start():
        visitor.open_page(token)
        visitor.submit(token, zip="46282")
        visitor.come_back()
        if dice.random() < 0.7:
            visitor.submit(token)
            visitor.come_back()


def is_held(visitor, dice):
    """The processor holds the payment for review."""
    if token := visitor.start():
        visitor.open_page(token)
        visitor.submit(token, test="held")
        visitor.come_back()


def gives_up(visitor, dice):
    """The browser loses its patience; the processor may have the payment all the same."""
    if token := visitor.start():
        visitor.open_page(token)
        visitor.submit(token, seconds=0.01)
        visitor.come_back()
        pays(visitor, dice)


def walks_away(visitor, dice):
    """Leaves at the processor's page; now and then comes back by its cancel link."""
    if token := visitor.start():
        visitor.open_page(token)
        if dice.random() < 0.5:
            visitor.get(f"/payments/{visitor.reference}/cancel")


def forges_the_return(visitor, dice):
    """Opens the return page by hand without having paid, several times."""
    if visitor.start():
        for _ in range(3):
            visitor.come_back()


def double_clicks(visitor, dice):
    """The same button twice at the same moment."""
    form = visitor.pay_form()
    if form:
        for reference, token in at_once([partial(visitor.click, form)] * 2):
            visitor.reference = reference
            visitor.open_page(token)
            visitor.submit(token)


def rivals(visitor, dice):
    """Two people of one household, each at their own machine; both mean it."""
    with closing(visitor.stranger()) as first, closing(visitor.stranger()) as second:
        one = first.start()
        if one:
            first.open_page(one)
            if dice.random() < 0.5:
                first.submit(one, zip="46282")
                first.come_back()
            for _ in range(dice.randrange(3)):
                first.come_back()
        two = second.start()
        if two and two != one:
            second.open_page(two)
            second.submit(two)
        if one:
            first.submit(one)
            first.come_back()


def storm(visitor, dice):
    """Fifty pay posts for one invoice at once, from five browsers; every page that opens is paid."""
    browsers = [visitor.stranger() for _ in range(5)]
    forms = [browser.pay_form() for browser in browsers]
    clicks = [
        partial(browser.click, form, key=f"{dice.getrandbits(128):032x}")
        for browser, form in zip(browsers, forms, strict=True)
        for _ in range(10)
        if form
    ]
    tokens = {token for _, token in at_once(clicks)}
    for token in tokens:
        visitor.open_page(token)
    at_once([partial(visitor.submit, token) for token in tokens])
    for browser in browsers:
        browser.close()


def asks_a_question(visitor, dice):
    """Something is wrong with the invoice; reminders wait until it is answered."""
    page = visitor.get(f"/i/{visitor.token}")
    form = page.text.partition(f'action="/i/{visitor.token}/question')[2].partition("</form>")[0]
    fields = dict(FIELD.findall(form))
    if "csrf_token" not in fields:
        return
    answer = visitor.post(f"/i/{visitor.token}/question", {**fields, "body": "Why is it so much?"})
    if answer.status_code == 303:
        visitor.told.add(what="asked", token=visitor.token)


def reads_the_pdf(visitor, dice):
    """Opens the invoice as a file."""
    visitor.get(f"/i/{visitor.token}/invoice.pdf")


def forges_webhooks(visitor, dice):
    """A stranger tells us about payments: unsigned, wrongly signed, signed with a key that is not ours."""
    body = json.dumps({
        "notificationId": f"forged-{dice.getrandbits(64):x}",
        "eventType": "net.authorize.payment.authcapture.created",
        "payload": {"id": str(60_000_000_000 + dice.randrange(1, 40)), "responseCode": 1},
    }).encode()  # fmt: skip
    for header in ("", "sha512=" + "0" * 128, sign(body, "11" * 64)):
        answer = visitor._http.post(
            f"{visitor.web_url}/webhooks/authorize-net", data=body, timeout=SECONDS,
            headers={"X-ANET-Signature": header},
        )  # fmt: skip
        if answer.status_code == 200:
            visitor.told.trouble.append("a forged webhook was answered 200")


VISITS = {visit.__name__.replace("_", " "): visit for visit in (
    pays, pays_by_bank, pays_a_part, is_declined_then_pays, is_held, gives_up, walks_away, forges_the_return,
    double_clicks, rivals, storm, asks_a_question, reads_the_pdf, forges_webhooks,
)}  # fmt: skip


def visit(name, visitor, dice):
    """Make one visit; a broken connection ends it, as it would for a person."""
    try:
        VISITS[name](visitor, dice)
    except requests.RequestException:
        visitor.told.add(what="broken", visit=name)
    finally:
        visitor.close()


def at_once(acts):
    """Do them all in the same moment, each in a thread. Returns the set of what they gave, without None."""
    barrier, given = threading.Barrier(max(len(acts), 1)), set()

    def run(act):
        barrier.wait()
        given.add(act())

    threads = [threading.Thread(target=run, args=(act,), daemon=True) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS * 3)
    return given - {None}
