"""Six customers who do not pay, each for another reason, and how each story ends as a kind company has it.

Fay forgets. Cy's card expires. Angie's alarm is silent and nobody answers. Carl has lost his job. Moe moves
away. Nell never gets the mail. The days are those of the real daily job, every message is composed and handed
to a mail server, and what left (``diary``) is said to the day. After each story the books are sound, nothing
was said twice, nobody was pressed while they waited for us, and no verdict is left of what is paid.
"""

import re
from datetime import date, datetime, timedelta

import pytest

import models
from billing import (
    calls,
    checks,
    customers,
    inbound,
    ledger,
    outbox,
    payments,
    preferences,
    promises,
    tickets,
)
from billing.automatic import autopay, consent
from billing.collections import gate, rules, stances, verdicts
from billing.edges import commands
from billing.edges.post import Post
from billing.outbox import holding
from billing.personal import drafts
from billing.plans import keeping
from billing.remedies import service_credits, write_offs
from billing.renewals import endings
from models import (
    Call,
    Credit,
    Customer,
    Invoice,
    Notice,
    Offer,
    Payment,
    Plan,
    Promise,
    ServiceCredit,
    Stance,
    Ticket,
    Verdict,
)
from tests import office as desk
from tests import personal_mail
from tests.autopaying import Autopaying
from tests.factories import fresh, make_charge, make_contract, make_customer, make_item, make_site, payer
from tests.portal_visitor import SAME_ORIGIN, Visitor
from tests.post_office import PostOffice

FIRST = date(2026, 12, 1)
BUSY = {1, 13, 16, 21, 31}  # days of the month on which something falls due or may be said
WEEK = 7
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Safari/604.1"
WAITS_FOR_US = {"ticket", "fault", "call", "inbound", "proposal", "dispute"}
WENT_OUT = (Notice.SENT, Notice.PRINT, Notice.JOINED)
UNDECIDED = (Notice.QUEUED, Notice.SENDING, Notice.HELD, Notice.DRAFT, Notice.PRINT)


