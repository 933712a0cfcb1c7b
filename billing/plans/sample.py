"""Plans and promises as messages tell of them, without a database: for previews and checks of their texts."""

from dataclasses import replace
from datetime import date

from billing import promises
from billing.plans import standing, told

PARAGRAPHS = (
    "This agreement is between Example Alarm & Monitoring, LLC and Ann Miller, account 100042.",
    "It covers invoice 10482, due December 15, 2026, with $150.01 open: $150.01 in all.",
    "It is not a new debt. It only says by when what is open is paid. There is no fee and no interest.",
)
SIGNED = (("Signed by", "Ann Miller"), ("On", "December 20, 2026, 9:12 am CST"))
DAYS = (date(2026, 12, 20), date(2027, 1, 20), date(2027, 2, 20))
AMOUNTS = (5_001, 5_001, 4_999)


def rows(*states):
    """The payments of a plan in these states; all to come when none are given."""
    states = states or (standing.COMING,) * 3
    return tuple(
        standing.Row(n, n, on, cents, 0 if state == standing.PAID else cents, state)
        for n, on, cents, state in zip((1, 2, 3), DAYS, AMOUNTS, states, strict=True)
    )


def plan(**fields):
    """A plan of three payments that was just agreed."""
    known = {
        "state": "running", "cents": 15_001, "count": 3, "rows": rows(), "next": rows()[0], "late": None,
        "repair_by_on": date(2027, 2, 2), "can_move": False, "reason": "", "note": "", "owed": (),
        "paragraphs": PARAGRAPHS, "signed": SIGNED, "autopay": False,
    }  # fmt: skip
    return told.PlanDocument(**known | fields)


def proposal():
    """One that the customer is asked to agree to."""
    return plan(
        state="proposed", note="As we said on the phone: three payments, the first one now.", signed=()
    )


def missed(**fields):
    """The second payment has not come."""
    some = rows(standing.PAID, standing.LATE, standing.COMING)
    return plan(rows=some, next=some[1], late=some[1], can_move=True, **fields)


def kept():
    """Paid off."""
    return plan(state="kept", rows=rows(*(standing.PAID,) * 3), next=None, reason="It is paid off.")


def broken():
    """Over, with something open."""
    return plan(
        state="broken", rows=rows(standing.OVER, standing.OVER, standing.OVER), next=None,
        reason="Payment 2, due January 20, 2027, was missed.",
        owed=(told.Owed("10482", date(2026, 12, 15), 10_000),), pay_by_on=date(2027, 2, 2),
    )  # fmt: skip


def coming():
    """The second payment, which a reminder tells of."""
    return told.Coming(DAYS[1], AMOUNTS[1], "2 of 3", rows(standing.PAID, standing.COMING, standing.COMING))


def coming_soon():
    """The second payment, which was moved to just before the third: one reminder tells of both."""
    some = rows(standing.PAID, standing.COMING, standing.COMING)
    moved = replace(some[1], due_on=date(2027, 2, 18), moved_from_on=DAYS[1])
    return told.Coming(moved.due_on, AMOUNTS[1], "2 of 3", (some[0], moved, some[2]), (some[2],))


def promise(**fields):
    """A day that was promised."""
    known = {
        "what": "invoice 10482", "cents": 4_250, "pay_on": date(2026, 12, 29), "is_today": False, "said": "",
        "pays_itself": False,
    }  # fmt: skip
    return promises.PromiseDocument(**known | fields)
