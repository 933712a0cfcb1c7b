"""Files that people send us: what is taken, as what, and why not. By content, never by name or claim.

Pictures are drawn anew, which leaves out everything that is no picture: places, comments, hidden files. A
PDF is taken when nothing in it acts; text when it is text. Where files are kept and how they are handed out
stands in ``edges.attachments``; who may see them is decided by whoever shows the ticket.
"""

import hashlib
import io
import re
import struct
import unicodedata
import warnings
import zipfile
import zlib
from dataclasses import dataclass

from PIL import Image, ImageOps

from billing import masking
from billing.errors import BillingError
from models import Attachment

MOST_BYTES = 8 * 1024 * 1024  # of one file, and of all files of one message together
MOST_FILES = 5
MOST_TEXT = 200_000  # bytes
MOST_PIXELS = 64_000_000  # of a JPEG, which can be read at a smaller size; others a third of it
SIDE = 3_000  # pixels of the longer side, as kept
UNPACKED = 40_000_000  # bytes that the packed objects of a PDF may hold
TAKEN = "Photos (JPEG, PNG, GIF, WebP), PDF and plain text can be attached"
SUFFIXES = {
    Attachment.JPEG: (".jpg", ".jpeg"), Attachment.PNG: (".png",), Attachment.PDF: (".pdf",),
    Attachment.TEXT: (".txt", ".log", ".csv"),
}  # fmt: skip
OURS = {"JPEG": "JPEG", "MPO": "JPEG", "PNG": "PNG", "GIF": "PNG", "WEBP": "PNG"}
MARKUP = re.compile(rb"<\s*(!doctype|html|head|body|script|svg|iframe|\?xml|\?php)", re.IGNORECASE)
ACTIVE = re.compile(
    rb"/(JavaScript|Launch|EmbeddedFiles?|RichMedia|XFA|SubmitForm|ImportData|Rendition)(?![A-Za-z0-9])"
)
SHORT_ACTIVE = re.compile(rb"/JS(?![A-Za-z0-9])")  # too short to be looked for in packed bytes
STREAM, END_OF_STREAM = re.compile(rb"stream\r?\n"), b"endstream"
MOST_STREAMS = 20_000  # of a PDF; a whole year of scans has fewer
DAMAGED = (OSError, ValueError, SyntaxError, EOFError, IndexError, KeyError, TypeError, struct.error)


