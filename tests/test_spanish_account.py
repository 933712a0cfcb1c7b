"""Every page of the portal for somebody who reads Spanish; and what people typed comes out as they typed it.

The house of these tests is full: something of every kind that a customer's page shows, each with words of its
own that somebody typed. They read like sentences of ours, so whatever is not marked as theirs is translated,
and found here.
"""

import re
from datetime import date

import pytest

from billing import attachments, bill, invoices, links, payments, tickets
from billing.disputes import asking, deciding
from billing.plans import agreeing, shape
from billing.reversals import returns
from models import (
    Company,
    Contact,
    Customer,
    Dispute,
    Invoice,
    Line,
    Notice,
    OneOff,
    Plan,
    Site,
    Staff,
    System,
)
from tests import factories
from tests.factories import (
    BY,
    NOW,
    fresh,
    make_charge,
    make_contract,
    make_invoice,
    make_method,
    payer,
)
from tests.office import make_staff
from tests.portal_visitor import Visitor
from tests.test_plans import sign
from tests.test_portal_account import enter
from tests.test_spanish_pages import shop  # noqa: F401

TODAY = NOW.date()
TOLD = {"by": BY, "now": NOW}
PREFIX = "LS-"  # stands before every invoice number, on every page


class Typed:
    """Words that somebody typed, each different: they read like ours, and a number says where they were."""

    def __init__(self):
        self.words = {}

    def __call__(self, where):
        return self.words.setdefault(where, f"Thank you. Z{len(self.words) + 100}Z")

    def why(self, where):
        """A reason. One that is word for word ours is said, so this is not: it only begins like it."""
        return self.words.setdefault(where, f"Thank you. Zut! Z{len(self.words) + 100}Z")


@pytest.fixture
def typed():
    return Typed()


@pytest.fixture
def ana(alice, typed):
    """Alice, who reads Spanish; her names, and those of the company, are words that were typed."""
    mine = {name: typed(f"customer.{name}") for name in ("name", "street", "street2", "city", "po_number")}
    Customer.update(language="es", **mine).where(Customer.id == alice.id).execute()
    Contact.update(name=typed("contact.name")).where(Contact.customer == alice.id).execute()
    ours = (
        "name", "legal_name", "street", "city", "phone_hours", "license_number", "payable_to", "remit_street",
        "remit_city",
    )  # fmt: skip
    Company.update({name: typed(f"company.{name}") for name in ours}, invoice_prefix=PREFIX).execute()
    return fresh(alice)


@pytest.fixture
def house(shop, ana, typed, clock):  # noqa: F811
    """Something of every kind that a page shows."""
    site = Site.create(
        customer=ana, name=typed("site.name"), street=typed("site.street"), street2=typed("site.street2"),
        city=typed("site.city"), state="TX", jurisdiction="TX-AUSTIN",
    )  # fmt: skip
    system = System.create(site=site, kind="burglary", name=typed("system.name"))
    factories.make_rate(name=typed.why("rate.name"))
    _contracts(ana, site, system, typed)
    bill.run(TODAY, **TOLD)
    assert Invoice.get().state == Invoice.ISSUED
    _paid(ana, typed)
    _asked(ana, site, typed)
    return ana


def _contracts(ana, site, system, typed):
    contract = make_contract(ana, name=typed("contract.name"))
    make_contract(ana, name=typed("contract.other"))
    taxed = factories.make_item(typed("item.name"), taxable=True)
    for number in range(2):
        words = {
            "text": typed(f"charge.text {number}"),
            "discount_reason": typed(f"charge.discount {number}"),
        }
        make_charge(contract, item=taxed, site=site, system=system, discount_cents=100, **words)
    make_charge(contract, item=taxed, site=site)
    typed_on_it = {name: typed(f"one_off.{name}") for name in ("text", "work_order", "discount_reason")}
    OneOff.create(
        customer=ana, item=factories.make_item("Labor", kind="labor"), unit_cents=9500, discount_cents=100,
        done_on=date(2026, 11, 20), site=site, **typed_on_it,
    )  # fmt: skip


