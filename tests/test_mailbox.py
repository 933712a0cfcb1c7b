"""Reading a mailbox: a maildir, and a real IMAP server; each mail once, however often the reader dies."""

import socket
import tempfile
import threading
from pathlib import Path

import pytest

from billing import feeds, inbound
from billing.edges import envelopes, mailbox
from billing.edges.attachments import Shelf
from billing.edges.mailbox import MailboxTrouble
from models import Feed, Inbound
from tests import dovecot, folders, ports
from tests.incoming import REPLIES, mail


@pytest.fixture(scope="session")
def imap():
    if reason := dovecot.missing():
        pytest.fail(reason, pytrace=False)
    with folders.made("imap") as folder:
        Path(folder).chmod(0o755)  # the server gives its rights away, and must still find its files
        server = dovecot.Dovecot(Path(folder))
        yield server
        server.stop()


@pytest.fixture
def server(imap):
    """The real server with an empty mailbox."""
    imap.empty()
    return imap


@pytest.fixture
def folder(tmp_path):
    for part in ("new", "cur", "tmp"):
        (tmp_path / part).mkdir()
    return tmp_path


def read(url, clock):
    with tempfile.TemporaryDirectory() as shelf:
        return mailbox.read(mailbox.box(str(url)), replies=REPLIES, shelf=Shelf(shelf), clock=clock)


def put(folder, raw, name="1.host"):
    (folder / "new" / name).write_bytes(raw)


# --- A maildir -----------------------------------------------------------------------------------


def test_each_mail_of_a_maildir_is_read_once(db, folder, clock):
    put(folder, mail("One"), "1.host")
    put(folder, mail("Two"), "2.host")

    assert len(read(f"maildir:{folder}", clock)) == 2
    assert read(f"maildir:{folder}", clock) == []
    assert sorted(path.name for path in (folder / "cur").iterdir()) == ["1.host:2,S", "2.host:2,S"]
    assert Inbound.select().count() == 2


def test_a_mail_that_somebody_looked_at_is_read_all_the_same(db, folder, clock):
    (folder / "cur" / "3.host:2,F").write_bytes(mail("Three"))

    assert len(read(f"maildir:{folder}", clock)) == 1
    assert [path.name for path in (folder / "cur").iterdir()] == ["3.host:2,FS"]


def test_a_reader_that_died_before_it_marked_a_mail_takes_it_once(db, folder, clock):
    put(folder, mail("One"))
    inbound.take(envelopes.opened(mail("One"), replies=REPLIES, now=clock.now()), now=clock.now())

    read(f"maildir:{folder}", clock)

    assert Inbound.select().count() == 1 and not list((folder / "new").iterdir())


def test_of_ten_megabytes_one_is_read(db, folder, clock):
    put(folder, mail("Look at this.\n" + "x" * 70 + "\n" * 1) + b"y" * (10 * 1024 * 1024))

    [row] = read(f"maildir:{folder}", clock)

    assert row.body.startswith("Look at this.") and len(row.body) <= envelopes.MOST_BODY


def test_a_mail_that_breaks_a_rule_is_shown_and_does_not_stand_in_the_way(db, folder, clock):
    put(folder, b"\x00\xff" * 100, "1.host")
    put(folder, mail("Two"), "2.host")

    assert [row.state for row in read(f"maildir:{folder}", clock)] == ["waiting", "waiting"]


def test_a_folder_that_is_none_is_trouble_that_staff_can_read(db, tmp_path, clock):
    with pytest.raises(MailboxTrouble, match="There is no maildir at"):
        read(f"maildir:{tmp_path}/nowhere", clock)

    assert "no maildir" in Feed.get().trouble and feeds.silent(clock.now())


# --- Heartbeat -----------------------------------------------------------------------------------


def test_a_mailbox_that_was_read_is_trusted_for_half_an_hour(db, folder, clock):
    read(f"maildir:{folder}", clock)
    assert feeds.silent(clock.now()) == []

    clock.advance(minutes=31)
    assert [feed.name for feed in feeds.silent(clock.now())] == ["mail"]


def test_of_many_workers_one_reads_in_each_minute(db, clock):
    def turn():
        return feeds.take_turn(feeds.MAIL, every=mailbox.Imap.every, now=clock.now())

    assert (turn(), turn()) == (True, False)
    clock.advance(seconds=60)
    assert turn()


# --- A real server -------------------------------------------------------------------------------


def test_each_mail_of_a_server_is_read_once(db, server, clock):
    server.deliver(mail("One"))
    server.deliver(mail("Two"))

    assert [row.body for row in read(server.url, clock)] == ["One", "Two"]
    assert read(server.url, clock) == []