@dataclass(frozen=True)
class File:
    """One file as it is kept. ``kind`` is its media type; width and height only of pictures."""

    name: str
    kind: str
    content: bytes
    width: int | None = None
    height: int | None = None

    @property
    def sha256(self):
        """The name under which its bytes are kept, once however often they come."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def stored_as(self):
        """Its path below the folder of files."""
        return f"{self.sha256[:2]}/{self.sha256}"


def checked(name, content):
    """``content`` as the File that may be kept. Raises BillingError with a sentence that says why not."""
    name = _shown(name)
    if not content:
        raise BillingError(f"{name} is empty. Please choose it again.")
    if len(content) > MOST_BYTES:
        raise BillingError(f"{name} is larger than {MOST_BYTES // 1024**2} MB. Please send a smaller one.")
    for begins, read in READERS:
        if content.startswith(begins) and (begins != b"RIFF" or content[8:12] == b"WEBP"):
            _refuse_two_in_one(name, content)
            return read(name, content)
    _refuse_known(name, content)
    return _text(name, content)


def all_checked(uploads):
    """The Files of one message, from [(name, bytes)]. Raises BillingError for the first that cannot be."""
    if len(uploads) > MOST_FILES:
        raise BillingError(f"At most {MOST_FILES} files fit one message. Send the others with another one.")
    if sum(len(content) for _, content in uploads) > MOST_BYTES:
        raise BillingError(
            f"Together these files are larger than {MOST_BYTES // 1024**2} MB. Send some by themselves."
        )
    return [checked(name, content) for name, content in uploads]


def attach(files, *, now, message=None, inbound=None):
    """Note ``files``, which are kept already, as those of a message or of a mail. Returns the rows."""
    return [
        Attachment.create(
            message=message,
            inbound=inbound,
            name=file.name,
            kind=file.kind,
            size=len(file.content),
            sha256=file.sha256,
            stored_as=file.stored_as,
            width=file.width,
            height=file.height,
            made_at=now,
        )
        for file in files
    ]


def of_messages(messages):
    """{message id: [Attachment]} in one query."""
    found = {}
    ids = [message.id for message in messages]
    for row in Attachment.select().where(Attachment.message.in_(ids)).order_by(Attachment.id):
        found.setdefault(row.message_id, []).append(row)
    return found


# --- What it is ----------------------------------------------------------------------------------


def _refuse_two_in_one(name, content):
    """A picture or PDF that is an archive as well wants to be something else somewhere else."""
    if zipfile.is_zipfile(io.BytesIO(content)):
        raise BillingError(f"{name} is two kinds of file in one. Please send only the picture or the PDF.")


def _refuse_known(name, content):
    """What is often sent and not taken is called by its name."""
    for begins, sentence in REFUSED:
        if content.startswith(begins):
            raise BillingError(f"{name} {sentence}")
    if content[4:8] == b"ftyp":
        is_photo = content[8:12] in (b"heic", b"heix", b"mif1", b"hevc", b"avif")
        what = "is a photo in Apple’s own format" if is_photo else "is a film"
        raise BillingError(f"{name} {what}. Please send a photo as JPEG.")


def _picture(name, content):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            return _drawn_anew(name, content)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_many_pixels(name) from None
    except DAMAGED:
        raise BillingError(
            f"{name} cannot be read as a picture. It may be damaged; try another copy."
        ) from None


def _drawn_anew(name, content):
    image = Image.open(io.BytesIO(content), formats=("JPEG", "PNG", "GIF", "WEBP"))
    most = MOST_PIXELS if image.format in ("JPEG", "MPO") else MOST_PIXELS // 3
    if image.width * image.height > most:
        raise _too_many_pixels(name)
    image.draft("RGB", (SIDE, SIDE))  # a JPEG is read at about the size that is kept
    as_kind = OURS[image.format]
    image = ImageOps.exif_transpose(image)
    image = image.convert("RGBA" if image.has_transparency_data and as_kind == "PNG" else "RGB")
    image.thumbnail((SIDE, SIDE))
    image.info.clear()  # or comments of the sender would be written again
    made = io.BytesIO()
    image.save(made, as_kind, **({"quality": 86} if as_kind == "JPEG" else {}))
    kind = Attachment.JPEG if as_kind == "JPEG" else Attachment.PNG
    return File(_named(name, kind), kind, made.getvalue(), *image.size)


def _too_many_pixels(name):
    return BillingError(f"{name} has too many pixels to be opened safely. Please send it smaller.")


def _pdf(name, content):
    """A PDF whose objects, packed or not, hold nothing that runs, and which is nothing else besides."""
    if b"%%EOF" not in content[-2048:]:
        raise BillingError(f"{name} is not a whole PDF. It may be damaged; try another copy.")
    streams = _streams(name, content)
    bare = _without(streams, content)
    if b"/Encrypt" in bare:
        raise BillingError(f"{name} is locked with a password. Please send it without one.")
    outside = _names(bare) + _unpacked_objects(name, content, streams)
    if ACTIVE.search(_names(content)) or ACTIVE.search(outside) or SHORT_ACTIVE.search(outside):
        raise BillingError(
            f"{name} holds a program or another file. Print it to a new PDF, or send a photo of it."
        )
    if MARKUP.search(bare):
        raise BillingError(f"{name} is two kinds of file in one. Please send only the PDF.")
    return File(_named(name, Attachment.PDF), Attachment.PDF, content)


def _names(content):
    """With the signs of names that a PDF may write as #4A turned into themselves."""
    return re.sub(rb"#([0-9A-Fa-f]{2})", lambda found: bytes([int(found[1], 16)]), content)


