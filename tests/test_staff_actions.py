"""Actions of the back office: they ask, they call the use case, they say what came of each row."""

from datetime import date

import pytest

import models
from billing import links, notices, payments, tickets
from billing.automatic import autopay, consent
from billing.documents import autopay_documents
from billing.errors import BillingError
from models import (
    Charge,
    Contract,
    Credit,
    Customer,
    Event,
    Hold,
    Invoice,
    Link,
    Message,
    Notice,
    OneOff,
    Payment,
)
from tests import factories
from tests.factories import BY, NOW
from tests.office import enter, make_staff, text_of

TODAY = date(2026, 12, 1)


def draft_for(customer, cents=5000):
    draft = Invoice.create(customer=customer, subtotal_cents=cents, total_cents=cents, created_at=NOW)
    models.Line.create(
        invoice=draft, position=1, text="Back door sensor replaced", done_on=TODAY, unit_cents=cents,
        amount_cents=cents, total_cents=cents,
    )  # fmt: skip
    return draft


def pay(customer, cents, key="k1"):
    return payments.record(
        customer, amount_cents=cents, kind="check", received_on=TODAY, key=key, by=BY, today=TODAY, now=NOW,
        check_number="77",
    )  # fmt: skip


# --- asking first ----------------------------------------------------------------------------------


def test_an_action_asks_before_and_says_what_it_concerns(app, alice):
    invoice = factories.make_invoice(alice, cents=4250)

    page = text_of(enter(app).get("/staff/invoice/act/void", id=invoice.id))

    assert f"Invoice {invoice.number}, Alice Archer" in page
    assert "$42.50, $42.50 still open" in page
    assert "stays in the books" in page
    assert Invoice.get_by_id(invoice.id).state == "issued"


def test_an_action_without_rows_says_what_to_do(app):
    answer = enter(app).get("/staff/invoice/act/void", follow_redirects=True)

    assert answer.status_code == 303


def test_a_form_of_an_action_that_is_not_filled_in_does_nothing(app, alice):
    invoice = factories.make_invoice(alice)

    page = enter(app).act("invoice", "void", invoice, reason=" ")

    assert page.status_code == 400
    assert "Fill this in." in text_of(page)
    assert Invoice.get_by_id(invoice.id).state == "issued"


def test_the_same_click_does_nothing_twice(app, alice):
    desk = enter(app)

    for _ in range(2):
        page = desk.act("customer", "goodwill", alice, amount="5", reason="Late", click="one-click")

    assert "nothing was done twice" in text_of(page)
    assert Credit.select().count() == 1


def test_a_click_that_arrives_twice_at_once_is_one_credit_for_each_customer(app, alice, bob):
    """Two requests of a double click carry the same session: neither knows of the other."""
    for desk in (enter(app), enter(app)):
        desk.act("customer", "goodwill", alice, bob, amount="5", reason="Late", click="one-click")

    assert sorted(credit.customer.name for credit in Credit.select()) == ["Alice Archer", "Bob Baker"]


def test_each_row_gets_its_own_answer_and_one_refusal_stops_nobody(app, alice, bob):
    hers, his = factories.make_invoice(alice), factories.make_invoice(bob)
    void = factories.make_invoice(alice)
    Invoice.update(state="void", open_cents=0).where(Invoice.id == void.id).execute()

    page = text_of(enter(app).act("invoice", "void", hers, void, his, reason="Wrong rate"))

    assert "Void: 2 of 3 done" in page
    assert f"Invoice {hers.number} was voided." in page
    assert f"not possible for Invoice {void.number}" in page
    assert {Invoice.get_by_id(row.id).state for row in (hers, his)} == {"void"}


# --- invoices --------------------------------------------------------------------------------------


