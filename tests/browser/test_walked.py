"""Every page that people open is walked by a test with a browser: on a phone, by axe, in light and dark.

The map of addresses is compared with the addresses in the tests beside this one, so that a new page cannot be
forgotten. What is no page of its own stands in a short list, with the reason. Not here: any walk itself.
"""

import ast
import re
from pathlib import Path

import pytest
from werkzeug.exceptions import HTTPException

from admin import base, views
from admin.base import StaffView

HERE = Path(__file__).parent
NO_PAGES = {
    # Answers for scripts and calendars, and files.
    "portal.calendar_feed", "staff.search", "staff.callers", "portal.asset",
}  # fmt: skip


def test_print(app):
    walked = addresses(app)
    pages = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if "GET" in rule.methods and rule.endpoint.split(".")[0] in ("staff", "portal")
    }
    print("\n".join(sorted(pages - walked)))
    own = {f"staff_{m._meta.table_name}" for _, m, v in views.screens() if v.details_page != StaffView.details_page or any(k for k in vars(v) if k.endswith("_view"))}
    print(sorted(o for o in own))
    print(sorted(f"staff_{m._meta.table_name}.details_view" for _, m, v in views.screens() if f"staff_{m._meta.table_name}.details_view" not in walked))


def addresses(app):
    """The endpoints behind every address that a test beside this one writes down."""
    adapter, found = app.url_map.bind("localhost"), set()
    for path in HERE.glob("test_*.py"):
        for text in texts(ast.parse(path.read_text("utf-8"))):
            start = re.search(r"/(staff|account|i|sign-in|r|preferences|answer|pay|calendar|c|p|n|e|w)\b|/$", text)
            if start is None:
                continue
            where = re.sub(r"\{\w*\}", "1", text[start.start():]).partition("?")[0].partition("#")[0]
            try:
                found.add(adapter.match(where, method="GET")[0])
            except HTTPException:
                continue
    return found


def texts(tree):
    """Every text in a module; what is put in is written as 1."""
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(one.value) if isinstance(one, ast.Constant) else "1" for one in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and "\n" not in node.value:
            yield node.value
