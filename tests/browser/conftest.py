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

import models
from tests.apps import application
from tests.browser.shop import Shop
from tests.browser.signs import PATIENCE
from tests.conftest import build
from tests.sandbox_process import KEY, LOGIN, SIGNATURE_KEY

ACCOUNT = {"GATEWAY_LOGIN": LOGIN, "GATEWAY_KEY": KEY, "GATEWAY_SIGNATURE_KEYS": SIGNATURE_KEY}
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
# It need not fetch the style sheets again by itself: only one of the experimental rules reads them.
AXE_RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
    "preload": False,
}
# Those that the other color scheme can change: light and dark differ in nothing but colors.
COLOR_RULES = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}
JUDGED = "rules => axe.run(rules).then(found => found.violations)"  # the rest is long, and nobody reads it
PHONES = (320, 390)  # the narrowest screen that WCAG asks for, and a common one
TABLETS = (820, 1024)  # upright, and on its side


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, started once for the session."""
    with sync_playwright() as playwright, _launched(playwright) as chromium:
        yield chromium


@pytest.fixture
def open_page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Callable[..., Page]]:
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
            context.set_default_timeout(PATIENCE)
            page = context.new_page()
            _delay(page, request.config.getoption("latency"))
            _watch(page, complaints)
            return page

        yield open_one
    assert not complaints, "the browser complained:\n" + "\n".join(complaints)


# `axe` looks at every page in light and in dark, and `fits` on both phones, so that it is opened once only.
@pytest.fixture
def phone(open_page: Callable[..., Page]) -> Page:
    """A page on the narrowest phone."""
    return open_page(width=min(PHONES), height=740, has_touch=True, is_mobile=True)


@pytest.fixture
def desktop(open_page: Callable[..., Page]) -> Page:
    """A page on a desktop."""
    return open_page()


@pytest.fixture
def without_javascript(open_page: Callable[..., Page]) -> Page:
    """A page in a browser without JavaScript. Axe would wait in it forever: let it judge another page."""
    return open_page(java_script_enabled=False)


@pytest.fixture(scope="session")
def axe() -> Callable[[Page], None]:
    """A function `axe(page)` that fails with what hinders people on that page, in light or in dark."""
    script = Axe().axe_script

    def check(page: Page) -> None:
        page.wait_for_load_state()
        if not page.evaluate("'axe' in window"):
            page.evaluate(script)
            page.context.add_init_script(script)  # the pages after this one bring it along
        violations = page.evaluate(JUDGED, AXE_RULES)
        page.emulate_media(color_scheme="dark")
        violations += page.evaluate(JUDGED, COLOR_RULES)
        page.emulate_media(color_scheme="light")
        assert not violations, f"{page.url} hinders people:\n" + "\n".join(map(_in_words, violations))

    return check


@pytest.fixture(scope="session")
def fits() -> Callable[[Page], None]:
    """A function `fits(page)` that fails where a page must be scrolled sideways (WCAG 1.4.10)."""

    def check(page: Page) -> None:
        page.wait_for_load_state()
        own = page.viewport_size
        for screen in PHONES if own["width"] in PHONES else (*TABLETS, own["width"]):
            page.set_viewport_size(own | {"width": screen})
            needed = page.evaluate("document.documentElement.scrollWidth")
            assert needed <= screen, f"{page.url} is {needed} px wide on a screen of {screen} px"
        page.set_viewport_size(own)

    return check


@pytest.fixture
def live_server() -> Iterator["LiveServer"]:
    """A web server on this machine: `live_server(app)` serves the app and returns its address."""
    server = LiveServer()
    try:
        yield server
    finally:
        server.close()


@pytest.fixture
def shop(databases, gateway_sandbox, live_server, clock) -> Iterator[Shop]:
    """The running portal. On SQLite: what a browser shows does not depend on the database."""
    sandbox, _ = gateway_sandbox
    sandbox.post_control("reset")
    sandbox.post_control("clock", {"at": clock.now().isoformat()})
    with (
        databases.fresh("sqlite", build) as database_url,
        application(database_url, clock, SANDBOX_URL=sandbox.url, **ACCOUNT) as app,
    ):
        app.config["BASE_URL"] = live_server.url
        models.db.connect()
        yield Shop(app, sandbox, live_server(app))


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
        self._server.app = _whole(app)
        return self.url

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Quiet(WSGIRequestHandler):
    def log(self, *args) -> None:
        """Say nothing of each request."""


def _whole(app):
    """The app, with every answer in one piece and closed: where a browser hangs up, the server forgets to."""

    def answer(environ, start_response):
        with contextlib.closing(app(environ, start_response)) as pieces:
            return [b"".join(pieces)]

    return answer


def _unready(environ, start_response):
    start_response("503 Service Unavailable", [("Content-Type", "text/plain")])
    return [b"live_server(app) was not called yet"]


def _launched(playwright: Playwright) -> Browser:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.fail(f"No browser here ({', '.join(BROWSERS)}): `make setup` installs one.", pytrace=False)
    return playwright.chromium.launch(executable_path=found, args=BROWSER_ARGUMENTS)


def _delay(page: Page, milliseconds: int) -> None:
    """Let every answer of a server come later, as on a slow network."""
    if milliseconds:
        network = page.context.new_cdp_session(page)
        network.send("Network.enable")
        slow = {"latency": milliseconds, "downloadThroughput": -1, "uploadThroughput": -1}
        network.send("Network.emulateNetworkConditions", {"offline": False, **slow})


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
