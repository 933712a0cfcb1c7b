"""A customer disputes a part, pays the rest, and has our answer: a credit, a fresh date, or both in part."""

from datetime import date, datetime, time, timedelta

import peewee
import pytest

from billing import approvals, demands, invoices, ledger, payments, reminding, reports, undisputed
from billing.automatic import autopay
from billing.disputes import asking, deciding, finding
from billing.edges import letters
from billing.errors import BillingError, StaleState
from billing.outbox import judging
from models import Autopay, Company, Credit, Dispute, Event, Line, Notice, Payment, PlannedCharge, Ticket
from tests.at_once import refusals, together
from tests.factories import BY, NOW, fresh, make_invoice, make_method, payer
from tests.office import make_staff

TODAY = date(2026, 12, 1)
DUE = date(2026, 12, 16)
AGAIN = {"by": BY, "today": TODAY, "now": NOW}
ASKED = {"reason": "wrong_amount", "words": "The hours are not right.", "via": "portal", **AGAIN}


@pytest.fixture
def invoice(db, alice):
    """$100.00, of which one line is $30.00."""
    return make_invoice(alice, cents=10_000, due=DUE)


@pytest.fixture
def line(invoice):
    return Line.create(
        invoice=invoice,
        position=2,
        text="Service call",
        unit_cents=3_000,
        amount_cents=3_000,
        total_cents=3_000,
    )


@pytest.fixture
def dispute(invoice, line):
    return asking.open(invoice, line=line, amount_cents=None, contact=payer(invoice.customer), **ASKED)


@pytest.fixture
def owner(db):
    return make_staff("owner")


def stand(invoice):
    """(open, past due on a day long after, disputed) in cents."""
    late = ledger.balance(invoice.customer, today=DUE + timedelta(days=60))
    return fresh(invoice).open_cents, late.past_due_cents, late.disputed_cents


# --- Opened --------------------------------------------------------------------------------------


def test_a_disputed_line_rests_and_the_rest_stays_due(dispute, invoice):
    assert stand(invoice) == (10_000, 7_000, 3_000)
    assert demands.asked_cents(demands.of(fresh(invoice)), TODAY) == 7_000
    assert (dispute.amount_cents, dispute.answer_by_on) == (3_000, date(2026, 12, 31))


def test_it_opens_a_ticket_and_says_at_once_that_the_part_rests(dispute, invoice, line):
    ticket = Ticket.get()
    assert (ticket.invoice, ticket.line, ticket.state) == (invoice, line, Ticket.WAITING_ON_US)
    assert ticket.subject == f"Invoice {invoice.number}: $30.00 disputed, Service call"
    assert ticket.messages.get().body == "The amount is not right. The hours are not right."
    [notice] = Notice.select().where(Notice.customer == invoice.customer)
    assert (notice.kind, notice.dispute, notice.contact) == (
        "dispute_received", dispute, payer(invoice.customer),
    )  # fmt: skip
    assert Event.get(Event.what == "dispute.opened").customer_id == invoice.customer_id


def test_a_card_number_in_the_words_is_not_kept(invoice):
    made = asking.open(invoice, amount_cents=500, **{**ASKED, "words": "Paid with 4111 1111 1111 1111."})

    assert "4111 1111" not in made.words
    assert "4111 1111" not in Ticket.get().messages.get().body


def test_disputing_and_taking_back_day_after_day_is_no_way_not_to_pay(invoice):
    for _ in range(3):
        asking.withdraw(asking.open(invoice, amount_cents=None, **ASKED), **AGAIN)

    with pytest.raises(BillingError, match="took it back before"):
        asking.open(invoice, amount_cents=None, **ASKED)
    assert asking.open(invoice, amount_cents=None, **{**ASKED, "via": "staff"})


def test_the_same_click_is_one_dispute(invoice):
    first = asking.open(invoice, amount_cents=500, key="click", **ASKED)
    second = asking.open(invoice, amount_cents=500, key="click", **ASKED)

    assert first == second
    assert (Dispute.select().count(), Ticket.select().count()) == (1, 1)


def test_two_at_once_dispute_a_line_once(db, invoice, line):
    given = together(2, lambda n: asking.open(invoice, line=line, amount_cents=None, **ASKED))

    assert len(refusals(given)) == 1
    assert Dispute.select().count() == 1
    assert stand(invoice) == (10_000, 7_000, 3_000)


