"""Doing something to rows: the page that asks before, one use case for each row, what came of each.

Here: the acting half of a generated screen. Not here: the actions themselves (actions.py), who may
(security.py). The first step is a plain GET, so it needs neither script nor token.
"""

import secrets

from flask import Response, abort, flash, redirect, request, session, url_for
from flask_admin import expose

from admin import finding, labels, security
from admin.links import back_url
from billing.errors import BillingError


class Acting:
    """Mixed into base.StaffView: ``/act/<action>``."""

    actions = ()

    def bulk_actions(self, rows):
        """The actions that this person may do with many of ``rows``, those of a page of the list."""
        return [one for one in self.actions if one.bulk and security.may(f"{self.key}.{one.name}")]

    def row_actions(self, row):
        """The actions that this person may do with this row as it is now."""
        return [one for one in self.actions if security.may(f"{self.key}.{one.name}") and one.fits(row)]

    @expose("/act/<action>", methods=("GET", "POST"))
    def act_view(self, action):
        """Ask before, do it row by row, say what came of each."""
        chosen = next((one for one in self.actions if one.name == action), None) or abort(404)
        rows = self._rows(finding.as_ids(request.values.getlist("id")))
        if not rows:
            flash("Tick at least one row first.", "error")
            return redirect(back_url(url_for(".index_view")), 303)
        form = chosen.form_for(rows, request.form if request.method == "POST" else None)
        if request.method == "GET":
            return self._ask(chosen, rows, form)
        if any(map(chosen.fits, rows)) and not form.validate():  # else there is a better reason to refuse
            return self._ask(chosen, rows, form), 400
        if was_done(request.form.get("click", "")):
            flash("This was done already; nothing was done twice.", "error")
            return redirect(back_url(url_for(".index_view")), 303)
        return self._perform(chosen, rows, form)

    def _rows(self, ids):
        query = self.model.select().where(self.model.id.in_(ids))
        if self.scope is not None:
            query = query.where(self.scope)
        found = {row.id: row for row in query} if ids else {}
        rows = [found[id] for id in ids if id in found]
        self.prepare(rows)
        return rows

    def _ask(self, action, rows, form):
        """The page that says what will happen, with the action's form."""
        return self.render(
            "admin/act.html",
            action=action,
            rows=rows,
            form=form,
            click=self.new_click(),
            back=back_url(self.row_url(rows[0]) if len(rows) == 1 else url_for(".index_view")),
            effects=[(row, action.effect(row)) for row in rows],
        )

    def new_click(self):
        """The name of one sending of a form; a second one with the same name is refused."""
        return secrets.token_urlsafe(16)

    def _perform(self, action, rows, form):
        """One use case for each row; a refusal of one does not stop the others."""
        results = [self._one(action, row, form) for row in rows]
        if len(rows) > 1 or action.shows_result:
            remember(request.form.get("click", ""))
            back = back_url(self.row_url(rows[0]) if len(rows) == 1 else url_for(".index_view"))
            return self.render("admin/results.html", action=action, results=results, back=back)
        _, done, sentence = results[0]
        if isinstance(sentence, Response):  # a document instead of a sentence
            remember(request.form.get("click", ""))
            return sentence
        flash(sentence, "success" if done else "error")
        if not done:
            return self._ask(action, rows, form), 409  # with all that was typed
        remember(request.form.get("click", ""))
        return redirect(self._next_url(action, rows[0]), 303)

    def _next_url(self, action, row):
        """Where one came from; from the row's own page, what the action led to."""
        here = self.row_url(row)
        back = back_url(here)
        led_to = action.lands(row) if back == here else None
        return self.row_url(led_to) if led_to else back

    def _one(self, action, row, form):
        if not action.fits(row):
            return row, False, f"{action.label}: this is not possible for {labels.name_of(row)} as it is now."
        try:
            return row, True, action.run(row, form) or action.done.format(row=labels.name_of(row))
        except BillingError as refusal:
            return row, False, str(refusal)


def was_done(click):
    """True for a form that was sent before: a double click is not a second order."""
    return not click or click in session.get("staff_clicks", [])


def remember(click):
    """This form did what it says."""
    session["staff_clicks"] = [*session.get("staff_clicks", [])[-19:], click]
