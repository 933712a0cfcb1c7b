"""What is due when: the disputed part never, a plan's on its days, and never a cent more than is open."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing import demands, ledger
from models import Dispute, Installment, InstallmentPart, Invoice, Plan, PlanInvoice
from tests.factories import NOW, fresh, make_invoice

TODAY = date(2026, 12, 1)
DUE = date(2026, 12, 16)


def dispute(invoice, cents, state="open", again_on=None, line=None):
    decided = {} if state == "open" else {"decided_at": NOW, "due_again_on": again_on}
    return Dispute.create(
        customer=invoice.customer_id, invoice=invoice, line=line, amount_cents=cents, reason="other",
        words="Why?", state=state, by="Ann", via="staff", opened_on=TODAY, opened_at=NOW,
        answer_by_on=TODAY, **decided,
    )  # fmt: skip


def plan(invoice, *parts, state="running", autopay=False):
    """A plan over one invoice: parts are (due_on, cents)."""
    cents = sum(cents for _, cents in parts)
    made = Plan.create(
        key=f"plan{invoice.id}", customer=invoice.customer_id, amount_cents=cents, count=len(parts), by="Ann",
        proposed_on=TODAY, proposed_at=NOW, autopay=autopay,
    )  # fmt: skip
    PlanInvoice.create(plan=made, invoice=invoice, amount_cents=cents)
    for number, (due_on, cents) in enumerate(parts, 1):
        one = Installment.create(plan=made, number=number, due_on=due_on, amount_cents=cents)
        InstallmentPart.create(installment=one, invoice=invoice, amount_cents=cents)
    if state != "proposed":
        signed = {"agreed_on": TODAY, "agreed_at": NOW, "signed_at": NOW, "text": "x", "text_sha256": "x"}
        Plan.update(state=state, **signed).execute()
    return made


def asked(invoice):
    """[(days from the due date or None, cents)] of what is due of it."""
    found = demands.of(fresh(invoice))
    return [(one.due_on and (one.due_on - invoice.due_on).days, one.cents) for one in found]


@pytest.fixture
def invoice(db, alice):
    return make_invoice(alice, cents=10_000, due=DUE)


@given(
    open_cents=st.integers(1, 50_000),
    disputed=st.integers(0, 60_000),
    parts=st.lists(st.tuples(st.integers(-40, 90), st.integers(1, 30_000)), max_size=5),
)
def test_the_demands_of_an_invoice_are_its_open_cents(open_cents, disputed, parts):
    rows = [demands.Part(DUE + timedelta(days=days), cents) for days, cents in parts]

    found = demands.split(DUE, open_cents, rows, disputed)

    assert sum(one.cents for one in found) == open_cents
    assert all(one.cents > 0 for one in found)
    assert demands.disputed_cents(found) == min(disputed, open_cents)
    days = [one.due_on for one in found if one.due_on]
    assert days == sorted(days)


@given(
    paid=st.integers(0, 10_000),
    disputed=st.integers(0, 4_000),
    amounts=st.lists(st.integers(1, 3_000), min_size=1, max_size=4),
)
def test_a_payment_pays_what_is_due_first_and_what_is_disputed_last(paid, disputed, amounts):
    rows = [demands.Part(DUE + timedelta(days=30 * (at + 1)), cents) for at, cents in enumerate(amounts)]
    before = demands.split(DUE, 10_000, rows, disputed)
    after = {one.due_on: one.cents for one in demands.split(DUE, 10_000 - paid, rows, disputed)}

    left = paid
    for one in before:
        taken = one.cents - after.get(one.due_on, 0)
        assert taken == min(left, one.cents)
        left -= taken


def test_a_plain_invoice_is_due_in_full_on_its_date(invoice):
    assert asked(invoice) == [(0, 10_000)]


def test_a_disputed_part_is_due_on_no_date(invoice):
    dispute(invoice, 3_000)

    assert asked(invoice) == [(0, 7_000), (None, 3_000)]
    assert demands.undisputed_cents(demands.of(fresh(invoice))) == 7_000
    late = ledger.balance(invoice.customer, today=DUE + timedelta(days=40))
    assert (late.owed_cents, late.past_due_cents, late.disputed_cents) == (10_000, 7_000, 3_000)
    assert (late.due_cents, late.next_due_on) == (7_000, DUE)


def test_an_invoice_that_is_disputed_as_a_whole_is_not_past_due(invoice):
    dispute(invoice, 10_000)

    late = ledger.balance(invoice.customer, today=DUE + timedelta(days=40))
    assert (late.past_due_cents, late.next_due_on) == (0, None)
    assert list(ledger.past_due(DUE + timedelta(days=40))) == []
    assert demands.next_due_on(fresh(invoice)) is None


def test_what_was_owed_after_all_is_due_on_its_fresh_date(invoice):
    dispute(invoice, 3_000, "rejected", again_on=DUE + timedelta(days=20))

    assert asked(invoice) == [(0, 7_000), (20, 3_000)]
    late = ledger.balance(invoice.customer, today=DUE + timedelta(days=5))
    assert (late.past_due_cents, late.disputed_cents) == (7_000, 0)


def test_what_is_said_of_a_line_later_counts(invoice):
    line = invoice.lines.get()
    dispute(invoice, 3_000, "rejected", again_on=DUE + timedelta(days=20), line=line)

    dispute(invoice, 3_000, line=line)

    assert asked(invoice) == [(0, 7_000), (None, 3_000)]


def test_a_plan_covers_what_was_restored_before_it(invoice):
    dispute(invoice, 3_000, "rejected", again_on=DUE + timedelta(days=20))
    plan(invoice, (DUE + timedelta(days=30), 5_000), (DUE + timedelta(days=60), 5_000))

    assert asked(invoice) == [(30, 5_000), (60, 5_000)]


def test_a_running_plan_asks_on_its_days(invoice):
    plan(invoice, (DUE + timedelta(days=10), 5_000), (DUE + timedelta(days=40), 5_000))

    assert asked(invoice) == [(10, 5_000), (40, 5_000)]
    later = fresh(invoice)
    assert demands.asked_cents(demands.of(later), DUE) == 5_000
    assert demands.asked_cents(demands.of(later), DUE + timedelta(days=40)) == 10_000


def test_what_is_disputed_comes_off_the_first_installment(invoice):
    plan(invoice, (DUE + timedelta(days=10), 5_000), (DUE + timedelta(days=40), 5_000))
    dispute(invoice, 2_000)

    assert asked(invoice) == [(10, 3_000), (40, 5_000), (None, 2_000)]


@pytest.mark.parametrize("state", ["proposed", "broken", "ended", "kept"])
def test_a_plan_that_does_not_run_changes_nothing(invoice, state):
    plan(invoice, (DUE + timedelta(days=10), 10_000), state=state)

    assert asked(invoice) == [(0, 10_000)]


def test_the_list_of_a_span_finds_an_invoice_by_any_of_its_days(db, alice, invoice):
    plain = make_invoice(alice, cents=500, due=DUE + timedelta(days=1))
    plan(invoice, (DUE + timedelta(days=10), 5_000), (DUE + timedelta(days=40), 5_000))

    def found(first, last):
        span = demands.due_between(DUE + timedelta(days=first), DUE + timedelta(days=last))
        return {row.id for row in Invoice.select().where(span)}

    assert found(0, 5) == {plain.id}
    assert found(0, 12) == {plain.id, invoice.id}
    assert found(35, 45) == {invoice.id}
    assert found(50, 90) == set()