@pytest.mark.parametrize(
    ("amount_cents", "words", "refusal"),
    [
        (0, "Why?", "between"),
        (10_001, "Why?", "between"),
        (500, "  ", "one sentence"),
        (500, "x" * 1_001, "under 1,000"),
    ],
)
def test_what_cannot_be_is_refused(invoice, amount_cents, words, refusal):
    with pytest.raises(BillingError, match=refusal):
        asking.open(invoice, amount_cents=amount_cents, **{**ASKED, "words": words})
    assert Dispute.select().count() == Ticket.select().count() == 0


def test_a_line_of_another_invoice_is_refused(invoice, line, alice):
    with pytest.raises(BillingError, match="not on that invoice"):
        asking.open(make_invoice(alice), line=line, amount_cents=None, **ASKED)


def test_a_line_and_then_the_rest_can_be_disputed_but_no_more(dispute, invoice, line):
    with pytest.raises(BillingError, match="this line already"):
        asking.open(invoice, line=line, amount_cents=None, **ASKED)
    rest = asking.open(invoice, amount_cents=None, **ASKED)
    assert rest.amount_cents == 7_000
    with pytest.raises(BillingError, match="all of this invoice"):
        asking.open(invoice, amount_cents=100, **ASKED)
    assert stand(invoice) == (10_000, 0, 10_000)


def test_a_paid_invoice_is_asked_about_and_not_disputed(invoice):
    invoices.credit(invoice, amount_cents=10_000, reason="Sorry", **AGAIN)

    with pytest.raises(BillingError, match="Nothing is open"):
        asking.open(invoice, amount_cents=None, **ASKED)


def test_the_database_refuses_to_rest_more_than_is_open(dispute, invoice):
    row = dispute.__data__ | {"line": None, "amount_cents": 7_001, "key": None}
    del row["id"]
    with pytest.raises((peewee.IntegrityError, peewee.DatabaseError)):
        Dispute.create(**row)


# --- With payments -------------------------------------------------------------------------------


def test_the_rest_is_paid_and_the_dispute_stands(dispute, invoice):
    payments.record(
        invoice.customer, amount_cents=7_000, kind="check", received_on=TODAY, key="k",
        parts=[(invoice, 7_000)], **AGAIN,
    )  # fmt: skip

    assert stand(invoice) == (3_000, 0, 3_000)
    assert fresh(dispute).state == "open"


def test_a_check_without_a_word_never_pays_what_is_disputed(dispute, invoice):
    money = payments.record(
        invoice.customer,
        amount_cents=10_000,
        kind="check",
        received_on=TODAY,
        key="k",
        confirmed=True,
        **AGAIN,
    )

    assert stand(invoice) == (3_000, 0, 3_000)
    assert fresh(money).open_cents == 3_000


def test_paying_everything_anyway_ends_it_and_the_question_is_still_answered(dispute, invoice):
    payments.record(
        invoice.customer, amount_cents=10_000, kind="check", received_on=TODAY, key="k",
        parts=[(invoice, 10_000)], **AGAIN,
    )  # fmt: skip

    assert (fresh(dispute).state, fresh(dispute).decision) == ("withdrawn", undisputed.PAID)
    assert Ticket.get().state == Ticket.WAITING_ON_US


def test_a_canceled_invoice_has_no_dispute(dispute, invoice):
    invoices.void(invoice, reason="Wrong customer", **AGAIN)

    assert (fresh(dispute).state, fresh(dispute).decision) == ("withdrawn", undisputed.CANCELED)


def test_a_credit_of_all_of_it_ends_it(dispute, invoice):
    invoices.credit(fresh(invoice), amount_cents=10_000, reason="Sorry", **AGAIN)

    assert fresh(dispute).state == "withdrawn"


def test_what_a_payment_under_way_would_pay_is_not_disputed(paying, alice):
    invoice = make_invoice(alice, cents=10_000, due=DUE)
    paying.start(invoice)

    with pytest.raises(BillingError, match=r"A payment of \$100.00 of this invoice is under way"):
        asking.open(invoice, amount_cents=3_000, **ASKED)
    assert Dispute.select().count() == Ticket.select().count() == 0


def test_while_the_rest_is_being_paid_a_part_can_be_disputed(paying, alice):
    invoice = make_invoice(alice, cents=10_000, due=DUE)
    payment = paying.start(invoice, 7_000)
    made = asking.open(invoice, amount_cents=3_000, **ASKED)

    paying.pay(payment)

    assert paying.ask(payment).state == Payment.APPROVED
    assert (fresh(made).state, fresh(invoice).open_cents) == ("open", 3_000)


# --- Taken back ----------------------------------------------------------------------------------


