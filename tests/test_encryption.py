"""Mail leaves encrypted, to a server whose certificate is trusted; a wrong one is refused in words."""

import ssl
from datetime import date

import pytest

import models
from billing import bill, outbox
from billing.edges import mail
from billing.edges.mail import Mailer
from models import Notice
from tests import own_certificate
from tests.factories import BY, NOW, make_charge, make_contract
from tests.post_office import PostOffice


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return own_certificate.make(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(params=["tls", "starttls"])
def office(request, app, certificate, monkeypatch):
    """A mail server that is encrypted, at once or once it has said hello, and an app that talks to it."""
    monkeypatch.setattr(mail, "TIMEOUT_SECONDS", 60)  # a machine that is busy has not hung up
    models.db.connect(reuse_if_open=True)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)
    with PostOffice(**{request.param: context}) as office:
        app.config.update(
            MAIL_SERVER="127.0.0.1", MAIL_PORT=office.port,
            MAIL_USE_SSL=request.param == "tls", MAIL_USE_TLS=request.param == "starttls",
        )  # fmt: skip
        app.extensions.pop("mail", None)
        yield office


@pytest.fixture
def send(app, office, alice):
    """Send an invoice; returns the Report."""
    make_charge(make_contract(alice))
    bill.run(date(2026, 12, 1), by=BY, now=NOW)

    def act():
        with app.app_context():
            mailer = Mailer(app)
            report = outbox.send_due(send=mailer.send, compose=app.compose, clock=app.clock)
            mailer.close()
        return report

    return act


def test_mail_leaves_encrypted_where_the_certificate_is_trusted(office, send, certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))

    assert send().sent == 1
    assert office.taken[0]["To"] == "alice@example.com"


def test_nothing_leaves_where_nobody_vouches_for_the_certificate(office, send):
    report = send()

    [(notice, why)] = report.failures
    assert "The certificate of 127.0.0.1 is not trusted here (self" in str(why)
    assert "SSL_CERT_FILE" in str(why)
    assert (Notice.get().state, Notice.get().tries, office.taken) == ("queued", 0, [])
    assert notice == Notice.get()


def test_nothing_leaves_to_a_server_of_another_name(app, office, send, certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    app.config["MAIL_SERVER"] = "localhost"
    app.extensions.pop("mail", None)

    [(_, why)] = send().failures

    assert "The certificate of localhost is not trusted here" in str(why)
    assert office.taken == []
