"""When a method is tried again, and when never: the calendar by tables, the consequences by rows."""

import doctest
import itertools
from datetime import date, datetime, timedelta

import pytest

from billing import notices, outcomes, preferences
from billing.automatic import retries, tries
from billing.notices import queueing
from models import Autopay, Notice, Payment, PaymentMethod, PaymentPart, Preference
from tests.conftest import TODAY
from tests.factories import NOW, fresh, make_customer, make_invoice, make_method

DAY = timedelta(days=1)
FIRST = date(2026, 12, 1)


def test_the_examples_in_the_text_are_right():
    assert doctest.testmod(retries).failed == 0


# --- The calendar of declines --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tried_on", "number", "known_on", "again_on"),
    [
        (FIRST, 1, FIRST, date(2026, 12, 4)),
        (date(2026, 12, 4), 2, date(2026, 12, 4), date(2026, 12, 9)),
        (date(2026, 12, 9), 3, date(2026, 12, 9), date(2026, 12, 16)),
        (date(2026, 12, 16), 4, date(2026, 12, 16), None),
        (FIRST, 0, FIRST, None),  # somebody pressed a button
        (FIRST, 5, FIRST, None),
        (FIRST, 1, date(2026, 12, 3), date(2026, 12, 4)),  # learned late: the day stays
        (FIRST, 1, date(2026, 12, 10), date(2026, 12, 11)),  # learned very late: tomorrow
        (date(2028, 2, 28), 1, date(2028, 2, 28), date(2028, 3, 2)),  # a leap year
        (date(2026, 12, 30), 2, date(2026, 12, 30), date(2027, 1, 4)),
    ],
)
def test_a_soft_decline_is_tried_again(tried_on, number, known_on, again_on):
    assert retries.next_try(tried_on, number, today=known_on) == again_on


def series(late):
    """The days of a whole series when each try and its answer are ``late`` days late."""
    days, day, number = [], FIRST, 1
    while day:
        day += late * DAY
        days.append(day)
        day = retries.next_try(day, number, today=day)
        number += 1
    return days


def test_a_series_is_four_tries_on_the_first_fourth_ninth_and_sixteenth_day():
    assert [(day - FIRST).days for day in series(late=0)] == [0, 3, 8, 15]


@pytest.mark.parametrize("late", range(6))
@pytest.mark.parametrize("pause", range(1, 40))
def test_no_fifteen_days_have_more_than_four_tries_even_across_two_series(late, pause):
    first = series(late)
    shift = first[-1] + pause * DAY - FIRST
    days = first + [day + shift for day in series(late)]

    for start in days:
        assert sum(start <= day < start + 15 * DAY for day in days) <= 4


# --- The calendar of returns ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "returned_on", "again_on"),
    [
        (1, date(2026, 12, 4), date(2026, 12, 9)),
        (2, date(2026, 12, 12), date(2026, 12, 22)),
        (3, date(2026, 12, 28), None),
        (0, date(2026, 12, 4), None),
        (1, FIRST + 175 * DAY, FIRST + 180 * DAY),
        (1, FIRST + 176 * DAY, None),
        (2, FIRST + 170 * DAY, FIRST + 180 * DAY),
        (2, FIRST + 171 * DAY, None),
    ],
)
def test_a_debit_without_funds_is_tried_twice_more_within_180_days(number, returned_on, again_on):
    assert retries.next_debit(FIRST, number, today=returned_on) == again_on


def test_no_debit_is_presented_more_than_three_times_or_after_180_days():
    for waits in itertools.product((2, 20, 60, 100), repeat=4):
        day, presented = FIRST, [FIRST]
        for number, wait in enumerate(waits, 1):
            day = retries.next_debit(FIRST, number, today=day + wait * DAY)
            if day is None:
                break
            presented.append(day)
        assert len(presented) <= 3
        assert presented[-1] <= FIRST + 180 * DAY


# --- What follows from a decline -----------------------------------------------------------------


@pytest.fixture
def method(alice):
    return make_method(alice)


def authorization(method):
    """The customer's standing permission to charge the method."""
    standing = Autopay.get_or_none((Autopay.method == method) & Autopay.ended_at.is_null())
    return standing or Autopay.create(
        customer=method.customer, method=method, text="I agree.", text_version="1", agreed_at=NOW,
        agreed_from="127.0.0.1", agreed_by="t",
    )  # fmt: skip


def attempt(method, *, invoices=(), on=TODAY, try_number=1, state="declined", **fields):
    """A charge of a method as its conclusion leaves it, just before the consequences."""
    n = Payment.select().count()
    at = fields.pop("created_at", NOW + timedelta(seconds=n))
    payment = Payment.create(
        customer=method.customer, reference=f"PL{n}", key=f"k{n}", state=state, kind=method.kind,
        amount_cents=4250, received_on=on, method=method, method_label=method.label, try_number=try_number,
        autopay=authorization(method) if try_number else None, reason="No.", created_at=at, concluded_at=at,
        **fields,
    )  # fmt: skip
    for invoice in invoices:
        PaymentPart.create(payment=payment, invoice=invoice, amount_cents=invoice.total_cents, live=False)
    return payment


