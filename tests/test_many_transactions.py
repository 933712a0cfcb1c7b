"""One attempt, several transactions at the processor: each is judged for itself, and none hides another.

A customer may send one page twice, with another card or in another tab. What became of the attempt is told
by all of its transactions together; one refusal among them proves nothing about the others.
"""

import pytest

from billing import ledger, payments, webhooks
from billing.errors import PaymentInProgress
from billing.outcomes import Transaction
from models import GatewayEvent, Payment
from tests.factories import fresh, make_invoice

pytestmark = pytest.mark.usefixtures("sound_books")

APPROVED, HELD, REFUSED, VOIDED = "capturedPendingSettlement", "FDSPendingReview", "declined", "voided"


@pytest.fixture
def invoice(alice):
    return make_invoice(alice, cents=4250)


class Processor:
    """What the processor has recorded for one payment; answers in the values of the gateway's edge."""

    def __init__(self, payment):
        self.payment, self.recorded = payment, {}

    def record(self, id, status):
        self.recorded[id] = Transaction(id, status, self.payment.amount_cents, self.payment.reference)

    def find(self, reference, *, since):
        return list(self.recorded.values())

    def details(self, transaction_id):
        return self.recorded.get(transaction_id)


class Story:
    """An attempt with its page, the processor, and the three ways to learn."""

    def __init__(self, paying, invoice):
        self.clock, self.payment = paying.clock, paying.start(invoice)
        self.processor, self._hints = Processor(self.payment), 0

    def told(self):
        return {"gateway": self.processor, "today": self.clock.today(), "now": self.clock.now()}

    def ask(self):
        return payments.ask(fresh(self.payment), **self.told())

    def hear(self, id):
        """A webhook names a transaction, and is followed."""
        self._hints += 1
        event = GatewayEvent.create(
            notification_id=f"hint-{self._hints}", kind="any", transaction_id=id, body="{}",
            received_at=self.clock.now(),
        )  # fmt: skip
        webhooks.follow(event, **self.told())
        return fresh(self.payment)


@pytest.fixture
def story(paying, invoice):
    return Story(paying, invoice)


def test_a_late_word_of_a_refusal_does_not_end_an_attempt_that_was_approved(story, invoice):
    story.processor.record("71", REFUSED)
    story.processor.record("72", APPROVED)
    story.clock.advance(hours=2)

    assert story.hear("71").state == "approved"
    assert fresh(invoice).open_cents == 0


def test_a_refusal_of_another_card_does_not_end_a_review(story, invoice, paying):
    story.processor.record("71", REFUSED)
    story.processor.record("72", HELD)

    assert story.hear("72").state == "held"
    assert story.hear("71").state == "held"
    with pytest.raises(PaymentInProgress):
        paying.start(invoice)


@pytest.mark.parametrize("status", [REFUSED, VOIDED])
def test_a_later_refusal_or_void_does_not_hide_a_review(story, status):
    story.processor.record("71", HELD)
    story.processor.record("72", status)
    story.clock.advance(hours=2)

    assert story.ask().state == "held"
    assert story.ask().state == "held"


def test_a_review_ends_by_its_own_transaction_whatever_came_after_it(story):
    story.processor.record("71", HELD)
    story.ask()
    story.processor.record("71", REFUSED)
    story.processor.record("72", REFUSED)
    story.clock.advance(hours=2)

    assert story.ask().state == "declined"


def test_a_second_charge_that_is_voided_is_no_longer_credit(story, invoice):
    story.processor.record("71", APPROVED)
    story.processor.record("72", APPROVED)
    story.ask()
    extra = Payment.get(Payment.transaction_id == "72")
    assert extra.open_cents == 4250

    story.processor.record("72", VOIDED)
    story.hear("72")

    assert (fresh(extra).state, fresh(extra).open_cents) == ("voided", 0)
    assert (fresh(story.payment).state, fresh(invoice).open_cents) == ("approved", 0)
    assert ledger.balance(invoice.customer, today=story.clock.today()).unapplied_cents == 0


def test_money_that_comes_after_a_void_is_booked_and_waits_for_staff(story, invoice):
    story.processor.record("71", APPROVED)
    story.ask()
    story.processor.record("71", VOIDED)
    assert story.hear("71").state == "voided"

    story.processor.record("72", APPROVED)
    story.hear("72")
    story.hear("72")

    assert fresh(story.payment).state == "voided"
    assert Payment.get(Payment.transaction_id == "72").open_cents == 4250
    assert Payment.select().count() == 2


def test_an_old_word_of_approval_does_not_undo_a_void(story, invoice):
    story.processor.record("71", VOIDED)
    assert story.ask().state == "voided"
    story.processor.record("71", APPROVED)

    story.hear("71")

    assert (fresh(story.payment).state, Payment.select().count()) == ("voided", 1)


def test_two_approvals_that_are_learned_at_once_are_both_booked(story):
    story.processor.record("71", APPROVED)
    story.processor.record("72", APPROVED)
    one, other = fresh(story.payment), fresh(story.payment)
    told = {"today": story.clock.today(), "now": story.clock.now()}

    payments.conclude(one, story.processor.details("71"), **told)
    payments.conclude(other, story.processor.details("72"), **told)

    assert sum(paid.amount_cents for paid in Payment.select().where(Payment.state == "approved")) == 8500
