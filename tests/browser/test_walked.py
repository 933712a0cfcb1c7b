"""Every page that people open is walked by a test with a browser: judged by axe, in light and in dark.

The map of addresses is compared with the addresses in the tests beside this one, so that a new page cannot be
forgotten. Who adds a page adds its address to a walk. Screens that are generated share their pages: of each
kind some are walked, and of those with a page of their own all. Not here: any walk itself.
"""

import ast
import re
from pathlib import Path

import pytest
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from admin import views
from admin.base import StaffView

HERE = Path(__file__).parent
FILES = (
    "portal.calendar_feed", "portal.invoice_pdf", "portal.pay_link_pdf", "portal.payment_pdf",
    "portal.payment_receipt", "portal.plan_pdf", "portal.plan_pdf_by_link", "portal.question_file",
    "portal.receipt_by_link", "portal.statement_pdf", "staff.certificate_pdf",
)  # fmt: skip
LEAD_ELSEWHERE = (  # they only lead on to another page
    "portal.back_to_invoice", "portal.add_method_again", "portal.unsubscribe_page", "portal.pay_page",
    "portal.method_added", "portal.payment_cancel", "staff.phone_cancel", "staff.phone_page",
)  # fmt: skip
FOR_SCRIPTS = ("staff.callers",)
# Opened by a click and judged there: endpoint -> the test that does it.
BY_CLICK = {
    "portal.contract": "test_contract.py",  # the link of a notice
    "portal.wait": "test_autopay.py",  # "Wait until another day"
    "portal.payment": "test_account_pages.py",  # its address has a reference
    "staff.sign_in": "test_staff.py",  # where nobody is signed in
}
ADDRESS = re.compile(r"/(?:staff|account|i|sign-in|p|c|e|pay|payments)\b.*|/$")


@pytest.fixture
def walked(app):
    """The endpoints behind every address that a test beside this one writes down."""
    found = set(BY_CLICK)
    for path in HERE.glob("test_*.py"):
        if path.name != Path(__file__).name:
            found |= {_endpoint(app, text) for text in _texts(ast.parse(path.read_text("utf-8")))}
    return found


def _endpoint(app, text):
    where = ADDRESS.search(text)
    if where is None:
        return None
    path = re.sub(r"\{\w*\}", "1", where[0]).partition("?")[0].partition("#")[0]
    try:
        return app.url_map.bind("localhost").match(path, method="GET")[0]
    except (HTTPException, RequestRedirect):
        return None


def _texts(tree):
    """Every text in a module; what is put in is written as 1."""
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = (str(one.value) if isinstance(one, ast.Constant) else "1" for one in node.values)
            yield "".join(parts)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _pages(app):
    rules = [rule for rule in app.url_map.iter_rules() if "GET" in rule.methods]
    return {rule.endpoint for rule in rules if rule.endpoint.split(".")[0] in ("staff", "portal")}


def test_every_page_of_its_own_is_walked(app, walked):
    left_out = {*FILES, *LEAD_ELSEWHERE, *FOR_SCRIPTS}

    assert sorted(_pages(app) - walked - left_out) == [], "add them to a walk in tests/browser"


def test_every_page_of_a_row_that_has_its_own_look_is_walked(walked):
    own = [model for _, model, view in views.screens() if view.details_page != StaffView.details_page]
    names = {f"staff_{model._meta.table_name}.details_view" for model in own}
    assert len(names) > 5

    assert sorted(names - walked) == [], "add them to a walk in tests/browser"


def test_what_is_left_out_is_there_and_is_not_walked_after_all(app, walked):
    named = {*FILES, *LEAD_ELSEWHERE, *FOR_SCRIPTS}

    assert sorted((named | set(BY_CLICK)) - _pages(app)) == [], "these are no addresses any more"
    assert sorted(named & walked) == [], "these are walked: take them off the list"


def test_what_is_opened_by_a_click_is_judged_in_the_named_test():
    for name in BY_CLICK.values():
        assert "axe(" in (HERE / name).read_text("utf-8")


FAINT = """css => {
  const sheet = new CSSStyleSheet()
  sheet.replaceSync(css)
  document.adoptedStyleSheets = [sheet]
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_hinders_is_seen_on_every_page_and_in_either_scheme(desktop, shop, axe, scheme):
    for _ in range(2):  # the second page brings the script of axe along by itself
        desktop.goto(f"{shop.url}/sign-in")
        axe(desktop)
        desktop.evaluate(
            FAINT, f"@media (prefers-color-scheme: {scheme}) {{ p {{ color: #777; background: #666 }}}}"
        )
        with pytest.raises(AssertionError, match="color-contrast"):
            axe(desktop)


def test_a_field_without_a_name_is_seen(desktop, shop, axe):
    desktop.goto(f"{shop.url}/sign-in")
    desktop.get_by_role("main").evaluate("main => main.insertAdjacentHTML('beforeend', '<input>')")
    with pytest.raises(AssertionError, match="label"):
        axe(desktop)
