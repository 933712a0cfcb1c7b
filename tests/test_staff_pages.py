"""The pages that staff start their day with: today, a customer, the search box, a payment, the bill run."""

from datetime import date, timedelta

import pytest

import models
from billing import contracts, payments, reports, tickets
from billing.automatic import autopay, consent
from billing.money import format_cents
from billing.reversals import refunds, returns
from models import Charge, Contact, Dispute, Invoice, Notice, Payment, PaymentMethod
from tests import factories, office, shutting
from tests.factories import BY, NOW
from tests.office import enter, text_of

TODAY = date(2026, 12, 1)


# --- today -----------------------------------------------------------------------------------------


def test_today_counts_what_waits_and_leads_to_it(app, alice):
    tickets.open(alice, subject="Beeping", body="It beeps.", by="customer", now=NOW)
    Invoice.create(customer=alice, created_at=NOW)
    factories.make_invoice(alice, due=date(2026, 11, 15), issued=date(2026, 11, 1))
    desk = enter(app)

    page = desk.get("/staff/").text

    for label, path in (
        ("Tickets waiting on us", "/staff/ticket/?state=waiting_on_us"),
        ("Invoices to look at", "/staff/invoice/?state=draft"),
    ):
        assert f'<a href="{path}"><b>1</b> <span>{label}</span>' in page
        assert 'class="count">1<' in desk.get(path).text


def test_today_says_when_the_daily_job_rests(app, clock):
    desk = enter(app)

    assert "The daily job has never finished." in text_of(desk.get("/staff/"))
    models.JobRun.create(
        name="daily", state="done", as_of_on=TODAY, holder="h", lease_until_at=NOW, started_at=NOW
    )
    assert "The daily job ran today." in text_of(desk.get("/staff/"))
    clock.advance(days=3)
    assert "The daily job ran 3 days ago. Nobody is billed" in text_of(desk.get("/staff/"))


def test_today_tells_what_the_last_run_did_and_what_went_wrong(app):
    report = "bill: 3 invoices with 9 lines, $90.00\ncheck: 9 checks, 1 findings\nAnn Archer: no address"
    report += "\nCheck totals: 1 invoice does not add up"
    models.JobRun.create(
        name="daily",
        state="done",
        as_of_on=TODAY,
        holder="h",
        lease_until_at=NOW,
        started_at=NOW,
        report=report,
    )

    page = text_of(enter(app).get("/staff/"))

    assert (
        "The last daily run had trouble Check totals: 1 invoice does not add up Ann Archer: no address"
        in page
    )
    assert "Bill 3 invoices with 9 lines, $90.00" in page


def test_every_number_opens_the_list_that_adds_up_to_it(app, alice, bob):
    factories.make_invoice(alice, cents=1000, due=date(2026, 11, 25), issued=date(2026, 11, 1))
    factories.make_invoice(bob, cents=2500, due=date(2026, 10, 1), issued=date(2026, 9, 1))
    factories.make_invoice(bob, cents=4000, due=date(2026, 12, 20))
    desk = enter(app)

    ages = {one.label: (one.count, one.cents) for one in reports.aging(TODAY)}

    assert ages == {
        "Not due yet": (1, 4000), "1–14 days": (1, 1000), "15–29 days": (0, 0), "30–59 days": (0, 0),
        "60–89 days": (1, 2500), "90 days and more": (0, 0),
    }  # fmt: skip
    for one in reports.aging(TODAY):
        page = desk.get(f"/staff/{one.screen}/", **one.args)
        assert f'class="count">{one.count}<' in page.text, one.label
    assert "$75.00" in text_of(desk.get("/staff/"))


