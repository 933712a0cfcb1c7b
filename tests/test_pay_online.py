"""Paying online, story by story, against the real sandbox: at most one charge, and never in the dark."""

import json
from datetime import timedelta

import pytest

from billing import ledger, payments
from billing.errors import BillingError, GatewayUnavailable, PaymentInProgress
from models import Allocation, Event, GatewayEvent, Invoice, Notice, Payment, PaymentPart
from tests.factories import fresh, make_customer, make_invoice
from tests.paying import signed
from tests.sandbox_process import ACCOUNT

pytestmark = pytest.mark.usefixtures("sound_books")


@pytest.fixture
def invoice(alice):
    return make_invoice(alice, cents=4250)


# --- The usual way -------------------------------------------------------------------------------


def test_an_approved_payment_pays_its_invoice_and_is_receipted(paying, invoice):
    payment = paying.start(invoice)
    assert (payment.state, payment.amount_cents, payment.form_token != "") == ("sent", 4250, True)

    assert paying.pay(payment).is_receipt
    payment = paying.ask(payment)

    assert (payment.state, payment.kind, payment.method_label) == ("approved", "card", "Visa ending 1111")
    assert (payment.open_cents, payment.form_token, payment.ask_at) == (0, "", None)
    assert fresh(invoice).open_cents == 0
    assert [notice.kind for notice in Notice.select()] == ["receipt"]
    assert Event.select().where(Event.what == "payment.approved").count() == 1
    assert paying.money_cents() == 4250


def test_a_bank_account_pays_as_well(paying, invoice):
    payment = paying.start(invoice)

    paying.pay(payment, ACCOUNT)
    payment = paying.ask(payment)

    assert (payment.state, payment.kind) == ("approved", "bank")
    assert payment.method_label == "Bank account ending 6781"
    assert fresh(invoice).open_cents == 0


def test_a_part_is_paid_and_the_rest_stays_open(paying, invoice):
    payment = paying.start(invoice, 2000)

    paying.pay(payment)

    assert paying.ask(payment).state == "approved"
    assert fresh(invoice).open_cents == 2250


def test_several_invoices_are_paid_at_once(paying, alice):
    first, second = make_invoice(alice, cents=3000), make_invoice(alice, cents=1500)
    payment = paying.start_parts(alice, [(first, 3000), (second, 1000)])

    paying.pay(payment)
    paying.ask(payment)

    assert payment.amount_cents == 4000
    assert (fresh(first).open_cents, fresh(second).open_cents) == (0, 500)


def test_what_the_customer_reads_on_the_page_is_what_we_asked_for(paying, invoice):
    page = paying.sandbox.open(paying.start(invoice).form_token)

    assert f"Invoice {invoice.number}" in page.text
    assert "$42.50" in page.text


def test_the_gateway_is_asked_while_no_transaction_is_open(paying, invoice, db):
    class Watching:
        hosted_url = paying.gateway.hosted_url

        def hosted_page(self, **asked):
            assert not db.in_transaction()
            assert PaymentPart.get().live, "the attempt is on disk before the gateway hears of it"
            return paying.gateway.hosted_page(**asked)

    assert paying.start(invoice, gateway=Watching()).state == "sent"


# --- Amounts that cannot be ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cents", "sentence"),
    [
        (4251, "Please enter between $5.00 and $42.50."),
        (499, "Please enter between $5.00 and $42.50."),
        (0, "Please enter between $5.00 and $42.50."),
        (-100, "Please enter between $5.00 and $42.50."),
    ],
)
def test_an_amount_outside_the_policy_is_refused_with_what_can_be_paid(paying, invoice, cents, sentence):
    with pytest.raises(BillingError, match=sentence.replace("$", r"\$").replace(".", r"\.")):
        paying.start(invoice, cents)
    assert not Payment.select().exists()


def test_a_small_rest_is_paid_in_full_only(paying, alice):
    invoice = make_invoice(alice, cents=300)

    with pytest.raises(BillingError, match=r"Please enter \$3.00."):
        paying.start(invoice, 200)
    assert paying.start(invoice, 300).amount_cents == 300


