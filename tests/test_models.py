"""What may never be true, refused by the database itself, whoever writes: our code, a query, or raw SQL."""

from datetime import date

import peewee
import pytest

import models
from billing import bill, invoices, payments, tickets
from billing.reversals import refunds
from models import (
    Allocation,
    Charge,
    Company,
    Contact,
    Contract,
    Credit,
    Customer,
    Event,
    GatewayEvent,
    Hold,
    Invoice,
    Item,
    JobRun,
    Line,
    Message,
    Notice,
    OneOff,
    Payment,
    PaymentPart,
    Preference,
    PriceChange,
    Refund,
    System,
    TaxRate,
    Ticket,
)
from tests.factories import (
    BY,
    NOW,
    make_charge,
    make_contract,
    make_customer,
    make_invoice,
    make_one_off,
    make_rate,
    make_site,
    make_system,
    payer,
)

TODAY = date(2026, 12, 1)
AGAIN = {"by": BY, "today": TODAY, "now": NOW}
BROKEN = (peewee.IntegrityError, peewee.DatabaseError)


@pytest.fixture
def full(db, alice):
    """A database with at least one row in every table of money and evidence. Returns the customer."""
    make_rate()
    home = make_site(alice)
    charge = make_charge(make_contract(alice), site=home, system=make_system(home), cents=3000)
    PriceChange.create(
        charge=charge, starts_on=date(2027, 5, 1), unit_cents=1, reason="x", by=BY, made_at=NOW
    )
    make_one_off(alice)
    bill.run(TODAY, by=BY, now=NOW)
    invoice = Invoice.get()
    check = payments.record(
        alice, amount_cents=20000, kind="check", received_on=TODAY, key="k", confirmed=True, **AGAIN
    )
    refunds.start(check, amount_cents=100, how="check", reason="x", key="r", **AGAIN)
    invoices.credit(Invoice.get_by_id(invoice.id), amount_cents=100, reason="Sorry", **AGAIN)
    other = make_invoice(alice)
    online = Payment.create(
        customer=alice, reference="PL1", key="o", kind="online", amount_cents=100, received_on=TODAY,
        created_at=NOW, ask_at=NOW,
    )  # fmt: skip
    PaymentPart.create(payment=online, invoice=other, amount_cents=100)
    GatewayEvent.create(notification_id="n", kind="k", body="{}", received_at=NOW)
    ticket = tickets.open(alice, subject="Why?", body="Hm", by="Alice", now=NOW)
    Hold.create(scope="notices", customer=alice, reason="x", by=BY, starts_on=TODAY)
    JobRun.create(name="daily", as_of_on=TODAY, holder="x", lease_until_at=NOW, started_at=NOW)
    Preference.create(contact=payer(alice), event="invoice", changed_at=NOW)
    Notice.update(state="sent", sent_at=NOW).where(Notice.kind == "invoice").execute()
    assert ticket.messages.count() == 1
    return alice


# --- Values that are refused ---------------------------------------------------------------------

IMPOSSIBLE = [
    (Company, {"next_invoice_number": 0}),
    (Company, {"terms_days": 121}),
    (Company, {"catch_up_periods": 0}),
    (Company, {"minimum_payment_cents": -1}),
    (Item, {"kind": "gift"}),
    (Item, {"unit_cents": -1}),
    (TaxRate, {"rate_ppm": 500_001}),
    (TaxRate, {"rate_ppm": -1}),
    (TaxRate, {"ends_on": date(2019, 12, 31)}),
    (Customer, {"kind": "alien"}),
    (Customer, {"terms_days": -1}),
    (Customer, {"pay_wish": "later"}),
    (Contact, {"role": "boss"}),
    (System, {"kind": "laser"}),
    (Contract, {"term_months": -1}),
    (Contract, {"ends_on": date(2025, 12, 31)}),
    (Contract, {"end_reason": "whim"}),
    (Charge, {"quantity": 0}),
    (Charge, {"unit_cents": -1}),
    (Charge, {"discount_cents": 3001}),
    (Charge, {"discount_cents": -1}),
    (Charge, {"cycle_months": 2}),
    (Charge, {"anchor_day": 32}),
    (Charge, {"anchor_day": 0}),
    (Charge, {"ends_on": date(2026, 11, 30)}),
    (Charge, {"next_index": -1}),
    (PriceChange, {"unit_cents": -1}),
    (OneOff, {"quantity": 0}),
    (OneOff, {"unit_cents": -1}),
    (OneOff, {"discount_cents": 9501}),
    (Hold, {"scope": "love"}),
    (Hold, {"ends_on": date(2026, 11, 30)}),
    (Preference, {"days_ahead": 31}),
    (Preference, {"channel": "owl"}),
    (JobRun, {"state": "lost"}),
    (Invoice, {"state": "paid"}),
    (Invoice, {"open_cents": -1}),
    (Invoice, {"open_cents": 10**9}),
    (Payment, {"state": "maybe"}),
    (Payment, {"open_cents": -1}),
    (Payment, {"open_cents": 10**9}),
    (Credit, {"open_cents": -1}),
    (Credit, {"open_cents": 10**9}),
    (Ticket, {"state": "ignored"}),
    (Notice, {"channel": "owl"}),
]


