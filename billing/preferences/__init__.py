"""What each contact wants to hear, by which channel and when; what must be told all the same; and the proof.

    preferences.wishes(contact).channels(Preference.REMINDER)   # {"mail": Wish("ahead", 3)}

``offers`` is what can be chosen and what is obeyed (pure), ``choosing`` reads and changes, ``judging`` asks
of any past message whether it was allowed. The consents that the law wants are ``billing.consents``.
"""

from billing.preferences.choosing import (
    choose,
    facts,
    facts_of,
    history,
    imported,
    of_contacts,
    posted,
    standing,
    stop,
    stored,
    typed,
    use_preset,
    wishes,
)
from billing.preferences.judging import (
    EVENT_OF,
    asked_when_sent,
    at,
    event_of,
    explain,
    judge,
    unwanted,
    violations,
)
from billing.preferences.offers import (
    ALWAYS,
    FORGET,
    NOT,
    PRESETS,
    STOPPABLE,
    TITLES,
    Facts,
    Wish,
    Wishes,
    before,
    preset_cells,
    preset_of,
    settle,
    without_mail,
)
from billing.preferences.table import in_short, table

__all__ = [
    "ALWAYS",
    "EVENT_OF",
    "event_of",
    "FORGET",
    "NOT",
    "PRESETS",
    "STOPPABLE",
    "TITLES",
    "Facts",
    "Wish",
    "Wishes",
    "asked_when_sent",
    "at",
    "before",
    "choose",
    "explain",
    "facts",
    "facts_of",
    "history",
    "imported",
    "in_short",
    "judge",
    "of_contacts",
    "posted",
    "preset_cells",
    "preset_of",
    "settle",
    "standing",
    "stop",
    "stored",
    "table",
    "typed",
    "unwanted",
    "use_preset",
    "violations",
    "wishes",
    "without_mail",
]
