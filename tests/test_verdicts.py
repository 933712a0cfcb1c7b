"""Why an invoice is unpaid: a fixture for each verdict, and what becomes of it when its proof is gone."""

import json
from datetime import date, datetime, timedelta

import pytest
from peewee import DatabaseError

from billing import daily, invoices, payments, tickets
from billing.collections import desk, rules, stances, verdicts
from billing.plans import agreeing, keeping
from billing.reversals import returns
from models import (
    Call,
    Chargeback,
    Company,
    Contact,
    Credit,
    Dispute,
    Inbound,
    Installment,
    Invoice,
    Notice,
    Payment,
    PaymentPart,
    Plan,
    Promise,
    Sighting,
    Stance,
    Ticket,
    ToJudge,
    Verdict,
)
from tests import factories, office
from tests.at_once import together

TODAY, NOW = date(2027, 1, 20), datetime(2027, 1, 20, 18, 0)
ISSUED, DUE = date(2026, 12, 1), date(2026, 12, 15)
SENT, LATER = datetime(2026, 12, 1, 18, 0), datetime(2027, 1, 15, 18, 0)
DAY = {"today": TODAY, "now": NOW}
BY = {"by": "tests", "now": NOW}
_keys = iter(range(1, 10**6))


@pytest.fixture
def owed(alice):
    """An invoice that arrived and was opened; nothing says why it is unpaid."""
    invoice = factories.make_invoice(alice, due=DUE, issued=ISSUED)
    deliver(invoice)
    Invoice.update(first_seen_at=datetime(2026, 12, 5, 18)).where(Invoice.id == invoice.id).execute()
    return invoice


def deliver(invoice, *, kind=Notice.INVOICE, **fields):
    contact = factories.payer(invoice.customer)
    return Notice.create(
        **{
            "key": f"test:{next(_keys)}", "kind": kind, "state": Notice.SENT,
            "customer": invoice.customer, "contact": contact,
            "invoice": None if kind == Notice.DIGEST else invoice,
            "address": contact.email, "why": "Test", "sent_at": SENT, "send_at": SENT, "created_at": SENT,
            **fields,
        }
    )  # fmt: skip


def judged(invoice, today=TODAY):
    """The verdict of an invoice, which must be the only one that stands."""
    verdicts.judge_all(today, now=NOW)
    [verdict] = Verdict.select().where((Verdict.invoice == invoice) & Verdict.current)
    return verdict


def code_of(invoice):
    return judged(invoice).code


# --- A fixture for each verdict: a function that makes the proof, and returns what takes it away --------


def change(row, **fields):
    type(row).update(**fields).where(type(row).id == row.id).execute()


def attempt(invoice, state=Payment.IN_DOUBT, live=True, **fields):
    payment = Payment.create(
        **{
            "customer": invoice.customer, "reference": f"R{next(_keys)}", "key": f"K{next(_keys)}",
            "state": state, "kind": Payment.ONLINE, "amount_cents": invoice.open_cents,
            "received_on": LATER.date(), "method_label": "Visa ending 4242", "created_at": LATER, **fields,
        }
    )  # fmt: skip
    PaymentPart.create(payment=payment, invoice=invoice, amount_cents=invoice.open_cents, live=live)
    return payment


def payment_in_flight(invoice):
    payment = attempt(invoice)

    def undo():
        PaymentPart.update(live=False).where(PaymentPart.payment == payment).execute()
        change(payment, state=Payment.EXPIRED)

    return undo


def our_mistake(invoice):
    credit = Credit.create(
        customer=invoice.customer, amount_cents=5000, kind=Credit.GOODWILL, reason="Test", by="t",
        made_on=LATER.date(), created_at=LATER,
    )  # fmt: skip
    change(credit, open_cents=5000)
    return lambda: change(credit, open_cents=0)


