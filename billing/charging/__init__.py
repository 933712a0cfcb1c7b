"""The autopay step: charge what is due today, and say of every due invoice what became of it.

In the order of the story: ``credit`` (what is on account pays first), ``due`` (what is due), ``crew`` (those
who charge, with their ``desks``), ``tally`` (what became of each due invoice). The permission and its plan
stand in ``billing.automatic``, how money moves once in ``billing.payments``. Callers say ``charging.run``.
"""

from billing.charging.crew import run, unproven

__all__ = ["run", "unproven"]