def kinds():
    return [row.kind for row in Notice.select()]


@pytest.mark.parametrize("code", [code for code, cause in outcomes.CAUSES.items() if cause.kind == "hard"])
def test_every_hard_cause_ends_the_method_and_tells_why(db, method, code):
    payment = attempt(method, decline_code=code)

    retries.after_decline(payment, today=TODAY, now=NOW)

    assert (fresh(method).state, fresh(method).ended_at) == ("disabled", NOW)
    assert fresh(method).reason == outcomes.plain_words(code)[:255]
    assert (kinds(), fresh(payment).retry_on) == (["method_problem"], None)


@pytest.mark.parametrize("code", ["2", "3", "191", "209", "261", "9999", "odd"])
def test_a_soft_cause_and_one_that_nobody_knows_keep_the_method_and_plan_another_try(db, method, code):
    payment = attempt(method, decline_code=code)

    retries.after_decline(payment, today=TODAY, now=NOW)

    assert fresh(method).state == "active"
    assert (kinds(), fresh(payment).retry_on) == (["charge_declined"], TODAY + 3 * DAY)
    assert payment.retry_on == TODAY + 3 * DAY


@pytest.mark.parametrize("code", ["13", "E00007", "E00044", "E99999", "49", "251"])
def test_a_fault_of_ours_blames_nobody_and_is_tried_tomorrow(db, method, code):
    payment = attempt(method, decline_code=code)

    retries.after_decline(payment, today=TODAY, now=NOW)

    assert (fresh(method).state, kinds(), fresh(payment).retry_on) == ("active", [], TODAY + DAY)


def test_who_was_told_of_a_decline_hears_that_the_next_try_worked_without_wanting_receipts(db, method):
    payer = method.customer.contacts.get()
    never = {(Preference.RECEIPT, Preference.MAIL): preferences.Wish(Preference.NEVER)}
    preferences.choose(payer, never, by="them", via="page", now=NOW)
    invoice = make_invoice(method.customer)
    untold = attempt(method, invoices=[invoice], state="approved", try_number=0)
    notices.queue_receipt(untold, now=NOW)
    assert kinds() == []
    declined = attempt(method, invoices=[invoice], decline_code="2")
    retries.after_decline(declined, today=TODAY, now=NOW)
    notices.queue_receipt(attempt(method, invoices=[invoice], state="approved", try_number=2), now=NOW)

    assert kinds() == ["charge_declined", "receipt"]
    receipt = Notice.get(Notice.kind == Notice.RECEIPT)
    assert (preferences.unwanted(receipt), receipt.why) == ("", queueing.WHY_WORKED)
    Notice.update(state=Notice.SENT, claimed_at=NOW, sent_at=NOW).execute()
    assert preferences.violations(since=None).found == []


def test_the_last_soft_decline_is_told_and_plans_nothing(db, method):
    payment = attempt(method, decline_code="2", try_number=4)

    retries.after_decline(payment, today=TODAY, now=NOW)

    assert (kinds(), fresh(payment).retry_on) == (["charge_declined"], None)


def test_who_pressed_a_button_reads_it_on_the_page_and_nothing_is_planned(db, method):
    payment = attempt(method, decline_code="2", try_number=0)

    retries.after_decline(payment, today=TODAY, now=NOW)

    assert (kinds(), fresh(payment).retry_on) == ([], None)


def test_who_pressed_a_button_and_left_is_told_by_mail_when_it_is_learned_later(db, method):
    payment = attempt(method, decline_code="2", try_number=0)

    retries.after_decline(payment, today=TODAY, now=NOW + timedelta(hours=1))

    assert kinds() == ["charge_declined"]


def test_the_same_consequence_twice_is_told_once(db, method):
    payment = attempt(method, decline_code="8")

    retries.after_decline(payment, today=TODAY, now=NOW)
    retries.after_decline(payment, today=TODAY, now=NOW)

    assert kinds() == ["method_problem"]


# --- What follows from a return ------------------------------------------------------------------


@pytest.fixture
def account(alice):
    return make_method(alice, kind=PaymentMethod.BANK, label="Checking account ending 6781", expires_on=None)


def returned(account, code, **fields):
    return attempt(account, state="returned", return_code=code, returned_on=TODAY, **fields)


@pytest.mark.parametrize("code", ["R01", "R09"])
def test_a_return_for_lack_of_funds_is_tried_again_five_and_ten_days_later(db, account, code):
    first, second, third = (returned(account, code, try_number=number) for number in (1, 2, 3))
    for payment in (first, second, third):
        retries.after_return(payment, today=TODAY, now=NOW)

    planned = [fresh(payment).retry_on for payment in (first, second, third)]
    assert planned == [TODAY + 5 * DAY, TODAY + 10 * DAY, None]
    assert fresh(account).state == "active"