def test_every_figure_of_the_house_is_the_sum_of_the_list_behind_it(app, alice, bob):
    """Also where something ended, is still to come, costs more since today, went back or was refused."""
    contract, told = factories.make_contract(alice), {"by": BY, "now": NOW}
    factories.make_charge(contract, cents=3000)
    raised = factories.make_charge(contract, cents=9000, cycle_months=3, starts_on=date(2026, 1, 1))
    contracts.change_price(raised, from_on=TODAY, unit_cents=9900, reason="r", agreed_how="o", **told)
    factories.make_charge(contract, cents=700, starts_on=date(2027, 1, 1))
    factories.make_charge(contract, cents=800, starts_on=date(2026, 1, 1), ends_on=date(2026, 11, 30))
    for customer in (alice, bob):
        factories.make_invoice(customer, cents=9000)
        _came(customer, 5000, TODAY)
        _came(customer, 1100, date(2026, 11, 30))
    refunds.start(
        _came(bob, 2000, TODAY),
        amount_cents=500,
        how="cash",
        reason="r",
        key="r",
        reopen=True,
        today=TODAY,
        **told,
    )
    returns.bounce(_came(bob, 300, TODAY), reason="No funds", today=TODAY, **told)
    desk, figures = enter(app), {one.label: one for one in reports.home(TODAY).numbers}

    assert (figures["RMR"].cents, figures["Collected this month"].cents) == (3000 + 3300, 12_000)
    assert figures["Collected this month"].note == "$5.00 went back or was disputed. Last month $22.00"
    for label in ("RMR", "Collected this month", "Open receivables"):
        page = desk.get(f"/staff/{figures[label].screen}/", **figures[label].args)
        assert format_cents(figures[label].cents) in text_of(page).partition("All ")[2], label


def test_what_cannot_be_undone_never_stands_among_many_buttons(app, alice):
    invoice = factories.make_invoice(alice, cents=1000)

    beside_title, _, more = enter(app).get(f"/staff/invoice/{invoice.id}").text.partition('"more-acts"')

    assert ">Credit<" in beside_title and "button-danger" not in beside_title
    assert ">Void<" in more and ">Write off the rest<" in more


def _came(customer, cents, on):
    """Cents that came by check on a day, and pay what is owed."""
    return payments.record(
        customer, amount_cents=cents, kind="check", received_on=on, key=f"{customer.id}/{cents}/{on}", by=BY,
        today=TODAY, now=NOW,
    )  # fmt: skip


def test_an_age_lists_what_is_asked_for_and_not_what_the_printed_date_says(app, alice, bob):
    """Two payments of a plan are still to come, a part is questioned, another was owed after all."""
    planned = factories.make_invoice(alice, due=date(2026, 10, 20), issued=date(2026, 10, 1))
    shutting.plan(alice, planned)
    questioned = factories.make_invoice(bob, due=date(2026, 11, 25), issued=date(2026, 11, 1))
    shutting.dispute(bob, questioned, 1000)
    decided = factories.make_invoice(bob, due=date(2026, 9, 1), issued=date(2026, 8, 1))
    dispute = shutting.dispute(bob, decided, 2000)
    Dispute.update(state=Dispute.REJECTED, decided_at=NOW, due_again_on=date(2026, 11, 10)).where(
        Dispute.id == dispute.id
    ).execute()
    desk = enter(app)

    found = {one.label: one for one in reports.aging(TODAY) if one.count}

    assert {label: (one.count, one.cents) for label, one in found.items()} == {
        "Not due yet": (1, 4250), "1–14 days": (1, 3250), "15–29 days": (1, 2000),
        "90 days and more": (1, 2250), "Disputed": (1, 1000),
    }  # fmt: skip
    listed = {
        label: office.rows_of(desk.get(f"/staff/{one.screen}/", **one.args)) for label, one in found.items()
    }
    assert listed == {
        "Not due yet": [str(planned.number)], "1–14 days": [str(questioned.number)],
        "15–29 days": [str(decided.number)], "90 days and more": [str(decided.number)],
        "Disputed": [str(questioned.number)],
    }  # fmt: skip


def test_rmr_is_what_runs_today_in_a_month(db, alice):
    contract = factories.make_contract(alice)
    factories.make_charge(contract, cents=3000)
    factories.make_charge(contract, cents=10_000, cycle_months=12, quantity=2, discount_cents=1000)
    factories.make_charge(contract, cents=700, starts_on=date(2027, 1, 1))
    charge = factories.make_charge(contract, cents=9000, cycle_months=3, starts_on=date(2026, 1, 1))
    contracts.change_price(
        charge, from_on=date(2026, 11, 1), unit_cents=9600, reason="r", by=BY, now=NOW, agreed_how="o"
    )
    Charge.update(ends_on=date(2026, 12, 31)).where(Charge.id == charge.id).execute()

    # 30.00 + (2 × 100.00 − 10.00) / 12 + 96.00 / 3
    assert reports.rmr_cents(TODAY) == 3000 + 1583 + 3200
    assert reports.rmr_cents(date(2027, 1, 1)) == 3000 + 1583 + 700


