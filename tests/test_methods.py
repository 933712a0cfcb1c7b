"""Saved methods: our rows follow what the processor keeps, and nobody's way to pay changes unseen."""

from dataclasses import replace
from datetime import date

import pytest

from billing.automatic import autopay, consent, methods
from billing.errors import BillingError, GatewayUnavailable
from models import Autopay, Customer, Event, Notice, Payment, PaymentMethod, PlannedCharge
from tests.at_once import together
from tests.factories import BY, NOW, make_invoice, make_method, payer
from tests.sandbox_process import ACCOUNT

BACK = "http://localhost/account/methods/added"


@pytest.fixture
def told(paying):
    """Who asks, and what they ask."""
    return {"gateway": paying.gateway, "now": paying.clock.now()}


@pytest.fixture
def add(paying, told):
    """The customer adds a method on the processor's page, and comes back."""

    def add(customer, **stored):
        customer = Customer.get_by_id(customer.id)
        methods.profile(customer, gateway=told["gateway"])
        paying.sandbox.method(customer.account_number, **stored)
        return methods.refresh(customer, by="customer:a", **told)

    return add


def said():
    """What was mailed about methods: the first word of each key."""
    query = Notice.select().where(Notice.kind == Notice.METHOD_CHANGED).order_by(Notice.id)
    return [notice.key.partition(":")[0] for notice in query]


def agreed(method):
    customer, terms = method.customer, consent.Terms()._asdict()
    return autopay.agree(
        customer, contact=payer(customer), method=method, **terms, address="", by=BY, now=NOW,
        text=consent.words_of(customer, method, **terms).text, today=date(2026, 12, 1),
    )  # fmt: skip


# --- Adding --------------------------------------------------------------------------------------


def test_the_page_of_the_processor_is_opened_for_a_profile_that_is_made_once(alice, told, paying):
    page = methods.start_adding(alice, return_url=BACK, **told)

    assert page.token and page.url.endswith("/customer/addPayment")
    [profile] = paying.sandbox.profiles(alice.account_number)
    assert Customer.get_by_id(alice.id).profile_id == profile["profile_id"]
    methods.start_adding(Customer.get_by_id(alice.id), return_url=BACK, **told)
    assert len(paying.sandbox.profiles()) == 1


def test_what_was_added_is_known_by_its_label_and_told_to_the_payers(alice, add):
    [card] = add(alice, expiration="05/39")

    assert (card.kind, card.label, card.expires_on) == ("card", "Visa ending 1111", date(2039, 5, 31))
    assert str(card) == "Visa ending 1111, expires 05/39"
    assert (card.state, card.added_by) == ("active", "customer:a")
    assert said() == ["method_added"]
    assert Event.get(Event.what == "method.added").by == "customer:a"


def test_looking_again_adds_nothing(alice, add, told):
    add(alice)
    customer = Customer.get_by_id(alice.id)

    assert methods.refresh(customer, by=BY, **told) == []
    assert (PaymentMethod.select().count(), len(said())) == (1, 1)


def test_two_that_look_at_once_add_it_once(alice, told, paying, add, db):
    methods.profile(alice, gateway=told["gateway"])
    paying.sandbox.method(alice.account_number)

    found = together(3, lambda _: methods.refresh(Customer.get_by_id(alice.id), by=BY, **told))

    assert sum(len(one) for one in found) == 1
    assert PaymentMethod.select().count() == 1


class WhileAsked:
    """The gateway, whose list of methods is on its way while ``meanwhile`` happens."""

    def __init__(self, gateway, meanwhile):
        self._gateway, self._meanwhile = gateway, meanwhile

    def stored_methods(self, profile_id):
        listed = self._gateway.stored_methods(profile_id)
        self._meanwhile()
        return listed


