"""Lists of the back office: pages, counts, filters, search, hostile addresses, and what they cost."""

import re
from datetime import date, timedelta
from urllib.parse import quote

import pytest
from markupsafe import escape

import models
from admin import filters, finding, labels, lists
from billing import tickets
from models import Charge, Customer, Invoice, Payment
from tests import factories
from tests.office import enter, rows_of, text_of

HOSTILE = [
    "9" * 40,
    "abc",
    "%00",
    "-1",
    "0",
    "1e9",
    "' OR 1=1 --",
    "½",
    "1~2~3",
    "v~",
    "n~1",
    "vabc~5",
    "%ED%A0%80",
]


def make_invoices(customer, count, **fields):
    due = date(2026, 12, 15)
    return [
        factories.make_invoice(customer, cents=1000 + number, due=due + timedelta(days=number % 3), **fields)
        for number in range(count)
    ]


# --- pages -----------------------------------------------------------------------------------------


def test_pages_follow_each_other_and_lead_back(app, alice, monkeypatch):
    monkeypatch.setattr("admin.base.StaffView.page_size", 3)
    numbers = [str(invoice.number) for invoice in make_invoices(alice, 8)][::-1]
    desk = enter(app)

    first = desk.get("/staff/invoice/")
    second = desk.get(address(first, "next"))
    third = desk.get(address(second, "next"))
    back = desk.get(address(second, "prev"))

    assert [rows_of(page) for page in (first, second, third)] == [numbers[:3], numbers[3:6], numbers[6:]]
    assert address(third, "next") is None and address(first, "prev") is None
    assert rows_of(back) == numbers[:3]
    assert rows_of(desk.get("/staff/invoice/?above=end")) == numbers[5:]


def test_the_queue_of_tickets_is_worked_off_by_lateness_page_after_page(app, alice, clock, monkeypatch):
    monkeypatch.setattr("admin.base.StaffView.page_size", 2)
    now = clock.now()
    told = {"body": "x", "by": factories.BY}
    for subject, priority, hours in (
        ("a", "low", 1),
        ("b", "normal", 9),
        ("c", "normal", 5),
        ("d", "urgent", 0),
    ):
        tickets.open(alice, subject=subject, priority=priority, now=now - timedelta(hours=hours), **told)
    desk = enter(app)

    for path in ("/staff/ticket/", "/staff/ticket/?state=waiting_on_us"):  # all of them, and the queue
        first = desk.get(path)
        second = desk.get(address(first, "next"))
        assert rows_of(first) + rows_of(second) == ["d", "b", "c", "a"]
        assert rows_of(desk.get(address(second, "prev"))) == rows_of(first)
    assert rows_of(desk.get("/staff/ticket/?sort=-id"))[0] == "d"


def test_a_page_of_a_queue_from_which_the_last_row_went_begins_anew(app, alice, clock, monkeypatch):
    monkeypatch.setattr("admin.base.StaffView.page_size", 1)
    rows = [
        tickets.open(alice, subject=subject, body="x", by=factories.BY, now=clock.now()) for subject in "ab"
    ]
    desk = enter(app)
    next_page = address(desk.get("/staff/ticket/?state=waiting_on_us"), "next")
    tickets.close(rows[0], by=factories.BY, now=clock.now())

    assert rows_of(desk.get(next_page)) == ["b"]


@pytest.mark.parametrize("sort", ["due_on", "-due_on", "number", "-number"])
def test_every_order_shows_every_row_once_drafts_without_a_date_too(app, alice, monkeypatch, sort):
    monkeypatch.setattr("admin.base.StaffView.page_size", 2)
    make_invoices(alice, 5)
    for _ in range(3):
        Invoice.create(customer=alice, created_at=factories.NOW)
    desk = enter(app)

    seen, page = [], desk.get("/staff/invoice/", sort=sort)
    while page is not None:
        seen += ids_of(page)
        onward = address(page, "next")
        page = desk.get(onward) if onward else None
    backwards, page = [], desk.get("/staff/invoice/", sort=sort, above="end")
    while page is not None:
        backwards = ids_of(page) + backwards
        before = address(page, "prev")
        page = desk.get(before) if before else None

    assert sorted(seen) == sorted(row.id for row in Invoice.select())
    assert backwards == seen
    values = [getattr(Invoice.get_by_id(id), sort.lstrip("-")) for id in seen]
    known = [value for value in values if value is not None]
    assert known == sorted(known, reverse=sort.startswith("-"))


def address(page, rel):
    """Where a page's link of this kind leads, or None."""
    found = re.search(rf'<a href="([^"]+)" rel="{rel}"', page.text)
    return found and found[1].replace("&amp;", "&")


