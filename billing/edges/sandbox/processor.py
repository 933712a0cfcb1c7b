"""The life of a transaction: charge, capture, void, refund, review, settlement.

What the banks say to a charge is decided in ``verdicts``; how a request looked and how its answer is
written is none of this module's business.
"""

import hashlib
import json
import secrets
from datetime import datetime, timedelta

from billing.edges.sandbox.store import as_id, stamp
from billing.edges.sandbox.verdicts import UNVOIDED, Answer, Stored, Verdict, forced, judge, year_month

OPTIONS = {
    "hold_above_cents": None,  # the amount filter: charges above this are held for review
    "hold_authorized": False,  # hold after authorization (253) instead of before (252)
    "reject_avs": "",  # AVS results that the account rejects (27), such as "N"
    "reject_cvv": "",  # card code results that it rejects (65)
    "echeck_limit_cents": 10_000,  # bank debits above this are declined
    "echeck_month_limit_cents": 500_000,
    "duplicate_counts_declined": True,  # a declined attempt blocks its repetition too (not documented)
    "list_declined": True,  # lists show declined and voided attempts (not documented)
    "list_held": True,  # the list of "any" status shows what is held for review too (not documented)
    "path_only_urls": True,  # return URLs with ? or # are refused (reported, not documented)
    "page_ref_id": False,  # a payment carries the refId that its page was asked for with (not documented)
    "page_duplicate_window": True,  # a page honors duplicateWindow (not documented)
    "form_minutes": 15,  # how long a displayed payment page takes a payment
    "approve_declines": False,  # a held charge is declined by the bank once it is released
    "search_lag_seconds": 0,  # lists hide what is younger; details do not
    "answer_ms": 0,  # how long the answer to a call that moves money takes, once it is decided
    "webhook_failures_allowed": None,  # one more in a row, and it is off; None: when retries end
    "customer_list_unsettled": True,  # a customer's list shows what has not settled yet (not documented)
    "profile_email_counts": True,  # the e-mail takes part in the duplicate rule of profiles (not documented)
    "deleted_twice": "E00040",  # what a second delete is told: E00040, or I00003 (not documented)
    "cutoff": None,  # "HH:MM" UTC: settle by itself at that time of the sandbox's day
}

MONEY = ("capturedPendingSettlement", "refundPendingSettlement")
HELD = ("FDSPendingReview", "FDSAuthorizedPendingReview")
VOIDABLE = (*MONEY, *HELD, "authorizedPendingCapture")
DONE = ("declined", "voided", "expired", "generalError")
COMING_BACK = ("returnedItem", "chargeback", "chargebackReversal")  # a batch takes them along as they are
GIVEN_BACK = """
SELECT coalesce(sum(CASE WHEN status = 'chargebackReversal' THEN -amount_cents ELSE amount_cents END), 0)
  FROM trans WHERE ref_trans_id = ?
   AND (status LIKE 'refund%' OR status IN ('returnedItem', 'chargeback', 'chargebackReversal'))
"""
SETTLED = {
    "capturedPendingSettlement": "settledSuccessfully",
    "refundPendingSettlement": "refundSettledSuccessfully",
}


