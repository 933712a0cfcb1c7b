"""The staff list of invoices with a million of them, against the same list with a thousand.

Ten invoices for each customer, four years of months, one in fifty open, one in a hundred void. Each list is
asked for through the real app by somebody who is signed in; what does not grow with the table is in both.
"""

import contextlib
import re
from datetime import date, timedelta
from functools import partial

import models
from admin import security
from billing.edges.database import open_database
from models import Invoice, Staff
from tests import factories
from tests.benchmarks.bill_run import fill, migrate
from tests.benchmarks.measure import at_most
from tests.benchmarks.served import in_turns, our_app

MANY, FEW = 1_000_000, 1_000
EACH = 10  # invoices of one customer
AIM = 5
LIST = "/staff/invoice/"
EMAIL, PASSWORD = "olga@example.com", "correct horse battery"
FIRST_ON, MONTHS = date(2023, 1, 1), 48
COLUMNS = "id customer_id number state issued_on due_on subtotal_cents total_cents open_cents created_at"
NAMES = ("Archer", "Baker", "Cooper", "Dyer", "Fisher", "Hunter", "Mason", "Porter", "Smith", "Turner")


def figures(databases):
    """Each kind of list, on SQLite and on PostgreSQL."""
    for kind, label in (("sqlite", "SQLite"), ("postgresql", "PostgreSQL")):
        with contextlib.ExitStack() as stack:
            many, few = (_office(stack, databases, kind, invoices) for invoices in (MANY, FEW))
            for name, of_many, of_few in _lists(many, few):
                ours, limit = in_turns(partial(many.get, of_many), partial(few.get, of_few), times=7)
                yield at_most(f"Staff list of {MANY:,} invoices, {name}, {label}", ours, limit, AIM)


def _office(stack, databases, kind, invoices):
    url = stack.enter_context(databases.fresh(kind, migrate))
    _fill(kind, url, invoices)
    browser = stack.enter_context(our_app(url))
    browser.send("/staff/sign-in", email=EMAIL, password=PASSWORD)
    return browser


def _lists(big, small):
    """(name, path in the big table, path in the small one)."""
    yield "first page", LIST, LIST
    yield "deep page", _deep(big, MANY // 2), _deep(small, FEW // 2)
    yield "last page", f"{LIST}?above=end", f"{LIST}?above=end"
    for name, query in (
        ("issued", "state=issued"),
        ("void", "state=void"),
        ("open", "standing=open"),
        ("past due", "standing=past_due"),
        ("due in one month", "due_on_from=2025-06-01&due_on_to=2025-06-30"),
        ("issued and due in one month", "state=issued&due_on_from=2025-06-01&due_on_to=2025-06-30"),
        ("open above $100", "open_cents_from=100"),
        ("by day of issue", "sort=-issued_on"),
    ):
        yield name, f"{LIST}?{query}", f"{LIST}?{query}"
    for name, of_many, of_few in (
        ("search number", 10_000 + MANY // 2, 10_000 + FEW // 2),
        (
            "search one name",
            f"Smith+{_in_letters(MANY // EACH // 2 - 2)}",
            f"Smith+{_in_letters(FEW // EACH // 2 - 2)}",
        ),
        ("search common name", "smith", "smith"),
        ("search unknown name", "zzzz", "zzzz"),
    ):
        yield name, f"{LIST}?search={of_many}", f"{LIST}?search={of_few}"


def _deep(browser, id):
    """The page that follows invoice ``id``, by the cursor that the list itself makes."""
    cursor = re.search(r'below=([^"&]*)', browser.get(LIST))[1]
    return f"{LIST}?below={re.sub(r'[0-9]+', str(id), cursor)}"


def _fill(kind, url, invoices):
    database = open_database(url)
    models.db.initialize(database)
    with database.connection_context():
        factories.make_company()
        hashed = security.hashed_password(PASSWORD)
        Staff.create(email=EMAIL, name="Olga Owner", role=Staff.OWNER, password_hash=hashed)
        with models.db.atomic():
            fill(models.Customer, "id account_number name", map(_customer, range(1, invoices // EACH + 1)))
            fill(Invoice, COLUMNS, map(_invoice, range(1, invoices + 1)))
        if kind == "postgresql":
            models.db.execute_sql("VACUUM ANALYZE")  # as autovacuum does, where nobody asks at once
    database.close_all()


def _customer(n):
    return n, f"A{n}", f"{NAMES[n % len(NAMES)]} {_in_letters(n)}"


def _in_letters(n):
    """A word of its own for each number: nobody is called 4711."""
    return f"{n:06d}".translate(str.maketrans("0123456789", "aeioulmnrs"))


def _invoice(n):
    month = FIRST_ON + timedelta(days=30) * (n % MONTHS)
    cents = 2_000 + 37 * n % 20_000
    state = Invoice.VOID if n % 100 == 1 else Invoice.ISSUED
    open_cents = cents if n % 50 == 0 else 0
    customer, due_on = (n - 1) // EACH + 1, month + timedelta(days=15)
    return n, customer, 10_000 + n, state, month, due_on, cents, cents, open_cents, factories.NOW
