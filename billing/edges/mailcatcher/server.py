"""Puts the mail catcher together and listens: SMTP in one thread, the page in others."""

import logging

from werkzeug.serving import WSGIRequestHandler, make_server

from billing.edges.mailcatcher import pages
from billing.edges.mailcatcher.smtp import Faults, Listener
from billing.edges.mailcatcher.store import Store


class _Handler(WSGIRequestHandler):
    """Without the last two an answer on an open connection takes 44 ms longer (Nagle and delayed ACK)."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1


def serve(state, host, smtp_port, port, answers):
    """Listen until the process is told to stop. The addresses are printed."""
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    logging.getLogger("mail.log").setLevel(logging.ERROR)  # aiosmtpd tells about every lost connection
    store, faults = Store(state), Faults()
    listener = Listener(store, faults, host, smtp_port)
    listener.start()
    server = make_server(
        host, port, pages.create_app(store, faults, answers), threaded=True, request_handler=_Handler
    )
    print(f"Mail catcher on http://{host}:{server.server_port}, SMTP on {host}:{listener.port}", flush=True)
    try:
        server.serve_forever(poll_interval=0.1)
    finally:
        server.server_close()
        listener.stop(no_assert=True)
        store.close()
