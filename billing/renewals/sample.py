"""An example of a notice, for previews and tests; nothing of it is stored or sent."""

from datetime import date

from billing.renewals.letter import Line, RenewalDocument, Total
from billing.renewals.told import Told

ANSWER_URL = "https://pay.example.com/agreement/Wq7"


def renewal(company, **fields):
    """A RenewalDocument: three years of monitoring that renew for a year, at a higher price.

    company -- the letterheads.Letterhead on top of it
    """
    lines = (
        Line("Burglary monitoring", "Home, 7 Oak Street", 3495, 3695, "every month"),
        Line("Cellular backup", "Home, 7 Oak Street", 995, 995, "every month"),
    )
    return RenewalDocument(
        **{
            "company": company,
            "customer_name": "Ann Miller",
            "account_number": "100042",
            "bill_to": ("Ann Miller", "7 Oak Street", "Savannah, GA 31401"),
            "contract_name": "Monitoring agreement",
            "contract_signed_on": date(2024, 3, 20),
            "written_on": date(2027, 1, 9),
            "is_yearly": False,
            "ends_on": date(2027, 3, 31),
            "renews_on": date(2027, 4, 1),
            "length": "a year",
            "deadline_on": date(2027, 3, 1),
            "notice_days": 30,
            "lines": lines,
            "totals": (Total("every month", "a month", 4490, 4690),),
            "citations": ("O.C.G.A. 13-12-1 to 13-12-5",),
            "is_leased": False,
            "is_certified": False,
            "wanted": ("will_renew", "deadline", "how", "amount_after"),
            "online": ANSWER_URL,
            **fields,
        }
    )


def yearly(company, **fields):
    """The yearly reminder of a service that goes on."""
    lines = (Line("Burglary monitoring", "Home, 7 Oak Street", 3495, 3495, "every month"),)
    never = {"ends_on": None, "renews_on": None, "deadline_on": None, "length": "a month"}
    totals = (Total("every month", "a month", 3495, 3495),)
    cited = ("Minn. Stat. 325G.56-325G.62",)
    return renewal(
        company,
        **{"is_yearly": True, "lines": lines, "totals": totals, "citations": cited, **never, **fields},
    )


def _told(company, **fields):
    known = {
        "company": company,
        "customer_name": "Ann Miller",
        "account_number": "100042",
        "bill_to": ("Ann Miller", "7 Oak Street", "Savannah, GA 31401"),
        "written_on": date(2026, 12, 1),
        "subject": "",
        "online": ANSWER_URL,
    }
    return Told(**known, **fields)


def new_price(company):
    """An increase of one charge, told in time."""
    return _told(
        company,
        title="Your price changes on February 1, 2027",
        sentence="From February 1, 2027 on, your monitoring agreement costs more. Here is what changes.",
        facts=(
            ("Account", "100042"),
            ("Where", "Home, 7 Oak Street"),
            ("Burglary monitoring", "$34.95 every month now, $36.95 from then on"),
            ("From", "February 1, 2027"),
        ),
        paragraphs=(
            "Why: Yearly adjustment.",
            "Nothing else changes. Tax is added where it applies.",
            "Is that too much, or is something not right? "
            "Talk to us, or end the service on the page below; no reason is needed.",
        ),
    )


def answered(company):
    """A customer who ended an agreement on the page."""
    return _told(
        company,
        title="Your monitoring agreement ends on March 31, 2027",
        sentence="You ended your monitoring agreement: March 31, 2027 is your last day of service.",
        facts=(
            ("Account", "100042"),
            ("Your last day of service", "March 31, 2027"),
            ("Signed by", "Ann Miller"),
            ("Answered", "December 1, 2026, 12:00 pm CST"),
        ),
        paragraphs=(
            "From April 1, 2027 on, nobody will answer the signals of your alarm.",
            "Nothing more will be billed for it.",
            "If this was not you, or not what you meant, answer this message or call us.",
        ),
    )


def ended(company):
    """An agreement that staff ended."""
    return _told(
        company,
        title="Your monitoring agreement ends on March 31, 2027",
        sentence="Your monitoring agreement ends: March 31, 2027 is your last day of service.",
        facts=(
            ("Account", "100042"),
            ("Last day of service", "March 31, 2027"),
            ("Credited for unused days", "$12.40"),
            ("Early-termination fee", "none"),
        ),
        paragraphs=(
            "We have taken off what was billed for later days: it pays what is open, and you get the rest "
            "back.",
            "Nothing more will be billed for it.",
            "From April 1, 2027 on, nobody will answer the signals of your alarm.",
        ),
    )
