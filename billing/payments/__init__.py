"""Payments: charged at most once, and never in the dark.

An attempt is on disk before the gateway hears of it, no transaction is open while the gateway is asked,
and its answer is booked in one transaction. No answer is not "declined": the attempt keeps its claim on
its invoices until the gateway has told what became of it. Return page, webhook and the confirm step are
three independent ways to learn that; each is enough, together they are harmless.

In the order of the story: ``claiming``, ``online`` and ``saved`` (the two ways to ask for money),
``by_phone`` (a yes to the second), ``asking`` (what became of it), ``booking`` (what it means for the books),
``by_hand``. Callers say ``payments.ask``; the names they need are gathered here.
"""

from billing.payments.asking import ask, conclude_by_hand, due_to_ask, unresolved
from billing.payments.booking import conclude, of_transaction
from billing.payments.by_hand import record
from billing.payments.by_phone import charge_by_phone, script
from billing.payments.claiming import by_hand_key, check_amount, click_key, in_progress_sentence
from billing.payments.online import Urls, can_continue, start_by_phone, start_online
from billing.payments.saved import charge_saved

__all__ = [
    "Urls",
    "ask",
    "by_hand_key",
    "can_continue",
    "charge_by_phone",
    "charge_saved",
    "check_amount",
    "click_key",
    "conclude",
    "conclude_by_hand",
    "due_to_ask",
    "in_progress_sentence",
    "of_transaction",
    "record",
    "script",
    "start_by_phone",
    "start_online",
    "unresolved",
]
