"""The gateway sandbox as a real process, driven over real HTTP: for any test that needs a gateway.

with SandboxProcess(tmp_path / "sandbox.sqlite") as sandbox:
    page = sandbox.gateway().hosted_page(...)
    sandbox.pay(page.token)
"""

import re
import subprocess
import sys
import time
from pathlib import Path

import requests
from lxml import etree, html

from billing.edges.gateway import Gateway

LOGIN, KEY, SIGNATURE_KEY = "test-login", "TestKey012345678", "A7" * 64
ROOT = Path(__file__).parent.parent
PATIENT = (60, 60)  # seconds: a machine that is busy is not a gateway that says nothing
IMPATIENT = (60, 0.5)  # for an answer that comes so late that nobody waits for it

VISA = {"method": "card", "number": "4111111111111111", "expiration": "12/39", "code": "900"}
ACCOUNT = {"method": "bank", "routing": "121042882", "account": "123456781", "name": "Ann Example"}
ADDRESS = {"firstName": "Ann", "lastName": "Example", "address": "1 Main St", "zip": "98004"}


NAMESPACE = "AnetApi/xml/v1/schema/AnetApiSchema.xsd"


def envelope(method, inner="", *, login=LOGIN, key=KEY, ref_id=None):
    """The bytes of a request as the SDK would write them."""
    reference = "" if ref_id is None else f"<refId>{ref_id}</refId>"
    return (
        f'<?xml version="1.0" encoding="utf-8"?><{method} xmlns="{NAMESPACE}"><merchantAuthentication>'
        f"<name>{login}</name><transactionKey>{key}</transactionKey></merchantAuthentication>"
        f"<clientId>any</clientId>{reference}{inner}</{method}>"
    ).encode()


def card(number="4111111111111111", expiration="2039-12", code="900"):
    """A creditCard element."""
    return (
        f"<creditCard><cardNumber>{number}</cardNumber><expirationDate>{expiration}</expirationDate>"
        f"<cardCode>{code}</cardCode></creditCard>"
    )


def account(routing="121042882", number="123456781", kind="WEB"):
    """A bankAccount element."""
    return (
        f"<bankAccount><accountType>checking</accountType><routingNumber>{routing}</routingNumber>"
        f"<accountNumber>{number}</accountNumber><nameOnAccount>Ann Example</nameOnAccount>"
        f"<echeckType>{kind}</echeckType></bankAccount>"
    )


def transaction_settings(values):
    """A transactionSettings element, or nothing."""
    pairs = "".join(
        f"<setting><settingName>{name}</settingName><settingValue>{value}</settingValue></setting>"
        for name, value in values.items()
    )
    return f"<transactionSettings>{pairs}</transactionSettings>" if pairs else ""


class Answer:
    """An answer of the XML API."""

    def __init__(self, reply):
        self.status, self.body = reply.status_code, reply.content
        self.root = etree.fromstring(reply.content.removeprefix(b"\xef\xbb\xbf"))
        self.name = etree.QName(self.root).localname
        self.result = self.text("messages/resultCode")
        self.code = self.text("messages/message/code")
        self.sentence = self.text("messages/message/text")

    def text(self, path):
        """The text at a path, "" when it is empty, None when it is not there."""
        return self.root.findtext("/".join("{*}" + name for name in path.split("/")))

    def all(self, path):
        """The elements at a path."""
        return self.root.findall("/".join("{*}" + name for name in path.split("/")))

    @property
    def transaction_id(self):
        """transId of a transactionResponse."""
        return self.text("transactionResponse/transId")

    @property
    def decision(self):
        """(response code, reason code) of a transactionResponse, as text."""
        reason = self.text("transactionResponse/errors/error/errorCode")
        reason = reason or self.text("transactionResponse/messages/message/code")
        return self.text("transactionResponse/responseCode"), reason


