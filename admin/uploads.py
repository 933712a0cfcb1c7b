"""A file that is chosen, shown for what it would do, and only then kept: its bytes ride along in the form.

Here: taking the file and packing it. Not here: what a file means (remittances.py, call_lists.py).
"""

import base64
import zlib

from flask import request

from billing.errors import BillingError

LARGEST = 1_500_000
LARGEST_PACKED = 450_000  # characters of a form field
AGREED = "book"  # the field of the form that says: keep it


def taken(*, choose, too_large):
    """(name, bytes): of the upload, or of what was shown and is kept now.

    choose    -- the sentence for nobody chose one
    too_large -- the sentence for a file that a page cannot carry
    """
    if AGREED in request.form:
        return request.form.get("name", "file.csv")[:255], _unpacked()
    upload = request.files.get("file")
    if upload is None or not upload.filename:
        raise BillingError(choose)
    content = upload.read(LARGEST + 1)
    if len(content) > LARGEST or len(packed(content)) > LARGEST_PACKED:
        raise BillingError(too_large)
    return upload.filename[:255], content


def packed(content):
    """The bytes as a field of a form carries them."""
    return base64.b64encode(zlib.compress(content, 9)).decode()


def _unpacked():
    try:
        given = base64.b64decode(request.form["packed"], validate=True)
        return zlib.decompressobj().decompress(given, LARGEST)
    except (KeyError, ValueError, zlib.error):
        raise BillingError("The file did not come back whole. Choose it again.") from None