def waiting_for_us(invoice):
    call = Call.create(
        customer=invoice.customer, number="+15125550100", direction=Call.IN, outcome=Call.MISSED,
        started_at=LATER, waits=True, by="t", source="staff", source_id=f"c{next(_keys)}", logged_at=LATER,
        state=Call.TO_CALL,
    )  # fmt: skip
    return lambda: change(call, state=Call.DONE, done_at=NOW, done_by="t", done_how="Called back")


def disputed(invoice, cents=None):
    dispute = Dispute.create(
        customer=invoice.customer, invoice=invoice, amount_cents=cents or invoice.open_cents,
        reason=Dispute.WRONG_AMOUNT, words="Too much", by="Alice", via=Dispute.PORTAL,
        opened_on=LATER.date(), opened_at=LATER, answer_by_on=date(2027, 1, 29),
    )  # fmt: skip
    return lambda: change(dispute, state=Dispute.WITHDRAWN, decided_at=NOW)


def service_fault(invoice):
    ticket = tickets.open(
        invoice.customer, subject="The panel beeps", body="All night.", kind=Ticket.SERVICE, by="Alice",
        now=LATER, contact=factories.payer(invoice.customer),
    )  # fmt: skip
    staff = office.make_staff("support")
    tickets.reply(ticket, body="We come on Monday.", by="Sam", now=LATER, staff=staff)
    return lambda: tickets.close(factories.fresh(ticket), **BY)


def never_delivered(invoice):
    change(invoice, first_seen_at=None)
    notice = Notice.get(Notice.invoice == invoice)
    change(notice, bounced_at=SENT, bounce_text="no such mailbox")
    return lambda: deliver(invoice, sent_at=LATER)


def never_opened(invoice):
    bob = factories.make_customer("Bob")
    Sighting.create(key="bob", customer=bob, page="invoice", how="looked", at=SENT - timedelta(days=30))
    change(invoice, first_seen_at=None)
    return lambda: change(invoice, first_seen_at=LATER)


def method_failed(invoice):
    payment = attempt(invoice, Payment.DECLINED, live=False, reason="Expired card.", concluded_at=LATER)
    return lambda: change(payment, state=Payment.EXPIRED)


def test_a_payment_that_they_disputed_at_their_bank_is_spoken_about_and_no_other_card_asked_for(owed):
    payment = attempt(owed, Payment.CHARGED_BACK, live=False, method_label="Visa ending 1111")
    told = {"customer": owed.customer, "amount_cents": 4250, "by": "processor", "created_at": LATER}
    Chargeback.create(payment=payment, opened_on=date(2026, 12, 20), state=Chargeback.WON, **told)
    Chargeback.create(payment=payment, opened_on=date(2027, 1, 15), **told)

    verdict = judged(owed)

    assert verdict.sentence == (
        "They disputed the payment of $42.50 with Visa ending 1111 at their bank, which took it back on "
        "January 15, 2027."
    )
    assert (verdict.code, verdict.act) == (Verdict.METHOD_FAILED, rules.LOOK_AT_PAYMENT)


def test_a_check_that_came_back_is_why_it_is_unpaid_until_other_money_comes(owed):
    told = {
        "customer": owed.customer,
        "by": "tests",
        "parts": [(owed, 4250)],
        "received_on": date(2027, 1, 4),
    }
    check = payments.record(
        amount_cents=4250,
        kind="check",
        check_number="882",
        key="one",
        **told,
        today=date(2027, 1, 4),
        now=LATER,
    )
    returns.bounce(check, reason="Insufficient funds", by="tests", today=date(2027, 1, 15), now=LATER)

    verdict = judged(owed)

    assert verdict.code == Verdict.METHOD_FAILED
    assert verdict.sentence == (
        "The payment of $42.50 with check 882 came back on January 15, 2027: Insufficient funds."
    )
    part = told | {"parts": [(owed, 1000)]}
    payments.record(
        amount_cents=1000, kind="check", check_number="883", key="two", **part, today=TODAY, now=NOW
    )
    assert judged(owed).code != Verdict.METHOD_FAILED


