"""Many plain messages at once: judged as late as one by itself, and none twice whoever dies."""

import smtplib
import threading
from datetime import date, timedelta
from types import SimpleNamespace

import pytest

import models
from billing import holds, notices, outbox, payments, preferences, stillness
from billing.edges.clock import FixedClock
from billing.edges.post import Post
from billing.editions import versions
from billing.outbox import ahead, claiming
from billing.wording import defaults
from billing.wording.rendering import Text
from models import Company, Contact, Customer, Invoice, Link, Notice, Preference
from tests.at_once import die_everywhere
from tests.factories import BY, NOW, make_customer, make_invoice, payer
from tests.post_office import PostOffice

TODAY = date(2026, 12, 12)


def at_noon(**span):
    clock = FixedClock(TODAY)
    clock.advance(**span)
    return clock


def letter(notice, now):
    said = {"subject": "s", "text": "t", "html": "h", "kept_text": "t", "kept_html": "h"}
    return SimpleNamespace(**said, message_id=f"<{notice.id}@x>")


def remind(invoice, kind="reminder"):
    """A reminder of an invoice, or the invoice itself, in the queue."""
    who = payer(invoice.customer)
    about = {"customer": invoice.customer, "contact": who, "invoice": invoice}
    notices.queue(kind, key=f"{kind}:{invoice.id}", why="You asked for it.", now=NOW, **about)
    return Notice.get(Notice.key == f"{kind}:{invoice.id}")


@pytest.fixture(autouse=True)
def still(databases, db):
    """PostgreSQL numbers what is written in all databases of a server: none is copied beside these tests."""
    databases.wait()


@pytest.fixture
def queue(db):
    """``queue(3)``: as many reminders, each to another customer."""

    def act(count, kind="reminder"):
        made = [
            make_invoice(make_customer(f"C{n}", email=f"c{n}@example.com"), due_on=TODAY + timedelta(days=3))
            for n in range(count)
        ]
        return [remind(invoice, kind) for invoice in made]

    return act


def apart(act, *args):
    """Do something as somebody else does it: in another thread, over a connection of its own."""
    trouble = []

    def run():
        try:
            with models.db.connection_context():
                act(*args)
        except Exception as error:
            trouble.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert trouble == []


def pay(notice):
    invoice = Invoice.get_by_id(notice.invoice_id)
    payments.record(
        invoice.customer, amount_cents=invoice.open_cents, kind="check", received_on=TODAY,
        key=f"pay {invoice.id}", by=BY, today=TODAY, now=NOW,
    )  # fmt: skip


def leave(notice):
    Contact.update(left_on=TODAY).where(Contact.id == notice.contact_id).execute()


def stop(notice):
    preferences.stop(notice.contact, Preference.REMINDER, "mail", by=BY, via="page", now=NOW)


def mute(notice):
    batch = models.ImportBatch.create(file_name="f", sha256="0" * 64, by=BY, committed_at=NOW)
    Customer.update(import_batch=batch).where(Customer.id == notice.customer_id).execute()


def hold(notice):
    holds.begin("notices", notice.customer, "They called", by=BY, today=TODAY, now=NOW)


def void(notice):
    Invoice.update(open_cents=0).where(Invoice.id == notice.invoice_id).execute()


def sent_after(first, act, *, late=False):
    """The ids that were sent, where ``act`` is done while the server takes ``first``.

    late -- by then the next message is written: the server has all of the first, and we wait for its word
    """
    sent, written = [], []

    def send(notice, mail):
        sent.append(notice.id)
        if notice.id == first.id and late:
            return lambda: act() if len(written) > 1 else pytest.fail("nothing was written meanwhile")
        return act() if notice.id == first.id else None

    def compose(notice, now):
        written.append(notice.id)
        return letter(notice, now)

    report = outbox.send_due(send=send, compose=compose, clock=at_noon())
    assert report.failures == []
    return sent


