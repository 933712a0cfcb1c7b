"""Making and changing rows by hand: what is read, what is refused, two editors who meet, the audit."""

import io
import json
import struct
import zlib
from datetime import date

import pytest
from peewee import IntegrityError

import models
from models import Approval, Charge, Company, Customer, Event, Item, Site, Staff, TaxRate
from tests import factories
from tests.office import enter, make_staff, text_of

ITEM = {"code": "MON", "name": "Monitoring", "kind": "recurring", "unit_cents": "39.95"}
CUSTOMER = {"account_number": "A-1", "name": "Ann Archer", "kind": "residential", "language": "en"}


def error_beside(page, name):
    """The sentence under one field."""
    return page.text.partition(f'id="{name}-error"')[2].partition(">")[2].partition("<")[0]


# --- what is read ----------------------------------------------------------------------------------


@pytest.mark.parametrize("typed, cents", [("39.95", 3995), ("$1,234.50", 123450), (".99", 99), ("5", 500)])
def test_money_is_typed_in_dollars(app, typed, cents):
    answer = enter(app).post("/staff/item/new", **{**ITEM, "unit_cents": typed})

    assert answer.status_code == 303
    assert Item.get(Item.code == "MON").unit_cents == cents


def test_an_amount_that_is_none_is_refused_beside_its_field_and_nothing_is_lost(app):
    desk = enter(app)

    for typed in ("12,50", "-5", "1e9", "1.234", "NaN", "9" * 40):
        page = desk.post("/staff/item/new", **{**ITEM, "unit_cents": typed, "name": "Kept as typed"})
        assert page.status_code == 400
        assert "amount" in error_beside(page, "unit_cents"), typed
        assert 'value="Kept as typed"' in page.text
        assert f'value="{typed}"' in page.text
    assert not Item.select().exists()


def test_a_rate_is_typed_in_percent(app):
    rate = {"jurisdiction": "TX-AUSTIN", "name": "Sales tax", "starts_on": "2026-01-01"}
    desk = enter(app)

    wrong = desk.post("/staff/tax-rate/new", **rate, rate_ppm="eight")
    too_much = desk.post("/staff/tax-rate/new", **rate, rate_ppm="80")
    desk.post("/staff/tax-rate/new", **rate, rate_ppm="8.25 %")

    assert "percentage" in error_beside(wrong, "rate_ppm")
    assert error_beside(too_much, "rate_ppm") == "This must be 50% or less."
    assert TaxRate.get().rate_ppm == 82_500
    assert "8.25%" in text_of(desk.get("/staff/tax-rate/"))


@pytest.mark.parametrize("change, name, sentence", [
    ({"name": ""}, "name", "Fill this in."),
    ({"name": "x" * 101}, "name", "This is longer than 100 characters."),
    ({"name": "An\x00n"}, "name", "cannot be printed"),
    ({"state": "Texas"}, "state", "two characters|longer than 2|two letters"),
    ({"state": "ZZ"}, "state", "Write the state as two letters"),
    ({"zip": "1234"}, "zip", "five digits"),
    ({"kind": "wholesale"}, "kind", "Choose one of the list."),
    ({"terms_days": "121"}, "terms_days", "This must be 120 or less."),
    ({"terms_days": "-1"}, "terms_days", "This must be 0 or more."),
    ({"terms_days": "soon"}, "terms_days", "not a whole number"),
    ({"terms_days": "9" * 30}, "terms_days", "not a whole number"),
    ({"since_on": "2026-02-30"}, "since_on", "not a date"),
])  # fmt: skip
def test_what_cannot_be_is_refused_beside_its_field(app, change, name, sentence):
    page = enter(app).post("/staff/customer/new", **{**CUSTOMER, **change})

    assert page.status_code == 400
    assert any(part in error_beside(page, name) for part in sentence.split("|"))
    assert not Customer.select().exists()


def test_a_state_in_small_letters_is_stored_in_capitals(app):
    enter(app).post("/staff/customer/new", **CUSTOMER, state="tx", zip="78701-1234")

    assert (Customer.get().state, Customer.get().zip) == ("TX", "78701-1234")


def test_a_number_that_is_taken_is_refused_in_words(app, alice):
    page = enter(app).post("/staff/customer/new", **{**CUSTOMER, "account_number": alice.account_number})

    assert "Alice Archer" in error_beside(page, "account_number")
    assert Customer.select().count() == 1


