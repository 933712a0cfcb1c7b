"""One invoice after it was drafted: issue, discard, void and bill again, credit, goodwill."""

from datetime import date

import pytest

from billing import bill, canceling, contracts, invoices, ledger, payments
from billing.errors import BillingError, StaleState
from models import Allocation, Charge, Credit, Event, Invoice, Line, Notice, OneOff
from tests.factories import (
    BY,
    NOW,
    fresh,
    make_charge,
    make_contract,
    make_customer,
    make_invoice,
    make_one_off,
)

pytestmark = pytest.mark.usefixtures("sound_books")

TODAY = date(2026, 12, 1)
AGAIN = {"by": BY, "today": TODAY, "now": NOW}


def run(today=TODAY):
    return bill.run(today, by=BY, now=NOW)


def drafted(customer=None, starts_on=date(2026, 6, 1)):
    """A draft of seven missed months of $30.00."""
    make_charge(make_contract(customer or make_customer()), starts_on=starts_on)
    run()
    return Invoice.get(Invoice.state == Invoice.DRAFT)


def receive(customer, cents, key="k", parts=None):
    return payments.record(
        customer, amount_cents=cents, kind="cash", received_on=TODAY, key=key, parts=parts, confirmed=True,
        **AGAIN,
    )  # fmt: skip


# --- Issue ---------------------------------------------------------------------------------------


def test_issuing_gives_number_dates_words_and_messages(alice):
    make_invoice(alice, cents=500)
    alice.po_number, alice.terms_days = "PO-7", 30
    alice.save()

    issued = invoices.issue(drafted(alice), **AGAIN)

    assert (issued.state, issued.number, issued.open_cents) == ("issued", 10002, 21000)
    assert (issued.issued_on, issued.due_on, issued.previous_cents) == (TODAY, date(2026, 12, 31), 500)
    assert issued.clarity == 84, "seven lines, several periods of one service"
    assert issued.bill_to == "Alice Archer\n7 Oak Street\nAustin, TX 78702"
    assert issued.po_number == "PO-7"
    assert [notice.kind for notice in Notice.select()] == ["invoice"]
    assert Event.select().where(Event.what == "invoice.issued").count() == 1


def test_issuing_uses_what_the_customer_has_left(alice):
    receive(alice, 1000)

    issued = invoices.issue(drafted(alice), **AGAIN)

    assert issued.open_cents == 20000


def test_an_invoice_is_issued_once_even_by_a_stale_page(alice):
    draft = drafted(alice)
    stale = fresh(draft)
    invoices.issue(draft, **AGAIN)

    with pytest.raises(BillingError, match="issued already"):
        invoices.issue(draft, **AGAIN)
    with pytest.raises(StaleState, match="Reload the page"):
        invoices.issue(stale, **AGAIN)
    assert invoices.issue(drafted(make_customer("Next")), **AGAIN).number == 10002, "no number was lost"


# --- Discard -------------------------------------------------------------------------------------


def test_a_discarded_draft_is_never_billed_nor_numbered(alice):
    draft = invoices.discard(drafted(alice), reason="Was away", **AGAIN)

    assert (draft.state, draft.number, draft.void_reason) == ("void", None, "Was away")
    assert run().invoices == 0
    assert run(date(2027, 1, 1)).invoices == 1
    assert Invoice.get(Invoice.state == "issued").number == 10001


def test_only_a_draft_can_be_discarded_and_only_with_a_reason(alice):
    with pytest.raises(BillingError, match="Void an issued invoice instead"):
        invoices.discard(make_invoice(alice), reason="x", **AGAIN)
    with pytest.raises(BillingError, match="Give a reason"):
        invoices.discard(drafted(alice), reason="  ", **AGAIN)
    assert Invoice.select().where(Invoice.state == "void").count() == 0


# --- Void ----------------------------------------------------------------------------------------


