"""Files from people: what is taken, as what, and what is refused with a sentence."""

import contextlib
import io
import struct
import time
import zipfile
import zlib

import pytest
from PIL import Image

from billing import attachments
from billing.errors import BillingError
from models import Attachment

PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
HTML = b"<!doctype html><script>alert(1)</script>"


def picture(kind="JPEG", size=(40, 30), **more):
    made = io.BytesIO()
    Image.new("RGBA" if kind in ("PNG", "WEBP") else "RGB", size, "#7a4").save(made, kind, **more)
    return made.getvalue()


def archive(name="a.txt", content=b"x"):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr(name, content)
    return made.getvalue()


def object_stream(content):
    packed = zlib.compress(content)
    return PDF.replace(
        b"trailer",
        b"2 0 obj<</Type/ObjStm/N 1/First 4/Filter/FlateDecode>>stream\n%s\nendstream endobj\ntrailer"
        % packed,
    )


def refusal(name, content):
    with pytest.raises(BillingError) as caught:
        attachments.checked(name, content)
    return str(caught.value)


@pytest.mark.parametrize(
    ("content", "kind", "name"),
    [
        (picture("JPEG"), Attachment.JPEG, "x.jpg"),
        (picture("PNG"), Attachment.PNG, "x.png"),
        (picture("GIF"), Attachment.PNG, "x.png"),
        (picture("WEBP"), Attachment.PNG, "x.png"),
        (PDF, Attachment.PDF, "x.pdf"),
        ("Zähler 12\r\n".encode(), Attachment.TEXT, "x.txt"),
        ("Zähler 12".encode("cp1252"), Attachment.TEXT, "x.txt"),
    ],
)
def test_a_file_is_what_its_content_says(content, kind, name):
    file = attachments.checked("x.exe", content)

    assert (file.kind, file.name) == (kind, name)
    assert (file.width, file.height) == ((40, 30) if kind.startswith("image") else (None, None))


def test_a_picture_is_drawn_anew_without_what_was_hidden_in_it():
    exif = Image.Exif()
    exif[0x010F], exif[0x8825] = "Secret Phone", {1: "N", 2: (30.0, 16.0, 0.0)}
    sent = picture("JPEG", exif=exif, comment=b"<script>alert(1)</script>") + HTML

    file = attachments.checked("photo.jpg", sent)

    assert b"script" not in file.content and b"Secret" not in file.content
    assert not Image.open(io.BytesIO(file.content)).getexif()


def test_a_photo_stands_upright_and_is_not_larger_than_needed():
    exif = Image.Exif()
    exif[0x0112] = 6
    file = attachments.checked("photo.jpg", picture("JPEG", (4000, 3000), exif=exif))

    assert (file.width, file.height) == (2250, 3000)


def test_text_keeps_no_card_number():
    assert b"4111" not in attachments.checked("x.txt", b"Card 4111 1111 1111 1111\n").content


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (HTML, "web page or a drawing with code"),
        (b"\n  <HTML><body>", "web page or a drawing"),
        (b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>', "web page or a drawing"),
        (b'<?xml version="1.0"?><svg/>', "web page or a drawing"),
        (b"Dear all,\n<script>alert(1)</script>", "web page or a drawing"),
        (b"MZ\x90\x00", "is a program"),
        (b"\x7fELF\x02", "is a program"),
        (b"#!/bin/sh\nrm -rf /", "is a program"),
        (archive(), "archive or an Office document"),
        (archive("word/document.xml"), "archive or an Office document"),
        (b"\x1f\x8b\x08\x00", "is an archive"),
        (b"Rar!\x1a\x07", "is an archive"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "Office document"),
        (b"\x00\x00\x00\x18ftypheic\x00", "Apple’s own format"),
        (b"\x00\x00\x00\x18ftypisom\x00", "is a film"),
        (b"\x00\x01\x02binary", "not a kind of file that we can take"),
        (b"x" * (attachments.MOST_TEXT + 1), "too long a text"),
        (b"\xff\xd8\xff" + b"\x00" * 50, "cannot be read as a picture"),
        (picture("JPEG")[:200], "cannot be read as a picture"),
        (b"GIF89a", "cannot be read as a picture"),
        (b"RIFF\x10\x00\x00\x00WEBPVP8 ", "cannot be read as a picture"),
        (b"RIFF\x10\x00\x00\x00WAVEfmt ", "not a kind of file"),
        (PDF.replace(b"%%EOF", b""), "not a whole PDF"),
        (PDF.replace(b"/Catalog", b"/Catalog/Encrypt 3 0 R"), "locked with a password"),
        (
            PDF.replace(b"/Catalog", b"/Catalog/OpenAction<</S/JavaScript/JS(app.alert(1))>>"),
            "holds a program",
        ),
        (PDF.replace(b"/Catalog", b"/Catalog/AA<</O<</S/Java#53cript/J#53(1)>>>>"), "holds a program"),
        (PDF.replace(b"/Catalog", b"/Catalog/OpenAction<</S/Launch/F(cmd.exe)>>"), "holds a program"),
        (PDF.replace(b"/Catalog", b"/Catalog/Names<</EmbeddedFiles 4 0 R>>"), "another file"),
        (object_stream(b"1 0 <</S/JavaScript/JS(app.alert(1))>>"), "holds a program"),
        (PDF.replace(b"%PDF-1.4\n", b"%PDF-1.4\n" + HTML), "two kinds of file in one"),
        (PDF + archive(), "two kinds of file in one"),
        (picture("JPEG") + archive(), "two kinds of file in one"),
        (picture("PNG") + archive("evil.html", HTML), "two kinds of file in one"),
    ],
)
def test_what_cannot_be_taken_is_refused_with_a_sentence(content, sentence):
    said = refusal("x.jpg", content)

    assert sentence in said and said.endswith(".") and "x.jpg" in said


