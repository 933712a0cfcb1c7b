"""The choice of a language at the foot of every page: kept for the account, or in this browser.

Who pays for the account chooses for it: its messages follow. For anybody else, and before anybody is known,
the browser remembers it. Not here: in which language a page is answered (``speaking``).
"""

from urllib.parse import urlsplit

from flask import current_app, g, redirect, request
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from billing import customers, links
from billing.wording import tongues
from models import Contact
from portal import speaking
from portal.door import bp


@bp.post("/language")
def language():
    """Speak as was chosen from now on, and go back to the page on which it was."""
    back = request.form.get("back", "")
    endpoint, values = _page_at(back)
    if (code := request.form.get("language")) in tongues.TONGUES:
        speaking.remember_choice(code)
        person = g.contact or links.reader(values.get("token", ""), now=g.now)
        if person and person.role == Contact.PAYER and not person.left_on:
            by = f"customer:{person.email}"
            customers.choose_language(person.customer, code, by=by, now=g.now)
    return redirect(back if endpoint else "/", 303)


def _page_at(address):
    """(endpoint, its values) of one of our own pages that can be opened at ``address``; ("", {}) for none."""
    parts = urlsplit(address)
    if parts.scheme or parts.netloc or "\\" in address or not address.startswith("/"):
        return "", {}
    try:
        endpoint, values = current_app.create_url_adapter(request).match(parts.path, method="GET")
    except (HTTPException, RequestRedirect):
        return "", {}
    return (endpoint, values) if endpoint.startswith("portal.") else ("", {})
