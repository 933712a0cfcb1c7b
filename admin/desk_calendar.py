"""The page on which somebody of staff opens their calendar, gets its address once, and is rid of it.

It is fetched without signing in: portal/calendars.py. What stands in it: billing/desk_calendars.py.
"""

import flask_login
from flask import current_app, flash, g, redirect, request, session, url_for
from flask_admin import expose

from billing import desk_calendars

FRESH = "desk_calendar"  # where the cookie keeps a new address until it was shown


class DeskCalendar:
    """Mixed into the home view: ``/staff/calendar``."""

    @expose("/calendar", methods=("GET", "POST"))
    def calendar(self):
        """One's own calendar."""
        staff = flask_login.current_user.row
        if request.method == "POST":
            if request.form.get("do") == "close":
                desk_calendars.close(staff, by=g.by, now=g.now)
                flash("The address works no more. Remove the calendar from your program, too.", "success")
            else:
                session[FRESH] = desk_calendars.open_one(staff, by=g.by, now=g.now)
            return redirect(url_for("staff.calendar"), 303)
        token = session.pop(FRESH, "") if staff.calendar_hash else ""
        address = f"{current_app.config['BASE_URL']}/calendar/{token}.ics" if token else ""
        return self.render(
            "admin/desk_calendar.html",
            address=address,
            webcal="webcal" + address[address.find(":") :] if address else "",
            opened_at=staff.calendar_at,
            entries=desk_calendars.of(staff, today=g.today).entries,
        )
