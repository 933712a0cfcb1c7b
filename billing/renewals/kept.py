"""What is sealed of each part of a proof pack: stored values that nobody edits, and no words of today.

Ids, the account number, the address on the notice, instants in UTC, fingerprints of texts: a customer who is
renamed, or a company that moves to another time zone, changes none of them. Not here: what a pack says to its
reader (proof.py, message_proofs.py), the seal of the file (edges/seals.py).
"""

import json

from billing.renewals import sending
from models import Consent, Event, Notice, RenewalAnswer

RULE = (
    "id", "code", "version", "state", "citation", "audience", "basis", "first_term_at_least",
    "renewal_longer_than", "max_renewal_months", "lifted_by", "online_only", "anchor", "opens_days",
    "closes_days", "media", "contents", "repeat", "consequence", "alarm_exempt", "certainty",
    "effective_from_on", "checked_on", "checked_by",
)  # fmt: skip
WENT = ("sent_at", "message_id", "certified_number", "pages")
CAME_BACK = ("bounced_at", "bounce_code", "bounce_text")
PRICE = (
    "id",
    "charge_id",
    "starts_on",
    "unit_cents",
    "old_cents",
    "tell_from_on",
    "tell_by_on",
    "arithmetic",
)


def values(row, *names):
    """((name, value), …) of columns of a row."""
    return tuple((name, getattr(row, name)) for name in names)


def law(row):
    """The rule of a RenewalNotice as it was in force, and what the notice had to say."""
    return (*values(row.rule, *RULE), ("must_say", row.contents))


def arithmetic(row):
    """The lines as they were stored with the row."""
    return tuple(json.loads(row.arithmetic))


def whom(row):
    """The customer, contract and person of a RenewalNotice by id, and the address that it bears."""
    notice, contract = row.notice, row.contract
    return (
        ("account_number", contract.customer.account_number),
        *values(row, "contract_id", "term_end_on", "medium"),
        ("contact_id", notice.contact_id),
        ("address", row.address or notice.address),
    )


def addressee(notice):
    """The same of any Notice."""
    account = ("account_number", notice.customer.account_number)
    return (account, *values(notice, "customer_id", "contact_id", "address", "channel"))


def agreed(notice):
    """The Consent to electronic notices that stood when a Notice was sent, or None."""
    at = notice.sent_at or notice.created_at
    standing = (
        (Consent.contact == notice.contact_id)
        & (Consent.kind == Consent.ELECTRONIC)
        & (Consent.given_at <= at)
        & (Consent.withdrawn_at.is_null() | (Consent.withdrawn_at > at))
    )
    return Consent.select().where(standing).order_by(Consent.id.desc()).first()


def needs_consent(notice):
    """True for mail to a person; paper needs none."""
    return notice.channel == Notice.MAIL and notice.contact_id is not None


def consent(notice):
    """The consent by its id, its words by their fingerprint."""
    found = agreed(notice) if needs_consent(notice) else None
    if found is None:
        return (("channel", notice.channel), ("consent", None))
    told = values(found, "id", "given_at", "address_or_number", "version", "proof")
    return (*told, ("wording", sending.text_hash(found.wording)))


def left(row):
    """When and how a RenewalNotice left."""
    certified = ("certified", row.certified_number or row.notice.certified_number)
    planned = values(row, "plan_on", "opens_on", "closes_on", "sent_on")
    return (*planned, *values(row.notice, "sent_at", "message_id", "pages"), certified)


def became(row):
    """What was noted of a RenewalNotice after it left."""
    back = values(row.notice, *CAME_BACK) if row.sent_on else ()
    noted = ("delivery", "delivered_on", "reason", "consequence")
    overridden = ("overridden_at", "overridden_by", "override_reason")
    return (*back, *values(row, *noted, *overridden))


def delivery(notice):
    """When and how any Notice left, and whether it came back."""
    return values(notice, "created_at", *WENT, *CAME_BACK)


def text(notice, *noted):
    """The subject and the fingerprint of the kept text; ``noted`` is the one that its row keeps."""
    return (("subject", notice.subject), ("sha256", sending.text_hash(notice.body_text)), *noted)


def message(notice):
    """What any Notice is about."""
    return values(notice, "id", "kind", "event", "legal", "why", "invoice_id", "contract_id")


def price(change):
    """New prices that were told together, with the days as they were worked out."""
    return tuple(values(one, *PRICE) for one in change.told_together)


def authority(row):
    """Everything of an AuthorityNotice: its row never changes."""
    return (
        ("account_number", row.contract.customer.account_number),
        *values(row, "contract_id", "kind", "authority", "address", "ends_on", "sent_on", "medium", "proof"),
        *values(row, "by", "at"),
    )


def answers(row):
    """The answers about a RenewalNotice's term, the oldest first."""
    of_term = row.contract.answers.where(RenewalAnswer.term_end_on == row.term_end_on)
    names = ("id", "at", "answer", "last_on", "name", "via", "ip", "text_sha256")
    return tuple(values(one, *names) for one in of_term.order_by(RenewalAnswer.id))


def steps(table, id):
    """The Events about a row, the oldest first."""
    about = (Event.about_table == table) & (Event.about_id == id)
    names = ("id", "at", "what", "by", "reason")
    return tuple(values(one, *names) for one in Event.select().where(about).order_by(Event.id))