def _streams(name, content):
    """[(begin, end)] of what stands between ``stream`` and ``endstream``. Reads every byte once.

    A pattern of both would look for the end from every beginning anew: hours for a file made for that.
    """
    found, at = [], 0
    while begin := STREAM.search(content, at):
        end = content.find(END_OF_STREAM, begin.end())
        if end < 0:
            break
        if len(found) == MOST_STREAMS:
            raise BillingError(f"{name} has too many parts to be looked through. Send a photo of it.")
        found.append((begin.end(), end))
        at = end + len(END_OF_STREAM)
    return found


def _without(streams, content):
    """What stands outside of the streams."""
    ends = [0, *(end for _, end in streams)]
    begins = [*(begin for begin, _ in streams), len(content)]
    return b" ".join(content[end:begin] for end, begin in zip(ends, begins, strict=True))


def _unpacked_objects(name, content, streams):
    """What the object streams of a PDF hold; none of them may unpack to more than a file would."""
    held, room = [], UNPACKED
    for begin, end in streams:
        if b"/ObjStm" not in _names(content[max(0, begin - 1000) : begin]):
            continue
        try:
            unpacked = zlib.decompressobj().decompress(content[begin:end], room)
        except zlib.error:
            continue
        room -= len(unpacked)
        if room <= 0:
            raise BillingError(f"{name} unpacks to more than it should. Please send another copy.")
        held.append(_names(unpacked))
    return b" ".join(held)


def _text(name, content):
    """Plain text, kept as UTF-8 and without card numbers."""
    if MARKUP.search(content):
        raise BillingError(f"{name} is a web page or a drawing with code in it. {TAKEN}.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", "replace")
    if any(unicodedata.category(sign) == "Cc" and sign not in "\t\r\n\f" for sign in text):
        raise BillingError(f"{name} is not a kind of file that we can take. {TAKEN}.")
    if len(content) > MOST_TEXT:
        raise BillingError(f"{name} is too long a text. Please send only the part that matters.")
    return File(_named(name, Attachment.TEXT), Attachment.TEXT, masking.masked(text).encode())


READERS = (
    (b"\xff\xd8\xff", _picture), (b"\x89PNG\r\n\x1a\n", _picture), (b"GIF87a", _picture),
    (b"GIF89a", _picture), (b"RIFF", _picture), (b"%PDF-", _pdf),
)  # fmt: skip
REFUSED = (
    (b"PK", f"is an archive or an Office document. Please send it as PDF. {TAKEN}."),
    (b"\xd0\xcf\x11\xe0", f"is an Office document. Please send it as PDF. {TAKEN}."),
    (b"MZ", f"is a program; we never open those. {TAKEN}."),
    (b"\x7fELF", f"is a program; we never open those. {TAKEN}."),
    (b"#!", f"is a program; we never open those. {TAKEN}."),
    (b"\x1f\x8b", f"is an archive. Please send what is in it. {TAKEN}."),
    (b"7z\xbc\xaf", f"is an archive. Please send what is in it. {TAKEN}."),
    (b"Rar!", f"is an archive. Please send what is in it. {TAKEN}."),
)  # fmt: skip


# --- Names ---------------------------------------------------------------------------------------


def _shown(name):
    """A name that can be shown: its last part, in one line, without signs that turn the reading round."""
    last = re.split(r"[/\\]", str(name or ""))[-1]
    seen = "".join(sign for sign in last if unicodedata.category(sign)[0] != "C")
    return masking.masked(" ".join(seen.split()))[:80].strip(" .") or "The file"


def _named(name, kind):
    """``name`` with the ending of what it is, so that nothing opens it as something else."""
    stem, dot, suffix = name.rpartition(".")
    if dot and f".{suffix.lower()}" in SUFFIXES[kind]:
        return name
    short = stem if dot and len(suffix) <= 5 else name
    return f"{short or 'file'}{SUFFIXES[kind][0]}"
