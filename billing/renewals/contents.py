"""What a notice must say, by code, and where in the letter it stands. One letter says all of it.

Not here: the letter itself (letter.py), which code which law wants (rules.csv).
"""

from billing import words
from billing.money import format_cents

# code: what it is, for staff
CODES = {
    "will_renew": "that it renews unless canceled",
    "renewal_date": "the day on which it renews",
    "ends_on": "the day on which the term ends",
    "length": "for how long it renews",
    "deadline": "the last day to cancel",
    "how": "how to cancel",
    "online": "a working link",
    "post": "our postal address",
    "phone": "our telephone number",
    "email": "our e-mail address",
    "sender": "who sends it",
    "license": "our license number",
    "service": "what service, and where",
    "amount_now": "the price now",
    "amount_after": "the price after it renews",
    "increase": "any increase",
    "frequency": "how often it is charged",
    "effective_date": "when a new price takes effect",
    "changes": "what changes",
    "clause": "where the full clause stands",
    "lease": "the terms of the lease, on a sheet of their own",
}


def wanted(rules):
    """The codes that any of these rules wants, in the order of CODES."""
    asked = {code for rule in rules for code in rule.contents.split("|") if code}
    return tuple(code for code in CODES if code in asked)


def missing(document, text, codes):
    """Those of ``codes`` that ``text``, a rendered letter of ``document``, does not say."""
    flat = " ".join(text.split())
    return [code for code in codes if not all(part in flat for part in _said(document, code))]


def _said(document, code):
    """What must stand in the text for a code; nothing where there is nothing to say."""
    company = document.company
    parts = {
        "will_renew": [document.headline],
        "deadline": [words.date(document.deadline_on) or document.any_time],
        "renewal_date": [words.date(document.renews_on) or document.headline],
        "ends_on": [words.date(document.ends_on)],
        "length": ["" if document.is_yearly else document.length],
        "sender": [company.legal_name],
        "license": [company.license_number],
        "phone": [company.phone],
        "email": [company.email],
        "post": company.address_lines,
        "service": [line.text for line in document.lines],
        "amount_now": [format_cents(total.now_cents) for total in document.totals],
        "amount_after": [format_cents(total.after_cents) for total in document.totals],
        "frequency": [total.every for total in document.totals],
        "increase": [document.changes_words],
        "changes": [document.changes_words],
        "effective_date": [document.changes_words],
        "how": ["No reason is needed"],
        "online": [document.online],
        "clause": [document.clause],
        "lease": ["lease sheet" if document.is_leased else ""],
    }
    return [" ".join(part.split()) for part in parts[code]]