def test_dates_that_contradict_each_other_are_refused(app):
    factories.make_rate("TX-1")
    desk, rate = enter(app), TaxRate.get()

    page = desk.post(f"/staff/tax-rate/{rate.id}/edit", name="x", ends_on="2019-12-31", version=1)
    double = desk.post(
        "/staff/tax-rate/new", jurisdiction="TX-1", name="x", rate_ppm="1", starts_on="2020-01-01"
    )

    assert "before “Starts”" in error_beside(page, "ends_on")
    assert "has this already" in error_beside(double, "jurisdiction")


def test_what_only_the_database_refuses_is_said_in_words(app, monkeypatch):
    def refuse(*args, **kwargs):
        raise IntegrityError('duplicate key: DETAIL (code)=("MON")')

    monkeypatch.setattr(Item, "save", refuse)

    page = text_of(enter(app).post("/staff/item/new", **ITEM))

    assert "These values contradict each other or another row." in page
    assert "DETAIL" not in page


# --- other rows ------------------------------------------------------------------------------------


def test_a_row_is_chosen_by_its_id_or_by_its_name_without_script(app, alice, bob):
    desk = enter(app)

    desk.post("/staff/site/new", customer=alice.id, **{"customer-text": str(alice)}, name="Home")
    desk.post("/staff/site/new", customer="", **{"customer-text": "bob baker"}, name="Shop")
    unknown = desk.post("/staff/site/new", customer="999999", **{"customer-text": "Nobody"}, name="x")
    nonsense = desk.post("/staff/site/new", customer="abc", name="x")

    assert [site.customer_id for site in Site.select().order_by(Site.id)] == [alice.id, bob.id]
    assert "Nothing is called “Nobody”" in error_beside(unknown, "customer").replace("&#34;", '"')
    assert error_beside(nonsense, "customer") == "Fill this in."


def test_sites_of_the_same_name_are_told_apart_where_one_is_chosen(app, alice, bob):
    desk = enter(app)
    mine, theirs = (Site.create(customer=one, name="Home", street="12 Main St") for one in (alice, bob))

    offered = desk.get("/staff/charge/lookup", name="site", query="home").json

    assert {(one["id"], one["text"]) for one in offered} == {
        (mine.id, f"Home, 12 Main St, {alice}"), (theirs.id, f"Home, 12 Main St, {bob}"),
    }  # fmt: skip


def test_a_site_names_a_tax_rate_that_exists_or_none(app, alice):
    desk, site = enter(app), {"customer": alice.id, "name": "Home"}
    TaxRate.create(jurisdiction="TX-AUSTIN", name="Sales tax", rate_ppm=82500, starts_on=date(2015, 1, 1))

    mistyped = desk.post("/staff/site/new", **site, jurisdiction="TX-AUSTN")
    desk.post("/staff/site/new", **site, jurisdiction="TX-AUSTIN")
    desk.post("/staff/site/new", **site, jurisdiction="")

    assert error_beside(mistyped, "jurisdiction").startswith("No tax rate is called TX-AUSTN.")
    assert [one.jurisdiction for one in Site.select().order_by(Site.id)] == ["TX-AUSTIN", ""]


def test_a_form_never_holds_a_whole_table(app, alice):
    for number in range(40):
        factories.make_customer(f"Somebody {number}")

    page = enter(app).get("/staff/site/new", customer=alice.id).text

    assert "Alice Archer" in page
    assert "Somebody" not in page


# --- charges ---------------------------------------------------------------------------------------


def charge_form(contract, item, **fields):
    return {
        "contract": contract.id, "item": item.id, "quantity": "1", "unit_cents": "30", "discount_cents": "0",
        "cycle_months": "1", "anchor_day": "1", "prorate_first": "y", "starts_on": "2026-12-01", **fields,
    }  # fmt: skip


def test_a_new_charge_is_put_on_the_calendar(app, alice):
    contract, item = factories.make_contract(alice), factories.make_item()

    enter(app).post("/staff/charge/new", **charge_form(contract, item))

    assert Charge.get().next_on == date(2026, 12, 1)