@pytest.mark.parametrize("way", ["tls_url", "starttls_url"])
def test_an_encrypted_mailbox_is_read_where_its_certificate_is_trusted(db, server, clock, monkeypatch, way):
    monkeypatch.setenv("SSL_CERT_FILE", str(server.certificate))
    server.deliver(mail("One"))

    assert [row.body for row in read(getattr(server, way), clock)] == ["One"]


@pytest.mark.parametrize("way", ["tls_url", "starttls_url"])
def test_a_certificate_that_nobody_vouches_for_is_refused_in_words(db, server, clock, way):
    server.deliver(mail("One"))

    with pytest.raises(MailboxTrouble, match=r"The certificate of 127.0.0.\d is not trusted here \(self"):
        read(getattr(server, way), clock)
    assert not Inbound.select().exists()
    assert "SSL_CERT_FILE" in Feed.get().trouble


def test_a_certificate_of_another_name_is_refused_in_words(db, server, clock, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(server.certificate))
    server.deliver(mail("One"))

    with pytest.raises(MailboxTrouble, match="The certificate of localhost is not trusted here"):
        read(server.tls_url.replace("127.0.0.1", "localhost"), clock)


def test_who_reads_the_same_mailbox_hides_nothing_from_us(db, server, clock):
    server.deliver(mail("One"))
    program = server.client()
    program.fetch("1", "(RFC822)")  # now it is seen
    program.logout()

    assert len(read(server.url, clock)) == 1


def test_a_reader_that_is_killed_before_it_marks_a_mail_takes_it_once(db, server, clock, monkeypatch):
    server.deliver(mail("One"))
    with monkeypatch.context() as patched:
        patched.setattr(mailbox.Imap, "done", lambda self, uid: (_ for _ in ()).throw(SystemExit))
        with pytest.raises(SystemExit):
            read(server.url, clock)
    assert Inbound.select().count() == 1

    assert len(read(server.url, clock)) == 1
    assert Inbound.select().count() == 1 and read(server.url, clock) == []


def test_a_reader_that_is_killed_before_it_commits_loses_nothing(db, server, clock, monkeypatch):
    server.deliver(mail("One"))
    with monkeypatch.context() as patched:
        patched.setattr(inbound, "_decide", lambda *_: (_ for _ in ()).throw(SystemExit))
        with pytest.raises(SystemExit):
            read(server.url, clock)
    assert not Inbound.select().exists()

    assert len(read(server.url, clock)) == 1


def test_of_a_large_mail_on_a_server_the_beginning_is_read(db, server, clock):
    server.deliver(mail("Look at this.") + b"y" * (3 * 1024 * 1024))

    assert read(server.url, clock)[0].body.startswith("Look at this.")


@pytest.mark.parametrize(
    ("change", "said"),
    [(("pass", "wrong"), "cannot be read"), (("INBOX", "Nowhere"), "refused select")],
)
def test_a_server_that_refuses_is_trouble_that_staff_can_read(db, server, clock, change, said):
    with pytest.raises(MailboxTrouble, match=said):
        read(server.url.replace(*change), clock)

    assert Feed.get().trouble and Feed.get().beat_at is None
    assert "word" not in Feed.get().trouble


def test_a_server_that_is_not_there_is_trouble_too(db, clock):
    with pytest.raises(MailboxTrouble, match="ConnectionRefused"):
        read(f"imap://a:b@127.0.0.1:{ports.free()}/INBOX", clock)


def test_a_server_that_says_nothing_is_given_up(db, clock, monkeypatch):
    monkeypatch.setattr(mailbox, "TIMEOUT_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        held = []
        listener = threading.Thread(target=lambda: held.append(silent.accept()), daemon=True)
        listener.start()

        with pytest.raises(MailboxTrouble, match="cannot be read"):
            read(f"imap://a:b@127.0.0.1:{port}/INBOX", clock)
        listener.join()
        held[0][0].close()


def test_a_password_is_not_sent_in_clear_to_another_machine(db, clock, monkeypatch):
    class Plain:
        capabilities = ("IMAP4REV1",)
        said = []

        def __init__(self, *_, **__):
            pass

        def login(self, *secret):
            self.said.append(secret)

        def shutdown(self):
            self.said.append("hung up")

    monkeypatch.setattr(mailbox.imaplib, "IMAP4", type("IMAP4", (Plain,), {"error": OSError}))

    with pytest.raises(MailboxTrouble, match="offers no encryption"):
        read("imap://a:b@mail.example.com/INBOX", clock)
    assert Plain.said == ["hung up"]