class Story:
    """The stage of one customer: a calendar that moves through the daily job, a browser, and our people."""

    def __init__(self, app, paying, post_office):
        self.app, self.paying, self.clock, self.post_office = app, paying, paying.clock, post_office
        self.visitor, self.diary, self._noted = Visitor(app), [], set()
        self.sam, self.bill = desk.make_staff("support"), desk.make_staff("billing")
        self.customer = None

    def told(self, by=None):
        return {"today": self.clock.today(), "now": self.clock.now()} | ({"by": by} if by else {})

    def by(self, staff):
        """What a use case is told when one of our people does it now."""
        return self.told(f"staff:{staff.email}")

    def join(self, name, cents, *, email=None, **charge):
        """A customer with monitoring from the first day on."""
        email = f"{name.split()[0].lower()}@example.com" if email is None else email
        self.customer = make_customer(name, email=email)
        self.contract = make_contract(self.customer, starts_on=FIRST, term_months=0)
        site, item = make_site(self.customer), make_item("Monitoring")
        make_charge(self.contract, item=item, site=site, cents=cents, starts_on=FIRST, **charge)
        return self.customer

    # -- days

    def until(self, month, day):
        """Let the days pass with the daily job: on every day on which something is due, at least weekly."""
        target = date(2026 if month == 12 else 2027, month, day)
        while (today := self.clock.today()) < target:
            days = (today + timedelta(days=n) for n in range(1, WEEK + 1))
            next_on = next(
                one for one in days if one.day in BUSY or one == target or (one - today).days == WEEK
            )
            self.paying.later(days=(next_on - today).days)
            assert self.run() == []

    def run(self):
        """The daily job. Returns what went wrong."""
        with self.app.app_context():
            trouble = commands.run_day(self.app, self.clock.today(), tell=lambda line: None)
        self._note()
        return trouble

    def work(self, **later):
        """The worker, as it does every two seconds; ``later``: some minutes from now."""
        self.paying.later(**later)
        post = Post(self.app)
        with self.app.app_context():
            commands.work_once(self.app, post)
        post.close()
        self._note()

    def _note(self):
        for notice in Notice.select().where(Notice.state.in_(WENT_OUT)).order_by(Notice.id):
            if notice.id not in self._noted:
                assert notice.kind not in Notice.GATED or not WAITS_FOR_US & set(self.against())
                self._noted.add(notice.id)
                self.diary.append(f"{self.clock.today():%b %-d} {notice.channel} {notice.kind}")

    # -- what is so

    def invoice(self):
        """The newest invoice."""
        return self.customer.invoices.order_by(Invoice.id.desc()).get()

    def verdicts(self):
        """{invoice number: code} of everything past due."""
        found = verdicts.current(self.customer.id, **self.told())
        return {one.invoice.number: one.code for one in found}

    def verdict(self):
        """The only verdict that stands."""
        [one] = verdicts.current(self.customer.id, **self.told())
        assert verdicts.proofs(one) and one.act
        return one

    def against(self):
        """The codes of what shuts the gate now."""
        found = gate.reasons([self.customer.id], **self.told())
        return [one.code for one in found.get(self.customer.id, ())]

    def held(self):
        """[(kind, reason)] of what is held back."""
        return [(one.kind, one.reason) for one in holding.held()]

    # -- what the customer does

    def mail(self, kind):
        """The text of the last mail of a kind, as it arrived."""
        sent = Notice.select().where((Notice.kind == kind) & (Notice.state == Notice.SENT))
        notice = sent.order_by(Notice.id.desc()).get()
        [one] = [mail for mail in self.post_office.taken if mail["Message-ID"] == notice.message_id]
        return one.get_body(("plain",)).get_content()

    def letter(self, kind):
        """The words of the last letter of a kind, on one line."""
        notice = Notice.select().where(Notice.kind == kind).order_by(Notice.id.desc()).get()
        return " ".join(self.app.compose(notice, self.clock.now()).text.split())

    def follow(self, kind, tail=""):
        """Open the page behind the last mail of a kind, and touch it: a person is there. Returns the Page."""
        base = re.escape(self.app.config["BASE_URL"])
        path = re.search(base + r"(/i/[\w.~-]+)", self.mail(kind))[1]
        page = self.visitor.open(path + tail)
        assert page.status == 200
        if script := page.tree.xpath("//script[@data-seen]"):
            form = {"csrf_token": script[0].get("data-token")}
            headers = {"User-Agent": PHONE, **SAME_ORIGIN}
            self.visitor.client.post(script[0].get("data-seen"), data=form, headers=headers)
        return page

    def pay_online(self, *invoices):
        payment = self.paying.start_parts(self.customer, [(one, one.open_cents) for one in invoices])
        self.paying.pay(payment)
        self.paying.ask(payment)
        self.paying.sandbox.post_control("settle")  # as every night
        self.work()

    def pay_by_check(self, cents):
        number = str(Payment.select().count() + 301)
        payments.record(
            self.customer, amount_cents=cents, kind=Payment.CHECK, check_number=number, confirmed=True,
            received_on=self.clock.today(), key=f"check {number}", **self.by(self.bill),
        )  # fmt: skip
        self.work()

    # -- what our people do

    def sign(self, granting):
        """Sam reads the draft that waits and sends it as it is, with a way out. Returns what he read."""
        [draft] = drafts.waiting()
        reading = personal_mail.read(draft, self.sam, **self.told())
        personal_mail.sign(draft, self.sam, words=None, granting=granting, **self.told())
        self.work()
        return reading

    def answer(self, ticket, words):
        tickets.reply(ticket, body=words, staff=self.sam, by="staff:sam", now=self.clock.now())
        self.work()


@pytest.fixture
def story(app, paying):
    models.db.connect(reuse_if_open=True)
    app.gateway = paying.gateway
    with PostOffice() as post_office:
        app.config.update(MAIL_SERVER="127.0.0.1", MAIL_PORT=post_office.port)
        made = Story(app, paying, post_office)
        yield made
    ends_well(made)


def ends_well(story):
    """What is true at the end of every story, whatever happened in it."""
    assert [str(finding) for finding in checks.run()] == []
    assert preferences.violations(since=None).found == []
    assert verdicts.current(story.customer.id, **story.told()) == []
    assert ledger.balance(story.customer, today=story.clock.today()).past_due_cents == 0
    assert not Notice.select().where(Notice.state.in_(UNDECIDED)).exists()
    said_once(story)
    assert not any("overdue" in line or "late_fee" in line for line in story.diary)


