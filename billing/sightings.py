"""Whether a person has had a page of ours before them: the only thing that we call *opened*.

There are no tracking pixels, and fetching a page is no evidence: mail scanners fetch every link, and some
draw the page (features B30). What counts is something that only a person does there. A page's own script
reports the first real touch, key or movement of the pointer while the page is visible (static/portal.js);
and whoever types a question or an answer there was there too.

So this errs on one side only. That somebody saw an invoice is known; that nobody did is not: they may have
read a printed letter, or the mail itself.
"""

import re

from models import Invoice, Sighting, db

# Programs that say what they are. Those that do not are kept out by what they do not do.
PROGRAMS = re.compile(
    r"headless|phantom|bot\b|crawl|spider|scan|preview|fetch|monitor|python|curl|wget|java/|go-http|"
    r"barracuda|proofpoint|mimecast|safelinks|zscaler|fireeye|trend ?micro",
    re.IGNORECASE,
)


def is_program(browser):
    """True for the User-Agent of what says that it is no person's browser, or says nothing."""
    return not browser.strip() or PROGRAMS.search(browser) is not None


def note(
    page, *, customer, today, now, browser, how=Sighting.LOOKED, contact=None, link=None, invoices=(),
    contract=None,
):  # fmt: skip
    """Note that a person had ``page`` before them, once for each way in, thing and day.

    invoices -- those that stood on it; each one's ``first_seen_at`` is set by its first sighting
    browser  -- its User-Agent. Nothing is noted for one that says it is a program
    Returns how many sightings are new.
    """
    if is_program(browser):
        return 0
    way = f"link {link.id}" if link else f"contact {contact.id}" if contact else f"customer {customer.id}"
    common = {
        "customer": customer,
        "contact": contact,
        "link": link,
        "notice": link.carried_by_id if link else None,
        "contract": contract,
        "page": page,
        "how": how,
        "at": now,
        "browser": browser[:255],
    }
    with db.atomic():
        new = [
            _once(f"{way} {page} {invoice.id if invoice else ''} {how} {today}", invoice=invoice, **common)
            for invoice in (*invoices,) or (None,)
        ]
        if new and invoices:
            ids = [invoice.id for invoice in invoices]
            Invoice.update(first_seen_at=now).where(
                Invoice.id.in_(ids) & Invoice.first_seen_at.is_null()
            ).execute()
    return sum(new)


def _once(key, **values):
    made = Sighting.insert(key=key, **values).on_conflict_ignore().as_rowcount().execute()
    return int(made)
