"""Files of messages on disk: kept under their own checksum outside the web root, handed out with care.

Which files are taken is decided in ``billing.attachments``, who may see one by the page that shows its
ticket. Here only bytes come in and go out.
"""

import logging
import os
import tempfile
from dataclasses import replace
from pathlib import Path

from flask import Response, abort

from billing import attachments
from models import Attachment

log = logging.getLogger(__name__)
# A file of a customer runs nothing and reaches nothing, whatever opens it.
POLICY = "default-src 'none'; sandbox; frame-ancestors 'none'"
MOST_REQUEST = attachments.MOST_BYTES + 1024 * 1024  # with what is written beside the files
FIELD = "files"


class Shelf:
    """The folder of files. The same bytes are kept once; nothing is ever changed or taken away."""

    def __init__(self, folder):
        self.folder = Path(folder)

    def keep(self, files):
        """Write what is not here yet; returns ``files``. Called before the rows that name them are."""
        for file in files:
            place = self.folder / file.stored_as
            if not place.exists():
                self._write(place, file.content)
        return tuple(files)

    def _write(self, place, content):
        """All of it or nothing: a process that is killed leaves no half of a file under its name."""
        place.parent.mkdir(parents=True, exist_ok=True)
        handle, made = tempfile.mkstemp(dir=place.parent, prefix=".part-")
        with os.fdopen(handle, "wb") as opened:
            opened.write(content)
        os.replace(made, place)

    def read(self, row):
        """The bytes of an Attachment. FileNotFoundError when the disk has lost it."""
        return (self.folder / row.stored_as).read_bytes()

    def taken(self, request):
        """The files of a form, checked and kept. Raises BillingError for what cannot be taken."""
        uploads = [one for one in request.files.getlist(FIELD) if one.filename]
        found = []
        for one in uploads:
            with one.stream:
                found.append((one.filename, one.read(attachments.MOST_BYTES + 1)))
        return self.keep(attachments.all_checked(found))

    def opened(self, received):
        """A mail whose files are kept. What could not be taken is named in it already."""
        return replace(received, files=self.keep(received.files))

    def answer(self, row):
        """The file as a response: pictures are shown, everything else is a download."""
        try:
            content = self.read(row)
        except FileNotFoundError:
            log.error("attachment %s: %s is not on disk", row.id, row.stored_as)
            abort(404, "This file is missing on our side. Please call us, or send it once more.")
        shown = row.kind in (Attachment.JPEG, Attachment.PNG)
        kind = f"{row.kind}; charset=utf-8" if row.kind == Attachment.TEXT else row.kind
        response = Response(content, content_type=kind)
        response.headers.set("Content-Disposition", "inline" if shown else "attachment", filename=row.name)
        response.headers["Content-Security-Policy"] = POLICY
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        response.headers["Cache-Control"] = "private, no-store"
        return response
