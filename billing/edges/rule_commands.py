"""The command of the rules about renewals: ``load-rules``. Tools and looks are those of commands.py."""

from pathlib import Path

import click
from flask import current_app

from billing import words
from billing.edges.command_line import command, say, whoami
from billing.errors import BillingError
from billing.renewals import rules


@command("load-rules")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
def load_rules(file):
    """Take rules about renewals from a CSV. What differs becomes a draft that an owner activates."""
    try:
        text = Path(file).read_text("utf-8")
    except UnicodeDecodeError:
        raise BillingError(f"{file} is not text in UTF-8. Save it as a CSV file.") from None
    source, now = Path(file).name, current_app.clock.now()
    active, drafts = rules.load(text, source=source, by=whoami(), now=now)
    for code in drafts:
        say(f"{code}: a draft now. See what it would change, and activate it in the back office.")
    if not active and not drafts:
        say("The table says this already: nothing changed.")
        return
    say(f"{words.plural(len(active), 'rule')} in force, {words.plural(len(drafts), 'draft')}.")
