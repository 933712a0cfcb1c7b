"""Messages: queued once, judged again when they are sent, and sent by a real mail server's rules."""

from contextlib import contextmanager
from datetime import date, datetime, timedelta
from types import SimpleNamespace

import pytest

import models
from billing import (
    bill,
    checks,
    invoices,
    notices,
    outbox,
    payments,
    preferences,
    promises,
    reminding,
    tickets,
)
from billing.automatic import autopay, consent
from billing.edges import mail
from billing.edges.clock import FixedClock
from billing.edges.mail import Mailer
from billing.errors import BillingError
from billing.plans import agreeing
from billing.remedies import goodwill
from billing.reversals import refunds, returns
from models import (
    AutopayOutcome,
    Contact,
    Hold,
    ImportBatch,
    Invoice,
    Link,
    Notice,
    Payment,
    PaymentMethod,
    PaymentPart,
    Preference,
)
from tests.at_once import together
from tests.factories import (
    BY,
    NOW,
    fresh,
    make_charge,
    make_contract,
    make_customer,
    make_invoice,
    make_method,
    payer,
)
from tests.post_office import PostOffice
from tests.test_plans import sign

TODAY = date(2026, 12, 12)
DUE = date(2026, 12, 15)


def later(**span):
    """A clock at noon of TODAY, and so much later."""
    clock = FixedClock(TODAY)
    clock.advance(**span)
    return clock


class Sender:
    """Sends by keeping, with a letter that is always the same; ``fail`` raises instead."""

    def __init__(self, fail=None, on=None):
        self.sent, self.fail, self.clock = [], fail, on or later()

    def __call__(self, **options):
        return outbox.send_due(send=self._send, compose=self._compose, clock=self.clock, **options)

    def _send(self, notice, letter):
        if self.fail:
            raise self.fail
        self.sent.append((notice.kind, notice.address))

    def _compose(self, notice, now):
        return SimpleNamespace(
            subject="Subject",
            text="t",
            html="h",
            kept_text="kept",
            kept_html="<p>",
            message_id=f"<{notice.id}@x>",
        )


def remind(today=TODAY):
    return reminding.queue_reminders(today, now=later().now())


def told():
    """Everything queued so far, as (kind, channel, address)."""
    return sorted((row.kind, row.channel, row.address) for row in Notice.select())


def prefer(customer, event, **ways):
    """What the payer chose: ``mail="never"``, or ``mail=("ahead", 3)``."""
    for channel, way in ways.items():
        timing, days = way if isinstance(way, tuple) else (way, 0)
        Preference.create(
            contact=payer(customer), event=event, channel=channel, timing=timing, days_ahead=days,
            changed_at=NOW,
        )  # fmt: skip


# --- Queueing ------------------------------------------------------------------------------------


def test_a_message_is_queued_once(alice):
    notices.queue("receipt", key="k", customer=alice, why="x", now=NOW)
    notices.queue("receipt", key="k", customer=alice, why="x", now=NOW)

    assert Notice.select().count() == 1


def test_an_invoice_goes_to_every_payer_and_to_nobody_else(alice):
    for name, fields in {
        "second": {},
        "left": {"left_on": TODAY},
        "viewer": {"role": Contact.VIEWER},
        "technical": {"role": Contact.TECHNICAL},
    }.items():
        Contact.create(customer=alice, name=name, email=f"{name}@example.com", **fields)

    notices.queue_invoices([make_invoice(alice).id], now=NOW)

    assert told() == [("invoice", "mail", "alice@example.com"), ("invoice", "mail", "second@example.com")]


@pytest.mark.parametrize(
    ("email", "chosen", "channels"),
    [
        ("a@example.com", {}, ["mail"]),
        ("a@example.com", {"mail": "every"}, ["mail"]),
        ("a@example.com", {"paper": "every"}, ["mail", "paper"]),
        ("a@example.com", {"mail": "never", "paper": "every"}, ["paper"]),
        ("a@example.com", {"mail": "never", "paper": "never"}, ["mail"]),
        ("a@example.com", {"mail": ("unpaid", 7)}, []),
        ("", {}, ["paper"]),
        ("", {"mail": "every"}, ["paper"]),
        ("", {"paper": "every"}, ["paper"]),
    ],
)
def test_an_invoice_goes_the_ways_that_were_chosen_and_never_nowhere(db, email, chosen, channels):
    customer = make_customer(email=email)
    prefer(customer, "invoice", **chosen)

    notices.queue_invoices([make_invoice(customer).id], now=NOW)

    assert [row.channel for row in Notice.select().order_by(Notice.id)] == channels


