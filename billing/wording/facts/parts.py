"""Pieces that messages of several subjects share."""

from billing.wording.pieces import Facts, Row


def particulars(pairs, tongue):
    """Particulars; the reason that somebody typed is theirs."""
    return Facts(tuple((tongue.say(term), tongue.say(text)) for term, text in pairs if text))


def owed_row(number, due_on, cents, tongue):
    """The Row of an invoice that is still to be paid."""
    return Row(tongue.say(f"Invoice {number}"), cents, tongue.falls_due(due_on))


def pay_link(links):
    """Where it is paid, or the page to sign in on."""
    return links.get("pay_url") or links.get("sign_in_page_url", "")
