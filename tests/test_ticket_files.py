"""Files on the way: sent with a question, kept on disk, shown to who may see the ticket, to nobody else."""

import io
from email.message import EmailMessage
from pathlib import Path

import pytest
from PIL import Image
from urllib3 import encode_multipart_formdata

from billing import attachments, inbound, links, tickets
from billing.edges import mailbox
from billing.edges.attachments import Shelf
from models import Attachment, Contact, Inbound, Message, Notice, Ticket
from tests import incoming
from tests.factories import BY, NOW, make_invoice, payer
from tests.office import enter
from tests.portal_visitor import SAME_ORIGIN, Visitor

LOG = b"09:12 low battery\n"


def photo():
    made = io.BytesIO()
    Image.new("RGB", (30, 20), "#7a4").save(made, "JPEG")
    return made.getvalue()


def signed_in(app, contact, clock):
    visitor = Visitor(app)
    token, _ = links.sign_in_link(contact, now=clock.now())
    visitor.press(visitor.open(f"/sign-in/{token}"), "Sign in")
    return visitor


@pytest.fixture
def visitor(app, alice, clock):
    return signed_in(app, payer(alice), clock)


def send(visitor, path, button, files, **typed):
    """Send the form behind a button with files, as a browser does."""
    page = visitor.open(path)
    _, address, fields = page.form(button)
    data = list(({name: value for name, value in fields if name != "files"} | typed).items())
    body, kind = encode_multipart_formdata([*data, *(("files", file) for file in files)])
    answer = visitor.client.post(address, data=body, headers=SAME_ORIGIN, content_type=kind)
    return visitor._follow(answer, address)


@pytest.fixture
def ticket(app, alice):
    files = app.files.keep(attachments.all_checked([("panel.jpg", photo()), ("log.txt", LOG)]))
    told = {"by": "Alice", "now": NOW, "contact": payer(alice)}
    return tickets.open(alice, subject="Beeping", body="It beeps.", files=files, **told)


# --- Sending -------------------------------------------------------------------------------------


def test_a_question_comes_with_photo_and_log(app, visitor):
    page = send(
        visitor, "/account/questions/new", "Send", [("panel.jpg", photo()), ("log.txt", LOG)],
        subject="Beeping", body="It beeps.",
    )  # fmt: skip

    assert page.path == f"/account/questions/{Ticket.get().id}"
    assert "panel.jpg" in page.text and "log.txt" in page.text
    [image] = page.tree.xpath("//img[@alt='']/@src")
    shown = visitor.client.get(image)
    assert (shown.status_code, shown.mimetype) == (200, "image/jpeg")
    assert shown.headers["Content-Disposition"].startswith("inline")
    assert all(app.files.read(row) for row in Attachment.select())


def test_one_more_file_comes_with_the_next_message_and_from_the_pay_page(visitor, alice, ticket):
    page = send(visitor, f"/account/questions/{ticket.id}", "Send", [("b.txt", b"b")], body="And this.")
    assert "b.txt" in page.text

    token = links.pay_link(make_invoice(alice), now=NOW, contact=payer(alice))
    send(visitor, f"/i/{token}", "Send", [("c.txt", b"c")], body="Look.")
    assert {row.name for row in Attachment.select()} == {"panel.jpg", "log.txt", "b.txt", "c.txt"}


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ([("x.html", b"<html><script>alert(1)</script>")], "web page or a drawing"),
        ([("x.jpg", b"MZ\x90")], "is a program"),
        ([("x.jpg", b"\xff\xd8\xff")], "cannot be read as a picture"),
        ([("a.txt", b"a")] * 6, "At most 5 files"),
    ],
)  # fmt: skip
def test_what_cannot_be_taken_is_said_beside_the_field_and_nothing_is_lost(visitor, files, sentence):
    page = send(visitor, "/account/questions/new", "Send", files, subject="Beeping", body="It beeps.")

    assert page.status == 422 and sentence in page.error_of("files")
    assert page.value_of("body") == "It beeps."
    assert not Ticket.select().exists()


@pytest.mark.parametrize("megabytes", [8.5, 10, 20])
def test_ten_megabytes_are_refused_with_a_sentence(visitor, megabytes):
    page = send(
        visitor, "/account/questions/new", "Send", [("a.txt", b"x" * int(megabytes * 1024**2))],
        subject="Beeping", body="It beeps.",
    )  # fmt: skip

    assert page.status in (413, 422) and "8 MB" in page.text
    assert not Ticket.select().exists()


def test_pages_that_take_no_files_take_no_large_body_either(app, visitor):
    body, kind = encode_multipart_formdata([("name", "x" * 3_000_000)])
    answer = visitor.client.post("/account/details", data=body, headers=SAME_ORIGIN, content_type=kind)

    assert answer.status_code == 413


# --- Seeing --------------------------------------------------------------------------------------


def test_a_file_is_handed_out_so_that_nothing_runs(visitor, ticket):
    photo_row, log_row = Attachment.select().order_by(Attachment.id)
    for row, how in ((photo_row, "inline"), (log_row, "attachment")):
        answer = visitor.client.get(f"/account/questions/{ticket.id}/files/{row.id}")

        assert answer.headers["Content-Disposition"].startswith(how)
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert answer.headers["Cache-Control"] == "private, no-store"
    assert answer.data == LOG and answer.content_type == "text/plain; charset=utf-8"


