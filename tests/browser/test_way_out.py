"""The last steps in a real browser: suspensions and hand-overs on phone and desktop, in light and dark."""

from datetime import timedelta

import pytest

from admin import security
from billing import approvals, handovers
from billing.suspensions import steps
from models import Customer
from tests.browser.test_staff import sign_in
from tests.factories import (
    BY,
    NOW,
    make_charge,
    make_contract,
    make_customer,
    make_invoice,
    make_site,
    make_system,
)
from tests.office import PASSWORD

pytestmark = pytest.mark.one_database  # what a browser sees
TODAY = NOW.date()
PAGES = (
    "/staff/contract/act/suspend?id=1", "/staff/suspension/", "/staff/suspension/1",
    "/staff/suspension/act/check?id=1", "/staff/suspension/act/stop?id=1", "/staff/handover/1",
    "/staff/customer/act/hand_over?id=1",
)  # fmt: skip


@pytest.fixture
def office(app, live_server, alice):
    """A back office with a suspension that was announced, and a hand-over that waits for its file."""
    security.create_staff("olga@lantern.example", "Olga Owner", "owner", PASSWORD, by=BY, now=NOW)
    Customer.update(vulnerable_reason="Oxygen at home").where(Customer.id == alice.id).execute()
    due, told = TODAY - timedelta(days=100), {"today": TODAY, "now": NOW}
    for customer in (alice, make_customer("Gone Gordon")):
        site, contract = make_site(customer), make_contract(customer)
        make_charge(contract, site=site, system=make_system(site, kind="medical"))
        make_invoice(customer, due=due, issued=due - timedelta(days=14))
    row = steps.ask(alice.contracts.get(), reason="No answer since August.", by=BY, **told)
    steps.check(row, list(steps.CHECKS), by=BY, now=NOW)
    gone = Customer.get(Customer.name == "Gone Gordon")
    handovers.ask(gone, agency="Calm Partners", reason="Moved away.", by=BY, **told)
    for approval in list(approvals.waiting()):
        approvals.approve(approval, by="staff:second@lantern.example", **told)
    return live_server(app)


@pytest.mark.parametrize("kind", ["phone", "desktop"])
def test_every_page_is_easy_to_use(request, kind, office, axe, fits):
    page = request.getfixturevalue(kind)
    sign_in(page, office)

    for path in PAGES:
        assert page.goto(office + path).status == 200, path
        axe(page)
        fits(page)
