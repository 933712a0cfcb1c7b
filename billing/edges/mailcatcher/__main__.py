"""``python -m billing.edges.mailcatcher``: catch mail on one port and show it on another."""

import argparse
import contextlib
import signal
import sys

from billing.edges.mailcatcher import server
from billing.edges.mailcatcher.answers import Answers


def options():
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m billing.edges.mailcatcher",
        description="Takes every mail by SMTP, delivers none, and shows them all on a web page.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--smtp-port", type=int, default=5025, help="takes mail; 0 picks a free one")
    parser.add_argument("--port", type=int, default=5002, help="port of the web page; 0 picks a free one")
    parser.add_argument("--maildir", default="", help="where answers to caught mails go; empty: no answering")
    parser.add_argument(
        "--texts-url", default="", help="where answers to caught texts go; empty: no answering"
    )
    parser.add_argument("--state", default="mails.sqlite", help="keeps the mails; made when missing")
    return parser


def main():
    """Run until SIGINT or SIGTERM."""
    given = options().parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with contextlib.suppress(KeyboardInterrupt):
        answers = Answers(given.maildir, given.texts_url)
        server.serve(given.state, given.host, given.smtp_port, given.port, answers)


if __name__ == "__main__":
    main()