def ids_of(page):
    return [int(id) for id in re.findall(r'<th scope="row"><a href="/staff/invoice/(\d+)"', page.text)]


def test_a_count_stops_where_nobody_reads_on(app, alice, monkeypatch):
    monkeypatch.setattr("admin.lists.COUNTED", 4)
    make_invoices(alice, 6)

    page = enter(app).get("/staff/invoice/")

    assert "Invoices 4+" in text_of(page)


def test_a_count_stops_earlier_where_each_row_must_be_looked_at(app, alice, monkeypatch):
    monkeypatch.setattr("admin.lists.LOOKED_UP", 2)
    make_invoices(alice, 4)
    desk = enter(app)

    assert "Invoices 2+" in text_of(desk.get("/staff/invoice/", total_cents_from="1"))
    assert "Invoices 4" in text_of(desk.get("/staff/invoice/", state="issued"))


def test_a_long_list_sorts_only_by_what_an_index_has(app, alice, monkeypatch):
    monkeypatch.setattr("admin.lists.COUNTED", 4)
    make_invoices(alice, 6)
    desk = enter(app)

    long, short = desk.get("/staff/invoice/"), desk.get("/staff/invoice/", number_to="10002")

    assert "sort=issued_on" in long.text and "sort=total_cents" not in long.text
    assert "sort=total_cents" in short.text
    assert ids_of(desk.get("/staff/invoice/", sort="total_cents")) == ids_of(long)


def test_sums_stand_under_a_list_that_is_counted_to_its_end(app, alice):
    make_invoices(alice, 3)

    foot = enter(app).get("/staff/invoice/", state="issued").text.partition("<tfoot>")[2]

    assert "$30.03" in foot


# --- filters ---------------------------------------------------------------------------------------


def test_filters_keep_what_they_say(app, alice, bob):
    early = factories.make_invoice(alice, cents=1000, due=date(2026, 11, 1), issued=date(2026, 10, 15))
    late = factories.make_invoice(bob, cents=9900, due=date(2027, 1, 5))
    draft = Invoice.create(customer=bob, created_at=factories.NOW)
    desk = enter(app)

    def shown(**query):
        return set(ids_of(desk.get("/staff/invoice/", **query)))

    assert shown(state="draft") == {draft.id}
    assert shown(standing="past_due") == {early.id}
    assert shown(standing="open") == {early.id, late.id}
    assert shown(due_on_from="2026-11-02") == {late.id}
    assert shown(due_on_to="2026-11-01") == {early.id}
    assert shown(total_cents_from="$50", total_cents_to="1,000.00") == {late.id}
    assert shown(number_is="empty") == {draft.id}
    assert shown(customer=str(bob.id)) == {late.id, draft.id}
    assert shown(**{"customer-text": "Alice Archer"}) == {early.id}
    assert shown(customer=str(bob.id), state="issued", due_on_from="2026-12-01") == {late.id}


def test_a_filter_says_in_words_what_it_keeps(app, alice):
    factories.make_invoice(alice, due=date(2026, 12, 15))

    page = text_of(enter(app).get("/staff/invoice/", due_on_from="2026-12-01", total_cents_from="5"))

    assert "Only Due from Dec 1, 2026; Total from $5.00" in page


@pytest.mark.parametrize("name, typed, sentence", [
    ("due_on_from", "12/31/2026", "is not a date"),
    ("total_cents_from", "12,50", "is not an amount"),
    ("number_from", "ten", "is not a whole number"),
    ("customer-text", "Nobody Nowhere", "Nothing is called"),
])  # fmt: skip
def test_what_a_filter_cannot_read_is_said_beside_it(app, alice, name, typed, sentence):
    page = enter(app).get("/staff/invoice/", **{name: typed})

    assert page.status_code == 200
    assert sentence in text_of(page)


def test_moments_are_asked_for_by_the_companys_days(app, alice):
    late_evening = models.Ticket.create(  # 23:30 on November 30 in Austin
        customer=alice,
        subject="Siren at night",
        opened_at="2026-12-01 05:30:00",
        last_at="2026-12-01 05:30:00",
    )
    desk = enter(app)

    assert "Siren at night" in rows_of_text(desk, opened_at_from="2026-11-30", opened_at_to="2026-11-30")
    assert "Siren at night" not in rows_of_text(desk, opened_at_from="2026-12-01")
    assert late_evening.id


def rows_of_text(desk, **query):
    return text_of(desk.get("/staff/ticket/", **query)).partition("Next")[0]


