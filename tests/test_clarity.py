"""Invoices that would confuse are rejected for the right reason; clear ones pass. Pure: two tables."""

import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from billing import clarity
from billing.clarity import Said, Sender

SENDER = Sender(
    "Lantern Security", "Lantern Security LLC", ("PO Box 100", "Austin, TX 78767"), "(512) 555-0100",
    "billing@lantern.example",
)  # fmt: skip
HOME = "Home, 7 Oak Street, Austin"
DUE, ISSUED = date(2026, 12, 16), date(2026, 12, 1)


def line(text="Burglar alarm monitoring", cents=3000, **fields):
    """A clear recurring line of December."""
    known = {
        "text": text, "place": HOME, "from_on": date(2026, 12, 1), "to_on": date(2026, 12, 31),
        "unit_cents": cents, "amount_cents": cents, "total_cents": cents,
    }  # fmt: skip
    return Said(**known | fields)


def work(text="Replace motion sensor, kitchen", cents=11_900, **fields):
    """A clear line of work."""
    known = {"from_on": None, "to_on": None, "done_on": date(2026, 11, 19), "is_recurring": False}
    return line(text, cents, **known | fields)


def paper(*lines, **fields):
    """A clear invoice with these lines."""
    lines = lines or (line(),)
    known = {
        "sender": SENDER, "customer_name": "Ann Archer",
        "address_lines": ("Ann Archer", "7 Oak Street", "Austin, TX 78702"), "due_on": DUE,
        "issued_on": ISSUED,
        "lines": lines, "subtotal_cents": sum(one.amount_cents for one in lines),
        "discount_cents": sum(one.discount_cents for one in lines),
        "tax_cents": sum(one.tax_cents for one in lines),
        "total_cents": sum(one.total_cents for one in lines),
    }  # fmt: skip
    return clarity.Paper(**known | fields)


def sender(**fields):
    return paper(sender=replace(SENDER, **fields))


UNCLEAR = [
    ("no_due_date", paper(due_on=None)),
    ("net", paper(note="Net 15")),
    ("net", paper(line("Monitoring, due in 30 days"))),
    ("net", paper(note="Terms: 2/10 net 30")),
    ("net", paper(po_number="Payable upon receipt")),
    ("due_before_issue", paper(due_on=date(2026, 11, 30))),
    ("due_before_delivery", paper(work(done_on=date(2026, 12, 20)))),
    ("no_pay_link", sender(has_pay_link=False)),
    ("no_remit_address", sender(remit_lines=())),
    ("no_remit_address", sender(remit_lines=("PO Box 100",))),
    ("no_remit_address", sender(remit_lines=("unknown", "Austin, TX 78767"))),
    ("no_name", sender(name="Your company")),
    ("no_name", sender(name="", payable_to="")),
    ("no_contact", sender(phone=" ", email="")),
    ("no_customer", paper(customer_name=" ")),
    ("no_customer", paper(customer_name="Unknown")),
    ("no_address", paper(line(place="Home"), address_lines=("Ann Archer",))),
    ("no_address", paper(address_lines=("Ann Archer", "N/A", "Austin, TX 78702"))),
    ("no_lines", paper(lines=(), subtotal_cents=0, total_cents=0)),
    ("no_period", paper(line(from_on=None, to_on=None))),
    ("no_date", paper(work(done_on=None))),
    ("vague", paper(line("Service"))),
    ("vague", paper(work("Misc."))),
    ("vague", paper(work("Parts and labor"))),
    ("vague", paper(line("Monthly service charge"))),
    ("vague", paper(line("   "))),
    ("code", paper(line("MON-BURG"))),
    ("code", paper(work("SVC001"))),
    ("code", paper(work("4711"))),
    ("sums", paper(total_cents=3001)),
    ("arithmetic", paper(line(quantity=2))),
    ("arithmetic", paper(line(total_cents=2500))),
    ("no_reason", paper(line(discount_cents=500, total_cents=2500))),
    ("no_tax_name", paper(line(tax_cents=248, total_cents=3248))),
    ("unexplained", paper(line(unexplained="it costs $32.00 and cost $30.00 last time."))),
    ("zero", paper(line(cents=0))),
    ("card", paper(note="Card number: ____ CVV: ___")),
    ("card", paper(note="Charged to 4242 4242 4242 4242")),
    ("control", paper(line("Monitoring\x07"))),
    ("control", paper(line("Moni\u200btoring of the house"))),
    ("garbled", paper(line("Überwachung".encode().decode("cp1252", "replace")))),
    ("garbled", paper(work("Door &amp; window contact"))),
    ("placeholder", paper(line("Monitoring for {site}"))),
    ("placeholder", paper(work("TBD"))),
    ("look_alike", paper(line(), line())),
    ("no_place", paper(line(), line(place="Shop, 9 Elm Street, Austin"), line("Camera storage", place=""))),
]  # fmt: skip
CLEAR = [
    paper(),
    paper(work()),
    paper(line(), work()),
    paper(line("Service plan")),
    paper(work("Service call, front door")),
    paper(work("Labor, two hours on the roof")),
    paper(line("CCTV storage")),
    paper(line("Monitoring of 24 doors")),
    paper(line("Cellular backup, 4G")),
    paper(line("Internet link")),
    paper(line("Kabinet sensors, net of old ones")),
    paper(line("Überwachung der Werkstatt")),
    paper(line("Vigilancia de la casa, señal celular")),
    paper(line("Ann’s “pool” alarm — yearly")),
    paper(line("App")),
    paper(line("Monitoring", quantity=3, unit_cents=1000)),
    paper(line("Monitoring", days=21, of_days=31, amount_cents=2032, total_cents=2032)),
    paper(line(discount_cents=500, discount_reason="second camera at half price", total_cents=2500)),
    paper(line(tax_cents=248, tax_name="Texas and Austin sales tax", total_cents=3248)),
    paper(line("Monitoring, first month free", cents=0)),
    paper(line("Remote control by app, included", cents=0)),
    paper(line(cents=0, discount_reason="waived until March")),
    paper(work("Repair under warranty", cents=0)),
    paper(line(), line(place="Shop, 9 Elm Street, Austin")),
    paper(line(), line(system="Garage")),
    paper(line(), line(from_on=date(2027, 1, 1), to_on=date(2027, 1, 31))),
    paper(line(), line("Burglar alarm monitoring, garage")),
    paper(work(work_order="5531"), work(work_order="5532")),
    paper(work(done_on=ISSUED)),
    paper(work(done_on=DUE)),
    paper(due_on=ISSUED),
    paper(note="Thank you for ten years."),
    paper(note="Account 100042 0000 1234 since 2016"),
    paper(note="Call (512) 555-0100 or 1-800-555-0199."),
    paper(po_number="PO-2026-0042"),
    paper(po_number="4711"),
    paper(line(place=""), work(place="")),
    paper(line(), line("Camera storage", place="")),
    paper(line(), work(place="")),
    paper(address_lines=("Ann Archer",)),  # the line says the street
    paper(address_lines=("Ann Archer", "Test Drive 5", "Austin, TX 78702")),
    paper(customer_name="Test & Sons Plumbing"),
    sender(phone=""),
    sender(email=""),
    sender(payable_to=""),
    paper(line("Monitoring", cents=99_999_99)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "unclear"), UNCLEAR, ids=[f"{n}-{code}" for n, (code, _) in enumerate(UNCLEAR)]
)
def test_what_would_confuse_is_rejected_with_the_right_reason(code, unclear):
    findings = clarity.check(unclear)

    assert {finding.code for finding in findings} == {code}
    assert all(finding.sentence.endswith((".", "?")) and finding.fix.endswith(".") for finding in findings)


