"""Kind ways out at the desk: who may give what, what waits for a second person, what the pages say."""

from datetime import datetime

import pytest

from billing import approvals, bill, notices, payments
from billing.edges import letters
from billing.remedies import late_fees, service_credits
from models import (
    Approval,
    Charge,
    Company,
    Contract,
    Credit,
    Invoice,
    LateFee,
    Notice,
    ServiceCredit,
    Ticket,
)
from tests import factories
from tests.conftest import TODAY
from tests.factories import NOW, fresh
from tests.office import enter, make_staff, text_of

pytestmark = pytest.mark.usefixtures("sound_books")

BEN = "staff:ben@lantern.example"


def left_over(customer, cents):
    invoice = factories.make_invoice(customer, cents=4250, due=datetime(2026, 10, 1).date())
    payments.record(
        customer, amount_cents=4250 - cents, kind="check", received_on=TODAY, key=f"p{invoice.id}", by=BEN,
        today=TODAY, now=NOW, parts=[(invoice, 4250 - cents)],
    )  # fmt: skip
    return fresh(invoice)


def test_support_gives_a_small_credit_and_reads_what_it_may(app, alice):
    sam = enter(app, "support")
    assert "you may give $25.00 alone" in text_of(sam.get("/staff/customer/act/goodwill", id=alice.id))

    page = sam.act("customer", "goodwill", alice, amount="20", reason="Late technician", tell="y")

    assert "was credited $20.00" in text_of(page)
    assert Notice.select().where(Notice.kind == "credit_given").count() == 1


def test_an_unticked_box_tells_nobody(app, alice):
    enter(app, "support").act("customer", "goodwill", alice, amount="20", reason="Late technician")

    assert not Notice.select().where(Notice.kind == "credit_given").exists()


def test_what_is_too_much_for_support_waits_for_somebody_with_the_right(app, alice):
    sam = enter(app, "support")
    page = sam.act("customer", "goodwill", alice, amount="80", reason="Three visits", tell="y")
    assert "more than you may give alone" in text_of(page)
    asked = Approval.get()

    assert sam.act("approval", "approve", asked).status_code == 403
    bill_ing = enter(app, "billing")
    assert "To approve" in text_of(bill_ing.get("/staff/"))
    question = text_of(bill_ing.get("/staff/approval/act/approve", id=asked.id))
    assert "gets $80.00" in question and "Asked by Sam Support: Three visits." in question
    page = text_of(bill_ing.act("approval", "approve", asked))

    assert "approved and done" in page
    assert (Credit.get().amount_cents, fresh(asked).decided_by) == (8000, "staff:billing@lantern.example")


def test_nobody_approves_their_own_and_they_may_take_it_back(app, alice):
    billing = enter(app, "billing")
    invoice = factories.make_invoice(alice)
    billing.act("invoice", "bad_debt", invoice, reason="Moved abroad")
    asked = Approval.get()

    assert billing.act("approval", "approve", asked).status_code == 409
    assert fresh(asked).state == "asked"
    billing.act("approval", "withdraw", asked, reason="They wrote back")

    assert (fresh(asked).state, fresh(invoice).open_cents) == ("withdrawn", 4250)


def test_remainders_stand_in_a_list_and_go_each_as_a_row_of_its_own(app, alice, bob):
    rows = [left_over(alice, 120), left_over(bob, 300)]
    olga = enter(app)
    assert "Small remainders" in text_of(olga.get("/staff/"))
    page = text_of(olga.get("/staff/invoice/", standing="remainder"))
    assert all(str(row.number) in page for row in rows)

    page = text_of(olga.act("invoice", "write_off", *rows, reason="Not worth a letter"))

    assert "Write off the rest: 2 of 2 done" in page
    assert [credit.amount_cents for credit in Credit.select().order_by(Credit.id)] == [120, 300]
    assert len({credit.key for credit in Credit.select()}) == 2


def test_a_write_off_is_taken_back_on_its_page(app, alice):
    invoice, olga = left_over(alice, 120), enter(app)
    olga.act("invoice", "write_off", invoice, reason="Not worth a letter")
    made = Credit.get()

    assert "Take the write-off back" in olga.get(f"/staff/credit/{made.id}").text
    olga.act("credit", "take_back", made, reason="They sent it")

    assert fresh(invoice).open_cents == 120
    assert "Take the write-off back" not in olga.get(f"/staff/credit/{made.id}").text