def _paid(ana, typed):
    """Money that came, came back, was given and taken: each with a reason."""
    told = {**TOLD, "today": TODAY}
    check = {"kind": "check", "received_on": TODAY, "check_number": "1042"}
    payments.record(ana, amount_cents=500, key="k1", **check, **told)
    bounced = payments.record(ana, amount_cents=700, key="k2", **check, **told)
    returns.bounce(bounced, reason=typed.why("payment.reason"), **told)
    credited = make_invoice(ana)
    invoices.credit(credited, amount_cents=100, reason=typed.why("credit.reason"), **told)
    invoices.void(make_invoice(ana), reason=typed("invoice.void"), **told)
    method = make_method(ana, state="disabled", reason=typed.why("method.reason"))
    make_method(ana, label="Visa ending 1111")
    assert method.reason


def _asked(ana, site, typed):
    """Questions, disputes in each state, and a plan."""
    told = {"today": TODAY, "contact": payer(ana), "via": Dispute.PORTAL, **TOLD}
    billed = ana.invoices.order_by(Invoice.id).get()
    line = billed.lines.order_by(Line.position).get()
    asking.open(billed, line=line, amount_cents=100, reason="other", words=typed("dispute.words"), **told)
    for decide, much in ((deciding.uphold, {"amount_cents": 900}), (deciding.reject, {})):
        words = typed(f"words {decide.__name__}")
        dispute = asking.open(make_invoice(ana), amount_cents=900, reason="other", words=words, **told)
        decision = typed.why(f"decision {decide.__name__}")
        decide(dispute, decision=decision, staff=_staff(typed), today=TODAY, **TOLD, **much)
    make_invoice(ana, cents=30_000, due=date(2026, 11, 1), issued=date(2026, 10, 15))
    assert sign(ana, agreeing.Wish(3, TODAY, shape.MONTHLY)).state == Plan.RUNNING
    files = attachments.all_checked([(f"{typed('file.name')}.txt", b"log")])
    about = {"line": line, "invoice": billed, "site": site, "contract": ana.contracts.get()}
    for number, more in enumerate((about, {})):
        body = f"1\n{typed(f'message {number}')}\n\n2"
        ticket = tickets.open(
            ana,
            subject=typed(f"subject {number}"),
            body=body,
            contact=payer(ana),
            files=files,
            **TOLD,
            **more,
        )
        tickets.reply(ticket, body=typed(f"answer {number}"), staff=_staff(typed), **TOLD)
    tickets.close(ticket, **TOLD)


def _staff(typed):
    return Staff.get_or_none(Staff.name == typed("staff.name")) or make_staff(name=typed("staff.name"))


# --- Every page ----------------------------------------------------------------------------------

# files, what leads on or is fetched by machines; and pages that other tests of Spanish open on their way
NO_PAGES = {
    "home", "payment_receipt", "invoice_pdf", "payment_pdf", "statement_pdf", "pay_link_pdf", "plan_pdf",
    "receipt_by_link", "plan_pdf_by_link", "question_file", "calendar_feed", "back_to_invoice",
    "add_method_again", "unsubscribe_page",
}  # fmt: skip
ELSEWHERE = {
    "pay_page", "payment_return", "payment_cancel", "method_added", "autopay_agree", "agreement", "wait",
    "wait_for_invoice", "wait_by_link", "electronic_consent", "pay_together", "sign_in", "sign_in_code",
    "sign_in_by_link", "pay_code",
}  # fmt: skip
BY_THEMSELVES = (
    "account", "invoices", "payments", "statement", "methods", "autopay", "questions", "new_question",
    "details", "calendar", "contracts", "choose_account", "preferences", "plan",
)  # fmt: skip


