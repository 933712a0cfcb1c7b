"""Paying online in tests: our rules, the sandbox over real HTTP, its payment page, and one clock for both.

    def test_it_is_paid(paying, alice):
        payment = paying.start(make_invoice(alice))
        paying.pay(payment)
        assert paying.ask(payment).state == "approved"

Nothing stands in for our own code; webhooks are caught by a real listener and handed on by the test, in
whatever order its story needs.
"""

import itertools
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from billing import payments, webhooks
from billing.edges.sandbox.webhooks import sign
from models import GatewayEvent, Payment
from tests.sandbox_process import SIGNATURE_KEY, eventually

_clicks = itertools.count(1)


class Listener:
    """An HTTP server that keeps the webhooks it gets, as (body, header), and does nothing else."""

    def __init__(self):
        self.caught = []
        caught = self.caught

        class Catch(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                caught.append((body, self.headers["X-ANET-Signature"]))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *args):
                """Keep the terminal quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Catch)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()


def urls(payment):
    return payments.Urls(
        f"http://localhost/payments/{payment.reference}/return",
        f"http://localhost/payments/{payment.reference}/cancel",
    )


class Paying:
    """One customer's way through an online payment. ``later`` moves our clock and the sandbox's together."""

    def __init__(self, sandbox, listener, clock):
        self.sandbox, self.clock, self.gateway = sandbox, clock, sandbox.gateway()
        self._listener = listener
        sandbox.post_control("reset")
        listener.caught.clear()
        self.later()

    def later(self, **span):
        """Move on by a timedelta(**span)."""
        self.clock.advance(**span)
        self.sandbox.post_control("clock", {"at": self.clock.now().isoformat()})

    def told(self):
        """What a door tells the rules: the gateway and the clock."""
        return {"gateway": self.gateway, "today": self.clock.today(), "now": self.clock.now()}

    def start(self, invoice, cents=None, *, key=None, gateway=None, **options):
        """Press the pay button of an invoice. Returns the Payment."""
        told = self.told() | ({"gateway": gateway} if gateway else {})
        parts = [(invoice, invoice.open_cents if cents is None else cents)]
        return self.start_parts(invoice.customer, parts, key=key, **{**told, **options})

    def start_parts(self, customer, parts, *, key=None, **told):
        """Press the pay button for several invoices."""
        key = key or f"click-{next(_clicks)}"
        return payments.start_online(customer, parts, key=key, urls=urls, **{**self.told(), **told})

    def pay(self, payment, source=None, **typed):
        """Fill in the payment page and send it. Returns the sandbox's Page."""
        return self.sandbox.pay(payment.form_token, source, **typed)

    def decline(self, payment):
        """The same with a card that the bank declines."""
        return self.pay(payment, zip="46282")

    def hold(self):
        """Let the processor hold every following payment for review."""
        self.sandbox.post_control("hold", {"above_cents": 0})

    def review(self, payment, action):
        """The processor's people look at a held payment: "approve" or "decline"."""
        [held] = [one for one in self.charges(payment) if "Review" in one["status"]]
        self.sandbox.post_control("held", {"transaction_id": held["id"], "action": action})

    def ask(self, payment):
        """Come back to the return page: what became of it? Returns the Payment as it is now."""
        payment = Payment.get_by_id(payment.id)
        return payments.ask(payment, **self.told())

    def ask_due(self):
        """The confirm step: ask about everything that is due."""
        for payment in list(payments.due_to_ask(self.clock.now())):
            payments.ask(payment, **self.told())

    def charges(self, payment):
        """What the sandbox has recorded for a payment, oldest first."""
        return self.sandbox.transactions(payment.reference)

    def money_cents(self):
        """All money that the sandbox took and kept, whatever we believe."""
        taken = ("capturedPendingSettlement", "settledSuccessfully")
        return sum(one["amount_cents"] for one in self.sandbox.transactions() if one["status"] in taken)

    def webhooks(self, count):
        """Wait until ``count`` webhooks have come; returns them as (body, header), oldest first."""
        caught = eventually(lambda: len(self._listener.caught) >= count and list(self._listener.caught))
        assert caught, f"only {len(self._listener.caught)} of {count} webhooks came"
        return caught

    def note(self, body, header):
        """A webhook reaches our endpoint. Returns whether it is authentic."""
        return webhooks.note(body, header, gateway=self.gateway, now=self.clock.now())

    def follow(self):
        """The worker follows the webhooks that are waiting. Returns their results."""
        return [webhooks.follow(event, **self.told()) for event in list(webhooks.waiting())]

    def hear(self, *webhooks):
        """Webhooks come in, in this order, each followed before the next one comes."""
        for body, header in webhooks:
            assert self.note(body, header)
            self.follow()

    def events(self):
        return GatewayEvent.select().order_by(GatewayEvent.id)


def signed(body):
    """A webhook that the gateway would have signed: (body, header)."""
    return body, sign(body, SIGNATURE_KEY)
