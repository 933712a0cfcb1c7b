"""The sandbox as a process and its controls: restart, history, clock, faults, the page for people."""

import sqlite3
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest
import requests

from tests.sandbox_process import ROOT, VISA, SandboxProcess, card

OLD_TABLES = """
CREATE TABLE trans (id INTEGER PRIMARY KEY AUTOINCREMENT, type TEXT NOT NULL, status TEXT NOT NULL,
    amount_cents INTEGER NOT NULL, kind TEXT NOT NULL, submitted_at TEXT NOT NULL);
CREATE TABLE webhook (id TEXT PRIMARY KEY, name TEXT NOT NULL, url TEXT NOT NULL, event_types TEXT NOT NULL,
    status TEXT NOT NULL);
CREATE TABLE token (token TEXT PRIMARY KEY, request TEXT NOT NULL, page TEXT NOT NULL, ref_id TEXT NOT NULL,
    created_at TEXT NOT NULL, displayed_at TEXT);
INSERT INTO trans VALUES (60000000001, 'authCaptureTransaction', 'settledSuccessfully', 1000, 'card',
    '2026-01-01T00:00:00.000');
"""


def post(sandbox, path, data, **headers):
    return requests.post(f"{sandbox.url}/control/{path}", json=data, headers=headers, timeout=60)


def form(sandbox, path, **data):
    return requests.post(f"{sandbox.url}/control/{path}", data=data, timeout=60, allow_redirects=False)


# -- the process


@pytest.mark.parametrize("kill", [False, True])
def test_everything_survives_a_restart(tmp_path, kill):
    with SandboxProcess(tmp_path / "sandbox.sqlite", webhook_url="http://127.0.0.1:9/") as sandbox:
        gateway = sandbox.gateway()
        paid = sandbox.charge(1000, card(), invoice="A").transaction_id
        page = gateway.hosted_page(
            reference="PL-1", amount_cents=4250, description="d", customer_number="c", email="",
            merchant_name="m", return_url="http://x/", cancel_url="http://x/",
        )  # fmt: skip
        sandbox.post_control("settle")
        sandbox.post_control("hold", {"above_cents": 4000})
        sandbox.post_control("clock", {"minutes": 10})
        sandbox.post_control("fault", {"mode": "empty", "calls": "isAliveRequest"})

        sandbox.stop(kill=kill)
        sandbox.start()

        assert gateway.details(paid).is_settled
        assert sandbox.pay(page.token).is_receipt
        assert sandbox.transactions("PL-1")[0]["status"] == "FDSPendingReview"
        assert int(sandbox.transactions("PL-1")[0]["id"]) > int(paid)
        state = requests.get(f"{sandbox.url}/control/state.json", timeout=60).json()
        ahead = datetime.fromisoformat(state["now"]) - datetime.now(UTC).replace(tzinfo=None)
        assert timedelta(minutes=9) < ahead < timedelta(minutes=11)
        assert [one["mode"] for one in state["faults"]] == ["empty"]
        assert len(sandbox.notifications()) >= 1


def test_it_knows_nothing_of_the_product():
    code = (
        "import sys, billing.edges.sandbox.server\n"
        "ours = [n for n in sys.modules if n.split('.')[0] in 'models portal admin app billing'.split()]\n"
        "print(*(n for n in ours if not n.startswith('billing.edges.sandbox')))"
    )

    known = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert known.stdout.split() == ["billing", "billing.edges"]


def test_a_cutoff_can_be_given_at_the_start(tmp_path):
    with SandboxProcess(tmp_path / "sandbox.sqlite", options=["--cutoff", "02:00"]) as sandbox:
        paid = sandbox.charge(1000, card()).transaction_id

        sandbox.post_control("clock", {"days": 1, "minutes": 1})

        assert sandbox.gateway().details(paid).is_settled


