"""A year of five customers who want to hear of us in five ways, day by day through the daily job.

Ann sets and forgets, but is told before each charge. Bob is reminded, also by text, until he texts STOP.
Cora has no email: paper. Dee wants an invoice only while it is unpaid, and a summary each month. The Eastside
Diner in New York pays late, asks a question, and its agreement renews under a law that wants certified mail.

The calendar (tests/golden/message_calendar.txt) has a line for every message: the day, the person, the
channel, the kind and the subject, or the words of a text. ``pytest --update-golden`` rewrites it; read the
difference before it is committed, because it is what customers read.
"""

import json
import re
from datetime import UTC, date, timedelta
from itertools import groupby
from pathlib import Path

import pytest

import models
from billing import (
    checks,
    consents,
    ledger,
    outbox,
    payments,
    preferences,
    renewals,
    text_answers,
    tickets,
)
from billing.automatic import autopay, consent
from billing.edges import commands
from billing.notices import timing
from billing.personal import drafts
from billing.preferences import Wish, offers
from billing.renewals import rules
from billing.reversals import returns
from models import Company, Consent, Contact, Contract, Notice, Payment, Preference, RenewalNotice, Staff
from tests import personal_mail
from tests.autopaying import Autopaying
from tests.factories import fresh, make_charge, make_contract, make_customer, make_item, make_site, payer
from tests.paying import Listener
from tests.post_office import PostOffice

GOLDEN = Path(__file__).parent / "golden" / "message_calendar.txt"
FIRST, LAST = date(2026, 12, 1), date(2027, 11, 30)
RESTS = {2, 3, 4, 6, 7, 8, 10, 11, 12, 14, 15, 17, 18, 19, 20, *range(24, 30)}  # nothing falls due
WENT_OUT = (Notice.SENT, Notice.PRINT, Notice.JOINED)