class Page:
    """A page of the sandbox as a browser got it."""

    def __init__(self, reply):
        self.status = reply.status_code
        self.text = reply.text
        self._tree = html.fromstring(reply.text) if reply.text.strip() else None

    @property
    def headline(self):
        """The text of the h1."""
        return self._tree.findtext(".//h1").strip()

    @property
    def alert(self):
        """The text of the error notice, or ""."""
        return "".join(self._tree.xpath("//*[@role='alert']//text()")).strip()

    def problem(self, field):
        """What is said to be wrong with a field, or ""."""
        return "".join(self._tree.xpath(f"//*[@id='{field}-problem']//text()")).strip()

    def choices(self, name):
        """The values that a group of buttons offers."""
        return self._tree.xpath(f"//input[@type='radio'][@name='{name}']/@value")

    @property
    def is_receipt(self):
        """True when the page says that the payment was received."""
        return "payment was received" in self.headline

    @property
    def words(self):
        """All that a person reads on it."""
        return " ".join(self._tree.find(".//main").text_content().split())

    def link(self, words):
        """The address behind a link."""
        return self._tree.xpath(f"//a[normalize-space()='{words}']/@href")[0]

    def fields(self):
        """The names of the form's fields."""
        return {node.get("name") for node in self._tree.xpath("//form//*[@name]")}