def test_a_draft_is_issued_or_discarded(app, alice, bob):
    hers, his = draft_for(alice), draft_for(bob)
    desk = enter(app, "billing")

    issued = text_of(desk.act("invoice", "issue", hers))
    desk.act("invoice", "discard", his, reason="Entered twice")

    hers = Invoice.get_by_id(hers.id)
    assert f"Invoice {hers.number} for $50.00 was issued, due December 16, 2026." in issued
    assert (hers.state, hers.open_cents) == ("issued", 5000)
    assert Invoice.get_by_id(his.id).state == "void"


def test_a_void_can_put_its_periods_back(app, alice):
    from billing import bill

    charge = factories.make_charge(factories.make_contract(alice))
    bill.run(TODAY, by=BY, now=NOW)
    desk = enter(app)

    desk.act("invoice", "void", Invoice.get(), reason="Wrong price", bill_again="y")

    assert Charge.get_by_id(charge.id).next_on == TODAY
    event = Event.get(Event.what == "invoice.voided")
    assert (event.by, event.reason) == ("staff:owner@lantern.example", "Wrong price")


def test_a_credit_lowers_what_is_owed_and_never_below_nothing(app, alice):
    invoice = factories.make_invoice(alice, cents=4250)
    desk = enter(app)

    done = text_of(desk.act("invoice", "credit", invoice, amount="12.50", reason="Late technician"))
    refused = desk.act("invoice", "credit", invoice, amount="30.01", reason="Too much")

    assert f"Invoice {invoice.number} was credited $12.50." in done
    assert refused.status_code == 409
    assert "between $0.01 and $30.00" in text_of(refused)
    assert 'value="30.01"' in refused.text  # nothing typed is lost
    assert Invoice.get_by_id(invoice.id).open_cents == 3000


def test_an_invoice_is_mailed_again_to_a_contact_of_its_customer_only(app, alice, bob):
    invoice = factories.make_invoice(alice)
    desk = enter(app, "support")

    foreign = desk.act("invoice", "resend", invoice, contact=factories.payer(bob).id)
    desk.act("invoice", "resend", invoice, contact=factories.payer(alice).id)

    assert foreign.status_code == 400
    assert Notice.get().address == "alice@example.com"


def test_a_pay_link_is_shown_once_and_opens_the_invoice(app, alice):
    invoice = factories.make_invoice(alice)
    desk = enter(app)

    page = desk.act("invoice", "pay_link", invoice)
    address = page.text.partition('class="copy" readonly value="')[2].partition('"')[0]
    opened = app.test_client().get(address)

    assert opened.status_code == 200
    assert "$42.50" in text_of(opened)
    token = address.rpartition("/")[2]
    assert token not in desk.get("/staff/link/").text + desk.get(f"/staff/link/{Link.get().id}").text


def test_links_are_withdrawn(app, alice):
    invoice = factories.make_invoice(alice)
    token = links.pay_link(invoice, now=NOW)

    enter(app).act("invoice", "revoke_links", invoice)

    with pytest.raises(links.DeadLink):
        links.follow(token, Link.PAY, now=NOW)


def test_staff_see_the_invoice_as_the_customer_gets_it(app, alice):
    invoice = factories.make_invoice(alice)

    answer = enter(app, "read_only").get(f"/staff/invoice/{invoice.id}/pdf")

    assert answer.mimetype == "application/pdf"
    assert answer.data.startswith(b"%PDF-")


# --- payments --------------------------------------------------------------------------------------


def test_a_bounced_check_opens_its_invoices_again(app, alice):
    invoice = factories.make_invoice(alice, cents=4250)
    payment = pay(alice, 4250)

    enter(app).act("payment", "bounce", payment, reason="Insufficient funds")

    assert Payment.get_by_id(payment.id).state == "returned"
    assert Invoice.get_by_id(invoice.id).open_cents == 4250


def test_a_refund_gives_back_what_is_left_over_and_no_more(app, alice):
    factories.make_invoice(alice, cents=4250)
    payment = pay(alice, 5000)
    desk = enter(app)

    refused = desk.act("payment", "refund", payment, amount="20", how="check", reason="Overpaid")
    done = desk.act("payment", "refund", payment, amount="7.50", how="check", reason="Overpaid")

    assert "Only $7.50 can be refunded as it is" in text_of(refused)
    assert "$7.50 was refunded by check." in text_of(done)
    assert models.Refund.get().amount_cents == 750


