"""What the customer's pages say in Spanish, beside what documents and messages say (``spanish``).

One module for each family of pages, as customers come to them: ``entering`` (signing in, errors), ``frame``
(around every page), ``account`` (overview, lists, statement), ``invoice``, ``paying``, ``methods``,
``autopay``, ``more_time``, ``dispute``, ``questions``, ``preferences``, ``calendar``, and ``paper``. To
translate: open a page, find its family here, and write beside each English sentence what it should say. A
sentence stands in one family only, even where several say it.

The same rules as in ``spanish``: English on the left as templates and rules write it, braces for what
differs. ``{theirs}`` is what a template marked as a name; ``{ways}`` channels with days, ``{spans}`` numbers
of days, ``{event}`` what we tell. A page is said only as a whole (``finished``), so a sentence that is
missing here leaves it in English.
"""

from billing.wording.spanish_pages import (
    account,
    autopay,
    calendar,
    dispute,
    entering,
    frame,
    invoice,
    methods,
    more_time,
    paper,
    paying,
    preferences,
    questions,
)

WAYS = {
    "by email": "por correo electrónico", "by text": "por mensaje de texto", "on paper": "en papel",
    "in your calendar": "en su calendario", r"and (?=\d)": "y el ", "on": "el", "and": "y", "today": "hoy",
}  # fmt: skip
SPANS = {"days": "días", "day": "día", "and": "y"}
WEEKDAYS = {
    "Mon": "lun", "Tue": "mar", "Wed": "mié", "Thu": "jue", "Fri": "vie", "Sat": "sáb", "Sun": "dom",
    "Monday": "lunes", "Tuesday": "martes", "Wednesday": "miércoles", "Thursday": "jueves",
    "Friday": "viernes", "Saturday": "sábado", "Sunday": "domingo",
}  # fmt: skip
EVENTS = (
    "New invoice", "Automatic charge ahead", "Reminder", "Receipt", "Payment problem", "Contract end",
    "Price change", "Answer to your question", "Monthly summary",
)  # fmt: skip

FAMILIES = (
    entering, frame, account, invoice, paying, methods, autopay, more_time, dispute, questions, preferences,
    calendar, paper,
)  # fmt: skip
SENTENCES = {english: said for family in FAMILIES for english, said in family.SENTENCES.items()}
