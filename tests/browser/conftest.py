"""A real browser for tests: pages on phone and desktop, in light and dark, and what axe says about them.

Here: how a page is opened, watched and judged. Not here: what stands on it (the tests), and the databases
behind it (`tests/databases.py`).

    def test_it_shows_what_is_owed(phone, live_server, axe, fits):
        phone.goto(live_server(app))
        axe(phone)
        fits(phone)
"""

import contextlib
import shutil
import threading
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, Playwright, Request, sync_playwright
from werkzeug.serving import WSGIRequestHandler, make_server

BROWSERS = ("chromium", "chromium-browser", "google-chrome")

# No sandbox, because tests may run as root; the rest stops what Chromium would ask the network by itself.
BROWSER_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

# WCAG 2.2 AA and the rules of good practice: everything that axe knows but what is merely experimental.
AXE_RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, started once for the session."""
    with sync_playwright() as playwright, _launched(playwright) as chromium:
        yield chromium


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """A function `open_page(width=..., scheme=..., ...)` that opens a page with its own cookies.

    After the test, whatever the browser complained about in any of its pages fails the test.
    """
    with contextlib.ExitStack() as closing:
        complaints: list[str] = []

        def open_one(width=1280, height=900, scheme="light", **options) -> Page:
            """scheme: "light" or "dark"; options: more of Playwright's, such as java_script_enabled."""
            context = browser.new_context(
                viewport={"width": width, "height": height},
                color_scheme=scheme,
                reduced_motion="reduce",
                **options,
            )
            closing.callback(context.close)
            context.set_default_timeout(10_000)
            page = context.new_page()
            _watch(page, complaints)
            return page

        yield open_one
    assert not complaints, "the browser complained:\n" + "\n".join(complaints)


# Both schemes on both sizes are seen with two pages of each kind instead of four.
@pytest.fixture(params=[(320, "light"), (390, "dark")], ids=lambda param: f"{param[0]}px-{param[1]}")
def phone(request: pytest.FixtureRequest, open_page: Callable[..., Page]) -> Page:
    """A page on a phone: the narrowest screen that WCAG asks for, in light, and a common one, in dark."""
    width, scheme = request.param
    return open_page(width=width, height=740, scheme=scheme, has_touch=True, is_mobile=True)


@pytest.fixture(params=["light", "dark"])
def desktop(request: pytest.FixtureRequest, open_page: Callable[..., Page]) -> Page:
    """A page on a desktop, in light and in dark."""
    return open_page(scheme=request.param)


@pytest.fixture
def without_javascript(open_page: Callable[..., Page]) -> Page:
    """A page in a browser without JavaScript. Axe would wait in it forever: let it judge another page."""
    return open_page(java_script_enabled=False)


@pytest.fixture(scope="session")
def axe() -> Callable[[Page], None]:
    """A function `axe(page)` that fails with what hinders people on that page."""
    judge = Axe()

    def check(page: Page) -> None:
        violations = judge.run(page, options=AXE_RULES).response["violations"]
        assert not violations, f"{page.url} hinders people:\n" + "\n".join(map(_in_words, violations))

    return check


@pytest.fixture(scope="session")
def fits() -> Callable[[Page], None]:
    """A function `fits(page)` that fails where a page must be scrolled sideways (WCAG 1.4.10)."""

    def check(page: Page) -> None:
        screen = page.viewport_size["width"]
        needed = page.evaluate("document.documentElement.scrollWidth")
        assert needed <= screen, f"{page.url} is {needed} px wide on a screen of {screen} px"

    return check


@pytest.fixture
def live_server() -> Iterator["LiveServer"]:
    """A web server on this machine: `live_server(app)` serves the app and returns its address."""
    server = LiveServer()
    try:
        yield server
    finally:
        server.close()


class LiveServer:
    """Serves one Flask app from threads, at an address that is known before the app is made."""

    def __init__(self):
        self._server = make_server("127.0.0.1", 0, _unready, threaded=True, request_handler=_Quiet)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """`http://127.0.0.1:port`: give it to the app as its base address."""
        return f"http://127.0.0.1:{self._server.port}"

    def __call__(self, app) -> str:
        self._server.app = app
        return self.url

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Quiet(WSGIRequestHandler):
    def log(self, *args) -> None:
        """Say nothing of each request."""


def _unready(environ, start_response):
    start_response("503 Service Unavailable", [("Content-Type", "text/plain")])
    return [b"live_server(app) was not called yet"]


def _launched(playwright: Playwright) -> Browser:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.fail(f"No browser here ({', '.join(BROWSERS)}): `make setup` installs one.", pytrace=False)
    return playwright.chromium.launch(executable_path=found, args=BROWSER_ARGUMENTS)


def _watch(page: Page, complaints: list[str]) -> None:
    """Note script errors, everything the content security policy stopped, and requests to other hosts."""

    def console(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            complaints.append(f"{page.url}: {message.text}")

    def requested(request: Request) -> None:
        where = urlsplit(request.url)
        if where.scheme in ("http", "https") and where.hostname not in ("127.0.0.1", "localhost"):
            complaints.append(f"{page.url} asked another host: {request.url}")

    page.on("console", console)
    page.on("request", requested)
    page.on("pageerror", lambda error: complaints.append(f"{page.url}: {error}"))


def _in_words(violation: dict) -> str:
    places = [f"    {' '.join(node['target'])}  {node['html'][:160]}" for node in violation["nodes"]]
    return "\n".join([f"- {violation['help']} ({violation['id']}, {violation['impact']})", *places])