def test_a_void_invoice_is_not_owed_and_keeps_every_word(alice):
    invoice = make_invoice(alice, cents=4250)

    invoices.void(invoice, reason="Wrong customer", **AGAIN)

    invoice = fresh(invoice)
    assert (invoice.state, invoice.number, invoice.total_cents, invoice.open_cents) == (
        "void",
        10001,
        4250,
        0,
    )
    assert (invoice.voided_on, invoice.void_reason) == (TODAY, "Wrong customer")
    assert invoice.lines.count() == 1
    assert Event.get(Event.what == "invoice.voided").reason == "Wrong customer"


def told(invoice, state, message_id=""):
    """The message that carried an invoice, as far as it came."""
    return Notice.create(
        key=f"invoice:{invoice.id}", kind=Notice.INVOICE, state=state, customer=invoice.customer,
        invoice=invoice, message_id=message_id, why="x", created_at=NOW, send_at=NOW, claimed_at=NOW,
        sent_at=NOW if state == Notice.SENT else None,
    )  # fmt: skip


def told_of_canceling():
    return [row.invoice_id for row in Notice.select().where(Notice.kind == Notice.INVOICE_CANCELED)]


@pytest.mark.parametrize(
    ("state", "message_id"),
    [(Notice.SENT, "<1@x>"), (Notice.PRINT, ""), (Notice.SENDING, "<1@x>"), (Notice.QUEUED, "<1@x>")],
)
def test_who_was_or_may_have_been_sent_an_invoice_hears_that_it_is_canceled(alice, state, message_id):
    invoice = make_invoice(alice, cents=5000)
    told(invoice, state, message_id)

    invoices.void(fresh(invoice), reason="Wrong customer", **AGAIN)

    assert told_of_canceling() == [invoice.id]


def test_who_has_seen_it_online_hears_it_too(alice):
    invoice = make_invoice(alice, cents=5000, first_seen_at=NOW)

    invoices.void(fresh(invoice), reason="Wrong customer", **AGAIN)

    assert told_of_canceling() == [invoice.id]


@pytest.mark.parametrize("state", [Notice.QUEUED, Notice.SENDING])
def test_of_an_invoice_that_never_left_nobody_hears(alice, state):
    invoice = make_invoice(alice, cents=5000)
    told(invoice, state)

    invoices.void(fresh(invoice), reason="Wrong customer", **AGAIN)

    assert told_of_canceling() == []


def test_the_word_of_canceling_names_what_had_been_paid(alice):
    invoice = make_invoice(alice, cents=5000)
    receive(alice, 2000, parts=[(invoice, 2000)])

    invoices.void(fresh(invoice), reason="wrong customer", **AGAIN)

    document = canceling.document(fresh(invoice))
    assert (document.paid_cents, document.reason) == (2000, "Wrong customer.")


def test_what_was_taken_back_before_is_not_named_whatever_reason_it_bears(alice):
    invoice = make_invoice(alice, cents=5000)
    moved = receive(alice, 2000, key="moved", parts=[(invoice, 2000)])
    ledger.unapply(moved, reason=f"Invoice {invoice.number} voided", by=BY, on=TODAY)
    receive(alice, 700, parts=[(invoice, 700)])

    invoices.void(fresh(invoice), reason="wrong customer", **AGAIN)

    assert canceling.document(fresh(invoice)).paid_cents == 700


def test_what_was_paid_on_a_void_invoice_pays_what_else_is_open(alice):
    invoice, other = make_invoice(alice, cents=3000), make_invoice(alice, cents=1000)
    payment = receive(alice, 3000, parts=[(invoice, 3000)])

    invoices.void(fresh(invoice), reason="Wrong", **AGAIN)

    assert [fresh(row).open_cents for row in (invoice, other, payment)] == [0, 0, 2000]


def test_voiding_takes_a_reason_and_an_issued_invoice(alice):
    invoice = make_invoice(alice)

    with pytest.raises(BillingError, match="Give a reason"):
        invoices.void(invoice, reason="", **AGAIN)
    assert fresh(invoice).state == "issued"
    invoices.void(fresh(invoice), reason="Wrong", **AGAIN)
    with pytest.raises(BillingError, match="Only an issued invoice"):
        invoices.void(fresh(invoice), reason="Wrong", **AGAIN)