def test_the_command_explains_itself():
    shown = subprocess.run(
        [sys.executable, "-m", "billing.edges.sandbox", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    for option in ("--port", "--state", "--webhook-url", "--login", "--key", "--signature-key", "/control"):
        assert option in shown.stdout


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--key", "12345678901234567"], "at most 16"),
        (["--cutoff", "25:00"], "invalid time_of_day value"),
        (["--state", "/nowhere/at/all.sqlite"], "/nowhere/at/all.sqlite cannot be used"),
    ],
)
def test_it_does_not_start_on_what_cannot_work(options, sentence):
    command = [sys.executable, "-m", "billing.edges.sandbox", "--port", "0", *options]

    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert ended.returncode == 2
    assert sentence in ended.stderr and "Traceback" not in ended.stderr


def test_a_call_on_an_open_connection_is_fast(sandbox):
    gateway = sandbox.gateway()
    gateway.check()

    def seconds():
        begin = time.perf_counter()
        gateway.check()
        return time.perf_counter() - begin

    # 0.04 and more, each time: Nagle's algorithm against delayed ACKs. A busy machine is fast now and then.
    assert any(seconds() < 0.03 for _ in range(200))


# -- the clock


def test_the_clock_moves_stands_and_returns(sandbox):
    start = datetime.now(UTC).replace(tzinfo=None)

    moved = datetime.fromisoformat(
        sandbox.post_control("clock", {"days": 1, "hours": 2, "minutes": 3})["now"]
    )
    at = sandbox.post_control("clock", {"at": "2031-05-06T07:08:09"})["now"]
    submitted = sandbox.charge(1000, card()) and sandbox.transactions()[0]["submitted_at"]
    back = datetime.fromisoformat(sandbox.post_control("clock", {"reset": True})["now"])

    assert abs(moved - start - timedelta(days=1, hours=2, minutes=3)) < timedelta(seconds=60)
    assert at.startswith("2031-05-06T07:08:") and submitted.startswith("2031-05-06T07:08:")
    assert abs(back - start) < timedelta(seconds=60)


# -- history


def past(number, **changes):
    at = datetime(2024, 12, 1, 9) + timedelta(hours=number)
    return {
        "reference": f"H-{number}",
        "amount_cents": 4000 + number,
        "submitted_at": at.isoformat(),
        **changes,
    }


def test_ten_thousand_past_payments_are_registered_together(sandbox):
    many = [past(number, kind="bank" if number % 3 == 0 else "card") for number in range(10_000)]

    ids = sandbox.post_control("history", many)["transaction_ids"]  # it is waited for half a minute

    assert len(set(ids)) == 10_000
    found = sandbox.gateway().details(ids[1234])
    assert (found.reference, found.amount_cents, found.kind) == ("H-1234", 5234, "card")
    assert found.is_settled and found.submitted_at == datetime(2024, 12, 1, 9) + timedelta(hours=1234)
    assert found.settled_at > found.submitted_at


def test_history_keeps_the_label_and_the_contact(sandbox):
    ids = sandbox.post_control(
        "history",
        [
            past(
                0,
                method_label="Mastercard ending 4242",
                first_name="Ann",
                last_name="O'Neil",
                customer_id="C-1",
            ),
            past(1, method_label="Bank account ending 6789", kind="bank"),
            past(2, account_type="AmericanExpress", last_four="0002"),
            past(3, status="declined"),
            past(4, status="voided"),
        ],
    )["transaction_ids"]

    found = [sandbox.gateway().details(id) for id in ids]

    assert [one.method_label for one in found[:3]] == [
        "Mastercard ending 4242",
        "Bank account ending 6789",
        "American Express ending 0002",
    ]
    assert [one.status for one in found[2:]] == ["settledSuccessfully", "declined", "voided"]
    assert sandbox.transactions("H-0")[0]["bill_to"] == {"firstName": "Ann", "lastName": "O'Neil"}