def test_without_an_index_only_the_newest_rows_are_looked_through_and_the_page_says_so(
    app, alice, monkeypatch
):
    monkeypatch.setattr("admin.lists.RECENT", 3)
    made = make_invoices(alice, 6)
    desk = enter(app)

    page = desk.get("/staff/invoice/", total_cents_from="1")
    whole = desk.get("/staff/invoice/", total_cents_from="1", customer=alice.id)

    assert set(ids_of(page)) == {invoice.id for invoice in made[3:]}
    assert "newest 100,000 rows" in text_of(page)
    assert len(ids_of(whole)) == 6


# --- search ----------------------------------------------------------------------------------------


def test_a_search_finds_numbers_and_owners(app, alice, bob):
    hers, his = factories.make_invoice(alice), factories.make_invoice(bob)
    desk = enter(app)

    def shown(words):
        return set(ids_of(desk.get("/staff/invoice/", search=words)))

    assert shown(str(hers.number)) == {hers.id}
    assert shown("archer") == {hers.id}
    assert shown("ARCH alice") == {hers.id}
    assert shown(bob.account_number) == {his.id}
    assert shown("alice baker") == set()
    assert shown("a_ic%") == set()


def test_customers_are_found_by_every_word_wherever_it_stands(app):
    for name, street in (("Ann Smith", "7 Oak Street"), ("Smithers Ann Marie", "9 Elm Street")):
        factories.make_customer(name, street=street)
    desk = enter(app)

    assert len(rows_of(desk.get("/staff/customer/", search="ann smith"))) == 2
    assert len(rows_of(desk.get("/staff/customer/", search="smith elm"))) == 1
    assert len(rows_of(desk.get("/staff/customer/", search="7 oak"))) == 1


def test_type_ahead_gives_a_few_rows_and_never_fails(app, alice):
    for number in range(30):
        factories.make_customer(f"Ann {number}")
    desk = enter(app)

    def found(**query):
        answer = desk.get("/staff/contact/lookup", **query)
        assert answer.status_code == 200, query
        return answer.json

    assert len(found(name="customer", query="ann")) == 10
    assert len(found(name="customer", query="ann", limit=100_000)) == 20
    assert len(found(name="customer", query="ann", limit=-1)) <= 20
    assert found(name="customer", query="ann", offset=-5)
    assert len(found(name="customer")) == 10
    assert found(name="customer", query="archer")[0]["text"] == str(alice)
    factories.make_customer("Joann Later")
    assert "Joann" not in found(name="customer", query="ann")[0]["text"]
    assert found(name="customer", query="\x00") != []
    for name in ("", "version", "password_hash", "nothing"):
        assert desk.get("/staff/contact/lookup", name=name).status_code == 404


# --- hostile addresses -----------------------------------------------------------------------------


def test_no_address_makes_a_list_fail(app, alice):
    make_invoices(alice, 3)
    desk = enter(app)
    names = ["page", "search", "sort", "above", "below", "state", "customer", "customer-text", "due_on_from",
             "due_on_is", "total_cents_from", "number_from", "standing", "flt0_0", "run"]  # fmt: skip

    for name in names:
        for value in HOSTILE:
            typed = value if value.startswith("%") else quote(value)
            answer = desk.get(f"/staff/invoice/?{name}={typed}&{name}={typed}")
            assert answer.status_code == 200, f"{name}={value!r}"


def test_no_address_makes_a_page_fail(app, alice):
    desk = enter(app)

    for id in ("9" * 40, "abc", "%00", "-1", "0", "1.5", str(2**31), str(2**63)):
        for path in (f"/staff/invoice/{id}", f"/staff/customer/{id}", f"/staff/customer/{id}/edit",
                     f"/staff/invoice/{id}/pdf"):  # fmt: skip
            assert desk.get(path).status_code == 404, path
        assert desk.get(f"/staff/invoice/act/nothing?id={id}").status_code == 403
        answer = desk.get(f"/staff/invoice/act/void?id={id}&id={id}")
        assert (answer.status_code, answer.location) == (303, "/staff/invoice/")
        assert desk.get(f"/staff/bill?customer={id}").status_code in (200, 404)
        assert desk.get(f"/staff/payment/record?customer={id}").status_code == 200
        assert desk.get(f"/staff/search?q={id}").status_code == 200


def test_what_was_typed_comes_back_as_text(app, alice):
    typed = '"><script>alert(1)</script>'

    page = enter(app).get("/staff/invoice/", search=typed).text

    assert typed not in page
    assert str(escape(typed)) in page


# --- what it costs ---------------------------------------------------------------------------------


