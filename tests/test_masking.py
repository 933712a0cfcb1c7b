"""Card numbers never reach the database, however they are written; other numbers stay what they are."""

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing import (
    approvals,
    contracts,
    inbound,
    invoices,
    masking,
    one_offs,
    payments,
    text_answers,
    tickets,
)
from billing.remedies import write_offs
from billing.reversals import returns
from models import Approval, Credit, Event, Hold, Inbound, Message, Site, Ticket
from tests.factories import NOW, fresh, make_contract, make_invoice, make_one_off
from tests.office import enter

GONE = "(card number removed)"
# The networks' own test numbers.
NUMBERS = (
    "4111111111111111", "4012888888881881", "4222222222222", "5555555555554444", "5105105105105100",
    "2223003122003222", "378282246310005", "371449635398431", "6011111111111117", "6011000990139424",
    "30569309025904", "38520000023237", "3530111333300000", "3566002020360505", "6200000000000005",
)  # fmt: skip


def grouped(number, sign, size=4):
    return sign.join(number[at : at + size] for at in range(0, len(number), size))


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("sign", ["", " ", "-", ".", "\u00a0", "  ", " - ", "\n", "\u2013"])
def test_a_card_number_is_taken_out_however_it_is_written(number, sign):
    said = masking.masked(f"My card is {grouped(number, sign)}, thank you.")

    assert said == f"My card is •••• {number[-4:]} {GONE}, thank you."


@pytest.mark.parametrize(
    "written",
    [
        "3782 822463 10005", "3056 930902 5904", "41 11 11 11 11 11 11 11", "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
        "411111 1111111111", "4111 11111111 1111", "card:4111111111111111exp", "(4111-1111-1111-1111)",
        "\u0664\u0661\u0661\u0661 \u0661\u0661\u0661\u0661 \u0661\u0661\u0661\u0661 \u0661\u0661\u0661\u0661",
    ],
)  # fmt: skip
def test_the_ways_of_networks_and_of_people_are_known(written):
    assert GONE in masking.masked(written)


def test_what_stands_beside_a_card_goes_or_stays_as_it_should():
    said = masking.masked("4111 1111 1111 1111 12/27 CVV 123, zip 78701")

    assert said == f"•••• 1111 {GONE} 12/27 CVV •••, zip 78701"


def test_two_cards_beside_each_other_both_go():
    assert masking.masked(f"{NUMBERS[0]} {NUMBERS[3]}").count(GONE) == 2


@pytest.mark.parametrize(
    "text",
    [
        "", "Invoice 10482 of account 100482", "(512) 555-0100",
        "+1 512 555 0100 or 469 555 0100, 469-555-0199",
        "512 555 0100 512 555 0199 469 555 0123", "4111111111111112", "1234567890123456",
        "9400 1000 0000 0000 0000 00", "2026-12-01 2026-11-01 2026-10-01", "10001 10002 10003 10004 10005",
        "routing 111000025, account 000123456789", "WO-51877, panel 4A-22-19-00",
        "the code is 123, security code 4711",
        "49927398716", "4111 1111 1111", "411111111111111111111111",
    ],
)  # fmt: skip
def test_other_numbers_stay(text):
    assert masking.masked(text) == text


@given(st.text(alphabet="0123456789 -.\nabc", max_size=300))
def test_what_was_masked_once_is_not_changed_again_and_holds_no_whole_card(text):
    said = masking.masked(text)

    assert masking.masked(said) == said
    for number in NUMBERS:
        assert f" {number} " not in f" {said} "


def slowly(text):
    """The same by the rule itself: at each group the longest row of whole groups that is a card number."""
    return masking.RUN.sub(lambda run: slowly_cleaned(run[0]), text)


def slowly_cleaned(run):
    groups = list(re.finditer(r"\d+", run))
    for first, last in itertools.product(range(len(groups)), reversed(range(len(groups)))):
        taken = groups[first : last + 1]
        digits = "".join(group[0] for group in taken)
        if 13 <= len(digits) <= 19 and luhn(digits) and is_of_a_network(digits) and is_written_so(taken):
            rest = slowly_cleaned(run[taken[-1].end() :])
            return f"{run[: taken[0].start()]}•••• {digits[-4:]} {GONE}{rest}"
    return run


