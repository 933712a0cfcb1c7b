"""The questions themselves, without a database: one answer for any history, and the same one twice."""

import dataclasses
import random
from datetime import date, datetime

import pytest

from billing.collections import habits, rules
from billing.collections.rules import (
    Account,
    Attempt,
    Correction,
    Delivery,
    Evidence,
    Fault,
    Habit,
    Kept,
    Money,
    Parts,
    PlannedDebit,
    Question,
    Rise,
    Told,
    Waiting,
    judge,
)
from models import Verdict

TODAY, DUE, SENT = date(2027, 1, 20), date(2026, 12, 15), date(2026, 12, 1)
AT = datetime(2027, 1, 3, 15, 0)
ON = AT.date()
MAILED = Delivery(5, "mail", "sent", "alice@example.com", SENT)
CALLED = Waiting("call", 8, "Alice", date(2027, 3, 3), AT, "", "missed")
# Where each field of the evidence may come from; the first of each pair proves nothing.
FIELDS = {
    "attempt": (None, Attempt(1, "in_doubt", 4250, "Visa ending 4242", ON)),
    "debit": (None, PlannedDebit(2, date(2027, 1, 25), "Visa ending 4242")),
    "covered_by": ((), (Money("payment", 3, 5000, ON),)),
    "unmatched": (None, Money("remittance_row", 4, 4250, ON)),
    "correction": (None, Correction(6, 1000, ON)),
    "rise": (None, Rise(7, date(2026, 12, 1))),
    "questions": ((), (Question(10, "Alice", 4250, ON, "the amount is wrong", date(2027, 1, 8)),)),
    "is_disputed": (False, True),
    "deliveries": ((), (MAILED,), (MAILED._replace(came_back_on=SENT, why="no such mailbox"),)),
    "seen_on": (None, date(2026, 12, 5)),
    "seen_counts": (False, True),
    "failure": (None, Attempt(11, "declined", 4250, "Visa ending 4242", ON, "Expired card.")),
    "promise": (None, Kept(12, "Alice", ON, date(2027, 1, 25))),
    "plan": (None, Parts(13, 3, 2, date(2027, 1, 25), 1500)),
    "cannot": (None, Told("stance", 14, "Alice", ON, "I lost my job")),
    "refused": (None, Told("stance", 15, "Alice", ON, "Sue me")),
}
OF_ACCOUNT = {
    "has_mail": (True, False),
    "has_post": (True, False),
    "waiting": ((), (CALLED,)),
    "faults": ((), (Fault(9, "Alice", ON, AT, "The panel beeps"),)),
    "method": ((), (16, "Visa ending 4242", "It has expired.")),
    "broken": (None, Kept(17, "Alice", ON, date(2027, 1, 10))),
    "habit": (None, Habit(6, 5, 12, 60, (1, 2, 3)), Habit(6, 5, 12, 20, (1, 2, 3))),
}


def evidence(*, account=None, **fields):
    """An invoice that arrived, was opened, and is unpaid for no reason that we know of."""
    known = {"deliveries": (MAILED,), "seen_on": date(2026, 12, 5), **fields}
    return Evidence(TODAY, Account(1, "Alice", **(account or {})), 21, None, "10001", DUE, 4250, **known)


PROVEN = {
    Verdict.PAYMENT_IN_FLIGHT: {"attempt": FIELDS["attempt"][1]},
    Verdict.OUR_MISTAKE: {"covered_by": FIELDS["covered_by"][1]},
    Verdict.WAITING_FOR_US: {"account": {"waiting": (CALLED,)}},
    Verdict.DISPUTED: {"is_disputed": True, "questions": FIELDS["questions"][1]},
    Verdict.SERVICE_FAULT: {"account": {"faults": OF_ACCOUNT["faults"][1]}},
    Verdict.NEVER_DELIVERED: {"seen_on": None, "deliveries": FIELDS["deliveries"][2]},
    Verdict.NEVER_OPENED: {"seen_on": None, "seen_counts": True},
    Verdict.METHOD_FAILED: {"failure": FIELDS["failure"][1]},
    Verdict.PROMISE_RUNNING: {"promise": FIELDS["promise"][1]},
    Verdict.PLAN_RUNNING: {"plan": FIELDS["plan"][1]},
    Verdict.HABITUAL_LAG: {"account": {"habit": OF_ACCOUNT["habit"][1]}},
    Verdict.CANNOT_PAY: {"cannot": FIELDS["cannot"][1]},
    Verdict.WILL_NOT_PAY: {"refused": FIELDS["refused"][1]},
}


