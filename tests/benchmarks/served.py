"""A web app as production serves it, and a browser that keeps its connection: what latency is measured with.

One gunicorn process with four threads for each app, on the loopback. Both sides of a comparison are served
and asked in the same way, so what server and client cost is in both.
"""

import contextlib
import http.client
import os
import re
import socket
import statistics
import subprocess
import sys
import time
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import urlencode

from tests import ports
from tests.benchmarks.measure import seconds

HERE = Path(__file__).resolve().parents[2]
START_SECONDS = 60
ROUNDS = 9


@contextlib.contextmanager
def served(app, **settings):
    """Serve ``app`` (gunicorn's ``module:factory()``) with our settings, without prefix; yields a Browser."""
    port = ports.free()
    command = (
        sys.executable, "-m", "gunicorn", "--workers", "1", "--threads", "4", "--keep-alive", "600",
        "--no-control-socket", "--log-level", "error", "--bind", f"127.0.0.1:{port}", app,
    )  # fmt: skip
    given = {f"PORCHLIGHT_{name}": value for name, value in settings.items()}
    process = subprocess.Popen(command, cwd=HERE, env={**os.environ, **given})
    try:
        _wait_for(port, process)
        with contextlib.closing(Browser(port)) as browser:
            yield browser
    finally:
        process.terminate()
        process.wait(10)


def our_app(url):
    """``served`` for the whole of Porchlight on the database at ``url``."""
    return served("app:create_app()", MODE="test", DATABASE_URL=url, BASE_URL="http://127.0.0.1:5000")


def _wait_for(port, process):
    until = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise RuntimeError("the server of a benchmark did not start")


class Browser:
    """One connection that stays open, with cookies; follows no redirect."""

    def __init__(self, port):
        self._connection = http.client.HTTPConnection("127.0.0.1", port)
        self._cookies = {}

    def close(self):
        self._connection.close()

    def get(self, path):
        """The page at ``path``, as text. Anything but 200 is an error."""
        return self._ask("GET", path, 200)

    def send(self, path, **fields):
        """Open the form at ``path`` and send it filled in; every form of ours answers by a redirect."""
        token = re.search(r'name="csrf_token"[^>]* value="([^"]+)"', self.get(path))
        self._ask("POST", path, 303, urlencode({**fields, "csrf_token": token[1]}))

    def _ask(self, method, path, expected, body=None):
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items())}
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        self._connection.request(method, path, body, headers)
        answer = self._connection.getresponse()
        text = answer.read().decode()
        for cookie in answer.headers.get_all("Set-Cookie", ()):
            self._cookies.update({name: morsel.value for name, morsel in SimpleCookie(cookie).items()})
        assert answer.status == expected, f"{method} {path}: {answer.status} {text[:500]}"
        return text


def in_turns(*acts, times=15):
    """Milliseconds of each: the median over ROUNDS of the best of ``times``, taken in turns.

    The best, because the longer of two requests is interrupted more often on a machine that is busy with
    something else; the median and the turns, because a machine drifts.
    """
    for act in acts:
        act()
    rounds = [[min(seconds(act) for _ in range(times)) * 1000 for act in acts] for _ in range(ROUNDS)]
    return [statistics.median(column) for column in zip(*rounds, strict=True)]
