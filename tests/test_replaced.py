"""An invoice canceled and billed again names the one that replaced it, and that one names it."""

import pytest

from billing import bill, invoices, links, replaced
from billing.documents import invoice_documents
from models import Customer, Invoice
from tests.conftest import TODAY
from tests.factories import BY, NOW, fresh, make_charge, make_contract, make_invoice, payer
from tests.office import enter, text_of
from tests.portal_visitor import Visitor
from tests.test_portal_account import enter as sign_in

AGAIN = {"by": BY, "today": TODAY, "now": NOW}


@pytest.fixture
def two(alice):
    """(the canceled invoice, the one that replaced it)"""
    make_charge(make_contract(alice))
    bill.run(TODAY, by=BY, now=NOW)
    wrong = Invoice.get()
    invoices.void(wrong, reason="Wrong price", bill_again=True, **AGAIN)
    bill.run(TODAY, by=BY, now=NOW)
    return fresh(wrong), Invoice.get(Invoice.state == "issued")


def said(invoice, **more):
    return invoice_documents.of(invoice, pay_url="", today=TODAY, **more).instead


def test_each_knows_the_other(two):
    wrong, right = two

    assert (replaced.by(wrong), replaced.of(right)) == (right, wrong)
    assert (replaced.by(right), replaced.of(wrong)) == (None, None)


def test_of_a_chain_each_names_its_neighbor_and_the_first_the_last(two):
    wrong, right = two
    invoices.void(right, reason="Wrong", bill_again=True, **AGAIN)
    bill.run(TODAY, by=BY, now=NOW)
    last = Invoice.get(Invoice.state == "issued")

    assert (replaced.by(wrong), replaced.by(fresh(right))) == (last, last)
    assert (replaced.of(last), replaced.of(fresh(right))) == (right, wrong)


def test_the_next_period_replaces_nothing(two):
    bill.run(TODAY.replace(year=2027, month=1), by=BY, now=NOW)
    later = Invoice.select().order_by(Invoice.id.desc()).first()

    assert (replaced.of(later), said(later)) == (None, "")


def test_canceled_for_good_it_is_replaced_by_nothing(alice):
    invoice = make_invoice(alice)
    invoices.void(invoice, reason="Wrong", **AGAIN)

    assert (replaced.by(fresh(invoice)), said(fresh(invoice))) == (None, "")


def test_the_paper_of_both_says_it_and_as_it_was_issued_it_stays(two):
    wrong, right = two

    assert said(wrong) == f"This invoice was canceled and is replaced by invoice {right.number}."
    assert said(right) == f"This invoice replaces invoice {wrong.number}, which was canceled."
    assert (said(wrong, as_issued=True), said(right, as_issued=True)) == ("", said(right))


def test_staff_come_from_each_to_the_other(app, two):
    wrong, right = two
    desk = enter(app)

    there, back = (desk.get(f"/staff/invoice/{one.id}") for one in two)

    assert f"Replaced by invoice {right.number}." in text_of(there)
    assert f'href="/staff/invoice/{right.id}">invoice {right.number}</a>' in there.text
    assert f"Replaces invoice {wrong.number}, which was canceled." in text_of(back)
    assert f'href="/staff/invoice/{wrong.id}">invoice {wrong.number}</a>' in back.text


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "This invoice replaces invoice {}, which was canceled."),
        ("es", "Esta factura reemplaza la factura {}, que fue anulada."),
    ],
)
def test_a_customer_reads_it_on_the_page_and_behind_the_pay_link(app, alice, two, clock, language, words):
    wrong, right = two
    Customer.update(language=language).execute()
    said = words.format(wrong.number)
    token = links.pay_link(right, now=clock.now(), contact=payer(alice))

    page = sign_in(Visitor(app), payer(alice), clock).open(f"/account/invoices/{right.number}")

    assert said in page.text
    assert said in Visitor(app).open(f"/i/{token}").text