def said_once(story):
    """Every message that left is another one, and the mail server had each once."""
    about = ("channel", "kind", "invoice_id", "installment_id", "payment_id", "charge_on", "step", "subject")
    left = list(Notice.select().where(Notice.state.in_(WENT_OUT)))
    said = [tuple(getattr(one, name) for name in about) for one in left]
    assert len(said) == len(set(said))
    mailed = [one.message_id for one in left if (one.channel, one.state) == (Notice.MAIL, Notice.SENT)]
    assert sorted(mail["Message-ID"] for mail in story.post_office.taken) == sorted(mailed)


# --- Fay forgot ----------------------------------------------------------------------------------


def test_fay_forgot_and_says_when(story):
    # She opens the invoice on the day after, puts the phone away, and reads none of the reminders.
    story.join("Fay Foster", 4200)
    story.run()
    story.until(12, 2)
    story.follow("invoice")
    story.until(12, 17)
    first = story.invoice()
    verdict = story.verdict()
    assert (verdict.code, verdict.act) == (Verdict.UNKNOWN, rules.WRITE)
    assert verdict.sentence == (
        "We sent it on December 1, 2026, they opened it on December 2, 2026, "
        "and nobody has told us why it is unpaid."
    )

    # Five days after the date Sam writes in his own name: is everything all right, would another day do?
    story.until(12, 21)
    reading = story.sign({Offer.DATE: None})
    assert "Hello Fay" in reading.words and "Is everything all right with it?" in reading.words
    assert "up to January 4, 2027" in story.mail("check_in")

    # It would. The day after she says so behind the button, without signing in; until that day nobody asks.
    story.until(12, 22)
    page = story.visitor.press(story.follow("check_in"), "I will pay by this day", pay_on="2027-01-04")
    assert "you hear nothing more" in page.messages
    story.work()
    assert story.verdict().code == Verdict.PROMISE_RUNNING
    assert story.against() == ["promise"]

    # The day on which a late notice would have left passes; on hers there is a friendly word, and she pays.
    story.until(1, 4)
    story.pay_online(fresh(first))
    assert story.verdicts() == {}
    story.until(1, 13)
    assert Promise.get().state == Promise.KEPT
    story.pay_online(story.invoice())
    story.until(1, 16)
    assert story.diary == [
        "Dec 1 mail invoice",
        "Dec 13 mail reminder",
        "Dec 16 mail reminder",
        "Dec 21 mail check_in",
        "Dec 22 mail promise",
        "Jan 1 mail invoice",
        "Jan 4 mail promise",
        "Jan 4 mail receipt",
        "Jan 13 mail reminder",
        "Jan 13 mail receipt",
    ]


# --- Cy's card expired ---------------------------------------------------------------------------


def test_cys_card_expired_and_another_one_pays(story):
    customer = story.join("Cy Carter", 3500)
    autopaying = Autopaying(story.paying)
    agree(story, autopaying.method(customer))
    assert story.run() == []
    story.until(1, 15)

    # In January the bank says that the card has expired. Only Cy can help, and he is asked once.
    autopaying.decline(customer, 8)
    story.until(1, 17)
    verdict = story.verdict()
    assert (verdict.code, verdict.act) == (Verdict.METHOD_FAILED, rules.ASK_FOR_METHOD)

    # He adds his new card two days later; from that second the verdict is that it will be paid.
    story.until(1, 19)
    agree(story, autopaying.method(customer))
    story.work()
    assert story.verdict().code == Verdict.PAYMENT_IN_FLIGHT
    story.until(1, 20)
    assert story.verdicts() == {}

    # February is as ever.
    story.until(2, 16)
    assert story.diary == [
        "Dec 1 mail autopay_on",
        "Dec 1 mail invoice",
        "Dec 16 mail receipt",
        "Jan 1 mail invoice",
        "Jan 16 mail method_problem",
        "Jan 19 mail autopay_on",
        "Jan 20 mail receipt",
        "Feb 1 mail invoice",
        "Feb 16 mail receipt",
    ]