def test_a_customer_without_any_payer_gets_paper(alice):
    Contact.update(left_on=TODAY).execute()

    notices.queue_invoices([make_invoice(alice).id], now=NOW)

    assert told() == [("invoice", "paper", "")]


def test_an_invoice_with_nothing_due_is_not_sent(alice):
    invoice = make_invoice(alice, cents=100)
    invoices.goodwill(alice, amount_cents=100, reason="x", by=BY, today=TODAY, now=NOW)

    notices.queue_invoices([invoice.id], now=NOW)

    assert told() == []


def test_resending_reaches_the_chosen_contact_again_and_again(alice):
    invoice = make_invoice(alice)

    first = notices.resend(invoice, contact=payer(alice), by=BY, now=NOW)
    second = notices.resend(invoice, contact=payer(alice), by=BY, now=NOW)

    assert (first.id != second.id, first.invoice, first.address) == (True, invoice, "alice@example.com")
    noted = models.Event.select().where(models.Event.what == "invoice.sent_again")
    assert [(event.by, event.customer_id) for event in noted] == [(BY, alice.id)] * 2


def test_resending_needs_an_address_and_an_issued_invoice(alice, db):
    nobody = make_customer(email="")

    with pytest.raises(BillingError, match="no mail address"):
        notices.resend(make_invoice(nobody), contact=payer(nobody), by=BY, now=NOW)
    with pytest.raises(BillingError, match="Only an issued invoice"):
        draft = Invoice.create(customer=alice, created_at=NOW)
        notices.resend(draft, contact=payer(alice), by=BY, now=NOW)


# --- Reminders: due and not yet done -------------------------------------------------------------


@pytest.mark.parametrize(
    ("today", "reminded"),
    [
        (date(2026, 12, 11), 0),
        (date(2026, 12, 12), 1),
        (date(2026, 12, 13), 1),
        (date(2026, 12, 15), 1),
        (date(2026, 12, 16), 0),
    ],
)
def test_a_reminder_comes_within_its_days_and_never_after_the_due_date(alice, today, reminded):
    make_invoice(alice, due=DUE)

    assert remind(today) == reminded == Notice.select().count()


def test_a_reminder_is_made_up_for_and_comes_once(alice):
    invoice = make_invoice(alice, due=DUE)

    assert [remind(date(2026, 12, day)) for day in (10, 14, 14, 15)] == [0, 1, 0, 0]
    [notice] = Notice.select()
    assert (notice.invoice, notice.contact, notice.address) == (invoice, payer(alice), "alice@example.com")


def test_each_customer_is_reminded_of_their_own_invoice(alice, bob):
    his, hers = make_invoice(bob, due=DUE), make_invoice(alice, due=DUE)
    make_invoice(bob, due=date(2027, 1, 30))

    assert remind() == 2
    assert {(row.invoice_id, row.address) for row in Notice.select()} == {
        (hers.id, "alice@example.com"),
        (his.id, "bob@example.com"),
    }


@pytest.mark.parametrize(
    ("way", "reminded"), [("on_day", 0), (("ahead", 2), 0), (("ahead", 3), 1), (("ahead", 10), 1)]
)
def test_the_contact_chooses_how_many_days_ahead(alice, way, reminded):
    prefer(alice, "reminder", mail=way)
    make_invoice(alice, due=DUE)

    assert remind() == reminded


def test_no_reminder_is_queued_that_nobody_wants_or_needs(alice, bob, db):
    prefer(alice, "reminder", mail="never")
    make_invoice(alice, due=DUE)
    paid = make_invoice(bob, cents=100, due=DUE)
    payments.record(
        bob, amount_cents=100, kind="cash", received_on=TODAY, key="k", by=BY, today=TODAY, now=NOW,
        parts=[(paid, 100)],
    )  # fmt: skip
    make_invoice(make_customer(email=""), due=DUE)
    make_invoice(make_customer(), due=DUE, issued=TODAY)

    assert remind() == 0


# --- Judged again at the moment of sending -------------------------------------------------------


