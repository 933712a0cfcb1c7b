"""Accounts that an agency gets: two people, one file of facts, told once, taken back at any time."""

import csv
import io
import zipfile
from datetime import date

import pytest
from peewee import DatabaseError

from billing import approvals, calls, dossiers, handovers, notes, tickets
from billing import company as companies
from billing.collections import gate
from billing.disputes import asking, deciding
from billing.edges import handover_file
from billing.errors import BillingError
from billing.outbox import judging
from models import Customer, Event, Handover, HandoverFile, Notice
from tests.factories import LATE_EVENING, fresh, make_charge, make_contract, make_invoice, payer
from tests.test_suspensions import ANN, BEN, DAY, at, told

REASON = "Moved away without an address; no answer for four months."


@pytest.fixture
def late(alice):
    make_charge(make_contract(alice))
    make_invoice(alice, cents=4250, due=date(2026, 8, 15), issued=date(2026, 8, 1))
    return alice


def asked(customer):
    return handovers.ask(customer, agency="Calm Partners", reason=REASON, **told(by=ANN))


def approve(by=BEN):
    approvals.approve(approvals.waiting().get(), by=by, **told())
    return Handover.get()


def handed(customer, content=b"PK file"):
    asked(customer)
    return handovers.hand_over(approve(), content, name="a.zip", **told(by=ANN))


def test_two_people_decide_the_file_is_kept_and_the_customer_is_told_once(late):
    row = handed(late)

    assert (row.state, row.handed_on, row.handed_by) == ("handed_over", DAY, ANN)
    assert bytes(HandoverFile.get().content) == b"PK file" and HandoverFile.get().size == 7
    assert sorted((one.kind, one.channel) for one in row.notices) == [
        ("handed_over", "mail"), ("handed_over", "paper")
    ]  # fmt: skip
    assert Event.get(Event.what == "handover.made").by == ANN


def test_nobody_hands_over_alone_and_nothing_before_the_second_word(late):
    row = asked(late)
    with pytest.raises(BillingError, match="Somebody else"):
        approve(by=ANN)
    with pytest.raises(BillingError, match="Somebody else has to approve"):
        handovers.hand_over(row, b"x", name="a", **told(by=ANN))
    for change in ({"state": "handed_over"}, {"state": "handed_over", "approval": approvals.waiting().get()}):
        with pytest.raises(DatabaseError):
            Handover.update(**change).execute()
    with pytest.raises(DatabaseError):
        Handover.create(
            customer=late,
            state="handed_over",
            agency="x",
            reason="x",
            amount_cents=1,
            asked_by=ANN,
            asked_at=at(),
        )


def test_an_approval_without_the_file_is_not_enough_for_the_database(late):
    asked(late)
    approve()
    with pytest.raises(DatabaseError):
        Handover.update(state="handed_over").execute()


def test_from_then_on_nothing_is_added_or_asked_from_here_but_that_message_leaves(late):
    row = handed(late)

    with pytest.raises(BillingError, match="The account is with Calm Partners"):
        gate.refuse(late, gate.LATE_FEE, **told())
    own = row.notices.where(Notice.channel == "mail").get()
    assert gate.check(own, **told()) == [] and judging.objection(own, **told()) == ""
    other = Notice.create(
        kind="overdue", key="o", customer=late, contact=payer(late), why="w", created_at=at(), send_at=at()
    )
    assert [one.code for one in gate.check(other, **told())] == ["handed_over"]


def test_taking_it_back_opens_the_gate_and_skips_what_did_not_leave(late):
    row = handed(late)
    with pytest.raises(BillingError, match="Say why"):
        handovers.take_back(row, why="", by=ANN, now=at())

    row = handovers.take_back(row, why="They called us.", by=ANN, now=at())

    assert row.state == "taken_back" and {one.state for one in row.notices} == {"skipped"}
    gate.refuse(late, gate.LATE_FEE, **told())
    with pytest.raises(BillingError, match="over already"):
        handovers.take_back(row, why="x", by=ANN, now=at())
    assert asked(late).state == "asked"  # and it can be asked for again