def agree(story, method):
    customer = method.customer
    terms = consent.Terms()._asdict()
    autopay.agree(
        customer, contact=payer(customer), method=method, **terms, address="203.0.113.7",
        text=consent.words_of(customer, method, **terms).text, **story.told("the customer"),
    )  # fmt: skip


# --- Angie's alarm is silent ---------------------------------------------------------------------


def test_angies_alarm_was_silent_and_nobody_answered(story):
    story.join("Angie Adams", 6200)
    story.run()
    first = story.invoice()

    # On a Saturday she calls, and nobody answers; then she replies to the invoice, and nobody answers either.
    story.until(12, 5)
    call = calls.log(story.customer, direction=Call.IN, outcome=Call.MISSED, **story.told("phone system"))
    carrier = Notice.get(Notice.kind == Notice.INVOICE)
    inbound.take(
        inbound.Received(
            "angie 1", story.clock.now(), sender="angie@example.com", subject="Re: your invoice",
            body="The alarm has been dead since yesterday and nobody picks up. I will not pay for that.",
            notice_id=carrier.id,
        ),
        now=story.clock.now(),
    )  # fmt: skip
    story.work()
    [ticket] = tickets.waiting_on_us()
    assert (ticket.invoice, call.state) == (first, Call.TO_CALL)

    # So we ask her for nothing: no reminder before the date, and after it the reason is us.
    story.until(12, 17)
    verdict = story.verdict()
    assert (verdict.code, verdict.act) == (Verdict.WAITING_FOR_US, rules.CALL_BACK)
    assert {proof.table for proof in verdicts.proofs(verdict)} == {"call", "ticket"}
    story.until(12, 21)
    [(kind, reason)] = story.held()
    assert kind == Notice.CHECK_IN and "waiting for our answer since December 5, 2026" in reason
    [(who, held, against)] = holding.by_customer(**story.told())
    assert (who, [one.code for one in against]) == (story.customer, ["ticket", "call"])

    # Sam is ashamed, calls, and answers. Now it is the fault that has to be put right before any money.
    since = datetime(2026, 12, 4, 18)
    tickets.sort(ticket, kind=Ticket.SERVICE, reported_from_at=since, by="staff:sam", now=story.clock.now())
    story.answer(fresh(ticket), "I am sorry, Angie. Our technician comes on the 28th.")
    calls.done(call, how="Called back", by="staff:sam", now=story.clock.now())
    verdict = story.verdict()
    assert (verdict.code, verdict.act) == (Verdict.SERVICE_FAULT, rules.REPAIR)

    # It is repaired. The program proposes a credit for those days, and Bill gives it.
    story.until(12, 28)
    tickets.close(fresh(ticket), by="staff:sam", now=story.clock.now(), tell=True)
    assert story.run() == []
    [credit] = ServiceCredit.select()
    assert (credit.from_on, credit.to_on, credit.cents) == (date(2026, 12, 4), date(2026, 12, 28), 5000)
    service_credits.give(credit, role=story.bill.role, **story.by(story.bill))

    # Until she is told of it, it is our mistake; she is told within minutes.
    assert story.verdict().code == Verdict.OUR_MISTAKE
    story.work(minutes=6)
    assert story.verdict().code == Verdict.UNKNOWN
    assert "$50.00" in story.mail("credit_given")
    assert fresh(first).open_cents == 1200

    # The day on which a late notice would have left passes: the steps begin again, mildly. She pays.
    story.until(1, 4)
    story.pay_online(fresh(first), story.invoice())
    story.until(1, 16)
    assert story.diary == [
        "Dec 1 mail invoice",
        "Dec 5 mail ticket_received",
        "Dec 21 mail ticket_reply",
        "Dec 28 mail ticket_closed",
        "Dec 28 mail credit_given",
        "Jan 1 mail invoice",
        "Jan 4 mail receipt",
    ]


# --- Carl cannot pay -----------------------------------------------------------------------------