def places(customer, clock):
    """[(endpoint, what its address names)] of every page that shows something of the account."""
    billed = [{"number": one.number} for one in customer.invoices.where(Invoice.number.is_null(False))]
    told = {"now": clock.now(), "contact": payer(customer)}
    by_link = [{"token": links.pay_link(one, **told)} for one in customer.invoices]
    numbered = {
        "question": customer.tickets, "remove_method": customer.methods, "contract": customer.contracts,
        "plan_of": Plan.select(),
    }  # fmt: skip
    yield from ((name, {}) for name in BY_THEMSELVES)
    yield from ((name, {"id": row.id}) for name, rows in numbered.items() for row in rows)
    yield from ((name, one) for name in ("invoice", "dispute_invoice") for one in billed)
    yield from ((name, one) for name in ("pay_link", "plan_by_link", "dispute_by_link") for one in by_link)
    yield from (("payment", {"reference": one.reference}) for one in customer.payments)
    yield "preferences_by_link", {"token": links.preferences_link(payer(customer), now=clock.now())}
    yield "contract_by_link", {"token": _of_contract(customer, clock)}
    yield "review", {"invoice": [one["number"] for one in billed]}
    yield "statement", {"from": "x", "to": "2026-12-31"}
    yield "new_question", {"kind": "service"}
    yield "new_question", {"invoice": billed[0]["number"]}


def _of_contract(customer, clock):
    notice = Notice.create(
        kind="renewal", key="answer", customer=customer, contact=payer(customer), why="w", created_at=NOW,
        send_at=NOW, contract=customer.contracts.get(),
    )  # fmt: skip
    return links.answer_link(payer(customer), notice, now=clock.now())


@pytest.fixture
def walk(app, house, clock):
    """A function that opens every page in a language: {address: page}, of those that lead nowhere else."""
    visitor, at = enter(Visitor(app), payer(house), clock), app.url_map.bind("localhost")
    addresses = [(name, at.build(f"portal.{name}", values)) for name, values in places(house, clock)]

    def walk(language):
        Customer.update(language=language).execute()
        pages = {address: visitor.open(address) for _, address in addresses}
        return {address: page for address, page in pages.items() if page.path == address}

    walk.addresses = addresses
    return walk


def test_no_page_of_the_portal_is_forgotten(app, walk):
    pages = {one.endpoint.removeprefix("portal.") for one in app.url_map.iter_rules()
             if one.endpoint.startswith("portal.") and "GET" in one.methods}  # fmt: skip

    assert pages == {name for name, _ in walk.addresses} | NO_PAGES | ELSEWHERE


def test_every_page_is_spanish_and_what_was_typed_is_as_it_was(walk, typed):
    """Read side by side with the English page: each word that was typed stands there as often."""
    english, spanish = walk("en"), walk("es")
    met = set()
    for address, page in spanish.items():
        assert page.tree.get("lang") == "es-US", address
        for where, words in typed.words.items():
            told = page.source.count(words)
            assert told == english[address].source.count(words), (where, address)
            if told:
                met.add(where)
    assert english.keys() == spanish.keys() and len(spanish) > 50
    assert typed.words.keys() - met == NOT_SHOWN


def test_an_invoice_has_the_same_number_wherever_it_is_named(walk):
    """The company's prefix stands before it on every page, as it does on paper."""
    for address, page in walk("en").items():
        assert not re.search(r"[Ii]nvoices? \d", page.text), address


def test_a_file_is_named_and_a_subject_begins_in_spanish(app, walk, house, clock):
    visitor = enter(Visitor(app), payer(house), clock)
    number = house.invoices.order_by(Invoice.number).get().number

    for path, name in (
        (f"invoices/{number}.pdf", f"Factura {PREFIX}{number}.pdf"),
        ("statement.pdf?from=2026-01-01&to=2026-12-31", "Estado de cuenta 2026-01-01 a 2026-12-31.pdf"),
    ):
        assert name in visitor.client.get(f"/account/{path}").headers["Content-Disposition"]
    page = visitor.open(f"/account/questions/new?invoice={number}")
    assert page.value_of("subject") == f"Pregunta sobre la factura {PREFIX}{number}"


def test_what_a_question_was_called_by_us_is_said_and_the_line_in_it_is_as_it_was(walk, typed):
    [page] = [one for path, one in walk("es").items() if path == "/account/questions"]

    assert f"Factura LS-10001: $1.00 en duda, {typed('charge.text 0')}" in page.text


# typed, and on no page of a customer: names that give way to others, and words that only staff read
NOT_SHOWN = {"site.street2"}