def test_what_was_not_paid_offers_no_refund(app, alice):
    payment = Payment.create(
        customer=alice, reference="PLX", key="x", kind="online", amount_cents=100, received_on=TODAY,
        created_at=NOW, state="declined",
    )  # fmt: skip

    desk = enter(app)

    assert "act/refund" not in desk.get(f"/staff/payment/{payment.id}").text
    assert "not possible" in text_of(
        desk.act("payment", "refund", payment, amount="1", how="cash", reason="x")
    )
    assert not models.Refund.select().exists()


# --- contracts and work ----------------------------------------------------------------------------


def test_a_contract_is_paused_resumed_and_ended(app, alice):
    contract = factories.make_contract(alice)
    factories.make_charge(contract)
    desk = enter(app, "billing")

    desk.act("contract", "pause", contract, from_on="2026-12-10", reason="Away")
    assert Hold.get().starts_on == date(2026, 12, 10)
    desk.act("contract", "resume", contract, on="2026-12-20")
    assert Hold.get().ends_on == date(2026, 12, 19)
    desk.act("contract", "end", contract, on="2026-12-31", reason="moved")

    contract = Contract.get_by_id(contract.id)
    assert (contract.ends_on, contract.end_reason) == (date(2026, 12, 31), "moved")


def test_a_price_changes_from_a_date(app, alice):
    charge = factories.make_charge(factories.make_contract(alice))

    typed = {"from_on": "2027-01-01", "unit": "32.50", "reason": "Yearly", "agreed_how": "Order 7"}
    enter(app).act("charge", "change_price", charge, **typed)

    assert models.PriceChange.get().unit_cents == 3250


def test_work_is_canceled_until_it_is_billed(app, alice):
    work, billed = factories.make_one_off(alice), factories.make_one_off(alice, billed_on=TODAY)
    desk = enter(app)

    desk.act("one-off", "cancel", work, reason="Not done")
    refused = desk.act("one-off", "cancel", billed, reason="Not done")

    assert OneOff.get_by_id(work.id).canceled_on == TODAY
    assert OneOff.get_by_id(billed.id).canceled_on is None
    assert "not possible" in text_of(refused)


def test_canceling_what_was_billed_meanwhile_is_refused_by_the_rule(db, alice):
    from billing import one_offs
    from billing.errors import BillingError

    work = factories.make_one_off(alice)
    OneOff.update(billed_on=TODAY).execute()

    with pytest.raises(BillingError, match="billed or canceled already"):
        one_offs.cancel(work, reason="x", by=BY, today=TODAY, now=NOW)


# --- talking, imports, staff -----------------------------------------------------------------------


def test_a_ticket_is_answered_noted_and_closed(app, alice):
    ticket = tickets.open(alice, subject="Beeping", body="It beeps.", by="customer", now=NOW)
    desk = enter(app, "support")

    desk.act("ticket", "note", ticket, body="Check the battery")
    desk.act("ticket", "reply", ticket, body="We are on our way.")
    page = text_of(desk.get(f"/staff/ticket/{ticket.id}"))

    assert "It beeps." in page and "We are on our way." in page and "note for staff only" in page
    assert [message.staff.role for message in Message.select().where(Message.staff.is_null(False))] == [
        "support"
    ] * 2
    assert models.Ticket.get().state == "waiting_on_customer"
    desk.act("ticket", "close", ticket)
    assert models.Ticket.get().state == "closed"