def test_who_takes_it_back_owes_it_on_the_date_of_the_invoice(dispute, invoice):
    asking.withdraw(dispute, **AGAIN)

    assert stand(invoice) == (10_000, 10_000, 0)
    assert {one.due_on for one in demands.of(fresh(invoice))} == {DUE}
    assert Ticket.get().state == Ticket.CLOSED


def test_what_is_taken_back_late_is_not_past_due_at_once(dispute, invoice):
    later = DUE + timedelta(days=20)
    asking.withdraw(dispute, by=BY, today=later, now=NOW)

    assert [one.due_on for one in demands.of(fresh(invoice))] == [DUE, later + timedelta(days=1)]


def test_what_was_decided_is_not_taken_back(dispute, owner):
    seen = fresh(dispute)
    deciding.reject(dispute, decision="We were there for an hour.", staff=owner, **AGAIN)

    with pytest.raises(StaleState):
        asking.withdraw(seen, **AGAIN)


# --- Decided -------------------------------------------------------------------------------------


def test_who_was_right_gets_a_credit_for_the_part(dispute, invoice, line, owner):
    deciding.uphold(dispute, amount_cents=3_000, decision="We billed an hour twice.", staff=owner, **AGAIN)

    credit = Credit.get()
    assert (credit.kind, credit.amount_cents, credit.line) == ("dispute", 3_000, line)
    assert credit.reason == "We billed an hour twice."
    assert (fresh(dispute).state, fresh(dispute).credit) == ("upheld", credit)
    assert stand(invoice) == (7_000, 7_000, 0)
    assert Ticket.get().state == Ticket.CLOSED
    told = Notice.select().where(Notice.kind == "dispute_decided")
    assert (told.count(), Notice.select().where(Notice.kind == "ticket_reply").count()) == (1, 0)


def test_a_whole_invoice_can_be_upheld(invoice, owner):
    made = asking.open(invoice, amount_cents=None, **ASKED)

    deciding.uphold(made, amount_cents=10_000, decision="It was for your neighbor.", staff=owner, **AGAIN)

    assert (fresh(made).state, fresh(invoice).open_cents) == ("upheld", 0)


def test_who_was_right_in_part_owes_the_other_part_on_a_fresh_date(dispute, invoice, owner):
    deciding.uphold(dispute, amount_cents=1_000, decision="One hour, not two.", staff=owner, **AGAIN)

    assert [(one.due_on, one.cents) for one in demands.of(fresh(invoice))] == [(DUE, 7_000), (DUE, 2_000)]
    late = DUE + timedelta(days=30)
    again = asking.open(invoice, amount_cents=2_000, **{**ASKED, "today": late})
    deciding.uphold(again, amount_cents=500, decision="A little.", staff=owner, by=BY, today=late, now=NOW)
    assert [(one.due_on, one.cents) for one in demands.of(fresh(invoice))] == [
        (DUE, 5_000), (DUE, 2_000), (late + timedelta(days=10), 1_500),
    ]  # fmt: skip


def test_who_was_wrong_has_days_to_pay_and_reads_why(dispute, invoice, owner, company):
    late = DUE + timedelta(days=30)
    deciding.reject(dispute, decision="We were there for two hours.", staff=owner, by=BY, today=late, now=NOW)

    [rest, part] = demands.of(fresh(invoice))
    assert (rest.cents, part.cents, part.due_on) == (
        7_000,
        3_000,
        late + timedelta(days=company.dispute_days),
    )
    assert Notice.get(Notice.kind == "dispute_decided").dispute == dispute
    assert "We were there for two hours." in [message.body for message in Ticket.get().messages]


def test_it_is_answered_once(dispute, owner):
    deciding.reject(dispute, decision="It is right.", staff=owner, **AGAIN)

    with pytest.raises(BillingError, match="decided already"):
        deciding.uphold(dispute, amount_cents=100, decision="Well.", staff=owner, **AGAIN)
    with pytest.raises((peewee.IntegrityError, peewee.DatabaseError)):
        Dispute.update(state="open", decided_at=None).execute()


def test_two_who_decide_at_once_decide_once(db, dispute, owner):
    told = {"staff": owner, **AGAIN}

    def decide(n):
        if n:
            return deciding.uphold(dispute, amount_cents=3_000, decision="Yes.", **told)
        return deciding.reject(fresh(dispute), decision="No.", **told)

    assert len(refusals(together(2, decide))) == 1

    assert Notice.select().where(Notice.kind == "dispute_decided").count() == 1
    assert Credit.select().count() == (fresh(dispute).state == "upheld")