def promise_running(invoice, about=...):
    promise = Promise.create(
        **{
            "customer": invoice.customer, "invoice": invoice if about is ... else about,
            "amount_cents": invoice.open_cents, "owed_cents": invoice.open_cents,
            "pay_on": date(2027, 1, 25), "by": "Alice",
            "via": Promise.PHONE, "made_on": LATER.date(), "made_at": LATER,
        }
    )  # fmt: skip
    return lambda: change(promise, state=Promise.WITHDRAWN, decided_on=TODAY, decided_at=NOW)


def habitual_lag(invoice):
    """Four earlier invoices, each paid 40 days late."""
    for month in (7, 8, 9, 10):
        due = date(2026, month, 1)
        earlier = factories.make_invoice(invoice.customer, due=due, issued=due - timedelta(days=14))
        paid_on = due + timedelta(days=40)
        payments.record(
            invoice.customer, amount_cents=4250, kind=Payment.CHECK, received_on=paid_on, today=paid_on,
            parts=[(earlier, 4250)], confirmed=True, key=f"check {month}", check_number=str(month), **BY,
        )  # fmt: skip


def plan_running(invoice):
    """Three payments of what is open, the first today."""
    Company.update(plan_min_cents=1).execute()
    wish = agreeing.Wish(3, TODAY)
    offered = agreeing.offer(invoice.customer, wish, today=TODAY)
    signed = agreeing.Signature(
        name="Alice Archer", key=f"{next(_keys):032d}", by="Alice", contact=factories.payer(invoice.customer)
    )
    plan = agreeing.sign(invoice.customer, wish, signed, shown=offered.sha256, **DAY)
    assert plan.state == Plan.RUNNING
    return lambda: keeping.end(plan, reason="They pay it at once", by="tests", **DAY)


def cannot_pay(invoice):
    said = stances.note(
        invoice.customer, Stance.CANNOT_PAY, words="I lost my job", heard_on=LATER.date(), today=TODAY, **BY
    )
    return lambda: stances.end(said, reason="Found one", **BY)


def will_not_pay(invoice):
    said = stances.note(
        invoice.customer, Stance.WILL_NOT_PAY, words="Sue me", heard_on=LATER.date(), today=TODAY, **BY
    )
    return lambda: stances.end(said, reason="We talked", **BY)


PROOFS = (
    payment_in_flight, our_mistake, waiting_for_us, disputed, service_fault, never_delivered, never_opened,
    method_failed, promise_running, plan_running, cannot_pay, will_not_pay,
)  # fmt: skip


@pytest.mark.parametrize("prove", PROOFS, ids=lambda one: one.__name__)
def test_a_record_proves_its_verdict_and_without_it_there_is_another(owed, prove):
    assert code_of(owed) == Verdict.UNKNOWN

    undo = prove(owed)
    found = judged(owed)
    assert found.code == prove.__name__
    assert verdicts.proofs(found)
    assert [one.code for one in verdicts.rejected(found)] == list(
        Verdict.CODES[: Verdict.CODES.index(found.code)]
    )

    undo()
    assert code_of(owed) == Verdict.UNKNOWN


def test_somebody_who_always_pays_late_is_waited_for_until_it_is_later_than_ever(owed):
    habitual_lag(owed)

    assert code_of(owed) == Verdict.HABITUAL_LAG
    assert judged(owed, DUE + timedelta(days=44)).code == Verdict.UNKNOWN


def test_every_proof_marks_its_customer_by_itself(owed):
    """Whoever writes it, and however: no use case needs to tell anybody."""
    for prove in PROOFS:
        change(owed, first_seen_at=SENT)
        verdicts.judge_all(TODAY, now=NOW)
        assert not ToJudge.select().exists()

        undo = prove(owed)
        assert marked() >= {owed.customer_id}, f"{prove.__name__} came"
        verdicts.judge_all(TODAY, now=NOW)
        undo()
        assert marked() >= {owed.customer_id}, f"{prove.__name__} went"


def marked():
    return {row.customer_id for row in ToJudge.select()}