def test_a_paid_invoice_and_no_invoice_at_all_are_refused(paying, alice):
    paid = make_invoice(alice, cents=100)
    Invoice.update(open_cents=0).where(Invoice.id == paid.id).execute()

    with pytest.raises(BillingError, match="nothing left to pay"):
        paying.start(fresh(paid), 100)
    with pytest.raises(BillingError, match="at least one invoice"):
        paying.start_parts(alice, [])
    Invoice.update(open_cents=100).where(Invoice.id == paid.id).execute()


def test_nobody_starts_a_payment_of_another_customers_invoice(paying, invoice, bob):
    with pytest.raises(ValueError, match="is not"):
        paying.start_parts(bob, [(invoice, 4250)])
    assert not Payment.select().exists()


def test_nobody_gets_another_customers_payment_by_its_key(paying, invoice, bob):
    theirs = paying.start(invoice, key="guessed")

    with pytest.raises(BillingError) as refused:
        paying.start(make_invoice(bob), key="guessed")
    assert "42.50" not in str(refused.value)
    assert Payment.select().count() == 1
    assert fresh(theirs).state == "sent"


# --- Declined ------------------------------------------------------------------------------------


def test_a_decline_on_the_page_is_told_and_the_same_page_may_be_tried_again(paying, invoice):
    payment = paying.start(invoice)

    page = paying.decline(payment)
    payment = paying.ask(payment)

    assert "declined" in page.alert
    assert (payment.state, "declined" in payment.reason) == ("sent", True)
    assert paying.start(invoice).form_token == payment.form_token
    paying.pay(payment)
    payment = paying.ask(payment)
    assert (payment.state, payment.reason, fresh(invoice).open_cents) == ("approved", "", 0)
    assert paying.money_cents() == 4250


def test_a_decline_becomes_final_when_the_page_cannot_be_sent_any_more(paying, invoice):
    payment = paying.start(invoice)
    paying.decline(payment)
    paying.ask(payment)

    paying.later(minutes=46)
    payment = paying.ask(payment)

    assert (payment.state, payment.ask_at) == ("declined", None)
    assert "bank" in payment.reason
    assert paying.start(invoice).id != payment.id


# --- Held for review -----------------------------------------------------------------------------


def test_a_held_payment_is_neither_paid_nor_failed_and_blocks_a_second_one(paying, invoice):
    paying.hold()
    payment = paying.start(invoice)
    paying.pay(payment)

    payment = paying.ask(payment)

    assert (payment.state, fresh(invoice).open_cents) == ("held", 4250)
    assert ledger.balance(invoice.customer, today=paying.clock.today()).pending_cents == 4250
    with pytest.raises(PaymentInProgress, match="being reviewed"):
        paying.start(invoice)
    paying.later(days=2)
    assert paying.ask(payment).state == "held", "no quarantine ends a review"


@pytest.mark.parametrize(
    ("action", "state", "still_open"), [("approve", "approved", 0), ("decline", "declined", 4250)]
)
def test_a_review_ends_as_the_processor_decides(paying, invoice, action, state, still_open):
    paying.hold()
    payment = paying.start(invoice)
    paying.pay(payment)
    paying.ask(payment)

    paying.review(payment, action)
    paying.later(hours=2)
    paying.ask_due()

    assert (fresh(payment).state, fresh(invoice).open_cents) == (state, still_open)
    assert ledger.standing_attempt(invoice) is None


# --- No answer -----------------------------------------------------------------------------------


def test_a_lost_answer_of_the_payment_page_is_found_by_asking(paying, invoice):
    paying.sandbox.post_control("fault", {"mode": "http_500", "calls": ["hosted"]})
    payment = paying.start(invoice)

    assert paying.pay(payment).status == 500
    with pytest.raises(PaymentInProgress):
        paying.start(invoice, 2000)
    payment = paying.ask(payment)

    assert (payment.state, fresh(invoice).open_cents) == ("approved", 0)
    assert paying.money_cents() == 4250


