"""A caller says "take it from my card on file": read to, said yes, charged once, and told in writing."""

import re

import pytest

from billing import checks, ledger, payments
from billing.disputes import asking
from billing.documents import receipt_documents
from billing.errors import BillingError
from models import Company, Customer, Notice, Payment, PaymentMethod, PaymentPart
from tests.at_once import die_everywhere, refusals, together
from tests.factories import fresh, make_customer, make_invoice
from tests.office import enter, text_of
from tests.test_staff_money import shop  # noqa: F401

BEN = "staff:ben@lantern.example"
MOST_POINTS = 60


@pytest.fixture(autouse=True)
def sound_books(app, autopaying):
    """Whatever a test does, the books add up at its end."""
    Company.update(phone="(512) 555-0100").execute()
    yield
    assert [str(finding) for finding in checks.run()] == []


@pytest.fixture
def ann(autopaying):
    return make_customer("Ann Archer", email="ann@example.com")


def say_yes(autopaying, invoice, method, *, cents=None, key="click", said_by="Ann Archer", mark=None):
    """Read to the caller what is to be charged, and charge it."""
    invoice = fresh(invoice)
    parts, today = [(invoice, cents or invoice.open_cents)], autopaying.today
    customer = fresh(invoice.customer)
    mark = mark or payments.script(customer, parts, method, today=today).mark
    return payments.charge_by_phone(
        customer, parts, method=method, said_by=said_by, mark=mark, key=key, gateway=autopaying.gateway,
        by=BEN, today=today, now=autopaying.clock.now(),
    )  # fmt: skip


def read(customer, parts, method, autopaying):
    return payments.script(customer, parts, method, today=autopaying.today).text


# --- What is read --------------------------------------------------------------------------------


def test_a_card_names_who_charges_how_much_from_what_when_and_for_what(autopaying, ann):
    invoice, card = make_invoice(ann), autopaying.method(ann)

    assert read(ann, [(invoice, 4250)], card, autopaying) == (
        "You authorize Lantern Security LLC to charge $42.50 to your Visa ending 1111, once, on December 1, "
        f"2026. It pays invoice {invoice.number} of account {ann.account_number}, Ann Archer. Do you agree?"
    )


def test_a_debit_says_as_well_that_it_is_told_in_writing_and_whom_to_call(autopaying, ann):
    bills = [make_invoice(ann) for _ in range(2)]
    account = autopaying.method(ann, "bank")
    account.label = "Bank account ending 6781"

    assert read(ann, [(bill, 1000) for bill in bills], account, autopaying) == (
        "You authorize Lantern Security LLC to debit $20.00 from your bank account ending 6781, once, on or "
        "after December 1, 2026. We use your yes to make an electronic debit of that account. It pays "
        f"invoices {bills[0].number} and {bills[1].number} of account {ann.account_number}, "
        "Ann Archer. You get this in writing. For questions, call (512) 555-0100. Do you agree?"
    )


def test_who_reads_spanish_hears_spanish_and_staff_see_both(autopaying, ann):
    Customer.update(language="es").where(Customer.id == ann.id).execute()
    invoice, card = make_invoice(ann), autopaying.method(ann)

    script = payments.script(fresh(ann), [(invoice, 4250)], card, today=autopaying.today)

    assert script.text.startswith("Usted autoriza a Lantern Security LLC a cobrar $42.50 a su Visa")
    assert script.text.endswith("¿Está de acuerdo?") and script.english.endswith("Do you agree?")
    assert not re.search("authorize|agree|invoice", script.text)
    assert script.version == "2026-11-card-es"


def test_a_debit_needs_a_number_that_somebody_answers(autopaying, ann):
    Company.update(phone="").execute()

    with pytest.raises(BillingError, match="Enter the company's phone first"):
        read(ann, [(make_invoice(ann), 4250)], autopaying.method(ann, "bank"), autopaying)


# --- Charged -------------------------------------------------------------------------------------


def test_a_yes_charges_the_saved_card_and_is_kept_with_the_attempt(autopaying, ann):
    invoice, card = make_invoice(ann), autopaying.method(ann)

    payment = say_yes(autopaying, invoice, card, cents=4000)

    assert (payment.state, payment.amount_cents, payment.method_id) == ("approved", 4000, card.id)
    assert (payment.said_by, payment.said_version, payment.entered_by) == ("Ann Archer", "2026-11-card", BEN)
    assert payment.said_words.startswith("You authorize Lantern Security LLC to charge $40.00")
    assert (payment.entry_class, fresh(invoice).open_cents, autopaying.paying.money_cents()) == (
        "",
        250,
        4000,
    )
    assert [(row.kind, row.legal) for row in Notice.select()] == [("receipt", False)]


