"""Saying of 50,000 past-due invoices why they are unpaid, against one plain SELECT of the same invoices.

Each belongs to a customer of its own, with a payer and one delivered message. Every tenth has a question that
waits for us, a call, a declined payment, a promise, or half a year of payments: the records that rules look
at. The first judging writes every verdict, the second finds them all as they were; both are measured.
"""

from datetime import date, datetime, timedelta

import models
from billing.collections import verdicts
from billing.edges.database import open_database
from models import Invoice
from tests.benchmarks.bill_run import fill, migrate
from tests.benchmarks.measure import at_most, median_ms, seconds
from tests.factories import make_company

INVOICES = 50_000
MOST = 20
TODAY = date(2027, 1, 20)
NOW = datetime(2027, 1, 20, 18, 0)
DUE, ISSUED = date(2026, 12, 15), date(2026, 12, 1)
SENT = datetime(2026, 12, 1, 18, 0)
CENTS = 4250


def figures(databases, invoices=INVOICES):
    """Measure on SQLite and on PostgreSQL; ``databases`` is tests.databases.Databases."""
    for kind, label in (("sqlite", "SQLite"), ("postgresql", "PostgreSQL")):
        with databases.fresh(kind, migrate) as url:
            yield from _judging(url, invoices, label)


def _judging(url, invoices, label):
    database = open_database(url)
    models.db.initialize(database)
    with database.connection_context():
        _prepare(invoices)
        database.execute_sql("ANALYZE")  # as the database does by itself when it is not filled in a second
        late = Invoice.select().where((Invoice.open_cents > 0) & (Invoice.due_on < TODAY))
        assert len(list(late)) == invoices
        plain = median_ms(lambda: list(late.clone()), times=3)
        first = seconds(verdicts.judge_all, TODAY, now=NOW) * 1000
        assert models.Verdict.select().where(models.Verdict.current).count() == invoices
        again = seconds(verdicts.judge_all, TODAY, now=NOW) * 1000
    if hasattr(database, "close_all"):
        database.close_all()
    yield at_most(f"Verdicts of {invoices:,} invoices, all new, {label}", first, plain, MOST)
    yield at_most(f"Verdicts of {invoices:,} invoices, judged again, {label}", again, plain, MOST)


def _prepare(invoices):
    make_company()
    ids = range(1, invoices + 1)
    with models.db.atomic():
        fill(models.Customer, "id account_number name", ((n, f"V{n}", f"Customer {n}") for n in ids))
        fill(models.Contact, "customer_id name email", ((n, f"Payer {n}", f"p{n}@example.com") for n in ids))
        fill(models.Invoice, INVOICE, (_invoice(n, n, DUE, ISSUED, CENTS) for n in ids))
        fill(models.Notice,
             "key kind channel state customer_id invoice_id address why sent_at send_at created_at",
             ((f"v{n}", "invoice", "mail", "sent", n, n, f"p{n}@example.com", "bench", SENT, SENT, SENT)
              for n in ids))  # fmt: skip
        _tickets(range(1, invoices + 1, 10))
        _calls(range(2, invoices + 1, 10))
        _failures(range(3, invoices + 1, 10))
        _promises(range(4, invoices + 1, 10))
        _histories(range(5, invoices + 1, 10), invoices)


INVOICE = (
    "id customer_id number state issued_on due_on subtotal_cents total_cents open_cents created_at "
    "first_seen_at"
)


def _invoice(id, customer_id, due_on, issued_on, open_cents):
    return id, customer_id, id, "issued", issued_on, due_on, CENTS, CENTS, open_cents, SENT, SENT


def _tickets(ids):
    fill(models.Ticket, "customer_id subject state opened_at last_at waiting_since_at",
         ((n, "Wrong amount?", "waiting_on_us", SENT, SENT, SENT) for n in ids))  # fmt: skip


def _calls(ids):
    fill(models.Call,
         "customer_id number direction outcome started_at waits by source source_id logged_at state",
         ((n, "+15125550100", "in", "missed", SENT, True, "bench", "bench", f"c{n}", SENT, "to_call")
          for n in ids))  # fmt: skip


def _failures(ids):
    fill(models.Payment,
         "id customer_id reference key state kind amount_cents received_on method_label reason created_at",
         ((n, n, f"R{n}", f"K{n}", "declined", "online", CENTS, DUE, "Visa ending 4242", "Expired.", SENT)
          for n in ids))  # fmt: skip
    fill(models.PaymentPart, "payment_id invoice_id amount_cents live", ((n, n, CENTS, False) for n in ids))


def _promises(ids):
    fill(models.Promise, "customer_id invoice_id amount_cents owed_cents pay_on by made_on made_at",
         ((n, n, CENTS, CENTS, TODAY + timedelta(days=3), "bench", TODAY, NOW) for n in ids))  # fmt: skip


def _histories(ids, invoices):
    """Six earlier invoices each, paid twelve days late."""
    made = [(invoices + 6 * at + month, n, month) for at, n in enumerate(ids) for month in range(1, 7)]
    due = {month: date(2026, month + 4, 1) for month in range(1, 7)}
    fill(models.Invoice, INVOICE, (_invoice(id, n, due[m], due[m], 0) for id, n, m in made))
    fill(models.Payment,
         "id customer_id reference key state kind amount_cents received_on created_at",
         ((id, n, f"R{id}", f"K{id}", "settled", "check", CENTS, due[m], SENT)
          for id, n, m in made))  # fmt: skip
    fill(models.Allocation, "invoice_id payment_id amount_cents by made_on",
         ((id, id, CENTS, "bench", due[m] + timedelta(days=12)) for id, _, m in made))  # fmt: skip
