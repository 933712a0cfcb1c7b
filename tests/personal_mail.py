"""Reading and signing a personal mail as a person does it. No test stands here."""

from billing.personal import drafts


def read(draft, staff, *, today, now):
    """What somebody sees who opens the draft."""
    return drafts.read(draft, staff=staff, by=f"staff:{staff.email}", today=today, now=now)


def sign(draft, staff, *, today, now, words="Hello", granting=None, by=None):
    """Read it and send it at once, in the name of ``staff``. ``words``: None for those suggested."""
    seen = read(draft, staff, today=today, now=now)
    text = seen.words if words is None else words
    told = {"staff": staff, "by": by or f"staff:{staff.email}", "today": today, "now": now}
    return drafts.send(draft, words=text, seen=seen.seen, granting=granting, **told)