def test_a_card_that_is_added_while_we_look_stays(alice, told, paying, add):
    add(alice)
    slow = WhileAsked(paying.gateway, lambda: add(alice, number="4111111111111111"))

    methods.refresh(Customer.get_by_id(alice.id), gateway=slow, by=BY, now=NOW)

    assert [method.state for method in alice.methods] == ["active", "active"]
    assert said() == ["method_added", "method_added"]


def test_a_card_that_is_removed_while_we_look_does_not_come_back(alice, told, paying, add):
    [card] = add(alice)
    slow = WhileAsked(paying.gateway, lambda: methods.remove(card, by=BY, **told))

    assert methods.refresh(Customer.get_by_id(alice.id), gateway=slow, by=BY, now=NOW) == []

    assert PaymentMethod.get_by_id(card.id).state == "removed"


def test_ten_is_the_most_and_the_sentence_says_what_to_do(alice, told, paying):
    for _ in range(10):
        make_method(alice)

    with pytest.raises(BillingError, match="most there can be. Please remove one first"):
        methods.start_adding(alice, return_url=BACK, **told)
    assert paying.sandbox.profiles() == []


def test_a_gateway_that_is_silent_changes_nothing(alice, told, paying):
    paying.sandbox.stop()
    try:
        with pytest.raises(GatewayUnavailable):
            methods.start_adding(alice, return_url=BACK, **told)
    finally:
        paying.sandbox.start()
    assert Customer.get_by_id(alice.id).profile_id == ""


# --- What the processor no longer has ------------------------------------------------------------


def test_a_method_that_was_deleted_over_there_is_gone_here_and_autopay_with_it(alice, add, told, paying):
    [card] = add(alice)
    agreed(card)
    paying.sandbox.post_control("delete-method", {"method_id": card.token})

    assert methods.refresh(Customer.get_by_id(alice.id), by=BY, **told) == []

    card = PaymentMethod.get_by_id(card.id)
    assert (card.state, card.reason) == ("removed", methods.GONE)
    assert Autopay.get().end_reason == "Visa ending 1111 was removed."
    assert said() == ["method_added", "method_removed"]


def test_a_profile_that_was_deleted_over_there_is_made_anew(alice, add, told, paying):
    [card] = add(alice)
    profile_id = Customer.get_by_id(alice.id).profile_id
    paying.sandbox.post_control("delete-profile", {"profile_id": profile_id})

    page = methods.start_adding(Customer.get_by_id(alice.id), return_url=BACK, **told)

    assert page.token
    assert PaymentMethod.get_by_id(card.id).state == "removed"
    assert Customer.get_by_id(alice.id).profile_id not in ("", profile_id)


def test_a_deleted_profile_is_noticed_by_looking(alice, add, told, paying):
    add(alice)
    customer = Customer.get_by_id(alice.id)
    paying.sandbox.post_control("delete-profile", {"profile_id": customer.profile_id})

    assert methods.refresh(customer, by=BY, **told) == []
    assert customer.profile_id == Customer.get_by_id(alice.id).profile_id == ""
    assert methods.active(alice).count() == 0


# --- Saving what just paid -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "label"), [(None, "Visa ending 1111"), (ACCOUNT, "Bank account ending 6781")]
)
def test_what_just_paid_is_saved_for_the_next_time(alice, paying, told, source, label):
    payment = paying.start(make_invoice(alice))
    paying.pay(payment, source)
    payment = paying.ask(payment)
    assert methods.can_save(payment)

    saved = methods.save_from(payment, by="customer:a", **told)

    assert saved.state == "active"
    assert saved.label.lower() == label.lower()
    assert methods.save_from(Payment.get_by_id(payment.id), by="customer:a", **told).id == saved.id
    assert said() == ["method_added"]


def test_what_did_not_pay_is_not_saved(alice, paying, told):
    payment = paying.start(make_invoice(alice))

    assert not methods.can_save(payment)
    with pytest.raises(BillingError, match="cannot be saved"):
        methods.save_from(payment, by=BY, **told)


# --- Removing ------------------------------------------------------------------------------------