def test_what_came_counts_money_that_is_ours_and_what_went_back_is_told_beside_it(db, alice):
    factories.make_invoice(alice, cents=4000)
    payment = payments.record(
        alice, amount_cents=5000, kind="cash", received_on=TODAY, key="a", by=BY, today=TODAY, now=NOW
    )
    refunds.start(
        payment, amount_cents=1000, how="cash", reason="r", key="r", by=BY, today=TODAY, now=NOW
    )  # fmt: skip
    Payment.create(
        customer=alice, reference="X", key="x", kind="card", state="declined", amount_cents=99,
        received_on=TODAY, created_at=NOW,
    )  # fmt: skip

    december, november = (date(2026, 12, 1), TODAY), (date(2026, 11, 1), date(2026, 11, 30))
    assert (reports.came_cents(*december), reports.went_cents(*december)) == (5000, 1000)
    assert (reports.came_cents(*november), reports.went_cents(*november)) == (0, 0)


# --- a customer ------------------------------------------------------------------------------------


def test_one_page_tells_everything_about_a_customer(app, alice, bob):
    site = factories.make_site(alice, name="Lake house")
    factories.make_system(site, name="Fire panel", kind="fire", required_fire=True)
    charge = factories.make_charge(factories.make_contract(alice, name="Gold agreement"), site=site)
    invoice = factories.make_invoice(alice, cents=4250, due=date(2026, 11, 15), issued=date(2026, 11, 1))
    tickets.open(alice, subject="Beeping keypad", body="It beeps.", by="customer", now=NOW)
    factories.make_one_off(alice, text="Replaced battery")
    Notice.create(
        key="n",
        kind="invoice",
        customer=alice,
        address="alice@example.com",
        why="w",
        send_at=NOW,
        created_at=NOW,
    )
    factories.make_invoice(bob, cents=777)

    page = text_of(enter(app).get(f"/staff/customer/{alice.id}"))

    for told in ("Alice Archer", "Owes $42.50", "past due", "alice@example.com", "Lake house", "Fire panel",
                 "required fire", "Gold agreement", str(charge), str(invoice.number), "Beeping keypad",
                 "Replaced battery", "Next bill"):  # fmt: skip
        assert told.lower() in page.lower(), told
    assert "$7.77" not in page


def test_the_flags_of_a_customer_stand_beside_the_name(app, alice):
    batch = models.ImportBatch.create(file_name="f", sha256="0", by=BY, committed_at=NOW)
    alice.import_batch, alice.tax_exempt_number = batch, "EX-1"
    alice.tax_exempt_until_on = date(2026, 1, 1)
    alice.save()
    contracts.pause(factories.make_contract(alice), from_on=TODAY, reason="Away", by=BY, now=NOW)

    page = text_of(enter(app).get(f"/staff/customer/{alice.id}"))

    for flag in ("Import not released", "Tax exemption expired", "Billing on hold", "Paused"):
        assert flag in page


def test_how_a_customer_wishes_to_pay_is_told_in_words(app, alice):
    desk = enter(app)

    assert "Wishes to pay Each invoice themselves" in text_of(desk.get(f"/staff/customer/{alice.id}"))
    models.Customer.update(pay_wish="card_autopay").execute()
    assert "By card, automatically" in text_of(desk.get("/staff/customer/"))


def test_the_buttons_of_a_customer_follow_the_role(app, alice):
    path = f"/staff/customer/{alice.id}"

    assert "Record payment" in enter(app, "billing").get(path).text
    reader = enter(app, "read_only").get(path).text
    for word in ("Record payment", "Give credit", "Edit", "+ contact", "Bill now"):
        assert f">{word}<" not in reader


@pytest.fixture
def on_autopay(alice):
    """Alice pays by card, is told ahead, and is asked above a limit."""
    card = factories.make_method(alice)
    terms = consent.Terms(cap_cents=8000, tell_days=3)._asdict()
    text = consent.words_of(alice, card, **terms).text
    return autopay.agree(
        alice, contact=factories.payer(alice), method=card, **terms, text=text, address="", by=BY,
        today=TODAY, now=NOW,
    )  # fmt: skip


def plan(clock):
    autopay.plan_due(clock.today(), now=clock.now())
    autopay.tell_due(clock.today(), now=clock.now())