def test_before_the_file_it_is_canceled_and_nobody_has_to_decide(late):
    handovers.take_back(asked(late), why="They paid a part.", by=ANN, now=at())

    assert Handover.get().state == "canceled" and not approvals.waiting().exists()


@pytest.mark.parametrize(
    ("prepare", "sentence"),
    [
        (lambda c: Customer.update(vulnerable_reason="Oxygen").execute(), "special care"),
        (
            lambda c: tickets.open(c, subject="Why?", body="?", by="c", now=at(), contact=payer(c)),
            "We do not hand",
        ),
        (lambda c: calls.log(c, direction="in", outcome="missed", **told(by=ANN)), "We do not hand"),
    ],
)
def test_the_guards_are_asked_at_each_step(late, prepare, sentence):
    asked(late)
    row = approve()
    prepare(late)
    with pytest.raises(BillingError, match=sentence):
        handovers.hand_over(row, b"x", name="a", **told(by=ANN))
    handovers.take_back(row, why="x", by=ANN, now=at())
    with pytest.raises(BillingError, match=sentence):
        asked(fresh(late))
    assert not HandoverFile.select().exists()


def test_nothing_is_handed_over_before_ninety_days(alice):
    make_invoice(alice, due=date(2026, 11, 1), issued=date(2026, 10, 15))
    with pytest.raises(BillingError, match="No account is handed over before 90 days"):
        asked(alice)


# --- The file --------------------------------------------------------------------------------------


def unpacked(content):
    archive = zipfile.ZipFile(io.BytesIO(content))
    assert archive.testzip() is None
    return {name: archive.read(name) for name in archive.namelist()}


def test_the_file_holds_the_facts_and_the_same_account_gives_the_same_bytes(late):
    asked(late)
    row = approve()
    name, content = handover_file.build(row, today=DAY, company=companies.current())
    files = unpacked(content)

    assert name == f"account-{late.account_number}-2026-12-07.zip"
    assert files["statement.pdf"].startswith(b"%PDF")
    assert [one[:5] for path, one in files.items() if path.startswith("invoices/")] == [b"%PDF-"]
    rows = list(csv.reader(io.StringIO(files["invoices.csv"].decode("utf-8-sig"))))
    assert rows[1][1:] == ["issued", "2026-08-01", "2026-08-15", "42.50", "42.50"]
    assert "Past due: $42.50. No fee is added" in files["README.txt"].decode()
    assert handover_file.build(row, today=DAY, company=companies.current())[1] == content


def test_what_was_decided_late_in_the_evening_was_decided_on_that_day(late):
    evening = {"today": date(2026, 12, 1), "now": LATE_EVENING}
    dispute = asking.open(
        late.invoices.get(), amount_cents=1000, reason="other", words="Why?", by=ANN, via="staff", **evening
    )
    deciding.reject(dispute, decision="It is right.", staff=None, by=ANN, **evening)

    asked(fresh(late))

    tables = {one.name: one.rows for one in dossiers.tables(Handover.get())}
    assert [(row[1], row[4]) for row in tables["disputes"]] == [(date(2026, 12, 1), date(2026, 12, 1))]


def test_the_file_holds_no_notes_no_words_of_calls_and_no_formula(late):
    Customer.update(name="=HYPERLINK(1)").execute()
    notes.write(late, "SECRET-NOTE", by=ANN, now=at())
    calls.log(late, direction="out", outcome="answered", note="SECRET-CALL", **told(by=ANN))
    asked(fresh(late))
    row = approve()

    _, content = handover_file.build(row, today=DAY, company=companies.current())

    everything = b"\n".join(one for path, one in unpacked(content).items() if not path.endswith(".pdf"))
    assert b"SECRET" not in everything and b"'=HYPERLINK(1)" in everything
    assert b"out,answered" in everything


def test_the_customer_reads_who_writes_from_now_on_and_how_to_come_back(app, late):
    row = handed(late)

    for notice in row.notices:
        text = " ".join(app.compose(notice, at()).text.split())
        assert "On December 7, 2026 we gave this account to Calm Partners." in text
        assert "we can take the account back at any time" in text
