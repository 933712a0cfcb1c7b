"""The command about the phone: import-calls. One use case, ending in a sentence."""

import click
from flask import current_app

from billing import calls, words
from billing import company as companies
from billing.edges.command_line import FILE, command, say, whoami
from billing.errors import BillingError


@command("import-calls")
@click.argument("file", type=FILE)
@click.option("--map", "map_path", required=True, type=FILE, help="Mapping file.")
@click.option("--commit", is_flag=True, help="Keep them; without this nothing is written.")
def import_calls(file, map_path, commit):
    """Read the call list of a phone system or an answering service. A dry run unless --commit."""
    clock, company = current_app.clock, companies.current()
    clock.follow(company)
    try:
        mapping = calls.read_mapping(map_path.read_bytes(), time_zone=company.time_zone)
    except BillingError as refusal:
        raise BillingError(f"{map_path.name}: {refusal}") from None
    result = calls.check(file.read_bytes(), file.name, mapping, now=clock.now())
    for line in calls.report_lines(result):
        say(line)
    if not commit:
        say("Nothing was written. Add --commit to keep them.")
        raise SystemExit(1 if result.refused else 0)
    made = calls.commit(result, by=whoami(), now=clock.now())
    wait = sum(call.state == call.TO_CALL for call in made)
    say(f"Kept {words.plural(len(made), 'call')}; {wait:,} of them wait for somebody to call back.")