class Year:
    """The stage: five customers, a calendar that moves through the daily job, and what reaches them."""

    def __init__(self, app, paying, office, phone):
        self.app, self.paying, self.clock = app, paying, paying.clock
        self.office, self.phone = office, phone
        self.people, self.lines, self._noted, self._opened = {}, [], set(), set()
        self.sam = Staff.create(email="sam@example.com", name="Sam Porter", role=Staff.BILLING)

    def told(self):
        return {"today": self.clock.today(), "now": self.clock.now()}

    # -- who

    def join(self, name, cents, *, state="TX", kind="residential", email=None, **terms):
        """A customer with monthly monitoring from the first day on."""
        short = name.split()[-1]
        email = f"{short.lower()}@example.com" if email is None else email
        customer = make_customer(name, email=email, kind=kind, state=state)
        contract = make_contract(customer, **{"starts_on": FIRST, "term_months": 0, **terms})
        site = make_site(customer, state=state)
        make_charge(contract, item=make_item("Monitoring"), site=site, cents=cents, starts_on=FIRST)
        self.people[customer.id] = short
        return customer

    def wish(self, customer, changes):
        preferences.choose(payer(customer), changes, by="the customer", via="link", now=self.clock.now())

    def preset(self, customer, name):
        preferences.use_preset(payer(customer), name, by="the customer", now=self.clock.now())

    def autopay(self, customer, **terms):
        method = Autopaying(self.paying).method(customer)
        terms = consent.Terms(**terms)._asdict()
        autopay.agree(
            customer, contact=payer(customer), method=method, **terms, address="203.0.113.7",
            text=consent.words_of(customer, method, **terms).text, by="the customer", **self.told(),
        )  # fmt: skip

    def agree_to_texts(self, customer, number):
        Contact.update(phone=number).where(Contact.customer == customer).execute()
        words = consents.text_words(payer(customer), Company.get()).text
        told = {"source": Consent.PAGE, "by": "the customer", "now": self.clock.now()}
        consents.give_text(payer(customer), wording=words, **told)

    # -- days

    def until(self, *day):
        """Let the days pass with the daily job, which rests on most days on which nothing falls due."""
        day = date(*day)
        while (today := self.clock.today()) < day:
            following = [today + timedelta(days=n) for n in range(1, (day - today).days + 1)]
            next_on = next((one for one in following if one.day not in RESTS), day)
            self.paying.later(days=(next_on - today).days)
            self.paying.sandbox.post_control("settle")
            self.run()

    def run(self, only=None):
        with self.app.app_context():
            trouble = commands.run_day(self.app, self.clock.today(), only=only, tell=lambda line: None)
        assert trouble == []
        for notice in Notice.select().where(Notice.state.in_(WENT_OUT)).order_by(Notice.id):
            if notice.id not in self._noted:
                self._note(notice)

    def _note(self, notice):
        """Write down what left. A letter is printed and mailed the same day, but what goes certified."""
        self._noted.add(notice.id)
        self.lines.append((self.clock.today(), notice.customer_id, notice.id, _line(notice)))
        if notice.state == Notice.PRINT and not notice.renewal_notices.exists():
            outbox.mark_printed(notice, **self.told())
        if notice.channel == Notice.MAIL and notice.state == Notice.SENT and notice.kind not in self._opened:
            self._opened.add(notice.kind)
            self._open_links(notice)

    def _open_links(self, notice):
        """No link of the first mail of a kind is dead, as it arrived."""
        [mail] = [one for one in self.office.taken if one["Message-ID"] == notice.message_id]
        text = mail.get_body(("plain",)).get_content()
        found = set(re.findall(re.escape(self.app.config["BASE_URL"]) + r"(/[^\s#]*)", text))
        assert found
        for path in found:
            page = self.app.test_client().get(path, follow_redirects=True)
            assert page.status_code == 200, (notice.kind, path, page.status_code)

    # -- what customers do

    def pay(self, *customers):
        """Each pays everything that is open: Bob online, the others by check. Returns the last payment."""
        paid = [self._pay(customer) for customer in customers]
        self.run("send")
        return paid[-1]

    def _pay(self, customer):
        parts = [(one, one.open_cents) for one in ledger.open_invoices(customer)]
        if self.people[customer.id] == "Bob":
            payment = self.paying.start_parts(customer, parts)
            self.paying.pay(payment)
            return self.paying.ask(payment)
        number = str(Payment.select().count() + 301)
        return payments.record(
            customer, amount_cents=sum(cents for _, cents in parts), kind="check", check_number=number,
            received_on=self.clock.today(), key=f"check {number}", by="sam", **self.told(),
        )  # fmt: skip

    def bounce(self, check):
        returns.bounce(fresh(check), reason="Insufficient funds", by="sam", **self.told())
        self.run("send")

    def decline(self, customer):
        """The bank says no to the next charge."""
        Autopaying(self.paying).decline(customer, 2)

    def ask(self, customer, words):
        told = {"by": "the customer", "now": self.clock.now()}
        return tickets.open(customer, subject=words, body=words, contact=payer(customer), **told)

    def text(self, customer, words):
        sender, now = payer(customer).phone, self.clock.now()
        text_answers.take(text_answers.Received(f"text:{now}", sender, words, now), now=now)
        self.run("send")

    # -- what our office does

    def answer(self, ticket, words):
        tickets.reply(ticket, body=words, staff=self.sam, by="sam", now=self.clock.now())
        self.run("send")

    def sign(self):
        """Sam reads the drafts of the day and sends each in his name."""
        for draft in list(drafts.waiting()):
            personal_mail.sign(draft, self.sam, words=None, by="sam", **self.told())
        self.run("send")

    def mail_certified(self, number):
        """Sam prints the letter that the law wants, brings it to the post and notes its number."""
        [letter] = outbox.print_queue()
        told = {"mailed_on": self.clock.today(), "certified_number": number, "by": "sam", **self.told()}
        renewals.mark_mailed(letter.renewal_notices.get(), **told)

    # -- what came of it

    def calendar(self):
        lines = sorted(self.lines, key=lambda line: line[:3])
        months = [
            f"{month}\n" + "".join(f"{on:%a %d}  {self.people[who]:5}  {what}\n" for on, who, _, what in days)
            for month, days in groupby(lines, key=lambda line: f"{line[0]:%B %Y}")
        ]
        text = "\n".join(months).replace(self.app.config["BASE_URL"], "https://pay")
        return re.sub(r"account \d+", "account N", text)  # numbered as the tests before left off


