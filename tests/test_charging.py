"""The autopay step: who is charged, who is not and why, and what everybody is told."""

import os
import signal
import threading
import time
from datetime import date, timedelta
from types import SimpleNamespace

import pytest

from billing import ledger, outbox, payments, reminding, tickets
from billing.automatic import autopay, upcoming
from billing.charging import credit, crew, desks, due, tally
from billing.disputes import asking, deciding
from billing.edges import commands
from billing.errors import GatewayUnavailable
from models import (
    Autopay,
    AutopayOutcome,
    Credit,
    Hold,
    Notice,
    Payment,
    PaymentMethod,
    PaymentPart,
    PlannedCharge,
)
from tests.conftest import TODAY
from tests.factories import BY, NOW, fresh, make_invoice
from tests.office import make_staff
from tests.test_demands import plan

pytestmark = pytest.mark.usefixtures("sound_books")

AGAIN = {"by": BY, "today": TODAY, "now": NOW}


def kinds(customer):
    rows = Notice.select().where(Notice.customer == customer).order_by(Notice.id)
    return [row.kind for row in rows]


# --- Charged -------------------------------------------------------------------------------------


def test_what_is_due_is_charged_and_booked_and_receipted(autopaying):
    ann = autopaying.customer()
    invoice = autopaying.due(ann)

    report = autopaying.run()

    assert str(report) == "1 charged $42.50, 0 declined and told, 0 held, 0 in doubt, 0 skipped"
    assert (report.trouble, autopaying.money_cents()) == ([], 4250)
    assert (fresh(invoice).open_cents, autopaying.outcome(invoice)) == (0, ("charged", ""))
    payment = Payment.get()
    assert (payment.state, payment.method_label) == ("approved", "Visa ending 1111")
    assert (payment.try_number, payment.autopay) == (1, autopaying.standing(ann))
    assert kinds(ann) == ["receipt"]


def test_several_due_invoices_of_a_customer_are_one_charge(autopaying):
    ann = autopaying.customer()
    bills = [autopaying.due(ann, cents) for cents in (1000, 2000, 3000)]

    report = autopaying.run()

    assert report.counts == {"charged": 3}
    assert [row.amount_cents for row in Payment.select()] == [6000]
    assert {fresh(one).open_cents for one in bills} == {0}


def test_what_is_due_tomorrow_waits(autopaying):
    ann = autopaying.customer()
    autopaying.due(ann, on=TODAY + timedelta(days=1))

    assert str(autopaying.run()).startswith("0 charged $0.00")
    assert (Payment.select().count(), AutopayOutcome.select().count()) == (0, 0)


def test_the_step_again_charges_nothing_and_keeps_the_outcome(autopaying):
    invoice = autopaying.due(autopaying.customer())
    autopaying.run()
    before = list(AutopayOutcome.select().dicts())

    autopaying.run()

    assert autopaying.money_cents() == 4250
    assert list(AutopayOutcome.select().dicts()) == before
    assert autopaying.outcome(invoice) == ("charged", "")


def test_what_was_missed_for_three_days_is_charged_once(autopaying):
    invoice = autopaying.due(autopaying.customer())
    autopaying.later(days=3)

    assert autopaying.run().counts == {"charged": 1}
    assert autopaying.outcome(invoice, TODAY + timedelta(days=3)) == ("charged", "")


def test_only_what_is_open_is_charged(autopaying):
    ann = autopaying.customer()
    invoice = autopaying.due(ann, 4250)
    parts = [(invoice, 1250)]
    payments.record(
        ann,
        amount_cents=1250,
        kind="cash",
        received_on=TODAY,
        key="cash",
        parts=parts,
        confirmed=True,
        **AGAIN,
    )

    autopaying.run()

    assert autopaying.money_cents() == 3000


def test_credit_is_used_before_anything_is_charged(autopaying):
    ann = autopaying.customer()
    invoice = autopaying.due(ann, 4250)
    make_credit(ann, 1000)

    assert credit.customers(TODAY) == [ann.id]
    credit.use(ann.id, by=BY, today=TODAY)
    autopaying.run()

    assert autopaying.money_cents() == 3250
    assert fresh(invoice).open_cents == 0
    assert credit.customers(TODAY) == []


