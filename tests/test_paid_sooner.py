"""Whether clear invoices are paid sooner: what is counted, each customer beside themselves, honest words."""

from datetime import date, timedelta

import pytest

from billing import invoices, paid_sooner, payments, tickets
from billing.paid_sooner import Pairs, Read
from models import Autopay, Invoice, Payment
from tests.factories import BY, NOW, make_customer, make_invoice, make_method
from tests.office import enter, text_of

TODAY = date(2026, 12, 1)
OLD = date(2026, 8, 1)
DAY = timedelta(days=1)
TELLING = 10


def issued(customer, score, *, paid_after=None, on=OLD):
    """An invoice of that clarity, paid by check so many days after it was issued."""
    invoice = make_invoice(customer, cents=3000, issued=on, due=on + 15 * DAY, clarity=score)
    if paid_after is not None:
        day = on + paid_after * DAY
        payments.record(
            customer, amount_cents=3000, kind="check", received_on=day, key=f"k{invoice.id}", by=BY,
            today=day, now=NOW, parts=[(invoice, 3000)], check_number=str(invoice.id), confirmed=True,
        )  # fmt: skip
    return invoice


def customers(count):
    return [make_customer(f"Customer {n}", email=f"c{n}@example.com") for n in range(count)]


def test_the_same_customer_is_compared_with_themselves(db):
    for customer in customers(TELLING):
        issued(customer, 100, paid_after=5)
        issued(customer, 80, paid_after=20)

    found = paid_sooner.report(TODAY)

    assert found.pairs == Pairs(sooner=10, later=0, same=0)
    assert found.sentence == (
        "Of 10 customers who had both, 10 paid the clearer ones sooner, 0 later, and 0 alike: more than "
        "chance. Here, clearer invoices are paid sooner."
    )


def test_bands_say_the_median_the_share_in_time_and_who_asked(db):
    [ann, *_] = customers(1)
    for n in range(paid_sooner.LEAST):
        issued(ann, 100, paid_after=4 if n % 2 else 30)
    asked = issued(ann, 70, paid_after=3)
    tickets.open(ann, subject="Why", body="Why?", by=BY, now=NOW, invoice=asked)

    plain, little, much = paid_sooner.report(TODAY).bands

    assert (plain.count, plain.days, plain.percent_in_time, plain.asked_per_hundred) == (20, 4, 50, 0)
    assert (little.count, much.count) == (0, 1)
    assert (much.days, much.is_enough) == (None, False), "one says nothing"


def test_what_is_unpaid_counts_as_never_and_not_as_quick(db):
    reads = [Read(1, 7, 100, None, False), Read(2, 7, 100, None, False), Read(3, 7, 80, 30, False)]

    assert paid_sooner.compared(reads) == Pairs(0, 1, 0)


def by_autopay(customer):
    """Its payments were charged by themselves."""
    method = make_method(customer)
    grant = Autopay.create(
        customer=customer, method=method, text="I agree.", text_version="1", agreed_at=NOW,
        agreed_from="127.0.0.1", agreed_by=BY,
    )  # fmt: skip
    Payment.update(autopay=grant).where(Payment.customer == customer).execute()


def test_it_leaves_out_what_no_reader_decided(db):
    ann, bob, cora, dora, eva, fay = customers(6)
    issued(fay, 90, paid_after=3)
    by_autopay(fay)
    issued(ann, None, paid_after=3)
    issued(bob, 90, paid_after=3, on=TODAY - 5 * DAY)
    credited = issued(cora, 90)
    invoices.goodwill(cora, amount_cents=3000, reason="Sorry", by=BY, today=TODAY, now=NOW)
    assert Invoice.get_by_id(credited.id).open_cents == 0
    issued(dora, 90, on=TODAY - 800 * DAY)
    issued(eva, 20, paid_after=3)

    found = paid_sooner.report(TODAY)

    assert [band.count for band in found.bands if band.lowest <= 20 <= band.highest] == [1]
    assert (found.count, found.unscored) == (1, 1)


@pytest.mark.parametrize(
    ("pairs", "says"),
    [
        (Pairs(2, 1, 0), "Only 3 customers had both"),
        (Pairs(12, 9, 16), "no more than chance"),
        (Pairs(0, 0, 40), "no more than chance"),
        (Pairs(3, 20, 1), "clearer ones are paid later"),
    ],
)
def test_it_says_what_the_figures_can_carry_and_no_more(pairs, says):
    assert says in paid_sooner.in_words(pairs)


def test_the_sign_test_is_exact():
    assert Pairs(5, 0, 3).chance == 2 / 32
    assert Pairs(4, 4, 0).chance == 1.0
    assert Pairs(0, 0, 9).chance == 1.0


def test_staff_read_it_two_clicks_from_the_first_page(app):
    olga = enter(app)
    assert 'href="/staff/clarity"' in olga.get("/staff/collections").text
    page = text_of(olga.get("/staff/clarity"))
    assert "Are clear invoices paid sooner?" in page
    assert "Only 0 customers had both clearer and less clear invoices: too few to say anything." in page