@pytest.mark.parametrize("change", [pay, leave, stop, mute, hold, void])
@pytest.mark.parametrize("by_whom", [apart, lambda act, *args: act(*args)], ids=["another", "the sender"])
@pytest.mark.parametrize("late", [False, True], ids=["before it is written", "after that"])
def test_what_changes_a_moment_before_a_message_leaves_counts(queue, change, by_whom, late):
    first, second, third = queue(3)

    sent = sent_after(first, lambda: by_whom(change, second), late=late)

    assert sent[:2] == [first.id, third.id] and second.id not in sent  # who paid gets a receipt after that
    assert Notice.get_by_id(second.id).state == "skipped"


def test_mail_goes_where_the_contact_reads_it_since_a_moment(queue):
    first, second = queue(2)

    def move():
        Contact.update(email="new@example.com").where(Contact.id == second.contact_id).execute()

    sent_after(first, lambda: apart(move), late=True)

    assert Notice.get_by_id(second.id).address == "new@example.com"


def test_the_text_that_is_kept_is_the_one_of_after_the_change(queue):
    first, second = queue(2)
    written = []

    def compose(notice, now):
        written.append((notice.id, notice.customer.name))
        return letter(notice, now)

    def send(notice, mail):
        if notice.id == first.id:
            apart(lambda: models.Customer.update(name="Married").execute())

    outbox.send_due(send=send, compose=compose, clock=at_noon())

    assert written[-1] == (second.id, "Married")


def test_a_message_is_written_by_the_text_that_staff_put_in_force_a_moment_before(app, queue):
    first, second = queue(2)
    about = {"kind": "reminder", "channel": "mail", "language": "en"}

    def edit():
        text = Text("Soon {{ number }}", defaults.of(**about).body.replace("Hello", "Hi"))
        versions.activate(versions.save(**about, text=text, note="", by=BY, now=NOW), by=BY, now=NOW)

    app.clock = at_noon()
    with app.app_context():
        outbox.send_due(
            send=lambda notice, mail: (lambda: apart(edit)) if notice.id == first.id else None,
            compose=app.compose, clock=app.clock,
        )  # fmt: skip

    subjects = [row.subject for row in Notice.select().order_by(Notice.id)]
    assert [one.startswith("Soon ") for one in subjects] == [False, True]


def test_the_servers_word_on_one_is_heard_before_the_next_begins_to_leave(queue):
    queue(3)
    said = []

    def send(notice, mail):
        said.append(f"give {notice.id}")
        return lambda: said.append(f"hear {notice.id}")

    outbox.send_due(send=send, compose=letter, clock=at_noon())

    assert said == [f"{step} {row.id}" for row in Notice.select() for step in ("give", "hear")]


def test_two_for_one_person_are_still_said_in_one(queue, alice):
    one, two = (make_invoice(alice, due_on=TODAY + timedelta(days=n)) for n in (2, 3))
    queue(1)
    remind(one), remind(two)

    report = outbox.send_due(send=lambda notice, mail: None, compose=letter, clock=at_noon())

    assert report.sent == 2
    assert sorted(row.state for row in Notice.select()) == ["joined", "sent", "sent"]


def test_what_the_server_took_is_noted_when_nothing_follows(queue):
    [only] = queue(1)

    assert outbox.send_due(send=lambda *_: None, compose=letter, clock=at_noon()).sent == 1
    assert Notice.get_by_id(only.id).state == "sent"


def test_a_sender_that_is_stopped_notes_what_the_server_took(queue):
    first, second, third = queue(3)

    def send(notice, mail):
        if notice.id == second.id:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        outbox.send_due(send=send, compose=letter, clock=at_noon())

    assert Notice.get_by_id(first.id).state == "sent"