def test_every_code_has_its_rule_in_the_order_of_the_list():
    assert [rule.code for rule in rules.RULES] == list(Verdict.CODES)


@pytest.mark.parametrize("code", PROVEN)
def test_a_record_proves_its_verdict_and_without_it_nothing_is_guessed(code):
    judgment = judge(evidence(**PROVEN[code]))

    assert judgment.code == code
    assert judgment.found.proof
    assert judge(evidence()).code == Verdict.UNKNOWN


def test_the_verdict_says_it_in_one_sentence_with_name_and_date():
    found = judge(evidence(account={"waiting": (CALLED,)})).found

    assert found.sentence == "Alice called on March 3, 2027 and nobody called back."
    assert (found.act, found.since_at) == (rules.CALL_BACK, AT)


SENTENCES = {
    "Autopay pays it on January 25, 2027 with Visa ending 4242.": {"debit": FIELDS["debit"][1]},
    "We have had $50.00 of theirs since January 3, 2027 that pays nothing yet.": {
        "covered_by": FIELDS["covered_by"][1]
    },
    "$42.50 came from Alice on January 3, 2027, and nobody has matched it.": {
        "unmatched": FIELDS["unmatched"][1]
    },
    "We took $10.00 off invoice 10001 on January 3, 2027 and have not told them.": {
        "correction": FIELDS["correction"][1]
    },
    "The price went up on December 1, 2026, and the message that said so came back.": {
        "rise": FIELDS["rise"][1]
    },
    "The payment of $42.50 with Visa ending 4242 was declined on January 3, 2027: Expired card.": {
        "failure": FIELDS["failure"][1]
    },
    "Alice told us on January 3, 2027 that they cannot pay it now: “I lost my job”.": {
        "cannot": FIELDS["cannot"][1]
    },
    "What we sent to alice@example.com on December 1, 2026 came back: no such mailbox.": {
        "seen_on": None,
        "deliveries": FIELDS["deliveries"][2],
    },
    "We have no record that invoice 10001 was ever sent.": {"seen_on": None, "deliveries": ()},
    "Invoice 10001 was never sent: we have no mail address.": {
        "seen_on": None,
        "deliveries": (),
        "account": {"has_mail": False},
    },
    "We sent it on December 1, 2026, they opened it on December 5, 2026, "
    "and nobody has told us why it is unpaid.": {},
    "Alice promised to pay by January 10, 2027 and did not, and nobody knows why.": {
        "account": {"broken": OF_ACCOUNT["broken"][1]}
    },
}


@pytest.mark.parametrize("sentence", SENTENCES)
def test_every_sentence_reads_like_one(sentence):
    assert judge(evidence(**SENTENCES[sentence])).found.sentence == sentence


def test_what_came_before_is_listed_with_its_reason():
    judgment = judge(evidence(failure=FIELDS["failure"][1]))

    assert [code for code, _ in judgment.rejected] == list(Verdict.CODES[:7])
    assert all(why_not.endswith(".") for _, why_not in judgment.rejected)


def test_the_earlier_reason_wins():
    both = evidence(promise=FIELDS["promise"][1], account={"waiting": (CALLED,)})

    assert judge(both).code == Verdict.WAITING_FOR_US


def test_the_part_that_nobody_disputes_is_not_disputed():
    assert judge(evidence(questions=FIELDS["questions"][1])).code == Verdict.UNKNOWN


