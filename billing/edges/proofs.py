"""The proof pack as a sealed PDF, and the command that reads one years later: ``verify-proof``.

What packs say stands in billing/renewals/proof.py and billing/message_proofs.py, the seal in seals.py.
"""

from datetime import datetime

import click
from flask import current_app

from billing import company as companies
from billing import message_proofs, words
from billing.edges import pdf, seals
from billing.edges.command_line import FILE, command, say
from billing.renewals.proof import RENEWAL_NOTICE as OLDEST


def proof_pdf(pack, secret):
    """The bytes of a ProofPack as a sealed PDF."""
    told = {
        "about": pack.about,
        "notice": pack.notice_id,
        "made": pack.made_at.isoformat(),
        "parts": pack.fingerprints,
    }
    return seals.sealed(pdf.proof_pdf(pack), told, secret)


@command("verify-proof")
@click.argument("file", type=FILE)
def verify_proof(file):
    """Say whether a proof pack is ours and unchanged, and what of it the books still say.

    Exit status 0: all of it fits. 1: it is ours, and the books say something else by now.
    """
    told = seals.opened(file.read_bytes(), current_app.secret_key)
    made = words.moment(datetime.fromisoformat(told["made"]), companies.current().time_zone)
    say(f"The seal is ours and the file is unchanged: made on {made} for notice {told['notice']}.")
    parts = message_proofs.compare(told.get("about", OLDEST), told["notice"], told["parts"])
    for title, fits in parts:
        if fits:
            say(f"{title}: fits.")
        else:
            click.secho(f"{title}: the books say something else by now.", fg="red", err=True)
    raise SystemExit(0 if all(fits for _, fits in parts) else 1)