@pytest.fixture
def reminded(alice):
    """An invoice of Alice's with its reminder in the queue."""
    invoice = make_invoice(alice, cents=4250, due=DUE)
    assert remind() == 1
    return invoice


def skipped():
    [notice] = Notice.select().where(Notice.kind == "reminder")
    return notice.state == "skipped" and notice.reason


def test_a_wanted_reminder_leaves(reminded):
    sender = Sender()

    report = sender()

    assert (sender.sent, str(report)) == (
        [("reminder", "alice@example.com")],
        "1 sent, 0 to print, 0 no longer needed, 0 not delivered",
    )


def test_no_reminder_after_the_payment(reminded, alice):
    payments.record(
        alice, amount_cents=4250, kind="cash", received_on=TODAY, key="k", by=BY, today=TODAY, now=NOW
    )
    sender = Sender()

    assert sender().skipped == 1

    assert ("reminder", "alice@example.com") not in sender.sent
    assert skipped() == "The invoice is paid."


def test_a_part_payment_does_not_stop_the_reminder(reminded, alice):
    payments.record(
        alice, amount_cents=1000, kind="cash", received_on=TODAY, key="k", by=BY, today=TODAY, now=NOW
    )

    assert Sender()().skipped == 0


def test_no_reminder_while_a_payment_is_being_checked(paying, reminded):
    paying.start(reminded)

    Sender()()

    assert skipped() == "A payment of $42.50, begun on December 1, 2026, is being checked."


def test_no_reminder_while_the_customer_waits_for_our_answer(reminded, alice):
    ticket = tickets.open(alice, subject="Why?", body="So much", by="Alice", now=NOW)

    Sender()()

    assert skipped() == "They have been waiting for our answer since December 1, 2026: “Why?”."
    assert ticket.state == "waiting_on_us"


def test_a_question_of_somebody_else_or_an_answered_one_stops_nothing(reminded, alice, bob):
    tickets.open(bob, subject="Why?", body="So much", by="Bob", now=NOW)
    tickets.close(tickets.open(alice, subject="a", body="b", by="Alice", now=NOW), by=BY, now=NOW)

    assert Sender()().sent == 1


def test_no_reminder_once_it_is_unwanted_or_the_contact_has_left(reminded, alice):
    preferences.stop(payer(alice), "reminder", "mail", by=BY, via="one_click", now=NOW)

    Sender()()

    assert skipped() == "The contact does not want this any more."
    Notice.update(state="queued").execute()
    Preference.update(timing="ahead").execute()
    Contact.update(left_on=TODAY).execute()
    assert Sender()().skipped == 1


def test_no_reminder_of_a_void_invoice(reminded):
    invoices.void(reminded, reason="Wrong", by=BY, today=TODAY, now=NOW)

    Sender()()

    assert skipped() == "The invoice is paid."


@pytest.mark.parametrize(
    ("starts_on", "ends_on", "held"),
    [
        (date(2026, 12, 1), None, True),
        (date(2026, 12, 1), TODAY, True),
        (TODAY, date(2026, 12, 20), True),
        (date(2026, 12, 1), date(2026, 12, 11), False),
        (date(2026, 12, 13), None, False),
    ],
)
def test_no_reminder_on_the_days_of_a_hold(reminded, alice, starts_on, ends_on, held):
    Hold.create(
        scope=Hold.NOTICES, customer=alice, reason="Family", by=BY, starts_on=starts_on, ends_on=ends_on
    )

    assert Sender()().skipped == held


def test_a_hold_of_another_scope_or_customer_stops_nothing(reminded, alice, bob):
    Hold.create(scope=Hold.BILLING, customer=alice, reason="x", by=BY, starts_on=TODAY)
    Hold.create(scope=Hold.NOTICES, customer=bob, reason="x", by=BY, starts_on=TODAY)

    assert Sender()().sent == 1


def test_an_invoice_that_was_voided_meanwhile_is_not_mailed(alice):
    invoice = make_invoice(alice)
    notices.queue_invoices([invoice.id], now=NOW)
    invoices.void(invoice, reason="Wrong", by=BY, today=TODAY, now=NOW)

    Sender()()

    assert (Notice.get().state, Notice.get().reason) == ("skipped", "The invoice was canceled.")