# --- What is judged ----------------------------------------------------------------------------------


def test_what_is_not_past_due_has_no_verdict(alice):
    factories.make_invoice(alice, due=TODAY)
    verdicts.judge_all(TODAY, now=NOW)

    assert not Verdict.select().exists()


def test_a_verdict_ends_when_the_invoice_is_paid(owed):
    judged(owed)
    payments.record(
        owed.customer, amount_cents=4250, kind=Payment.CASH, received_on=TODAY, today=TODAY, key="k", **BY
    )

    assert verdicts.current(owed.customer_id, **DAY) == []
    assert Verdict.get().current is False


def test_a_monthly_summary_tells_of_an_invoice_too(alice):
    invoice = factories.make_invoice(alice, due=DUE, issued=ISSUED)
    assert code_of(invoice) == Verdict.NEVER_DELIVERED

    deliver(invoice, kind=Notice.DIGEST, sent_at=SENT - timedelta(days=1))
    assert code_of(invoice) == Verdict.NEVER_DELIVERED
    deliver(invoice, kind=Notice.DIGEST, sent_at=LATER)
    assert code_of(invoice) == Verdict.UNKNOWN


def test_a_letter_that_waits_needs_an_address_before_it_is_printed(alice):
    invoice = factories.make_invoice(alice, due=DUE, issued=ISSUED)
    deliver(invoice, channel=Notice.PAPER, state=Notice.PRINT, sent_at=None)
    assert (judged(invoice).code, judged(invoice).act) == (Verdict.NEVER_DELIVERED, rules.PRINT)

    change(alice, street="", city="", state="", zip="")
    assert (judged(invoice).code, judged(invoice).act) == (Verdict.NEVER_DELIVERED, rules.MEND_ADDRESS)


def test_a_ticket_that_turns_out_to_be_a_fault_is_judged_anew(owed):
    """Nothing but its kind changes: no message, no state."""
    ticket = tickets.open(owed.customer, subject="It beeps", body="All night.", by="Alice", now=LATER)
    tickets.reply(ticket, body="We look.", by="Sam", now=LATER, staff=office.make_staff("support"))
    assert code_of(owed) == Verdict.UNKNOWN

    change(ticket, kind=Ticket.SERVICE)
    [found] = verdicts.current(owed.customer_id, **DAY)
    assert found.code == Verdict.SERVICE_FAULT


def test_a_payment_of_a_plan_that_is_moved_is_told_with_its_new_day(alice):
    invoice = factories.make_invoice(alice, cents=30_000, due=DUE, issued=ISSUED)
    deliver(invoice)
    plan_running(invoice)
    assert "January 20, 2027" in judged(invoice).sentence

    Installment.update(due_on=TODAY + timedelta(days=3), moved_from_on=TODAY).where(
        Installment.number == 1
    ).execute()
    assert "January 23, 2027" in verdicts.current(alice.id, **DAY)[0].sentence


def test_the_question_about_a_part_makes_the_rest_wait_for_us_as_well(owed):
    """Nothing late leaves while the ticket of a dispute waits: the money of the rest waits for us too."""
    disputed(owed, 1000)
    ticket = tickets.open(owed.customer, subject="Too much", body="See there", by="Alice", now=LATER)
    Dispute.update(ticket=ticket).execute()
    assert (judged(owed).code, judged(owed).amount_cents) == (Verdict.WAITING_FOR_US, 3250)
    assert desk.waiting_cents() == (3250, 1)

    tickets.reply(ticket, body="We look into it.", by="Sam", now=LATER, staff=office.make_staff("support"))
    assert code_of(owed) == Verdict.UNKNOWN