@pytest.mark.parametrize(("account_type", "entry_class"), [("checking", "TEL"), ("businessChecking", "CCD")])
def test_a_debit_names_the_bank_how_it_was_authorized(autopaying, ann, account_type, entry_class):
    account = autopaying.method(ann, "bank")
    PaymentMethod.update(account_type=account_type).execute()

    assert say_yes(autopaying, make_invoice(ann), fresh(account)).entry_class == entry_class


@pytest.mark.parametrize("account_type", ["checking", "businessChecking"])
@pytest.mark.parametrize(("email", "channel"), [("ann@example.com", "mail"), ("", "paper")])
def test_of_a_debit_by_phone_they_hear_in_writing_whatever_they_chose(
    autopaying, email, channel, account_type
):
    ann = make_customer("Ann Archer", email=email)
    account = autopaying.method(ann, "bank")
    PaymentMethod.update(account_type=account_type).execute()
    payment = say_yes(autopaying, make_invoice(ann), fresh(account))

    [notice] = Notice.select()

    assert (notice.kind, notice.channel, notice.legal) == ("receipt", channel, True)
    assert notice.why == "You said yes to this debit on the phone; this is your copy of it."
    assert "For questions" in dict(receipt_documents.of(payment).facts)


def test_the_receipt_of_a_debit_says_what_its_notice_has_to(autopaying, ann):
    payment = say_yes(autopaying, make_invoice(ann), autopaying.method(ann, "bank"))

    facts = dict(receipt_documents.of(payment).facts)

    assert (facts["Authorized"], facts["Debited"], facts["For questions"]) == (
        "by phone on December 1, 2026", "once, on or after December 1, 2026", "(512) 555-0100",
    )  # fmt: skip
    assert facts["Method"] == "Checking account ending 6781"


# --- Refused -------------------------------------------------------------------------------------


def test_a_refused_card_moves_nothing_and_the_invoice_is_free(autopaying, ann):
    invoice, card = make_invoice(ann), autopaying.method(ann)
    autopaying.sandbox.decline(card.token, 2, 1)

    payment = say_yes(autopaying, invoice, card)

    assert (payment.state, fresh(invoice).open_cents) == ("declined", 4250)
    assert not PaymentPart.select().where(PaymentPart.live).exists()
    assert say_yes(autopaying, invoice, card, key="again").state == "approved"


@pytest.mark.parametrize("state", ["disabled", "removed"])
def test_a_dead_method_is_not_asked(autopaying, ann, state):
    invoice, card = make_invoice(ann), autopaying.method(ann)
    mark = payments.script(ann, [(invoice, 4250)], card, today=autopaying.today).mark
    PaymentMethod.update(state=state).execute()

    with pytest.raises(BillingError, match="cannot be used any more"):
        say_yes(autopaying, invoice, fresh(card), mark=mark)
    assert not Payment.select().exists()


def test_somebody_elses_card_is_not_theirs_to_give(autopaying, ann):
    other = autopaying.method(make_customer("Bob Baker"))

    with pytest.raises(BillingError, match="cannot be used any more"):
        say_yes(autopaying, make_invoice(ann), other, mark="any")


def test_what_was_read_is_what_is_charged_or_nothing(autopaying, ann):
    invoice, card = make_invoice(ann), autopaying.method(ann)
    mark = payments.script(ann, [(invoice, 4250)], card, today=autopaying.today).mark

    with pytest.raises(BillingError, match="Read it to them once more"):
        say_yes(autopaying, invoice, card, cents=4000, mark=mark)
    autopaying.later(days=1)
    with pytest.raises(BillingError, match="Read it to them once more"):
        say_yes(autopaying, invoice, card, mark=mark)
    assert not Payment.select().exists()


def test_nobody_said_yes_without_a_name(autopaying, ann):
    with pytest.raises(BillingError, match="name of the person"):
        say_yes(autopaying, make_invoice(ann), autopaying.method(ann), said_by="  ")


def test_a_card_number_read_out_with_the_name_is_not_kept(autopaying, ann):
    said_by = "Ann  Archer 4111 1111\x00 1111 1111"

    payment = say_yes(autopaying, make_invoice(ann), autopaying.method(ann), said_by=said_by)

    assert payment.said_by == "Ann Archer •••• 1111 (card number removed)"


