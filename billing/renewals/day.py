"""The renew step of the day: look what became of messages, close windows, begin terms, plan, send, alarm.

In this order, so that what came back is known before a window is called closed, and what is planned today
goes out today. Not here: any rule of it.
"""

from billing import words
from billing.renewals import closing, figures, planning, prices, sending


def work(today):
    """How many notices wait for the step, roughly: for a progress bar."""
    standing = figures.standing(today)
    return standing.open + standing.out


def run(today, *, now, trouble, progress=None):
    """Do the day's renewals. Returns a line for people; ``trouble`` gets sentences about what needs them."""
    proven, fallen = sending.follow(today, now=now, trouble=trouble)
    missed = closing.close(today, now=now, trouble=trouble)
    renewed = closing.renew(today, now=now, trouble=trouble)
    planned = planning.plan_due(today, now=now, trouble=trouble)
    sent = sending.send_due(today, now=now, trouble=trouble, progress=progress)
    told = prices.follow(today, now=now, trouble=trouble)
    fallen += prices.fall_back(today, now=now, trouble=trouble)
    prices.send_due(today, now=now, trouble=trouble)
    trouble += [prices.alarm_words(change) for change in prices.alarm(today, now=now)]
    alarms = closing.alarm(today, now=now)
    trouble += [closing.alarm_words(row) for row in alarms]
    trouble += [closing.missed_words(row) for row in missed if row.rule.consequence != "courtesy"]
    counts = (
        (renewed.renewed, "renewed"), (renewed.monthly, "month to month"), (planned.planned, "planned"),
        (planned.moved, "moved"), (planned.canceled, "not needed"), (sent, "sent"), (proven, "proven"),
        (fallen, "on paper instead"), (len(missed), "missed"), (len(alarms), "about to close"),
        (told, "new prices told"),
    )  # fmt: skip
    return ", ".join(f"{count:,} {what}" for count, what in counts if count) or "nothing to do"


def preview(today):
    """What a dry run says."""
    standing = figures.standing(today)
    return f"{words.plural(standing.open, 'open window')}, {standing.out:,} on their way"
