"""The sandbox of a run: a real process, its bad weather, and its own records."""

import time

import requests

from billing.edges.sandbox.faults import MODES
from tests.sandbox_process import SandboxProcess

MONEY = ("capturedPendingSettlement", "settledSuccessfully")
HELD = ("FDSPendingReview", "FDSAuthorizedPendingReview")
LATE_SECONDS = 0.25
NEW_NUMBER = "4012888818888"
NUMBERS = {"card": "4111111111111111", "bank": "123456781"}
SLOW_SECONDS = 1.3  # longer than our gateway edge waits in this run

# What may go wrong with a call that only asks, and with one that may move money.
ASKING = ("drop_before_processing", "lose_request", "drop_after_processing", "reset", "garbage", "http_500",
          "http_503", "html", "empty", "busy", "busy_unprocessed", "maintenance", "twice", "no_bom",
          "extra_element", "utf8_names")  # fmt: skip
MOVING = ("drop_before_processing", "lose_request", "drop_after_processing", "reset", "garbage", "late",
          "http_500", "html", "empty", "twice", "reason_19", "reason_20", "reason_120",
          "approve_then_void")  # fmt: skip
QUESTIONS = ("getHostedPaymentPageRequest", "getUnsettledTransactionListRequest",
             "getTransactionDetailsRequest", "getSettledBatchListRequest")  # fmt: skip


def known(modes):
    """Those of ``modes`` that this sandbox knows."""
    return [mode for mode in modes if mode in MODES]


class GatewaySandbox:
    """The process and its controls."""

    def __init__(self, state, webhook_url, port):
        self._process = SandboxProcess(state, webhook_url, port)
        self._http = requests.Session()
        self._http.trust_env = False
        self._is_late = False

    def start(self):
        self._process.start()
        self.url = self._process.url
        return self

    def stop(self):
        self._process.stop()

    def control(self, path, **given):
        """Press a control; returns its JSON."""
        return self._post(path, given)

    def _post(self, path, given):
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

    def store_methods(self, methods):
        """Let the processor know the saved methods. Returns [(customer id, profile id, method id)]."""
        told = [
            {"customer_number": one["customer_number"], "kind": one["kind"], "number": NUMBERS[one["kind"]],
             "expiration": "12/39", "name": "Ann Example"}
            for one in methods
        ]  # fmt: skip
        stored = self._post("methods", told)["methods"]
        return [
            (one["customer"], at["profile_id"], at["method_id"])
            for one, at in zip(methods, stored, strict=True)
        ]

    def dispute(self, what, which):
        """A bank returns a debit, or charges a card payment back, if one has settled."""
        kind = "bank" if what == "return" else "card"
        records = self.records()
        gone = {one["ref_trans_id"] for one in records}
        settled = [
            one["id"] for one in records
            if one["status"] == "settledSuccessfully" and one["kind"] == kind and one["id"] not in gone
        ]  # fmt: skip
        if settled:
            self.control(what, transaction_id=settled[which % len(settled)])

    def win(self, which):
        """A bank takes a chargeback back, if there is one."""
        records = self.records()
        won = {one["return_code"] for one in records if one["type"] == "chargebackReversal"}
        standing = [
            one["id"] for one in records if one["type"] == "chargeback" and f"of {one['id']}" not in won
        ]
        if standing:
            self.control("chargeback-reversal", transaction_id=standing[which % len(standing)])

    def update(self, which, reason):
        """A card network changes or closes a saved card, if there is one left."""
        cards = [
            one["method_id"] for profile in self.records("profiles") for one in profile["methods"]
            if one["kind"] == "card"
        ]  # fmt: skip
        if cards:
            changes = {"NED": {"expiration": "11/39"}, "NAN": {"number": NEW_NUMBER, "expiration": "11/39"}}
            method = cards[which % len(cards)]
            self._post("updater", [{"method_id": method, "reason": reason, **changes.get(reason, {})}])

    def decline(self, method_id, reason, count):
        """The bank of a saved method refuses its next charges, unless the network closed the card before."""
        if any(one["method_id"] == method_id for kept in self.records("profiles") for one in kept["methods"]):
            self.control("decline", method_id=method_id, reason_code=reason, count=count)

    def bad_weather(self, faults, mischief, lag_seconds):
        """Switch faults on: [(mode, call, count)]; mischief with the webhooks; and let lists lag behind."""
        self.control("options", search_lag_seconds=lag_seconds)
        self._is_late = any(mode == "late" for mode, _, _ in faults)
        for mode, call, count in faults:
            seconds = LATE_SECONDS if mode == "late" else SLOW_SECONDS
            self.control("fault", mode=mode, calls=[call], count=count, seconds=seconds)
        if mischief:
            self.control("webhooks", **mischief)

    def clear_up(self):
        """Fine weather: no faults, webhooks in order, and what is late has arrived."""
        self.control("fault", clear=True)
        self.control("decline", clear=True)
        self.control("webhooks", delay_seconds=0, copies=1, reorder=1, lose=0)
        self.wait_for_late()

    def wait_for_late(self):
        """The clock may only be moved by hours when nothing is still on its way."""
        if self._is_late:
            time.sleep(LATE_SECONDS + 0.15)
        self._is_late = False