def test_a_charge_that_its_rule_refuses_is_not_half_written(app, alice):
    contract = factories.make_contract(alice, ends_on=date(2026, 6, 30))
    form = charge_form(contract, factories.make_item())

    page = enter(app).post("/staff/charge/new", **form)

    assert page.status_code == 400
    assert "The contract ended on" in text_of(page)
    assert not Charge.select().exists()
    assert not Event.select().where(Event.what == "charge.created").exists()


def test_a_discount_above_the_price_and_days_that_are_none_are_refused(app, alice):
    form = charge_form(factories.make_contract(alice), factories.make_item())
    desk = enter(app)

    assert "more than the price" in error_beside(
        desk.post("/staff/charge/new", **{**form, "discount_cents": "31"}), "discount_cents"
    )
    assert error_beside(desk.post("/staff/charge/new", **{**form, "anchor_day": "32"}), "anchor_day")
    assert error_beside(desk.post("/staff/charge/new", **{**form, "quantity": "0"}), "quantity")


def test_a_charge_stands_at_a_site_of_its_own_customer(app, alice, bob):
    foreign, own = factories.make_site(bob), factories.make_site(alice)
    elsewhere = factories.make_system(foreign)
    form = charge_form(factories.make_contract(alice), factories.make_item())
    desk = enter(app)

    strange_site = desk.post("/staff/charge/new", **form, site=foreign.id)
    strange_system = desk.post("/staff/charge/new", **form, site=own.id, system=elsewhere.id)

    assert error_beside(strange_site, "site") == "This site belongs to another customer."
    assert error_beside(strange_system, "system") == "This system is installed at another site."


def test_the_price_of_a_running_charge_is_no_field(app, alice):
    charge = factories.make_charge(factories.make_contract(alice))
    desk = enter(app)

    desk.post(
        f"/staff/charge/{charge.id}/edit",
        version=charge.version,
        text="New words",
        unit_cents="1",
        quantity="9",
    )

    charge = Charge.get_by_id(charge.id)
    assert (charge.text, charge.unit_cents, charge.quantity) == ("New words", 3000, 1)


# --- two editors, the audit ------------------------------------------------------------------------


def edit_form(customer, **fields):
    return {
        "account_number": customer.account_number, "name": customer.name, "kind": customer.kind,
        "language": customer.language, "street": customer.street, "city": customer.city,
        "state": customer.state, "zip": customer.zip, "version": customer.version, **fields,
    }  # fmt: skip


def test_saving_writes_what_was_changed_and_notes_it(app, alice):
    enter(app).post(f"/staff/customer/{alice.id}/edit", **edit_form(alice, name="Alice Adams"))

    event = Event.get(Event.what == "customer.changed")
    assert Customer.get_by_id(alice.id).name == "Alice Adams"
    assert (event.by, event.customer_id) == ("staff:owner@lantern.example", alice.id)
    assert json.loads(event.before) == {"name": "Alice Archer"}
    assert json.loads(event.after) == {"name": "Alice Adams"}


def test_saving_nothing_new_leaves_no_trace(app, alice):
    answer = enter(app).post(f"/staff/customer/{alice.id}/edit", **edit_form(alice))

    assert answer.status_code == 303
    assert not Event.select().where(Event.what == "customer.changed").exists()


def test_the_slower_of_two_editors_learns_who_was_faster_and_loses_nothing(app, alice, clock):
    seen = edit_form(alice)
    enter(app, row=make_staff("billing", name="Ann Fast")).post(
        f"/staff/customer/{alice.id}/edit", **{**seen, "city": "Dallas"}
    )
    clock.advance(minutes=2)
    slow = enter(app)

    page = slow.post(f"/staff/customer/{alice.id}/edit", **{**seen, "city": "Houston"})

    assert page.status_code == 400
    assert "Ann Fast changed this 2 minutes ago" in text_of(page)
    assert 'value="Houston"' in page.text and "Stored now: Dallas" in text_of(page)
    assert Customer.get_by_id(alice.id).city == "Dallas"
    again = slow.post(
        f"/staff/customer/{alice.id}/edit", **{**seen, "city": "Houston", "version": alice.version + 1}
    )
    assert again.status_code == 303
    assert Customer.get_by_id(alice.id).city == "Houston"


def test_two_editors_of_different_fields_do_not_undo_each_other(app, alice):
    Customer.update(note="Dog bites").where(Customer.id == alice.id).execute()

    enter(app).post(
        f"/staff/customer/{alice.id}/edit", **edit_form(alice, name="Alice Adams", note="Dog bites")
    )

    assert Customer.get_by_id(alice.id).note == "Dog bites"