def test_a_charge_whose_automatic_void_failed_is_found_and_booked_once(paying, invoice):
    paying.sandbox.post_control("fault", {"mode": "reason_120", "calls": ["hosted"]})
    payment = paying.start(invoice)
    paying.pay(payment)

    assert paying.ask(payment).state == "approved"
    assert paying.money_cents() == 4250


@pytest.mark.parametrize("mode", ["http_503", "html", "empty", "drop_after_processing", "maintenance"])
def test_an_unusable_answer_to_the_question_changes_nothing(paying, invoice, mode):
    payment = paying.start(invoice)
    paying.pay(payment)
    paying.sandbox.post_control("fault", {"mode": mode, "calls": ["getUnsettledTransactionListRequest"]})

    with pytest.raises(GatewayUnavailable):
        paying.ask(payment)

    assert fresh(payment).state == "sent"
    assert fresh(payment).ask_at > paying.clock.now(), "it is asked for again, later"
    assert paying.ask(payment).state == "approved"


def test_a_status_that_nobody_has_heard_of_is_in_doubt_and_claims_its_invoice(paying, invoice):
    paying.sandbox.post_control("fault", {"mode": "unknown_status", "count": None})
    payment = paying.start(invoice)
    paying.pay(payment)

    payment = paying.ask(payment)

    assert (payment.state, fresh(invoice).open_cents) == ("in_doubt", 4250)
    with pytest.raises(PaymentInProgress, match="will not be charged twice"):
        paying.start(invoice)
    paying.sandbox.post_control("fault", {"clear": True})
    paying.later(minutes=5)
    paying.ask_due()
    assert (fresh(payment).state, fresh(invoice).open_cents) == ("approved", 0)


def test_a_decline_while_in_doubt_leaves_the_claim_as_long_as_the_page_can_be_sent(paying, invoice):
    payment = paying.start(invoice)
    paying.decline(payment)
    paying.sandbox.post_control("fault", {"mode": "unknown_status", "count": None})
    assert paying.ask(payment).state == "in_doubt"
    paying.sandbox.post_control("fault", {"clear": True})

    assert paying.ask(payment).state == "in_doubt", "the customer may still try another card there"

    with pytest.raises(PaymentInProgress):
        paying.start(invoice)
    paying.later(minutes=46)
    assert paying.ask(payment).state == "declined"


# --- Twice, back, again --------------------------------------------------------------------------


def test_a_double_click_is_one_attempt(paying, invoice):
    first, second = paying.start(invoice, key="click"), paying.start(invoice, key="click")

    assert (first.id, first.form_token) == (second.id, second.form_token)
    assert Payment.select().count() == 1


def test_two_tabs_share_one_page_that_pays_once(paying, invoice):
    first, second = paying.start(invoice), paying.start(invoice)
    assert first.form_token == second.form_token

    assert paying.pay(first).is_receipt
    assert "used already" in paying.pay(second).headline
    paying.ask(first)
    paying.ask(second)

    assert (paying.money_cents(), Payment.select().count(), Allocation.select().count()) == (4250, 1, 1)


def test_another_amount_in_a_second_tab_has_to_wait(paying, invoice):
    paying.start(invoice)

    with pytest.raises(PaymentInProgress, match=r"\$42.50 was started already.*not be charged twice"):
        paying.start(invoice, 2000)


def test_an_invoice_that_is_part_of_another_attempt_has_to_wait(paying, alice):
    first, second = make_invoice(alice, cents=3000), make_invoice(alice, cents=1500)
    paying.start_parts(alice, [(first, 3000), (second, 1500)])

    with pytest.raises(PaymentInProgress):
        paying.start(second)


