"""A contact's choices as a table that a page shows: events by channels, each cell with what may be chosen.

The portal and the back office show the same one. Pure: what stands and what may be chosen is in ``offers``.
"""

from typing import NamedTuple

from billing import words
from billing.preferences import offers
from models import Preference


class Option(NamedTuple):
    """One thing that can be chosen: the value that a form sends, and its words."""

    code: str
    words: str
    is_chosen: bool


class Cell(NamedTuple):
    """One event by one channel. ``words``: what stands; ``options`` is empty where nothing can be chosen.

    is_yes_no -- it is told or not: the page shows a box to tick
    """

    name: str
    channel: str
    label: str
    words: str
    options: tuple[Option, ...]
    is_on: bool

    @property
    def is_yes_no(self):
        return {option.code for option in self.options} == {offers.EVERY, offers.NEVER}


class Row(NamedTuple):
    """One event: what it is, or what cannot be changed and why, and a Cell or None for each channel."""

    event: str
    title: str
    meaning: str
    cells: tuple[Cell | None, ...]


class Table(NamedTuple):
    """``channels``: the headings of the columns, of those by which the contact can be reached."""

    channels: tuple[str, ...]
    rows: tuple[Row, ...]


def table(wishes, facts, typed=None):
    """The Table of somebody's Wishes.

    typed -- {(event, channel): Wish} that was chosen on the page and could not be saved: it is shown again
    """
    shown = {**wishes.cells, **(typed or {})}
    reached = {offers.MAIL: facts.has_mail, offers.TEXT: bool(facts.number)}
    channels = [channel for channel in Preference.CHANNELS if reached.get(channel, True)]
    rows = [_row(event, channels, wishes, shown, facts) for event in Preference.EVENTS]
    return Table(tuple(offers.CHANNEL_TITLES[channel] for channel in channels), tuple(rows))


def _row(event, channels, wishes, shown, facts):
    off = event == Preference.UPCOMING_CHARGE and not facts.autopay
    cells = [None if off else _cell(event, channel, wishes, shown) for channel in channels]
    meaning = wishes.locked.get(event) or offers.MEANINGS[event]
    return Row(event, offers.TITLES[event], meaning, tuple(cells))


def _cell(event, channel, wishes, shown):
    stands = wishes.wish(event, channel)
    name, label = f"{event}-{channel}", f"{offers.TITLES[event]} {offers.BY[channel]}"
    if (event, channel) in wishes.fixed:
        always = "Always" if stands == offers.ALWAYS and event in offers.CERTAIN else ""
        return Cell(name, channel, label, always or offers.words_of(event, stands), (), True)
    if channel not in offers.OFFERED[event]:
        return None
    now = shown.get((event, channel), stands)
    options = tuple(
        Option(offers.code_of(wish), offers.words_of(event, wish, wishes.usual), wish == now)
        for wish in offers.options(event, channel, now)
    )
    return Cell(
        name, channel, label, offers.words_of(event, now, wishes.usual), options, now.timing != offers.NEVER
    )


def in_short(wishes):
    """What people ask staff about, each in a few words: ["New invoice by email", "No reminder"]."""
    found = []
    for event in (Preference.INVOICE, Preference.REMINDER, Preference.RECEIPT):
        title, ways = offers.TITLES[event], wishes.channels(event)
        ways.pop(offers.CALENDAR, None)
        told = words.joined(offers.BY[channel] for channel in ways)
        found.append(f"{title} {told}" if ways else f"No {title.lower()}")
    return found
