"""The phone log of the demo company: weeks of calls, and today somebody waits for one.

Missed by a customer who owes, a message on the machine, a number that nobody knows, one that was withheld; a
next step whose day has come. The answering service's list is read every morning.
"""

import random
from datetime import timedelta

from billing import calls, feeds, notes
from billing.demo import cast, patience
from models import Call, Customer, Invoice, Staff

DAYS, CALLS = 40, 24
SERVICE, SYSTEM = "answering service", "phone system"
TALKS = (
    (
        "in",
        "answered",
        240,
        "Wanted to know what the service call on the last invoice was. Explained it line by line.",
    ),
    ("in", "answered", 95, "New mail address noted."),
    ("out", "no_answer", None, "About the card that expired."),
    ("out", "answered", 130, "Card expired; will enter the new one on the page tonight."),
    ("in", "answered", 310, "False alarm by the cleaning crew. Wrote down their new hours."),
    ("out", "voicemail", 40, "Left a message: the technician comes Thursday between 9 and 11."),
    ("in", "answered", 60, "Asked for a copy of the last invoice. Sent."),
    ("in", "wrong_number", 15, ""),
)
LATE = "Hi, I got your letter about the bill. I think I paid it in October. Please call me back, thanks."
NEW = "Hello, I am calling for my father, he has an alarm from you. Nothing urgent. Bye."
SERVICE_NOTE = "Caller says the keypad has been beeping since last night. Wants to be called in the morning."
PINNED = "Hard of hearing: let it ring long, and speak up. Prefers the phone to mail."


def play(history):
    """Fill the log and set today's scenes."""
    rng = random.Random(f"{history.seed}:phone")
    people = _reachable()
    priya = Staff.get(Staff.email == "priya@example.com")
    for number in range(CALLS):
        at = history.now - timedelta(days=1 + number * DAYS // CALLS, minutes=rng.randrange(480))
        _talk(rng.choice(people), TALKS[number % len(TALKS)], at, f"demo-{number}", priya)
    _waiting(history, people, rng)
    _agreed(history, rng.choice(people), priya)
    feeds.beat(feeds.PHONE, now=history.now, watched=False)


def _reachable():
    """Contacts whose number is nobody else's, in order."""
    found = calls.people_by_line().values()
    others = {row.id for row in Customer.select(Customer.id).where(patience.strangers())}
    alone = (people[0] for people in found if len(people) == 1)
    return sorted((one for one in alone if one.customer_id in others), key=lambda one: one.id)


def _talk(person, talk, at, key, staff):
    direction, outcome, seconds, note = talk
    calls.log(
        person.customer, contact=person, direction=direction, outcome=outcome, seconds=seconds, note=note,
        key=key, staff=staff, by=cast.SUPPORT, today=at.date(), now=at,
    )  # fmt: skip


def _waiting(history, people, rng):
    """Whom nobody answered: three customers, a number that nobody knows, and one that was withheld."""
    owing = Invoice.select(Invoice.customer).where(Invoice.IS_OWED & (Invoice.due_on < history.today))
    late = [one for one in people if one.customer_id in {row.customer_id for row in owing}] or people
    first, second, third = late[0], rng.choice(late), rng.choice(people)
    for number, (source, line, outcome, hours, told) in enumerate((
        (SYSTEM, first.phone, Call.VOICEMAIL, 20, {"note": LATE, "seconds": 24}),
        (SYSTEM, second.phone, Call.MISSED, 3, {}),
        (SERVICE, third.phone, "message", 9, {"note": SERVICE_NOTE, "agent": "Dana", "seconds": 85}),
        (SYSTEM, "(512) 555-0199", Call.VOICEMAIL, 5, {"note": NEW, "caller": "WIRELESS", "seconds": 18}),
        (SYSTEM, "Anonymous", Call.MISSED, 2, {}),
    )):  # fmt: skip
        at = history.now - timedelta(hours=hours)
        received = calls.Received(source, f"demo-waits-{number}", line, Call.IN, outcome, at, **told)
        calls.take(received, now=history.now)


def _agreed(history, person, staff):
    """Something was promised for today, and a note that everybody should see."""
    at = history.now - timedelta(days=2)
    calls.log(
        person.customer, contact=person, direction=Call.IN, outcome=Call.ANSWERED, seconds=180,
        note="Needs the alarm permit form of the city for the insurance.", next_step="Mail the permit form",
        next_on=history.today, key="demo-step", staff=staff, by=cast.SUPPORT, today=at.date(), now=at,
    )  # fmt: skip
    notes.write(person.customer, PINNED, pinned=True, by=cast.SUPPORT, now=at)