def test_a_call_that_nobody_has_matched_waits_for_us_and_marks_whose_it_may_be(owed, bob):
    Contact.update(phone="(512) 555-0100").where(Contact.customer == owed.customer).execute()
    verdicts.judge_all(TODAY, now=NOW)
    call = Call.create(
        number="+15125550100", direction=Call.IN, outcome=Call.MISSED, started_at=LATER, waits=True, by="t",
        source="pbx", source_id="c", logged_at=LATER, state=Call.TO_CALL,
    )  # fmt: skip

    assert marked() == {owed.customer_id}
    [found] = verdicts.current(owed.customer_id, **DAY)
    assert found.sentence == (
        "Somebody called on January 15, 2027 from a number of Alice Archer, and nobody has said whose call "
        "it was."
    )
    change(call, customer=bob)
    assert marked() >= {owed.customer_id, bob.id}
    assert verdicts.current(owed.customer_id, **DAY)[0].code == Verdict.UNKNOWN


def test_a_mail_from_an_address_of_theirs_waits_for_us_and_marks_them(owed):
    verdicts.judge_all(TODAY, now=NOW)
    mail = Inbound.create(source_id="m", sender="ALICE@example.com", received_at=LATER, noted_at=LATER)

    assert marked() == {owed.customer_id}
    assert verdicts.current(owed.customer_id, **DAY)[0].code == Verdict.WAITING_FOR_US
    change(mail, state=Inbound.HANDLED)
    assert verdicts.current(owed.customer_id, **DAY)[0].code == Verdict.UNKNOWN


def test_the_undisputed_rest_is_judged_for_itself(owed):
    disputed(owed, 1000)
    found = judged(owed)

    assert (found.code, found.amount_cents) == (Verdict.UNKNOWN, 3250)


def test_the_ticket_of_a_dispute_is_no_second_question(owed):
    undo = disputed(owed)
    ticket = tickets.open(owed.customer, subject="Too much", body="See there", by="Alice", now=LATER)
    Dispute.update(ticket=ticket).execute()
    assert code_of(owed) == Verdict.DISPUTED

    undo()
    assert code_of(owed) == Verdict.WAITING_FOR_US


def test_a_correction_is_told_by_its_own_message_and_not_by_an_answer_to_a_question(owed):
    told = {"kind": Credit.SERVICE, "reason": "The alarm was silent", "by": "Sam", **DAY}
    credit = invoices.credit(owed, amount_cents=1000, **told)
    deliver(owed, kind=Notice.TICKET_CLOSED, sent_at=NOW)
    assert code_of(owed) == Verdict.OUR_MISTAKE

    notice = deliver(owed, kind=Notice.CREDIT_GIVEN, credit=credit, sent_at=NOW)
    change(notice, invoice=None)
    assert code_of(owed) == Verdict.UNKNOWN


def test_money_that_does_not_suffice_is_not_why(owed):
    our_mistake(owed)
    Credit.update(open_cents=4249).execute()

    assert code_of(owed) == Verdict.UNKNOWN


def test_money_is_counted_once_the_oldest_first(owed, alice):
    newer = factories.make_invoice(alice, due=DUE + timedelta(days=1), issued=ISSUED)
    deliver(newer)
    our_mistake(owed)
    verdicts.judge_all(TODAY, now=NOW)

    codes = {one.invoice_id: one.code for one in Verdict.select().where(Verdict.current)}
    assert codes[owed.id] == Verdict.OUR_MISTAKE
    assert codes[newer.id] != Verdict.OUR_MISTAKE


def test_money_that_came_later_takes_back_that_they_cannot_pay(owed):
    cannot_pay(owed)
    payments.record(
        owed.customer, amount_cents=1000, kind=Payment.CASH, received_on=TODAY, today=TODAY, key="k",
        parts=[(owed, 1000)], **BY,
    )  # fmt: skip

    assert code_of(owed) == Verdict.UNKNOWN


def test_whoever_pays_without_ever_being_seen_may_have_read_it_all_the_same(owed):
    never_opened(owed)
    assert code_of(owed) == Verdict.NEVER_OPENED

    earlier = factories.make_invoice(owed.customer, due=date(2026, 11, 1), issued=date(2026, 10, 15))
    payments.record(
        owed.customer, amount_cents=4250, kind=Payment.CASH, received_on=TODAY, today=TODAY, key="k",
        parts=[(earlier, 4250)], **BY,
    )  # fmt: skip
    assert code_of(owed) == Verdict.UNKNOWN


