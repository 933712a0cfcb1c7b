"""The certificate: it certifies when both sides agree, finds every difference, and proves that it is ours."""

import re
from datetime import date, timedelta

import pytest

import models
from admin import security
from billing import company as companies
from billing import daily
from billing.edges import pdf, seals
from billing.errors import BillingError
from billing.reconciliation import certificates, differences, settlements
from models import Difference, JobRun, Payment, Settlement, SettlementLine
from tests.factories import fresh, make_customer, make_invoice
from tests.office import enter, text_of
from tests.sandbox_process import ACCOUNT
from tests.test_pdf import info_of, tree_of
from tests.test_pdf import text_of as words_of
from tests.test_settlements import Books

SECRET = "a secret of the application"


class Office(Books):
    """The books, with the daily look as the job does it, and the certificate of the month."""

    def look(self):
        told = self.paying.told()
        job = daily.begin("daily", today=told["today"], now=told["now"], only="reconcile")
        report = settlements.reconcile(**told)
        daily.finish(job, [f"reconcile: {report}"], failed=False, now=told["now"])
        return report

    def certify(self, days=30):
        clock = self.paying.clock
        return certificates.certificate(
            clock.today() - timedelta(days=days), clock.today(), today=clock.today(), now=clock.now()
        )

    def found(self):
        self.look()
        return [one.kind for one in self.certify().found]


@pytest.fixture
def books(paying):
    return Office(paying)


@pytest.fixture
def month(books, alice, bob):
    """Some days with payments by card and bank, a return and a refund made elsewhere left out."""
    for customer, source in ((alice, None), (bob, None), (alice, ACCOUNT)):
        books.pay(customer, source=source)
    books.settle()
    books.paying.later(days=1)
    books.pay(bob, 900)
    books.settle()
    books.look()
    return books


# --- It certifies ------------------------------------------------------------------------------------


def test_it_certifies_when_both_sides_agree(month):
    made = month.certify()

    assert (made.is_clean, made.found, made.count, made.payment_count) == (True, (), 4, 4)
    assert [(row.kind, row.count, row.deposit_cents) for row in made.batches] == [
        ("Cards", 2, 8500),
        ("Bank debits", 1, 4250),
        ("Cards", 1, 900),
    ]
    assert (made.charge_cents, made.refund_cents, made.return_cents, made.deposit_cents) == (
        13650,
        0,
        0,
        13650,
    )
    assert (made.first, made.last) == (date(2026, 11, 2), date(2026, 12, 2))


def test_what_is_still_on_its_way_is_told_and_is_no_difference(month, alice):
    month.pay(alice, 700)

    made = month.certify()

    assert (made.is_clean, made.waiting_count, made.waiting_cents) == (True, 1, 700)


def test_a_return_lowers_the_deposit_and_is_no_difference(month):
    debit = Payment.get(Payment.kind == "bank")
    month.paying.later(days=2)
    month.sandbox.post_control(
        "return", {"transaction_id": debit.transaction_id, "code": "R01", "linkage": "both"}
    )
    month.settle()
    month.look()

    made = month.certify()

    assert made.is_clean, made.found
    assert (made.return_cents, made.deposit_cents) == (4250, 13650 - 4250)


def test_it_certifies_nothing_when_the_processor_was_not_read_to_the_end(books, alice):
    books.pay(alice)
    assert not books.certify().is_clean, "never read"

    books.look()
    assert books.certify().is_clean
    books.paying.later(days=1)
    made = books.certify()

    assert (made.is_clean, made.is_read, made.found) == (False, False, ())


def test_a_job_that_could_not_reach_the_processor_counts_for_nothing(books, alice):
    books.pay(alice)
    now = books.paying.clock.now()
    JobRun.create(
        name="daily", state="done", as_of_on=books.paying.clock.today(), holder="h", lease_until_at=now,
        started_at=now, report=f"reconcile: {settlements.STOPPED}",
    )  # fmt: skip

    assert settlements.looked_at() is None