def test_history_of_today_is_still_to_be_settled(sandbox):
    today = datetime.now(UTC).replace(tzinfo=None).isoformat()
    [id] = sandbox.post_control("history", [past(0, submitted_at=today)])["transaction_ids"]

    assert sandbox.gateway().details(id).status == "capturedPendingSettlement"
    sandbox.post_control("settle")
    assert sandbox.gateway().details(id).is_settled


def test_history_settles_in_one_batch_a_night_and_kind_that_add_up(sandbox):
    for numbers in (range(20), range(20, 48)):  # two calls that meet in the same day
        sandbox.post_control("history", [past(number) for number in numbers])

    batches = sandbox.gateway().batches(datetime(2024, 12, 1), datetime(2024, 12, 10))

    assert [batch.settled_at for batch in batches] == [datetime(2024, 12, day, 2) for day in (2, 3, 4)]
    assert sum(batch.charge_cents for batch in batches) == sum(4000 + number for number in range(48))


def test_a_past_payment_can_be_refunded_if_it_is_young_enough(sandbox):
    recent = (datetime.now(UTC).replace(tzinfo=None) - timedelta(days=100)).isoformat()
    old, young = sandbox.post_control("history", [past(0), past(1, submitted_at=recent)])["transaction_ids"]
    gateway = sandbox.gateway()

    assert gateway.refund(old, 100, reference="RF-1").reason_code == "54"
    assert gateway.refund(young, 100, reference="RF-2").transaction_id


def test_an_empty_history_is_nothing(sandbox):
    assert sandbox.post_control("history", []) == {"transaction_ids": []}


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount_cents": 0},
        {"amount_cents": "x"},
        {"kind": "cash"},
        {"submitted_at": "yesterday"},
        {"submitted_at": "2026-01-01T00:00:00Z"},
        {"submitted_at": None},
    ],
)
def test_history_that_makes_no_sense_is_refused_whole(sandbox, wrong):
    reply = post(sandbox, "history", [past(0), past(1, **wrong)])

    assert reply.status_code == 400
    assert "Entry 1" in reply.json()["error"]
    assert sandbox.transactions() == []


# -- faults and switches


def test_a_fault_is_used_up_by_the_calls_that_it_is_for(sandbox):
    sandbox.post_control("fault", {"mode": "http_503", "count": 2, "calls": ["authenticateTestRequest"]})

    answers = [sandbox.ask("getMerchantDetailsRequest").status]
    answers += [sandbox.send(b"<authenticateTestRequest/>").status_code for _ in range(3)]

    assert answers == [200, 503, 503, 200]


def test_a_fault_without_a_count_stays_until_it_is_switched_off(sandbox):
    sandbox.post_control("fault", {"mode": "http_500", "count": None})
    assert [sandbox.send(b"").status_code for _ in range(3)] == [500, 500, 500]

    assert sandbox.post_control("fault", {"clear": True}) == {"faults": []}

    assert sandbox.send(b"").status_code == 200


def test_a_fault_can_be_told_not_to_take_effect(sandbox):
    sandbox.post_control("fault", {"mode": "html", "processed": False})

    assert "<!DOCTYPE html>" in sandbox.send(b"").text
    assert sandbox.transactions() == []


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("fault", {"mode": "invented"}),
        ("fault", {}),
        ("fault", {"mode": "empty", "count": "often"}),
        ("options", {"invented": 1}),
        ("webhooks", {"invented": 1}),
        ("clock", {"at": "soon"}),
        ("hold", {"above_cents": "much"}),
        ("refund", {"transaction_id": "1"}),
        ("void", {}),
        ("history", [1]),
    ],
)
def test_a_control_that_makes_no_sense_is_refused_with_a_sentence(sandbox, path, data):
    reply = post(sandbox, path, data)

    assert reply.status_code == 400
    assert reply.json()["error"]


