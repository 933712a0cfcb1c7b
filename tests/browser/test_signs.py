"""No test with a browser looks just once: who does it on a busy day still sees the page before."""

import ast
from pathlib import Path

import pytest

TESTS = sorted(Path(__file__).parent.glob("test_*.py"))
ONCE = {
    "is_visible", "is_hidden", "is_checked", "is_enabled", "is_disabled", "is_editable", "inner_text",
    "inner_html", "text_content", "all_inner_texts", "all_text_contents", "wait_for_timeout",
}  # fmt: skip


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_what_a_page_shows_is_waited_for(path):
    tree = ast.parse(path.read_text())
    used = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr in ONCE]

    said = [f"line {node.lineno}: {node.attr}" for node in used]
    assert said == [], "use `says` of tests/browser/signs.py, or Playwright's `expect`, which wait"
