"""The proof pack as a sealed PDF, and reading one years later: on a page of staff, and by ``verify-proof``.

What packs say stands in billing/renewals/proof.py and billing/message_proofs.py, the seal in seals.py.
"""

from dataclasses import dataclass
from datetime import datetime

import click
from flask import current_app

from billing import company as companies
from billing import message_proofs, words
from billing.edges import pdf, seals
from billing.edges.command_line import FILE, command, say
from billing.renewals import proof

SAID = {
    proof.FITS: "fits",
    proof.LATER: "fits, and more was noted after the pack was made",
    proof.OTHER: "the books say something else by now",
}


@dataclass(frozen=True)
class Verdict:
    """A file that is ours and unchanged, and whether the books still say so, part by part."""

    title: str
    made: str
    parts: tuple[proof.Part, ...]

    @property
    def others(self):
        """The titles of parts that the books tell otherwise by now."""
        return [part.title for part in self.parts if part.standing == proof.OTHER]

    @property
    def headline(self):
        """It in one sentence."""
        if self.others:
            return "The file is ours and unchanged, but our books say something else by now."
        if any(part.standing == proof.LATER for part in self.parts):
            return "The file is ours and unchanged. Our books say the same, and more was noted since."
        return "The file is ours and unchanged, and our books say the same."


def proof_pdf(pack, secret):
    """The bytes of a ProofPack as a sealed PDF."""
    told = {
        "about": pack.about,
        "notice": pack.notice_id,
        "title": pack.title,
        "company": pack.company.legal_name,
        "made": pack.made_at.isoformat(),
        "parts": pack.fingerprints,
    }
    return seals.sealed(pdf.proof_pdf(pack), told, secret)


def verified(content, *secrets):
    """The Verdict on the bytes of a file, sealed with one of these secrets.

    Raises BillingError for a file that is not ours, was changed, or is about nothing in these books.
    """
    told = seals.opened(content, *secrets)
    made_at = datetime.fromisoformat(told["made"])
    made = words.moment(made_at, companies.current().time_zone)
    about = told.get("about", proof.RENEWAL_NOTICE)
    parts = message_proofs.compare(about, told["notice"], told["parts"], made_at=made_at)
    title = told.get("title") or f"Proof of notice {told['notice']}"
    company = f" for {told['company']}" if "company" in told else ""
    return Verdict(title, f"{made}{company}", tuple(parts))


@command("verify-proof")
@click.argument("file", type=FILE)
def verify_proof(file):
    """Say whether a proof pack is ours and unchanged, and what of it the books still say.

    Exit status 0: the books say the same. 1: it is ours, and the books say something else by now.
    """
    verdict = verified(file.read_bytes(), *current_app.seal_secrets)
    say(f"{verdict.title}, made {verdict.made}.")
    say(verdict.headline)
    for part in verdict.parts:
        if part.standing == proof.OTHER:
            click.secho(f"{part.title}: {SAID[part.standing]}.", fg="red", err=True)
        else:
            say(f"{part.title}: {SAID[part.standing]}.")
    raise SystemExit(1 if verdict.others else 0)
