"""``python -m billing.edges.sandbox``: start the stand-in for the payment gateway."""

import argparse
import contextlib
import signal
import sqlite3
import sys
from datetime import datetime

from billing.edges.sandbox import server

SIGNATURE_KEY = "5A" * 64  # known to everyone, and good for nothing but this sandbox


def options():
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m billing.edges.sandbox",
        description="A local stand-in for the payment gateway: its XML API, payment page, settlement and "
        "signed webhooks over HTTP, with every documented trigger and every way to fail. The control page is "
        "at /control.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument(
        "--port", type=int, default=5001, help="port to listen on; 0 picks a free one and prints it"
    )
    parser.add_argument(
        "--state", default="sandbox.sqlite", help="file that keeps everything; made when missing"
    )
    parser.add_argument("--webhook-url", help="address that gets all notifications")
    parser.add_argument("--login", default="sandbox", help="API login id, at most 25 characters")
    parser.add_argument("--key", default="sandboxkey123456", help="transaction key, at most 16 characters")
    parser.add_argument("--signature-key", default=SIGNATURE_KEY, help="hex key that signs notifications")
    parser.add_argument(
        "--cutoff", type=time_of_day, help="settle by itself every day at this time, HH:MM in UTC"
    )
    return parser


def time_of_day(text):
    """HH:MM, checked."""
    return datetime.strptime(text, "%H:%M").strftime("%H:%M")


def main():
    """Run until SIGINT or SIGTERM."""
    parser = options()
    given = parser.parse_args()
    if len(given.login) > 25 or len(given.key) > 16:
        parser.error("a login id has at most 25 characters, a transaction key at most 16")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        sandbox = server.build(given.state, given.login, given.key, given.signature_key, given.webhook_url)
    except sqlite3.Error as error:
        parser.error(f"{given.state} cannot be used: {error}")
    if given.cutoff:
        sandbox.processor.set_options({"cutoff": given.cutoff})
    with contextlib.suppress(KeyboardInterrupt):
        server.serve(sandbox, given.host, given.port)


if __name__ == "__main__":
    main()
