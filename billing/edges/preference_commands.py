"""The command that asks of every message of the past whether it was allowed. Tools: ``commands``."""

from datetime import datetime

import click

from billing import preferences
from billing.edges.command_line import DATE, command, progress, say
from models import Notice

FIRST = datetime(1970, 1, 1)
MOST_TOLD = 50


@command("judge-notices")
@click.option("--since", type=DATE, help="Only what was queued on or after this day.")
def judge_notices(since):
    """Replay every message that left: was it allowed that day? Exit status 1 when one was not."""
    count = Notice.select().where(Notice.created_at >= (since or FIRST)).count()
    with progress("Judging", count) as bar:
        report = preferences.violations(since=since, progress=bar)
    for id, sentence in report.found[:MOST_TOLD]:
        click.secho(f"Message {id}: {sentence}", fg="red", err=True)
    if len(report.found) > MOST_TOLD:
        click.secho(f"... and {len(report.found) - MOST_TOLD:,} more.", fg="red", err=True)
    say(f"{report.judged:,} messages judged, {len(report.found):,} were not allowed.")
    raise SystemExit(1 if report.found else 0)