@pytest.mark.parametrize(
    ("first", "last", "sentence"),
    [
        (date(2026, 12, 1), date(2026, 11, 1), "before the first"),
        (date(2026, 12, 1), date(2027, 11, 1), "has not come yet"),
        (date(2020, 12, 1), date(2026, 11, 1), "at most a year"),
    ],
)
def test_a_span_that_cannot_be_is_refused(db, first, last, sentence):
    with pytest.raises(BillingError, match=sentence):
        certificates.certificate(
            first, last, today=date(2026, 12, 1), now=models.datetime.datetime(2026, 12, 1)
        )


def test_deposits_are_grouped_so_that_they_fit_on_one_page(db):
    def rows(days):
        return tuple(
            certificates.Row(str(n), "Cards", date(2026, 1, 1) + timedelta(days=n), 1, 100, 0, 0, 100, n)
            for n in range(days)
        )

    def shown(days):
        made = certificates.Certificate(
            date(2026, 1, 1), date(2026, 12, 31), models.datetime.datetime(2027, 1, 1), None, True,
            rows(days), days, 0, 0, 0, (), (), "f" * 64,
        )  # fmt: skip
        assert sum(row.deposit_cents for row in made.rows) == days * 100
        return [row.title for row in made.rows]

    assert shown(16) == [str(n) for n in range(16)]
    assert shown(40)[:2] == ["Jan 1–4, 2026", "Jan 5–11, 2026"]
    assert shown(300)[:2] == ["January 2026", "February 2026"]


# --- It finds every difference ---------------------------------------------------------------------------


def inject_a_settled_transaction(month):
    month.register({"reference": "FOREIGN", "amount_cents": 999})
    month.settle()


def inject_an_unsettled_transaction(month):
    month.register({"reference": "FOREIGN", "amount_cents": 999})
    month.paying.later(hours=2)


def inject_a_refund(month):
    paid = Payment.get(Payment.amount_cents == 900)
    month.sandbox.post_control("refund", {"transaction_id": paid.transaction_id, "amount_cents": 100})
    month.settle()


def inject_money_in_the_books(month):
    month.strange_payment(make_customer(), "77777777777", open_cents=4250)
    month.paying.later(days=6)


def inject_a_settled_payment_in_the_books(month):
    batch, clock = Settlement.select().first(), month.paying.clock
    month.strange_payment(
        make_customer(), "77777777778", open_cents=4250, state="settled", settlement=batch,
        settled_on=clock.today(),
    )  # fmt: skip


def inject_another_amount(month):
    [id] = month.register({"reference": "SAME", "amount_cents": 5000})
    month.strange_payment(make_customer(), id, open_cents=4250)
    month.settle()


def inject_another_state(month):
    [id] = month.register({"reference": "SAME", "amount_cents": 4250})
    month.strange_payment(make_customer(), id, state="voided")
    month.settle()


def inject_a_batch_that_does_not_add_up(month):
    month.pay(make_customer(), 300)
    month.sandbox.post_control("options", {"search_lag_seconds": 600})
    month.settle()


def inject_a_batch_that_failed(month):
    month.pay(make_customer(), 300)
    month.settle(fail=True)


def inject_a_ledger_that_does_not_add_up(month):
    """What no code of ours can do: somebody with a shell."""
    payment = Payment.select().where(Payment.state == "settled").first()
    Payment.update(open_cents=1).where(Payment.id == payment.id).execute()


INJECTED = {
    inject_a_settled_transaction: "not_in_books",
    inject_an_unsettled_transaction: "not_in_books",
    inject_a_refund: "not_in_books",
    inject_money_in_the_books: "not_at_processor",
    inject_a_settled_payment_in_the_books: "not_at_processor",
    inject_another_amount: "amount",
    inject_another_state: "state",
    inject_a_batch_that_does_not_add_up: "batch_total",
    inject_a_batch_that_failed: "state",
    inject_a_ledger_that_does_not_add_up: "amount",
}


@pytest.mark.parametrize("inject", INJECTED, ids=lambda one: one.__name__)
def test_it_finds(month, inject):
    assert month.found() == []

    inject(month)

    assert month.found() == [INJECTED[inject]]
    assert not month.certify().is_clean