def test_nothing_leaves_for_an_import_that_is_not_released(db):
    batch = ImportBatch.create(file_name="x.csv", sha256="0" * 64, by=BY, committed_at=NOW)
    notices.queue_invoices([make_invoice(make_customer(import_batch=batch)).id], now=NOW)

    Sender()()

    assert "not released" in Notice.get().reason


# --- Claims --------------------------------------------------------------------------------------


def queue_many(customer, count, kind="receipt"):
    for n in range(count):
        notices.queue(kind, key=f"{kind}{n}", customer=customer, contact=payer(customer), why="x", now=NOW)


def test_two_senders_at_once_send_each_message_once(alice):
    queue_many(alice, 120)
    senders = [Sender() for _ in range(4)]

    reports = together(4, lambda n: senders[n]())

    assert sum(report.sent for report in reports) == 120
    assert sum(len(sender.sent) for sender in senders) == 120


def test_a_sender_stops_where_it_is_told_to(alice):
    queue_many(alice, 5)

    assert Sender()(limit=3).sent == 3
    assert outbox.waiting(later().now()).count() == 2


def test_what_is_due_later_waits(alice):
    queue_many(alice, 1)
    Notice.update(send_at=datetime(2026, 12, 13)).execute()

    assert Sender()().sent == 0
    assert Sender(on=later(days=2))().sent == 1


def test_a_dead_senders_reminder_is_not_risked_and_everything_else_is_sent_again(alice, reminded):
    notices.queue_invoices([reminded.id], now=NOW)
    Notice.update(state="sending", claimed_at=later().now(), tries=1, message_id="<old@x>").execute()

    assert Sender(on=later(minutes=14))().sent == 0, "it may still be alive"
    assert Sender(on=later(minutes=16))().sent == 1

    states = {row.kind: (row.state, row.reason) for row in Notice.select()}
    assert states["invoice"] == ("sent", "")
    assert states["reminder"] == (
        "failed",
        "The sender stopped half way; it may have been sent, so it is not repeated.",
    )


def test_a_long_run_does_not_look_dead_to_another_sender(alice):
    queue_many(alice, 120)
    clock, second = later(), Sender(on=None)
    slow = Sender(on=clock)
    keep = slow._send

    def slowly(notice, letter):
        clock.advance(minutes=1)
        second.clock = clock
        second()
        keep(notice, letter)

    slow._send = slowly
    slow()

    everything = slow.sent + second.sent
    assert len(everything) == 120


def test_one_message_that_cannot_be_written_stops_no_other(alice):
    queue_many(alice, 3)
    poison = Notice.get(Notice.key == "receipt1")
    sender = Sender()
    compose = sender._compose

    def stumble(notice, now):
        if notice.id == poison.id:
            raise ZeroDivisionError("a bug in a template")
        return compose(notice, now)

    sender._compose = stumble
    report = sender()

    assert (report.sent, len(report.failures)) == (2, 1)
    poison = fresh(poison)
    assert (poison.state, "a bug in a template" in poison.reason) == ("queued", True)
    assert poison.send_at > later().now()


def test_what_fails_again_and_again_is_given_up_and_shown_to_staff(alice):
    queue_many(alice, 1)
    clock = later()
    sender = Sender(fail=outbox.MailNotSent("Busy."), on=clock)

    for _ in range(8):
        sender()
        clock.advance(days=2)

    assert (Notice.get().state, Notice.get().tries, Notice.get().reason) == ("failed", 5, "Busy.")


@pytest.mark.parametrize("trouble", [{}, {"permanent": True}])
def test_what_another_sender_took_over_is_left_to_it(alice, trouble):
    queue_many(alice, 1)
    taken_at = later(minutes=20).now()

    class Slow(Sender):
        def _send(self, notice, letter):
            Notice.update(claimed_at=taken_at).execute()  # a second sender has it, and is sending
            raise outbox.MailNotSent("Busy.", **trouble)

    Slow()()

    assert (Notice.get().state, Notice.get().claimed_at) == ("sending", taken_at)


def test_without_a_mail_server_nothing_is_tried_in_vain_and_nothing_is_lost(alice):
    queue_many(alice, 200)
    sender = Sender(fail=outbox.MailNotSent("Cannot be reached.", unreachable=True))

    for _ in range(10):
        assert len(sender().failures) == 1

    assert {(row.state, row.tries) for row in Notice.select()} == {("queued", 0)}
    sender.fail = None
    assert sender().sent == 200