def test_a_version_that_is_none_is_a_stale_form(app, alice):
    for version in ("", "abc", "0", "9" * 30):
        answer = enter(app).post(
            f"/staff/customer/{alice.id}/edit", **edit_form(alice, name="X", version=version)
        )
        assert answer.status_code == 400
    assert Customer.get_by_id(alice.id).name == "Alice Archer"


def test_fields_outside_the_whitelist_are_not_written(app, alice):
    batch = models.ImportBatch.create(file_name="f", sha256="0", by="t", committed_at=factories.NOW)

    enter(app).post(
        f"/staff/customer/{alice.id}/edit", **edit_form(alice, name="X", import_batch=batch.id, id=99)
    )

    assert Customer.get_by_id(alice.id).import_batch_id is None


def test_a_save_leads_back_to_where_one_came_from_and_nowhere_else(app, alice):
    desk = enter(app)
    form = {"customer": alice.id, "customer-text": str(alice), "name": "Home"}

    assert desk.post("/staff/site/new", **form, url=f"/staff/customer/{alice.id}").location.endswith(
        f"/staff/customer/{alice.id}"
    )
    assert desk.post("/staff/site/new", **form, url="https://evil.example/").location == "/staff/"


# --- the company and its staff ---------------------------------------------------------------------


def company_form(company, **fields):
    plain = {name: getattr(company, name) for name in (
        "name", "time_zone", "terms_days", "bill_ahead_days", "catch_up_periods", "pay_link_days",
        "state", "remit_state", "zip", "remit_zip", "email", "phone",
    )}  # fmt: skip
    return {**plain, "minimum_payment_cents": "5.00", "version": company.version, **fields}


def png():
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    body = zlib.compress(b"\x00\xff\x00\x00")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def test_a_logo_must_be_a_picture_and_stays_when_none_is_chosen(app, company):
    desk = enter(app)
    path = f"/staff/company/{company.id}/edit"

    wrong = desk.post(path, **company_form(company), logo=(io.BytesIO(b"%PDF-1.7 not a picture"), "logo.png"))
    desk.post(path, **company_form(company), logo=(io.BytesIO(png()), "logo.png"))
    desk.post(path, **company_form(Company.get(), name="Lantern Two"))

    assert "not a picture" in error_beside(wrong, "logo")
    stored = Company.get()
    assert (bytes(stored.logo), stored.name) == (png(), "Lantern Two")


def test_a_time_zone_that_does_not_exist_is_refused(app, company):
    page = enter(app).post(f"/staff/company/{company.id}/edit", **company_form(company, time_zone="Texas"))

    assert "America/Chicago" in error_beside(page, "time_zone")


def test_the_last_owner_stays_an_owner(app):
    olga = make_staff("owner")
    form = {"name": olga.name, "email": olga.email, "role": "support", "version": 1}

    page = enter(app, row=olga).post(f"/staff/staff/{olga.id}/edit", **form)

    assert "last owner" in error_beside(page, "role")
    assert Staff.get_by_id(olga.id).role == "owner"


def test_a_new_colleague_gets_a_password_that_is_long_enough(app):
    form = {"name": "Ned New", "email": "Ned@Lantern.example", "role": "support"}
    desk = enter(app)

    short = desk.post("/staff/staff/new", **form, password="short")
    desk.post("/staff/staff/new", **form, password="long enough to stay")

    ned = Staff.get(Staff.email == "ned@lantern.example")
    assert "at least 10 characters" in error_beside(short, "password")
    assert ned.password_hash.startswith("$argon2")


def test_the_address_of_staff_fits_wherever_it_is_noted_who_did_something(app):
    form = {"name": "Ned New", "role": "support", "password": ""}
    long = f"{'n' * 58}@lantern.example"
    desk = enter(app)

    refused = desk.post("/staff/staff/new", **form, email=f"n{long}")
    desk.post("/staff/staff/new", **form, email=long)

    assert "at most 74 characters" in error_beside(refused, "email")
    assert [row.email for row in Staff.select().where(Staff.name == "Ned New")] == [long]
    assert len(f"staff:{long}") == Approval.asked_by.max_length
