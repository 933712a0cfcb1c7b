"""Judging, and keeping what was found: one current verdict for each past-due invoice and installment.

What may be evidence marks its customer by a trigger (``ToJudge``), whoever wrote it and however. A mark is
taken away in the transaction that judges, before anything is read: what is committed later brings its own
mark, so no change is overlooked. The worker judges the marked within seconds, a page those whom it shows, and
the daily job everybody, because days pass without anybody writing.
"""

import json
from collections import Counter
from functools import lru_cache
from typing import NamedTuple

from billing.collections import evidence, houses, rules
from models import ToJudge, Verdict, among, change_many, db, insert_rows

CHUNK = 2_500  # customers judged together, in half a second, for which SQLite keeps its other writers waiting
MANY = 10_000  # on PostgreSQL, where nobody waits and every question is a way there and back
LOCK = 728_121  # any number that is only ours
COLUMNS = (
    "customer_id", "invoice_id", "installment_id", "code", "sentence", "evidence", "rejected", "act",
    "amount_cents", "due_on", "owner_id", "waiting_since_at", "since_on", "judged_at", "known_at",
    "current",
)  # fmt: skip


class Old(NamedTuple):
    """A current verdict as it was kept."""

    id: int
    since_on: object
    known_at: object
    said: tuple  # code, sentence, evidence, act, amount, due date, owner


class Report(NamedTuple):
    """What a run did: how many stand by code, and how many of them are new."""

    codes: Counter
    changed: int

    def __str__(self):
        standing = sum(self.codes.values())
        unknown = self.codes[Verdict.UNKNOWN]
        told = f"{standing:,} past due judged, {self.changed:,} changed"
        return f"{told}, {unknown:,} of them unknown" if unknown else told


# --- When ----------------------------------------------------------------------------------------


def judge_all(today, *, now, progress=None):
    """Judge everything past due; returns the Report. Some thirty queries for each chunk of customers."""
    report, after, house = Report(Counter(), 0), 0, houses.read()
    while customer_ids := evidence.customers_after(after, today, _together()):
        one = judge(customer_ids, today=today, now=now, house=house)
        report = Report(report.codes + one.codes, report.changed + one.changed)
        after = customer_ids[-1]
        if progress:
            progress(len(customer_ids))
    judge_marked(today, now=now)
    return report


def _together():
    """How many customers are judged together; memory stays flat."""
    return MANY if db.for_update else CHUNK


def judge_marked(today, *, now, most=None):
    """Judge the customers of whom something has changed; returns how many. Any number may do it at once.

    most -- stop after so many; the others are left for the next one
    """
    judged = 0
    while (most is None or judged < most) and (customer_ids := _marked()):
        judge(customer_ids, today=today, now=now)
        judged += len(customer_ids)
    return judged


def _marked():
    query = ToJudge.select(ToJudge.customer_id).distinct().order_by(ToJudge.customer_id).limit(CHUNK)
    return [id for (id,) in db.execute(query)]


def current(customer_id, *, today, now):
    """The standing verdicts of one customer, oldest date first; judged anew where something has changed."""
    if ToJudge.select(ToJudge.id).where(ToJudge.customer_id == customer_id).exists():
        judge([customer_id], today=today, now=now)
    query = Verdict.select().where((Verdict.customer == customer_id) & Verdict.current)
    return list(query.order_by(Verdict.due_on, Verdict.id))


def of_invoice(invoice, *, today, now):
    """The standing verdicts of one invoice: one, or one for each late installment of it, or none."""
    return [one for one in current(invoice.customer_id, today=today, now=now) if one.invoice_id == invoice.id]


# --- Judging -------------------------------------------------------------------------------------


def judge(customer_ids, *, today, now, house=None):
    """Judge what is past due of these customers now and keep what is new; returns the Report.

    house -- houses.House, where it was read already

    One judge at a time on PostgreSQL: who read later must write later. It waits for nobody else, because it
    locks no customer and no invoice.
    """
    with db.atomic():
        if db.for_update:
            db.execute_sql("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        ToJudge.delete().where(among(ToJudge.customer_id, customer_ids)).execute()
        standing = evidence.read(customer_ids, today=today, now=now, house=house)
        found = [(one, rules.judge(one)) for one in standing]
        changed = _keep(customer_ids, found, today, now)
    return Report(Counter(judgment.code for _, judgment in found), changed)


def _keep(customer_ids, found, today, now):
    """Put new verdicts in the place of those that are not so any more; returns how many are new."""
    old, rows = _standing(customer_ids), []
    over = set(old)
    for one, judgment in found:
        key = (one.invoice_id, one.installment_id)
        kept, said = old.get(key), _said(one, judgment)
        if kept and kept.said == said:
            over.discard(key)
            continue
        is_same = kept and kept.said[0] == judgment.code
        known_at = kept.known_at if is_same and _proves(kept.said) >= _proves(said) else now
        rows.append(_row(one, judgment, said, kept.since_on if is_same else today, known_at, now))
    if over:
        ids = [(str(now), old[key].id) for key in sorted(over, key=str)]
        change_many(f'UPDATE "verdict" SET "current" = {FALSE}, "ended_at" = ? WHERE "id" = ?', ids)
    if rows:
        insert_rows(Verdict, COLUMNS, rows)
    return len(rows)


FALSE = "False"  # both databases read it


def _proves(said):
    """The rows that prove a verdict, whatever is said of them: {(table, id)}."""
    return {(table, id) for table, id, *_ in json.loads(said[2])}


def _standing(customer_ids):
    query = Verdict.select(
        Verdict.invoice, Verdict.installment_id, Verdict.id, Verdict.since_on, Verdict.known_at,
        Verdict.code, Verdict.sentence, Verdict.evidence, Verdict.act, Verdict.amount_cents,
        Verdict.due_on, Verdict.owner,
    ).where(among(Verdict.customer, customer_ids) & Verdict.current)  # fmt: skip
    return {row[:2]: Old(*row[2:5], (*row[5:10], _iso(row[10]), row[11])) for row in db.execute(query)}


def _iso(on):
    return on if isinstance(on, str) else on.isoformat()


_encode = json.JSONEncoder(ensure_ascii=False).encode


def _said(one, judgment):
    """What makes a verdict another one, as it is kept."""
    found = judgment.found
    proof = _encode(found.proof)
    return (
        judgment.code, found.sentence, proof, found.act, one.cents, one.due_on.isoformat(), found.owner_id,
    )  # fmt: skip


def _row(one, judgment, said, since_on, known_at, now):
    code, sentence, proof, act, cents, due_on, owner_id = said
    return (
        one.account.customer_id, one.invoice_id, one.installment_id, code, sentence, proof,
        _as_json(judgment.rejected), act, cents, due_on, owner_id, _stored(judgment.found.since_at),
        _iso(since_on), str(now), _stored(known_at), True,
    )  # fmt: skip


def _stored(at):
    return at and str(at)


@lru_cache(maxsize=64)
def _as_json(rejected):
    return _encode(rejected)


# --- Reading -------------------------------------------------------------------------------------


class Why(NamedTuple):
    """A rule that was asked before, in words, and why it was not the reason."""

    code: str
    label: str
    why_not: str


def proofs(verdict):
    """The records that prove a verdict: [rules.Proof]."""
    return [rules.Proof(*one) for one in json.loads(verdict.evidence)]


def rejected(verdict):
    """The rules that were asked before it: [Why], in their order."""
    return [Why(code, Verdict.WORDS[code], why_not) for code, why_not in json.loads(verdict.rejected)]