def test_nobody_else_finds_a_file(app, visitor, ticket, alice, bob, clock):
    row = Attachment.select().first()
    path = f"/account/questions/{ticket.id}/files/{row.id}"
    ted = Contact.create(customer=alice, name="Ted", email="ted@example.com", role=Contact.TECHNICAL)
    own = tickets.open(bob, subject="x", body="x", by="Bob", now=NOW, contact=payer(bob))

    assert visitor.client.get(path).status_code == 200
    assert Visitor(app).open(path).path == "/sign-in"
    for other in (signed_in(app, payer(bob), clock), signed_in(app, ted, clock)):
        assert other.client.get(path).status_code == 404
    bobs = signed_in(app, payer(bob), clock)
    assert bobs.client.get(f"/account/questions/{own.id}/files/{row.id}").status_code == 404
    assert visitor.client.get(f"/account/questions/{ticket.id}/files/{row.id + 99}").status_code == 404


def test_the_file_of_a_note_for_staff_is_for_staff(app, visitor, ticket):
    files = app.files.keep(attachments.all_checked([("note.txt", b"grumpy")]))
    tickets.reply(ticket, body="Grumpy.", by=BY, now=NOW, internal=True, files=files)
    row = Attachment.get(Attachment.name == "note.txt")

    assert visitor.client.get(f"/account/questions/{ticket.id}/files/{row.id}").status_code == 404
    assert enter(app, "read_only").get(f"/staff/attachment/{row.id}/file").data == b"grumpy"


def test_a_file_that_the_disk_has_lost_is_a_sentence(app, visitor, ticket):
    row = Attachment.get(Attachment.name == "log.txt")
    (app.files.folder / row.stored_as).unlink()

    page = visitor.open(f"/account/questions/{ticket.id}/files/{row.id}")

    assert page.status == 404 and "missing on our side" in page.text
    app.files.keep(attachments.all_checked([("log.txt", LOG)]))


# --- The shelf -----------------------------------------------------------------------------------


def test_the_same_bytes_are_kept_once_and_under_their_checksum(tmp_path):
    shelf = Shelf(tmp_path / "files")
    [file] = shelf.keep(attachments.all_checked([("a.txt", b"same")]))
    shelf.keep(attachments.all_checked([("../../b.txt", b"same")]))

    assert [path.name for path in Path(tmp_path).rglob("*") if path.is_file()] == [file.sha256]
    assert not [path for path in tmp_path.iterdir() if path.name != "files"]


# --- By mail -------------------------------------------------------------------------------------


def mailed(notice, *files, **headers):
    """A mail that answers ``notice`` with files."""
    made = EmailMessage()
    told = {
        "From": "alice@example.com",
        "To": incoming.REPLIES.address_for(notice.id),
        "Subject": "Re: x",
    } | headers
    for name, value in told.items():
        made[name.replace("_", "-")] = value
    made.set_content("See the files.")
    for name, content in files:
        made.add_attachment(content, maintype="application", subtype="octet-stream", filename=name)
    return made.as_bytes()


@pytest.fixture
def answered(ticket, db):
    """The notice of our answer, to which Alice replies."""
    from models import Staff

    sam = Staff.create(email="sam@example.com", name="Sam", role="support")
    tickets.reply(ticket, body="Send us a photo.", by=BY, now=NOW, staff=sam)
    return Notice.get(Notice.kind == Notice.TICKET_REPLY)


def taken(tmp_path, raw, clock):
    box = tmp_path / "box"
    for part in ("new", "cur", "tmp"):
        (box / part).mkdir(parents=True, exist_ok=True)
    (box / "new" / f"{len(list((box / 'cur').iterdir()))}").write_bytes(raw)
    shelf = Shelf(tmp_path / "files")
    [row] = mailbox.read(mailbox.box(f"maildir:{box}"), replies=incoming.REPLIES, shelf=shelf, clock=clock)
    return row, shelf


def test_what_is_attached_to_a_mail_comes_into_the_thread(tmp_path, ticket, answered, clock):
    raw = mailed(answered, ("photo.jpg", photo()), ("evil.html", b"<html><script>x</script>"))

    row, shelf = taken(tmp_path, raw, clock)

    message = ticket.messages.order_by(Message.id.desc()).get()
    [file] = attachments.of_messages([message])[message.id]
    assert (row.ticket, file.kind, file.inbound) == (ticket, "image/jpeg", row)
    assert shelf.read(file)
    assert "left in the mailbox: evil.html" in message.body and "web page" in message.body


def test_a_mail_of_ten_megabytes_is_read_and_its_file_stays_in_the_mailbox(tmp_path, ticket, answered, clock):
    row, _ = taken(tmp_path, mailed(answered, ("big.txt", b"x" * 10 * 1024**2)), clock)

    assert row.ticket == ticket and not row.files.exists()
    assert row.attachments.startswith("big.txt, ")
    assert row.attachments.endswith(" KB: The mail is too large to be read to its end.")


def test_files_of_a_forged_sender_wait_with_the_mail_until_somebody_gives_it(
    tmp_path, ticket, answered, alice, clock
):
    row, _ = taken(tmp_path, mailed(answered, ("photo.jpg", photo()), From="mallory@example.net"), clock)
    assert (row.state, row.ticket, Attachment.select().where(Attachment.inbound == row).get().message) == (
        Inbound.WAITING, None, None,
    )  # fmt: skip

    given = inbound.give(row, payer(alice), by=BY, now=NOW)

    assert given == ticket
    assert row.files.get().message.ticket == ticket


@pytest.mark.parametrize(
    "headers", [{"Auto_Submitted": "auto-replied"}, {"Precedence": "bulk"}, {"Return_Path": "<>"}]
)
def test_a_machine_opens_no_ticket_gets_no_mail_and_leaves_no_file(tmp_path, answered, clock, headers):
    before = Notice.select().count(), Attachment.select().count(), Message.select().count()

    row, _ = taken(tmp_path, mailed(answered, ("photo.jpg", photo()), **headers), clock)

    assert row.kind == Inbound.AUTOMATIC
    assert (Notice.select().count(), Attachment.select().count(), Message.select().count()) == before