class Processor:
    """Transactions and their moves. ``notify(event, row, **extra)`` is told about each that has an event."""

    def __init__(self, store, notify):
        self._store = store
        self._notify = notify

    @property
    def options(self):
        """The switches of the account: the defaults and what the control page changed."""
        return {**OPTIONS, **self._store.setting("options", {})}

    def set_options(self, changes):
        """Change switches; None brings a default back. Raises ValueError for one that does not exist."""
        if unknown := set(changes) - set(OPTIONS):
            raise ValueError(f"There is no option “{min(unknown)}”. There are: {', '.join(OPTIONS)}.")
        changes = {name: OPTIONS[name] if value is None else value for name, value in changes.items()}
        with self._store.transaction():
            self._store.remember("options", {**self._store.setting("options", {}), **changes})

    def get(self, transaction_id):
        """The row of a transaction, or None."""
        return self._store.row("SELECT * FROM trans WHERE id = ?", as_id(transaction_id))

    # -- charge, capture, void, refund

    def charge(self, charge, *, reason=None, hold=False):
        """Charge a card or an account: an Answer. A fault forces ``reason``; ``hold`` is the filter."""
        with self._store.transaction():
            fingerprint = _fingerprint(charge)
            if twin := self._twin(charge, fingerprint):
                return _duplicate(twin, charge)
            verdict = self._verdict(charge, reason, hold)
            if verdict.response_code == 3 and not verdict.status:
                return Answer(
                    verdict, account_type=charge.source.account_type, account_number=_mask(charge.source)
                )
            row = self._record(charge, verdict, fingerprint)
            self._remember_network(row)
            self._tell_of_charge(row, verdict)
        shown = 0 if verdict.response_code == 3 else row["id"]
        return Answer(
            verdict,
            shown,
            None,
            row["account_type"],
            row["account_number"],
            row["network_trans_id"],
            charge.amount_cents,
            row["profile_id"],
            row["method_id"],
        )

    def capture(self, original_id, amount_cents):
        """Capture an earlier authorization, whole or in part: an Answer."""
        with self._store.transaction():
            row = self.get(original_id)
            if row is None or row["type"] != "authOnlyTransaction":
                return _error(16, original_id)
            if row["status"] in ("capturedPendingSettlement", "settledSuccessfully"):
                return Answer(
                    Verdict(1, 311), row["id"], row["id"], row["account_type"], row["account_number"]
                )
            if row["status"] != "authorizedPendingCapture":
                return _error(16, original_id)
            if (amount_cents or row["amount_cents"]) > row["amount_cents"]:
                return _error(47, original_id)
            amount_cents = amount_cents or row["amount_cents"]
            self._move(row["id"], "capturedPendingSettlement", amount_cents=amount_cents)
            self._notify("net.authorize.payment.priorAuthCapture.created", self.get(row["id"]))
        verdict = Verdict(1, 1, auth_code=row["auth_code"])
        return Answer(verdict, row["id"], row["id"], row["account_type"], row["account_number"])

    def void(self, original_id):
        """Void a transaction that has not settled: an Answer with the id of the original."""
        with self._store.transaction():
            row = self.get(original_id)
            if row is not None and row["status"] == "voided":
                return Answer(
                    Verdict(1, 310), row["id"], row["id"], row["account_type"], row["account_number"]
                )
            if row is None or row["status"] not in VOIDABLE:
                return _error(16, original_id)
            self._move(row["id"], "voided")
            self._notify("net.authorize.payment.void.created", self.get(row["id"]))
        verdict = Verdict(1, 1, auth_code=row["auth_code"])
        return Answer(verdict, row["id"], row["id"], row["account_type"], row["account_number"])

    def refund(self, charge, original_id, *, reason=None):
        """Refund a settled transaction to the card or account that paid: an Answer with a new id.

        ``charge`` carries the amount and the masked or stored source; its last four digits must be those of
        the original.
        """
        with self._store.transaction():
            fingerprint = _fingerprint(charge)
            if twin := self._twin(charge, fingerprint):
                return _duplicate(twin, charge)
            row = self.get(original_id)
            fault = self._refund_fault(row, charge)
            if fault or reason:
                return _error(reason or fault, original_id, row)
            verdict = Verdict(1, 1, "refundPendingSettlement")
            refund = self._record(charge, verdict, fingerprint, original=row)
            self._notify("net.authorize.payment.refund.created", refund)
        return Answer(verdict, refund["id"], row["id"], row["account_type"], row["account_number"])

    def _refund_fault(self, row, charge):
        if row is None:
            return 16
        if charge.amount_cents <= 0:
            return 5
        oldest = stamp(self._store.now() - timedelta(days=180))
        settled = row["status"] == "settledSuccessfully" and row["submitted_at"] >= oldest
        same = (row["kind"], row["account_number"][-4:]) == (charge.source.kind, charge.source.last_four)
        if not settled or not same:
            return 54
        raw_account = charge.source.kind == "bank" and not isinstance(charge.source, Stored)
        if raw_account and charge.source.echeck_type not in ("PPD", "CCD"):
            return 247
        given = self._store.value(GIVEN_BACK, row["id"])
        return 55 if given + charge.amount_cents > row["amount_cents"] else None

    def review(self, transaction_id, action):
        """Release or refuse a held transaction: an Answer."""
        with self._store.transaction():
            row = self.get(transaction_id)
            if row is None or row["status"] not in HELD:
                return _error(16, transaction_id)
            declined = action == "decline" or self.options["approve_declines"]
            if declined:
                authorized = row["status"] == "FDSAuthorizedPendingReview"
                status, verdict = "voided" if authorized else "declined", Verdict(2, 254)
            else:
                auth_code = row["auth_code"] or (
                    secrets.token_hex(3).upper() if row["kind"] == "card" else ""
                )
                status, verdict = "capturedPendingSettlement", Verdict(1, 1, auth_code=auth_code)
            self._move(
                row["id"], status, auth_code=verdict.auth_code, response_code=verdict.response_code,
                reason_code=verdict.reason_code, reason_text=verdict.text,
            )  # fmt: skip
            event = "net.authorize.payment.fraud." + ("declined" if action == "decline" else "approved")
            self._notify(event, self.get(row["id"]))
        return Answer(verdict, row["id"], None, row["account_type"], row["account_number"])

    # -- settlement and the passing of time

    def settle(self, kind=None, *, fail=False, at=None, before=None):
        """Close the day: put what waits into batches, cards and bank debits apart. Returns the batch ids."""
        at, before = at or self._store.now(), before or self._store.now() + timedelta(seconds=1)
        batches = []
        with self._store.transaction():
            for one in (kind,) if kind else ("card", "bank"):
                if self._waiting(one, before):
                    batches.append(self._close_batch(one, at, before, fail))
        return batches

    def catch_up(self):
        """Do what time alone does: settle at each cut-off that has passed, let old reviews expire."""
        now = self._store.now()
        old = stamp(now - timedelta(days=5))
        expired = f"batch_id IS NULL AND status IN {HELD!r} AND submitted_at < ?"
        if self._store.value(f"SELECT 1 FROM trans WHERE {expired} LIMIT 1", old):
            self._store.execute(f"UPDATE trans SET status = 'expired' WHERE {expired}", old)
        if self.options["cutoff"]:
            with self._store.transaction():
                self._settle_until(now, self.options["cutoff"])

    def _settle_until(self, now, cutoff):
        known = self._store.setting("settled_until")
        if known is None or known > stamp(now):  # the first look, or the clock was set back
            self._store.remember("settled_until", stamp(now))
            return
        since = datetime.fromisoformat(known)
        hour, minute = map(int, cutoff.split(":"))
        at = since.replace(hour=hour, minute=minute, second=0, microsecond=0)
        at += timedelta(days=at <= since)
        while at <= now:
            self.settle(at=at, before=at)
            self._store.remember("settled_until", stamp(at))
            at += timedelta(days=1)

    def _waiting(self, kind, before):
        waiting = self._store.value(
            "SELECT count(*) FROM trans WHERE kind = ? AND batch_id IS NULL"
            f" AND status IN {MONEY + COMING_BACK!r} AND submitted_at < ?",
            kind,
            stamp(before),
        )
        if waiting or kind == "card":
            return waiting
        return self._store.value(
            "SELECT count(*) FROM correction WHERE batch_id IS NULL AND created_at < ?", stamp(before)
        )

    def _close_batch(self, kind, at, before, fail):
        state = "settlementError" if fail else "settledSuccessfully"
        batch = self._store.insert("batch", kind=kind, state=state, settled_at=stamp(at))
        for waiting, settled in SETTLED.items():
            self._store.execute(
                "UPDATE trans SET batch_id = ?, status = ?"
                " WHERE kind = ? AND batch_id IS NULL AND status = ? AND submitted_at < ?",
                batch, "settlementError" if fail else settled, kind, waiting, stamp(before),
            )  # fmt: skip
        self._store.execute(
            "UPDATE trans SET batch_id = ? WHERE kind = ? AND batch_id IS NULL"
            f" AND status IN {DONE + COMING_BACK!r} AND submitted_at < ?",
            batch, kind, stamp(before),
        )  # fmt: skip
        if kind == "bank":
            self._store.execute(
                "UPDATE correction SET batch_id = ? WHERE batch_id IS NULL AND created_at < ?",
                batch,
                stamp(before),
            )
        return batch

    # -- how

    def _verdict(self, charge, reason, hold):
        options = self.options
        if hold:
            options["hold_above_cents"] = 0
        spent = self._echeck_month_cents() if charge.source.kind == "bank" else 0
        verdict = judge(charge, options, on=self._store.now().date(), echeck_month_cents=spent)
        if verdict.reason_code == getattr(charge.source, "decline_reason", None):
            self._count_down(charge.source.method_id)
        if reason and verdict.response_code == 1:
            return forced(reason, charge)
        return verdict

    def _count_down(self, method_id):
        """One of the declines that the control page asked for is used up."""
        self._store.execute(
            "UPDATE method SET decline_left = decline_left - 1,"
            " decline_reason = CASE WHEN decline_left = 1 THEN NULL ELSE decline_reason END WHERE id = ?",
            method_id,
        )

    def _remember_network(self, row):
        """The first approval of a stored card is the one that later charges refer to."""
        if row["method_id"] and row["network_trans_id"] and row["response_code"] == 1:
            self._store.execute(
                "UPDATE method SET network_trans_id = ?, network_cents = ?"
                " WHERE id = ? AND network_trans_id = ''",
                row["network_trans_id"], row["amount_cents"], row["method_id"],
            )  # fmt: skip

    def _echeck_month_cents(self):
        month = stamp(self._store.now().replace(day=1, hour=0, minute=0, second=0, microsecond=0))
        return self._store.value(
            "SELECT coalesce(sum(amount_cents), 0) FROM trans WHERE kind = 'bank' AND submitted_at >= ?"
            " AND response_code = 1 AND type = 'authCaptureTransaction' AND fingerprint <> ''",
            month,
        )

    def _twin(self, charge, fingerprint):
        """The earlier attempt that the duplicate rule finds, or None."""
        window = 120 if charge.duplicate_window is None else min(charge.duplicate_window, 28800)
        if window <= 0:
            return None
        declined = "" if self.options["duplicate_counts_declined"] else " AND response_code <> 2"
        return self._store.row(
            f"SELECT * FROM trans WHERE fingerprint = ? AND submitted_at > ?{declined} ORDER BY id DESC",
            fingerprint,
            stamp(self._store.now() - timedelta(seconds=window)),
        )

    def _record(self, charge, verdict, fingerprint, original=None):
        moved = verdict.reason_code in UNVOIDED
        new = self._store.insert(
            "trans",
            type=charge.type,
            status=verdict.status,
            amount_cents=charge.amount_cents if verdict.approved_cents is None else verdict.approved_cents,
            response_code=1 if moved else verdict.response_code,
            reason_code=1 if moved else verdict.reason_code,
            reason_text="Approval" if moved or verdict.response_code == 1 else verdict.text,
            auth_code=verdict.auth_code,
            avs=verdict.avs,
            cvv=verdict.cvv,
            filter=verdict.filter,
            network_trans_id=secrets.token_hex(8).upper() if verdict.auth_code else "",
            fingerprint=fingerprint,
            token=charge.token,
            ref_trans_id=original["id"] if original else None,
            recurring=int(charge.recurring),
            processing=charge.processing,
            original_network_trans_id=charge.original_network_trans_id,
            submitted_at=stamp(self._store.now()),
            **_order_columns(charge),
            **(_columns_of(original) if original else _source_columns(charge.source)),
        )
        return self.get(new)

    def _move(self, transaction_id, status, **changes):
        self._store.update("trans", transaction_id, status=status, **changes)

    def _tell_of_charge(self, row, verdict):
        if verdict.response_code == 4 and row["status"] in HELD:
            self._notify("net.authorize.payment.fraud.held", row)
        elif row["status"] == "authorizedPendingCapture":
            self._notify("net.authorize.payment.authorization.created", row)
        elif row["status"] == "capturedPendingSettlement":
            self._notify("net.authorize.payment.authcapture.created", row)


