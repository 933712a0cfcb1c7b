"""In which language a page of the portal is answered, and the answer in it.

What was chosen in this browser, else what the account reads, else what the browser asks for. A finished page
is then said whole, or left in English (``billing.wording.finished``).
"""

import re

from flask import current_app, g, has_app_context, has_request_context, request, session

from billing import letterheads
from billing.wording import finished, tongues

CHOSEN, READS = "language", "reads"  # in the cookie: what was chosen here, and what the account read last


def to(customer):
    """Speak as ``customer`` reads for the rest of this request; None: somebody whom we do not know.

    What was chosen in this browser counts more, and for nobody that we know, what the browser asks for.
    """
    g.pop("tongue", None)
    if customer and tongue() is not (reads := tongues.of(customer)):
        if session.get(READS) != reads.code:  # written, the session is a cookie in the answer
            session[READS] = reads.code
        g.pop("tongue")


def remember_choice(code):
    """Speak this language (a code of ``tongues``) in this browser from now on."""
    session[CHOSEN] = code
    g.pop("tongue", None)


def tongue():
    """The tongue in which this request is answered."""
    if "tongue" not in g:
        asked_for = request.accept_languages.best_match(tongues.TONGUES)
        known = (session.get(CHOSEN), session.get(READS), asked_for)
        g.tongue = tongues.TONGUES[next((code for code in known if code in tongues.TONGUES), "en")]
    return g.tongue


def is_english():
    """True while this request is answered as it is written: any but those of the customer's pages."""
    known = g.get("tongue") if has_app_context() else None
    return known is tongues.TONGUES["en"] or not is_ours() or tongue().code == "en"


def is_ours():
    """True for the customer's pages, and for an address with nothing behind it that is not the office's."""
    if not has_request_context():
        return False
    if request.blueprint or request.endpoint:
        return request.blueprint == "portal"
    return not request.path.startswith("/staff")


def said(text):
    """One of our sentences as whoever is there reads it: for names of files, and what a field begins with."""
    return text if is_english() else finished.said(text, tongue())


def theirs(value):
    """A template's filter: a name, or what somebody typed or agreed to. It stays as it is."""
    return value if is_english() else finished.theirs(value)


def reason(value):
    """A template's filter: why something is so: a sentence of ours is said, any other is theirs."""
    return value if is_english() else finished.reason(value)


def ours_until(value, sign, then="reason"):
    """A template's filter: what stands before the first ``sign`` is ours, the rest a reason or ``theirs``."""
    return value if is_english() else finished.ours_until(value, sign, then)


_OUR_SUBJECTS = re.compile(
    r"(?:Invoice \S+: \S+ disputed|Question about invoice \S+|Would like to pay \S+ in \d+ payments)(?:, .*)?"
)


def subject(value):
    """A template's filter: what a question is called; a name that we gave is said, any other is theirs."""
    ours = _OUR_SUBJECTS.fullmatch(value)
    return theirs(value) if not ours else ours_until(value, ", ", "theirs")


def answer(response):
    """The answer of a request in its reader's language, if all of it can be said."""
    if is_english() or response.mimetype != "text/html" or response.is_streamed:
        return response
    page = response.get_data(as_text=True)
    try:
        said = finished.spoken(page, tongue(), names())
    except finished.NotWhole:
        current_app.logger.info("%s is not whole in %s", request.endpoint, tongue().name)
        said = finished.unmarked(page)
    response.set_data(said)
    return response


def names():
    """What the company is called: never translated, wherever it stands."""
    if "company" not in g:  # the database did not answer
        return frozenset()
    return finished.names_of(letterheads.of(g.company))