def test_cancel_and_again_leads_to_the_same_page(paying, invoice):
    payment = paying.start(invoice)
    paying.sandbox.open(payment.form_token)
    assert paying.ask(payment).state == "sent", "that nothing is there yet proves nothing"

    again = paying.start(invoice)

    assert (again.id, again.form_token) == (payment.id, payment.form_token)
    assert paying.pay(again).is_receipt


def test_the_back_button_after_paying_shows_what_became_of_it(paying, invoice):
    payment = paying.start(invoice, key="click")
    paying.pay(payment)
    paying.ask(payment)

    again = paying.start(invoice, 4250, key="click")

    assert (again.id, again.state) == (payment.id, "approved")
    assert paying.money_cents() == 4250


def test_the_back_button_before_we_know_cannot_pay_again(paying, invoice):
    payment = paying.start(invoice, key="click")
    paying.pay(payment)

    again = paying.start(invoice, key="click")

    assert "used already" in paying.pay(again).headline
    assert paying.money_cents() == 4250


def test_an_expired_page_has_to_be_asked_about_before_there_is_a_new_one(paying, invoice):
    payment = paying.start(invoice)

    paying.later(minutes=16)
    assert "expired" in paying.pay(payment).headline
    with pytest.raises(PaymentInProgress):
        paying.start(invoice)

    for minutes in (30, 5):
        paying.later(minutes=minutes)
        paying.ask(payment)
    new = paying.start(invoice)
    assert (new.id != payment.id, paying.pay(new).is_receipt) == (True, True)


# --- "It never happened" -------------------------------------------------------------------------


def test_it_never_happened_takes_a_quarantine_and_two_empty_searches(paying, invoice):
    payment = paying.start(invoice)

    for _ in range(5):
        assert paying.ask(payment).state == "sent", "empty searches prove nothing while a page could be sent"
    paying.later(minutes=44)
    assert paying.ask(payment).state == "sent"
    paying.later(minutes=2)
    for minutes in (0, 4):
        paying.later(minutes=minutes)
        assert paying.ask(payment).state == "sent", "one empty search, or two within minutes, are not enough"
    paying.later(minutes=1)
    payment = paying.ask(payment)

    assert (payment.state, payment.ask_at) == ("expired", None)
    assert ledger.standing_attempt(invoice) is None
    assert paying.start(invoice).id != payment.id


def test_an_abandoned_attempt_frees_its_invoice_by_the_confirm_step_alone(paying, invoice):
    payment = paying.start(invoice)

    for _ in range(8):
        paying.later(minutes=30)
        paying.ask_due()

    assert fresh(payment).state == "expired"
    assert not payments.due_to_ask(paying.clock.now() + timedelta(days=9)).exists()


def test_an_attempt_that_never_got_its_page_is_given_a_page_by_the_next_click(paying, invoice):
    payment = paying.start(invoice)
    # As a process leaves it that dies between the claim and the page.
    Payment.update(state="prepared", form_token="", form_token_at=None).execute()

    again = paying.start(invoice)

    assert (again.id, again.state, again.form_token != "") == (payment.id, "sent", True)
    assert paying.pay(again).is_receipt
    assert paying.ask(again).state == "approved"


def test_the_second_empty_search_does_not_undo_what_a_webhook_booked_meanwhile(paying, invoice):
    payment = paying.start(invoice)
    stale = fresh(payment)
    paying.pay(payment)
    paying.ask(payment)
    booked = fresh(payment)

    class Empty:
        def find(self, reference, since):
            return []

    paying.later(hours=5)
    stale.asks = 1
    payments.ask(stale, **{**paying.told(), "gateway": Empty()})

    assert (fresh(payment).state, fresh(payment).open_cents) == ("approved", booked.open_cents)
    assert not payments.due_to_ask(paying.clock.now() + timedelta(days=9)).exists()


# --- Late, and twice -----------------------------------------------------------------------------