def test_merged_one_lands_on_the_ticket_that_remains(app, alice):
    gone, stays = (
        tickets.open(alice, subject=subject, body="It beeps.", by="customer", now=NOW)
        for subject in ("Again", f"The keypad {'beeps ' * 12}all night")
    )
    desk = enter(app, "support")
    offered = text_of(desk.get("/staff/ticket/act/merge", id=gone.id))

    done = desk.act("ticket", "merge", gone, into=stays.id, follow_redirects=False)

    assert f"Ticket {stays.id}, waiting on us: The keypad beeps" in offered and "…" in offered
    assert done.location == f"/staff/ticket/{stays.id}"


def test_staff_take_down_what_a_customer_says(app, alice):
    enter(app, "support").act("customer", "open_ticket", alice, subject="Called", body="Wants a new keypad")

    assert models.Ticket.get().customer == alice


def test_paper_that_left_the_house_is_marked(app, alice):
    notice = Notice.create(
        key="n",
        kind="invoice",
        state="print",
        channel="paper",
        customer=alice,
        why="w",
        send_at=NOW,
        created_at=NOW,
    )

    enter(app).act("notice", "mark_printed", notice)

    assert Notice.get().state == "sent"


def test_an_import_is_released_and_taken_back(app):
    batch = models.ImportBatch.create(file_name="f.csv", sha256="0" * 64, by=BY, committed_at=NOW)
    Customer.create(account_number="I-1", name="Imported", import_batch=batch)
    desk = enter(app)

    desk.act("import-batch", "release", batch)
    assert models.ImportBatch.get().state == "released"
    desk.act("import-batch", "undo", batch)
    assert models.ImportBatch.get().state == "undone"
    assert not Customer.select().exists()


def test_an_owner_sets_a_password_without_ever_seeing_one(app):
    row = make_staff("support")
    desk = enter(app)

    short = desk.act("staff", "set_password", row, password="short")
    desk.act("staff", "set_password", row, password="long enough now")

    assert "at least 10 characters" in text_of(short)
    assert models.Staff.get_by_id(row.id).password_hash.startswith("$argon2")


def test_paper_is_printed_with_a_pay_code_of_its_own(app):
    invoice = factories.make_invoice(factories.make_customer(email=""))
    notices.queue_invoices([invoice.id], now=NOW)
    Notice.update(state=Notice.SENDING).execute()
    Notice.update(state=Notice.PRINT).execute()
    notice = Notice.get()

    answer = enter(app).act("notice", "print", notice)

    assert answer.mimetype == "application/pdf"
    assert Link.get().invoice_id == invoice.id
    assert Notice.get().state == Notice.PRINT


def test_the_letter_about_a_charge_is_printed_and_marking_it_lets_the_days_count(app, clock):
    customer = factories.make_customer(email="")
    account = factories.make_method(
        customer, kind="bank", label="Checking account ending 6781", expires_on=None
    )
    words = consent.words_of(customer, account, **consent.Terms()._asdict())
    autopay.agree(
        customer, contact=None, method=account, **consent.Terms()._asdict(), text=words.text, address="",
        by=BY, today=TODAY, now=clock.now(),
    )  # fmt: skip
    invoice = factories.make_invoice(customer, due=date(2026, 12, 6))
    autopay.plan_due(TODAY, now=clock.now())
    autopay.tell_due(TODAY, now=clock.now())
    Notice.update(state=Notice.PRINT).where(Notice.channel == Notice.PAPER).execute()
    letter, desk = Notice.get(Notice.kind == "upcoming_charge"), enter(app)

    answer = desk.act("notice", "print", letter)
    assert answer.mimetype == "application/pdf"
    told = autopay_documents.charge_letter(letter, today=TODAY, now=clock.now())
    assert (told.charge.cents, told.charge.charge_on, told.by_bank) == (4250, date(2026, 12, 15), True)

    desk.act("notice", "mark_printed", letter)
    autopay.tell_due(TODAY, now=clock.now())
    assert autopay.planned(invoice).told_on == TODAY

    autopay.end(autopay.standing(customer), reason="Off.", by=BY, now=clock.now())
    with pytest.raises(BillingError, match="this letter need not leave"):
        autopay_documents.charge_letter(letter, today=TODAY, now=clock.now())