def test_a_debit_that_its_owner_started_is_not_tried_again_by_itself(db, account):
    authorization(account)
    payment = returned(account, "R01", try_number=0)

    retries.after_return(payment, today=TODAY, now=NOW)

    assert (fresh(payment).retry_on, fresh(account).state) == (None, "active")


@pytest.mark.parametrize("follow", [retries.after_return, retries.after_decline])
def test_nothing_is_tried_again_once_autopay_was_switched_off(db, account, follow):
    payment = returned(account, "R01", decline_code="2")
    Autopay.update(ended_at=NOW).execute()

    follow(payment, today=TODAY, now=NOW)

    assert fresh(payment).retry_on is None


def test_other_terms_for_the_same_account_go_on_where_the_former_ended(db, account):
    payment = returned(account, "R01")
    Autopay.update(ended_at=NOW).execute()
    authorization(account)

    retries.after_return(payment, today=TODAY, now=NOW)

    assert fresh(payment).retry_on == TODAY + 5 * DAY


def test_180_days_count_from_the_first_try_for_the_same_invoices(db, alice, account):
    invoice = make_invoice(alice)
    returned(account, "R01", invoices=[invoice], on=TODAY - 172 * DAY)
    second = returned(account, "R01", invoices=[invoice], try_number=2)

    retries.after_return(second, today=TODAY, now=NOW)

    assert fresh(second).retry_on is None


@pytest.mark.parametrize("code", ["R02", "R03", "R04", "R05", "R07", "R08", "R10", "R16", "R29", "R99", ""])
def test_any_other_return_ends_the_account(db, account, code):
    payment = returned(account, code)

    retries.after_return(payment, today=TODAY, now=NOW)

    assert (fresh(account).state, fresh(payment).retry_on) == ("disabled", None)
    assert fresh(account).reason


# --- What it means for today ---------------------------------------------------------------------


def test_the_past_of_an_invoice_with_a_method(db, alice, method):
    first, other = make_invoice(alice), make_invoice(alice)
    attempt(method, decline_code="2", invoices=[first], retry_on=TODAY)
    attempt(method, decline_code="2", invoices=[first], retry_on=TODAY + 5 * DAY, try_number=2)

    past = tries.past([method.id], [first.id, other.id])

    assert set(past) == {(method.id, first.id)}
    assert past[method.id, first.id] == tries.Past(2, TODAY + 5 * DAY, False, False, "No.")


def test_the_last_decline_is_the_end(db, alice, method):
    invoice = make_invoice(alice)
    attempt(method, decline_code="2", invoices=[invoice], try_number=4)

    assert tries.past([method.id], [invoice.id])[method.id, invoice.id].is_over


@pytest.mark.parametrize("state", ["voided", "refunded", "charged_back"])
def test_what_was_taken_back_is_over(db, alice, method, state):
    invoice = make_invoice(alice)
    attempt(method, state=state, invoices=[invoice])

    past = tries.past([method.id], [invoice.id])[method.id, invoice.id]

    assert (past.is_over, past.is_canceled) == (True, True)


@pytest.mark.parametrize("state", ["expired", "sent", "in_doubt", "held", "approved"])
def test_what_never_arrived_or_is_under_way_is_no_try(db, alice, method, state):
    invoice = make_invoice(alice)
    attempt(method, state=state, invoices=[invoice])

    assert tries.past([method.id], [invoice.id])[method.id, invoice.id].count == 0


def test_a_fault_of_ours_does_not_count(db, alice, method):
    invoice = make_invoice(alice)
    attempt(method, decline_code="2", invoices=[invoice], retry_on=TODAY)
    attempt(method, decline_code="13", invoices=[invoice], retry_on=TODAY + DAY, try_number=2)

    past = tries.past([method.id], [invoice.id])[method.id, invoice.id]

    assert (past.count, past.is_over) == (1, False)


def test_a_method_waits_for_its_next_try_and_others_do_not(db, alice, method):
    other = make_method(alice)
    attempt(method, decline_code="2", retry_on=TODAY + 3 * DAY)

    assert tries.waits([method.id, other.id], TODAY) == {method.id: TODAY + 3 * DAY}
    assert tries.waits([method.id], TODAY + 3 * DAY) == {}


def test_many_are_read_at_once(db):
    methods = [make_method(make_customer(f"Customer {n}")) for n in range(5)]
    for n, one in enumerate(methods):
        attempt(one, decline_code="2", retry_on=TODAY + n * DAY, created_at=datetime(2026, 12, 1, n))

    assert tries.waits([one.id for one in methods], TODAY) == {
        one.id: TODAY + n * DAY for n, one in enumerate(methods) if n
    }