@pytest.fixture
def proposed(alice):
    charge = factories.make_charge(
        factories.make_contract(alice), cents=3000, site=factories.make_site(alice)
    )
    bill.run(charge.starts_on, by=BEN, now=NOW)
    ticket = Ticket.create(
        customer=alice, site=charge.site, subject="No signal", kind="service", opened_at=NOW, last_at=NOW,
        reported_from_at=datetime(2026, 12, 3, 18), reported_until_at=datetime(2026, 12, 8, 18),
    )  # fmt: skip
    [row] = service_credits.propose(ticket, now=datetime(2026, 12, 20, 18))
    return row


def test_a_proposed_credit_waits_on_the_first_page_and_is_given(app, proposed):
    sam = enter(app, "support")
    assert "Credits for faults" in text_of(sam.get("/staff/"))
    assert "Monitoring did not work December 3–8, 2026 (6 of 31 days)" in text_of(
        sam.get("/staff/service-credit/act/give", id=proposed.id)
    )

    page = text_of(sam.act("service_credit".replace("_", "-"), "give", proposed, tell="y"))

    assert "was credited $5.81 for 6 days" in page
    assert fresh(proposed).state == "given"


def test_a_proposed_credit_is_refused_with_a_reason(app, proposed):
    sam = enter(app, "support")
    assert sam.act("service-credit", "refuse", proposed, reason=" ").status_code == 400

    sam.act("service-credit", "refuse", proposed, reason="It worked")

    assert (fresh(proposed).state, ServiceCredit.get().reason) == ("refused", "It worked")


def test_a_late_fee_is_waived_for_the_asking(app, alice):
    invoice = factories.make_invoice(alice)
    fee = LateFee.create(
        customer=alice, invoice=invoice, cents=100, base_cents=4250, computed_on=TODAY,
        charge_from_on=datetime(2027, 1, 10).date(),
    )  # fmt: skip
    sam = enter(app, "support")

    page = text_of(sam.act("late-fee", "waive", fee, reason="They called"))

    assert "is waived" in page and fresh(fee).state == "waived"


def test_a_late_fee_of_nothing_is_not_switched_on(app):
    olga, company = enter(app), Company.get()
    form = {"late_fee_kind": "flat", "late_fee_cents": "0", "name": company.name}

    page = olga.post(f"/staff/company/{company.id}/edit", version=company.version, **form)

    assert page.status_code == 400
    assert "Say how much, or choose no late fee." in text_of(page)
    assert Company.get().late_fee_kind == "none"


def test_the_pages_of_all_of_it_open_for_who_may_only_read(app, alice, proposed):
    invoice = left_over(alice, 900)
    approvals.ask("bad_debt", invoice, reason="Gone", by=BEN, now=NOW, amount_cents=900)
    Contract.update(late_fee_agreed=True).execute()
    Company.update(late_fee_kind="flat", late_fee_cents=500).execute()
    late_fees.run(TODAY, now=NOW)
    rita = enter(app, "read_only", make_staff("read_only"))

    for path in ("approval", "service-credit", "late-fee", "credit-reversal"):
        assert rita.get(f"/staff/{path}/").status_code == 200
    page = text_of(rita.get(f"/staff/approval/{Approval.get().id}"))
    assert "is not asked for any more" in page and "Approve" not in page.replace("Approved", "")


def test_what_is_told_can_be_written_and_sent(app, alice, proposed):
    """Both mails through the real composer, in English and Spanish."""
    compose = letters.composer(app)
    service_credits.give(proposed, role="owner", by=BEN, today=TODAY, now=NOW)
    Contract.update(late_fee_agreed=True).execute()
    fee = LateFee.create(
        customer=alice, invoice=proposed.line.invoice, cents=150, base_cents=3000, computed_on=TODAY,
        charge_from_on=datetime(2027, 1, 10).date(),
    )  # fmt: skip
    notices.queue_late_fee(fee, now=NOW)
    credit = compose(Notice.get(Notice.kind == "credit_given"), NOW)
    warned = compose(Notice.get(Notice.kind == "late_fee"), NOW)

    assert credit.subject.endswith("a credit of $5.81") and "(6 of 31 days)" in credit.text
    assert "Jan 10, 2027" in warned.subject and "/i/" in warned.text and "$1.50" in warned.text
    type(alice).update(language="es").execute()
    assert "recargo por atraso de $1.50" in compose(Notice.get(Notice.kind == "late_fee"), NOW).text