def test_paper_goes_to_the_print_queue_until_it_left_the_house(db):
    customer = make_customer(email="")
    notices.queue_invoices([make_invoice(customer).id], now=NOW)

    assert Sender()().printed == 1

    [paper] = outbox.print_queue()
    outbox.mark_printed(paper, today=NOW.date(), now=NOW)
    assert (fresh(paper).state, list(outbox.print_queue())) == ("sent", [])


# --- A real mail server --------------------------------------------------------------------------


@pytest.fixture
def office(app, monkeypatch):
    """A mail server, and an app that talks to it."""
    monkeypatch.setattr(mail, "TIMEOUT_SECONDS", 60)  # a machine that is busy has not hung up
    models.db.connect(reuse_if_open=True)
    with PostOffice() as office:
        app.config.update(MAIL_SERVER="127.0.0.1", MAIL_PORT=office.port)
        yield office


@pytest.fixture
def send(app, office):
    """``send(minutes=5)``: send what waits, so much later."""

    def act(**span):
        app.clock = later(**span)
        with app.app_context():
            mailer = Mailer(app)
            report = outbox.send_due(send=mailer.send, compose=app.compose, clock=app.clock)
            mailer.close()
        return report

    return act


@pytest.fixture
def billed(office):
    """A customer whose December is billed, with the message in the queue."""
    customer = make_customer("Ann Archer", email="ann@example.com")
    make_charge(make_contract(customer), cents=4250)
    bill.run(date(2026, 12, 1), by=BY, now=NOW)
    return customer


def test_an_invoice_arrives_as_it_was_kept(billed, office, send):
    assert send().sent == 1

    [message] = office.taken
    notice = Notice.get()
    assert (message["To"], message["Subject"]) == ("ann@example.com", notice.subject)
    assert message["Message-ID"] == notice.message_id
    assert {part.get_content_type() for part in message.walk()} >= {"text/plain", "text/html"}
    text = message.get_body(("plain",)).get_content()
    assert "$42.50" in text and "December 16, 2026" in text
    assert "$42.50" in notice.body_text


def test_a_mail_has_the_day_and_the_zone_of_our_clock(billed, office, send, app):
    """The demo's calendar is moved on: a mail of its December says December."""
    send(minutes=5)

    date = office.taken[0]["Date"].datetime
    assert date == app.clock.local(app.clock.now())
    assert str(date.tzinfo) == "UTC-06:00"


def test_the_copy_that_is_kept_opens_nothing(billed, office, send):
    send()

    notice, text = Notice.get(), office.taken[0].get_body(("plain",)).get_content()
    tokens = [word.rsplit("/", 1)[1] for word in text.split() if "/i/" in word]
    assert tokens and all(len(token.split("#")[0]) >= 43 for token in tokens)
    for token in tokens:
        assert token.split("#")[0] not in notice.body_text + notice.body_html
    assert Link.select().count() >= 1


def test_a_refused_address_is_given_up_and_noted_at_the_contact(billed, office, send):
    office.script = ["550"]

    assert len(send().failures) == 1

    assert (Notice.get().state, "550" in Notice.get().reason) == ("failed", True)
    assert payer(billed).bounced_at is not None
    assert send(days=3).sent == 0


def test_a_busy_server_is_tried_again_under_the_same_message_id(billed, office, send):
    office.script = ["450", "data 451"]

    assert (len(send().failures), Notice.get().state) == (1, "queued")
    assert send().sent == 0, "not before its time"
    send(minutes=6)
    assert send(hours=2).sent == 1

    assert len(office.taken) == 1
    assert office.taken[0]["Message-ID"] == Notice.get().message_id
    assert payer(billed).bounced_at is None


@contextmanager
def impatient(trouble):
    """Where the server stalls, do not wait for long."""
    with pytest.MonkeyPatch.context() as patched:
        if trouble == "stall":
            patched.setattr(mail, "TIMEOUT_SECONDS", 0.5)
        yield


@pytest.mark.parametrize("trouble", ["drop before", "drop after", "stall"])
def test_an_invoice_that_may_have_left_is_sent_again_under_the_same_message_id(billed, office, send, trouble):
    office.script = [trouble]

    with impatient(trouble):
        assert len(send().failures) == 1
    assert Notice.get().state == "queued"
    assert send(minutes=6).sent == 1

    assert len({message["Message-ID"] for message in office.taken}) == 1
    assert office.taken