def test_carl_cannot_pay_and_pays_in_three_parts(story):
    story.join("Carl Cole", 9000, cycle_months=12)
    story.run()
    invoice = story.invoice()

    # He calls, and says how it is. That is written down in his words.
    story.until(12, 18)
    calls.log(
        story.customer, direction=Call.IN, outcome=Call.ANSWERED, note="Lost his job", **story.by(story.sam)
    )
    told = {
        "words": "I lost my job in October.",
        "heard_on": story.clock.today(),
        "contact": payer(story.customer),
    }
    stances.note(story.customer, Stance.CANNOT_PAY, **told, **story.by(story.sam))
    verdict = story.verdict()
    assert (verdict.code, verdict.act) == (Verdict.CANNOT_PAY, rules.OFFER_PLAN)

    # Sam writes to him, and offers what his role may: parts, without a fee.
    story.until(12, 21)
    reading = story.sign({Offer.INSTALLMENTS: None})
    assert "Thank you for saying so: we will find a way." in reading.words
    assert "up to 3 parts, without any fee" in story.mail("check_in")

    # Carl chooses the days behind the button. It is agreed at once; the same second nothing is past due.
    page = story.follow("check_in", "/plan")
    chosen = {"count": "3", "first_on": "2026-12-21", "rhythm": "two_weekly"}
    page = story.visitor.press(page, "Show the plan", **chosen)
    page = story.visitor.press(page, "Agree to this plan", name="Carl Cole")
    assert "It is agreed" in page.messages
    story.work()
    plan = Plan.get()
    assert (plan.state, plan.count, plan.amount_cents) == (Plan.RUNNING, 3, 9000)
    assert story.verdict().code == Verdict.PLAN_RUNNING
    assert ledger.balance(story.customer, today=story.clock.today()).past_due_cents == 0
    story.pay_by_check(3000)

    # He is reminded of the second one, and forgets it. After some days of grace one mail asks, but not on a
    # Sunday; the verdict is still the plan. He moves it to another day, which he may do once, and pays.
    story.until(1, 10)
    assert fresh(plan).missed_on == date(2027, 1, 10) and "Jan 10 mail plan_missed" not in story.diary
    story.until(1, 11)
    verdict = story.verdict()
    assert (verdict.code, verdict.act, verdict.amount_cents) == (Verdict.PLAN_RUNNING, rules.WAIT, 3000)
    keeping.move_payment(fresh(plan), to_on=date(2027, 1, 15), **story.told("the customer"))
    assert story.against() == ["plan"]
    story.until(1, 15)
    story.pay_by_check(3000)

    # The third comes on its day, which the one reminder of both has told him, and the plan is kept.
    story.until(1, 18)
    story.pay_by_check(3000)
    story.until(1, 21)
    assert (fresh(plan).state, fresh(invoice).open_cents) == (Plan.KEPT, 0)
    assert story.diary == [
        "Dec 1 mail invoice",
        "Dec 13 mail reminder",
        "Dec 16 mail reminder",
        "Dec 21 mail check_in",
        "Dec 21 mail plan_agreed",
        "Dec 21 mail receipt",
        "Jan 1 mail reminder",
        "Jan 11 mail plan_missed",
        "Jan 15 mail reminder",
        "Jan 15 mail receipt",
        "Jan 18 mail receipt",
        "Jan 21 mail plan_ended",
    ]


# --- Moe moved away ------------------------------------------------------------------------------