def _line(notice):
    said = notice.body_text if notice.channel == Notice.TEXT else notice.subject
    if notice.channel == Notice.PAPER:
        said = f"(a letter) {notice.invoice or ''}".strip()
    if notice.state == Notice.JOINED:
        said = f"(said in: {notice.joined.subject})"
    return f"{notice.channel:5}  {notice.kind:15}  {said.strip()}"


@pytest.fixture
def year(app, paying):
    models.db.connect(reuse_if_open=True)
    app.gateway = paying.gateway
    rules.load_product(by="tests", now=paying.clock.now())
    with PostOffice() as office, Listener() as phone:
        app.config.update(
            MAIL_SERVER="127.0.0.1", MAIL_PORT=office.port,
            TEXT_URL=f"json://{phone.url.removeprefix('http://')}?:to={{to}}",
        )  # fmt: skip
        yield Year(app, paying, office, phone)
    assert [str(finding) for finding in checks.run()] == []


# --- The story -----------------------------------------------------------------------------------


def wishes(year):
    """Five customers say what they wish; the first invoices go out."""
    two_years = {
        "starts_on": date(2025, 5, 1),
        "term_months": 24,
        "renewal_months": 12,
        "audience": "business",
    }
    ann, bob = year.join("Ann", 3000), year.join("Bob", 3500)
    cora, dee = year.join("Cora", 2800, email=""), year.join("Dee", 4200)
    diner = year.join("Eastside Diner", 8900, state="NY", kind="commercial", **two_years)
    year.preset(ann, offers.FORGET)
    year.autopay(ann, tell_days=3)
    year.agree_to_texts(bob, "(512) 555-0123")
    year.preset(bob, offers.REMIND)
    year.wish(
        dee,
        {
            (Preference.INVOICE, offers.MAIL): Wish(offers.UNPAID, 7),
            (Preference.REMINDER, offers.MAIL): offers.NOT,
            (Preference.RECEIPT, offers.MAIL): Wish(offers.DIGEST),
            (Preference.DIGEST, offers.MAIL): Wish(offers.DIGEST, day=5),
        },
    )
    year.run()
    return ann, bob, cora, dee, diner


def winter(year, ann, bob, cora, dee, diner):
    # December: everybody pays. Dee had her invoice a week before, because it was still open.
    year.until(2026, 12, 12)
    year.pay(cora, dee)
    year.until(2026, 12, 14)
    year.pay(bob, diner)

    # January: Dee pays before she is asked. The diner forgets; Sam writes; in February we ask once more.
    year.until(2027, 1, 5)
    year.pay(dee)
    year.until(2027, 1, 13)
    year.pay(cora, bob)
    year.until(2027, 1, 21)
    year.sign()
    year.until(2027, 2, 3)
    year.pay(diner)

    # February: Bob forgets, until the due date is past; before Sam's draft is read he has paid.
    year.until(2027, 2, 12)
    year.pay(cora, dee)
    year.until(2027, 2, 24)
    year.pay(bob)

    # March: the law of New York wants a certified letter, 15 to 30 days before the last day to cancel.
    while year.clock.today() < date(2027, 3, 12):
        year.until(*(year.clock.today() + timedelta(days=1)).timetuple()[:3])
        if outbox.print_queue().exists():
            year.mail_certified("9407 1000 0000 0000 0000 09")
    year.pay(cora, bob, dee)
    year.until(2027, 4, 5)
    year.pay(diner)


def summer(year, ann, bob, cora, dee, diner):
    # April: Dee does not see that her invoice is open; nobody reminds her before the date, as she wished.
    year.until(2027, 4, 14)
    year.pay(cora, bob)
    year.until(2027, 4, 22)
    year.sign()
    year.pay(dee)

    # May: Ann's bank says no once. The diner's agreement has renewed.
    year.until(2027, 5, 14)
    year.decline(ann)
    year.pay(bob, cora, dee, diner)
    year.until(2027, 5, 19)

    # June: the diner asks what it is for, and hears nothing of money until it had an answer, and some days.
    year.until(2027, 6, 12)
    year.pay(bob, cora, dee)
    year.until(2027, 6, 18)
    question = year.ask(diner, "Is the freezer sensor in this?")
    year.until(2027, 7, 2)
    year.answer(question, "Yes, it is part of the monitoring.")
    year.until(2027, 7, 7)
    year.pay(diner)


