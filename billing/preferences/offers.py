"""What can be chosen, what stands without a choice, what law or contract require. Pure: no table, no clock.

An event happens, a channel carries it, a timing says when. ``settle`` turns what somebody chose into what is
obeyed; ``objections`` says in sentences why a choice cannot be. Both read the same few ``Facts``.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

from billing import words
from models import Preference

MAIL, TEXT, PAPER, CALENDAR = Preference.CHANNELS
EVERY, UNPAID, AHEAD, ON_DAY, DIGEST, NEVER = Preference.TIMINGS
MOST_DAYS_AHEAD = 30
LAST_DIGEST_DAY = 28
PAPER_DAYS = 5  # a letter takes that long
UNPAID_DAYS = 7


class Wish(NamedTuple):
    """When one event is told by one channel. ``days``: before the due date; ``day``: of the month."""

    timing: str
    days: int = 0
    day: int | None = None


ALWAYS, NOT = Wish(EVERY), Wish(NEVER)


@dataclass(frozen=True)
class Facts:
    """What decides about a contact's choices beside the choices.

    number    -- where texts may go with their consent, or ""
    tell_days -- days ahead that autopay tells of a charge, as agreed; None: the invoice tells
    written   -- True when the law wants notices to them in writing and they have not agreed to mail instead
    usual     -- days before the due date on which the company reminds who chose nothing, earliest first
    told_by_mail -- autopay tells of its charges by mail, to whoever of the account reads mail
    """

    has_mail: bool = True
    number: str = ""
    autopay: bool = False
    tell_days: int | None = None
    written: bool = False
    usual: tuple[int, ...] = (3, 0)
    told_by_mail: bool = True


# What may be chosen at all: {event: {channel: timings}}. NEVER is refused later where the floor needs it.
_LETTERS = {MAIL: (EVERY, NEVER), TEXT: (EVERY, NEVER), PAPER: (EVERY, NEVER)}
_BY_DATE = (AHEAD, ON_DAY, NEVER)
OFFERED = {
    Preference.INVOICE: {
        MAIL: (EVERY, UNPAID, NEVER),
        TEXT: (EVERY, NEVER),
        PAPER: (EVERY, UNPAID, NEVER),
        CALENDAR: (EVERY, NEVER),
    },
    Preference.UPCOMING_CHARGE: {TEXT: _BY_DATE, CALENDAR: (EVERY, NEVER)},
    Preference.REMINDER: {MAIL: (EVERY, *_BY_DATE), TEXT: _BY_DATE, PAPER: (AHEAD, NEVER)},
    Preference.RECEIPT: {MAIL: (EVERY, DIGEST, NEVER), TEXT: (EVERY, NEVER), PAPER: (EVERY, NEVER)},
    Preference.PAYMENT_PROBLEM: {TEXT: (EVERY, NEVER), PAPER: (EVERY, NEVER)},
    Preference.CONTRACT_END: {**_LETTERS, CALENDAR: (EVERY, NEVER)},
    Preference.PRICE_CHANGE: _LETTERS,
    Preference.TICKET_REPLY: {TEXT: (EVERY, NEVER)},
    Preference.DIGEST: {MAIL: (DIGEST, NEVER)},
}
# What one click in a mail program may stop (RFC 8058): nothing that must reach people.
STOPPABLE = frozenset({Preference.REMINDER, Preference.RECEIPT, Preference.DIGEST})
# What must reach a payer by mail or on paper, and why.
FLOOR = {
    Preference.INVOICE: "It always reaches you: by email, on paper, or both.",
    Preference.PAYMENT_PROBLEM: "You always hear of it, and at once.",
    Preference.CONTRACT_END: "The law and your contract want this told in time.",
    Preference.PRICE_CHANGE: "A new price counts only once it was told.",
}
MUST_ARRIVE = frozenset(FLOOR) | {Preference.UPCOMING_CHARGE}  # on paper where mail comes back
WRITTEN = (Preference.CONTRACT_END, Preference.PRICE_CHANGE)
OF_AUTOPAY = "As you agreed with autopay; it can be changed there."
NO_AUTOPAY = "Autopay is off, so nothing is charged by itself."
ANSWERED = "You asked us, so we answer."
ON_PAPER_TOO = "On paper too, until you agree to get it by email."


@dataclass(frozen=True)
class Wishes:
    """What is obeyed for one contact. ``cells`` is {(event, channel): Wish}; ``locked`` {event: reason}.

    fixed  -- cells that nobody can change, because law or contract decide them
    number -- where texts go, or ""
    usual  -- Facts.usual: what EVERY means for reminders
    """

    cells: dict
    locked: dict
    fixed: frozenset
    number: str = ""
    usual: tuple[int, ...] = ()

    def wish(self, event, channel):
        """The Wish of one event and channel; never, where that cannot be chosen."""
        return self.cells.get((event, channel), NOT)

    def channels(self, event):
        """{channel: Wish} of the channels by which an event is told."""
        return {
            channel: self.cells[event, channel]
            for channel in Preference.CHANNELS
            if self.wish(event, channel).timing != NEVER
        }

    def letters(self, event):
        """The same without texts and the calendar, which only add to it."""
        return {one: wish for one, wish in self.channels(event).items() if one in (MAIL, PAPER)}

    def wants(self, event, channel):
        """True when the event is told by this channel at all."""
        return self.wish(event, channel).timing != NEVER


def without_mail(wishes):
    """The Wishes as they are served while mail comes back: on paper what must arrive, the rest not at all."""
    cells = dict(wishes.cells)
    for event, channel in wishes.cells:
        wish = cells[event, channel]
        if channel == MAIL and wish != NOT:
            cells[event, MAIL] = NOT
            if event in MUST_ARRIVE and not wishes.wants(event, PAPER):
                cells[event, PAPER] = wish
    return replace(wishes, cells=cells)


# --- What stands ---------------------------------------------------------------------------------


def defaults(facts):
    """{(event, channel): Wish} of somebody who has chosen nothing."""
    letters = {MAIL: ALWAYS if facts.has_mail else NOT, PAPER: NOT if facts.has_mail else ALWAYS}
    cells = {(event, channel): NOT for event, channels in OFFERED.items() for channel in channels}
    cells |= {(event, channel): wish for event in FLOOR for channel, wish in letters.items()}
    if facts.has_mail:
        cells[Preference.REMINDER, MAIL] = ALWAYS
        cells[Preference.RECEIPT, MAIL] = ALWAYS
    if facts.number:
        cells[Preference.REMINDER, TEXT] = Wish(ON_DAY)
        cells[Preference.PAYMENT_PROBLEM, TEXT] = ALWAYS
    return cells


def before(days):
    """So many days before the due date; none is the day itself."""
    return Wish(AHEAD, days) if days else Wish(ON_DAY)


def settle(chosen, facts):
    """The Wishes that are obeyed, whatever was chosen.

    chosen -- {(event, channel): Wish}, as stored: a channel that is not there any more counts as never, and
              what must arrive arrives all the same
    """
    return _settled(frozenset(chosen.items()), facts)


@lru_cache(4096)  # most people have chosen nothing, and a bill run asks for all of them
def _settled(chosen, facts):
    cells = defaults(facts)
    for (event, channel), wish in chosen:
        if wish.timing in OFFERED.get(event, {}).get(channel, ()):
            cells[event, channel] = wish
    for event, channel in cells:
        if not _reaches(channel, facts):
            cells[event, channel] = NOT
    _keep_receipts(cells)
    locked, fixed = dict(FLOOR), set()
    _lock_written(cells, locked, fixed, facts)
    for event in FLOOR:
        _keep_floor(cells, event, facts)
    _lock_autopay(cells, locked, fixed, facts)
    _lock_answers(cells, locked, fixed, facts)
    return Wishes(cells, locked, frozenset(fixed), facts.number, facts.usual)


def _reaches(channel, facts):
    return {MAIL: facts.has_mail, TEXT: bool(facts.number)}.get(channel, True)


def _keep_receipts(cells):
    """Without a monthly summary nothing can wait for it."""
    waits = cells[Preference.RECEIPT, MAIL].timing == DIGEST
    if waits and cells[Preference.DIGEST, MAIL].timing == NEVER:
        cells[Preference.RECEIPT, MAIL] = ALWAYS


def _keep_floor(cells, event, facts):
    if all(cells[event, channel].timing == NEVER for channel in (MAIL, PAPER)):
        cells[event, MAIL if facts.has_mail else PAPER] = ALWAYS


def _lock_autopay(cells, locked, fixed, facts):
    """A charge of a varying amount may come only after it was announced, and the invoice announces it."""
    event = Preference.UPCOMING_CHARGE
    if not facts.autopay:
        locked[event] = NO_AUTOPAY
        return
    locked[event] = OF_AUTOPAY
    channel = MAIL if facts.told_by_mail else PAPER
    if channel == PAPER or facts.has_mail:
        cells[event, channel] = before(facts.tell_days) if facts.tell_days else ALWAYS
        fixed.add((event, channel))
    for channel in (MAIL, PAPER):
        if cells[Preference.INVOICE, channel].timing == UNPAID:
            cells[Preference.INVOICE, channel] = ALWAYS


def _lock_answers(cells, locked, fixed, facts):
    """What cannot wait for the post comes by mail wherever there is an address."""
    locked[Preference.TICKET_REPLY] = ANSWERED
    for event in (Preference.TICKET_REPLY, Preference.PAYMENT_PROBLEM) if facts.has_mail else ():
        cells[event, MAIL] = ALWAYS
        fixed.add((event, MAIL))


def _lock_written(cells, locked, fixed, facts):
    """What the law wants in writing goes on paper as well, until mail was agreed to (15 U.S.C. 7001(c))."""
    for event in WRITTEN if facts.written and facts.has_mail else ():
        if cells[event, PAPER] == NOT:
            locked[event] = f"{FLOOR[event]} {ON_PAPER_TOO}"
            cells[event, PAPER] = ALWAYS
            fixed.add((event, PAPER))


# --- What cannot be chosen -----------------------------------------------------------------------


def objections(changes, standing, facts):
    """Sentences that say why ``changes`` cannot stand beside what is ``standing`` already; empty: they can.

    Both are {(event, channel): Wish}; ``standing`` holds every cell, as Wishes.cells does.
    """
    wrong = [sentence for cell, wish in changes.items() if (sentence := _objection(cell, wish, facts))]
    if wrong:
        return wrong
    cells = standing | changes
    return [*_missing(changes, cells), *_contradictions(changes, cells, facts)]


def _objection(cell, wish, facts):
    event, channel = cell
    if event not in Preference.EVENTS or channel not in Preference.CHANNELS:
        return "This choice is not known here. Open the page again and choose once more."
    if wish.timing not in OFFERED[event].get(channel, ()):
        return f"{TITLES[event]} {BY[channel]}: this cannot be chosen. Choose one of those that are offered."
    if wish.timing == NEVER:
        return ""
    if channel == MAIL and not facts.has_mail:
        return "There is no email address on file. Add one first, or choose paper."
    if channel == TEXT and not facts.number:
        return "Before we may text you, agree to text messages below."
    least = PAPER_DAYS if channel == PAPER else 1
    if wish.timing in (AHEAD, UNPAID) and not least <= wish.days <= MOST_DAYS_AHEAD:
        return f"{TITLES[event]} {BY[channel]}: choose between {least} and {MOST_DAYS_AHEAD} days."
    if event == Preference.DIGEST and not 1 <= (wish.day or 0) <= LAST_DIGEST_DAY:
        return f"Choose a day of the month between 1 and {LAST_DIGEST_DAY} for the monthly summary."
    return ""


def _missing(changes, cells):
    """What must reach people needs one of the two ways that do; only where something was changed."""
    for event, reason in FLOOR.items():
        touched = any(cell[0] == event for cell in changes)
        if touched and all(cells[event, channel].timing == NEVER for channel in (MAIL, PAPER)):
            yield f"{TITLES[event]}: {reason} Choose at least one of the two."


def _contradictions(changes, cells, facts):
    waits = cells[Preference.RECEIPT, MAIL].timing == DIGEST
    if waits and cells[Preference.DIGEST, MAIL].timing == NEVER:
        yield "Receipts cannot wait for a summary by email that does not come. Choose its day."
    for channel in (MAIL, PAPER):
        unpaid = changes.get((Preference.INVOICE, channel), NOT).timing == UNPAID
        if unpaid and facts.autopay:
            yield (
                "While autopay is on, each invoice announces its charge, so it comes every time. "
                "Choose “Every invoice”."
            )


# --- Words ---------------------------------------------------------------------------------------

TITLES = {
    Preference.INVOICE: "New invoice",
    Preference.UPCOMING_CHARGE: "Automatic charge ahead",
    Preference.REMINDER: "Reminder",
    Preference.RECEIPT: "Receipt",
    Preference.PAYMENT_PROBLEM: "Payment problem",
    Preference.CONTRACT_END: "Contract end",
    Preference.PRICE_CHANGE: "Price change",
    Preference.TICKET_REPLY: "Answer to your question",
    Preference.DIGEST: "Monthly summary",
}
MEANINGS = {
    Preference.REMINDER: "Before an invoice is due, only while it is unpaid.",
    Preference.RECEIPT: "What we received, and what it paid.",
    Preference.DIGEST: "What was billed and paid in a month, in one message.",
}
CERTAIN = frozenset(FLOOR) | {Preference.TICKET_REPLY}
BY = {MAIL: "by email", TEXT: "by text", PAPER: "on paper", CALENDAR: "in your calendar"}
CHANNEL_TITLES = {MAIL: "Email", TEXT: "Text", PAPER: "Paper", CALENDAR: "Calendar"}


def words_of(event, wish, usual=()):
    """A Wish as it stands in a list of choices. usual -- of a reminder: what EVERY means"""
    if event == Preference.REMINDER and wish.timing == EVERY:
        return _usual_words(usual)
    day = "day" if wish.days == 1 else "days"
    if wish.timing == NEVER:
        return "No"
    if wish.timing == UNPAID:
        return f"If unpaid, {wish.days} {day} before"
    if wish.timing == AHEAD:
        return f"{wish.days} {day} before"
    if wish.timing == ON_DAY:
        return "On the day of the charge" if event == Preference.UPCOMING_CHARGE else "On the due date"
    if wish.timing == DIGEST:
        return f"On the {words.ordinal(wish.day)}" if wish.day else "In the monthly summary"
    return {
        Preference.INVOICE: "Every invoice",
        Preference.RECEIPT: "Each payment",
        Preference.UPCOMING_CHARGE: "With the invoice",
    }.get(event, "Yes")


def _usual_words(usual):
    if not usual:
        return "As usual"
    days = [words.plural(count, "day") for count in usual if count]
    early = f"{words.joined(days)} before" if days else ""
    return f"{early}, due day" if early and 0 in usual else early or "On the due date"


# --- As a form sends it --------------------------------------------------------------------------

_DAYS = (1, 2, 3, 4, 5, 6, 7, 10, 14, 21, 30)
_DIGEST_DAYS = range(1, LAST_DIGEST_DAY + 1)


def options(event, channel, now):
    """[Wish] to choose from, with ``now`` among them; an empty list where nothing can be chosen."""
    least = PAPER_DAYS if channel == PAPER else 1
    found = []
    for timing in OFFERED[event].get(channel, ()):
        if timing in (AHEAD, UNPAID):
            days = {*(_DAYS if timing == AHEAD else (3, 7, 10, 14)), now.days if now.timing == timing else 7}
            found += [Wish(timing, count) for count in sorted(days) if count >= least]
        elif event == Preference.DIGEST and timing == DIGEST:
            found += [Wish(DIGEST, 0, day) for day in _DIGEST_DAYS]
        else:
            found.append(Wish(timing))
    return found


def code_of(wish):
    """A Wish as the value of a form field, such as ``ahead-3``."""
    count = wish.day if wish.timing == DIGEST else wish.days
    return f"{wish.timing}-{count}" if count else wish.timing


def wish_of(code):
    """The Wish behind such a value; None for anything else."""
    timing, dash, count = code.partition("-")
    number = int(count) if count.isascii() and count.isdecimal() and len(count) < 4 else 0
    if timing not in Preference.TIMINGS or (dash and not number):
        return None
    return Wish(timing, day=number or None) if timing == DIGEST else Wish(timing, number)


# --- Presets -------------------------------------------------------------------------------------


class Preset(NamedTuple):
    """A whole set of choices under one name. ``promise`` says what it means in a sentence."""

    name: str
    title: str
    promise: str


FORGET, REMIND, EVERYTHING, ON_PAPER = "forget", "remind", "everything", "paper"
PRESETS = (
    Preset(FORGET, "Set and forget", "Autopay pays. You see each invoice; we write only if we need you."),
    Preset(REMIND, "Remind me", "We remind you in time, and confirm each payment."),
    Preset(EVERYTHING, "Tell me everything", "You hear early, at each step, and get a summary every month."),
    Preset(ON_PAPER, "Paper, please", "What you need comes by post, with a slip for your check."),
)  # fmt: skip


def preset_cells(name, facts):
    """{(event, channel): Wish} of a preset, for every cell that reaches the contact.

    Raises KeyError for an unknown name.
    """
    chosen = _PRESET_CELLS[name](facts)
    cells = {(event, channel): NOT for event, channels in OFFERED.items() for channel in channels}
    for event in FLOOR:
        chosen.setdefault(event, _letters(facts))
    cells |= {(event, channel): wish for event, row in chosen.items() for channel, wish in row.items()}
    return {cell: wish for cell, wish in cells.items() if _reaches(cell[1], facts)}


def _letters(facts, *, text=False, calendar=False):
    """By mail, or on paper where there is none, and by what else is wanted."""
    row = {MAIL if facts.has_mail else PAPER: ALWAYS}
    return row | ({TEXT: ALWAYS} if text else {}) | ({CALENDAR: ALWAYS} if calendar else {})


def _reminded(facts, days=0):
    mail = Wish(AHEAD, days) if days else ALWAYS
    early = {MAIL: mail} if facts.has_mail else {PAPER: Wish(AHEAD, UNPAID_DAYS)}
    return {**early, TEXT: Wish(ON_DAY)}


def _forget(facts):
    """A reminder goes only where autopay will not pay: until it is on, nobody forgets into being late."""
    row = {MAIL: ALWAYS}
    return {Preference.REMINDER: row, Preference.PAYMENT_PROBLEM: _letters(facts, text=True)}


def _remind(facts):
    return {
        Preference.REMINDER: _reminded(facts),
        Preference.RECEIPT: {MAIL: ALWAYS},
        Preference.PAYMENT_PROBLEM: _letters(facts, text=True),
    }


def _everything(facts):
    return {
        Preference.INVOICE: _letters(facts, calendar=True),
        Preference.UPCOMING_CHARGE: {TEXT: Wish(AHEAD, 1), CALENDAR: ALWAYS},
        Preference.REMINDER: _reminded(facts, UNPAID_DAYS),
        Preference.RECEIPT: _letters(facts, text=True),
        Preference.PAYMENT_PROBLEM: _letters(facts, text=True),
        Preference.CONTRACT_END: _letters(facts, calendar=True),
        Preference.TICKET_REPLY: {TEXT: ALWAYS},
        Preference.DIGEST: {MAIL: Wish(DIGEST, day=1)},
    }


def _paper(facts):
    """A payment that failed cannot wait for the post: that comes by mail all the same."""
    return {event: {PAPER: ALWAYS} for event in (Preference.INVOICE, *WRITTEN)}


_PRESET_CELLS = {FORGET: _forget, REMIND: _remind, EVERYTHING: _everything, ON_PAPER: _paper}


def preset_of(wishes, facts):
    """The name of the preset that somebody's wishes are, or "". Who has no address has chosen paper."""
    names = [preset.name for preset in PRESETS]
    for name in names if facts.has_mail else reversed(names):
        if settle(preset_cells(name, facts), facts).cells == wishes.cells:
            return name
    return ""