def test_a_promise_for_everything_lets_what_came_later_wait_as_well(owed, alice):
    """The gate holds it for the promise, so the verdict names the promise, and says what it is of."""
    promise_running(owed, about=None)
    newer = factories.make_invoice(
        alice, due=TODAY - timedelta(days=1), issued=LATER.date() + timedelta(days=1)
    )
    deliver(newer)

    assert judged(owed).sentence == "Alice Archer promised on January 15, 2027 to pay by January 25, 2027."
    assert (judged(newer).code, judged(newer).sentence) == (
        Verdict.PROMISE_RUNNING,
        "Alice Archer promised on January 15, 2027 to pay by January 25, 2027 what was open then; this one "
        "can wait for that day.",
    )


def test_a_late_installment_is_judged_for_itself(alice):
    invoice = factories.make_invoice(alice, cents=30_000, due=DUE, issued=ISSUED)
    deliver(invoice)
    plan_running(invoice)
    assert judged(invoice).installment_id is None

    found = judged(invoice, TODAY + timedelta(days=1))
    assert found.installment_id == Installment.get(Installment.number == 1).id
    assert (found.code, found.amount_cents) == (Verdict.PLAN_RUNNING, 10_000)


# --- How it is kept ----------------------------------------------------------------------------------


def test_judging_again_changes_nothing(owed):
    waiting_for_us(owed)
    first = judged(owed)

    assert verdicts.judge_all(TODAY + timedelta(days=1), now=NOW + timedelta(days=1)).changed == 0
    assert judged(owed) == first
    assert Verdict.select().count() == 1


def test_what_changed_is_a_new_row_and_the_old_one_stays(owed):
    first = judged(owed)
    waiting_for_us(owed)
    second = judged(owed)

    assert factories.fresh(first).current is False
    assert second.sentence == "Alice Archer called on January 15, 2027 and nobody called back."
    assert json.loads(second.evidence)[0][:2] == ["call", Call.get().id]


def test_the_day_since_which_it_is_so_outlives_other_words(owed):
    waiting_for_us(owed)
    first = judged(owed)
    waiting_for_us(owed)
    second = judged(owed, TODAY + timedelta(days=2))

    assert (second.id, second.since_on) != (first.id, None)
    assert second.id != first.id and second.since_on == TODAY


@pytest.mark.parametrize("change", [{"sentence": "We forgot."}, {"code": "unknown"}, {"amount_cents": 1}])
def test_nobody_rewrites_a_verdict(owed, change):
    never_delivered(owed)
    found = judged(owed)

    with pytest.raises(DatabaseError, match="frozen"):
        Verdict.update(**change).where(Verdict.id == found.id).execute()


def test_what_waited_for_us_four_weeks_ago_is_told_beside_what_does_today(owed, bob):
    """By the verdicts of then: one that has ended since, and one that still stands."""
    other = factories.make_invoice(bob, cents=2000, due=DUE, issued=ISSUED)
    deliver(other)
    waiting_for_us(other)
    undo = waiting_for_us(owed)
    verdicts.judge_all(TODAY, now=NOW)
    assert desk.waiting(now=NOW).was_cents is None  # nothing was judged so long ago

    undo()
    verdicts.judge_all(TODAY, now=NOW + timedelta(days=1))
    later = desk.waiting(now=NOW + timedelta(weeks=4, hours=1))
    assert (later.cents, later.was_cents) == (2000, 6250)
    assert desk.waiting(now=NOW + timedelta(weeks=4, days=2)).was_cents == 2000


def test_nobody_takes_a_verdict_away_or_revives_one(owed):
    first = judged(owed)
    waiting_for_us(owed)
    judged(owed)

    with pytest.raises(DatabaseError):
        Verdict.delete().where(Verdict.id == first.id).execute()
    with pytest.raises(DatabaseError):
        Verdict.update(current=True).where(Verdict.id == first.id).execute()