def test_what_was_answered_is_not_asked_again_by_a_click(dispute, invoice, line, owner):
    deciding.reject(dispute, decision="It is right.", staff=owner, **AGAIN)

    with pytest.raises(BillingError, match="answered this before"):
        asking.open(invoice, line=line, amount_cents=None, **ASKED)
    asking.open(invoice, line=line, amount_cents=None, **{**ASKED, "via": "staff"})


@pytest.mark.parametrize("amount_cents", [0, 3_001])
def test_no_more_is_credited_than_was_disputed(dispute, owner, amount_cents):
    with pytest.raises(BillingError, match="which is what is disputed"):
        deciding.uphold(dispute, amount_cents=amount_cents, decision="Yes.", staff=owner, **AGAIN)


def test_a_credit_above_the_limit_waits_for_a_second_person(invoice):
    made = asking.open(invoice, amount_cents=None, **ASKED)
    support = make_staff("support")
    told = {"amount_cents": 10_000, "decision": "All of it was wrong.", "staff": support}

    asked = deciding.uphold(made, **told, by=support.email, today=TODAY, now=NOW)

    assert (asked.state, fresh(made).state) == ("asked", "open")
    assert stand(invoice)[2] == 10_000
    approvals.approve(asked, by="owner@lantern.example", today=TODAY, now=NOW)
    assert (fresh(made).state, fresh(invoice).open_cents) == ("upheld", 0)
    assert Credit.get().approval == asked


def test_small_credits_one_after_another_do_not_get_around_the_limit(invoice, alice):
    support = make_staff("support")
    Company.update(goodwill_support_cents=2_000).execute()
    told = {"amount_cents": 1_500, "decision": "You are right.", "staff": support, "by": support.email}
    first, second = (
        asking.open(one, amount_cents=1_500, **ASKED) for one in (invoice, make_invoice(alice, due=DUE))
    )

    deciding.uphold(first, **told, today=TODAY, now=NOW)
    asked = deciding.uphold(second, **told, today=TODAY, now=NOW)

    assert (fresh(first).state, fresh(second).state, asked.state) == ("upheld", "open", "asked")


@pytest.fixture
def asked(invoice):
    """A dispute of everything, with a request for a second person."""
    made = asking.open(invoice, amount_cents=None, **ASKED)
    support = make_staff("support")
    told = {"amount_cents": 10_000, "decision": "All of it.", "staff": support}
    return deciding.uphold(made, **told, by=f"staff:{support.email}", today=TODAY, now=NOW)


def test_what_is_taken_back_is_not_asked_of_a_second_person_any_more(asked, invoice):
    asking.withdraw(Dispute.get(), **AGAIN)

    assert (fresh(asked).state, fresh(asked).answer) == ("withdrawn", "The customer took it back.")
    with pytest.raises(BillingError, match="decided this already"):
        approvals.approve(asked, by=f"staff:{make_staff('owner').email}", today=TODAY, now=NOW)
    assert fresh(invoice).open_cents == 10_000


def test_what_is_paid_is_not_asked_of_a_second_person_any_more(asked, invoice):
    payments.record(
        invoice.customer, amount_cents=10_000, kind="check", received_on=TODAY, key="k",
        parts=[(invoice, 10_000)], confirmed=True, **AGAIN,
    )  # fmt: skip

    assert (fresh(asked).state, fresh(asked).answer) == ("withdrawn", undisputed.PAID)
    assert not approvals.waiting().exists()


# --- Autopay -------------------------------------------------------------------------------------


@pytest.fixture
def put_off(invoice, alice):
    """A charge of autopay that the customer put off, ten days beyond its day."""
    Autopay.create(
        customer=alice, contact=payer(alice), method=make_method(alice), text="I agree.", text_version="1",
        agreed_at=NOW, agreed_from="127.0.0.1", agreed_by=BY,
    )  # fmt: skip
    autopay.plan_due(TODAY, now=NOW)
    planned = PlannedCharge.get()
    return autopay.postpone(planned, until_on=DUE + timedelta(days=10), **AGAIN)


@pytest.mark.parametrize("ending", ["withdraw", "reject", "uphold"])
def test_what_the_customer_put_off_stays_put_off_whatever_becomes_of_a_dispute(
    put_off, invoice, owner, ending
):
    made = asking.open(invoice, amount_cents=None, **ASKED)
    assert fresh(put_off).charge_on == DUE + timedelta(days=10)

    if ending == "withdraw":
        asking.withdraw(made, **AGAIN)
    elif ending == "reject":
        deciding.reject(made, decision="It is right.", staff=owner, **AGAIN)
    else:
        deciding.uphold(made, amount_cents=4_000, decision="In part.", staff=owner, **AGAIN)

    left = fresh(put_off)
    assert (left.charge_on, left.postponed_from_on) == (DUE + timedelta(days=10), put_off.postponed_from_on)
    assert left.postponed_at and left.state == "planned"