def make_credit(customer, cents):
    credit = Credit.create(
        customer=customer, amount_cents=cents, reason="Sorry", by=BY, made_on=TODAY, created_at=NOW
    )
    ledger.open_money(credit)
    return credit


def test_credit_waits_while_an_attempt_is_under_way(autopaying, paying):
    ann = autopaying.customer()
    invoice = autopaying.due(ann)
    paying.start(invoice)
    make_credit(ann, 1000)

    assert credit.customers(TODAY) == []


def test_the_bank_is_told_that_it_is_recurring_and_how_a_debit_was_authorized(autopaying):
    bob = autopaying.customer("Bob Baker", kind="bank")
    autopaying.due(bob)

    autopaying.run()

    [row] = autopaying.sandbox.transactions()
    assert row["method_id"] == autopaying.standing(bob).method.token
    assert Payment.get().entry_class == "WEB"


# --- Not charged, and why ------------------------------------------------------------------------


def test_nobody_is_charged_while_autopay_is_on_hold(autopaying):
    ann = autopaying.customer()
    invoice = autopaying.due(ann)
    Hold.create(scope=Hold.AUTOPAY, customer=ann, reason="Estate", by=BY, starts_on=TODAY)

    report = autopaying.run()

    assert autopaying.outcome(invoice) == ("skipped", "on_hold")
    assert str(report).endswith("1 skipped (1 on hold)")
    assert autopaying.money_cents() == 0


def test_a_method_out_of_use_is_not_charged(autopaying):
    ann = autopaying.customer()
    invoice = autopaying.due(ann)
    PaymentMethod.update(state=PaymentMethod.DISABLED).execute()

    autopaying.run()

    assert autopaying.outcome(invoice) == ("skipped", "out_of_use")
    assert "choose another way to pay" in autopaying.reason(invoice)


def test_an_invoice_that_is_asked_about_waits_for_our_answer_and_the_others_do_not(autopaying):
    ann = autopaying.customer()
    asked, other = autopaying.due(ann, 1000), autopaying.due(ann, 2000)
    ticket = tickets.open(
        ann, subject="Why?", body="What is this?", by="customer:ann@example.com", now=NOW, invoice=asked
    )

    autopaying.run()

    assert autopaying.outcome(asked) == ("skipped", "question")
    assert autopaying.outcome(other) == ("charged", "")
    tickets.close(ticket, by=BY, now=NOW)
    autopaying.run()
    assert autopaying.outcome(asked) == ("charged", "")
    assert autopaying.money_cents() == 3000


def test_a_page_that_the_customer_has_open_stops_the_charge(autopaying, paying):
    ann = autopaying.customer()
    invoice = autopaying.due(ann)
    payment = paying.start(invoice)

    autopaying.run()

    assert autopaying.outcome(invoice) == ("skipped", "being_paid")
    paying.pay(payment)
    paying.ask(payment)
    assert autopaying.run().counts == {}
    assert autopaying.money_cents() == 4250


def test_switched_off_a_moment_ago_is_not_charged(autopaying):
    ann = autopaying.customer()
    invoice = autopaying.due(ann)
    Autopay.update(ended_at=NOW).execute()

    autopaying.run()

    assert autopaying.outcome(invoice) == ("skipped", "changed")
    assert autopaying.money_cents() == 0


