"""Addresses inside the back office."""

from flask import request

from admin import security


def back_url(default):
    """Where ``?url=`` says one came from, when that is a page of ours."""
    target = request.values.get("url", "")
    return security.safe_next(target) if target else default