def autumn(year, ann, bob, cora, dee, diner):
    # July: Bob texts STOP. Cora is away; when she is back she pays.
    year.until(2027, 7, 14)
    year.pay(bob, dee)
    year.text(bob, "STOP")
    year.until(2027, 8, 4)
    check = year.pay(cora)

    # August: on the due date Bob has a mail, and no text. Cora's check comes back: one letter, not two.
    year.until(2027, 8, 16)
    year.pay(bob, dee, diner)
    year.bounce(check)
    year.until(2027, 8, 18)
    year.pay(cora)

    # September and October: the diner falls behind, and then pays all of it.
    for month in (9, 10):
        year.until(2027, month, 13)
        year.pay(bob, cora, dee)
        year.until(2027, month, 22)
        year.sign()
    year.pay(diner)
    year.until(2027, 11, 13)
    year.pay(bob, cora, dee, diner)
    year.until(*LAST.timetuple()[:3])


@pytest.mark.one_database
def test_a_year_of_messages(request, year):
    people = wishes(year)
    for season in (winter, summer, autumn):
        season(year, *people)

    compare(year.calendar(), request.config.getoption("--update-golden"))
    assert preferences.violations(since=None).found == []
    assert said_once(year)
    assert collected_kindly(year)
    assert each_charge_was_told(people[0])
    assert the_law_was_kept(people[4])


def compare(calendar, update):
    if update:
        GOLDEN.write_text(calendar, "utf-8")
    assert calendar == GOLDEN.read_text("utf-8")


def left(*conditions):
    return Notice.select().where(Notice.state.in_(WENT_OUT), *conditions).order_by(Notice.id)


def said_once(year):
    """No message came twice, and what came is what the outbox says."""
    about = ("customer_id", "channel", "kind", "invoice_id", "payment_id", "charge_on", "step", "subject")
    said = [tuple(getattr(one, name) for name in about) for one in left()]
    assert len(said) == len(set(said))
    ids = [mail["Message-ID"] for mail in year.office.taken]
    assert sorted(ids) == sorted(
        one.message_id for one in left(Notice.channel == "mail", Notice.state == "sent")
    )
    texts = [json.loads(body)["message"] for body, _ in year.phone.caught]
    assert len(texts) == left(Notice.channel == "text").count()
    return len(ids) == len(set(ids))


def collected_kindly(year):
    """What is late is said by day, never on a Sunday or a holiday, and never before the grace has passed."""
    company, found = Company.get(), list(left(Notice.kind.in_(Notice.COLLECTION)))
    for notice in found:
        there = notice.sent_at.replace(tzinfo=UTC).astimezone(timing.zone_of(notice.customer_id, company))
        assert notice.channel == "paper" or not timing.is_quiet_day(there.date()), notice
        assert company.send_from_hour <= there.hour < company.send_until_hour
        assert there.date() >= notice.invoice.due_on + timedelta(days=company.grace_days)
    return bool(found)


def each_charge_was_told(ann):
    """Three days before, as she wished; and no receipt is promised to her, because she wants none."""
    told = {one.charge_on: one for one in left(Notice.customer == ann, Notice.kind == "upcoming_charge")}
    charged = Payment.select().where((Payment.customer == ann) & (Payment.try_number == 1))
    days = {one.created_at.date() for one in charged}
    assert days == set(told) and len(days) == 12
    assert not any("receipt" in one.body_text for one in left(Notice.customer == ann))
    return all(one.sent_at.date() == on - timedelta(days=3) for on, one in told.items())


def the_law_was_kept(diner):
    """The certified letter was mailed in its window, and the agreement renewed for a year."""
    row = RenewalNotice.get()
    assert (row.rule_code, row.state, row.medium) == ("NY-5903", "proven", "certified")
    assert row.opens_on <= row.sent_on <= row.closes_on
    contract = Contract.get(Contract.customer == diner)
    return (contract.term_ends_on, contract.renews_monthly_from_on) == (date(2028, 4, 30), None)
