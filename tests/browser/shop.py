"""The running portal with one customer and the sandbox behind it, for the portal's browser tests."""

from billing import links
from tests.factories import make_customer, make_invoice, payer


class Shop:
    """Alice's portal at an address. ``sandbox`` is the processor that she pays at."""

    def __init__(self, app, sandbox, url):
        self.app, self.sandbox, self.url = app, sandbox, url
        self.alice = make_customer("Alice Archer", email="alice@example.com")
        self.contact = payer(self.alice)

    @property
    def now(self):
        return self.app.clock.now()

    def invoice(self, cents=4250, **fields):
        return make_invoice(self.alice, cents=cents, **fields)

    def pay_link(self, invoice):
        return f"{self.url}/i/{links.pay_link(invoice, now=self.now, contact=self.contact)}"

    def sign_in(self, page):
        token, _ = links.sign_in_link(self.contact, now=self.now)
        page.goto(f"{self.url}/sign-in/{token}")
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/account")


def button(page, name):
    return page.get_by_role("button", name=name, exact=True)
