"""The last steps in the back office: service that rests, accounts that an agency gets, each by two people."""

import io
import zipfile
from datetime import timedelta

import pytest

from billing import payments, tickets
from billing.suspensions import steps
from models import Approval, Customer, Handover, Notice, Suspension, System
from tests.factories import (
    BY,
    NOW,
    fresh,
    make_charge,
    make_contract,
    make_customer,
    make_invoice,
    make_site,
    make_system,
)
from tests.office import enter, make_staff, text_of


@pytest.fixture
def late(app, alice, clock):
    """Alice, whose oldest invoice is a hundred days late, and her contract."""
    site = make_site(alice)
    contract = make_contract(alice)
    make_charge(contract, site=site, system=make_system(site))
    due = clock.today() - timedelta(days=100)
    make_invoice(alice, due=due, issued=due - timedelta(days=14))
    return contract


@pytest.fixture
def two(app):
    """Two people of billing."""
    return [
        enter(app, "billing", row=make_staff("billing", name=name, email=f"{name.lower()}@lantern.example"))
        for name in ("Bill", "Bea")
    ]


def approved_by(desk):
    return desk.act("approval", "approve", Approval.select().order_by(Approval.id.desc()).get())


def test_a_suspension_goes_its_way_through_two_people_and_one_click_ends_it(late, two, alice):
    bill, bea = two
    System.update(kind="medical").execute()
    page = bill.get("/staff/contract/act/suspend", id=late.id)
    assert "Lives may depend on it" in text_of(page) and "$42.50 past due" in text_of(page)

    assert "A second person decides" in text_of(bill.act("contract", "suspend", late, reason="No answer"))
    row = Suspension.get()
    page = text_of(bill.get(f"/staff/suspension/{row.id}"))
    assert "Answer the checklist first" in page and "Waits for a second person" in page
    assert f"/staff/approval/{Approval.get().id}" in bill.get(f"/staff/suspension/{row.id}").text
    assert "does not fit" in text_of(approved_by(bill))  # it is their own
    assert "Answer the checklist first" in text_of(approved_by(bea))
    assert "Not before this is so" in text_of(bill.act("suspension", "check", row, spoke="y"))
    bill.act("suspension", "check", row, **dict.fromkeys(steps.CHECKS, "y"))
    approved_by(bea)

    assert fresh(row).state == "warned"
    page = text_of(bill.get(f"/staff/suspension/{row.id}"))
    assert "We spoke with somebody" in page and "Please talk to us" not in page
    assert "They were told" in page and "Stop it" in page and "Switch it on again" not in page

    bill.act("suspension", "stop", row, reason="They called; we found another date.")
    assert fresh(row).state == "canceled"
    assert not Notice.select().where((Notice.suspension == row) & (Notice.state == "queued")).exists()


def test_too_early_is_said_before_anything_is_asked(app, two, alice):
    contract = make_contract(alice)

    page = text_of(two[0].get("/staff/contract/act/suspend", id=contract.id))

    assert "owes nothing that is past due" in page
    assert "owes nothing" in text_of(two[0].act("contract", "suspend", contract, reason="x"))
    assert not Suspension.select().exists()


def test_support_stops_a_suspension_but_does_not_ask_for_one(app, late, two):
    two[0].act("contract", "suspend", late, reason="No answer")
    sam = enter(app, "support")
    assert sam.get("/staff/contract/act/suspend", id=late.id).status_code == 403

    sam.act("suspension", "stop", Suspension.get(), reason="They are on the phone with me.")

    assert Suspension.get().state == "canceled"


def test_what_is_left_to_do_stands_on_the_first_page(late, two, alice, clock):
    Suspension.insert(
        customer=alice, contract=late, reason="x", owed_cents=1, oldest_on=clock.today(), asked_by=BY,
        asked_at=clock.now(), recall=True, station=True,
    ).execute()  # fmt: skip
    page = text_of(two[0].get("/staff/"))
    assert "1 Letters to take back" in page and "1 Stations to tell" in page

    two[0].act("suspension", "recalled", Suspension.get(), reason="In the shredder.")
    two[0].act("suspension", "station", Suspension.get())

    page = text_of(two[0].get("/staff/"))
    assert "1 Letters to take back" not in page and "1 Stations to tell" not in page


def test_an_account_is_handed_over_as_a_file_and_taken_back(late, two, alice):
    bill, bea = two
    bill.act("customer", "hand_over", alice, agency="Calm Partners", reason="Moved away")
    row = Handover.get()
    assert "make_file" not in bill.get(f"/staff/handover/{row.id}").text
    approved_by(bea)

    assert "the customer is told" in text_of(bill.act("handover", "make_file", row))
    answer = bill.get(f"/staff/handover/{row.id}/file")
    assert answer.mimetype == "application/zip" and zipfile.ZipFile(io.BytesIO(answer.data)).testzip() is None
    assert answer.headers["Cache-Control"] == "no-store"

    bill.act("handover", "take_back", row, reason="They called us.")
    assert fresh(row).state == "taken_back"


def test_the_file_is_not_for_everybody(app, late, two, alice):
    two[0].act("customer", "hand_over", alice, agency="Calm Partners", reason="Moved away")

    assert enter(app, "support").get(f"/staff/handover/{Handover.get().id}/file").status_code == 403
    assert enter(app, "read_only").get("/staff/handover-file/").status_code == 403


def test_special_care_is_noted_with_its_reason_and_forbids_an_agency(app, late, two, alice):
    Customer.update(vulnerable_reason="Oxygen at home").where(Customer.id == alice.id).execute()

    page = text_of(two[0].act("customer", "hand_over", alice, agency="Calm Partners", reason="x"))

    assert "needs special care (Oxygen at home)" in page and not Handover.select().exists()
    assert "Special care: Oxygen at home" in text_of(two[0].get(f"/staff/customer/{alice.id}"))


def test_a_payment_at_the_desk_ends_it_with_the_next_look(late, two, alice, clock):
    two[0].act("contract", "suspend", late, reason="No answer")
    payments.record(
        alice, amount_cents=4250, kind="check", received_on=clock.today(), key="k", by=BY,
        today=clock.today(), now=clock.now(),
    )  # fmt: skip

    steps.cure_all(today=clock.today(), now=clock.now())

    assert Suspension.get().state == "canceled"
    assert "They paid" in text_of(two[0].get(f"/staff/suspension/{Suspension.get().id}"))


def test_what_the_gate_keeps_back_is_let_pass_by_a_second_person_only(app, alice):
    tickets.open(alice, subject="Beeping", body="It beeps.", by="customer", now=NOW)
    desk, nobody = enter(app, "billing"), make_customer("Nobody")

    asked = desk.act("customer", "let_pass", alice, what="suspension", reason="They agreed.")

    assert "A second person was asked" in text_of(asked)
    assert (Approval.get().state, Approval.get().asked_by) == ("asked", "staff:billing@lantern.example")
    needless = desk.act("customer", "let_pass", nobody, what="late_fee", reason="x")
    assert "Nothing keeps it back" in text_of(needless)
    refused = enter(app, "support").act("customer", "let_pass", alice, what="suspension", reason="x")
    assert refused.status_code == 403
