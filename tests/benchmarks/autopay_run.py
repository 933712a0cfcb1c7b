"""An autopay run against the sandbox, whose money calls take 300 ms, against what so many at once could do.

The limit is charges under way ÷ answer time: what a run would reach that did nothing but wait. 2,000 charges
have the shape of 5,000 (every figure is a rate, and the run reads in chunks) and take a minute and a quarter.
"""

import tempfile
from pathlib import Path

import models
from billing import charging
from billing.edges.clock import FixedClock
from billing.edges.database import open_database
from tests.benchmarks.bill_run import fill, migrate
from tests.benchmarks.measure import at_least, seconds
from tests.conftest import TODAY
from tests.factories import make_company
from tests.sandbox_process import SandboxProcess

CHARGES = 2_000
ANSWER_MS = 300
AT_ONCE = 8  # the default of the setting
CENTS = 4250
AIM = 0.8


def figures(databases, charges=CHARGES):
    """Measure on SQLite and on PostgreSQL; ``databases`` is tests.databases.Databases."""
    for kind, label in (("sqlite", "SQLite"), ("postgresql", "PostgreSQL")):
        with (
            tempfile.TemporaryDirectory() as folder,
            databases.fresh(kind, migrate) as url,
            SandboxProcess(Path(folder) / "sandbox.sqlite") as sandbox,
        ):
            rate = _rate(url, sandbox, charges)
        name = f"Autopay of {charges:,} charges, {AT_ONCE} at once, {label}"
        yield at_least(name, rate, AT_ONCE * 1000 / ANSWER_MS, AIM, " charges/s")


def _rate(url, sandbox, charges):
    """Charges per second of our own run."""
    database = open_database(url)
    models.db.initialize(database)
    clock = FixedClock(TODAY)
    with database.connection_context():
        _prepare(sandbox, charges, clock.now())
        database.execute_sql("ANALYZE")  # as the database does by itself when it is not filled in a second
        sandbox.post_control("options", {"answer_ms": ANSWER_MS})
        told = {"today": TODAY, "clock": clock, "by": "benchmark", "at_once": AT_ONCE}
        report = []
        took = seconds(lambda: report.append(charging.run(gateway=sandbox.gateway(), **told)))
        assert report[0].counts == {"charged": charges}, str(report[0])
        assert models.Invoice.select().where(models.Invoice.open_cents > 0).count() == 0
    database.close_all()
    return charges / took


def _prepare(sandbox, charges, now):
    """Customers with a payer, a saved card, a standing authorization and one invoice that is due today."""
    make_company()
    ids = range(1, charges + 1)
    cards = [{"customer_number": f"A{n}", "kind": "card", "number": "4111111111111111"} for n in ids]
    stored = [one for at in range(0, charges, 500) for one in sandbox.methods(*cards[at : at + 500])]
    with models.db.atomic():
        fill(models.Customer, "id account_number name profile_id",
             ((n, f"A{n}", f"Customer {n}", stored[n - 1][0]) for n in ids))  # fmt: skip
        fill(models.Contact, "customer_id name email", ((n, "Payer", f"p{n}@example.com") for n in ids))
        fill(models.PaymentMethod, "id customer_id token kind label added_by added_at",
             ((n, n, stored[n - 1][1], "card", "Visa ending 1111", "bench", now) for n in ids))  # fmt: skip
        fill(models.Autopay, "id customer_id method_id text text_version agreed_at agreed_from agreed_by",
             ((n, n, n, "I agree.", "1", now, "127.0.0.1", "bench") for n in ids))  # fmt: skip
        fill(models.Invoice,
             "id customer_id number state issued_on due_on subtotal_cents total_cents open_cents created_at",
             ((n, n, n, "issued", TODAY, TODAY, CENTS, CENTS, CENTS, now) for n in ids))  # fmt: skip
        fill(models.Line, "invoice_id position text unit_cents amount_cents total_cents",
             ((n, 1, "Monitoring", CENTS, CENTS, CENTS) for n in ids))  # fmt: skip
        fill(models.PlannedCharge, "autopay_id customer_id invoice_id charge_on created_at",
             ((n, n, n, TODAY, now) for n in ids))  # fmt: skip
        models.Company.update(next_invoice_number=charges + 1).execute()