def test_the_page_of_a_customer_says_how_they_pay_automatically_and_what_is_next(
    app, alice, on_autopay, clock
):
    invoice = factories.make_invoice(alice)
    plan(clock)

    page = text_of(enter(app, "support").get(f"/staff/customer/{alice.id}"))

    for told in ("Visa ending 4242, on the due date of each invoice.", "Asks first above $80.00 in a day",
                 "By mail, 3 days before each charge", "2 times left in a year", "Switch off", "Put off",
                 f"$42.50 on December 15, 2026 for invoice {invoice.number}"):  # fmt: skip
        assert told in page, told


@pytest.mark.parametrize(
    ("cents", "state", "told"),
    [
        (9000, "active", "above the customer’s limit"),
        (4250, "disabled", "the card or account is refused"),
    ],
)
def test_it_says_what_is_not_charged_and_why(app, alice, on_autopay, clock, cents, state, told):
    factories.make_invoice(alice, cents=cents)
    plan(clock)
    PaymentMethod.update(state=state).execute()

    page = text_of(enter(app, "support").get(f"/staff/customer/{alice.id}"))

    assert "Not charged" in page and told in page
    assert "Put off the charge" not in page


def test_staff_stop_charging_a_card_and_its_owner_is_told_why(app, alice, on_autopay, clock):
    factories.make_invoice(alice)
    plan(clock)
    [card], office = PaymentMethod.select(), enter(app, "support")

    page = text_of(office.act("payment-method", "stop", card, reason="The card was stolen."))

    assert "Visa ending 4242 is not charged any more. The customer is told by mail." in page
    assert (factories.fresh(card).state, factories.fresh(card).reason) == ("disabled", "The card was stolen.")
    assert Notice.select().where(Notice.kind == Notice.METHOD_CHANGED).count() == 1
    again = text_of(office.act("payment-method", "stop", card, reason="The card was stolen."))
    assert Notice.select().where(Notice.kind == Notice.METHOD_CHANGED).count() == 1, again


def test_without_autopay_it_says_so_and_who_switches_it_on(app, alice, on_autopay, clock):
    autopay.end(on_autopay, reason="They asked by phone.", by=BY, now=clock.now())

    page = text_of(enter(app, "support").get(f"/staff/customer/{alice.id}"))

    assert "Nothing is charged by itself." in page and "They asked by phone." in page
    assert "only they can agree to it" in page


def test_staff_put_a_charge_off_for_a_customer_who_calls(app, alice, on_autopay, clock):
    invoice = factories.make_invoice(alice)
    plan(clock)
    sam, planned = enter(app, "support"), autopay.planned(invoice)
    form = sam.get("/staff/planned-charge/act/postpone", id=planned.id)
    assert "$42.50 on December 15, 2026 from Visa ending 4242" in text_of(form)

    answer = sam.act("planned-charge", "postpone", planned, until="2026-12-22")

    assert "It waits until December 22, 2026. The customer is told by mail." in text_of(answer)
    assert autopay.planned(invoice).charge_on == date(2026, 12, 22)
    assert "put off from December 15, 2026" in text_of(sam.get(f"/staff/customer/{alice.id}"))


def test_a_planned_charge_of_what_was_paid_another_way_is_not_called_planned(app, alice, on_autopay, clock):
    invoice = factories.make_invoice(alice)
    plan(clock)
    payments.record(
        alice,
        amount_cents=4250,
        kind="check",
        received_on=TODAY,
        check_number="1",
        key="a",
        by=BY,
        today=TODAY,
        now=NOW,
    )

    assert "Paid already" in text_of(enter(app).get("/staff/planned-charge/", invoice=invoice.id))


# --- the search box --------------------------------------------------------------------------------


@pytest.fixture
def known(alice, bob):
    Contact.update(phone="(512) 555-0142").where(Contact.customer == alice).execute()
    invoice = factories.make_invoice(alice)
    payment = payments.record(
        bob, amount_cents=900, kind="check", check_number="4711", received_on=TODAY, key="k",
        by=BY, today=TODAY, now=NOW,
    )  # fmt: skip
    ticket = tickets.open(alice, subject="Beeping keypad", body="b", by="customer", now=NOW)
    factories.make_site(bob, name="Warehouse", street="99 Harbor Road")
    models.Customer.update(street="42 Elm Street").where(models.Customer.id == bob.id).execute()
    return {"alice": alice, "bob": bob, "invoice": invoice, "payment": payment, "ticket": ticket}


