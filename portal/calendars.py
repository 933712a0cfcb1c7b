"""The customer's calendar: the page on which it is opened, and the address that calendar programs fetch.

A program fetches without signing in: its address is the permission. A wrong or withdrawn one is not found.
"""

from urllib.parse import urlsplit

from flask import Response, abort, current_app, flash, g, redirect, render_template, request, session, url_for

from billing import calendars, desk_calendars, links, preferences
from billing.edges import calendar_feed
from billing.errors import BillingError
from models import Contact, PreferenceChange
from portal.door import TOKEN, bp

SECONDS = 900  # a program that asks again sooner gets what it has
FRESH = "calendar"  # where the cookie keeps a new address until it was shown


@bp.route("/account/calendar", methods=["GET", "POST"], endpoint="calendar")
def calendar_page():
    """What stands in it, its address, and how to be rid of it. For payers: it shows what is owed."""
    if g.contact.role != Contact.PAYER:
        abort(404)
    if request.method == "GET":
        return _shown(calendars.chosen(g.contact, now=g.now))
    act = ACTS.get(request.form.get("do", "")) or abort(400)
    ticked = set(request.form.getlist("show")) & {*calendars.CHOICES, calendars.AMOUNTS}
    try:
        flash(act(ticked), "success")
    except BillingError as refusal:
        return _shown(ticked, str(refusal)), 422
    return redirect(url_for("portal.calendar"), 303)


def _told():
    return {"by": g.by, "via": PreferenceChange.PAGE, "now": g.now}


def _open(ticked):
    session[FRESH] = calendars.open_one(g.contact, shows=ticked, **_told())
    return "Your calendar has an address. Add it to your calendar program now: it is shown once."


def _change(ticked):
    calendars.change(g.contact, shows=ticked, **_told())
    return "Saved. Your calendar program shows it the next time it looks."


def _close(ticked):
    calendars.close(g.contact, by=g.by, now=g.now)
    return (
        "The address works no more. Remove the calendar from your program, too: some keep what they saw last."
    )


ACTS = {"open": _open, "change": _change, "close": _close}


def _shown(ticked, refusal=""):
    token, standing = session.pop(FRESH, ""), calendars.standing(g.contact, now=g.now)
    address = _address(token) if token and standing else ""
    return render_template(
        "portal/calendar.html",
        ticked=ticked,
        refusal=refusal,
        standing=standing,
        address=address,
        webcal="webcal" + address[address.find(":") :] if address else "",
        has_autopay=preferences.facts(g.contact).autopay,
        entries=calendars.of(g.contact, amounts=calendars.AMOUNTS in ticked, today=g.today).entries
        if standing
        else (),
    )


def _address(token):
    return current_app.config["BASE_URL"] + url_for("portal.calendar_feed", token=token)


@bp.get(f"/calendar/{TOKEN}.ics", endpoint="calendar_feed")
def feed_by_token(token):
    """The calendar itself. Not found for an address that is wrong, withdrawn or of somebody who left."""
    try:
        feed, door = calendars.feed(token, today=g.today, now=g.now), url_for("portal.sign_in")
    except links.DeadLink:
        feed, door = _of_staff(token), "/staff"
    name = g.company.name
    answer = Response(mimetype="text/calendar")
    answer.headers["Cache-Control"] = f"private, max-age={SECONDS}"
    answer.headers["X-Robots-Tag"] = "noindex"
    answer.set_etag(calendar_feed.tag_of(feed, name))
    if not request.if_none_match.contains(answer.get_etag()[0]):
        url = current_app.config["BASE_URL"] + door
        host = urlsplit(current_app.config["BASE_URL"]).hostname
        answer.set_data(calendar_feed.written(feed, name=name, host=host, url=url))
        answer.headers["Content-Disposition"] = 'inline; filename="billing.ics"'
    return answer.make_conditional(request)


def _of_staff(token):
    """The calendar of somebody who works here stands at such an address too."""
    try:
        return desk_calendars.feed(token, today=g.today)
    except links.DeadLink:
        abort(404)