def luhn(digits):
    values = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits))]
    return sum(value // 10 + value % 10 for value in values) % 10 == 0


def is_of_a_network(digits):
    return any(
        len(digits) in lengths and first <= digits[: len(first)] <= last
        for first, last, lengths in masking.NETWORKS
    )


def is_written_so(groups):
    return masking._is_usual(tuple(len(group[0]) for group in groups))


# Rows of digits in which card numbers are likely: pieces of real ones, in groups of every size.
PIECES = st.sampled_from([*NUMBERS, *(number[:8] for number in NUMBERS), *(number[8:] for number in NUMBERS)])
GROUPED = st.lists(
    st.tuples(st.one_of(PIECES, st.text("0123456789", min_size=1, max_size=6)), st.integers(1, 6)), max_size=8
)


@given(GROUPED)
def test_the_quick_way_masks_what_the_slow_and_obvious_way_does(pieces):
    text = " ".join(grouped(digits, " ", size) for digits, size in pieces)

    assert masking.masked(text) == slowly(text)


@given(st.text(alphabet="4 0123", max_size=60))
def test_single_digits_are_masked_as_the_slow_way_does(text):
    assert masking.masked(text) == slowly(text)


@pytest.mark.parametrize("text", ["1 ", "4 ", "4 1 ", "4", "41 11 ", "3 7 8 2 8 2 2 4 6 3 "])
def test_a_long_run_of_digits_is_looked_at_once_in_each_place(text, monkeypatch):
    """What costs the most is asked at most a few times for each digit, however long the run is."""
    asked, usual = [], masking._is_usual
    monkeypatch.setattr(masking, "_is_usual", lambda sizes: asked.append(sizes) or usual(sizes))

    masking.masked(text * 20_000)

    assert len(asked) <= 2 * len(text) * 20_000


# --- Where people type ---------------------------------------------------------------------------

CARD = "4111 1111 1111 1111"


def stored():
    """Every word that is kept of tickets and of what came in."""
    rows = [*Ticket.select(Ticket.subject).tuples(), *Message.select(Message.body).tuples()]
    rows += list(Inbound.select(Inbound.subject, Inbound.body).tuples())
    return " ".join(text for row in rows for text in row)


def test_a_ticket_keeps_no_card_number(alice):
    ticket = tickets.open(alice, subject=f"Charge {CARD}", body=f"Use {CARD}.", by="Alice", now=NOW)
    tickets.reply(ticket, body=f"Or 5555555555554444? {CARD}", by="Alice", now=NOW)
    tickets.reply(ticket, body=f"They said {CARD}", by="Sam", now=NOW, internal=True)

    assert "4111 1111" not in stored() and "5555" not in stored().replace("4444", "")
    assert stored().count(GONE) == 5


def test_what_comes_by_mail_or_text_keeps_no_card_number(alice):
    inbound.take(
        inbound.Received("m1", NOW, sender="x@example.com", subject=f"Card {CARD}", body=f"Take {CARD}"),
        now=NOW,
    )
    text_answers.take(text_answers.Received("t1", "5125550100", f"Take {CARD}", NOW), now=NOW)

    assert "4111 1111" not in stored()
    assert stored().count(GONE) == 3


CARD = "Take 4111 1111 1111 1111, she said"


def test_what_staff_type_in_any_form_keeps_no_card_number(app, alice):
    """Whatever the use case behind it is: a reason of an action, a field of a generated form."""
    desk = enter(app)

    desk.act("customer", "goodwill", alice, amount="5.00", reason=CARD)
    desk.post("/staff/site/new", customer=alice.id, **{"customer-text": str(alice)}, name=CARD)

    kept = [Site.get().name, Credit.get().reason, *(event.reason for event in Event.select())]
    assert "•••• 1111" in kept[0] and "•••• 1111" in kept[1]
    assert not any("4111" in text for text in kept)


def test_use_cases_keep_no_card_number_whoever_calls_them(alice):
    """Not the door alone takes it out: a reason, a note of a payment, a letter of the bank."""
    told = {"by": "staff:sam", "today": NOW.date(), "now": NOW}
    invoice, contract, work = make_invoice(alice), make_contract(alice), make_one_off(alice)
    by_hand = {"kind": "check", "received_on": NOW.date(), "key": "one click"}
    payment = payments.record(alice, amount_cents=4250, note=CARD, **by_hand, **told)
    invoices.credit(make_invoice(alice), amount_cents=100, reason=CARD, **told)
    contracts.pause(contract, from_on=NOW.date(), reason=CARD, by="staff:sam", now=NOW)
    one_offs.cancel(work, reason=CARD, **told)
    returns.bounce(payment, reason=CARD, **told)
    approvals.refuse(write_offs.bad_debt(fresh(invoice), reason=CARD, by="sam", now=NOW), reason=CARD,
                     by="olga", now=NOW)  # fmt: skip

    kept = [fresh(payment).note, fresh(payment).reason, Credit.get().reason, Hold.get().reason]
    kept += [Approval.get().reason, Approval.get().answer, *(event.reason for event in Event.select())]
    assert sum("•••• 1111" in text for text in kept) >= 11
    assert not any("4111" in text for text in kept)