def test_moe_moved_away_and_a_few_cents_are_let_go(story):
    # He has no mail address: paper.
    story.join("Moe Miller", 3100, email="")
    story.run()
    post_letters(story)

    # He calls from Denver: please end it. Support promises to see to it; until then he waits for us.
    story.until(12, 18)
    call = calls.log(
        story.customer, direction=Call.IN, outcome=Call.ANSWERED, note="Moved to Denver on the 1st",
        next_step="End the agreement, send the final invoice to Denver", next_on=date(2026, 12, 21),
        **story.by(story.sam),
    )  # fmt: skip
    verdict = story.verdict()
    assert (verdict.code, verdict.act) == (Verdict.WAITING_FOR_US, rules.CALL_BACK)
    assert "it is not done" in verdict.sentence

    # Bill does all of it: the new address, the last day, and Moe's word that he pays with the final invoice.
    story.until(12, 21)
    Customer.update(street="9 Larimer Street", city="Denver", state="CO", zip="80202").where(
        Customer.id == story.customer.id
    ).execute()
    endings.end(story.contract, on=date(2027, 1, 10), reason_code="moved", **story.by(story.bill))
    day = {"pay_on": date(2027, 1, 15), "via": Promise.PHONE, "staff": True}
    promises.make(story.customer, **day, **story.by(story.bill))
    calls.done(call, how="All done, told him on the phone", by="staff:bill", now=story.clock.now())
    story.work()
    post_letters(story)
    letter = story.letter("contract_ended")
    assert "January 10, 2027 is your last day of service" in letter
    assert "$31.00 is open today. You told us that you pay by January 15, 2027" in letter
    assert story.verdict().code == Verdict.PROMISE_RUNNING

    # The final invoice, for ten days, goes to Denver on paper. No letter about December goes with it.
    story.until(1, 2)
    final = story.invoice()
    assert (final.total_cents, "Denver, CO 80202" in final.bill_to) == (1000, True)
    post_letters(story)

    # His check is thirty cents short. Nobody writes a letter about thirty cents: Bill lets them go, alone.
    story.until(1, 12)
    story.pay_by_check(4070)
    story.until(1, 18)
    assert (story.verdict().invoice, story.verdict().amount_cents) == (final, 30)
    made = write_offs.write_off(fresh(final), reason="Not worth a letter", **story.by(story.bill))
    assert (made.kind, made.amount_cents) == (Credit.WRITE_OFF, 30)
    story.work()
    assert story.verdicts() == {} and Promise.get().state == Promise.KEPT

    # And nothing more is billed.
    story.until(2, 1)
    assert story.invoice() == final
    assert story.diary == [
        "Dec 1 paper invoice",
        "Dec 21 paper contract_ended",
        "Dec 21 paper promise",
        "Jan 1 paper invoice",
    ]


def post_letters(story):
    """What waits to be printed is printed and mailed."""
    for letter in list(outbox.print_queue()):
        outbox.mark_printed(letter, **story.told())


# --- Nell never got the mail ---------------------------------------------------------------------


def test_nell_never_got_the_mail_and_is_called(story):
    # Her address was typed wrong when she joined, and we have no street either.
    customer = story.join("Nell Nash", 5000, email="nel@example.com")
    Customer.update(street="", city="", state="", zip="").where(Customer.id == customer.id).execute()
    story.post_office.script = ["550"]
    [trouble] = story.run()
    assert trouble == "Invoice to nel@example.com: The mail server refused this address (550)."
    story.until(12, 17)
    invoice = story.invoice()
    verdict = story.verdict()
    assert (verdict.code, verdict.act) == (Verdict.NEVER_DELIVERED, rules.MEND_ADDRESS)

    # Sam calls her. She is glad: where does she pay? He puts both addresses right; the letter goes by post.
    assert story.against() == ["never_delivered"] and story.held() == []
    story.until(12, 18)
    calls.log(customer, direction=Call.OUT, outcome=Call.ANSWERED, note="Never got it", **story.by(story.sam))
    told = {"name": "Nell Nash", "email": "nell@example.com", "phone": ""}
    customers.change_contact(payer(customer), **told, by="staff:sam", now=story.clock.now())
    Customer.update(street="7 Oak Street", city="Austin", state="TX", zip="78702").where(
        Customer.id == customer.id
    ).execute()
    story.work()
    post_letters(story)

    # She has it since today, so she gets the days that everybody gets.
    promises.make(
        customer,
        pay_on=date(2027, 1, 2),
        via=Promise.PHONE,
        staff=True,
        invoice=invoice,
        **story.by(story.sam),
    )
    story.work()
    assert story.verdict().code == Verdict.PROMISE_RUNNING
    story.until(12, 31)
    story.pay_by_check(5000)
    assert story.verdicts() == {}
    story.until(1, 13)
    story.pay_online(story.invoice())
    story.until(1, 16)
    assert story.diary == [
        "Dec 1 paper invoice",
        "Dec 18 mail contact_changed",
        "Dec 18 mail promise",
        "Dec 31 mail receipt",
        "Jan 1 mail invoice",
        "Jan 13 mail reminder",
        "Jan 13 mail receipt",
    ]