def test_one_box_finds_everything_by_what_people_say(app, known):
    desk = enter(app)
    alice, invoice, payment = known["alice"], known["invoice"], known["payment"]

    for typed, leads in (
        (alice.account_number, f"/staff/customer/{alice.id}"),
        ("archer", f"/staff/customer/{alice.id}"),
        ("ALICE@example.com", f"/staff/customer/{alice.id}"),
        ("512.555.0142", f"/staff/customer/{alice.id}"),
        ("+1 (512) 555 0142", f"/staff/customer/{alice.id}"),
        (str(invoice.number), f"/staff/invoice/{invoice.id}"),
        (f"#{invoice.number}", f"/staff/invoice/{invoice.id}"),
        ("4711", f"/staff/payment/{payment.id}"),
        (payment.reference.lower(), f"/staff/payment/{payment.id}"),
        ("ticket " + str(known["ticket"].id), f"/staff/ticket/{known['ticket'].id}"),
        ("harbor", f"/staff/site/{models.Site.get().id}"),
        ("42 elm str", f"/staff/customer/{known['bob'].id}"),
    ):
        answer = desk.get("/staff/search", q=typed)
        assert (answer.status_code, answer.location) == (303, leads), typed


def test_several_answers_are_listed_by_kind(app, known):
    factories.make_customer("Archer & Sons")

    page = enter(app).get("/staff/search", q="archer")

    assert page.status_code == 200
    assert "Alice Archer" in page.text and "Archer &amp; Sons" in page.text


def test_nothing_found_says_what_to_try(app):
    for typed in ("zzzz", "", "%", "\x00", "9" * 40, "_" * 100):
        page = enter(app).get("/staff/search", q=typed)
        assert page.status_code == 200, typed
    assert "Nothing found" in text_of(page)


def test_the_box_suggests_while_one_types(app, known):
    answer = enter(app).client.get("/staff/search?q=arch", headers={"Accept": "application/json"})

    assert answer.json[0]["kind"] == "Customer"
    assert answer.json[0]["url"] == f"/staff/customer/{known['alice'].id}"


# --- recording a payment ---------------------------------------------------------------------------


def form(customer, amount, **fields):
    return {
        "customer": customer.id, "amount": amount, "kind": "check", "received_on": "2026-12-01",
        "click": f"c{amount}", **fields,
    }  # fmt: skip


def test_a_check_pays_the_oldest_invoices_first(app, alice):
    old = factories.make_invoice(alice, cents=3000, due=date(2026, 11, 1))
    new = factories.make_invoice(alice, cents=4000)

    page = enter(app, "billing").post(
        "/staff/payment/record", follow_redirects=True, **form(alice, "50.00", check_number="1042")
    )

    assert (
        f"$50.00 recorded; it pays Invoice {old.number} ($30.00) and Invoice {new.number} ($20.00)"
        in text_of(page)
    )
    assert Invoice.get_by_id(new.id).open_cents == 2000
    assert (Payment.get().check_number, Payment.get().entered_by) == ("1042", "staff:billing@lantern.example")


def test_or_it_pays_what_staff_say_and_the_rest_stays_as_credit(app, alice):
    factories.make_invoice(alice, cents=3000, due=date(2026, 11, 1))
    new = factories.make_invoice(alice, cents=4000)

    page = enter(app).post(
        "/staff/payment/record", follow_redirects=True, **form(alice, "50", **{f"part-{new.id}": "40"})
    )

    assert "$10.00 stays on the account as credit" in text_of(page)
    assert Invoice.get_by_id(new.id).open_cents == 0


def test_far_too_much_is_asked_about_once_more(app, alice):
    factories.make_invoice(alice, cents=4250)
    desk = enter(app)

    doubted = desk.post("/staff/payment/record", **form(alice, "4250.00"))

    assert doubted.status_code == 400
    assert "far more than the $42.50 that is owed" in text_of(doubted)
    assert 'value="4250.00"' in doubted.text and "The amount is right" in doubted.text
    assert not Payment.select().exists()
    desk.post("/staff/payment/record", **form(alice, "4250.00", confirmed="y"))
    assert Payment.get().amount_cents == 425_000