CHANGES = {
    "switched off": lambda ann, invoice: Autopay.update(ended_at=NOW),
    "put off": lambda ann, invoice: PlannedCharge.update(charge_on=TODAY + timedelta(days=2)),
    "dropped": lambda ann, invoice: PlannedCharge.update(state=PlannedCharge.DROPPED),
    "held": lambda ann, invoice: Hold.insert(
        scope=Hold.AUTOPAY, customer=ann, reason="Estate", by=BY, starts_on=TODAY
    ),
    "method removed": lambda ann, invoice: PaymentMethod.update(state=PaymentMethod.REMOVED),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_changes_between_reading_and_claiming_is_not_charged(autopaying, change):
    ann = autopaying.customer()
    invoice = autopaying.due(ann)
    plan = due.plans([ann.id], TODAY)[ann.id]
    assert list(plan.parts) == [(invoice, 4250)]
    CHANGES[change](ann, invoice).execute()

    verdicts = crew._carry_out(plan, autopaying.gateway, TODAY, autopaying.clock, BY)

    assert {verdict.outcome for verdict in verdicts} == {"skipped"}
    assert (Payment.select().count(), autopaying.money_cents()) == (0, 0)


def test_an_amount_that_changes_between_reading_and_claiming_is_charged_as_it_is_now(autopaying):
    ann = autopaying.customer()
    invoice = autopaying.due(ann, 4250)
    plan = due.plans([ann.id], TODAY)[ann.id]
    make_credit(ann, 1000)
    credit.use(ann.id, by=BY, today=TODAY)

    crew._carry_out(plan, autopaying.gateway, TODAY, autopaying.clock, BY)

    assert (autopaying.money_cents(), fresh(invoice).open_cents) == (3250, 0)


# --- Disputes and plans --------------------------------------------------------------------------


def dispute(invoice, cents, today=TODAY):
    return asking.open(
        invoice,
        amount_cents=cents,
        reason="other",
        words="Not mine.",
        via="portal",
        by=BY,
        today=today,
        now=NOW,
    )


def test_what_is_disputed_is_left_out_and_the_rest_is_charged(autopaying):
    ann = autopaying.customer()
    invoice = autopaying.due(ann, 10000)
    made = dispute(invoice, 3000)

    autopaying.run()

    assert autopaying.outcome(invoice) == ("charged", "")
    assert (autopaying.money_cents(), fresh(invoice).open_cents) == (7000, 3000)
    assert fresh(made).state == "open"
    autopaying.on(TODAY + timedelta(days=3))
    assert autopaying.money_cents() == 7000


def test_an_invoice_that_is_disputed_as_a_whole_is_not_due(autopaying):
    ann = autopaying.customer()
    invoice = autopaying.due(ann, 10000)
    dispute(invoice, None)

    assert autopaying.run().counts == {}
    assert crew.unproven(TODAY, known_at=NOW) == []
    assert autopaying.money_cents() == 0


def test_what_is_disputed_between_reading_and_claiming_is_not_charged(autopaying):
    ann = autopaying.customer()
    invoice = autopaying.due(ann, 10000)
    plan = due.plans([ann.id], TODAY)[ann.id]
    dispute(invoice, 3000)

    crew._carry_out(plan, autopaying.gateway, TODAY, autopaying.clock, BY)

    assert (autopaying.money_cents(), fresh(invoice).open_cents) == (7000, 3000)


def test_what_was_owed_after_all_is_charged_once_on_its_fresh_date(autopaying):
    ann = autopaying.customer()
    invoice = autopaying.due(ann, 10000)
    made = dispute(invoice, 3000)
    autopaying.run()
    deciding.reject(made, decision="It is right.", staff=make_staff(), **AGAIN)
    again_on = fresh(made).due_again_on

    while autopaying.today < again_on - timedelta(days=1):
        autopaying.later(days=1)
        autopay.plan_due(autopaying.today, now=autopaying.clock.now())
        autopaying.run()
    assert autopaying.money_cents() == 7000
    autopaying.on(again_on)
    autopaying.run()

    assert (autopaying.money_cents(), fresh(invoice).open_cents) == (10000, 0)


def test_a_payment_that_came_back_is_not_charged_again_for_its_disputed_rest(autopaying):
    ann = autopaying.customer()
    invoice = autopaying.due(ann, 10000)
    dispute(invoice, 3000)
    autopaying.run()
    payment = Payment.get()
    ledger.unapply(payment, reason="came back", by=BY, on=TODAY)

    autopay.plan_due(TODAY + timedelta(days=1), now=NOW)
    autopaying.on(TODAY + timedelta(days=2))

    assert Payment.select().count() == 1


def test_a_plan_that_autopay_pays_is_charged_part_by_part(autopaying):
    ann = autopaying.customer()
    invoice = autopaying.due(ann, 9000)
    days = [TODAY, TODAY + timedelta(days=5), TODAY + timedelta(days=10)]
    plan(invoice, *((day, 3000) for day in days), autopay=True)

    for day in (TODAY + timedelta(days=n) for n in range(12)):
        while autopaying.today < day:
            autopaying.later(days=1)
        autopay.plan_due(day, now=autopaying.clock.now())
        autopaying.run()
        assert autopaying.money_cents() == 3000 * sum(one <= day for one in days)

    assert fresh(invoice).open_cents == 0
    assert Payment.select().count() == 3


def test_a_plan_that_the_customer_pays_is_not_charged(autopaying):
    ann = autopaying.customer()
    invoice = autopaying.due(ann, 9000)
    plan(invoice, (TODAY, 4500), (TODAY + timedelta(days=5), 4500))

    autopaying.on(TODAY + timedelta(days=6))

    assert autopaying.money_cents() == 0


# --- Above the customer's limit ------------------------------------------------------------------


def test_above_the_limit_nothing_is_charged_and_the_customer_is_asked_once(autopaying):
    ann = autopaying.customer(cap_cents=10000)
    bills = [autopaying.due(ann, 6000), autopaying.due(ann, 5000)]

    autopaying.run()
    autopaying.on(TODAY + timedelta(days=2))

    assert {autopaying.outcome(one) for one in bills} == {("skipped", "above_cap")}
    assert kinds(ann) == ["above_cap"]
    assert Notice.get().invoice == bills[0]
    assert autopaying.money_cents() == 0


def test_who_pays_a_part_of_it_is_not_asked_again_for_the_rest(autopaying):
    ann = autopaying.customer(cap_cents=10000)
    first, second = autopaying.due(ann, 6000), autopaying.due(ann, 5000)
    autopaying.run()
    payments.record(
        ann, amount_cents=6000, kind="check", received_on=TODAY, key="part", parts=[(first, 6000)], **AGAIN
    )

    autopaying.on(TODAY + timedelta(days=2))

    assert kinds(ann) == ["above_cap", "receipt"]  # $50.00 alone is not above the limit
    assert autopaying.outcome(second) == ("skipped", "above_cap")


def test_what_comes_after_is_charged_as_ever(autopaying):
    ann = autopaying.customer(cap_cents=10000)
    large = autopaying.due(ann, 12000)
    autopaying.run()
    autopaying.later(days=30)
    small = autopaying.due(ann, 4000)

    autopaying.run()

    assert autopaying.outcome(small) == ("charged", "")
    assert autopaying.outcome(large) == ("skipped", "above_cap")
    assert kinds(ann) == ["above_cap", "receipt"]


def test_a_higher_limit_is_a_new_chance(autopaying):
    ann = autopaying.customer(cap_cents=10000)
    invoice = autopaying.due(ann, 12000)
    autopaying.run()
    autopaying.later(hours=1)

    autopaying.enroll(ann, autopaying.standing(ann).method, cap_cents=15000)
    autopaying.run()

    assert autopaying.outcome(invoice) == ("charged", "")


def test_what_is_above_the_limit_is_reminded_of_and_what_will_be_charged_is_not(autopaying):
    ann, bob = autopaying.customer(cap_cents=10000), autopaying.customer("Bob", cap_cents=20000)
    due_on = TODAY + timedelta(days=2)
    for customer in (ann, bob):
        invoice = make_invoice(customer, cents=12000, issued=TODAY - timedelta(days=10), due=due_on)
        autopaying.plan(invoice, due_on)

    reminding.queue_reminders(TODAY, now=NOW)

    assert (kinds(ann), kinds(bob)) == (["reminder"], [])


# --- Declined, and told --------------------------------------------------------------------------


def test_a_soft_decline_is_told_and_tried_again_three_five_and_seven_days_later(autopaying):
    ann = autopaying.customer()
    invoice = autopaying.due(ann)
    autopaying.decline(ann, 2, count=None)

    report = autopaying.run()

    assert str(report) == "0 charged $0.00, 1 declined and told, 0 held, 0 in doubt, 0 skipped"
    assert autopaying.outcome(invoice) == ("declined", "waiting")
    assert autopaying.reason(invoice).endswith("We try again on December 4, 2026.")
    autopaying.on(TODAY + timedelta(days=40))
    assert [day for day, _ in autopaying.tries(ann)] == ["1201", "1204", "1209", "1216"]
    assert kinds(ann) == ["charge_declined"] * 4
    assert autopaying.outcome(invoice, TODAY + timedelta(days=1)) == ("skipped", "waiting")
    assert autopaying.outcome(invoice, TODAY + timedelta(days=15)) == ("declined", "stopped")
    assert autopaying.outcome(invoice) == ("skipped", "stopped")
    assert fresh(autopaying.standing(ann).method).state == "active"


def test_the_second_run_of_the_day_does_not_forget_the_decline_of_the_first(autopaying):
    ann = autopaying.customer()
    invoice = autopaying.due(ann)
    autopaying.decline(ann, 2)
    autopaying.run()

    report = autopaying.run()

    assert report.reasons == {"waiting": 1}
    assert autopaying.outcome(invoice) == ("declined", "waiting")


def test_a_success_after_a_decline_ends_the_series(autopaying):
    ann = autopaying.customer()
    autopaying.due(ann)
    autopaying.decline(ann, 2)
    autopaying.run()
    autopaying.on(TODAY + timedelta(days=5))
    autopaying.later(days=25)
    later = autopaying.due(ann, 3000)

    autopaying.run()

    assert [state for _, state in autopaying.tries(ann)] == ["declined", "approved", "approved"]
    assert [row.try_number for row in Payment.select().order_by(Payment.id)] == [1, 2, 1]
    assert autopaying.outcome(later) == ("charged", "")


def test_other_invoices_wait_with_the_retry_and_are_charged_with_it(autopaying):
    ann = autopaying.customer()
    first = autopaying.due(ann, 1000)
    autopaying.decline(ann, 2)
    autopaying.run()
    autopaying.later(days=1)
    second = autopaying.due(ann, 2000)
    autopaying.run()
    assert autopaying.outcome(second) == ("skipped", "waiting")

    autopaying.on(TODAY + timedelta(days=3))

    assert [row.amount_cents for row in Payment.select().order_by(Payment.id)] == [1000, 3000]
    assert (fresh(first).open_cents, fresh(second).open_cents) == (0, 0)


def test_a_hard_decline_ends_the_method_and_asks_for_another_which_is_tried_at_once(autopaying):
    ann = autopaying.customer()
    invoice = autopaying.due(ann)
    autopaying.decline(ann, 8)

    autopaying.run()

    assert autopaying.outcome(invoice) == ("declined", "out_of_use")
    old = fresh(autopaying.standing(ann).method)
    assert (old.state, kinds(ann)) == ("disabled", ["method_problem"])
    assert "expired" in old.reason
    autopaying.later(days=1)
    autopaying.run()
    assert autopaying.outcome(invoice) == ("skipped", "out_of_use")
    autopaying.enroll(ann, autopaying.method(ann))
    autopaying.run()
    assert autopaying.outcome(invoice) == ("charged", "")
    assert [row.try_number for row in Payment.select().order_by(Payment.id)] == [1, 1]


def test_a_method_chosen_after_a_soft_decline_is_tried_at_once(autopaying):
    ann = autopaying.customer()
    invoice = autopaying.due(ann)
    autopaying.decline(ann, 2)
    autopaying.run()
    autopaying.later(days=1)

    autopaying.enroll(ann, autopaying.method(ann, "bank"))
    autopaying.run()

    assert autopaying.outcome(invoice) == ("charged", "")


def test_a_later_invoice_begins_a_new_series_after_the_last_try(autopaying):
    ann = autopaying.customer()
    first = autopaying.due(ann, 1000)
    autopaying.decline(ann, 2, count=4)
    autopaying.run()
    autopaying.on(TODAY + timedelta(days=20))
    second = autopaying.due(ann, 2000)

    autopaying.run()

    assert autopaying.outcome(second) == ("charged", "")
    assert autopaying.outcome(first) == ("skipped", "stopped")
    assert fresh(first).open_cents == 1000


def test_a_decline_that_nobody_can_be_told_of_says_so(autopaying):
    ann = autopaying.customer(email="")
    invoice = autopaying.due(ann)
    autopaying.decline(ann, 2)

    autopaying.run()

    assert kinds(ann) == ["charge_declined"]
    assert ann.notices.get().channel == "paper", "a letter is too slow: somebody calls as well"
    assert autopaying.reason(invoice).endswith("There is no mail address to tell: please call.")


def test_who_was_just_told_of_a_decline_is_not_reminded_as_well(autopaying):
    ann = autopaying.customer()
    invoice = make_invoice(ann, issued=TODAY - timedelta(days=10), due=TODAY + timedelta(days=2))
    autopaying.plan(invoice)
    autopaying.decline(ann, 8)
    autopaying.run()

    reminding.queue_reminders(TODAY, now=autopaying.clock.now())

    assert kinds(ann) == ["method_problem"]


# --- Our own fault -------------------------------------------------------------------------------


def test_a_fault_of_ours_is_not_told_to_the_customer_and_tried_again_tomorrow(autopaying):
    ann = autopaying.customer()
    invoice = autopaying.due(ann)
    autopaying.decline(ann, 13)

    report = autopaying.run()

    assert (autopaying.outcome(invoice), report.reasons) == (("skipped", "ours"), {"ours": 1})
    assert (kinds(ann), fresh(autopaying.standing(ann).method).state) == ([], "active")
    autopaying.on(TODAY + timedelta(days=1))
    assert autopaying.outcome(invoice) == ("charged", "")
    assert [row.try_number for row in Payment.select().order_by(Payment.id)] == [1, 1]


def test_faults_of_ours_in_a_row_stop_the_run(autopaying):
    bills = []
    for n in range(40):
        customer = autopaying.customer(f"Customer {n}")
        bills.append(autopaying.due(customer))
        autopaying.decline(customer, 13)

    report = autopaying.run(at_once=1)

    assert report.reasons == {"ours": 40}
    assert crew.TROUBLE_IN_A_ROW <= Payment.select().count() <= SOON
    assert any("Autopay stopped" in sentence for sentence in report.trouble)
    assert {autopaying.outcome(one) for one in bills} == {("skipped", "ours")}


SOON = crew.TROUBLE_IN_A_ROW + 2 * (1 + desks.MOST_DESKS)  # those that were under way already


def test_an_unreachable_processor_puts_nobody_in_doubt(autopaying):
    bills = [autopaying.due(autopaying.customer(f"Customer {n}")) for n in range(3)]
    nowhere = autopaying.sandbox.gateway(endpoint="http://127.0.0.1:9/xml", timeout=(0.5, 0.5))

    report = autopaying.run(gateway=nowhere)

    assert str(report).endswith("3 skipped (3 that the processor did not get)")
    assert (Payment.select().count(), len(report.trouble)) == (0, 1)
    assert autopaying.run().counts == {"charged": 3}
    assert {autopaying.outcome(one) for one in bills} == {("charged", "")}


def test_a_processor_that_goes_away_during_the_run_stops_it(autopaying):
    for n in range(40):
        autopaying.due(autopaying.customer(f"Customer {n}"))

    report = autopaying.run(gateway=Fading(autopaying.gateway, charges=4), at_once=1)

    assert report.counts["charged"] == 4
    assert crew.TROUBLE_IN_A_ROW <= report.counts["in_doubt"] <= SOON
    assert sum(report.counts.values()) == AutopayOutcome.select().count() == 40
    assert Payment.select().count() == 40 - report.counts["skipped"]


class Fading:
    """A gateway that is reached for so many charges, and then no more."""

    def __init__(self, gateway, charges):
        self._gateway, self._left = gateway, charges
        self._gone = gateway.hurried((0.2, 0.2))
        self._gone._endpoint = "http://127.0.0.1:9/xml"

    def charge(self, **about):
        self._left -= 1
        return (self._gateway if self._left >= 0 else self._gone).charge(**about)

    def check(self):
        return (self._gateway if self._left > 0 else self._gone).check()


# --- Held, in doubt ------------------------------------------------------------------------------


def test_held_for_review_is_its_own_outcome_and_blocks(autopaying, paying):
    ann = autopaying.customer()
    invoice = autopaying.due(ann)
    paying.hold()

    autopaying.run()
    autopaying.run()

    assert autopaying.outcome(invoice) == ("held", "")
    assert Payment.select().count() == 1
    paying.review(Payment.get(), "approve")
    autopaying.later(hours=2)
    autopaying.ask_due()
    autopaying.run()
    assert autopaying.outcome(invoice) == ("charged", "")


def test_a_reply_that_is_lost_is_in_doubt_and_nothing_is_charged_again_or_reminded(autopaying):
    ann = autopaying.customer()
    invoice = make_invoice(ann, issued=TODAY - timedelta(days=5), due=TODAY + timedelta(days=2))
    autopaying.plan(invoice)
    fault(autopaying, "drop_after_processing")

    report = autopaying.run()
    autopaying.run()

    assert (report.counts, autopaying.outcome(invoice)) == ({"in_doubt": 1}, ("in_doubt", ""))
    assert reminding.queue_reminders(TODAY, now=NOW) == 0 or reminders_sent(autopaying) == []
    assert (Payment.select().count(), autopaying.money_cents()) == (1, 4250)
    autopaying.later(minutes=6)
    autopaying.ask_due()
    assert fresh(invoice).open_cents == 0
    autopaying.run()
    assert autopaying.outcome(invoice) == ("charged", "")
    assert autopaying.money_cents() == 4250


def fault(autopaying, mode, count=1):
    autopaying.sandbox.post_control(
        "fault", {"mode": mode, "count": count, "calls": ["createTransactionRequest"]}
    )


def reminders_sent(autopaying):
    sent = []
    letter = SimpleNamespace(subject="s", text="t", html="h", kept_text="t", kept_html="h", message_id="m")
    outbox.send_due(
        send=lambda notice, mail: sent.append(notice.kind),
        compose=lambda notice, now: letter,
        clock=autopaying.clock,
    )
    return [kind for kind in sent if kind == "reminder"]


def test_a_request_that_was_lost_is_charged_another_day_when_it_is_sure(autopaying):
    ann = autopaying.customer()
    invoice = autopaying.due(ann)
    fault(autopaying, "lose_request")
    autopaying.run()
    assert autopaying.outcome(invoice) == ("in_doubt", "")

    for _ in range(3):
        autopaying.later(days=1)
        autopaying.ask_due()
        autopaying.run()

    assert autopaying.money_cents() == 4250
    assert [state for _, state in autopaying.tries(ann)] == ["expired", "approved"]
    assert [row.try_number for row in Payment.select().order_by(Payment.id)] == [1, 1]


def test_a_question_that_nobody_answers_about_an_old_charge_is_asked_again_within_the_hour(autopaying):
    autopaying.due(autopaying.customer())
    fault(autopaying, "lose_request")
    autopaying.run()
    autopaying.later(hours=3)
    lists = {"mode": "http_500", "calls": ["getUnsettledTransactionListRequest"]}
    autopaying.sandbox.post_control("fault", lists)

    with pytest.raises(GatewayUnavailable):
        autopaying.ask_due()

    payment = Payment.get()
    assert payment.ask_at == autopaying.clock.now() + timedelta(hours=1)
    autopaying.later(hours=1)
    autopaying.ask_due()
    assert fresh(payment).ask_at == autopaying.clock.now() + timedelta(days=1)


def test_what_the_confirm_step_learns_the_same_day_is_the_outcome_of_the_day(autopaying):
    ann = autopaying.customer()
    invoice = autopaying.due(ann)
    fault(autopaying, "drop_after_processing")
    autopaying.run()
    autopaying.later(minutes=6)
    autopaying.ask_due()

    tally.learn(TODAY, now=autopaying.clock.now())

    assert autopaying.outcome(invoice) == ("charged", "")


# --- Proof, and what ends a run ------------------------------------------------------------------


def test_every_due_invoice_has_exactly_one_outcome_and_the_sum_is_proven(autopaying):
    ann, bob, cy = (autopaying.customer(name) for name in ("Ann", "Bob", "Cy"))
    for customer in (ann, bob, cy):
        autopaying.due(customer, 1000)
        autopaying.due(customer, 2000)
    autopaying.decline(bob, 2)
    Hold.create(scope=Hold.AUTOPAY, customer=cy, reason="Estate", by=BY, starts_on=TODAY)

    report = autopaying.run()

    assert report.counts == {"charged": 2, "declined": 2, "skipped": 2}
    assert tally.on(TODAY).count() == 6
    assert crew.unproven(TODAY, known_at=autopaying.clock.now()) == []


def test_a_missing_outcome_is_noticed(autopaying):
    autopaying.due(autopaying.customer())

    assert crew.unproven(TODAY, known_at=NOW) == ["Check autopay: due invoices without an outcome: 10001"]


def test_one_customers_trouble_does_not_stop_the_others(autopaying):
    ann, bob = autopaying.customer("Ann"), autopaying.customer("Bob")
    broken, sound = autopaying.due(ann), autopaying.due(bob)
    gateway = Tripping(autopaying.gateway, autopaying.standing(ann).method.token)

    report = autopaying.run(gateway=gateway)

    assert autopaying.outcome(sound) == ("charged", "")
    assert autopaying.outcome(broken) == ("in_doubt", "")  # nobody knows how far it came
    assert len(report.trouble) == 1 and "Ann" in report.trouble[0]


class Tripping:
    """A gateway with a bug that one method brings to light."""

    def __init__(self, gateway, method_id):
        self._gateway, self._method_id = gateway, method_id

    def check(self):
        self._gateway.check()

    def charge(self, **about):
        if about["method_id"] == self._method_id:
            raise RuntimeError("a bug")
        return self._gateway.charge(**about)


@pytest.mark.parametrize("at_once", [1, 4])
def test_an_interrupt_finishes_what_is_under_way_and_begins_nothing(autopaying, monkeypatch, at_once):
    monkeypatch.setattr(crew, "NOTE_EVERY", 5)
    for n in range(30):
        autopaying.due(autopaying.customer(f"Customer {n}"))

    def progress(count):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        autopaying.run(at_once=at_once, progress=progress)

    paid = Payment.select().where(Payment.state == "approved").count()
    assert 5 <= paid <= 5 + 2 * (at_once + desks.MOST_DESKS)
    assert Payment.select().count() == paid == AutopayOutcome.select().count()
    assert PaymentPart.select().where(PaymentPart.live).count() == 0
    autopaying.run()
    assert autopaying.money_cents() == 30 * 4250


def test_a_polite_kill_ends_the_daily_job_as_ctrl_c_does():
    before = signal.getsignal(signal.SIGTERM)

    with pytest.raises(KeyboardInterrupt), commands._stoppable():
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)

    assert signal.getsignal(signal.SIGTERM) is before


