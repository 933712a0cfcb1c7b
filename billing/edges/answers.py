"""Answers of both doors that are not pages: files."""

import io

from flask import send_file


def pdf_answer(content, name):
    """A PDF that the browser shows, and saves as ``name``.pdf. Nobody between us may keep a copy."""
    answer = send_file(io.BytesIO(content), mimetype="application/pdf", download_name=f"{name}.pdf")
    answer.headers["Cache-Control"] = "no-store"
    return answer