@pytest.mark.parametrize("kind", ["reminder", "invoice"])
def test_a_sender_that_is_killed_anywhere_sends_no_reminder_twice_and_every_invoice(
    queue, kind, database_url, db, tmp_path
):
    made, box = queue(3, kind), tmp_path / "box"
    box.touch()
    db.close()
    many = [{"box": str(box), "minutes": 20 * n} for n in range(120)]

    killed = die_everywhere("mail", database_url, many)

    db.connect()
    minutes = 20 * (killed + 1)
    outbox.send_due(
        send=lambda notice, mail: box.open("a").write(f"{notice.id}\n"), compose=letter,
        clock=at_noon(minutes=minutes),
    )  # fmt: skip
    taken = box.read_text().split()
    states = {row.state for row in Notice.select()}
    assert killed > 10
    if kind == "reminder":
        assert len(taken) == len(set(taken)) and states <= {"sent", "failed"}
    else:
        assert set(taken) == {str(row.id) for row in made} and states == {"sent"}


# --- With a real server and real letters ---------------------------------------------------------


@pytest.fixture
def office(app, monkeypatch):
    models.db.connect(reuse_if_open=True)
    with PostOffice() as office:
        app.config.update(MAIL_SERVER="127.0.0.1", MAIL_PORT=office.port)
        yield office


def deliver(app, clock=None):
    post = Post(app)
    try:
        with app.app_context():
            return outbox.send_due(send=post.send, compose=app.compose, clock=clock or at_noon())
    finally:
        post.close()


@pytest.mark.parametrize("kind", ["invoice", "reminder"])
def test_ahead_or_by_itself_a_message_says_the_same(app, office, queue, kind, monkeypatch):
    """Lines, what is open besides, links: whatever is read for many is what is read for one."""
    app.clock = at_noon()
    for notice in queue(2, kind):
        make_invoice(notice.customer, due_on=TODAY - timedelta(days=30))
    deliver(app)
    first = _kept()
    for notice in list(Notice.select()):
        again = notice.key + " again"
        notices.queue(
            notice.kind, key=again, customer=notice.customer, contact=notice.contact, invoice=notice.invoice,
            why=notice.why, now=NOW,
        )  # fmt: skip
    monkeypatch.setattr(ahead, "is_plain", lambda notice: False)

    deliver(app)

    second = _kept(after=max(first))
    assert len(first) == 2 and list(first.values()) == list(second.values())


def _kept(after=0):
    rows = Notice.select().where(Notice.id > after).order_by(Notice.id)
    return {row.id: (row.subject, row.body_text, row.body_html) for row in rows}


def test_many_cost_few_statements_each(app, office, queue, monkeypatch):
    app.clock = at_noon()
    queue(30, "invoice")
    asked, real = [], models.db.obj.execute_sql
    monkeypatch.setattr(
        models.db.obj, "execute_sql", lambda sql, *more: asked.append(sql) or real(sql, *more)
    )

    assert deliver(app).sent == 30

    assert len(asked) / 30 <= 6, len(asked)


def test_the_links_of_a_mail_open_what_it_tells_of_once_it_has_left(app, office, queue):
    app.clock = at_noon()
    [notice] = queue(1, "invoice")

    deliver(app)

    text = office.taken[0].get_body(("plain",)).get_content()
    [path] = {word.partition("#")[0].rpartition("/i/")[2] for word in text.split() if "/i/" in word}
    assert app.test_client().get(f"/i/{path}").status_code == 200
    assert {link.carried_by_id for link in Link.select()} == {notice.id}


@pytest.mark.parametrize("answer", ["550", "450", "data 554", "drop after"])
def test_a_refusal_is_noted_with_the_message_that_was_refused(app, office, queue, answer):
    app.clock = at_noon()
    first, second, third = queue(3)
    office.script = ["accept", answer]

    report = deliver(app)

    assert [notice.id for notice, _ in report.failures] == [second.id]
    assert report.sent == 2
    wanted = {"550": "failed", "450": "queued", "data 554": "failed", "drop after": "failed"}
    assert Notice.get_by_id(second.id).state == wanted[answer]
    assert {Notice.get_by_id(one.id).state for one in (first, third)} == {"sent"}


