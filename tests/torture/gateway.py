"""The sandbox of a run: a real process, its bad weather, and its own records."""

import time

import requests

from billing.edges.sandbox.faults import MODES
from tests.sandbox_process import SandboxProcess

MONEY = ("capturedPendingSettlement", "settledSuccessfully")
HELD = ("FDSPendingReview", "FDSAuthorizedPendingReview")
LATE_SECONDS = 0.4
SLOW_SECONDS = 1.3  # longer than our gateway edge waits in this run

# What may go wrong with a call that only asks, and with one that may move money.
ASKING = ("drop_before_processing", "lose_request", "drop_after_processing", "reset", "garbage", "http_500",
          "http_503", "html", "empty", "busy", "busy_unprocessed", "maintenance", "twice", "no_bom",
          "extra_element", "utf8_names")  # fmt: skip
MOVING = ("drop_before_processing", "lose_request", "drop_after_processing", "reset", "garbage", "late",
          "http_500", "html", "empty", "twice", "reason_19", "reason_20", "reason_120")  # fmt: skip
QUESTIONS = ("getHostedPaymentPageRequest", "getUnsettledTransactionListRequest",
             "getTransactionDetailsRequest", "getSettledBatchListRequest")  # fmt: skip


def known(modes):
    """Those of ``modes`` that this sandbox knows."""
    return [mode for mode in modes if mode in MODES]


class GatewaySandbox:
    """The process and its controls. ``late_until``: when the last late acceptance has surely happened."""

    def __init__(self, state, webhook_url, port):
        self._process = SandboxProcess(state, webhook_url, port)
        self._http = requests.Session()
        self._http.trust_env = False
        self.late_until, self._is_late = 0.0, False

    def start(self):
        self._process.start()
        self.url = self._process.url
        return self

    def stop(self):
        self._process.stop()

    def control(self, path, **given):
        """Press a control; returns its JSON."""
        reply = self._http.post(f"{self.url}/control/{path}", json=given, timeout=20)
        if reply.status_code != 200:
            raise RuntimeError(f"control/{path}: {reply.text[:300]}")
        return reply.json()

    def records(self, what="transactions"):
        """The sandbox's own records, oldest first, whatever its answers say."""
        return self._http.get(f"{self.url}/control/{what}.json", timeout=20).json()

    def begin(self, now):
        """An empty gateway whose clock says ``now``."""
        self.control("reset")
        self.control("clock", at=now.isoformat())

    def bad_weather(self, faults, mischief):
        """Switch faults on: [(mode, call, count)]; and mischief with the webhooks."""
        self._is_late = any(mode == "late" for mode, _, _ in faults)
        for mode, call, count in faults:
            seconds = LATE_SECONDS if mode == "late" else SLOW_SECONDS
            self.control("fault", mode=mode, calls=[call], count=count, seconds=seconds)
        if mischief:
            self.control("webhooks", **mischief)

    def clear_up(self):
        """Fine weather: no faults, webhooks in order, and what is late has arrived."""
        self.control("fault", clear=True)
        self.control("webhooks", delay_seconds=0, copies=1, reorder=1, lose=0)
        self.wait_for_late()

    def note_submit(self):
        """A payment was just sent; if its fault is to be late, it happens by then."""
        if self._is_late:
            self.late_until = time.monotonic() + LATE_SECONDS + 0.2

    def wait_for_late(self):
        """The clock may only be moved when nothing is still on its way."""
        time.sleep(max(0.0, self.late_until - time.monotonic()))