def _order_columns(charge):
    return {
        "invoice_number": charge.invoice_number,
        "description": charge.description,
        "customer_id": charge.customer_id,
        "customer_email": charge.customer_email,
        "bill_to": json.dumps(charge.bill_to, ensure_ascii=False),
        "ref_id": charge.ref_id,
    }


def _source_columns(source):
    columns = {
        "kind": source.kind,
        "account_type": source.account_type,
        "account_number": _mask(source),
        "identity": source.identity,
        "expiration": year_month(source.expiration),
        "profile_id": getattr(source, "profile_id", None),
        "method_id": getattr(source, "method_id", None),
    }
    if source.kind == "bank":
        columns |= {
            "routing_number": "XXXX" + source.routing[-4:],
            "bank_account_type": source.type,
            "bank_account_name": source.name,
            "echeck_type": source.echeck_type,
        }
    return columns


def _columns_of(original):
    names = (
        "kind",
        "account_type",
        "account_number",
        "routing_number",
        "bank_account_type",
        "bank_account_name",
        "profile_id",
        "method_id",
        "identity",
        "expiration",
    )
    return {name: original[name] for name in names}


def _mask(source):
    return "XXXX" + source.last_four


def _fingerprint(charge):
    """One hash of all that the duplicate rule compares; the numbers themselves are not kept."""
    source, to = charge.source, charge.bill_to
    where = ("firstName", "lastName", "company", "address", "city", "state", "zip", "country")
    compared = [
        source.identity, year_month(source.expiration) or source.expiration, charge.type,
        charge.amount_cents, charge.invoice_number, charge.po_number, charge.customer_id,
        charge.duplicate_window, *(to.get(name, "") for name in where),
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(compared).encode()).hexdigest()


def _duplicate(twin, charge):
    """Reason 11; the original's data only for those who sent a duplicateWindow."""
    shown = (twin["account_type"], twin["account_number"])
    if charge.duplicate_window is None:
        return Answer(Verdict(3, 11), 0, None, *shown)
    auth_code = twin["auth_code"] if twin["response_code"] == 1 else ""
    return Answer(Verdict(3, 11, "", twin["avs"], twin["cvv"], auth_code), twin["id"], None, *shown)


def _error(reason_code, original_id, row=None):
    shown = (row["account_type"], row["account_number"]) if row else ("", "")
    return Answer(Verdict(3, reason_code), 0, original_id, *shown)