def test_a_removed_method_is_gone_at_the_processor_too(alice, add, told, paying):
    [card] = add(alice)
    agreed(card)
    make_invoice(alice)

    methods.remove(card, by="customer:a", **told)

    assert PaymentMethod.get_by_id(card.id).state == "removed"
    assert paying.sandbox.profiles(alice.account_number)[0]["methods"] == []
    assert autopay.standing(alice) is None
    assert PlannedCharge.select().where(PlannedCharge.state == "planned").count() == 0
    assert said()[-1] == "method_removed"
    assert Notice.select().where(Notice.kind == "autopay_off").count() == 1


def test_removing_twice_is_removing_once(alice, add, told):
    [card] = add(alice)
    for _ in range(2):
        methods.remove(PaymentMethod.get_by_id(card.id), by=BY, **told)

    assert said() == ["method_added", "method_removed"]


def test_while_the_processor_is_silent_nothing_is_removed(alice, add, told, paying):
    [card] = add(alice)
    paying.sandbox.stop()
    try:
        with pytest.raises(GatewayUnavailable):
            methods.remove(card, by=BY, **told)
    finally:
        paying.sandbox.start()
    assert PaymentMethod.get_by_id(card.id).state == "active"


def test_a_disabled_method_keeps_autopay_and_comes_back_when_its_data_change(alice, add, told, paying):
    [card] = add(alice, expiration="12/26")
    agreed(card)
    methods.disable(card, reason="The card has expired.", by=BY, now=NOW)
    assert autopay.standing(alice) is not None
    assert methods.active(alice).count() == 0
    assert methods.kept(alice).count() == 1

    paying.sandbox.post_control(
        "updater", [{"method_id": card.token, "reason": "NED", "expiration": "12/31"}]
    )
    methods.refresh(Customer.get_by_id(alice.id), by=BY, **told)

    card = PaymentMethod.get_by_id(card.id)
    assert (card.state, card.reason, card.expires_on) == ("active", "", date(2031, 12, 31))


def test_a_card_that_was_refused_for_good_does_not_come_back_by_another_label(alice, add, told):
    [card] = add(alice)
    methods.disable(card, reason="The bank reports it as lost.", by=BY, now=NOW)
    PaymentMethod.update(label="Card ending 4242", expires_on=None).execute()

    methods.refresh(Customer.get_by_id(alice.id), by=BY, **told)

    again = PaymentMethod.get_by_id(card.id)
    assert (again.state, again.label, again.expires_on) == ("disabled", card.label, card.expires_on)


# --- Expiry --------------------------------------------------------------------------------------


def warned():
    return [notice.key for notice in Notice.select().where(Notice.kind == Notice.METHOD_EXPIRING)]


def test_a_card_that_expires_is_told_thirty_and_seven_days_ahead_once_each(alice, db, clock):
    card = make_method(alice, expires_on=date(2026, 12, 31))
    days = {}
    for _ in range(32):
        days[clock.today()] = methods.warn_expiring(clock.today(), now=clock.now())
        clock.advance(days=1)

    assert [on for on, count in days.items() if count] == [date(2026, 12, 1), date(2026, 12, 24)]
    me = payer(alice).id
    assert warned() == [f"expiring:{card.id}:2026-12-31:30:{me}", f"expiring:{card.id}:2026-12-31:7:{me}"]


@pytest.mark.parametrize(
    "fields",
    [
        {"expires_on": date(2027, 1, 31)},
        {"expires_on": date(2026, 11, 30)},
        {"expires_on": None, "kind": "bank"},
        {"expires_on": date(2026, 12, 31), "state": "removed"},
        {"expires_on": date(2026, 12, 31), "state": "disabled"},
    ],
)
def test_nobody_is_warned_of_anything_else(alice, db, clock, fields):
    make_method(alice, **fields)

    assert methods.warn_expiring(clock.today(), now=clock.now()) == 0
    assert warned() == []