def late_money(paying, invoice):
    """A page is sent after we stopped waiting for it. Returns its attempt, expired, and its webhook."""
    payment = paying.start(invoice)
    paying.sandbox.post_control("options", {"form_minutes": 600})
    paying.sandbox.open(payment.form_token)
    paying.later(hours=1)
    paying.ask(payment)
    paying.later(hours=1)
    assert paying.ask(payment).state == "expired"
    assert paying.sandbox.submit(payment.form_token, method="card", number="4111111111111111",
                                 expiration="12/39", code="900").is_receipt  # fmt: skip
    return payment, paying.webhooks(1)


def test_late_money_is_booked_although_we_had_stopped_waiting(paying, invoice):
    payment, webhooks = late_money(paying, invoice)

    paying.hear(*webhooks)

    assert (fresh(payment).state, fresh(invoice).open_cents) == ("approved", 0)


def test_late_money_for_an_invoice_that_was_paid_meanwhile_stays_on_the_account(paying, invoice):
    payment, webhooks = late_money(paying, invoice)
    second = paying.start(invoice)
    paying.pay(second, number="5424000000000015")
    paying.ask(second)

    paying.hear(*webhooks)

    assert (fresh(payment).state, fresh(payment).open_cents) == ("approved", 4250)
    assert ledger.balance(invoice.customer, today=paying.clock.today()).unapplied_cents == 4250


def test_a_review_that_begins_after_we_stopped_waiting_claims_its_invoice_again(paying, invoice):
    paying.hold()
    payment, webhooks = late_money(paying, invoice)

    paying.hear(*webhooks)

    assert fresh(payment).state == "held"
    with pytest.raises(PaymentInProgress):
        paying.start(invoice)


def paid_twice(paying, invoice):
    """Two payments under one reference, as a customer makes them on two pages of the same attempt."""
    payment = paying.start(invoice)
    page = paying.gateway.hosted_page(
        reference=payment.reference, amount_cents=4250, description="Invoice", customer_number="1", email="",
        merchant_name="Lantern", return_url="http://localhost/a", cancel_url="http://localhost/b",
    )  # fmt: skip
    paying.pay(payment)
    paying.sandbox.pay(page.token, number="5424000000000015")
    assert paying.money_cents() == 8500
    return payment


def test_paid_twice_on_two_pages_is_kept_as_credit_and_shown_to_staff(paying, invoice):
    payment = paid_twice(paying, invoice)

    paying.ask(payment)

    assert fresh(invoice).open_cents == 0
    extra = Payment.get(Payment.id != payment.id)
    assert (extra.amount_cents, extra.open_cents, "second time" in extra.reason) == (4250, 4250, True)
    assert Event.select().where(Event.what == "payment.twice").count() == 1
    balance = ledger.balance(invoice.customer, today=paying.clock.today())
    assert (balance.owed_cents, balance.unapplied_cents) == (0, 4250)


def test_paid_twice_is_noticed_by_webhooks_alone_and_booked_once(paying, invoice):
    payment = paid_twice(paying, invoice)
    first, second = paying.webhooks(2)

    paying.hear(first, second, second, first)
    paying.ask(payment)

    assert Payment.select().count() == 2
    assert sum(one.amount_cents for one in Payment.select()) == paying.money_cents() == 8500


def test_paid_twice_is_noticed_by_asking_and_by_webhooks_together_once(paying, invoice):
    payment = paid_twice(paying, invoice)
    webhooks = paying.webhooks(2)

    paying.ask(payment)
    paying.hear(*webhooks)

    assert sum(one.amount_cents for one in Payment.select()) == 8500


# --- The gateway is down -------------------------------------------------------------------------


def test_a_gateway_that_is_down_at_the_click_charges_nothing_and_frees_the_invoice(paying, invoice):
    dead = paying.sandbox.gateway(endpoint="http://127.0.0.1:9/xml", timeout=(1, 1))

    with pytest.raises(GatewayUnavailable, match="Nothing was charged"):
        paying.start(invoice, gateway=dead)

    assert Payment.get().state == "expired"
    assert ledger.standing_attempt(invoice) is None
    assert paying.start(invoice).state == "sent", "and the next click pays"