def test_it_finds_all_of_them_at_once(month):
    for inject in INJECTED:
        if inject is not inject_a_batch_that_does_not_add_up:  # its lag would hide the others from the lists
            inject(month)

    found = month.found()

    expected = [kind for one, kind in INJECTED.items() if one is not inject_a_batch_that_does_not_add_up]
    # what stood in the batch that failed is in no other list by then
    assert sorted(found) == sorted(expected)


def test_it_looks_at_the_rows_and_not_at_what_an_earlier_look_concluded(month):
    line = SettlementLine.select().where(SettlementLine.amount_cents == 900).get()
    SettlementLine.update(amount_cents=901).where(SettlementLine.id == line.id).execute()

    assert {one.kind for one in month.certify().found} == {"amount", "batch_total"}


def test_what_a_person_cleared_up_is_printed_with_the_reason(month):
    inject_a_settled_transaction(month)
    month.look()
    [row] = Difference.select()
    differences.settle(
        row, reason="Old system, refunded there", by="staff:olga", now=month.paying.clock.now()
    )

    made = month.certify()

    assert made.is_clean
    assert [one.resolution for one in made.settled] == ["Old system, refunded there"]
    assert "Old system, refunded there" in words_of(paper(made))


# --- On paper, and its seal ------------------------------------------------------------------------------


def paper(made):
    code = seals.seal(made, SECRET) if made.is_clean else ""
    return pdf.certificate_pdf(made, company=companies.current(), code=code)


def test_it_is_one_tagged_page_that_says_so(month, tmp_path):
    data = paper(month.certify())

    info, text = info_of(data), " ".join(words_of(data).split())
    assert (info["Pages"], info["Tagged"]) == ("1", "yes")
    assert info["Title"].startswith("Certificate of reconciliation, November 2 – December 2, 2026")
    for said in (
        "Every processor transaction has its ledger entry, and every ledger entry its processor transaction.",
        "0 differences", "4 transactions", "$136.50", "Bank debits", "Lantern Security LLC",
    ):  # fmt: skip
        assert said in text, said
    assert "H1" in tree_of(data, tmp_path)


def test_with_differences_it_says_plainly_that_it_is_none(month):
    inject_a_settled_transaction(month)
    month.look()

    data = paper(month.certify())
    text = " ".join(words_of(data).split())

    assert "not a certificate" in info_of(data)["Title"]
    assert "The books and the processor do not agree." in text
    assert "1 difference" in text and "FOREIGN" in text
    assert "Every processor transaction" not in text
    with pytest.raises(BillingError, match="no seal"):
        seals.verify(data, SECRET)


def test_its_seal_is_verified_from_the_file_and_from_the_code(month):
    made = month.certify()

    for content in (paper(made), seals.seal(made, SECRET), f"  {seals.seal(made, SECRET)}\n".encode()):
        sealed = seals.verify(content, SECRET)
        assert (sealed.first, sealed.last, sealed.agrees) == (made.first, made.last, True)
        assert sealed.fingerprint == made.fingerprint


def test_a_seal_that_was_changed_or_made_elsewhere_is_refused(month):
    code = seals.seal(month.certify(), SECRET)

    for wrong in (code.replace("20261202", "20261203", 1), code[:-1] + ("0" if code[-1] != "0" else "1")):
        with pytest.raises(BillingError, match="not ours"):
            seals.verify(wrong, SECRET)
    with pytest.raises(BillingError, match="not ours"):
        seals.verify(code, "another secret")
    assert seals.verify(code, "another secret", SECRET).agrees


def test_the_fingerprint_stays_when_a_payment_comes_back_later_and_changes_when_a_batch_does(month):
    code = seals.seal(month.certify(), SECRET)
    debit = Payment.get(Payment.kind == "bank")
    month.paying.later(days=3)
    month.sandbox.post_control(
        "return", {"transaction_id": debit.transaction_id, "code": "R01", "linkage": "both"}
    )
    month.settle()
    month.look()
    assert fresh(debit).state == "returned"
    assert seals.verify(code, SECRET).agrees

    line = SettlementLine.select().where(SettlementLine.amount_cents == 900).get()
    SettlementLine.update(amount_cents=901).where(SettlementLine.id == line.id).execute()

    assert not seals.verify(code, SECRET).agrees


