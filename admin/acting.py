"""Doing something to rows: the page that asks before, one use case for each row, what came of each.

Here: the acting half of a generated screen. Not here: the actions themselves (actions.py), who may
(security.py). The first step is a plain GET, so it needs neither script nor token.
"""

import secrets

from flask import abort, flash, redirect, request, session, url_for
from flask_admin import expose

from admin import finding, labels, security
from admin.links import back_url
from billing.errors import BillingError


class Acting:
    """Mixed into base.StaffView: ``/act/<action>``."""

    actions = ()

    def bulk_actions(self):
        """The actions that this person may do with many rows."""
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
        if request.method == "POST" and form.validate():
            return self._perform(chosen, rows, form)
        return self.render(
            "admin/act.html",
            action=chosen,
            rows=rows,
            form=form,
            click=request.form.get("click") or self.new_click(),
            back=back_url(self.row_url(rows[0]) if len(rows) == 1 else url_for(".index_view")),
            effects=[(row, chosen.effect(row)) for row in rows],
        ), 400 if request.method == "POST" else 200

    def new_click(self):
        """The name of one sending of a form; a second one with the same name is refused."""
        return secrets.token_urlsafe(16)

    def _rows(self, ids):
        query = self.model.select().where(self.model.id.in_(ids))
        found = (
            {row.id: row for row in (query.where(self.scope) if self.scope is not None else query)}
            if ids
            else {}
        )
        rows = [found[id] for id in ids if id in found]
        self.prepare(rows)
        return rows

    def _perform(self, action, rows, form):
        """One use case for each row; a refusal of one does not stop the others."""
        if not first_time(request.form.get("click", "")):
            flash("This was done already; nothing was done twice.", "error")
            return redirect(back_url(url_for(".index_view")), 303)
        results = [self._one(action, row, form) for row in rows]
        if len(rows) == 1 and not action.shows_result:
            done, sentence = results[0][1:]
            if not done:
                forget(request.form.get("click", ""))
                flash(sentence, "error")
                return self._again(action, rows, form)
            flash(sentence, "success")
            return redirect(back_url(self.row_url(rows[0])), 303)
        return self.render(
            "admin/results.html", action=action, results=results, back=back_url(url_for(".index_view"))
        )

    def _again(self, action, rows, form):
        return self.render(
            "admin/act.html",
            action=action,
            rows=rows,
            form=form,
            click=self.new_click(),
            back=back_url(self.row_url(rows[0])),
            effects=[(row, action.effect(row)) for row in rows],
        ), 409

    def _one(self, action, row, form):
        if not action.fits(row):
            return row, False, f"{action.label}: this is not possible for {labels.name_of(row)} as it is now."
        try:
            return row, True, action.run(row, form) or action.done.format(row=labels.name_of(row))
        except BillingError as refusal:
            return row, False, str(refusal)


def first_time(click):
    """True once for each form that was shown: a double click is not a second order."""
    used = session.get("staff_clicks", [])
    if not click or click in used:
        return False
    session["staff_clicks"] = [*used[-19:], click]
    return True


def forget(click):
    """A refused form may be sent again."""
    session["staff_clicks"] = [used for used in session.get("staff_clicks", []) if used != click]