@pytest.mark.parametrize("mode", ["html", "empty", "http_500", "drop_after_processing", "busy"])
def test_a_gateway_that_talks_nonsense_at_the_click_charges_nothing(paying, invoice, mode):
    paying.sandbox.post_control("fault", {"mode": mode})

    with pytest.raises(GatewayUnavailable):
        paying.start(invoice)

    assert ledger.standing_attempt(invoice) is None
    assert paying.start(invoice).state == "sent"


def test_a_gateway_that_is_slow_at_the_click_is_not_waited_for(paying, invoice):
    paying.sandbox.post_control("fault", {"mode": "delay", "seconds": 2})

    with pytest.raises(GatewayUnavailable):
        paying.start(invoice, gateway=paying.gateway.hurried((1, 0.5)))

    assert ledger.standing_attempt(invoice) is None


# --- Webhooks: a hint, never the truth -----------------------------------------------------------


def test_a_webhook_before_the_return_is_enough(paying, invoice):
    payment = paying.start(invoice)
    paying.pay(payment)

    paying.hear(*paying.webhooks(1))

    assert (fresh(payment).state, fresh(invoice).open_cents) == ("approved", 0)
    assert paying.ask(payment).state == "approved"
    assert (Allocation.select().count(), Notice.select().count()) == (1, 1)


def test_a_webhook_after_the_return_changes_nothing(paying, invoice):
    payment = paying.start(invoice)
    paying.pay(payment)
    paying.ask(payment)

    paying.hear(*paying.webhooks(1))

    assert (Payment.select().count(), Allocation.select().count(), Notice.select().count()) == (1, 1, 1)
    assert GatewayEvent.get().result == f"Payment {payment.reference}"


def test_a_repeated_webhook_is_kept_once(paying, invoice):
    payment = paying.start(invoice)
    paying.pay(payment)
    [webhook] = paying.webhooks(1)

    paying.hear(webhook, webhook)
    assert paying.note(*webhook)

    assert (paying.events().count(), Allocation.select().count()) == (1, 1)
    assert paying.follow() == []


def test_a_forged_webhook_is_refused_and_leaves_nothing(paying, invoice):
    payment = paying.start(invoice)
    paying.pay(payment)
    [(body, header)] = paying.webhooks(1)

    for forged in (
        (body.replace(b"42.50", b"99.99"), header),
        (body, "sha512=" + "0" * 128),
        (body, ""),
        (body, None),
    ):
        assert paying.note(*forged) is False

    assert paying.events().count() == 0
    assert fresh(payment).state == "sent"


def test_a_webhook_that_lies_about_the_outcome_is_only_a_reason_to_ask(paying, invoice):
    payment = paying.start(invoice)
    paying.decline(payment)
    [declined] = paying.charges(payment)
    told = {
        "notificationId": "n-1",
        "eventType": "net.authorize.payment.authcapture.created",
        "payload": {"responseCode": 1, "authAmount": 42.5, "id": declined["id"]},
    }

    paying.hear(signed(json.dumps(told).encode()))

    assert (fresh(payment).state, fresh(invoice).open_cents) == ("sent", 4250)


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"null", b"{", b"\xff\xfe", b'{"notificationId": 7}',
     b'{"notificationId": "a", "eventType": "b", "payload": null}',
     b'{"notificationId": "a", "eventType": "b", "payload": {"id": "not a number"}}',
     b'{"notificationId": "a", "eventType": "b", "payload": {"id": 999999999999999999999999}}'],
)  # fmt: skip
def test_an_authentic_webhook_without_sense_is_kept_and_followed_to_nothing(paying, invoice, body):
    payment = paying.start(invoice)

    assert paying.note(*signed(body))
    assert paying.follow() == ["Not one of our payments"]

    assert fresh(payment).state == "sent"
    assert paying.follow() == []