def png_of(width, height):
    """A PNG of a few bytes that claims to be very large."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = (b"IHDR" + head, b"IDAT" + zlib.compress(b"\x00" * 1000), b"IEND")
    chunks = (struct.pack(">I", len(one) - 4) + one + struct.pack(">I", zlib.crc32(one)) for one in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@pytest.mark.parametrize("size", [(10_000, 10_000), (14_000, 14_000), (60_000, 60_000), (30_000, 900)])
def test_a_picture_that_unpacks_to_gigabytes_is_never_opened(size):
    assert "too many pixels" in refusal("bomb.png", png_of(*size))


def test_objects_of_a_pdf_that_unpack_to_gigabytes_are_never_kept():
    assert "unpacks to more" in refusal("bomb.pdf", object_stream(b"0" * (attachments.UNPACKED + 1)))


@pytest.mark.parametrize("piece", [b"stream\n", b"stream\n#4A#53endstream"])
def test_a_pdf_made_to_be_read_for_hours_is_read_or_refused_at_once(piece):
    began = time.process_time()
    with contextlib.suppress(BillingError):
        attachments.checked("x.pdf", b"%PDF-1.4\n" + piece * 250_000 + b"%%EOF")
    assert time.process_time() - began < 5


def test_names_in_pictures_of_a_pdf_are_no_names():
    packed = b"random /JS bytes"
    stream = b"3 0 obj<</Subtype/Image/Length 16>>stream\n" + packed + b"\nendstream endobj\ntrailer"

    assert attachments.checked("scan.pdf", PDF.replace(b"trailer", stream)).kind == Attachment.PDF


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("../../etc/passwd", "passwd.txt"), ("C:\\evil\\a.txt", "a.txt"), ("a\u202etxt.exe", "atxt.txt"),
        ("a\nb\x00.txt", "ab.txt"), ("", "The file.txt"), ("x" * 300, "x" * 80 + ".txt"),
        ("page.html", "page.txt"),
        ("4111111111111111.txt", "•••• 1111 (card number removed).txt"), (None, "The file.txt"),
    ],
)  # fmt: skip
def test_a_name_is_one_line_with_the_ending_of_what_it_is(sent, kept):
    assert attachments.checked(sent, b"hello").name == kept


def test_a_message_takes_only_so_many_files_and_so_many_bytes():
    some = ("a.txt", b"hello")
    with pytest.raises(BillingError, match="At most 5 files"):
        attachments.all_checked([some] * 6)
    half = b"%PDF-1.4" + b" " * (attachments.MOST_BYTES // 2) + b"%%EOF"
    with pytest.raises(BillingError, match="larger than 8 MB"):
        attachments.all_checked([("a.pdf", half), ("b.pdf", half)])
    with pytest.raises(BillingError, match="larger than 8 MB"):
        attachments.checked("a.pdf", half + half)
    assert len(attachments.all_checked([some] * 5)) == 5