def test_the_same_form_sent_twice_is_one_payment(app, alice):
    factories.make_invoice(alice, cents=4250)
    desk = enter(app)

    for _ in range(2):
        desk.post("/staff/payment/record", **form(alice, "42.50"))

    assert Payment.select().count() == 1


def test_the_same_form_with_another_amount_is_another_payment(app, alice):
    factories.make_invoice(alice, cents=9000)
    desk = enter(app)

    for amount in ("42.50", "24.50"):
        desk.post("/staff/payment/record", **form(alice, amount, click="the same"))

    assert sorted(payment.amount_cents for payment in Payment.select()) == [2450, 4250]


def test_what_cannot_be_recorded_is_said_beside_its_field(app, alice):
    invoice = factories.make_invoice(alice, cents=4250)
    desk = enter(app)

    for change, sentence in (
        ({"amount": "12,50"}, "is not an amount"),
        ({"amount": ""}, "Fill this in."),
        ({"amount": "0"}, "Enter an amount above zero."),
        ({"kind": "card"}, "Choose one of the list."),
        ({"received_on": "2027-01-01"}, "future"),
        ({"received_on": "soon"}, "not a date"),
        ({"check_number": "9" * 31}, "At most 30 characters."),
        ({f"part-{invoice.id}": "ten"}, "is not an amount"),
        ({f"part-{invoice.id}": "99.00"}, "more than the payment"),
    ):
        page = desk.post("/staff/payment/record", **{**form(alice, "42.50"), **change})
        assert page.status_code == 400 and sentence in text_of(page), change
    assert not Payment.select().exists()


def test_the_payer_is_found_by_name_without_script(app, alice):
    desk = enter(app)

    found = desk.get("/staff/payment/record", **{"customer-text": "archer"})
    unknown = desk.get("/staff/payment/record", **{"customer-text": "nobody"})

    assert "Alice Archer owes" in text_of(found)
    assert "No single customer answers to “nobody”" in text_of(unknown)


# --- the bill run ----------------------------------------------------------------------------------


def test_the_preview_writes_nothing_and_says_what_would_be_billed(app, alice, bob):
    factories.make_charge(factories.make_contract(alice), cents=3000)
    factories.make_one_off(bob, cents=9500)
    desk = enter(app)

    everyone = text_of(desk.get("/staff/bill"))
    hers = text_of(desk.get("/staff/bill", customer=alice.id))

    assert "Customers 2 Lines 2 In total $125.00" in everyone
    assert "In total $30.00" in hers and "Bob Baker" not in hers
    assert not Invoice.select().exists()


def test_the_run_bills_one_customer_or_all_and_nothing_twice(app, alice, bob):
    for customer in (alice, bob):
        factories.make_charge(factories.make_contract(customer))
    desk = enter(app, "billing")

    one = desk.post("/staff/bill/run", follow_redirects=True, customer=alice.id)
    every = desk.post("/staff/bill/run", follow_redirects=True)
    again = desk.post("/staff/bill/run", follow_redirects=True)

    assert "1 invoice with 1 line, $30.00" in text_of(one)
    assert Invoice.select().count() == 2
    assert "0 invoices" in text_of(again)
    assert models.JobRun.select().where(models.JobRun.name == "bill").count() == 3
    assert every.status_code == 200


def test_two_bill_runs_at_once_are_refused_in_words(app, alice):
    factories.make_charge(factories.make_contract(alice))
    until = office.NOW + timedelta(minutes=5)
    models.JobRun.create(name="bill", as_of_on=TODAY, holder="another", lease_until_at=until, started_at=NOW)

    page = enter(app).post("/staff/bill/run", follow_redirects=True)

    assert "running already, on another" in text_of(page)
    assert not Invoice.select().exists()


# --- the demo --------------------------------------------------------------------------------------


def test_the_demo_moves_on_only_in_the_demo(app):
    desk = enter(app)

    assert desk.post("/staff/demo/advance", days=7).status_code == 404
    moved = []
    app.config["MODE"], app.advance_demo = "demo", lambda days: moved.append(days) or TODAY
    assert "Move the demo on by" in text_of(desk.get("/staff/"))
    desk.post("/staff/demo/advance", days=7)
    assert desk.post("/staff/demo/advance", days=9999).status_code == 400
    assert desk.post("/staff/demo/advance", days="abc").status_code == 303
    assert moved == [7, 1]
