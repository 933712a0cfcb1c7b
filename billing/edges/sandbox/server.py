"""Puts the sandbox together and listens: one process, threads, HTTP/1.1 with connections kept open."""

import hmac
import logging
import secrets
from dataclasses import dataclass

from flask import Flask, g, redirect, url_for
from werkzeug.serving import WSGIRequestHandler, make_server

from billing.edges.sandbox import api, control, hosted, webhooks
from billing.edges.sandbox.faults import Faults
from billing.edges.sandbox.processor import Processor
from billing.edges.sandbox.store import Store
from billing.edges.sandbox.webhooks import EVENT_TYPES, Webhooks


@dataclass
class Sandbox:
    """The parts that a request needs, and the account's keys."""

    store: Store
    webhooks: Webhooks
    processor: Processor
    faults: Faults
    login: str
    key: str

    def accepts(self, login, key):
        """True for the account's login id and transaction key."""
        right = hmac.compare_digest((login or "").encode(), self.login.encode())
        return hmac.compare_digest((key or "").encode(), self.key.encode()) and right


def build(state, login, key, signature_key, webhook_url=None):
    """Open the state file and return a Sandbox; a new ``webhook_url`` gets all events from now on."""
    store = Store(state)
    hooks = Webhooks(store, signature_key)
    if webhook_url and webhook_url not in [row["url"] for row in hooks.all()]:
        hooks.add("Porchlight", webhook_url, EVENT_TYPES)
    return Sandbox(store, hooks, Processor(store, hooks.notify), Faults(store), login, key)


def create_app(sandbox):
    """The Flask application over a Sandbox."""
    app = Flask(__name__)
    app.json.sort_keys = False
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.config["MAX_CONTENT_LENGTH"] = 64 * 1024 * 1024
    app.extensions["sandbox"] = sandbox
    for blueprint in (api.bp, hosted.bp, webhooks.bp, control.bp):
        app.register_blueprint(blueprint)
    app.add_url_rule("/", "home", lambda: redirect(url_for("control.page")))
    app.context_processor(lambda: {"nonce": _nonce()})
    app.after_request(_protect)
    return app


def _nonce():
    if "nonce" not in g:
        g.nonce = secrets.token_urlsafe(16)
    return g.nonce


def _protect(response):
    """Pages that touch money are not kept, framed, indexed or told where the visitor came from."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Security-Policy"] = (
        f"default-src 'none'; style-src 'nonce-{_nonce()}'; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    )
    return response


class _Handler(WSGIRequestHandler):
    """HTTP/1.1: the connection stays open between calls, as at the real gateway."""

    protocol_version = "HTTP/1.1"


def serve(sandbox, host, port):
    """Listen until the process is told to stop. Port 0 picks a free one; the address is printed."""
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    server = make_server(host, port, create_app(sandbox), threaded=True, request_handler=_Handler)
    sandbox.webhooks.start()
    print(f"Sandbox on http://{host}:{server.server_port}", flush=True)
    try:
        server.serve_forever(poll_interval=0.1)
    finally:
        server.server_close()
        sandbox.webhooks.stop()
        sandbox.store.close()
