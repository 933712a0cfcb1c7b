"""What happens to the customers over the years: visits, new prices, pauses, ends, questions, corrections.

Everything is planned ahead from the seed and done on its day by the product's use cases.
"""

import random
from datetime import timedelta

from billing import contracts, invoices, ledger, tickets
from billing.demo import cast, leaving, patience
from billing.demo.people import HERO_NAME
from models import Charge, Contract, Customer, Invoice, Item, Line, OneOff, Site, Staff, System, Ticket

AT_ONCE, TOMORROW = 0.45, 0.65  # shares of the questions that are answered within hours, and the day after
TRIES, AGAIN_IN = 4, timedelta(days=7)  # to find an invoice open about which somebody wonders
NEW_ORDER = "Your purchase order changed; a new invoice takes its place"  # stands on their page
EVENING = 17  # nobody is at the desk then: it is answered tomorrow
ASKED_AT = (  # (hour, way): on the way to work, at the desk, in the evening
    (7, Ticket.PAY_LINK), (9, Ticket.PORTAL), (10, Ticket.MAIL), (11, Ticket.PAY_LINK), (13, Ticket.TEXT),
    (14, Ticket.PORTAL), (15, Ticket.PAY_LINK), (16, Ticket.MAIL), (19, Ticket.PAY_LINK), (21, Ticket.PORTAL),
)  # fmt: skip