@pytest.mark.parametrize("trouble", ["drop after", "stall"])
def test_a_reminder_that_may_have_left_is_not_sent_again(billed, office, send, trouble):
    Notice.update(state="sent").execute()
    assert remind(date(2026, 12, 14)) == 1
    office.script = [trouble]

    with impatient(trouble):
        send()

    assert Notice.get(Notice.kind == "reminder").state == "failed"
    assert send(days=1).sent == 0
    assert len(office.taken) <= 1


def test_a_reminder_that_surely_did_not_leave_is_sent_later(billed, office, send):
    Notice.update(state="sent").execute()
    remind(date(2026, 12, 14))
    office.script = ["450"]

    send()

    assert send(minutes=6).sent == 1
    assert office.taken[0]["List-Unsubscribe"].strip().startswith("<http")
    assert office.taken[0]["List-Unsubscribe"].strip().endswith("/unsubscribe/reminder>")
    assert office.taken[0]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_the_address_of_the_one_click_is_written_in_one_piece_however_long(billed, office, send, app):
    app.config["BASE_URL"] = "https://billing.a-company-with-a-long-name.example.com"
    Notice.update(state="sent").execute()
    remind(date(2026, 12, 14))

    send()

    [raw] = [value for name, value in office.taken[0].raw_items() if name == "List-Unsubscribe"]
    address = str(raw).strip()
    assert "=?" not in address and "\n" not in address and len(address) > 78


def test_a_refusal_in_the_middle_harms_neither_the_one_before_nor_the_one_after(office, send):
    for n in range(3):
        make_charge(make_contract(make_customer(f"C{n}", email=f"c{n}@example.com")))
    bill.run(date(2026, 12, 1), by=BY, now=NOW)
    office.script = ["accept", "550"]

    report = send()

    assert (report.sent, len(report.failures)) == (2, 1)
    assert [message["To"] for message in office.taken] == ["c0@example.com", "c2@example.com"]


def test_no_mail_server_at_all_costs_one_attempt(app, billed, office, send):
    app.config["MAIL_PORT"] = 9
    app.extensions.pop("mail", None)

    assert len(send().failures) == 1
    assert (Notice.get().state, Notice.get().tries) == ("queued", 0)


def test_a_name_with_line_breaks_starts_no_header_of_its_own(office, send, app):
    make_charge(make_contract(make_customer("Eve", email="eve@example.com")))
    bill.run(date(2026, 12, 1), by=BY, now=NOW)
    models.Company.update(name="Lantern\r\nBcc: all@example.com").execute()
    models.Customer.update(name="Eve\r\nX-Evil: 1").execute()
    models.Contact.update(name="Eve\r\nX-Evil: 1").execute()

    assert send().sent == 1

    [message] = office.taken
    assert "Bcc" not in message and "X-Evil" not in message
    assert office.seen == 1


# What a kind says and needs beyond this is tested where it is queued.
ELSEWHERE = {
    "overdue", "check_in", "digest", "renewal", "yearly_reminder", "price_change", "contract_answered",
    "contract_ended", "consent_confirm", "text_reply", "dispute_received", "dispute_decided",
    "suspension_warning", "suspended", "reinstated", "handed_over", "late_fee", "plan_missed", "plan_ended",
}  # fmt: skip


