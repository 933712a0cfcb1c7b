"""What a fork of the stable does: it plays one role with the product's own commands, and may die of it.

A role is a function of the stage and of what it was told. ``flask`` runs a command of the product as the
command line would, ``web`` is gunicorn as the README starts it. Nothing here knows what should come of it.
"""

import contextlib
import gc
import json
import logging
import os
import random
import sys
import time
from datetime import date

from flask.cli import ScriptInfo
from peewee import OperationalError

from app import create_app
from billing import attempts, bill
from billing.edges import database as databases
from billing.edges.database import open_database
from billing.edges.gateway import Gateway
from billing.errors import GatewayUnavailable
from billing.outbox import sending
from billing.reversals import refunds
from models import db
from tests.sandbox_process import KEY, LOGIN, SIGNATURE_KEY
from tests.torture import mutants, points
from tests.torture.board import Board, SharedClock
from tests.torture.stable import PATIENCE_SECONDS, die_with_parent

BUSY_SECONDS = 2  # of a locked database: the product waits for ten
WORKERS, THREADS = 2, 4
CHUNKS = 6, 5  # customers billed in one transaction, messages claimed at once: small, to have several


class Stage:
    """The loaded product with its points, before any fork."""

    def __init__(self, folder, settings, listener):
        self.folder, self.listener = folder, listener
        self.board = Board(folder / "board")
        self.deaths = os.open(folder / "deaths", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self.fate = points.Fate(self.board, self.deaths)
        databases.BUSY_SECONDS = BUSY_SECONDS
        bill.CHUNK, sending.CHUNK = CHUNKS
        self.app = _load(settings, listener.getsockname()[1])
        self.app.clock = SharedClock(self.board)
        attempts.seconds = self.board.seconds
        mutants.apply(settings.get("mutant"))
        points.place(self.fate)
        gc.collect()
        gc.freeze()

    def play(self, role, fate, told):
        """Be a victim. Returns its exit status."""
        if told.get("url"):
            self.open(told["url"])
        if fate:
            self.fate.decide(*fate)
        return ROLES[role](self, told) or 0

    def open(self, url):
        """Use this database; every statement and commit of it is a point."""
        database = open_database(url)
        points.place_in_database(database, self.fate)
        db.initialize(database)
        self.app.config["DATABASE_URL"] = url


def _load(settings, web_port):
    """The application, with everything read and compiled that a request or a command will need."""
    from authorizenet import apicontractsv1  # noqa: F401

    Gateway.hurried.__defaults__ = (PATIENCE_SECONDS,)
    app = create_app(
        MODE="development",
        DATABASE_URL=settings["database_url"],
        BASE_URL=f"http://127.0.0.1:{web_port}",
        SANDBOX_URL=settings["sandbox_url"],
        GATEWAY_LOGIN=LOGIN,
        GATEWAY_KEY=KEY,
        GATEWAY_SIGNATURE_KEYS=SIGNATURE_KEY,
        MAIL="smtp",
        MAIL_PORT=settings["mail_port"],
        LOG_LEVEL="ERROR",
    )
    app.gateway._timeout = app.gateway._money_timeout = PATIENCE_SECONDS
    app.logger.setLevel(logging.ERROR)
    for name in app.jinja_env.list_templates(extensions=["html", "txt", "subject"]):
        if name.startswith(("portal/", "mail/", "base", "_macros", "errors/")):
            app.jinja_env.get_template(name)
    _warm_up(app)
    return app


def _warm_up(app):
    """Ask a gateway that is not there yet, so that the SDK's classes are not built in every fork."""
    from billing.edges import pdf

    with contextlib.suppress(GatewayUnavailable):
        app.gateway.details("1")
    pdf._style()
    pdf._templates()


# --- Roles ---------------------------------------------------------------------------------------


def flask(stage, told):
    """A command of the product: ``flask --app app ARGS``."""
    stage.app.cli.main(told["args"], prog_name="flask", obj=ScriptInfo(create_app=lambda: stage.app))


def web(stage, told):
    """The web server of production: gunicorn with its workers."""
    from gunicorn.app.base import BaseApplication

    class Server(BaseApplication):
        def load_config(self):
            for name, value in _gunicorn(stage).items():
                self.cfg.set(name, value)

        def load(self):
            return stage.app

    sys.argv = ["gunicorn"]
    Server().run()


def _gunicorn(stage):
    """Its settings, as the README starts it, on the socket that the stable keeps open."""

    def join(arbiter, worker):
        stage.fate.is_web = True
        die_with_parent()
        with open(stage.folder / "web-pids", "a") as file:
            file.write(f"{os.getpid()}\n")

    return {
        "bind": f"fd://{stage.listener.fileno()}",
        "workers": WORKERS,
        "threads": THREADS,
        "worker_class": "gthread",
        "preload_app": True,
        "control_socket_disable": True,
        "worker_tmp_dir": str(stage.folder),
        "loglevel": "critical",
        "post_fork": join,
    }


def hand(stage, told):
    """Staff enter a check or cash; the same key again is the same payment. Says what it recorded."""
    from billing import ledger, payments
    from billing.errors import BillingError
    from models import Customer

    clock = _follow(stage)
    with db.connection_context():
        try:
            customer = Customer.get_by_id(told["customer"])
            owed = ledger.balance(customer, today=clock.today()).owed_cents
            payment = payments.record(
                customer, amount_cents=max(told["cents"] or owed, 100), kind="cash",
                received_on=clock.today(), key=told["key"], by="torture", today=clock.today(),
                now=clock.now(), confirmed=True,
            )  # fmt: skip
        except (BillingError, OperationalError) as refusal:
            print(f"refused: {refusal}")
            return
        _tell({"hand": told["key"], "cents": payment.amount_cents})


def refund(stage, told):
    """Staff give a payment back, whole or in part, and send it to the processor; says what was ordered.

    The same key again is the same refund: what a predecessor died of is gone on with.
    """
    from billing.errors import BillingError
    from models import Refund

    clock = _follow(stage)
    with db.connection_context():
        now = {"today": clock.today(), "now": clock.now()}
        try:
            payment = _payment_to_refund(told)
            if payment is None:
                return
            made = refunds.start(
                payment, amount_cents=max(payment.amount_cents * told["percent"] // 100, 1),
                reason="Moved away", key=told["key"], by="torture", reopen=told["reopen"], **now,
            )  # fmt: skip
            _tell({"refund": told["key"], "cents": made.amount_cents})
            if made.state == Refund.WAITING:
                made = refunds.approve(made, by="somebody else", **now)
            if made.state == Refund.PREPARED:
                refunds.send(made, gateway=stage.app.gateway, **now)
        except (BillingError, OperationalError) as refusal:
            print(f"refused: {refusal}")


def _payment_to_refund(told):
    from models import Payment, Refund

    earlier = Refund.get_or_none(Refund.key == told["key"])
    found = list(Payment.select().where(Payment.state.in_(Payment.MONEY)).order_by(Payment.id))
    if earlier:
        return earlier.payment
    return found[told["which"] % len(found)] if found else None


def hog(stage, told):
    """Hold the write lock of the database for a while, as a backup or a careless person would."""
    with db.connection_context(), db.atomic():
        if db.for_update:
            db.execute_sql("LOCK TABLE customer, payment IN ACCESS EXCLUSIVE MODE")
        time.sleep(told["seconds"])


def build(stage, told):
    """Make the company that every round begins with; prints what visitors need to know of it."""
    from tests.torture import world

    _tell(world.build(db.obj, random.Random(told["seed"]), date.fromisoformat(told["today"])))


def alter(stage, told):
    """Run statements on the database: what a mutant's removed index needs."""
    with db.connection_context():
        for statement in told["statements"]:
            db.execute_sql(statement)
    db.close_all()


def question(stage, told):
    """Ask the invariants; prints what was found."""
    from tests.torture import invariants

    clock = _follow(stage)
    with db.connection_context():
        _tell(invariants.ask(db, clock, told))


def look(stage, told):
    """The fingerprint of everything, to see whether it changes."""
    from tests.torture import invariants

    with db.connection_context():
        _tell({"fingerprint": invariants.fingerprint(db)})


def schema(stage, told):
    """What the tables look like, to compare them."""
    from tests.torture import invariants

    with db.connection_context():
        _tell({"schema": invariants.schema(db)})


def _follow(stage):
    from billing import company

    with db.connection_context():
        stage.app.clock.follow(company.current())
    return stage.app.clock


def _tell(what):
    print("told " + json.dumps(what), flush=True)


ROLES = {role.__name__: role for role in (
    flask, web, hand, refund, hog, build, alter, question, look, schema,
)}  # fmt: skip
