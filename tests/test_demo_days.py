"""The demo's calendar moves on by whole days, and what people wait to see happens on the way."""

from datetime import date, datetime

import pytest

import models
from billing import feeds, reminding
from billing.edges.clock import Clock
from models import Notice
from tests.factories import make_invoice
from tests.post_office import PostOffice

DUE = date(2026, 12, 14)


class WallClock(Clock):
    """A clock on the wall of somebody who works at a given hour; the demo's days are added to it."""

    def __init__(self, at):
        super().__init__()
        self.at = at

    def now(self):
        return self.at + self.ahead


@pytest.fixture
def demo(app, paying, tmp_path):
    """``demo(at)``: the demo company at an instant, with gateway and mail server; returns what moves it."""
    models.db.connect(reuse_if_open=True)
    app.gateway = paying.gateway
    for folder in ("cur", "new", "tmp"):
        (tmp_path / folder).mkdir()
    with PostOffice() as office:

        def open_at(at):
            app.clock = WallClock(at)
            feeds.beat(feeds.MAIL, now=at)
            app.config.update(MODE="demo", SANDBOX_URL=paying.sandbox.url)
            app.config.update(MAIL_SERVER="127.0.0.1", MAIL_PORT=office.port, MAILBOX=f"maildir:{tmp_path}")
            return app.advance_demo

        with app.app_context():
            yield open_at


@pytest.mark.parametrize("hour", (3, 14), ids=("9 in the evening", "8 in the morning"))
def test_what_waits_for_working_hours_leaves_when_the_demo_moves_on_a_day(demo, alice, hour):
    make_invoice(alice, due=DUE, issued=date(2026, 11, 24))
    reminding.queue_reminders(date(2026, 12, 29), now=datetime(2026, 12, 29, 11))
    advance = demo(datetime(2026, 12, 29, hour))

    assert advance(1) == (date(2026, 12, 29) if hour == 3 else date(2026, 12, 30))

    notice = Notice.get(Notice.step == 15)
    assert (notice.state, notice.sent_at) == ("sent", datetime(2026, 12, 29, 18))