@pytest.mark.parametrize("kind", sorted(set(Notice.KINDS) - ELSEWHERE))
def test_every_kind_of_message_can_be_written_and_says_why_it_came(office, send, billed, kind):
    invoice, contact = Invoice.get(), payer(billed)
    Notice.update(state="sent").execute()
    payment = payments.record(
        billed, amount_cents=100, kind="check", received_on=TODAY, key="k", by=BY, today=TODAY, now=NOW
    )
    ticket = tickets.open(billed, subject="Why?", body="Hm", by="Ann", now=NOW, contact=contact)
    message = tickets.reply(ticket, body="Because.", by=BY, now=NOW, staff=_staff())
    tickets.close(ticket, by=BY, now=NOW)
    Notice.update(state="sent").where(Notice.kind != "ticket_reply").execute()
    Notice.update(state="sent").execute()
    about = {"invoice": invoice} if kind in ("invoice", "reminder", "fresh_link") else {}
    if kind == "payment_problem":
        payment = returns.bounce(payment, reason="Not sufficient funds", by=BY, today=TODAY, now=NOW)
    about |= {"payment": payment} if kind in ("receipt", "payment_problem") else {}
    about |= {"ticket_message": message} if kind.startswith("ticket") else {}
    about |= {"refund": _refunded(payment)} if kind == "refund" else {}
    about |= {"invoice": _canceled(invoice)} if kind == "invoice_canceled" else {}
    about |= _of_autopay(kind, billed, invoice) | _of_ways_out(kind, billed, invoice)
    Notice.update(state="sent").where(Notice.state != "sent").execute()
    notices.queue(kind, key="one", customer=billed, contact=contact, why="Because you pay.", now=NOW, **about)

    assert send().sent == 1

    [mail] = office.taken
    for part in ("plain", "html"):
        assert "Because you pay." in mail.get_body((part,)).get_content()
    assert mail["Subject"].strip()
    assert checks.run() == []


def _canceled(invoice):
    """The invoice, void; without its own message."""
    return invoices.void(Invoice.get_by_id(invoice.id), reason="Wrong customer", by=BY, today=TODAY, now=NOW)


def _refunded(payment):
    """A refund by check, without its own message."""
    words = {"amount_cents": 50, "reason": "Too much.", "key": "r", "by": BY, "reopen": True, "how": "check"}
    made = refunds.start(payment, **words, today=TODAY, now=NOW)
    Notice.update(state="sent").execute()
    return made


def _of_autopay(kind, customer, invoice):
    """What the messages about autopay and saved methods are about, with a charge that is planned."""
    if not kind.startswith(("method", "autopay", "upcoming", "charge", "above")):
        return {}
    method = make_method(customer, expires_on=TODAY + timedelta(days=20))
    if kind in ("method_expiring", "method_changed"):
        return {"method": method}
    if kind in ("charge_declined", "method_problem"):
        PaymentMethod.update(state="disabled").execute()
        return {"payment": _declined(customer, method, invoice), "method": method}
    terms = consent.Terms(cap_cents=100 if kind == "above_cap" else None)._asdict()
    made = autopay.agree(
        customer, contact=payer(customer), method=method, **terms, address="", by=BY, today=TODAY, now=NOW,
        text=consent.words_of(customer, method, **terms).text,
    )  # fmt: skip
    Notice.update(state="sent").execute()
    day = autopay.planned(invoice).charge_on
    if kind == "above_cap":
        AutopayOutcome.create(
            run_on=day, invoice=invoice, customer=customer, outcome="skipped", why="above_cap", decided_at=NOW
        )
    return {"autopay": made, "charge_on": day}


def _of_ways_out(kind, customer, invoice):
    """A promise, a plan, a credit: made as customers and staff make them, whose own messages have left."""
    told = {"today": TODAY, "now": NOW}
    if kind == "promise":
        day = TODAY + timedelta(days=5)
        more = {"via": "page", "by": "Ann", "contact": payer(customer)}
        return {"promise": promises.make(customer, pay_on=day, **more, **told)}
    if kind == "plan_agreed":
        models.Company.update(plan_min_cents=100).execute()
        made = sign(customer, agreeing.Wish(2, TODAY))
        assert made.agreed_on, made.outside
        return {"plan": made, "invoice": invoice}
    if kind == "credit_given":
        return {
            "credit": goodwill.give(customer, amount_cents=50, reason="Sorry", role="owner", by=BY, **told)
        }
    return {}


def _declined(customer, method, invoice):
    made = Payment.create(
        customer=customer, reference="PLD", key="declined", kind="card", amount_cents=invoice.open_cents,
        received_on=TODAY, created_at=NOW, state="declined", method=method, method_label=method.label,
        concluded_at=NOW, decline_code="2", reason="The bank declined this payment.", try_number=1,
    )  # fmt: skip
    PaymentPart.create(payment=made, invoice=invoice, amount_cents=invoice.open_cents, live=False)
    return made


def _staff():
    return models.Staff.create(email="sam@example.com", name="Sam", role="support")


def test_the_retry_times_grow_and_end(db):
    assert list(outbox.RETRY_AFTER) == sorted(outbox.RETRY_AFTER)
    assert outbox.RETRY_AFTER[-1] <= timedelta(days=1)