# --- The command and the pages -----------------------------------------------------------------------


@pytest.fixture
def desk(app, month):
    models.db.connect(reuse_if_open=True)
    app.gateway = month.paying.gateway
    return enter(app)


@pytest.fixture
def invoke(app, month):
    models.db.connect(reuse_if_open=True)
    app.gateway = month.paying.gateway
    return lambda *arguments: app.test_cli_runner().invoke(args=list(arguments))


def test_the_command_certifies_writes_and_verifies(invoke, month, tmp_path):
    target = str(tmp_path / "certificate.pdf")

    made = invoke("certificate", "--pdf", target)
    verified = invoke("certificate", "--verify", target)

    assert made.exit_code == 0, made.output
    assert "0 differences in 4 transactions of 3 batches, $136.50 paid out" in made.output
    assert verified.exit_code == 0
    assert "The seal is ours" in verified.output and "same fingerprint" in verified.output


def test_the_command_tells_the_differences_and_fails(invoke, month):
    inject_a_settled_transaction(month)
    month.look()

    made = invoke("certificate", "--from", "2026-12-01", "--to", "2026-12-02")

    assert made.exit_code == 1
    assert "that the books do not have" in made.output
    assert "1 difference in" in made.output


def test_a_file_without_a_seal_is_refused_in_words(invoke, tmp_path):
    (tmp_path / "letter.pdf").write_bytes(b"%PDF-1.7 nothing")

    refused = invoke("certificate", "--verify", str(tmp_path / "letter.pdf"))

    assert refused.exit_code == 1
    assert "There is no seal in it." in refused.output


def test_check_gateway_says_what_is_configured(invoke):
    told = invoke("check-gateway")

    assert told.exit_code == 0, told.output
    assert "It answers and accepts our credentials." in told.output
    assert "1 signature key" in told.output


def test_who_runs_the_machine_is_told_where_the_processor_was_asked_and_what_to_check(invoke, app, month):
    app.gateway = month.paying.sandbox.gateway(endpoint="http://127.0.0.1:9/xml", timeout=(0.5, 0.5))

    told = invoke("check-gateway")
    of_the_day = invoke("daily", "--only", "reconcile")

    for run in (told, of_the_day):
        assert run.exit_code == 1
        assert "processor at http://127.0.0.1:9/xml" in run.output and "cannot be reached" in run.output
        assert "network" in run.output and "PORCHLIGHT_GATEWAY names" in run.output
        assert "try again shortly" not in run.output


def test_refused_credentials_are_told_with_their_settings_and_without_the_key(invoke, app, month):
    app.gateway = month.paying.sandbox.gateway(transaction_key="not-the-key")

    told = invoke("check-gateway")

    assert told.exit_code == 1
    assert "E00007: User authentication failed" in told.output
    assert "PORCHLIGHT_GATEWAY_LOGIN and PORCHLIGHT_GATEWAY_KEY" in told.output
    assert "not-the-key" not in told.output and "tell the office" not in told.output


def test_the_page_shows_the_verdict_the_deposits_and_what_is_in_them(desk, month):
    page = desk.get("/staff/certificate")
    assert "0 differences" in text_of(page) and "$136.50" in text_of(page)

    batch = Settlement.select().order_by(Settlement.id).first()
    inside = text_of(desk.get(f"/staff/settlement/{batch.id}"))

    assert "Alice Archer" in inside and "Bob Baker" in inside and "2 transactions" in inside
    report = desk.get(f"/staff/settlement/{batch.id}/deposit.csv").text.splitlines()
    assert report[0] == "\ufeffTransaction,What,Reference,Account,Customer,Method,Amount"
    assert len(report) == 3 and report[1].endswith(",42.50")


