"""Lists of calls from a phone system or an answering service: the page that reads one.

Here: the upload, what it would do, and the one call that keeps it. Not here: reading and matching
(billing/calls/), taking the file (uploads.py), who may (security.py).
"""

from flask import flash, g, redirect, request, url_for
from flask_admin import expose

from admin import uploads
from billing import calls, masking, phones, words
from billing.errors import BillingError
from models import Call

SHOWN = 100
CHOOSE = "Choose the list of calls."
TOO_LARGE = "This list is too large for a page. Read it with: flask --app app import-calls FILE --map MAP"
SAMPLE = """\
source = "answering service"

[file]
times = "%m/%d/%Y %I:%M %p"

[call]
started_at = "{Date} {Time}"
number = "{Caller ID}"
direction = "in"
outcome = { column = "Result", values = { Spoke = "answered", Missed = "missed", Voicemail = "voicemail" } }
note = "{Message}"
"""


class CallLists:
    """Mixed into the home view: ``/staff/call-list``."""

    @expose("/call-list", methods=("GET", "POST"))
    def call_list(self):
        """Read a list of calls: first what it would do, then keeping it."""
        mapping = request.form.get("mapping", "").replace("\r\n", "\n") or calls.last_mapping() or SAMPLE
        if request.method == "GET":
            return self._asked(mapping)
        try:
            name, content = uploads.taken(choose=CHOOSE, too_large=TOO_LARGE)
            read = calls.read_mapping(mapping.encode(), time_zone=g.company.time_zone)
            result = calls.check(content, name, read, now=g.now)
            if uploads.AGREED in request.form:
                return _kept(result, mapping)
        except BillingError as refusal:
            return self._asked(mapping, str(refusal)), 400
        return self.render(
            "admin/call_list.html", result=result, mapping=mapping, packed=uploads.packed(content),
            agreed=uploads.AGREED, shown=SHOWN, sentence="", whose=_whose(calls.people_by_line()),
            masked=masking.masked,
        )  # fmt: skip

    def _asked(self, mapping, sentence=""):
        return self.render("admin/call_list.html", result=None, mapping=mapping, sentence=sentence)


def _whose(people):
    """A function that names whom a call will be noted for, as far as its number tells."""

    def told(call):
        known = {person.customer_id: person.name for person in people.get(phones.line(call.number), ())}
        return "–" if not known else "one of several" if len(known) > 1 else next(iter(known.values()))

    return told


def _kept(result, mapping):
    made = calls.commit(result, by=g.by, now=g.now, mapping=mapping)
    wait = sum(call.state == Call.TO_CALL for call in made)
    told = f"{words.plural(len(made), 'call')} of {result.file_name} kept."
    flash(f"{told} {words.plural(wait, 'person waits', 'people wait')} to be called back.", "success")
    return redirect(url_for("staff_call.index_view", **({"state": Call.TO_CALL} if wait else {})), 303)