def test_a_renewed_card_is_warned_of_anew_when_its_time_comes(alice, db, clock):
    card = make_method(alice, expires_on=date(2026, 12, 10))
    assert methods.warn_expiring(clock.today(), now=clock.now()) == 1
    PaymentMethod.update(expires_on=date(2026, 12, 20)).execute()

    assert methods.warn_expiring(clock.today(), now=clock.now()) == 1
    assert len(warned()) == 2 and card


# --- The card networks' updater ------------------------------------------------------------------


def update(paying, card, reason, **more):
    paying.sandbox.post_control("updater", [{"method_id": card.token, "reason": reason, **more}])
    return methods.read_updates(gateway=paying.gateway, today=paying.clock.today(), now=paying.clock.now())


def test_a_new_number_and_date_are_taken_over_and_told(alice, add, paying):
    [card] = add(alice)

    assert update(paying, card, "NAN", number="4012888818888", expiration="03/40") == 1

    card = PaymentMethod.get_by_id(card.id)
    assert (card.label, card.expires_on) == ("Visa ending 8888", date(2040, 3, 31))
    assert said() == ["method_added", "method_updated"]


def test_an_update_counts_once(alice, add, paying):
    [card] = add(alice)
    update(paying, card, "NED", expiration="03/40")

    again = methods.read_updates(gateway=paying.gateway, today=paying.clock.today(), now=paying.clock.now())

    assert again == 0
    assert said() == ["method_added", "method_updated"]


class Undated:
    """The gateway, as it tells of updates without their time."""

    def __init__(self, gateway):
        self._gateway = gateway

    def account_updates(self, month):
        return [replace(one, updated_at=None) for one in self._gateway.account_updates(month)]


def test_an_update_without_a_time_counts_once_a_month(alice, add, paying):
    [card] = add(alice)
    paying.sandbox.post_control("updater", [{"method_id": card.token, "reason": "CCH"}])

    told = {"gateway": Undated(paying.gateway), "now": NOW}
    read = [methods.read_updates(today=date(2026, 12, day), **told) for day in (1, 2, 20)]
    read += [methods.read_updates(today=date(2027, 1, day), **told) for day in (1, 2)]

    assert (read, said()) == ([1, 0, 0, 0, 0], ["method_added", "method_disabled"])


def test_a_closed_account_is_gone_and_told(alice, add, paying):
    [card] = add(alice)
    agreed(card)

    assert update(paying, card, "ACL") == 1

    card = PaymentMethod.get_by_id(card.id)
    assert (card.state, card.reason) == ("removed", methods.ACCOUNT_CLOSED)
    assert autopay.standing(alice) is None


def test_a_card_that_its_owner_must_renew_is_charged_no_more(alice, add, paying):
    [card] = add(alice)
    standing = agreed(card)

    assert update(paying, card, "CCH") == 1

    card = PaymentMethod.get_by_id(card.id)
    assert (card.state, card.reason) == ("disabled", methods.ASK_OWNER)
    assert autopay.standing(alice).id == standing.id
    assert said() == ["method_added", "method_disabled"]


def test_last_months_updates_are_read_in_the_first_days_of_a_month(alice, add, paying):
    [card] = add(alice)
    paying.sandbox.post_control(
        "updater", [{"method_id": card.token, "reason": "NED", "expiration": "03/40"}]
    )
    paying.later(days=32)

    read = methods.read_updates(gateway=paying.gateway, today=paying.clock.today(), now=paying.clock.now())

    assert (paying.clock.today(), read) == (date(2027, 1, 2), 1)


def test_an_update_of_a_card_that_is_not_ours_is_left_alone(alice, paying):
    _, token = paying.sandbox.method("SOMEBODY")
    paying.sandbox.post_control("updater", [{"method_id": token, "reason": "ACL"}])

    assert methods.read_updates(gateway=paying.gateway, today=date(2026, 12, 1), now=NOW) == 0