# --- what would confuse --------------------------------------------------------------------------------


@pytest.fixture
def unclear(alice):
    """A draft that waits because of its words."""
    charge = factories.make_charge(factories.make_contract(alice), text="Misc.")
    bill.run(charge.starts_on, by=BEN, now=NOW)
    return Invoice.get()


def test_an_unclear_invoice_waits_on_the_first_page_and_says_what_to_mend(app, unclear):
    billing = enter(app, "billing")
    assert "Invoices to make clear" in text_of(billing.get("/staff/"))
    assert "Alice Archer" in text_of(billing.get("/staff/invoice/", standing="unclear"))

    page = text_of(billing.get(f"/staff/invoice/{unclear.id}"))
    assert "“Misc.” does not say what was done. Write what it is, in plain words." in page
    refused = billing.act("invoice", "issue", unclear)

    assert refused.status_code == 409 and "This does not fit as it is now" in text_of(refused)
    assert fresh(unclear).state == "draft"


def test_each_thing_to_mend_is_one_click_from_the_invoice(app, unclear):
    page = enter(app, "billing").get(f"/staff/invoice/{unclear.id}").text

    charge = Charge.get()
    assert f'href="/staff/charge/{charge.id}/edit?url=/staff/invoice/{unclear.id}">Put it right' in page
    reader = enter(app, "read_only").get(f"/staff/invoice/{unclear.id}").text
    assert "Write what it is" in reader and "Put it right<" not in reader


def test_the_words_of_work_on_an_unclear_draft_are_mended_and_billed(app, alice):
    work = factories.make_one_off(alice, text="Misc.", alone=True, site=factories.make_site(alice))
    bill.run(TODAY, by=BEN, now=NOW)
    draft, billing = Invoice.get(), enter(app, "billing")
    form = {
        "text": "Door contact replaced", "item": work.item_id, "quantity": 1, "unit_cents": "95.00",
        "discount_cents": "0", "done_on": work.done_on.isoformat(), "alone": "y", "version": work.version,
        "site": work.site_id,
    }  # fmt: skip

    assert f"/staff/one-off/{work.id}/edit" in billing.get(f"/staff/invoice/{draft.id}").text
    dearer = billing.post(f"/staff/one-off/{work.id}/edit", **form | {"unit_cents": "99.00"})
    assert "discard it first, or change only the words" in text_of(dearer)
    saved = billing.post(f"/staff/one-off/{work.id}/edit?url=/staff/invoice/{draft.id}", **form)
    assert saved.location == f"/staff/invoice/{draft.id}", text_of(saved)
    billing.act("invoice", "redo", draft)

    issued = Invoice.get(Invoice.state == "issued")
    assert issued.lines.get().text == "Door contact replaced"
    again = billing.post(f"/staff/one-off/{work.id}/edit", **form | {"version": fresh(work).version})
    assert "billed or canceled and cannot be changed" in text_of(again)


def test_billed_again_it_goes_out_with_the_words_as_they_are_now(app, unclear):
    Charge.update(text="Burglar alarm monitoring").execute()

    page = text_of(enter(app, "billing").act("invoice", "redo", unclear))

    assert "Made anew: 1 invoice with 1 line" in page
    assert "Not clear yet" not in page
    issued = Invoice.get(Invoice.state == "issued")
    assert issued.lines.get().text == "Burglar alarm monitoring"
    assert f"Invoice {issued.number}" in page  # and not the draft that is void now


def test_the_bill_page_says_what_is_not_clear_before_it_bills(app, alice):
    factories.make_charge(factories.make_contract(alice), text="Misc.")

    page = text_of(enter(app, "billing").get("/staff/bill"))

    assert "Not clear yet (1)" in page and "Write what it is, in plain words." in page


def test_a_company_that_is_not_set_up_hears_it_before_the_first_bill_run(app, alice):
    factories.make_charge(factories.make_contract(alice))
    Company.update(street="", remit_street="").execute()
    olga = enter(app)

    page = text_of(olga.get("/staff/bill"))
    assert "Nothing can be billed yet" in page and "Edit the company" in page
    answer = text_of(olga.post("/staff/bill/run", follow_redirects=True))

    assert "Nothing was billed. Who pays by check does not know where to mail it." in answer
    assert not Invoice.select().exists()