def test_the_page_makes_the_pdf_and_verifies_it(desk):
    data = desk.get("/staff/certificate.pdf").data
    assert data.startswith(b"%PDF")
    code = info_of(data)["Keywords"]
    assert re.fullmatch(r"PLC1[0-9a-fT.]+", code)

    assert "The seal is ours" in text_of(
        desk.post("/staff/certificate/verify", follow_redirects=True, code=code)
    )
    assert "There is no seal in it" in text_of(
        desk.post("/staff/certificate/verify", follow_redirects=True, code="nonsense")
    )


def test_the_page_reads_the_processor_when_asked(desk, month):
    month.register({"reference": "FOREIGN", "amount_cents": 999})
    month.settle()
    assert "0 differences" in text_of(desk.get("/staff/certificate"))

    page = desk.post("/staff/certificate/look", follow_redirects=True)

    assert "This is no certificate" in text_of(page)
    row = Difference.get()
    settled = desk.act("difference", "settle", row, reason="A test of the terminal")
    assert "The difference is settled." in text_of(settled)
    assert "A test of the terminal" in text_of(desk.get("/staff/certificate"))


def test_a_page_for_days_that_cannot_be_says_why(desk):
    page = desk.get("/staff/certificate", first="2026-12-02", last="2026-11-01")

    assert page.status_code == 400
    assert "The last day lies before the first." in text_of(page)
    assert desk.get("/staff/certificate", first="x", last="").status_code == 400


def test_the_home_page_counts_what_does_not_agree_and_what_is_on_its_way(desk, month, alice):
    inject_a_settled_transaction(month)
    month.look()
    month.pay(alice, 700)

    page = text_of(desk.get("/staff/"))

    assert "1 Differences" in page
    assert "On its way to the bank $7.00" in page
    assert text_of(desk.get("/staff/payment/", standing="on_the_way")).count("$7.00") >= 1


def test_reading_the_processor_needs_the_right_to_money():
    assert security.ACCESS["staff.certificate_look"] == security.MONEY
    assert security.ACCESS["difference.settle"] == security.MONEY


# --- The webhook --------------------------------------------------------------------------------------


def test_a_webhook_that_was_switched_off_is_switched_on_and_told(paying):
    from billing import webhooks

    url = "https://portal.example/webhooks/authorize-net"
    told = {"gateway": paying.gateway, "url": url}
    assert ["had no webhook" in line for line in webhooks.watch(**told)] == [True]
    assert webhooks.watch(**told) == []
    assert webhooks.state(**told) == "active"
    [ours] = [one for one in paying.gateway.webhooks() if one.url == url]
    try:
        paying.sandbox.post_control("webhooks", {})
    finally:
        _switch(paying, ours, "inactive")
    assert webhooks.state(**told) == "inactive"

    assert ["had switched off the webhook" in line for line in webhooks.watch(**told)] == [True]

    assert webhooks.state(**told) == "active"
    _switch(paying, ours, None)


def _switch(paying, webhook, status):
    """Change or delete a webhook as somebody would on the gateway's own screens."""
    import requests

    address = f"{paying.sandbox.url}/rest/v1/webhooks/{webhook.webhook_id}"
    keys = ("test-login", "TestKey012345678")
    if status is None:
        reply = requests.delete(address, auth=keys, timeout=60)
    else:
        reply = requests.put(
            address, auth=keys, timeout=60,
            json={"url": webhook.url, "eventTypes": list(webhook.event_types), "status": status},
        )  # fmt: skip
    assert reply.status_code == 200, reply.text


def test_the_daily_step_tells_staff_of_the_webhook_and_goes_on(app, paying, alice):
    make_invoice(alice)
    clock = paying.clock
    day = daily.Day(
        clock.today(), clock, paying.gateway, None, None, webhook_url="https://portal.example/other"
    )

    told = next(step for step in daily.STEPS if step.name == "reconcile").run(day)

    assert "0 differences open" in told
    assert ["had no webhook" in line for line in day.trouble] == [True]
    [ours] = [one for one in paying.gateway.webhooks() if one.url == "https://portal.example/other"]
    _switch(paying, ours, None)