@pytest.mark.parametrize("answer", ["550", "450", "data 554", "drop before", "drop after"])
def test_a_server_that_may_be_told_all_at_once_refuses_as_any_other(app, queue, answer, monkeypatch):
    said, really_send = [], smtplib.SMTP.send
    monkeypatch.setattr(smtplib.SMTP, "send", lambda self, what: said.append(what) or really_send(self, what))
    app.clock = at_noon()
    models.db.connect(reuse_if_open=True)
    first, second, third = queue(3)
    with PostOffice(pipelining=True) as office:
        app.config.update(MAIL_SERVER="127.0.0.1", MAIL_PORT=office.port)
        app.extensions.pop("mail", None)
        office.script = ["accept", answer]
        report = deliver(app)

    assert [notice.id for notice, _ in report.failures] == [second.id]
    assert {Notice.get_by_id(one.id).state for one in (first, third)} == {"sent"}
    assert len(office.taken) == 2 + (answer == "drop after")
    assert [what.split()[0] for what in said[1:] if isinstance(what, str) and "data" in what] == ["mail"] * 3


def test_without_a_server_nothing_is_tried_and_everything_waits(app, queue):
    app.clock = at_noon()
    models.db.connect(reuse_if_open=True)
    app.config.update(MAIL_SERVER="127.0.0.1", MAIL_PORT=9)
    app.extensions.pop("mail", None)
    queue(3)

    assert len(deliver(app).failures) == 1

    assert {(row.state, row.tries, row.message_id) for row in Notice.select()} == {("queued", 0, "")}


def test_who_was_slow_lets_go_of_nothing_that_another_sender_has(queue):
    first, second = queue(2, "invoice")
    clock, later = at_noon(), at_noon(minutes=20)
    slow = claiming.take(clock, 2, outbox.Report())
    claiming.give_up_dead_claims(later.now())
    [taken] = claiming.take(later, 1, outbox.Report())

    claiming.let_go(slow)

    states = {row.id: (row.state, row.tries) for row in Notice.select()}
    assert states == {taken.id: ("sending", 2), second.id: ("queued", 1)} and taken.id == first.id


def test_a_server_that_goes_away_in_the_middle_is_noticed(app, office, queue):
    app.clock = at_noon()
    queue(3, "invoice")
    office.script = ["drop before", "drop before", "drop before"]

    assert deliver(app).sent == 0

    assert {row.state for row in Notice.select()} == {"queued"}


# --- Stillness -----------------------------------------------------------------------------------


def rename(name="Else"):
    Company.update(name=name).execute()


def found_still(still, write=None):
    with models.db.atomic():
        found = still.holds()
        if write:
            write()
            still.ours()
    return found


def test_it_is_still_while_only_our_own_transactions_write(queue, alice):
    still = stillness.Still()

    assert [found_still(still, rename) for _ in range(3)] == [True, True, True]
    assert found_still(still)


@pytest.mark.parametrize("by_whom", [apart, lambda act: act()], ids=["another", "the same connection"])
def test_it_is_not_still_after_somebody_wrote_and_never_again(alice, by_whom):
    still = stillness.Still()
    assert found_still(still, rename)

    by_whom(lambda: rename("Other"))

    assert [found_still(still, rename) for _ in range(3)] == [False, False, False]


def test_it_is_not_still_while_somebody_else_is_writing(alice):
    """On PostgreSQL two can write at once; what the other wrote is seen only when it is committed."""
    if not models.db.for_update:
        pytest.skip("SQLite has one writer")
    began, go_on = threading.Event(), threading.Event()

    def write():
        with models.db.connection_context(), models.db.atomic():
            rename("Slowly")
            began.set()
            go_on.wait()

    thread = threading.Thread(target=write)
    thread.start()
    began.wait()
    still = stillness.Still()
    go_on.set()
    thread.join()

    assert not found_still(still)


def test_what_somebody_writes_after_a_rollback_of_ours_is_seen(alice):
    still = stillness.Still()
    with pytest.raises(ZeroDivisionError), models.db.atomic():
        assert still.holds()
        rename()
        raise ZeroDivisionError

    apart(rename)

    assert not found_still(still)