def test_another_site_cannot_press_the_buttons(sandbox):
    assert post(sandbox, "settle", {}, **{"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert post(sandbox, "settle", {}, **{"Sec-Fetch-Site": "same-origin"}).status_code == 200


# -- the page for people


def test_the_page_shows_and_moves_everything(sandbox):
    page = sandbox.gateway().hosted_page(
        reference="PL-7", amount_cents=4250, description="d", customer_number="c", email="",
        merchant_name="m", return_url="http://x/", cancel_url="http://x/",
    )  # fmt: skip
    sandbox.post_control("hold", {"above_cents": 4000})
    sandbox.pay(page.token, VISA)
    [held] = sandbox.transactions()
    shown = requests.get(sandbox.url, timeout=60).text
    for words in (
        "PL-7",
        "$42.50",
        "FDSPendingReview",
        "Approve",
        "Decline",
        "Settle now",
        "Charges above $40.00",
    ):
        assert words in shown

    assert form(sandbox, "held", transaction_id=held["id"], action="approve").status_code == 303
    form(sandbox, "settle")
    form(sandbox, "refund", transaction_id=held["id"])
    form(sandbox, "hold", above_cents="")
    form(sandbox, "webhooks", delay_seconds="0", copies="1", reorder="1", lose="0")
    form(sandbox, "clock", minutes="15")
    form(sandbox, "fault", mode="html", count="", calls="hosted")

    shown = requests.get(sandbox.url, timeout=60).text
    for words in ("settledSuccessfully", "refundPendingSettlement", "Nothing is held.", "until switched off"):
        assert words in shown


def test_the_page_shows_methods_returns_and_chargebacks_and_moves_them(sandbox):
    card_ids, bank_ids = sandbox.method(last_four="4242"), sandbox.method(kind="bank")
    paid, debit = (sandbox.charge_stored(ids, 1000).transaction_id for ids in (card_ids, bank_ids))
    form(sandbox, "settle")
    shown = requests.get(sandbox.url, timeout=60).text
    for words in ("Visa ending 4242", "Charge back", "R01 Insufficient Funds", "Decline once", "Closed"):
        assert words in shown

    form(sandbox, "return", transaction_id=debit, code="R09")
    form(sandbox, "chargeback", transaction_id=paid)
    form(sandbox, "decline", method_id=card_ids[1], reason_code="2", count="")
    form(sandbox, "decline", method_id=bank_ids[1], reason_code="4")
    form(sandbox, "options", answer_ms="10", search_lag_seconds="", webhook_failures_allowed="")

    shown = requests.get(sandbox.url, timeout=60).text
    for words in (f"R09 of {debit}", "fails with 2, always", "fails with 4, 1 more", "Win it"):
        assert words in shown
    options = sandbox.state()["options"]
    assert (options["answer_ms"], options["webhook_failures_allowed"]) == (10, None)
    assert options["search_lag_seconds"] == 0
    form(sandbox, "chargeback-reversal", transaction_id=paid)
    form(sandbox, "decline", method_id=card_ids[1], clear="yes")
    form(sandbox, "notice-of-change", method_id=bank_ids[1], code="C01")
    form(sandbox, "updater", method_id=card_ids[1], reason="ACL")
    form(sandbox, "delete-method", method_id=bank_ids[1])
    assert [one["methods"] for one in sandbox.profiles()] == [[]]
    assert "chargebackReversal" in requests.get(sandbox.url, timeout=60).text


def test_a_state_file_of_an_older_sandbox_is_brought_up_to_date(tmp_path):
    path = tmp_path / "sandbox.sqlite"
    with sqlite3.connect(path) as old:
        old.executescript(OLD_TABLES)
    old.close()

    with SandboxProcess(path) as sandbox:
        assert [one["profile_id"] for one in sandbox.transactions()] == [None]
        assert sandbox.charge_stored(sandbox.method(), 1000).decision == ("1", "1")


def test_reset_forgets_all_but_never_gives_an_id_twice(sandbox):
    first = sandbox.charge(1000, card()).transaction_id

    sandbox.post_control("reset")

    assert sandbox.transactions() == []
    assert int(sandbox.charge(1000, card()).transaction_id) > int(first)
