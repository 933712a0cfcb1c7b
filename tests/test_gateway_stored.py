"""Stored methods from the first payment to the chargeback: the gateway edge against the sandbox process."""

import threading
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
import requests

from billing.errors import BillingError, GatewayUnavailable
from billing.outcomes import HARD, SOFT, Approved, Declined, Held, InDoubt, Voided, cause_of
from tests.sandbox_process import ACCOUNT, ADDRESS, IMPATIENT, KEY, LOGIN, VISA, eventually


@pytest.fixture
def gateway(sandbox):
    return sandbox.gateway()


@pytest.fixture
def visa(sandbox):
    """(profile id, method id) of a good card."""
    return sandbox.method("A-1042", number="4111111111111111", expiration="12/39", name="Ann Example")


@pytest.fixture
def account(sandbox):
    """(profile id, method id) of a good checking account."""
    return sandbox.method("A-1042", kind="bank", number="123456781", name="Ann Example")


def now():
    return datetime.now(UTC).replace(tzinfo=None)


PAGE = {
    "amount_cents": 4250, "description": "Invoice 1042", "customer_number": "A-1042", "email": "",
    "merchant_name": "Bright Alarm", "return_url": "http://127.0.0.1/a", "cancel_url": "http://127.0.0.1/b",
}  # fmt: skip


def charge(gateway, ids, reference="PL-1", cents=4250, **more):
    wanted = {"description": "Invoice 1042", "recurring": True, **more}
    return gateway.charge(
        profile_id=ids[0], method_id=ids[1], amount_cents=cents, reference=reference, **wanted
    )


def pay(sandbox, gateway, source=VISA, reference="PL-1"):
    """Pay once on the hosted page; returns the Transaction."""
    page = gateway.hosted_page(reference=reference, **PAGE)
    assert sandbox.pay(page.token, source).is_receipt
    return gateway.find(reference, since=now())[-1]


# -- profiles and methods


def test_a_customer_has_one_profile_however_often_it_is_made(sandbox, gateway):
    known = {"customer_number": "A-1042", "email": "ann@example.com", "description": "Ann Example"}

    first, second = gateway.create_profile(**known), gateway.create_profile(**known)

    assert first == second
    assert [one["profile_id"] for one in sandbox.profiles()] == [first]