class SandboxProcess:
    """One sandbox. ``start`` again after ``stop`` continues with the same state file, on the same port."""

    def __init__(self, state, webhook_url=None, port=0, options=()):
        self._state, self._webhook_url, self._port = str(state), webhook_url, port
        self._options = list(options)
        self._process = None
        self._http = requests.Session()
        self._http.trust_env = False

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def start(self):
        """Start the process and wait for its address."""
        command = [
            sys.executable,
            "-m",
            "billing.edges.sandbox",
            "--port",
            str(self._port),
            "--state",
            self._state,
        ]
        command += ["--login", LOGIN, "--key", KEY, "--signature-key", SIGNATURE_KEY]
        command += ["--webhook-url", self._webhook_url] if self._webhook_url else []
        self._process = subprocess.Popen(command + self._options, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        line = self._process.stdout.readline()
        match = re.search(r"http://\S+:(\d+)", line)
        assert match, f"the sandbox did not start: {line!r}"
        self.url, self._port = match[0], int(match[1])
        return self

    def stop(self, *, kill=False):
        """End the process; ``kill`` without giving it time to tidy up."""
        if self._process is None:
            return
        self._process.kill() if kill else self._process.terminate()
        self._process.wait(timeout=60)
        self._process.stdout.close()
        self._http.close()
        self._process = None

    def gateway(self, **changes):
        """Our gateway edge, set up for this sandbox."""
        given = {
            "endpoint": f"{self.url}/xml/v1/request.api",
            "login_id": LOGIN,
            "transaction_key": KEY,
            "signature_keys": (SIGNATURE_KEY,),
            "hosted_url": f"{self.url}/payment/payment",
            "timeout": PATIENT,
            "money_timeout": PATIENT,
            **changes,
        }
        return Gateway(given.pop("endpoint"), given.pop("login_id"), given.pop("transaction_key"), **given)

    # -- controls

    def post(self, path, data):
        """Press a control that may be refused; returns the reply."""
        return self._http.post(f"{self.url}/control/{path}", json=data, timeout=30)

    def state_file(self):
        """The bytes of all that the sandbox keeps, its log of changes included."""
        return b"".join(path.read_bytes() for path in Path(self._state).parent.glob("*.sqlite*"))

    def post_control(self, path, data=None):
        """Press a control: ``post_control("settle")``; returns the JSON of its answer."""
        reply = self.post(path, {} if data is None else data)
        assert reply.status_code == 200, reply.text
        return reply.json()

    def state(self):
        """The clock, the options, the faults that are on, and how many requests are late."""
        return self._http.get(f"{self.url}/control/state.json", timeout=30).json()

    def transactions(self, reference=None):
        """The sandbox's own record, oldest first, whatever its answers say."""
        where = {"reference": reference} if reference else {}
        return self._http.get(f"{self.url}/control/transactions.json", params=where, timeout=30).json()

    def notifications(self):
        """All notifications, oldest first."""
        return self._http.get(f"{self.url}/control/notifications.json", timeout=30).json()

    def methods(self, *given):
        """Store methods that customers added long ago; returns [(profile id, method id)].

        Each is a dict: customer_number, kind, and what /control/methods knows besides.
        """
        made = self.post_control("methods", list(given))["methods"]
        return [(one["profile_id"], one["method_id"]) for one in made]

    def method(self, customer_number="C-1", kind="card", **more):
        """Store one method; returns (profile id, method id)."""
        return self.methods({"customer_number": customer_number, "kind": kind, **more})[0]

    def decline(self, method_id, reason_code, count=1):
        """Let the next charges of a method fail; ``count`` None: until it is cleared."""
        self.post_control("decline", {"method_id": method_id, "reason_code": reason_code, "count": count})

    def give_back(self, transaction_id, code="R01", linkage="both"):
        """Let the bank return a settled debit; returns the id of the return."""
        wanted = {"transaction_id": transaction_id, "code": code, "linkage": linkage}
        return self.post_control("return", wanted)["transaction_id"]

    def chargeback(self, transaction_id, amount_cents=None, reason=None):
        """Let the card network take a settled payment back; returns the id of the chargeback."""
        wanted = {"transaction_id": transaction_id, "amount_cents": amount_cents, "reason": reason}
        return self.post_control("chargeback", wanted)["transaction_id"]

    def profiles(self, customer_number=None):
        """All customer profiles with their methods, oldest first, or those of one customer."""
        where = {"customer_number": customer_number} if customer_number else {}
        return self._http.get(f"{self.url}/control/profiles.json", params=where, timeout=30).json()

    # -- the wire, without our gateway edge

    def send(self, body, path="/xml/v1/request.api", content_type="application/xml"):
        """Post raw bytes to the XML API; returns the reply."""
        return self._http.post(self.url + path, data=body, headers={"Content-Type": content_type}, timeout=30)

    def ask(self, method, inner="", *, login=LOGIN, key=KEY, ref_id=None):
        """Send one request with its own elements as text; returns an Answer."""
        return Answer(self.send(envelope(method, inner, login=login, key=key, ref_id=ref_id)))

    def charge(self, cents, source, *, zip_code="98004", settings=None, invoice="", ref_id=None, more=""):
        """Charge raw test data over the API, which our product never does; returns an Answer."""
        return self.ask(
            "createTransactionRequest",
            f"<transactionRequest><transactionType>authCaptureTransaction</transactionType>"
            f"<amount>{cents / 100:.2f}</amount><payment>{source}</payment>"
            f"<order><invoiceNumber>{invoice}</invoiceNumber></order>{more}"
            f"<billTo><address>1 Main St</address><zip>{zip_code}</zip></billTo>"
            f"{transaction_settings(settings or {})}</transactionRequest>",
            ref_id=ref_id,
        )

    def charge_stored(self, ids, cents, *, invoice="", settings=None, more="", tail="", ref_id=None):
        """Charge a stored method, (profile id, method id), over the API; returns an Answer."""
        profile_id, method_id = ids
        method = f"<paymentProfile><paymentProfileId>{method_id}</paymentProfileId></paymentProfile>"
        return self.ask(
            "createTransactionRequest",
            f"<transactionRequest><transactionType>authCaptureTransaction</transactionType>"
            f"<amount>{cents / 100:.2f}</amount><profile><customerProfileId>{profile_id}</customerProfileId>"
            f"{method if method_id else ''}</profile><order><invoiceNumber>{invoice}</invoiceNumber></order>"
            f"{more}{transaction_settings(settings or {})}{tail}</transactionRequest>",
            ref_id=ref_id,
        )

    # -- the customer's browser

    def open(self, token):
        """Post the token, as our page does, and return the Page that comes."""
        return Page(requests.post(f"{self.url}/payment/payment", data={"token": token}, timeout=30))

    def submit(self, token, **typed):
        """Send the form of an open page with what was typed."""
        return Page(requests.post(f"{self.url}/payment/pay", data={"token": token, **typed}, timeout=30))

    def pay(self, token, source=None, **typed):
        """Open the page and pay, by card unless told otherwise. Returns the Page that answers."""
        page = self.open(token)
        if page.status != 200 or "token" not in page.fields():
            return page
        return self.submit(token, **{**(source or VISA), **ADDRESS, **typed})

    def open_profile(self, token, page="addPayment", **more):
        """Post a token to a profile page, as our page does, and return the Page that comes."""
        posted = {"token": token, **more}
        return Page(requests.post(f"{self.url}/customer/{page}", data=posted, timeout=30))

    def add_method(self, token, source=None, **typed):
        """Open the page for a new method and save one, a card unless told otherwise. Returns the Page."""
        page = self.open_profile(token)
        if page.status != 200 or "token" not in page.fields():
            return page
        return self.open_profile(token, "save", **{**(source or VISA), **ADDRESS, **typed})


def eventually(check, seconds=60):
    """Call ``check`` until it returns something true, for at most ``seconds``; return that."""
    end = time.monotonic() + seconds
    while not (found := check()) and time.monotonic() < end:
        time.sleep(0.05)
    return found
