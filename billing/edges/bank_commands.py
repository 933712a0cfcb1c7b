"""Commands about the processor and the bank: certificate, check-gateway, import-payments.

Like those of commands.py: one use case each, ending in a sentence.
"""

import pathlib
from datetime import timedelta

import click
from flask import current_app

from billing import company as companies
from billing import remittances, webhooks, words
from billing.edges import pdf, seals
from billing.edges.command_line import DATE, FILE, command, progress, say, whoami
from billing.errors import BillingError
from billing.money import format_cents
from billing.reconciliation import certificates

SPAN_DAYS = 30


@command("certificate")
@click.option("--from", "first", type=DATE, help="First day; default 30 days before the last.")
@click.option("--to", "last", type=DATE, help="Last day; default today.")
@click.option("--pdf", "target", type=click.Path(dir_okay=False, writable=True), help="Write it as PDF.")
@click.option("--verify", "sealed", type=FILE, help="Say whether a certificate is ours, and still true.")
def certificate(first, last, target, sealed):
    """Certify that the books and the processor agree. Exit status 1 when they do not."""
    if sealed:
        raise SystemExit(_verify(sealed))
    clock = current_app.clock
    clock.follow(companies.current())
    last = last.date() if last else clock.today()
    first = first.date() if first else last - timedelta(days=SPAN_DAYS)
    made = certificates.certificate(first, last, today=clock.today(), now=clock.now())
    _tell(made)
    if target:
        code = seals.seal(made, current_app.secret_key) if made.is_clean else ""
        content = pdf.certificate_pdf(made, company=companies.current(), code=code)
        pathlib.Path(target).write_bytes(content)
        say(f"Written to {target}.")
    raise SystemExit(0 if made.is_clean else 1)


def _tell(made):
    for one in made.found:
        click.secho(one.text, fg="red", err=True)
    for row in made.settled:
        say(f"Cleared up by a person: {row.text} “{row.resolution}”")
    if not made.is_read:
        click.secho(
            "The processor was not read after the last of these days. Run: flask --app app daily --only "
            "reconcile", fg="red", err=True,
        )  # fmt: skip
    say(
        f"{words.plural(len(made.found), 'difference')} in {words.plural(made.count, 'transaction')} of "
        f"{words.plural(len(made.batches), 'batch', 'batches')}, {format_cents(made.deposit_cents)} paid "
        f"out, {made.period}."
    )


def _verify(path):
    """Exit status 0 when the seal is ours and the books say the same as then."""
    sealed = seals.verify(path.read_bytes(), *current_app.seal_secrets)
    zone = companies.current().time_zone
    say(
        f"The seal is ours: made on {words.moment(sealed.made_at, zone)} for "
        f"{words.period(sealed.first, sealed.last)}."
    )
    if sealed.agrees:
        say("The books still give the same fingerprint.")
        return 0
    click.secho("The books give another fingerprint now: batches of these days changed.", fg="red", err=True)
    return 1


@command("check-gateway")
def check_gateway():
    """Ask the payment processor whether it answers, knows us, and notifies us."""
    config, gateway = current_app.config, current_app.gateway
    keys = [key for key in config["GATEWAY_SIGNATURE_KEYS"].split(",") if key]
    say(
        f"Gateway {config['GATEWAY']}, login {config['GATEWAY_LOGIN']}, "
        f"{words.plural(len(keys), 'signature key')}; pages at {gateway.hosted_url}"
    )
    gateway.check()
    say("It answers and accepts our credentials.")
    url = webhooks.address(config["BASE_URL"], is_demo=config["MODE"] == "demo")
    if not url:
        say(f"It cannot notify {config['BASE_URL']}: that address is not reached by https://.")
        return
    state = webhooks.state(gateway=gateway, url=url)
    say(f"The webhook to {url} is {state}.")
    if state != "active":
        raise BillingError("The daily job puts it right: flask --app app daily --only reconcile")


@command("import-payments")
@click.argument("file", type=FILE)
@click.option("--map", "map_path", required=True, type=FILE, help="Mapping file.")
@click.option("--commit", is_flag=True, help="Book it; without this nothing is written.")
def import_payments(file, map_path, commit):
    """Read a lockbox or bank-bill-pay file and book its payments. A dry run unless --commit."""
    clock = current_app.clock
    clock.follow(companies.current())
    try:
        mapping = remittances.read_mapping(map_path.read_bytes())
    except BillingError as refusal:
        raise BillingError(f"{map_path.name}: {refusal}") from None
    result = remittances.check(file.read_bytes(), file.name, mapping, today=clock.today())
    for line in remittances.report_lines(result):
        say(line)
    if not commit:
        say("Nothing was written. Add --commit to book it.")
        raise SystemExit(1 if result.refused else 0)
    with progress("Booking", len(result.matched)) as bar:
        kept = remittances.commit(result, by=whoami(), today=clock.today(), now=clock.now(), progress=bar)
    say(f"Kept as file {kept.id}; what waits for a person stands in the back office.")