@pytest.mark.parametrize(
    "unlike",
    [
        {"seen_counts": False},
        {"deliveries": (MAILED._replace(channel="paper"),)},
        {"failure": FIELDS["failure"][1]},
        {"promise": FIELDS["promise"][1]},
        {"cannot": FIELDS["cannot"][1]},
    ],
)
def test_never_opened_is_said_only_where_we_would_know(unlike):
    known = {"seen_on": None, "seen_counts": True}

    assert judge(evidence(**known)).code == Verdict.NEVER_OPENED
    assert judge(evidence(**known | unlike)).code != Verdict.NEVER_OPENED


def test_a_habit_ends_when_it_is_later_than_ever():
    assert judge(evidence(account={"habit": Habit(6, 5, 12, 36, (1,))})).code == Verdict.HABITUAL_LAG
    assert judge(evidence(account={"habit": Habit(6, 5, 12, 35, (1,))})).code == Verdict.UNKNOWN


# --- Habits ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("days", "is_habit"),
    [
        ((12, 14, 11, 13), True),
        ((12, 14, 11), False),  # too few
        ((12, 0, 0, 13), False),  # half of them in time
        ((2, 2, 1, 2, 2), False),  # the mail takes as long
        ((5, 40, 12, 44, 8, 41, 6, 43), False),  # anything goes
        ((50, 51, 52, 50), False),  # nobody waits for so long
        ((10, 12, 0, 11, 10, 12, 13, 11), True),  # once in time
    ],
)
def test_a_habit_takes_four_payments_that_are_late_and_alike(days, is_habit):
    assert bool(habits.of(list(enumerate(days)))) == is_habit


def test_a_habit_looks_at_the_latest_payments_only():
    found = habits.of([(id, 12) for id in range(8)] + [(99, 0)] * 40)

    assert (found.paid, found.late, found.median_days, found.most_days) == (8, 8, 12, 15)


# --- Any history -----------------------------------------------------------------------------------


def history(rng):
    """Evidence as chance has it: every field may prove something, and mostly proves nothing."""

    def some(values):
        return rng.choice(values) if rng.random() < 0.25 else values[0]

    fields = {name: some(values) for name, values in FIELDS.items()}
    if rng.random() < 0.8:
        fields["deliveries"] = (MAILED,)
    account = {name: some(values) for name, values in OF_ACCOUNT.items()}
    return Evidence(TODAY, Account(1, "Alice", **account), 21, None, "10001", DUE, 4250, **fields)


def test_a_thousand_histories_have_one_verdict_each_and_the_same_twice():
    found = set()
    for seed in range(1_000):
        first, second = (judge(history(random.Random(seed))) for _ in range(2))
        asked = [code for code, _ in first.rejected]
        assert first == second
        assert [*asked, first.code] == list(Verdict.CODES[: len(asked) + 1])
        assert first.found.sentence.endswith((".", "”.")) and "None" not in first.found.sentence
        assert first.found.proof or first.code == Verdict.UNKNOWN
        found.add(first.code)

    assert found == set(Verdict.CODES)


def test_a_thousand_histories_change_when_their_proof_is_gone():
    """Whatever was found: with that field proving nothing, the same rule finds nothing."""
    of_rule = {rule.code: rule for rule in rules.RULES}
    for seed in range(1_000):
        one = history(random.Random(seed))
        code = judge(one).code
        if code in (Verdict.UNKNOWN, Verdict.NEVER_OPENED):
            continue
        assert of_rule[code].ask(_without(one, code)) is None, code


def _without(one, code):
    nothing = {name: values[0] for name, values in FIELDS.items()}
    account = dataclasses.replace(one.account, **{name: values[0] for name, values in OF_ACCOUNT.items()})
    changed = {**nothing, "account": account}
    if code == Verdict.NEVER_DELIVERED:
        changed["deliveries"] = (MAILED,)
    return dataclasses.replace(one, **changed)