def test_a_page_asks_the_database_the_same_number_of_times_whatever_stands_on_it(app, db, clock):
    def cost(path):
        seen = []
        hook = lambda sql, *rest: seen.append(sql)  # noqa: E731
        models.db.obj.query_hooks.append(hook)
        try:
            assert desk.get(path).status_code == 200
        finally:
            models.db.obj.query_hooks.remove(hook)
        return len(seen)

    desk = enter(app)
    paths = ["/staff/invoice/", "/staff/charge/", "/staff/contract/", "/staff/customer/", "/staff/payment/",
             "/staff/price-change/", "/staff/system/", "/staff/notice/"]  # fmt: skip
    furnish(1)
    few = {path: cost(path) for path in paths}
    furnish(10)
    many = {path: cost(path) for path in paths}

    assert many == few
    assert max(many.values()) <= 16, many


def furnish(count):
    for _ in range(count):
        customer = factories.make_customer()
        site = factories.make_site(customer)
        factories.make_system(site)
        charge = factories.make_charge(factories.make_contract(customer), site=site)
        models.PriceChange.create(
            charge=charge, starts_on=date(2027, 1, 1), unit_cents=1, reason="r", by="t", made_at=factories.NOW
        )
        factories.make_invoice(customer)


def test_sqlite_looks_up_few_matches_by_index_and_walks_to_many(db, alice):
    if db.for_update:
        pytest.skip("PostgreSQL has statistics of its own")
    by_state = filters.ChoiceFilter(Invoice.state, "State")
    listing = lists.Listing(Invoice, filters=[by_state], columns=[Invoice.number])
    conditions = listing.conditions({"state": "issued"})

    few = lists.Walk(listing, conditions, Invoice.id, True, along=None)
    many = lists.Walk(listing, conditions, Invoice.id, True, along=Invoice.id)

    assert "invoice_state_due_on" in plan(few)
    assert plan(many) == "SCAN t1"


def plan(walk):
    query = walk.listing.where(Invoice.select(), walk.conditions, walk.along)
    column = walk._hinted(walk.pk)
    sql, params = query.order_by(column.desc()).limit(3).sql()
    rows = models.db.execute_sql("EXPLAIN QUERY PLAN " + sql, params).fetchall()
    return rows[0][3]


def test_a_due_date_is_found_by_the_index_behind_the_state(db):
    if db.for_update:
        pytest.skip("PostgreSQL has statistics of its own")
    by_due = filters.DateFilter(Invoice.due_on, "Due")
    listing = lists.Listing(Invoice, filters=[by_due], columns=[Invoice.number])
    args = {"due_on_from": "2026-01-01", "due_on_to": "2026-01-31"}
    query = listing.where(Invoice.select(Invoice.id), listing.conditions(args))

    rows = models.db.execute_sql("EXPLAIN QUERY PLAN " + query.sql()[0], query.sql()[1]).fetchall()

    assert "invoice_state_due_on (state=? AND due_on>? AND due_on<?)" in rows[0][3]


def test_a_search_reads_what_a_table_offers_from_its_model():
    number, owner = finding.searched(Invoice)

    assert number is Invoice.number
    assert owner.field is Invoice.customer
    assert [getattr(one, "field", one).name for one in owner.by] == ["account_number", "name"]
    assert [getattr(one, "name", "") for one in finding.searched(Payment)] == [
        "reference",
        "transaction_id",
        "",
    ]


# --- exports ---------------------------------------------------------------------------------------


def test_an_export_holds_what_the_list_shows_with_money_as_numbers(app, alice, bob):
    factories.make_invoice(alice, cents=123456, due=date(2026, 12, 15))
    factories.make_invoice(bob, cents=100)

    lines = enter(app).get("/staff/invoice/export", search="alice").text.splitlines()

    assert lines[0] == "\ufeffNo.,Number,Customer,State,Issued,Due,Total,Open"
    assert len(lines) == 2
    assert ",Alice Archer (" in lines[1] and lines[1].endswith(",open,2026-12-01,2026-12-15,1234.56,1234.56")


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", " ="])
def test_no_cell_of_an_export_is_a_formula(start):
    cell = labels.plain(Customer.name, f"{start}cmd|' /C calc'!A0")

    assert cell.startswith("'")


def test_a_long_export_comes_in_pieces(db, alice):
    make_invoices(alice, 7)
    listing = lists.Listing(Invoice, columns=[Invoice.number])

    pieces = [len(rows) for rows in listing.chunks({}, size=3)]

    assert pieces == [3, 3, 1]


def test_an_export_is_noted(app, alice):
    enter(app).get("/staff/customer/export", search="alice")

    event = models.Event.get(models.Event.what == "customer.exported")
    assert event.by == "staff:owner@lantern.example"
    assert "alice" in event.after


def test_charges_of_a_long_name_stay_readable(app, alice):
    contract = factories.make_contract(alice, name="A" * 80)
    factories.make_charge(contract, text="B" * 120)

    assert enter(app).get("/staff/charge/").status_code == 200
    assert Charge.select().count() == 1