def test_no_more_than_is_open_and_nothing_that_is_disputed(autopaying, ann):
    invoice, card = make_invoice(ann), autopaying.method(ann)
    with pytest.raises(BillingError, match=r"between .* and \$42.50"):
        say_yes(autopaying, invoice, card, cents=4251, mark="any")
    asking.open(
        invoice, amount_cents=1000, reason="other", words="Not mine.", via="portal", by=BEN,
        today=autopaying.today, now=autopaying.clock.now(),
    )  # fmt: skip
    with pytest.raises(BillingError, match=r"\$32.50 of invoice \d+ can be charged; the rest is disputed"):
        say_yes(autopaying, invoice, card, cents=3251, mark="any")


def test_what_changed_while_it_was_read_is_looked_at_once_more_before_it_is_charged(autopaying, ann):
    invoice, card = make_invoice(ann), autopaying.method(ann)
    asking.open(
        invoice, amount_cents=1000, reason="other", words="Not mine.", via="portal", by=BEN,
        today=autopaying.today, now=autopaying.clock.now(),
    )  # fmt: skip
    parts = [(fresh(invoice), 3250)]
    mark = payments.script(ann, parts, card, today=autopaying.today).mark
    payments.record(
        ann, amount_cents=1000, kind=Payment.CASH, received_on=autopaying.today, key="cash", by=BEN,
        today=autopaying.today, now=autopaying.clock.now(),
    )  # fmt: skip

    with pytest.raises(BillingError, match=r"\$22.50 of invoice \d+ can be charged; the rest is disputed"):
        payments.charge_by_phone(
            ann, parts, method=card, said_by="Ann Archer", mark=mark, key="click",
            gateway=autopaying.gateway, by=BEN, today=autopaying.today, now=autopaying.clock.now(),
        )  # fmt: skip
    assert not Payment.select().where(Payment.said_by != "").exists()


def test_what_was_said_stays_said(autopaying, ann):
    payment = say_yes(autopaying, make_invoice(ann), autopaying.method(ann))

    with pytest.raises(Exception, match="stays said"):
        Payment.update(said_by="Somebody else").where(Payment.id == payment.id).execute()


# --- Once ----------------------------------------------------------------------------------------


def test_two_at_once_charge_once(autopaying, ann):
    invoice, card = make_invoice(ann), autopaying.method(ann)

    given = together(6, lambda n: say_yes(autopaying, invoice, card, key=f"desk-{n % 3}"))

    refused = refusals(given)
    assert len(refused) in (4, 5)  # of the desk that was first, who pressed again may be told of the payment
    assert [one for one in given if one not in refused] == [Payment.get()] * (6 - len(refused))
    assert (autopaying.paying.money_cents(), fresh(invoice).open_cents) == (4250, 0)
    assert len(autopaying.sandbox.transactions()) == 1


def test_killed_anywhere_it_charges_nobody_twice_and_is_found_out(autopaying, database_url):
    customers = [make_customer(f"Customer {n}", email=f"c{n}@example.com") for n in range(MOST_POINTS)]
    methods = {one.id: autopaying.method(one) for one in customers}
    bills = {one.id: make_invoice(one) for one in customers}
    told = {"sandbox": autopaying.sandbox.url, "now": autopaying.clock.now().isoformat()}

    killed = die_everywhere(
        "say_yes", database_url,
        [told | {"invoice": bills[id].id, "method": method.id} for id, method in methods.items()],
    )  # fmt: skip

    assert 10 <= killed < MOST_POINTS
    for payment in Payment.select():
        assert payment.said_by == "Ann Archer" and payment.state in ("sent", "approved")
    for _ in range(3):
        autopaying.later(days=1)
        autopaying.ask_due()
    charged = [one["invoice_number"] for one in autopaying.sandbox.transactions()]
    assert sorted(charged) == sorted(
        row.reference for row in Payment.select().where(Payment.state == "approved")
    )
    assert not PaymentPart.select().where(PaymentPart.live).exists()


# --- The pages -----------------------------------------------------------------------------------


def form(invoice, method, amount="42.50", **more):
    told = {"customer": invoice.customer_id, f"part-{invoice.id}": amount, "click": "c", "method": method.id}
    return told | more


def mark_of(page):
    return re.search(r'name="mark" value="([^"]+)"', page.text)[1]