@pytest.mark.parametrize("clear", CLEAR, ids=range(len(CLEAR)))
def test_what_is_clear_passes(clear):
    assert clarity.check(clear) == ()


def test_there_are_forty_of_each_and_every_reason_is_among_them():
    assert len(UNCLEAR) >= 40 and len(CLEAR) >= 40
    known = set(re.findall(r'Finding\(\s*"(\w+)"', Path(clarity.__file__).read_text("utf-8")))
    assert known == {code for code, _ in UNCLEAR}


def test_it_says_first_what_all_invoices_lack():
    both = replace(paper(line("Misc.")), sender=replace(SENDER, remit_lines=()))

    assert [finding.code for finding in clarity.check(both)] == ["no_remit_address", "vague"]
    assert clarity.check(both, sender_is_fine=True)[0].code == "vague"
    assert clarity.sentence(clarity.check(both)) == (
        "Who pays by check does not know where to mail it. Enter the company’s address, or the one that "
        "checks go to: street, city, state and ZIP. “Misc.” does not say what was done. Write what it is, in "
        "plain words."
    )


def test_what_cannot_be_shown_is_shown_as_dots():
    [finding] = clarity.check(paper(line("Monitoring\x07 now")))

    assert finding.where == "“Monitoring· now”"


def test_findings_are_kept_and_read_again():
    findings = clarity.check(paper(line("Misc.")))
    draft = type("Draft", (), {"unclear": clarity.kept(findings)})

    assert clarity.of_draft(draft) == findings
    assert clarity.kept(()) == ""


# --- How much it asks of its reader ---------------------------------------------------------------

PART = {"days": 6, "of_days": 30, "amount_cents": 600, "total_cents": 600}
BURDENED = [
    ("6 lines", 97, [line(f"Monitoring of area {n}") for n in range(6)]),
    ("12 lines", 85, [line(f"Monitoring of area {n}") for n in range(12)]),
    ("several addresses", 95, [line(), line(place="Shop, 9 Elm Street, Austin")]),
    ("a part of a period", 90, [line(**PART)]),
    (
        "several periods of one service",
        90,
        [line(), line(from_on=date(2027, 1, 1), to_on=date(2027, 1, 31))],
    ),
    ("services and single work together", 95, [line(), work()]),
    ("a discount", 95, [line(discount_cents=300, discount_reason="Neighbor", total_cents=2700)]),
    (
        "several taxes",
        95,
        [
            line(tax_cents=100, tax_name="Texas sales tax", total_cents=3100),
            line("Cellular backup", tax_cents=100, tax_name="Utah sales tax", total_cents=3100),
        ],
    ),
    ("long descriptions", 95, [line("Burglar alarm monitoring of the kitchen, " * 3)]),
]


@pytest.mark.parametrize(("words", "score", "lines"), BURDENED, ids=[words for words, _, _ in BURDENED])
def test_what_is_right_but_takes_longer_to_read_costs_some_of_the_score(words, score, lines):
    read = paper(*lines)

    assert [burden.words for burden in clarity.burdens(read)] == [words]
    assert clarity.score(read) == score


def test_a_few_lines_that_say_it_all_have_the_best_score():
    assert clarity.score(paper(line(), line("Cellular backup"))) == clarity.BEST


def test_the_score_stays_within_its_scale():
    many = [line(f"Part {n} " + "x" * 90, place=f"Shop {n}", **PART) for n in range(40)]
    taxed = [work(tax_cents=1, tax_name=f"Tax {n}", total_cents=11_901, discount_cents=1) for n in range(2)]
    assert 0 <= clarity.score(paper(*many, *many, *taxed)) < 40
