"""Versions of texts: drafts, the one in force, and what is used when that one fails.

Version 0 is the default file; what was in force is never changed (triggers), so going back is a new version
with an older text. What a text must say is judged in ``checking``, before it is activated.
"""

from contextlib import contextmanager
from contextvars import ContextVar

from peewee import fn

from billing import events
from billing.editions import checking
from billing.errors import BillingError
from billing.states import move
from billing.wording import defaults
from billing.wording.rendering import Text
from models import Template, db

_read = ContextVar("the texts in force, read once", default=None)


def candidates(kind, channel, language):
    """(Template or None, Text), best first: what is in force, what was before it, the default."""
    standing = in_force(kind, channel, language)
    if standing:
        yield standing, text_of(standing)
        for row in _earlier(standing):
            yield row, text_of(row)
    if (text := defaults.of(kind, channel, language)) is not None:
        yield None, text


def in_force(kind, channel, language):
    """The Template in force, or None: then the default is."""
    about, known = (kind, channel, language), _read.get()
    if known is None:
        return _in_force(about)
    if about not in known:
        known[about] = _in_force(about)
    return known[about]


def _in_force(about):
    return Template.get_or_none(_of(*about) & (Template.state == Template.ACTIVE))


@contextmanager
def read_once(known):
    """Within this, what is in force is read once for each text, into the dict ``known``."""
    token = _read.set(known)
    try:
        yield
    finally:
        _read.reset(token)


def _earlier(row):
    """What was in force before a version and never failed, newest first."""
    return (
        Template.select()
        .where(
            _of(row.kind, row.channel, row.language)
            & (Template.version < row.version)
            & Template.activated_at.is_null(False)
            & Template.failed_at.is_null()
        )
        .order_by(Template.version.desc())
        .limit(3)
    )


def _of(kind, channel, language):
    return (Template.kind == kind) & (Template.channel == channel) & (Template.language == language)


def text_of(row):
    """The Text of a Template."""
    return Text(row.subject, row.body)


def says(row, text):
    """True for a Template that keeps a Text, but for the space around it."""
    return (row.subject, row.body.strip()) == (text.subject.strip(), text.body.strip())


def of(kind, channel, language):
    """A query of all versions of one text, newest first."""
    return Template.select().where(_of(kind, channel, language)).order_by(Template.version.desc())


def all_in_play():
    """{(kind, channel, language): [Template]} of every text that is in force or a draft, in one query."""
    found = {}
    rows = Template.select().where(Template.state != Template.RETIRED).order_by(Template.version)
    for row in rows:
        found.setdefault((row.kind, row.channel, row.language), []).append(row)
    return found


# --- Changing ------------------------------------------------------------------------------------


def save(kind, channel, language, text, *, note, by, now, draft=None):
    """Keep a Text as a draft: the one given, changed, or a new one. Returns the Template.

    A draft may be wrong; it is judged when it is activated. Raises BillingError when it was activated or
    discarded meanwhile, or is too long to keep.
    """
    if defaults.of(kind, channel, language) is None:
        raise BillingError("There is no such message.")
    if too_long := checking.too_long(text):
        raise BillingError(too_long)
    subject = "" if channel == Template.TEXT else text.subject.strip()
    said = {"subject": subject, "body": text.body.replace("\r\n", "\n").strip() + "\n", "note": note[:255]}
    with db.atomic():
        if draft is not None:
            _change(draft, said | {"made_by": by, "made_at": now})
            return Template.get_by_id(draft.id)
        about = {"kind": kind, "channel": channel, "language": language}
        last = Template.select(fn.MAX(Template.version)).where(_of(kind, channel, language)).scalar() or 0
        return Template.create(**about, **said, version=last + 1, made_by=by, made_at=now)


def _change(draft, said):
    is_draft = (Template.id == draft.id) & (Template.state == Template.DRAFT)
    if not Template.update(**said).where(is_draft).execute():
        raise BillingError(
            "This draft was put in force or discarded meanwhile. Save once more: it makes a new one."
        )


def activate(draft, *, by, now, real=()):
    """Put a draft in force instead of what is; returns it. The next message is written by it.

    real -- [(what it is, context)] of messages as they are sent: the text must be able to say these, too
    Raises BillingError, one problem a line, when the text is not fit to be sent.
    """
    found = checking.problems(draft.kind, draft.channel, draft.language, text_of(draft), real=real)
    if found:
        raise BillingError("\n".join(found))
    with db.atomic():
        standing = in_force(draft.kind, draft.channel, draft.language)
        if standing:
            move(standing, Template.RETIRED)
        move(draft, Template.ACTIVE, activated_by=by, activated_at=now)
        events.record("template.activated", draft, by=by, now=now, reason=draft.note)
    return draft


def use_default(kind, channel, language, *, by, now):
    """Let the default be in force again. Returns the Template that is retired by it, or None."""
    standing = in_force(kind, channel, language)
    if standing:
        with db.atomic():
            move(standing, Template.RETIRED)
            events.record("template.retired", standing, by=by, now=now, reason="The default text again.")
    return standing


def discard(draft, *, by, now):
    """Decide that a draft is not used."""
    if draft.activated_at:
        raise BillingError("Only a draft can be discarded.")
    with db.atomic():
        move(draft, Template.RETIRED)
        events.record("template.discarded", draft, by=by, now=now)


def note_failure(row, sentence, *, now):
    """Remember that a text could not be written out for a real message: staff see it until they mend it."""
    Template.update(failed_at=now, failure=sentence[:255]).where(Template.id == row.id).execute()


def failing():
    """A query of the texts in force that failed: an older one is sent instead."""
    return (
        Template.select()
        .where((Template.state == Template.ACTIVE) & Template.failed_at.is_null(False))
        .order_by(Template.id)
    )