def test_as_many_are_under_way_as_was_asked_for_and_no_more(autopaying):
    for n in range(24):
        autopaying.due(autopaying.customer(f"Customer {n}"))
    gateway = Crowded(autopaying.gateway, 6)

    autopaying.run(gateway=gateway, at_once=6)

    assert gateway.most == 6


class Crowded:
    """A gateway that answers nobody before so many wait for it, and counts how many there are at most."""

    def __init__(self, gateway, wanted):
        self._gateway, self._wanted, self._now, self.most = gateway, wanted, 0, 0
        self._changed = threading.Condition()

    def check(self):
        self._gateway.check()

    def charge(self, **about):
        with self._changed:
            self._now += 1
            self.most = max(self.most, self._now)
            self._changed.notify_all()
            self._changed.wait_for(lambda: self.most >= self._wanted, timeout=60)
        try:
            return self._gateway.charge(**about)
        finally:
            with self._changed:
                self._now -= 1


def test_pages_hear_of_the_same_day_as_the_step_keeps(autopaying):
    ann = autopaying.customer()
    autopaying.due(ann)
    autopaying.decline(ann, 2)
    autopaying.run()

    [charge] = upcoming.of_customer(ann, today=TODAY)

    assert (charge.charge_on, charge.is_retry, charge.is_promise) == (date(2026, 12, 4), True, True)