def test_a_fresh_date_after_the_day_they_chose_is_the_day_of_the_charge(put_off, invoice, owner):
    Company.update(dispute_days=60).execute()
    made = asking.open(invoice, amount_cents=None, **ASKED)

    deciding.reject(made, decision="It is right.", staff=owner, **AGAIN)

    left = fresh(put_off)
    assert (left.charge_on, left.postponed_at) == (TODAY + timedelta(days=60), None)
    assert left.told_on is None  # they are told anew


# --- Clocks --------------------------------------------------------------------------------------


def test_the_queue_has_what_was_promised_first_first(invoice, alice):
    late = asking.open(invoice, amount_cents=100, **ASKED)
    soon = asking.open(make_invoice(alice), amount_cents=100, **{**ASKED, "today": TODAY - timedelta(days=9)})

    assert list(finding.waiting()) == [soon, late]
    assert finding.last_on(late) == TODAY + timedelta(days=90)


def test_what_money_paid_without_asking_here_is_closed_by_the_daily_job(dispute, invoice):
    money = {"customer": invoice.customer, "amount_cents": 10_000, "reason": "x", "by": BY}
    credit = Credit.create(made_on=TODAY, created_at=NOW, **money)
    ledger.open_money(credit)
    ledger.apply(credit, [(fresh(invoice), 10_000)], by=BY, on=TODAY)
    assert fresh(dispute).state == "open"

    assert undisputed.settle_all(by="daily", now=datetime(2026, 12, 2, 8)) == 1
    assert fresh(dispute).state == "withdrawn"


# --- Messages ------------------------------------------------------------------------------------


def reminded(day):
    """Kinds of what the daily job queues about what is due on a day."""
    reminding.queue_reminders(day, now=datetime.combine(day, time(15)))
    return [row.kind for row in Notice.select().where(Notice.kind.in_(("reminder", "overdue", "check_in")))]


def test_nobody_is_reminded_of_an_invoice_that_is_disputed_as_a_whole(invoice):
    asking.open(invoice, amount_cents=None, **ASKED)
    Ticket.update(state=Ticket.CLOSED).execute()

    assert reminded(DUE) == []
    assert reminded(DUE + timedelta(days=20)) == []


def test_the_rest_is_reminded_of_and_a_fresh_date_anew(dispute, invoice, owner):
    Ticket.update(state=Ticket.CLOSED).execute()
    assert reminded(DUE) == ["reminder"]
    late = DUE + timedelta(days=2)
    payments.record(
        invoice.customer, amount_cents=7_000, kind="check", received_on=late, key="k",
        parts=[(invoice, 7_000)], by=BY, today=late, now=NOW,
    )  # fmt: skip
    told = {"staff": owner, "by": BY, "today": late, "now": datetime.combine(late, time(15))}
    deciding.reject(fresh(dispute), decision="It is right.", **told)

    assert reminded(late + timedelta(days=5)) == ["reminder"]
    assert reminded(fresh(dispute).due_again_on) == ["reminder", "reminder"]


def test_a_reminder_that_waits_is_not_sent_once_all_of_it_is_disputed(invoice):
    assert reminded(DUE) == ["reminder"]
    asking.open(invoice, amount_cents=None, **{**ASKED, "today": DUE})

    notice = Notice.get(Notice.kind == "reminder")
    assert "disputed" in judging.objection(notice, today=DUE, now=datetime.combine(DUE, time(16)))


def test_both_mails_say_what_rests_and_what_is_due(app, dispute, owner, invoice):
    compose = letters.composer(app)
    received = compose(Notice.get(Notice.kind == "dispute_received"), NOW)
    assert "$30.00" in received.subject
    for words in ("December 31, 2026", "$70.00", "Service call", "The hours are not right."):
        assert words in received.text

    deciding.uphold(dispute, amount_cents=1_000, decision="One hour, not two.", staff=owner, **AGAIN)
    decided = compose(Notice.get(Notice.kind == "dispute_decided"), NOW)
    for words in ("You were right in part", "$10.00", "$20.00 is due after all", "One hour, not two."):
        assert words in decided.text


def test_aging_follows_what_is_due_and_shows_what_is_disputed_apart(dispute, invoice, alice):
    make_invoice(alice, cents=500, due=DUE)

    ages = {one.label: (one.count, one.cents) for one in reports.aging(DUE + timedelta(days=20)) if one.count}

    assert ages == {"15–29 days": (2, 7_500), "Disputed": (1, 3_000)}
