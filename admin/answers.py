"""Answers of the back office that are not pages."""

import io

from flask import send_file


def pdf_answer(content, name):
    """A PDF that the browser shows, and saves as ``name``."""
    return send_file(io.BytesIO(content), mimetype="application/pdf", download_name=f"{name}.pdf")
