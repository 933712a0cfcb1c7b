"""Why an invoice is unpaid: a fixture for each verdict, and what becomes of it without its proof."""

from datetime import date, datetime, timedelta

import pytest

from billing import ledger
from billing.collections import verdicts
from models import Invoice, Notice, ToJudge, Verdict, Ticket
from tests import factories

TODAY, NOW = date(2027, 1, 20), datetime(2027, 1, 20, 18, 0)
DUE = date(2026, 12, 15)
SENT = datetime(2026, 12, 1, 18, 0)


def judged(invoice, today=TODAY):
    verdicts.judge_all(today, now=NOW)
    [verdict] = Verdict.select().where((Verdict.invoice == invoice) & Verdict.current)
    return verdict


def test_smoke(db, alice):
    invoice = factories.make_invoice(alice, due=DUE)
    v = judged(invoice)
    print(v.code, v.sentence, v.evidence, v.rejected)
    assert v.code == "never_delivered"
    assert verdicts.judge_all(TODAY, now=NOW).changed == 0
    assert ToJudge.select().count() == 0
