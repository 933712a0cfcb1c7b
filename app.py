"""Porchlight: billing back office and customer portal.

``create_app`` is the only place that reads settings, opens the database, and chooses gateway, mailer and
clock. It also lays what every request shares: one database connection, the security headers, the refusal
of cross-site posts. Pages live in ``portal/`` and ``admin/``, rules in ``billing/``.
"""

import logging
import secrets
from pathlib import Path
from urllib.parse import urlsplit

import click
from flask import Flask, abort, g, render_template, request, url_for
from flask_wtf import CSRFProtect
from flask_wtf.csrf import CSRFError
from werkzeug.middleware.proxy_fix import ProxyFix

import admin
import portal
from billing import company as companies
from billing import letterheads, money, words
from billing.edges import commands, letters, settings
from billing.edges.attachments import MOST_REQUEST, Shelf
from billing.edges.clock import Clock
from billing.edges.database import TROUBLE, describe, open_database, trouble_sentence
from billing.edges.gateway import Gateway
from billing.edges.mail import Mailer
from billing.edges.phone import Line
from billing.edges.replies import Replies
from billing.errors import BillingError
from models import db

MOST_BYTES = 2 * 1024 * 1024  # of a request; a logo is the largest thing that anybody uploads
YEAR_SECONDS = 365 * 24 * 3600
COMPANY = "porchlight.company"  # in the environ of a request: what keeps the company that it read
CONNECTED = "porchlight.connected"  # in the environ of a request: it opened the connection, and closes it
AUTHORIZE_NET = {
    "authorize-net-test": ("https://apitest.authorize.net", "https://test.authorize.net"),
    "authorize-net": ("https://api.authorize.net", "https://accept.authorize.net"),
}
BANNERS = {
    "demo": "Demo company: nothing here is real, no card is charged and no mail leaves this machine.",
    "development": "Development: mail goes to the catcher and payments to the sandbox.",
}


def create_app(**overrides):
    """Build the application. ``overrides`` are settings without their prefix; tests and the demo use them."""
    app = Flask(__name__)
    try:
        app.config.update(settings.read(overrides))
        db.initialize(open_database(app.config["DATABASE_URL"]))
    except BillingError as refusal:
        raise click.ClickException(str(refusal)) from None
    _configure(app)
    app.clock = Clock()
    app.gateway = _gateway(app.config)
    app.replies = Replies(
        app.config["SECRET_KEY"], app.config["REPLY_ADDRESS"], urlsplit(app.config["BASE_URL"]).hostname
    )
    app.seal_secrets = (app.config["SECRET_KEY"], *settings.listed(app.config["EARLIER_SECRET_KEYS"]))
    app.files = Shelf(Path(app.root_path, app.config["FILES"]))
    app.mailer = Mailer(app)
    app.phone = Line(app.config["PHONE_SECRET"])
    app.compose = letters.composer(app)
    app.advance_demo = commands.demo_advancer(app)
    _share(app)
    _guard(app)
    _answer_errors(app)
    portal.init_app(app)
    admin.init_app(app)
    commands.init_app(app)
    app.add_url_rule("/health", view_func=health)
    return app


def health():
    """For a load balancer: 200 while the database answers. Says which journal guards the commits."""
    database, journal = describe(db)
    return {"status": "ok", "database": database, "journal": journal}