class Lives:
    """Plans the deeds of all customers into a history."""

    def __init__(self, history, *, seed):
        self.history = history
        self.seed = seed
        self.items = {item.code: item for item in Item.select()}
        self.answering = Staff.get(Staff.email == "priya@example.com")
        self.days = (history.today - history.begins_on).days

    def plan(self):
        """Plan everything; what is done is decided on the day, by what is true then."""
        for payer in self.history.payers.values():
            if payer.customer.name not in (HERO_NAME, *patience.NAMES):
                rng = random.Random(f"{self.seed}:life {payer.customer.account_number}")
                self._plan_changes(rng, payer.customer)
                self._plan_visits(rng, payer.customer)
                self._plan_questions(rng, payer)
                self._plan_kindness(rng, payer.customer)
        self._plan_wrong_orders(random.Random(f"{self.seed}:wrong orders"))

    def _day(self, rng, first=0.0, last=1.0):
        """Some weekday between two shares of the whole time."""
        day = self.history.begins_on + timedelta(days=int(self.days * rng.uniform(first, last)))
        return day + timedelta(days=(0, 0, 0, 0, 0, 2, 1)[day.weekday()])

    def _plan(self, day, deed, *args):
        self.history.plan(day, lambda on, at: deed(on, at, *args))

    # --- Contracts

    def _plan_changes(self, rng, customer):
        luck = rng.random()
        if luck < 0.09:
            reason = rng.choices(*zip(*cast.END_REASONS, strict=True))[0]
            self._plan(self._day(rng, 0.15), self._end, customer, reason, rng.randrange(0, 31))
        elif luck < 0.12:
            begins = self._day(rng, 0.2, 0.95)
            self._plan(begins, self._pause, customer, rng.choice(cast.PAUSES))
            self._plan(begins + timedelta(days=rng.randrange(35, 100)), self._resume, customer)
        if customer.since_on < self.history.begins_on and rng.random() < 0.7:
            first = self.history.begins_on + timedelta(days=rng.randrange(60, 330))
            for days in range(0, self.days, 365):
                self._plan(
                    first + timedelta(days=days), self._raise_prices, customer, rng.choice((30, 35, 40, 50))
                )

    def _running(self, customer, day):
        running = (Contract.customer == customer) & Contract.ends_on.is_null() & (Contract.starts_on < day)
        return list(Contract.select().where(running).order_by(Contract.id))

    def _end(self, day, at, customer, reason, days):
        for contract in self._running(customer, day):
            last = max(day + timedelta(days=days), contract.starts_on)
            leaving.end(contract, on=last, reason_code=reason, by=cast.SUPPORT, today=day, now=at)
            self._plan(last + timedelta(days=45), self._close, customer)

    def _close(self, day, at, customer):
        running = (
            Contract.select().where((Contract.customer == customer) & Contract.ends_on.is_null()).exists()
        )
        if not running and not ledger.open_invoices(customer).exists():
            Customer.update(closed_on=day).where(Customer.id == customer.id).execute()

    def _pause(self, day, at, customer, reason):
        for contract in self._running(customer, day)[:1]:
            contracts.pause(contract, from_on=day, reason=reason, by=cast.SUPPORT, now=at)

    def _resume(self, day, at, customer):
        for contract in self._running(customer, day):
            if contracts.running_pause(contract):
                contracts.resume(contract, on=day, by=cast.SUPPORT, now=at)

    def _raise_prices(self, day, at, customer, per_mille):
        """The yearly adjustment, from each charge's next period on, to the next five cents a month."""
        for contract in self._running(customer, day):
            for charge in contract.charges.where(Charge.next_on.is_null(False)).order_by(Charge.id):
                from_on = contracts.period_of(charge, charge.next_index).from_on
                changes = sorted((change.starts_on, change.unit_cents) for change in charge.price_changes)
                if changes and changes[-1][0] >= from_on:
                    continue
                price, step = changes[-1][1] if changes else charge.unit_cents, 5 * charge.cycle_months
                contracts.change_price(
                    charge,
                    from_on=from_on,
                    unit_cents=-(-price * (1000 + per_mille) // (1000 * step)) * step,
                    reason="Yearly adjustment",
                    agreed_how="Letter of the old system",
                    by=cast.OFFICE,
                    now=at,
                )

    # --- Visits

    def _plan_visits(self, rng, customer):
        yearly = 0.9 if customer.kind == Customer.COMMERCIAL else 0.22
        for _ in range(rng.choices((0, 1, 2, 3), (1 - yearly / 2, yearly, yearly / 4, yearly / 12))[0]):
            text, code, cents, part = rng.choice(cast.WORK)
            alone = rng.random() < 0.35
            self._plan(
                self._day(rng),
                self._visit,
                customer,
                text,
                code,
                cents,
                part,
                alone,
                rng.randrange(10_000, 99_999),
            )

    def _visit(self, day, at, customer, text, code, cents, part, alone, number):
        site = customer.sites.order_by(Site.id).first()
        if customer.since_on >= day or not self._running(customer, day):
            return
        about = {
            "customer": customer,
            "site": site,
            "system": site.systems.order_by(System.id).first(),
            "done_on": day,
        }
        about |= {"work_order": f"WO-{number}", "alone": alone}
        OneOff.create(item=self.items[code], text=text, unit_cents=cents, **about)
        if part:
            OneOff.create(item=self.items[part], unit_cents=self.items[part].unit_cents, **about)

    # --- Questions

    def _plan_questions(self, rng, payer):
        for chance, questions, first in (
            (0.1, [one for one in cast.QUESTIONS if not one[3]], 0.02),
            (0.45, [one for one in cast.QUESTIONS if one[3]], 0.4),  # about an invoice, where one is open
        ):
            if rng.random() < chance:
                day = self._day(rng, first, 0.97)
                asked = rng.choice(questions), rng.random(), rng.choice(ASKED_AT)
                self._plan(day, self._ask, payer, *asked, TRIES)

    def _ask(self, day, at, payer, question, patience, asked_at, tries):
        """Somebody asks, by the way that is nearest to them; the sooner we answer, the sooner they pay."""
        subject, body, answer, about = question
        invoice = _open_invoice(payer.customer) if about else None
        if payer.customer.since_on >= day or not payer.contact.email:
            return
        if about and invoice is None:
            if tries and day + AGAIN_IN < self.history.today - AGAIN_IN:
                self._plan(day + AGAIN_IN, self._ask, payer, question, patience, asked_at, tries - 1)
            return
        hour, via = asked_at
        at = self.history.at(day, hour, int(patience * 60))
        ticket = tickets.open(
            payer.customer,
            subject=subject,
            body=body,
            by=f"customer:{payer.contact.email}",
            now=at,
            contact=payer.contact,
            invoice=invoice,
            via=via,
        )
        days = self._answer_in(
            day, at, ticket, answer, patience if hour < EVENING else max(patience, AT_ONCE)
        )
        self.history.wait(payer.customer.id, day, day + timedelta(days=days + 1))
        self._plan(day + timedelta(days=days + 3), self._close_ticket, ticket)

    def _answer_in(self, day, at, ticket, answer, patience):
        """Answer within hours, tomorrow, or when the desk was full after days. Returns how many days."""
        if patience < AT_ONCE:
            self._answer(day, at + timedelta(minutes=20 + int(400 * patience)), ticket, answer)
            return 0
        days = 1 if patience < TOMORROW else 2 + int(patience * 10) % 4
        self._plan(day + timedelta(days=days), self._answer, ticket, answer)
        return days

    def _answer(self, day, at, ticket, answer):
        ticket = Ticket.get_by_id(ticket.id)
        tickets.reply(ticket, body=answer, by=cast.SUPPORT, now=at, staff=self.answering)

    def _close_ticket(self, day, at, ticket):
        tickets.close(Ticket.get_by_id(ticket.id), by=cast.SUPPORT, now=at)

    # --- Corrections

    def _plan_kindness(self, rng, customer):
        luck = rng.random()
        if luck < 0.05:
            self._plan(
                self._day(rng, 0.1),
                self._give,
                customer,
                rng.choice(cast.GOODWILL),
                rng.choice((1000, 1500, 2500)),
            )
        elif luck < 0.09:
            self._plan(
                self._day(rng, 0.1),
                self._correct,
                customer,
                rng.choice(cast.CORRECTIONS),
                rng.randrange(20, 101),
            )

    def _give(self, day, at, customer, reason, cents):
        if customer.since_on < day:
            invoices.goodwill(customer, amount_cents=cents, reason=reason, by=cast.SUPPORT, today=day, now=at)

    def _correct(self, day, at, customer, reason, percent):
        invoice = latest_invoice(customer)
        if invoice and not invoice.credits.exists():
            cents = max(invoice.lines.order_by(Line.position).first().total_cents * percent // 100, 100)
            invoices.credit(
                invoice,
                amount_cents=min(cents, invoice.total_cents),
                reason=reason,
                by=cast.OFFICE,
                today=day,
                now=at,
            )

    def _plan_wrong_orders(self, rng):
        """Now and then an invoice carries a purchase order that the customer replaced: void it, bill anew."""
        for _ in range(max(self.days // 100, 1)):
            self._plan(self._day(rng, 0.05), self._replace, rng.randrange(1000, 9999), rng.random())

    def _replace(self, day, at, number, luck):
        fresh = list(
            Invoice.select()
            .join(Customer)
            .where(
                (Customer.po_number != "")
                & (Invoice.issued_on > day - timedelta(days=4))
                & (Invoice.state == Invoice.ISSUED)
                & (Invoice.open_cents == Invoice.total_cents)
            )
            .order_by(Invoice.id)
        )
        if fresh:
            invoice = fresh[int(luck * len(fresh))]
            Customer.update(po_number=f"PO {number}").where(Customer.id == invoice.customer_id).execute()
            invoices.void(
                invoice,
                reason=NEW_ORDER,
                by=cast.OFFICE,
                today=day,
                now=at,
                bill_again=True,
            )


def _open_invoice(customer):
    """The newest invoice of a customer that is still to be paid, or None."""
    owed = (Invoice.state == Invoice.ISSUED) & Invoice.IS_OWED
    return customer.invoices.where(owed).order_by(Invoice.id.desc()).first()


def latest_invoice(customer):
    """The newest issued invoice of a customer, or None."""
    return customer.invoices.where(Invoice.state == Invoice.ISSUED).order_by(Invoice.id.desc()).first()