def test_webhooks_out_of_order_end_in_the_truth(paying, invoice):
    paying.hold()
    payment = paying.start(invoice)
    paying.pay(payment)
    paying.review(payment, "approve")
    held, approved = paying.webhooks(2)

    paying.hear(approved, held)

    assert (fresh(payment).state, fresh(invoice).open_cents) == ("approved", 0)


def test_webhooks_of_a_refused_review_repeat_without_harm(paying, invoice):
    paying.hold()
    payment = paying.start(invoice)
    paying.pay(payment)
    held = paying.webhooks(1)
    paying.hear(*held)
    assert fresh(payment).state == "held"
    paying.review(payment, "decline")
    both = paying.webhooks(2)

    paying.hear(*both)
    GatewayEvent.update(handled_at=None).execute()
    paying.follow()

    assert (fresh(payment).state, fresh(invoice).open_cents) == ("declined", 4250)
    assert ledger.standing_attempt(invoice) is None


def test_a_payment_that_is_voided_at_the_processor_is_taken_back(paying, invoice):
    payment = paying.start(invoice)
    paying.pay(payment)
    paying.ask(payment)
    [charge] = paying.charges(payment)

    paying.sandbox.post_control("void", {"transaction_id": charge["id"]})
    webhooks = paying.webhooks(2)
    paying.hear(*webhooks)

    assert (fresh(payment).state, fresh(payment).open_cents) == ("voided", 0)
    assert (fresh(invoice).open_cents, paying.money_cents()) == (4250, 0)
    assert "payment_problem" in [notice.kind for notice in Notice.select()]
    paying.hear(*webhooks)
    assert paying.start(invoice).state == "sent"


def test_a_payment_that_is_voided_before_we_heard_of_it_frees_its_invoice(paying, invoice):
    payment = paying.start(invoice)
    paying.pay(payment)
    [charge] = paying.charges(payment)
    paying.sandbox.post_control("void", {"transaction_id": charge["id"]})

    assert paying.ask(payment).state == "voided"
    assert fresh(invoice).open_cents == 4250
    paying.hear(*paying.webhooks(2))
    assert fresh(payment).state == "voided"


def test_a_payment_that_settled_before_we_asked_is_found_in_the_batches(paying, invoice):
    payment = paying.start(invoice)
    paying.pay(payment)
    paying.sandbox.post_control("settle")
    paying.later(days=1)

    assert paying.ask(payment).state == "settled"
    assert fresh(invoice).open_cents == 0


# --- What does not fit ---------------------------------------------------------------------------


def other_amount(paying, payment, cents):
    """The processor knows a payment of another amount under our reference."""
    past = {
        "reference": payment.reference,
        "amount_cents": cents,
        "submitted_at": paying.clock.now().isoformat(),
    }
    paying.sandbox.post_control("history", [past])


def test_another_amount_than_was_asked_for_is_in_doubt_and_never_booked(paying, invoice):
    payment = paying.start(invoice)
    other_amount(paying, payment, 4251)

    payment = paying.ask(payment)

    assert (payment.state, fresh(invoice).open_cents) == ("in_doubt", 4250)
    assert "another amount" in payment.reason
    assert Event.select().where(Event.what == "payment.in_doubt").count() == 1
    paying.later(hours=3)
    assert paying.ask(payment).state == "in_doubt"


def test_money_for_an_invoice_that_was_paid_by_check_meanwhile_stays_on_the_account(paying, invoice):
    payment = paying.start(invoice)
    paying.pay(payment)
    payments.record(
        invoice.customer, amount_cents=4250, kind="check", received_on=paying.clock.today(), key="check",
        by="tests", today=paying.clock.today(), now=paying.clock.now(),
    )  # fmt: skip

    payment = paying.ask(payment)

    assert (payment.state, payment.open_cents, fresh(invoice).open_cents) == ("approved", 4250, 0)


def test_only_the_payers_with_an_address_get_a_receipt(paying):
    customer = make_customer(email="")
    payment = paying.start(make_invoice(customer))
    paying.pay(payment)

    assert paying.ask(payment).state == "approved"
    assert not Notice.select().exists()