def _name(value):
    return value.__name__ if isinstance(value, type) else "-".join(f"{k}={v}" for k, v in value.items())


def test_impossible_values_are_refused(db, full):
    taken = []
    for model, change in IMPOSSIBLE:
        row = model.select().order_by(model.id).first()
        assert row is not None, model
        try:
            with db.atomic():
                model.update(**change).where(model.id == row.id).execute()
        except BROKEN:
            continue
        taken.append((model.__name__, change))
    assert taken == []


def test_an_issued_invoice_has_a_number_and_a_due_date(db, alice):
    with pytest.raises(BROKEN), db.atomic():
        Invoice.create(customer=alice, state="issued", created_at=NOW)


def test_a_total_is_the_sum_of_its_parts(db, alice):
    with pytest.raises(BROKEN), db.atomic():
        Invoice.create(customer=alice, subtotal_cents=100, total_cents=99, created_at=NOW)
    draft = Invoice.create(customer=alice, created_at=NOW)
    with pytest.raises(BROKEN), db.atomic():
        Line.create(invoice=draft, position=1, text="x", unit_cents=1, amount_cents=100, total_cents=99)


@pytest.mark.parametrize(
    "fields",
    [
        {"amount_cents": 0},
        {"amount_cents": -100},
        {"payment": None, "credit": None},
        {"credit": "both"},
        {"reverses": "first", "amount_cents": 100},
    ],
)
def test_an_allocation_has_one_source_and_the_right_sign(db, full, fields):
    first = Allocation.select().first()
    given = {
        "invoice": first.invoice,
        "payment": first.payment,
        "amount_cents": 1,
        "by": BY,
        "made_on": TODAY,
    }
    given |= {**fields, **({"credit": Credit.get()} if fields.get("credit") else {})}
    given |= {"reverses": first} if fields.get("reverses") else {}

    with pytest.raises(BROKEN), db.atomic():
        Allocation.create(**given)


# --- What happens once ---------------------------------------------------------------------------


def test_a_number_an_account_a_key_and_a_reference_are_given_once(db, full, bob):
    payment = Payment.get(Payment.key == "k")
    new = {"customer": bob, "kind": "cash", "amount_cents": 1, "received_on": TODAY, "created_at": NOW}
    for model, fields in (
        (Payment, {**new, "reference": "new", "key": payment.key}),
        (Payment, {**new, "reference": payment.reference, "key": "new"}),
        (Customer, {"name": "Twin", "account_number": full.account_number}),
        (GatewayEvent, {"notification_id": "n", "kind": "k", "body": "", "received_at": NOW}),
        (Notice, {**_notice(bob), "key": Notice.get().key}),
        (Refund, {"payment": payment, "key": "r", "amount_cents": 1, "how": "cash", "reason": "x", "by": BY,
                  "made_on": TODAY}),
        (TaxRate, {"jurisdiction": "TX-AUSTIN", "name": "x", "rate_ppm": 1, "starts_on": date(2020, 1, 1)}),
    ):  # fmt: skip
        with pytest.raises(peewee.IntegrityError), db.atomic():
            model.create(**fields)
    draft = Invoice.create(customer=bob, created_at=NOW)
    with pytest.raises(peewee.IntegrityError), db.atomic():
        Invoice.update(number=10001).where(Invoice.id == draft.id).execute()


def _notice(customer):
    return {"kind": "receipt", "customer": customer, "why": "x", "send_at": NOW, "created_at": NOW}


def test_a_period_is_billed_once_until_its_line_is_void(db, full):
    line = Line.get(Line.charge.is_null(False))
    draft = Invoice.create(customer=full, created_at=NOW)
    twin = {
        "invoice": draft, "position": 1, "charge": line.charge, "from_on": line.from_on, "to_on": line.to_on,
        "text": "x", "unit_cents": 0, "amount_cents": 0, "total_cents": 0,
    }  # fmt: skip

    with pytest.raises(peewee.IntegrityError), db.atomic():
        Line.create(**twin)

    Line.update(voided_on=TODAY).where(Line.id == line.id).execute()
    assert Line.create(**twin)


