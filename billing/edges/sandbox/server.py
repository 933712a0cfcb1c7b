"""Puts the sandbox together and listens: one process, threads, HTTP/1.1 with connections kept open."""

import hmac
import logging
import secrets
import socket
import struct
import threading
from dataclasses import dataclass

from flask import Flask, g, redirect, url_for
from werkzeug.serving import WSGIRequestHandler, make_server

from billing.edges.sandbox import (
    api,
    control,
    control_disputes,
    control_methods,
    hosted,
    profile_pages,
    webhooks,
)
from billing.edges.sandbox.disputes import Disputes
from billing.edges.sandbox.faults import Faults
from billing.edges.sandbox.processor import Processor
from billing.edges.sandbox.profiles import Profiles
from billing.edges.sandbox.store import Store
from billing.edges.sandbox.updater import Updater
from billing.edges.sandbox.webhooks import EVENT_TYPES, Webhooks

PARTS = (
    api,
    hosted,
    profile_pages,
    webhooks,
    control,
    control_disputes,
    control_methods,
)  # the controls share a blueprint

log = logging.getLogger(__name__)


@dataclass
class Sandbox:
    """The parts that a request needs, and the account's keys."""

    store: Store
    webhooks: Webhooks
    processor: Processor
    faults: Faults
    profiles: Profiles
    disputes: Disputes
    updater: Updater
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
    processor = Processor(store, hooks.notify)
    profiles = Profiles(store, hooks.tell, lambda: processor.options)
    late, updater = Faults(store), Updater(store, profiles)
    return Sandbox(store, hooks, processor, late, profiles, Disputes(store), updater, login, key)


def create_app(sandbox):
    """The Flask application over a Sandbox."""
    app = Flask(__name__)
    app.json.sort_keys = False
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.config["MAX_CONTENT_LENGTH"] = 64 * 1024 * 1024
    app.extensions["sandbox"] = sandbox
    for blueprint in dict.fromkeys(part.bp for part in PARTS):
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
    _will_reset = False

    def make_environ(self):
        """Let a fault reach the connection."""
        return {**super().make_environ(), "sandbox.handler": self}

    def reset(self):
        """Take no more requests on this connection and end it with a reset."""
        self._will_reset = self.close_connection = True

    def finish(self):
        """End the connection as it should be."""
        super().finish()
        if self._will_reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()


def _tick(app, stopped):
    """Let requests that take effect late do so."""
    with app.app_context():
        while not stopped.wait(0.05):
            try:
                app.extensions["sandbox"].faults.do_late_ones()
            except Exception:  # whatever was wrong with one, the others must still take effect
                log.exception("a late request failed")


def serve(sandbox, host, port):
    """Listen until the process is told to stop. Port 0 picks a free one; the address is printed."""
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    app = create_app(sandbox)
    server = make_server(host, port, app, threaded=True, request_handler=_Handler)
    sandbox.webhooks.start()
    stopped = threading.Event()
    threading.Thread(target=_tick, args=(app, stopped), name="late", daemon=True).start()
    print(f"Sandbox on http://{host}:{server.server_port}", flush=True)
    try:
        server.serve_forever(poll_interval=0.1)
    finally:
        stopped.set()
        server.server_close()
        sandbox.webhooks.stop()
        sandbox.store.close()
