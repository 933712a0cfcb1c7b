"""Contract ends: which law asks for which notice and when, that it leaves in time, and the proof.

The law is data (``rules``, rules.csv); what a contract says about its end is an Agreement (``terms``), read
from rows by ``agreements``. ``matching`` and ``windows`` are pure: which rules apply, when and how. Then the
story: ``limits`` (refused at entry), ``planning``, ``sending``, ``proving``, ``closing``. What a notice says
stands in ``letter`` and ``contents``; ``impact`` tells what a new rule would change, ``figures`` are the
reports, ``asking`` is a contract's page. Callers say ``renewals.window``; what they need is gathered here.
"""

from billing.renewals.asking import Item, contract_end, term_of, window
from billing.renewals.closing import alarm, alarm_words, at_risk, close, fee_refusal, override, renew
from billing.renewals.letter import document, of_notice
from billing.renewals.limits import refusals, refusals_of_site
from billing.renewals.matching import Match
from billing.renewals.planning import plan_due, plan_one
from billing.renewals.proving import keep_text, mark_delivered, mark_mailed
from billing.renewals.rules import review_words
from billing.renewals.sending import follow, send_due
from billing.renewals.windows import Window

__all__ = [
    "Item",
    "Match",
    "Window",
    "alarm",
    "alarm_words",
    "at_risk",
    "close",
    "contract_end",
    "document",
    "fee_refusal",
    "follow",
    "keep_text",
    "mark_delivered",
    "mark_mailed",
    "of_notice",
    "override",
    "plan_due",
    "plan_one",
    "refusals",
    "refusals_of_site",
    "renew",
    "review_words",
    "send_due",
    "term_of",
    "window",
]