def test_a_page_judges_the_customer_it_shows(owed):
    judged(owed)
    waiting_for_us(owed)

    [found] = verdicts.current(owed.customer_id, **DAY)
    assert found.code == Verdict.WAITING_FOR_US
    assert not ToJudge.select().exists()


def test_the_worker_judges_whoever_changed_and_nobody_else(owed, bob):
    other = factories.make_invoice(bob, due=DUE, issued=ISSUED)
    verdicts.judge_all(TODAY, now=NOW)
    waiting_for_us(owed)

    assert verdicts.judge_marked(TODAY, now=NOW) == 1
    assert judged(owed).code == Verdict.WAITING_FOR_US
    assert judged(other).code == Verdict.NEVER_DELIVERED


def test_it_asks_the_database_as_often_for_many_customers_as_for_one(owed):
    one = asked(lambda: verdicts.judge([owed.customer_id], **DAY))
    ids = [owed.customer_id]
    for number in range(12):
        customer = factories.make_customer(f"Customer {number}")
        waiting_for_us(factories.make_invoice(customer, due=DUE, issued=ISSUED))
        ids.append(customer.id)

    assert len(asked(lambda: verdicts.judge(ids, **DAY))) <= len(one) + 2 <= 40


def asked(act):
    hooks, statements = Verdict._meta.database.obj.query_hooks, []
    hooks.append(statements.append)
    try:
        act()
    finally:
        hooks.remove(statements.append)
    return [query.sql for query in statements if query.sql.lstrip().startswith("SELECT")]


# --- Many at once ------------------------------------------------------------------------------------


def test_many_judges_at_once_leave_one_verdict(owed):
    waiting_for_us(owed)

    given = together(4, lambda n: verdicts.judge([owed.customer_id], **DAY).changed)

    assert sorted(given) == [0, 0, 0, 1]
    assert Verdict.select().where(Verdict.current).count() == 1


def test_no_change_is_lost_while_everybody_judges(owed):
    """Half of them write evidence, half judge; when all is quiet, one look at the marks makes it true."""
    verdicts.judge_all(TODAY, now=NOW)

    def act(n):
        if n % 2:
            return verdicts.judge_all(TODAY, now=NOW).changed
        with db_of(Call).atomic():
            return waiting_for_us(owed) and 0

    given = together(6, act)
    assert not [one for one in given if isinstance(one, Exception)]
    verdicts.judge_marked(TODAY, now=NOW)

    [found] = Verdict.select().where(Verdict.current)
    assert len(verdicts.proofs(found)) == Call.select().count() == 3


def db_of(model):
    return model._meta.database


def test_a_mark_that_is_written_while_we_judge_waits_for_nobody(owed):
    """On PostgreSQL a mark is a plain row: whoever writes evidence is not held up by a judge."""
    database = db_of(Verdict)
    verdicts.judge_all(TODAY, now=NOW)
    with database.atomic():
        verdicts.judge([owed.customer_id], **DAY)
        if database.obj.for_update:  # SQLite has one writer at a time anyway
            assert together(1, lambda n: waiting_for_us(owed) and "written") == ["written"]


# --- By whom -----------------------------------------------------------------------------------------


def test_the_daily_job_judges_before_it_reminds():
    names = [step.name for step in daily.STEPS]

    assert names.index("reconcile") < names.index("judge") < names.index("remind") < names.index("send")


def test_the_worker_judges_what_has_changed(app, alice):
    invoice = factories.make_invoice(alice, due=date(2026, 11, 10), issued=date(2026, 10, 26))
    verdicts.judge_all(app.clock.today(), now=app.clock.now())
    waiting_for_us(invoice)

    result = app.test_cli_runner().invoke(args=["worker", "--once"])

    assert result.exit_code == 0, result.output
    assert Verdict.get(Verdict.current).code == Verdict.WAITING_FOR_US
