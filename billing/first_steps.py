"""What a new company does before customers hear from it, in order, and what of it is done.

Only reading. What the company lacks for an invoice is said by clarity.py; going live is company.py's.
"""

from dataclasses import dataclass

from billing.renewals import rules
from models import Charge, Customer, Invoice, Item, JobRun, Staff


@dataclass(frozen=True)
class Step:
    """``screen``: where it is done, which the door turns into an address; empty: outside of the pages."""

    label: str
    note: str
    screen: str
    done: bool


def steps(*, is_ready):
    """The Steps before going live.

    is_ready -- True when the company lacks nothing that an invoice needs (``bill.lacks``)
    """
    return (
        Step(
            "Say who you are", "Name, address, phone and where checks go: they stand on every invoice.",
            "company", is_ready,
        ),
        Step(
            "Let your people in", "A second person approves what one may not decide alone.",
            "staff", _colleagues() > 1,
        ),
        Step(
            "Say what you sell", "Items, as an invoice names them. If you charge sales tax, then tax rates.",
            "item", Item.select().exists(),
        ),
        Step(
            "Bring your customers", "Enter one by hand, or let “flask import-customers” read a file.",
            "customer", Customer.select().exists(),
        ),
        Step(
            "Agree on what they pay", "A contract with its recurring charges is what invoices are made of.",
            "contract", Charge.select().exists(),
        ),
        Step(
            "Have counsel read the renewal notices",
            "The table of state laws is a starting point gathered from public pages, not legal advice.",
            "review", not rules.review_words(),
        ),
        Step(
            "Start the clock",
            "“flask check-gateway” says whether the processor answers; then cron runs “flask daily” every "
            "morning, and “flask worker” runs all day.",
            "", _has_run(),
        ),
        Step(
            "Look at the first invoices",
            "The preview writes nothing. What is billed before you go live waits for that day.",
            "bill", Invoice.select().where(Invoice.state == Invoice.ISSUED).exists(),
        ),
        Step("Go live", "From then on messages leave.", "go_live", False),
    )  # fmt: skip


def _colleagues():
    return Staff.select().where(Staff.left_on.is_null()).limit(2).count()


def _has_run():
    return JobRun.select().where((JobRun.name == "daily") & (JobRun.state == JobRun.DONE)).exists()
