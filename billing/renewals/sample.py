"""An example of a notice, for previews and tests; nothing of it is stored or sent."""

from datetime import date

from billing.renewals.letter import Line, RenewalDocument, Total

ANSWER_URL = "https://pay.example.com/agreement/Wq7"


def renewal(company, **fields):
    """A RenewalDocument: three years of monitoring that renew for a year, at a higher price.

    company -- the documents.Letterhead on top of it
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
