"""The customer's pages. Thin: validate a form, make one call into ``billing``, redirect or render.

``door`` decides who may come in, ``visitor`` remembers who did; each other module is one part of the site.
Rules, sums and states stand in ``billing``; the back office is ``admin`` and knows nothing of this.
"""

from werkzeug.routing import BaseConverter

from billing import phones, words
from billing.wording import finished

# Pages whose forms may bring files: their requests may be larger.
TAKES_FILES = frozenset({
    "portal.question", "portal.new_question", "portal.ask_by_link", "portal.ask_about_invoice",
    "portal.dispute_by_link", "portal.dispute_invoice",
})  # fmt: skip


class Reference(BaseConverter):
    """A payment's reference in an address. Anything else is a page that does not exist."""

    regex = "[0-9A-Z][0-9A-Z-]{1,24}"


def init_app(app):
    """Add the customer's pages to an app."""
    # Imported here: importing the pages registers them on the blueprint.
    from portal import (  # noqa: F401
        account,
        autopay,
        calendars,
        contract,
        disputes,
        door,
        language,
        methods,
        pay_code,
        pay_link,
        payments,
        phone,
        plans,
        preferences,
        questions,
        seen,
        sign_in,
        speaking,
        texts,
        together,
        webhooks,
    )

    app.url_map.converters["reference"] = Reference
    app.jinja_env.filters.update(
        moment=lambda at: words.moment(at, app.clock.zone.key),
        clock=lambda at: words.moment(at, app.clock.zone.key).rpartition(", ")[2],
        joined=finished.joined,
        ours_until=speaking.ours_until,
        phone=phones.shown,
        plural=words.plural,
        theirs=speaking.theirs,
        reason=speaking.reason,
        subject=speaking.subject,
    )
    app.register_blueprint(door.bp)
    machines = (webhooks.authorize_net, texts.incoming_text, phone.incoming_calls, preferences.stop_by_click)
    for view in machines:
        app.extensions["csrf"].exempt(view)