def test_an_invoice_that_is_being_paid_is_not_voided(paying, alice):
    payment = paying.start(make_invoice(alice))

    with pytest.raises(BillingError, match=f"{payment.reference}.*Wait until it is"):
        invoices.void(Invoice.get(), reason="Wrong", **AGAIN)
    assert Invoice.get().state == "issued"


def test_an_invoice_that_was_credited_is_not_voided_because_the_credit_would_count_twice(alice):
    invoice = make_invoice(alice, cents=3000)
    invoices.credit(invoice, amount_cents=1000, reason="Sorry", **AGAIN)

    with pytest.raises(BillingError, match="Credit the rest of it instead"):
        invoices.void(fresh(invoice), reason="Wrong", **AGAIN)
    invoices.credit(fresh(invoice), amount_cents=2000, reason="The rest", **AGAIN)
    assert fresh(invoice).open_cents == 0


# --- Bill again ----------------------------------------------------------------------------------


def test_voided_for_good_its_periods_are_not_billed_again(alice):
    make_charge(make_contract(alice))
    run()

    invoices.void(Invoice.get(), reason="A present", **AGAIN)

    assert run().invoices == 0
    assert Charge.get().next_on == date(2027, 1, 1)


def test_voided_to_bill_again_its_periods_and_work_come_with_the_next_run(alice):
    charge = make_charge(make_contract(alice), cents=3000)
    make_one_off(alice, cents=4000)
    run()
    first = Invoice.get()
    receive(alice, 7000)

    invoices.void(first, reason="Wrong price", bill_again=True, **AGAIN)
    Charge.update(unit_cents=2500).where(Charge.id == charge.id).execute()
    assert run().invoices == 1

    second = Invoice.get(Invoice.state == "issued")
    assert (second.number, second.total_cents, second.open_cents) == (10002, 6500, 0)
    assert [line.from_on for line in second.lines.order_by(Line.position)] == [TODAY, None]
    assert OneOff.get().billed_on == TODAY
    assert invoices.latest_payable(fresh(first)) == second
    assert invoices.latest_payable(second) == second


def test_several_missed_periods_are_put_back_together(alice):
    make_charge(make_contract(alice), starts_on=date(2026, 10, 1))
    run()

    invoices.void(Invoice.get(), reason="Wrong", bill_again=True, **AGAIN)

    assert (Charge.get().next_index, Charge.get().next_on) == (0, date(2026, 10, 1))
    run()
    assert Invoice.get(Invoice.state == "issued").lines.count() == 3


def test_a_later_bill_of_the_same_charge_has_to_be_voided_first(alice):
    make_charge(make_contract(alice))
    run()
    first = Invoice.get()
    run(date(2027, 1, 1))

    with pytest.raises(BillingError, match="later period.*Void that invoice first"):
        invoices.void(first, reason="Wrong", bill_again=True, **AGAIN)
    assert fresh(first).state == "issued"
    assert Line.select().where(Line.voided_on.is_null(False)).count() == 0


def test_a_pause_after_the_bill_does_not_hinder_billing_again(alice):
    contract = make_contract(alice)
    make_charge(contract)
    run()
    contracts.pause(contract, from_on=date(2027, 1, 1), reason="Away", by=BY, now=NOW)
    contracts.resume(contract, on=date(2027, 2, 1), by=BY, now=NOW)
    run(date(2027, 1, 5))

    invoices.void(Invoice.get(), reason="Wrong", bill_again=True, **AGAIN)

    assert (Charge.get().next_index, Charge.get().next_on) == (0, TODAY)


