"""What a customer waits for: pay page and portal, against a bare Flask page with as much HTML.

The bare page is what Flask and Jinja cost alone: two templates, a link, two dates and two amounts in each of
as many table rows, and as many bytes as ours; no database, session, form or security header.
"""

from datetime import date, timedelta

from flask import Flask, render_template
from jinja2 import DictLoader

import models
from billing import bill, ledger, links, money, payments, words
from billing.demo.company import LOGO
from billing.edges.clock import Clock
from billing.edges.database import open_database
from tests import factories
from tests.benchmarks.bill_run import migrate
from tests.benchmarks.measure import at_most
from tests.benchmarks.served import in_turns, our_app, served

MONTHS = 24
UNPAID = 2
AIM = 3
SERVICES = (
    ("Burglar alarm monitoring", 2995),
    ("Fire alarm monitoring", 3495),
    ("Camera recording, 30 days", 1900),
    ("Cellular backup", 900),
    ("Service plan", 1250),
)
BY = "benchmark"


def figures(databases):
    """Latency of three pages for a customer with two years of invoices, on both databases."""
    for kind, label in (("sqlite", "SQLite"), ("postgresql", "PostgreSQL")):
        with databases.fresh(kind, migrate) as url:
            pay_token, sign_in_token = _history(url)
            with our_app(url) as ours:
                yield at_most(f"Pay page, {label}", *_beside_bare(ours, f"/i/{pay_token}"), AIM)
                ours.send(f"/sign-in/{sign_in_token}")
                for name, path in (("invoice list", "/account/invoices"), ("overview", "/account")):
                    yield at_most(f"Portal, {name}, {label}", *_beside_bare(ours, path), AIM)


def _beside_bare(ours, path):
    page = ours.get(path)
    rows, size = page.count("<tr"), len(page.encode())
    with served(f"tests.benchmarks.pages:bare_app({rows}, {size})") as bare:
        assert abs(len(bare.get("/").encode()) - size) < 50
        return in_turns(lambda: ours.get(path), lambda: bare.get("/"))


# --- the limit -----------------------------------------------------------------------------------

BASE = """<!doctype html><html lang="en"><head><title>{{ title }}</title>
{% for name in ("app.css", "fonts.css", "tokens.css", "icon.svg") %}
<link rel="stylesheet" href="{{ url_for('static', filename=name) }}">{% endfor %}</head>
<body><h1>{{ title }}</h1>{% block main %}{% endblock %}<p>FILL</p></body></html>"""
PAGE = """{% extends "base.html" %}{% block main %}<table>{% for row in rows %}
<tr><th><a href="{{ url_for('page', number=row.number) }}">Invoice {{ row.number }}</a></th>
<td>{{ row.issued_on|date }}</td><td>{{ row.due_on|date }}</td>
<td>{{ row.total_cents|money }}</td><td>{{ row.open_cents|money }}</td></tr>{% endfor %}</table>
{% endblock %}"""
ROW = {"issued_on": date(2026, 12, 1), "due_on": date(2026, 12, 16), "total_cents": 14250, "open_cents": 4250}


def bare_app(rows, size):
    """A Flask app with one page of ``size`` bytes and ``rows`` table rows."""
    app, templates = Flask(__name__), {"base.html": BASE, "page.html": PAGE}
    app.jinja_loader = DictLoader(templates)
    app.jinja_env.filters.update(date=words.short_date, money=money.format_cents)
    given = {"title": "Invoices", "rows": [{"number": 10001 + at, **ROW} for at in range(rows)]}

    def page(number=None):
        return render_template("page.html", **given)

    app.add_url_rule("/", "page", page)
    with app.test_request_context():
        templates["base.html"] = BASE.replace("FILL", "x" * (size - len(page()) + len("FILL")))
        app.jinja_env.cache.clear()
    return app


# --- the customer --------------------------------------------------------------------------------


def _history(url):
    """Two years of a customer who pays by check, up to today. Returns (pay token, sign-in token)."""
    database, clock = open_database(url), Clock()
    models.db.initialize(database)
    with database.connection_context():
        factories.make_company(logo=LOGO.read_bytes(), logo_type="image/png")
        factories.make_rate()
        customer, now, today = factories.make_customer(), clock.now(), clock.today()
        _live(customer, _months_until(today), now)
        latest = customer.invoices.order_by(models.Invoice.id.desc()).get()
        assert customer.invoices.count() == MONTHS
        payer = factories.payer(customer)
        pay_token = links.pay_link(latest, now=now, contact=payer)
        sign_in_token, _ = links.sign_in_link(payer, now=now)
    if hasattr(database, "close_all"):
        database.close_all()
    return pay_token, sign_in_token


def _months_until(today):
    """The first days of the last MONTHS months, oldest first."""
    days = [today.replace(day=1)]
    while len(days) < MONTHS:
        days.insert(0, (days[0] - timedelta(days=1)).replace(day=1))
    return days


def _live(customer, months, now):
    contract = factories.make_contract(customer, starts_on=months[0])
    site = factories.make_site(customer, jurisdiction="TX-AUSTIN")
    for name, cents in SERVICES:
        item = factories.make_item(name)
        factories.make_charge(contract, site=site, item=item, cents=cents, starts_on=months[0])
    for month in months:
        bill.run(month, now=now, by=BY)
        if month in months[:-UNPAID]:
            _pay(customer, month + timedelta(days=10), now)


def _pay(customer, on, now):
    payments.record(
        customer,
        amount_cents=ledger.balance(customer, today=on).due_cents,
        kind=models.Payment.CHECK,
        received_on=on,
        key=f"check {on}",
        by=BY,
        today=on,
        now=now,
        check_number="1042",
    )