def test_two_who_make_the_profile_at_once_get_the_same_one(sandbox, gateway):
    ids = []

    def make():
        ids.append(gateway.create_profile(customer_number="A-1042", email="", description="Ann"))

    threads = [threading.Thread(target=make) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(ids) == 6 and len(set(ids)) == 1


def test_what_is_stored_is_shown_with_its_expiration_date(gateway, visa, account):
    card, bank = gateway.stored_methods(visa[0])

    assert (card.method_id, card.label, card.last_four) == (visa[1], "Visa ending 1111", "1111")
    assert (card.kind, card.expires_on, card.holder) == ("card", date(2039, 12, 31), "Ann Example")
    assert (bank.method_id, bank.label, bank.kind) == (account[1], "Bank account ending 6781", "bank")
    assert (bank.expires_on, bank.account_type, bank.holder) == (None, "checking", "Ann Example")


def test_a_profile_that_is_gone_is_none(sandbox, gateway, visa):
    sandbox.post_control("delete-profile", {"profile_id": visa[0]})

    assert gateway.stored_methods(visa[0]) is None
    assert gateway.hosted_profile_page(visa[0], return_url="http://127.0.0.1/a") is None


def test_a_deleted_method_is_gone_and_may_be_deleted_again(gateway, visa, account):
    gateway.delete_method(*visa)
    gateway.delete_method(*visa)

    assert [one.method_id for one in gateway.stored_methods(visa[0])] == [account[1]]


# -- save this method


@pytest.mark.parametrize("source", [VISA, ACCOUNT])
def test_what_paid_can_be_saved_and_charged(sandbox, gateway, source):
    payment = pay(sandbox, gateway, source)
    profile_id = gateway.create_profile(customer_number="A-1042", email="", description="Ann")

    method_id = gateway.save_method(payment.transaction_id, profile_id=profile_id)

    [stored] = gateway.stored_methods(profile_id)
    assert (stored.method_id, stored.label) == (method_id, payment.method_label)
    assert stored.network_transaction_id == payment.network_transaction_id
    assert type(charge(gateway, (profile_id, method_id), "PL-2")) is Approved


def test_saving_twice_gives_the_same_method(sandbox, gateway):
    first, second = pay(sandbox, gateway, reference="PL-1"), pay(sandbox, gateway, reference="PL-2")
    profile_id = gateway.create_profile(customer_number="A-1042", email="", description="Ann")

    saved = {gateway.save_method(one.transaction_id, profile_id=profile_id) for one in (first, first, second)}

    assert len(saved) == 1 == len(gateway.stored_methods(profile_id))


def test_an_eleventh_method_is_refused_with_what_to_do(sandbox, gateway):
    payment = pay(sandbox, gateway)
    many = [{"customer_number": "A-1042", "kind": "bank", "number": f"12345678{n}"} for n in range(10)]
    profile_id = sandbox.methods(*many)[0][0]

    with pytest.raises(BillingError, match="Ten are saved already"):
        gateway.save_method(payment.transaction_id, profile_id=profile_id)


def test_a_payment_that_does_not_exist_cannot_be_saved(gateway, visa):
    with pytest.raises(BillingError, match="cannot be saved") as refusal:
        gateway.save_method("999", profile_id=visa[0])
    assert not isinstance(refusal.value, GatewayUnavailable)


# -- charging


def test_a_stored_card_is_charged_and_found_by_our_reference(sandbox, gateway, visa):
    outcome = charge(gateway, visa)

    [found] = gateway.find("PL-1", since=now())
    assert found.outcome() == outcome
    assert type(outcome) is Approved and outcome.network_transaction_id
    assert (outcome.method_label, found.amount_cents) == ("Visa ending 1111", 4250)
    assert (found.profile_id, found.method_id) == visa
    assert [one.transaction_id for one in gateway.unsettled(since=now())] == [outcome.transaction_id]


def test_a_later_charge_names_the_first_one(sandbox, gateway, visa):
    first = charge(gateway, visa, by_customer=True, recurring=False)
    assert gateway.stored_methods(visa[0])[0].network_transaction_id == first.network_transaction_id

    second = charge(
        gateway, visa, "PL-2", network_transaction_id=first.network_transaction_id, first_amount_cents=4250
    )

    assert type(second) is Approved


def test_a_bank_account_is_debited(gateway, account):
    outcome = charge(gateway, account)

    assert type(outcome) is Approved and outcome.method_label == "Bank account ending 6781"
    [found] = gateway.find("PL-1", since=now())
    assert found.kind == "bank" and found.is_money and not found.is_settled


@pytest.mark.parametrize(
    ("reason", "cause"), [("2", SOFT), ("4", HARD), ("8", HARD), ("317", HARD), ("261", SOFT)]
)
def test_a_decline_tells_its_cause(sandbox, gateway, visa, reason, cause):
    sandbox.decline(visa[1], reason)

    outcome = charge(gateway, visa)

    assert type(outcome) is Declined and outcome.reason_code == reason
    assert cause_of(outcome.reason_code).kind == cause
    assert type(charge(gateway, visa, "PL-2")) is Approved


@pytest.mark.parametrize("reason", ["11", "20", "120", "222"])
def test_a_reason_that_leaves_money_open_is_in_doubt(sandbox, gateway, visa, reason):
    sandbox.decline(visa[1], reason)

    assert type(charge(gateway, visa)) is InDoubt


def test_a_charge_above_the_filter_is_held(sandbox, gateway, visa):
    sandbox.post_control("hold", {"above_cents": 1000})

    outcome = charge(gateway, visa)

    assert type(outcome) is Held
    [found] = gateway.find("PL-1", since=now())
    assert found.outcome() == outcome and not found.is_money


def test_the_same_attempt_is_charged_once_and_the_second_time_in_doubt(sandbox, gateway, visa):
    first = charge(gateway, visa)

    assert charge(gateway, visa) == InDoubt("reason 11", first.transaction_id)
    assert len(sandbox.transactions("PL-1")) == 1


def test_a_new_attempt_for_the_same_amount_is_no_duplicate(gateway, visa):
    assert type(charge(gateway, visa, "PL-1")) is type(charge(gateway, visa, "PL-2")) is Approved


@pytest.mark.parametrize("gone", ["method", "profile"])
def test_what_is_gone_cannot_be_charged_and_asks_for_another(sandbox, gateway, visa, gone):
    which = {"method": {"method_id": visa[1]}, "profile": {"profile_id": visa[0]}}[gone]
    sandbox.post_control(f"delete-{gone}", which)

    outcome = charge(gateway, visa)

    assert type(outcome) is Declined and cause_of(outcome.reason_code).kind == HARD
    assert "add it again" in outcome.sentence
    assert sandbox.transactions() == []


def test_wrong_keys_are_our_fault_and_nothing_moves(sandbox, visa):
    outcome = charge(sandbox.gateway(transaction_key="wrong"), visa)

    assert type(outcome) is Declined and outcome.reason_code == "E00007"
    assert sandbox.transactions() == []


def test_a_charge_can_be_voided_and_after_settlement_refunded(sandbox, gateway, visa, account):
    first = charge(gateway, visa, "PL-1")
    assert gateway.void(first.transaction_id) == Voided(first.transaction_id)

    for reference, ids in (("PL-2", visa), ("PL-3", account)):
        paid = charge(gateway, ids, reference)
        sandbox.post_control("settle")
        refund = gateway.refund(paid.transaction_id, 1000, reference=f"RF-{reference}")
        assert type(refund) is Approved and refund.transaction_id != paid.transaction_id


# -- no answer, a late one, a strange one

MODES = {
    "drop_after_processing": 1, "drop_before_processing": 0, "lose_request": 0, "delay": 1, "reset": 1,
    "garbage": 1, "http_500": 1, "http_503": 1, "html": 1, "empty": 1, "busy": 1, "busy_unprocessed": 0,
    "maintenance": 1, "maintenance_unprocessed": 0,
}  # fmt: skip


@pytest.mark.parametrize("mode", MODES)
def test_without_a_clear_answer_a_charge_is_in_doubt_and_was_tried_once(sandbox, gateway, visa, mode):
    gateway.check()  # a connection that could be used again, wrongly
    sandbox.post_control("fault", {"mode": mode})

    outcome = charge(sandbox.gateway(money_timeout=IMPATIENT) if mode == "delay" else gateway, visa)

    assert type(outcome) is InDoubt
    assert eventually(lambda: len(sandbox.transactions("PL-1")) == MODES[mode])
    assert len(gateway.find("PL-1", since=now())) == MODES[mode]
    assert type(charge(gateway, visa, "PL-2")) is Approved


def test_a_charge_that_is_accepted_after_we_gave_up_is_found_later(sandbox, gateway, visa):
    sandbox.post_control("fault", {"mode": "late", "seconds": 60})

    assert type(charge(gateway, visa)) is InDoubt
    assert gateway.find("PL-1", since=now()) == []
    sandbox.post_control("clock", {"minutes": 1})
    [found] = gateway.find("PL-1", since=now())
    assert found.is_money


def test_an_answer_that_comes_twice_belongs_to_one_charge(sandbox, gateway, visa):
    sandbox.post_control("fault", {"mode": "twice", "count": None})

    outcomes = [charge(gateway, visa, f"PL-{number}") for number in range(4)]

    assert all(type(outcome) is Approved for outcome in outcomes)
    for number, outcome in enumerate(outcomes):
        assert [row["transaction_id"] for row in sandbox.transactions(f"PL-{number}")] == [
            outcome.transaction_id
        ]


def test_questions_whose_answers_come_twice_get_their_own(sandbox, gateway, visa):
    ids = [charge(gateway, visa, f"PL-{number}").transaction_id for number in range(4)]
    sandbox.post_control("fault", {"mode": "twice", "count": None})

    for _ in range(3):
        assert [gateway.details(id).transaction_id for id in ids] == ids


@pytest.mark.parametrize("mode", ["no_bom", "utf8_names", "extra_element", "odd_auth_code"])
def test_harmless_oddities_change_nothing(sandbox, gateway, visa, mode):
    sandbox.post_control("fault", {"mode": mode, "count": None})

    outcome = charge(gateway, visa)

    assert type(outcome) is Approved
    assert gateway.stored_methods(visa[0])[0].last_four == "1111"
    assert gateway.details(outcome.transaction_id).is_money


def test_lists_that_lag_hide_what_the_details_know(sandbox, gateway, visa):
    sandbox.post_control("options", {"search_lag_seconds": 120})

    outcome = charge(gateway, visa)

    assert gateway.find("PL-1", since=now()) == []
    assert gateway.details(outcome.transaction_id).is_money


# -- what comes back after settlement


@pytest.mark.parametrize("linkage", ["both", "ref", "has"])
def test_a_returned_debit_is_seen_by_one_of_two_ways(sandbox, gateway, account, linkage):
    paid = charge(gateway, account)
    sandbox.post_control("settle")
    sandbox.post_control("return", {"transaction_id": paid.transaction_id, "code": "R01", "linkage": linkage})

    listed = [
        entry
        for batch in gateway.batches(now() - timedelta(days=2), now() + timedelta(days=2))
        for entry in gateway.batch_transactions(batch.batch_id)
    ]
    listed += gateway.unsettled(since=now() - timedelta(days=2))
    own = [gateway.details(one.transaction_id) for one in listed if one.is_returned]
    linked = [one for one in own if one.ref_transaction_id == paid.transaction_id]
    original = gateway.details(paid.transaction_id)

    assert bool(linked) == (linkage in ("both", "ref"))
    assert original.was_returned == (linkage in ("both", "has"))
    assert {one.return_code for one in [*linked, original]} - {""} == {"R01"}
    if original.was_returned:
        assert not original.is_money and original.outcome().reason_code == "R01"
        assert [one.has_returned_items for one in listed if one.transaction_id == paid.transaction_id] == [
            True
        ]


def test_a_chargeback_and_its_reversal_are_seen(sandbox, gateway, visa):
    paid = charge(gateway, visa)
    sandbox.post_control("settle")

    taken = sandbox.post_control("chargeback", {"transaction_id": paid.transaction_id})["transaction_id"]
    given = sandbox.post_control("chargeback-reversal", {"transaction_id": paid.transaction_id})[
        "transaction_id"
    ]

    assert gateway.details(taken).is_chargeback
    assert gateway.details(taken).ref_transaction_id == paid.transaction_id
    assert gateway.details(given).is_chargeback_reversal


def test_what_the_account_updater_did_is_read(sandbox, gateway, visa):
    other = sandbox.method("A-2", number="5424000000000015", expiration="05/30")
    changes = [
        {"method_id": visa[1], "reason": "NED", "expiration": "11/41"},
        {"method_id": other[1], "reason": "ACL"},
    ]
    sandbox.post_control("clock", {"at": "2026-12-15T12:00:00"})
    sandbox.post_control("updater", changes)

    updates = {update.method_id: update for update in gateway.account_updates(date(2026, 12, 15))}

    assert updates[visa[1]].is_new_data and updates[visa[1]].profile_id == visa[0]
    assert not updates[other[1]].is_new_data and updates[other[1]].reason == "ACL"
    assert gateway.stored_methods(visa[0])[0].expires_on == date(2041, 11, 30)
    assert updates[visa[1]].updated_at.date() == date(2026, 12, 15)


def test_a_month_without_a_job_of_the_updater_has_no_updates(gateway):
    assert gateway.account_updates(now().date() - timedelta(days=100)) == []


# -- webhooks


HOOK = "http://127.0.0.1:9/hooks/gateway"
EVENTS = ("net.authorize.payment.authcapture.created", "net.authorize.payment.fraud.held")


def test_a_webhook_is_created(gateway):
    made = gateway.create_webhook(HOOK, EVENTS)

    assert made in gateway.webhooks()
    assert (made.url, made.is_active, set(made.event_types)) == (HOOK, True, set(EVENTS))


def test_a_webhook_that_went_to_sleep_is_woken(sandbox, gateway):
    made = gateway.create_webhook(HOOK, EVENTS)
    address = f"{sandbox.url}/rest/v1/webhooks/{made.webhook_id}"
    requests.put(address, json={"status": "inactive"}, auth=(LOGIN, KEY), timeout=60).raise_for_status()
    asleep = replace(made, is_active=False)
    assert asleep in gateway.webhooks()

    gateway.activate_webhook(made.webhook_id)

    assert made in gateway.webhooks() and asleep not in gateway.webhooks()


def test_webhooks_need_the_right_keys(sandbox):
    with pytest.raises(GatewayUnavailable, match="HTTP 401"):
        sandbox.gateway(transaction_key="wrong").webhooks()


# -- the hosted pages


def submit(page, path, **fields):
    """Open a hosted page, as our own page does, and send its form; returns the text of what comes."""
    requests.post(page.url, data={"token": page.token}, timeout=60).raise_for_status()
    address = page.url[: page.url.index("/", 8)] + path
    reply = requests.post(address, data={"token": page.token, **fields}, timeout=60)
    reply.raise_for_status()
    return reply.text


@pytest.mark.parametrize("source", [VISA, ACCOUNT])
def test_a_method_is_added_on_the_gateways_own_page(gateway, source):
    profile_id = gateway.create_profile(customer_number="A-1042", email="", description="Ann")
    page = gateway.hosted_profile_page(profile_id, return_url="http://127.0.0.1/back")

    submit(page, "/customer/save", **source, **ADDRESS)

    [method] = gateway.stored_methods(profile_id)
    assert method.last_four in (source.get("number") or source["account"])
    assert method.kind == source["method"]
    assert type(charge(gateway, (profile_id, method.method_id))) is Approved


def test_only_the_kinds_that_are_wanted_can_be_added(gateway, visa):
    page = gateway.hosted_profile_page(visa[0], return_url="http://127.0.0.1/back", kinds=("bank",))

    submit(page, "/customer/save", **VISA, **ADDRESS)

    assert [one.method_id for one in gateway.stored_methods(visa[0])] == [visa[1]]


def test_what_is_saved_is_seen_and_removed_on_the_gateways_own_page(gateway, visa):
    page = gateway.hosted_profile_page(visa[0], return_url="http://127.0.0.1/back", page="manage")

    assert "1111" in requests.post(page.url, data={"token": page.token}, timeout=60).text
    submit(page, "/customer/remove", paymentProfileId=visa[1], sure="yes")

    assert gateway.stored_methods(visa[0]) == []


def test_the_payment_page_offers_what_is_saved(sandbox, gateway, visa):
    page = gateway.hosted_page(reference="PL-1", profile_id=visa[0], **PAGE)

    assert "Another card" in sandbox.open(page.token).text
    assert "Another card" not in sandbox.open(gateway.hosted_page(reference="PL-2", **PAGE).token).text

    sandbox.post_control("delete-profile", {"profile_id": visa[0]})
    page = gateway.hosted_page(reference="PL-3", profile_id=visa[0], **PAGE)
    assert sandbox.pay(page.token).is_receipt
