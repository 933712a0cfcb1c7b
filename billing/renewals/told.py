"""What is told about a contract in one plain shape: a title, a sentence, facts, paragraphs. Mail and paper.

The confirmation of an answer, the end of a contract, a new price. Not here: the notice of a contract's end
itself (letter.py), sending, looks.
"""

from dataclasses import dataclass
from datetime import date

from billing import company as companies
from billing import letterheads, notices
from models import Notice


@dataclass(frozen=True)
class Told:
    """One message about a contract as plain values."""

    company: letterheads.Letterhead
    customer_name: str
    account_number: str
    bill_to: tuple[str, ...]
    written_on: date
    title: str
    subject: str
    sentence: str
    facts: tuple[tuple[str, str], ...]
    paragraphs: tuple[str, ...]
    online: str = ""  # the page that shows it, and where it is answered

    @property
    def customer_label(self):
        return f"{self.customer_name} (account {self.account_number})"


def told(customer, *, today, title, sentence, facts, paragraphs, subject="", online=""):
    """A Told to a customer. Facts and paragraphs without words are left out."""
    return Told(
        company=letterheads.of(companies.current()),
        customer_name=customer.name,
        account_number=customer.account_number,
        bill_to=(customer.name, *customer.address_lines),
        written_on=today,
        title=title,
        subject=subject or title[:1].lower() + title[1:],
        sentence=sentence,
        facts=tuple((term, text) for term, text in facts if text),
        paragraphs=tuple(text for text in paragraphs if text),
        online=online,
    )


def confirm(people, kind, row, *, why, now):
    """Queue what ``row`` did to its contract to ``people``, by mail or else on paper; nobody: a letter."""
    for person in people or [None]:
        notices.queue(
            kind,
            key=f"{kind}:{row.id}:{person.id if person else 'paper'}",
            customer=row.contract.customer,
            contact=person,
            channel=Notice.MAIL if person and person.email else Notice.PAPER,
            contract=row.contract_id,
            legal=True,
            why=why,
            now=now,
        )