def test_a_piece_of_work_is_billed_once_until_its_line_is_void(db, full):
    line = Line.get(Line.one_off.is_null(False))
    draft = Invoice.create(customer=full, created_at=NOW)
    twin = {
        "invoice": draft, "position": 1, "one_off": line.one_off, "text": "x", "unit_cents": 0,
        "amount_cents": 0, "total_cents": 0,
    }  # fmt: skip

    with pytest.raises(peewee.IntegrityError), db.atomic():
        Line.create(**twin)

    Line.update(voided_on=TODAY).where(Line.id == line.id).execute()
    assert Line.create(**twin)


def test_an_invoice_has_one_live_attempt_and_any_number_of_ended_ones(db, full):
    part = PaymentPart.get()
    second = Payment.create(
        customer=full, reference="PL2", key="2", kind="online", amount_cents=100, received_on=TODAY,
        created_at=NOW, ask_at=NOW,
    )  # fmt: skip

    with pytest.raises(peewee.IntegrityError), db.atomic():
        PaymentPart.create(payment=second, invoice=part.invoice, amount_cents=100)

    PaymentPart.update(live=False).execute()
    assert PaymentPart.create(payment=second, invoice=part.invoice, amount_cents=100)
    with pytest.raises(peewee.IntegrityError), db.atomic():
        PaymentPart.update(live=True).where(PaymentPart.id == part.id).execute()


def test_an_allocation_is_undone_once(db, full):
    first = Allocation.select().where(Allocation.payment.is_null(False)).first()
    twin = {
        "invoice": first.invoice, "payment": first.payment, "amount_cents": -first.amount_cents,
        "reverses": first, "by": BY, "made_on": TODAY,
    }  # fmt: skip
    Allocation.create(**twin)

    with pytest.raises(peewee.IntegrityError), db.atomic():
        Allocation.create(**twin)


def test_a_job_has_one_runner_and_any_number_of_past_ones(db, full):
    run = {"name": "daily", "as_of_on": TODAY, "holder": "y", "lease_until_at": NOW, "started_at": NOW}

    with pytest.raises(peewee.IntegrityError), db.atomic():
        JobRun.create(**run)
    assert JobRun.create(**{**run, "name": "other"})
    JobRun.update(state="done").where(JobRun.name == "daily").execute()
    assert JobRun.create(**run)


# --- What is never deleted -----------------------------------------------------------------------

NEVER_DELETED = (
    Event, Invoice, Line, Payment, PaymentPart, Credit, Allocation, Refund, GatewayEvent, Ticket, Message,
    Notice,
)  # fmt: skip


@pytest.mark.parametrize("model", NEVER_DELETED, ids=_name)
def test_money_and_evidence_are_never_deleted_whichever_way(db, full, model):
    table, row = model._meta.table_name, model.select().first()
    ways = {
        "query": lambda: model.delete().where(model.id == row.id).execute(),
        "instance": row.delete_instance,
        "instance with its children": lambda: row.delete_instance(recursive=True, delete_nullable=True),
        "raw SQL": lambda: db.execute_sql(f'DELETE FROM "{table}"'),
    }
    if db.for_update:
        ways["truncate"] = lambda: db.execute_sql(f'TRUNCATE "{table}" CASCADE')
    else:
        copy = f'REPLACE INTO "{table}" SELECT * FROM "{table}" WHERE id = {row.id}'
        ways["replace"] = lambda: db.execute_sql(copy)
    before = model.select().count()

    for way, delete in ways.items():
        with pytest.raises(peewee.DatabaseError, match="(?i)never deleted|foreign key|restrict"), db.atomic():
            delete()
        assert model.select().count() == before > 0, way


def test_a_customer_with_history_is_not_deleted_and_takes_nothing_along(db, full):
    with pytest.raises(peewee.IntegrityError), db.atomic():
        full.delete_instance()
    with pytest.raises(peewee.DatabaseError), db.atomic():
        full.delete_instance(recursive=True)
    assert full.contacts.count() == 1
    assert Invoice.select().count() == 2


def test_nothing_references_what_does_not_exist(db, full):
    with pytest.raises(peewee.IntegrityError), db.atomic():
        Contact.create(customer=999_999, name="Nobody")


# --- What is never changed -----------------------------------------------------------------------