def test_a_void_chain_leads_to_the_last_that_can_be_paid(alice):
    make_charge(make_contract(alice))
    run()
    first = Invoice.get()
    for _ in range(2):
        invoices.void(Invoice.get(Invoice.state == "issued"), reason="Wrong", bill_again=True, **AGAIN)
        run()

    assert invoices.latest_payable(fresh(first)).number == 10003


def test_a_void_invoice_without_another_is_its_own_end(alice):
    invoice = make_invoice(alice)
    invoices.void(invoice, reason="Wrong", **AGAIN)

    assert invoices.latest_payable(fresh(invoice)) == invoice


# --- Credit --------------------------------------------------------------------------------------


def test_a_credit_note_reduces_its_invoice(alice):
    invoice = make_invoice(alice, cents=3000)

    credit = invoices.credit(invoice, amount_cents=1200, reason="Two days without service", **AGAIN)

    assert (credit.kind, credit.open_cents, credit.by, credit.made_on) == ("note", 0, BY, TODAY)
    assert fresh(invoice).open_cents == 1800
    assert Event.get(Event.what == "credit.made").reason == "Two days without service"


def test_a_credit_on_a_paid_invoice_pays_what_else_is_open_and_then_stays(alice):
    invoice = make_invoice(alice, cents=3000)
    receive(alice, 3000)
    other = make_invoice(alice, cents=400)

    credit = invoices.credit(fresh(invoice), amount_cents=1000, reason="Sorry", **AGAIN)

    assert (fresh(other).open_cents, credit.open_cents) == (0, 600)
    assert ledger.balance(alice, today=TODAY).unapplied_cents == 600


@pytest.mark.parametrize("cents", [0, -1, 3001])
def test_a_credit_is_at_most_what_the_invoice_was_for(alice, cents):
    invoice = make_invoice(alice, cents=3000)

    with pytest.raises(BillingError, match=r"between \$0.01 and \$30.00"):
        invoices.credit(invoice, amount_cents=cents, reason="Sorry", **AGAIN)
    assert not Credit.select().exists()


def test_credits_together_are_at_most_what_the_invoice_was_for(alice):
    invoice = make_invoice(alice, cents=3000)
    invoices.credit(invoice, amount_cents=2000, reason="Sorry", **AGAIN)

    with pytest.raises(BillingError, match=r"between \$0.01 and \$10.00"):
        invoices.credit(fresh(invoice), amount_cents=1001, reason="Sorry", **AGAIN)


def test_a_credit_takes_a_reason_and_an_issued_invoice(alice):
    with pytest.raises(BillingError, match="Give a reason"):
        invoices.credit(make_invoice(alice), amount_cents=1, reason=" ", **AGAIN)
    with pytest.raises(BillingError, match="Only an issued invoice"):
        invoices.credit(drafted(alice), amount_cents=1, reason="x", **AGAIN)
    assert not Credit.select().exists()


def test_goodwill_pays_the_oldest_invoice_and_needs_none(alice):
    old = make_invoice(alice, cents=700, due=date(2026, 11, 1))
    new = make_invoice(alice, cents=700)

    credit = invoices.goodwill(alice, amount_cents=1000, reason="Thank you", **AGAIN)

    assert [fresh(row).open_cents for row in (old, new, credit)] == [0, 400, 0]
    assert Allocation.select().count() == 2
    with pytest.raises(BillingError, match="above zero"):
        invoices.goodwill(alice, amount_cents=0, reason="x", **AGAIN)
    with pytest.raises(BillingError, match="Give a reason"):
        invoices.goodwill(alice, amount_cents=5, reason="", **AGAIN)


def test_the_same_click_gives_one_credit(alice):
    invoice = make_invoice(alice, cents=4000)

    for _ in range(2):
        invoices.credit(fresh(invoice), amount_cents=1000, reason="Sorry", key="one click", **AGAIN)
        invoices.goodwill(alice, amount_cents=500, reason="Thank you", key="another click", **AGAIN)

    assert [credit.amount_cents for credit in Credit.select().order_by(Credit.id)] == [1000, 500]
    assert fresh(invoice).open_cents == 2500