def _configure(app):
    config, production = app.config, app.config["MODE"] == "production"
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("billing").setLevel(config["LOG_LEVEL"])
    config.update(
        MAX_CONTENT_LENGTH=MOST_BYTES,
        SEND_FILE_MAX_AGE_DEFAULT=YEAR_SECONDS if production else 0,
        SESSION_COOKIE_NAME="porchlight",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=config["BASE_URL"].startswith("https://"),
        WTF_CSRF_SSL_STRICT=False,  # asks for a referrer, and our pages send none: see refuse_cross_site
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session: a form left open over lunch still works
        MAIL_USE_TLS=config["MAIL_SECURITY"] == "starttls",
        MAIL_USE_SSL=config["MAIL_SECURITY"] == "tls",
        MAIL_DEBUG=0,
        MAIL_SUPPRESS_SEND=False,
        TESTING=config["MODE"] == "test",
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.wsgi_app = ProxyFix(app.wsgi_app, x_proto=1, x_host=0)


def _gateway(config):
    endpoint, hosted = AUTHORIZE_NET.get(config["GATEWAY"], (config["SANDBOX_URL"],) * 2)
    return Gateway(
        f"{endpoint}/xml/v1/request.api",
        config["GATEWAY_LOGIN"],
        config["GATEWAY_KEY"],
        signature_keys=settings.listed(config["GATEWAY_SIGNATURE_KEYS"]),
        hosted_url=f"{hosted}/payment/payment",
        stored_credential_flags=config["CARD_ON_FILE_MARKS"] == "on",
    )


# --- What every request shares -------------------------------------------------------------------


def _share(app):
    """The connection, the company, the day, and the words of the templates."""

    @app.before_request
    def open_day():
        if request.endpoint == "static":
            return
        request.environ[CONNECTED] = db.connect(reuse_if_open=True)
        g.company = companies.current()
        if request.method in ("GET", "HEAD"):  # which change nothing
            request.environ[COMPANY] = reading = companies.read_once(g.company)
            reading.__enter__()
        app.clock.follow(g.company)
        g.today, g.now = app.clock.today(), app.clock.now()
        g.by = "visitor"
        if request.endpoint in portal.TAKES_FILES | admin.TAKES_FILES:
            request.max_content_length = MOST_REQUEST

    @app.teardown_request
    def hang_up(_error):
        """Close what this request opened: a mail composed by the worker, or a letter printed by a request,
        stands in a request of its own, shares ``g`` with the one around it, and borrows its connection.
        """
        if reading := request.environ.pop(COMPANY, None):
            reading.__exit__(None, None, None)
        if request.environ.pop(CONNECTED, False):
            db.close()

    app.jinja_env.filters.update(
        money=money.format_cents,
        **words.FILTERS,
        local=lambda instant: app.clock.local(instant),
    )

    @app.context_processor
    def common():
        company = letterheads.of(g.company) if "company" in g else None
        return {
            "company": company,
            "today": g.get("today"),
            "csp_nonce": csp_nonce,
            "environment_banner": BANNERS.get(app.config["MODE"]),
        }


def csp_nonce():
    """The one-time word that lets this response's own scripts run."""
    if "csp_nonce" not in g:
        g.csp_nonce = secrets.token_urlsafe(16)
    return g.csp_nonce


# --- Security ------------------------------------------------------------------------------------


# Pressed by mail programs, also by those that are web sites: only the address counts, no cookie (RFC 8058).
ONE_CLICK = "portal.stop_by_click"


def _guard(app):
    """Form tokens, the refusal of cross-site posts, and the headers of every answer."""
    CSRFProtect(app)
    hosted = urlsplit(app.gateway.hosted_url)
    form_targets = f"'self' {hosted.scheme}://{hosted.netloc}"

    @app.before_request
    def refuse_cross_site():
        """Unsafe methods come from our own pages; a webhook comes from no page at all."""
        if request.method in ("GET", "HEAD", "OPTIONS") or request.endpoint == ONE_CLICK:
            return
        origin = request.headers.get("Origin")
        foreign = origin and origin != "null" and urlsplit(origin).netloc != request.host
        if foreign or request.headers.get("Sec-Fetch-Site") == "cross-site":
            abort(400, "This form was sent from another site. Open the page again and try once more.")

    @app.after_request
    def secure(response):
        nonce = f"'nonce-{g.csp_nonce}'" if "csp_nonce" in g else ""
        response.headers.setdefault(
            "Content-Security-Policy",
            f"default-src 'none'; script-src 'self' {nonce}; style-src 'self' {nonce}; img-src 'self' data:; "
            f"font-src 'self'; connect-src 'self'; form-action {form_targets}; frame-ancestors 'none'; "
            "base-uri 'none'; frame-src 'self'",
        )
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Referrer-Policy", "no-referrer")
        response.headers.setdefault("X-Robots-Tag", "noindex, nofollow")
        if request.endpoint != "static":
            response.headers.setdefault("Cache-Control", "no-store")
        if app.config["SESSION_COOKIE_SECURE"]:
            response.headers.setdefault("Strict-Transport-Security", f"max-age={YEAR_SECONDS}")
        return response


def _answer_errors(app):
    """Every error is a page with a sentence and a way back: of staff into the back office."""

    def home_url():
        office = url_for("staff.index").rstrip("/")
        return office if f"{request.path}/".startswith(f"{office}/") else "/"

    def page(code, sentence):
        return render_template("errors/error.html", code=code, sentence=sentence, home_url=home_url()), code

    @app.errorhandler(BillingError)
    def refused(refusal):
        return render_template("errors/refused.html", sentence=str(refusal), home_url=home_url()), 409

    def database_trouble(error):
        app.logger.error("database: %s", error)
        return page(503, trouble_sentence(error))

    for kind in TROUBLE:
        app.register_error_handler(kind, database_trouble)

    @app.errorhandler(CSRFError)
    def stale(_error):
        return page(400, "This page was open for too long. Go back, reload it, and send it again.")

    for code, sentence in {
        400: "The request could not be read. Go back, reload the page, and try again.",
        403: "You may not do this. Ask an owner of the back office if you should.",
        404: "There is nothing at this address. It may have moved, or the link is not complete.",
        405: "This address does not take that. Go back and use the buttons of the page.",
        413: "This is too large. Photos and PDF with a message may have 8 MB together; anything else 2 MB. "
        "Go back: what you wrote is still there.",
        500: "Something went wrong on our side, and it was written down. Nothing is lost; try again later.",
    }.items():
        app.register_error_handler(
            code, lambda error, code=code, sentence=sentence: page(code, _own_words(error) or sentence)
        )


def _own_words(error):
    """The sentence given to ``abort``, when it is one of ours and not werkzeug's stock text."""
    text = getattr(error, "description", "") or ""
    return "" if text == getattr(type(error), "description", None) else text