def test_from_the_page_of_the_customer_to_the_receipt(shop, autopaying, ann):  # noqa: F811
    invoice, card, desk = make_invoice(ann), autopaying.method(ann), enter(shop, "billing")

    chosen = desk.get("/staff/phone-payment", customer=ann.id)
    script = desk.post("/staff/phone-payment", **form(invoice, card))
    done = desk.post(
        "/staff/phone-payment/saved", follow_redirects=True,
        **form(invoice, card, mark=mark_of(script), said_by="Ann Archer", yes="yes"),
    )  # fmt: skip
    line = text_of(desk.get(f"/staff/customer/{ann.id}/timeline"))

    assert "Visa ending 1111" in text_of(chosen) and "Another card or account" in text_of(chosen)
    assert "You authorize Lantern Security LLC to charge $42.50 to your Visa ending 1111" in text_of(script)
    assert "Paid: $42.50" in text_of(done)
    assert "Taken by phone, authorized by Ann Archer" in line and "Bill Ing" in line
    assert fresh(invoice).open_cents == 0


def test_who_said_yes_is_asked_for_and_never_filled_in(shop, autopaying, ann):  # noqa: F811
    desk = enter(shop, "billing")

    page = desk.post("/staff/phone-payment", **form(make_invoice(ann), autopaying.method(ann)))

    assert re.search(r'<input id="said_by"[^>]* value=""', page.text)
    assert "Our contact is Ann Archer." in text_of(page)


@pytest.mark.parametrize(
    ("left_out", "refusal"),
    [
        ("yes", "Tick that they said yes."),
        ("said_by", "Write the name"),
        ("mark", "Read it to them once more"),
    ],
)
def test_what_is_missing_is_asked_for_with_the_script_still_there(shop, autopaying, ann, left_out, refusal):  # noqa: F811
    invoice, card, desk = make_invoice(ann), autopaying.method(ann), enter(shop, "owner")
    told = form(invoice, card, said_by="Ann", yes="yes")
    told["mark"] = mark_of(desk.post("/staff/phone-payment", **form(invoice, card)))

    del told[left_out]
    page = desk.post("/staff/phone-payment/saved", **told)

    assert page.status_code == 400 and refusal in text_of(page) and "You authorize" in text_of(page)
    assert not Payment.select().exists()


def test_a_refused_card_is_read_to_the_caller_with_another_way(shop, autopaying, ann):  # noqa: F811
    invoice, card, desk = make_invoice(ann), autopaying.method(ann), enter(shop, "billing")
    autopaying.sandbox.decline(card.token, 2, 1)
    mark = mark_of(desk.post("/staff/phone-payment", **form(invoice, card)))

    page = text_of(desk.post(
        "/staff/phone-payment/saved", follow_redirects=True,
        **form(invoice, card, mark=mark, said_by="Ann", yes="yes"),
    ))  # fmt: skip

    assert "Not accepted: $42.50" in page and "Take it another way" in page


def test_after_a_refused_card_another_one_is_charged_from_the_same_page(shop, autopaying, ann):  # noqa: F811
    """Staff go back, where the form is the old one, and choose the other card."""
    invoice, desk = make_invoice(ann), enter(shop, "billing")
    cards = [autopaying.method(ann), autopaying.method(ann)]
    autopaying.sandbox.decline(cards[0].token, 2, 1)

    for card in cards:
        told = form(invoice, card, said_by="Ann", yes="yes")
        told["mark"] = mark_of(desk.post("/staff/phone-payment", **form(invoice, card)))
        page = text_of(desk.post("/staff/phone-payment/saved", follow_redirects=True, **told))

    assert "Paid: $42.50" in page
    assert [(one.method_id, one.state) for one in Payment.select().order_by(Payment.id)] == [
        (cards[0].id, "declined"), (cards[1].id, "approved"),
    ]  # fmt: skip


def test_support_does_not_see_saved_cards_and_may_not_charge_them(shop, autopaying, ann):  # noqa: F811
    invoice, card, desk = make_invoice(ann), autopaying.method(ann), enter(shop, "support")

    assert "Visa ending 1111" not in text_of(desk.get("/staff/phone-payment", customer=ann.id))
    assert desk.post("/staff/phone-payment", **form(invoice, card)).status_code == 403
    assert desk.post("/staff/phone-payment/saved", **form(invoice, card, yes="yes")).status_code == 403
    assert ledger.balance(ann, today=autopaying.today).owed_cents == 4250