FROZEN = [
    (Event, {"reason": "another"}),
    (Event, {"by": "somebody else"}),
    (Invoice, {"total_cents": 1, "subtotal_cents": 1}),
    (Invoice, {"due_on": date(2030, 1, 1)}),
    (Invoice, {"number": 77}),
    (Invoice, {"bill_to": "Somebody else"}),
    (Invoice, {"state": "draft"}),
    (Line, {"text": "Another"}),
    (Line, {"site_text": "Elsewhere"}),
    (Line, {"total_cents": 0, "amount_cents": 0}),
    (Line, {"tax_name": "Another"}),
    (Payment, {"amount_cents": 1}),
    (Payment, {"key": "another"}),
    (PaymentPart, {"amount_cents": 1}),
    (Credit, {"amount_cents": 1}),
    (Credit, {"reason": "another"}),
    (Allocation, {"amount_cents": 1}),
    (Refund, {"amount_cents": 1}),
    (GatewayEvent, {"body": "forged"}),
    (Message, {"body": "another"}),
    (Notice, {"body_text": "another"}),
]


@pytest.mark.parametrize(("model", "change"), FROZEN, ids=_name)
def test_what_was_issued_said_or_paid_is_frozen_whichever_way(db, full, model, change):
    sent = model.select().where(model.state == "sent") if model is Notice else model.select()
    row = sent.order_by(model.id).first()
    names = ", ".join(f'"{name}" = ?' for name in change).replace("?", "%s" if db.for_update else "?")
    instance = model.get_by_id(row.id)
    for name, value in change.items():
        setattr(instance, name, value)
    mark = "%s" if db.for_update else "?"
    sql = f'UPDATE "{model._meta.table_name}" SET {names} WHERE id = {mark}'

    for way in (
        model.update(**change).where(model.id == row.id).execute,
        instance.save,
        lambda: db.execute_sql(sql, [*change.values(), row.id]),
    ):
        with pytest.raises(peewee.DatabaseError, match="frozen|never goes back"), db.atomic():
            way()
    assert model.get_by_id(row.id) and model.select().dicts().where(model.id == row.id).get() == _row(row)


def _row(row):
    return {field.name: row.__data__[field.name] for field in row._meta.sorted_fields}


def test_a_void_invoice_stays_void(db, alice):
    invoice = make_invoice(alice)
    invoices.void(invoice, reason="Wrong", **AGAIN)

    for state in ("draft", "issued"):
        with pytest.raises(peewee.DatabaseError, match="never goes back"), db.atomic():
            Invoice.update(state=state).execute()


def test_a_draft_and_its_lines_can_still_be_changed(db, alice):
    draft = Invoice.create(customer=alice, created_at=NOW)
    line = Line.create(invoice=draft, position=1, text="x", unit_cents=0, amount_cents=0, total_cents=0)

    assert Invoice.update(subtotal_cents=5, total_cents=5).where(Invoice.id == draft.id).execute() == 1
    assert Line.update(text="y").where(Line.id == line.id).execute() == 1


# --- The base ------------------------------------------------------------------------------------


def test_saving_writes_only_what_was_changed(db, alice):
    stale = Customer.get_by_id(alice.id)
    Customer.update(name="Alice Brown").execute()

    stale.note = "Calls at night"
    stale.save()

    assert (Customer.get().name, Customer.get().note) == ("Alice Brown", "Calls at night")


def test_every_foreign_key_keeps_its_rows():
    for model in models.TABLES:
        for field in model._meta.refs:
            assert field.on_delete == "RESTRICT", f"{model.__name__}.{field.name}"


def test_every_table_is_listed_and_every_state_can_be_reached():
    listed = set(models.TABLES)
    abstract = {models.BaseModel, models.Editable, models.Address}
    assert {m for m in vars(models).values() if isinstance(m, type) and issubclass(m, models.BaseModel)} == (
        listed | abstract
    )
    for model in models.TABLES:
        moves = getattr(model, "MOVES", {})
        states = {name for name, _ in model._meta.fields["state"].choices} if moves else set()
        assert set(moves) | {to for tos in moves.values() for to in tos} <= states


def test_every_money_field_says_cents_and_every_date_and_instant_its_kind():
    for model in models.TABLES:
        for field in model._meta.sorted_fields:
            name = f"{model.__name__}.{field.name}"
            assert isinstance(field, models.MoneyField) == (field.name.split("_")[-1] == "cents"), name
            assert isinstance(field, models.DayField) == field.name.endswith("_on"), name
            if isinstance(field, models.UtcField):
                assert field.name.endswith("_at") or field.name == "at", name
            assert not isinstance(field, (peewee.FloatField, peewee.DecimalField)), name


@pytest.mark.parametrize(
    ("fields", "digits"),
    [
        ({"account_number": "100042"}, "0000100042"),
        ({"account_number": "A-7"}, "9{id:09d}"),
        ({"account_number": "1234567890"}, "9{id:09d}"),
    ],
)
def test_every_customer_has_ten_digits_for_the_slip(db, fields, digits):
    customer = make_customer(**fields)

    assert customer.remittance_digits == digits.format(id=customer.id)
