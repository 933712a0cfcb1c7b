"""A second opinion: the calendar and the books again, slow and obvious, from the words of the design.

Here: what a person with a wall calendar, a pencil and a pile of receipts would do. Nothing is imported from
``billing``, and nothing is clever: days are walked one by one, what happened is a list of plain dictionaries
that only grows, and every amount is summed from that list anew whenever it is asked for. The tests compare
this with the product (``test_calendar.py``, ``test_state_machine.py``); where the two differ, one is wrong.
"""

from bisect import bisect_left, bisect_right
from datetime import date, datetime, timedelta
from functools import cache

ONE_DAY = timedelta(days=1)
PAPER_BEGINS, PAPER_ENDS = date(2021, 1, 1), date(2039, 12, 31)  # the wall calendar


# --- The calendar --------------------------------------------------------------------------------


def days_between(first, last):
    """Every day from ``first`` to ``last``, both included; none when last is earlier."""
    day, days = first, []
    while day <= last:
        days.append(day)
        day += ONE_DAY
    return days


def is_last_of_month(day):
    return (day + ONE_DAY).month != day.month


@cache
def anchor_days(anchor):
    """The days on which a cycle may start: that day of each month, else the last one of a short month."""
    return [
        day
        for day in days_between(PAPER_BEGINS, PAPER_ENDS)
        if day.day == anchor or (is_last_of_month(day) and day.day < anchor)
    ]


def cycle_starts(starts_on, anchor, cycle_months, prorated):
    """The first days of all cycles of a charge. A cycle of three months starts on every third anchor day.

    prorated -- the first cycle holds the first day of service, and is charged for by the day; otherwise it
                starts on the next anchor day, and the days before are free
    """
    days = anchor_days(anchor)
    first = bisect_right(days, starts_on) - 1 if prorated else bisect_left(days, starts_on)
    return days[first::cycle_months]


@cache
def cycles(starts_on, anchor, cycle_months, prorated):
    """All cycles of a charge as (first day, last day): each one lasts until the day before the next."""
    starts = cycle_starts(starts_on, anchor, cycle_months, prorated)
    return [(starts[at], starts[at + 1] - ONE_DAY) for at in range(len(starts) - 1)]


def half_up(numerator, denominator):
    """The nearest whole number; halves go up. Counted by pencil: whole parts, then what is left over."""
    whole = numerator // denominator
    left_over = numerator - whole * denominator
    return whole + 1 if 2 * left_over >= denominator else whole


# --- The time of day in the United States --------------------------------------------------------

HOURS_FROM_UTC = {  # in winter, and whether the clocks move
    "Pacific/Honolulu": (-10, False),
    "America/Anchorage": (-9, True),
    "America/Los_Angeles": (-8, True),
    "America/Phoenix": (-7, False),
    "America/Denver": (-7, True),
    "America/Chicago": (-6, True),
    "America/New_York": (-5, True),
}


@cache
def sundays(year, month):
    first = date(year, month, 1)
    return [day for day in days_between(first, first + 30 * ONE_DAY) if day.weekday() == 6]


def clocks_go_forward_on(year):
    """The second Sunday of March: at two o'clock it is three."""
    return sundays(year, 3)[1]


def clocks_go_back_on(year):
    """The first Sunday of November: at two o'clock it is one."""
    return sundays(year, 11)[0]


def at_midnight(day):
    return datetime(day.year, day.month, day.day)


def wall_time(instant, zone):
    """What the clock on the wall in ``zone`` shows at a naive UTC instant."""
    hours, moves = HOURS_FROM_UTC[zone]
    winter = instant + timedelta(hours=hours)
    if not moves:
        return winter
    forward = at_midnight(clocks_go_forward_on(winter.year)) + timedelta(hours=2)
    back = at_midnight(clocks_go_back_on(winter.year)) + timedelta(hours=1)  # two in summer, one in winter
    return winter + timedelta(hours=1) if forward <= winter < back else winter


# --- The books -----------------------------------------------------------------------------------


OURS = ("approved", "settled", "refunded")
COUNTS = (*OURS, "charged_back")
UNDER_WAY = ("waiting", "prepared", "sent")
TAKEN = ("return entry", "chargeback", "reversal")


class Refused(Exception):
    """On paper this cannot be done."""


def refuse_if(wrong):
    if wrong:
        raise Refused


class Books:
    """A list of what happened, and sums over it.

    Invoices and credits are named by their count (1 is the first), payments and refunds by their click.
    """

    def __init__(self, *, first_number, terms_days, bill_ahead_days, catch_up_periods, refund_alone_cents):
        self.first_number, self.terms_days = first_number, terms_days
        self.refund_alone_cents = refund_alone_cents
        self.bill_ahead_days, self.catch_up_periods = bill_ahead_days, catch_up_periods
        self.events = []

    def note(self, what, **facts):
        self.events.append({"what": what, **facts})

    def all(self, what, **facts):
        """Every event of a kind with these facts, oldest first."""
        return [
            one
            for one in self.events
            if one["what"] == what and all(one.get(name) == value for name, value in facts.items())
        ]

    def last(self, what, **facts):
        found = self.all(what, **facts)
        return found[-1] if found else None

    # -- Charges: which periods are due

    def is_taken_out(self, contract, day):
        """True on the days of a pause."""
        return any(first <= day and (last is None or day <= last) for first, last in self.pauses_of(contract))

    def pauses_of(self, contract):
        """Every pause as (first day, last day); one that nobody ended has no last day."""
        pauses = []
        for one in self.events:
            if one["what"] == "pause" and one["contract"] == contract:
                pauses.append((one["on"], None))
            if one["what"] == "resume" and one["contract"] == contract:
                pauses[-1] = (pauses[-1][0], one["on"] - ONE_DAY)
        return pauses

    def ends_on(self, contract):
        end = self.last("end", contract=contract)
        return end and end["on"]

    def price_of(self, charge, day):
        """The price in force on a day: the newest of the changes whose date has come."""
        changes = sorted(
            (one for one in self.all("price", charge=charge["charge"]) if one["on"] <= day),
            key=lambda one: one["on"],
        )
        return changes[-1]["cents"] if changes else charge["cents"]

    def decided_periods(self, charge):
        """What became of each period of a charge: "billed", "given up" or, put back, "open" again."""
        decided = {}
        for one in self.events:
            for line in self.lines_of(one["invoice"]) if one["what"] in ("drawn up", "void") else ():
                if line["charge"] == charge["charge"]:
                    decided[line["period"]] = "billed" if one["what"] == "drawn up" else one["periods"]
        return {period: state for period, state in decided.items() if state != "open"}

    def due_lines(self, charge, today):
        """The lines of all periods of a charge that may be billed today and are not decided yet."""
        ends_on, decided, lines = self.ends_on(charge["contract"]), self.decided_periods(charge), []
        if ends_on and ends_on < charge["starts_on"]:
            return []
        for period, (first, last) in enumerate(self.cycles_of(charge)):
            begins, served_until = max(first, charge["starts_on"]), min(last, ends_on or last)
            ready = served_until if charge["in_arrears"] else begins - self.bill_ahead_days * ONE_DAY
            if ready > today or begins > served_until:
                break
            if period in decided:
                continue
            if today <= served_until and self.is_paused_without_end(charge["contract"], served_until):
                break  # nobody knows yet how many of its days are charged for
            days = [
                day
                for day in days_between(begins, served_until if charge["prorate_last"] else last)
                if not self.is_taken_out(charge["contract"], day)
            ]
            if days:
                until = served_until if charge["prorate_last"] else last
                lines.append(self.line(charge, period, (first, last), (begins, until), days))
        return lines

    def cycles_of(self, charge):
        return cycles(charge["starts_on"], charge["anchor"], charge["cycle_months"], charge["prorate_first"])

    def is_paused_without_end(self, contract, day):
        return any(last is None and first <= day for first, last in self.pauses_of(contract))

    def line(self, charge, period, cycle, service, days):
        """Price times quantity, for the days charged; discount; tax on what is left: each rounded once."""
        of_days = len(days_between(*cycle))
        amount = charge["quantity"] * self.price_of(charge, service[0])
        amount = half_up(amount * len(days), of_days)
        discount = min(half_up(charge["discount"] * len(days), of_days), amount)
        tax = half_up((amount - discount) * charge["tax_ppm"], 1_000_000)
        return {
            "charge": charge["charge"], "period": period, "work": None, "from_on": service[0],
            "to_on": service[1], "days": days, "of": None if len(days) == of_days else len(days),
            "cents": amount - discount + tax,
        }  # fmt: skip

    # -- Invoices

    def run(self, today):
        """The bill step: one invoice per customer, one more for work that goes alone; or a draft."""
        drafts, issued = [], []
        for customer in sorted({one["customer"] for one in self.all("customer")}):
            by_charge = [self.due_lines(charge, today) for charge in self.all("charge", customer=customer)]
            work = self.due_work(customer, today)
            together = sum(by_charge, []) + [line for line in work if not line["alone"]]
            apart = [line for line in work if line["alone"]]
            if max(map(len, by_charge), default=0) > self.catch_up_periods:
                drafts.append((customer, together + apart))
            else:
                owed = self.owed(customer)
                issued += [(customer, lines, owed) for lines in (together, apart) if lines]
        for customer, lines, owed in issued:
            self.issue(self.draw_up(customer, lines), today, owed)
        for customer in sorted({customer for customer, _, _ in issued}):
            self.use_what_is_left(customer)
        for customer, lines in drafts:
            self.draw_up(customer, lines)

    def use_credit(self, today):
        """What is on account pays what is due, unless a payment is under way."""
        waiting = {one["customer"] for one in self.all("attempt") if self.claims(one["click"])}
        for one in self.all("customer"):
            customer = one["customer"]
            due = [invoice for invoice in self.open_invoices(customer) if self.due_on(invoice) <= today]
            if due and customer not in waiting and self.unapplied(customer):
                self.use_what_is_left(customer)

    def due_on(self, invoice):
        return self.last("issued", invoice=invoice)["due_on"]

    def due_work(self, customer, today):
        canceled = {one["work"] for one in self.all("work canceled")}
        done = [one for one in self.all("work", customer=customer) if one["on"] <= today]
        waiting = [one for one in done if one["work"] not in canceled | self.decided_work()]
        return [
            {
                "charge": None,
                "work": one["work"],
                "alone": one["alone"],
                "cents": one["cents"],
                "from_on": None,
                "to_on": None,
                "of": None,
            }  # fmt: skip
            for one in waiting
        ]

    def decided_work(self):
        decided = {}
        for one in self.events:
            for line in self.lines_of(one["invoice"]) if one["what"] in ("drawn up", "void") else ():
                decided[line["work"]] = one["what"] == "drawn up" or one["periods"] == "given up"
        return {work for work, is_decided in decided.items() if is_decided and work is not None}

    def draw_up(self, customer, lines):
        invoice = len(self.all("drawn up")) + 1
        self.note("drawn up", invoice=invoice, customer=customer, lines=lines)
        return invoice

    def issue(self, invoice, today, owed):
        number = self.first_number + len(self.all("issued"))
        due_on = today + self.terms_days * ONE_DAY
        self.note("issued", invoice=invoice, number=number, on=today, due_on=due_on, previous=owed)

    def issue_draft(self, invoice, today):
        refuse_if(self.state_of(invoice) != "draft")
        customer = self.customer_of(invoice)
        self.issue(invoice, today, self.owed(customer))
        self.use_what_is_left(customer)

    def discard(self, invoice, today):
        refuse_if(self.state_of(invoice) != "draft")
        self.note("void", invoice=invoice, on=today, periods="given up")

    def void(self, invoice, today, again):
        refuse_if(self.state_of(invoice) != "issued" or self.all("credit", invoice=invoice))
        refuse_if(any(invoice in one["parts"] for one in self.all("attempt") if self.claims(one["click"])))
        refuse_if(again and any(self.later_periods(line) for line in self.lines_of(invoice)))
        for money in self.all_money():
            self.apply(money, invoice, -self.applied(money=money, invoice=invoice))
        self.note("void", invoice=invoice, on=today, periods="open" if again else "given up")
        self.use_what_is_left(self.customer_of(invoice))

    def later_periods(self, line):
        """Periods of its charge that were decided after this one, on other invoices."""
        if line["charge"] is None:
            return []
        [charge] = self.all("charge", charge=line["charge"])
        [invoice] = [one for one in self.all("drawn up") if any(line is each for each in one["lines"])]
        own = {each["period"] for each in invoice["lines"] if each["charge"] == line["charge"]}
        return [
            period for period in self.decided_periods(charge) if period > line["period"] and period not in own
        ]

    def lines_of(self, invoice):
        return self.last("drawn up", invoice=invoice)["lines"]

    def customer_of(self, invoice):
        return self.last("drawn up", invoice=invoice)["customer"]

    def state_of(self, invoice):
        if self.all("void", invoice=invoice):
            return "void"
        return "issued" if self.all("issued", invoice=invoice) else "draft"

    def total(self, invoice):
        return sum(line["cents"] for line in self.lines_of(invoice))

    def open(self, invoice):
        """What is left to pay: of an issued invoice its total, less all that was applied to it."""
        return (
            self.total(invoice) - self.applied(invoice=invoice) if self.state_of(invoice) == "issued" else 0
        )

    def invoices(self):
        return [one["invoice"] for one in self.all("drawn up")]

    def invoices_of(self, customer):
        return [one["invoice"] for one in self.all("drawn up", customer=customer)]

    def open_invoices(self, customer):
        """Oldest due date first, as money pays them."""
        waiting = [invoice for invoice in self.invoices_of(customer) if self.open(invoice) > 0]
        return sorted(waiting, key=lambda invoice: (self.due_on(invoice), invoice))

    # -- Money: payments and credits, and what they pay

    def all_money(self, customer=None):
        """Credits first, then payments: the order in which what is left is used."""
        found = self.all("credit") + self.all("attempt") + self.all("paid by hand") + self.all("paid twice")
        order = {id(one): at for at, one in enumerate(self.events)}
        found.sort(key=lambda one: (one["what"] != "credit", order[id(one)]))
        return [one["money"] for one in found if customer in (None, one["customer"])]

    def applied(self, **facts):
        return sum(one["cents"] for one in self.all("applied", **facts))

    def apply(self, money, invoice, cents):
        if cents:
            self.note("applied", money=money, invoice=invoice, cents=cents)

    def state_of_money(self, money):
        return self.last("state", money=money)["state"]

    def worth(self, money):
        """What it came to: nothing before it is approved, nothing after it was taken back as a whole."""
        state = self.last("state", money=money)
        return state["cents"] if state["state"] in COUNTS else 0

    def left(self, money):
        """What pays nothing yet, and is not on its way back."""
        if not self.worth(money):
            return 0
        taken = sum(one["cents"] for one in self.all("disputed", money=money) if not self.is_won(one["case"]))
        return self.worth(money) - self.applied(money=money) - self.kept_back(money) - taken

    def layers(self, money):
        """[[invoice, cents]] that it pays, the oldest first: what is taken back comes off the newest."""
        layers = []
        for one in self.all("applied", money=money):
            if one["cents"] > 0:
                layers.append([one["invoice"], one["cents"]])
                continue
            back = -one["cents"]
            for layer in reversed(layers):
                if layer[0] == one["invoice"]:
                    part = min(back, layer[1])
                    layer[1], back = layer[1] - part, back - part
        return [layer for layer in layers if layer[1]]

    def owe_again(self, money, cents):
        """The invoices that it paid last are owed again, by so much. Returns [(invoice, cents)]."""
        freed = []
        for invoice, paid in reversed(self.layers(money)):
            part = min(paid, cents)
            self.apply(money, invoice, -part)
            cents -= part
            freed += [(invoice, part)] if part else []
        refuse_if(cents)
        return freed

    def pay_oldest_first(self, money, customer):
        for invoice in self.open_invoices(customer):
            self.apply(money, invoice, min(self.left(money), self.open(invoice)))

    def use_what_is_left(self, customer):
        for money in self.all_money(customer):
            self.pay_oldest_first(money, customer)

    def move(self, money, state, on, cents=0, **facts):
        self.note("state", money=money, state=state, on=on, cents=cents, **facts)

    def pay_by_hand(self, click, customer, cents, today, parts=None):
        """Money that staff enter: for these invoices, or for the oldest first. A double click is one."""
        money = ("payment", click)
        if self.all("paid by hand", money=money):
            return
        for invoice, part in (parts or {}).items():
            refuse_if(part > self.open(invoice) or sum(parts.values()) > cents)
        self.note("paid by hand", money=money, click=click, customer=customer)
        self.move(money, "approved", today, cents)
        if parts is None:
            self.pay_oldest_first(money, customer)
        for invoice, part in (parts or {}).items():
            self.apply(money, invoice, part)

    def bounce(self, click, today):
        money = ("payment", click)
        refuse_if(not self.all("paid by hand", click=click) or self.state_of_money(money) not in OURS)
        self.take_back(money, "returned", today)

    def take_back(self, money, state, today):
        """What it paid is owed again, and it is ours no longer. What was refunded before is gone twice."""
        self.let_refunds_go(money, today)
        cents, refunded = self.worth(money), self.refunded(money)
        for invoice in self.invoices():
            self.apply(money, invoice, -self.applied(money=money, invoice=invoice))
        self.move(money, state, today, cents)
        self.note("loss", money=money, cents=refunded, on=today)

    # -- Refunds and disputes

    def refunds_of(self, money, *states):
        found = self.all("refund", money=money)
        return [one for one in found if not states or self.state_of_refund(one["click"]) in states]

    def state_of_refund(self, click):
        return self.last("refund state", click=click)["state"]

    def refunded(self, money):
        """What has really gone back."""
        gone = self.refunds_of(money, "done", "settled")
        return sum(one["cents"] for one in gone if one["click"] not in self.cancels())

    def cancels(self):
        """Refunds that were done by canceling the payment: no money moved either way."""
        sent = {one["click"]: one["way"] for one in self.all("refund sent")}
        return {click for click, way in sent.items() if way == "void"}

    def kept_back(self, money):
        """A refund keeps its amount back from the order on, but for what is to be taken from invoices."""
        kept = sum(one["cents"] for one in self.refunds_of(money, "done", "settled"))
        if self.state_of_money(money) in OURS:
            kept += sum(one["cents"] - one["reopen"] for one in self.refunds_of(money, *UNDER_WAY))
        return kept

    def order_refund(self, click, money, cents, today, *, by_hand, reopen):
        """Out of what is left; then credits pay in its place; then, if wanted, invoices are owed again."""
        refuse_if(self.state_of_money(money) not in ("approved", "settled"))
        refuse_if(self.refunds_of(money, *UNDER_WAY))
        alive = sum(one["cents"] for one in self.refunds_of(money, *UNDER_WAY, "done", "settled"))
        refuse_if(cents > self.worth(money) - alive)
        from_left = min(cents, self.left(money))
        customer = self.last_of(money)["customer"]
        credits = [credit for credit in self.all_money(customer) if credit[0] == "credit"]
        swapped = min(cents - from_left, sum(self.left(credit) for credit in credits))
        rest = cents - from_left - swapped
        refuse_if(rest and not reopen)
        for invoice, part in self.owe_again(money, swapped):
            for credit in credits:
                taken = min(part, self.left(credit))
                self.apply(credit, invoice, taken)
                part -= taken
        agreed = {one["click"] for one in self.all("refund agreed")}
        alone = [one["cents"] for one in self.refunds_of(money) if one["click"] not in agreed | self.dead()]
        self.note("refund", click=click, money=money, cents=cents, reopen=rest, on=today, by_hand=by_hand)
        state = "prepared" if sum(alone) + cents <= self.refund_alone_cents else "waiting"
        self.move_refund(click, state, today)
        if by_hand and state == "prepared":
            self.finish_refund(click, today)

    def dead(self):
        return {one["click"] for one in self.all("refund") if self.state_of_refund(one["click"]) == "dead"}

    def move_refund(self, click, state, today):
        self.note("refund state", click=click, state=state, on=today)

    def agree_to_refund(self, click, today):
        refuse_if(self.state_of_refund(click) != "waiting")
        self.note("refund agreed", click=click)
        self.move_refund(click, "prepared", today)
        if self.last("refund", click=click)["by_hand"]:
            self.finish_refund(click, today)

    def refuse_refund(self, click, today):
        refuse_if(self.state_of_refund(click) not in ("waiting", "prepared"))
        self.move_refund(click, "dead", today)

    def finish_refund(self, click, today):
        """The money has gone. Nothing more can go than there is: the rest is a loss."""
        refund = self.last("refund", click=click)
        money, cents = refund["money"], refund["cents"]
        amount = self.last("state", money=money)["cents"]
        if self.state_of_money(money) in OURS:
            if click in self.cancels():
                self.move_refund(click, "done", today)
                return self.take_back(money, "voided", today)
            self.owe_again(money, max(refund["reopen"] - self.left(money), 0))
        else:
            there = self.left(money) + self.applied(money=money)
            self.owe_again(money, max(min(there, cents) - self.left(money), 0))
            self.note("loss", money=money, cents=max(cents - there, 0), on=today)
        self.move_refund(click, "done", today)
        if self.state_of_money(money) in OURS and self.refunded(money) == amount:
            self.move(money, "refunded", today, amount)

    def let_refunds_go(self, money, today):
        """The payment is taken away: an order that was not sent is dead; one that was keeps nothing back."""
        for one in self.refunds_of(money, "waiting", "prepared"):
            self.move_refund(one["click"], "dead", today)

    def go_on_with_refund(self, click, seen, line, now, today):
        """One step of an order. ``seen``: (the payment's status at the gateway, is this refund there?)."""
        refund, (status, is_there) = self.last("refund", click=click), seen
        state, money = self.state_of_refund(click), refund["money"]
        if line == "down" or state not in ("prepared", "sent"):
            return
        if status == "voided":
            return self.hear_of_cancel(money, today)
        if state == "prepared":
            is_whole = refund["cents"] == self.last("state", money=money)["cents"]
            if status == "settled" or is_whole:
                self.send_refund(click, "card" if status == "settled" else "void", line, now, today)
            return
        way = self.last("refund sent", click=click)["way"]
        if way == "card" and is_there:
            self.finish_refund(click, today)
        elif way == "void" and status == "settled":
            self.move_refund(click, "prepared", today)  # too late to cancel: it is refunded instead
        else:
            self.find_no_refund(click, way, now, today)

    def send_refund(self, click, way, line, now, today):
        self.note("refund sent", click=click, way=way, at=now)
        self.move_refund(click, "sent", today)
        if line == "good":
            self.finish_refund(click, today)

    def find_no_refund(self, click, way, now, today):
        """An empty search proves nothing for 45 minutes; two after them do, five minutes apart."""
        sent = self.last("refund sent", click=click)
        before = self.last("refund not found", click=click, at=sent["at"])
        if now < sent["at"] + timedelta(minutes=45) or before and now < before["on"] + timedelta(minutes=5):
            return
        self.note("refund not found", click=click, at=sent["at"], on=now)
        if len(self.all("refund not found", click=click, at=sent["at"])) == 2:
            self.move_refund(click, "prepared" if way == "void" else "dead", today)

    def hear_of_cancel(self, money, today):
        """Canceled at the processor: by a refund of ours that we had no answer to, or by somebody else."""
        ours = [one["click"] for one in self.refunds_of(money, "sent") if one["click"] in self.cancels()]
        if ours:
            self.finish_refund(ours[0], today)
        elif self.state_of_money(money) == "approved":
            self.take_back(money, "voided", today)

    def is_won(self, case):
        return bool(self.all("won", case=case))

    def dispute(self, case, money, cents, today):
        """A bank takes money of a payment: first what is left of it, then what it paid last."""
        if self.all("disputed", case=case):
            return
        refuse_if(money[1] in self.by_hand() or self.state_of_money(money) not in OURS)
        amount = self.last("state", money=money)["cents"]
        refuse_if(cents > amount)
        self.let_refunds_go(money, today)
        taken = min(cents, amount - self.refunded(money))
        self.move(money, "charged_back", today, amount)
        freed = self.owe_again(money, max(taken - self.left(money), 0))
        self.note("disputed", case=case, money=money, cents=taken, claimed=cents, on=today, freed=freed)
        self.note("loss", money=money, cents=cents - taken, on=today)

    def by_hand(self):
        return {one["click"] for one in self.all("paid by hand")}

    def win(self, case, today):
        """The money is there again, and pays what it paid before, as far as that is owed."""
        disputed = self.last("disputed", case=case)
        if self.is_won(case):
            return
        money = disputed["money"]
        refuse_if(self.refunds_of(money, *UNDER_WAY))
        self.note("won", case=case, money=money, claimed=disputed["claimed"], on=today)
        amount = self.last("state", money=money)["cents"]
        self.move(money, "settled", today, amount)
        before = {invoice for invoice, _ in disputed["freed"]}
        for invoice in self.open_invoices(self.last_of(money)["customer"]):
            if invoice in before:
                self.apply(money, invoice, min(self.left(money), self.open(invoice)))
        if self.refunded(money) == amount:
            self.move(money, "refunded", today, amount)

    def standing_case(self, money):
        cases = [one["case"] for one in self.all("disputed", money=money)]
        return next((case for case in cases if not self.is_won(case)), None)

    def last_of(self, money):
        """How this money came: the attempt, the check, the credit."""
        return next(one for one in self.events if one.get("money") == money and "customer" in one)

    def give_credit(self, customer, cents, today, *, kind, invoice=None):
        money = ("credit", len(self.all("credit")) + 1)
        self.note("credit", money=money, customer=customer, invoice=invoice, kind=kind)
        self.move(money, "approved", today, cents)
        return money

    def goodwill(self, customer, cents, today):
        self.pay_oldest_first(self.give_credit(customer, cents, today, kind="goodwill"), customer)

    def credit(self, invoice, cents, today):
        """What the invoice itself does not need pays what else is open."""
        refuse_if(self.state_of(invoice) != "issued" or cents > self.creditable(invoice))
        customer = self.customer_of(invoice)
        money = self.give_credit(customer, cents, today, kind="note", invoice=invoice)
        self.apply(money, invoice, min(cents, self.open(invoice)))
        self.use_what_is_left(customer)

    def creditable(self, invoice):
        return self.total(invoice) - sum(
            self.worth(one["money"]) for one in self.all("credit", invoice=invoice)
        )

    # -- Contracts

    def pause(self, contract, on):
        refuse_if(self.is_paused_without_end(contract, date.max))
        self.note("pause", contract=contract, on=on)

    def resume(self, contract, on):
        refuse_if(not self.is_paused_without_end(contract, date.max))
        refuse_if(on <= self.pauses_of(contract)[-1][0])
        self.note("resume", contract=contract, on=on)

    def change_price(self, charge, on, cents):
        [facts] = self.all("charge", charge=charge)
        billed = [period for period, state in self.decided_periods(facts).items() if state == "billed"]
        begin = {
            period: max(first, facts["starts_on"]) for period, (first, _) in enumerate(self.cycles_of(facts))
        }
        refuse_if(any(on <= begin[period] for period in billed) or self.all("price", charge=charge, on=on))
        self.note("price", charge=charge, on=on, cents=cents)

    def end(self, contract, on, today):
        """The last day of service; days that were paid for beyond it are given back."""
        [facts] = self.all("contract", contract=contract)
        refuse_if(on < facts["starts_on"] or self.ends_on(contract))
        self.note("end", contract=contract, on=on)
        for charge in self.all("charge", contract=contract):
            for one in self.all("drawn up") if charge["prorate_last"] else ():
                for line in one["lines"] if self.state_of(one["invoice"]) == "issued" else ():
                    if line["charge"] == charge["charge"]:
                        self.give_back(one["invoice"], line, on, today)

    def give_back(self, invoice, line, on, today):
        unused = [day for day in line["days"] if day > on]
        cents = min(half_up(line["cents"] * len(unused), len(line["days"])), self.creditable(invoice))
        if cents > 0:
            customer = self.customer_of(invoice)
            money = self.give_credit(customer, cents, today, kind="unused_service", invoice=invoice)
            self.pay_oldest_first(money, customer)

    def cancel_work(self, work):
        refuse_if(work in self.decided_work() or self.all("work canceled", work=work))
        self.note("work canceled", work=work)

    # -- Paying online

    def claims(self, click):
        """True while an attempt may still become money: its invoices are nobody else's meanwhile."""
        return self.state_of_attempt(click) in ("sent", "held", "in_doubt")

    def state_of_attempt(self, click):
        return self.last("state", money=("payment", click))["state"]

    def start(self, click, customer, parts, now, today, *, lowest, answered):
        """The pay button for {invoice: cents}; returns the attempt that it leads to.

        Nothing begins while another attempt claims one of the invoices, but a second click, or a second tab,
        gets the page that is open already.
        """
        for one in self.all("attempt"):
            if self.claims(one["click"]) and set(parts) & set(one["parts"]):
                refuse_if(one["parts"] != parts or self.state_of_attempt(one["click"]) != "sent")
                refuse_if(now >= one["at"] + timedelta(minutes=14))
                return one["click"]
        for invoice, cents in parts.items():
            refuse_if(not 0 < min(lowest, self.open(invoice)) <= cents <= self.open(invoice))
        money = ("payment", click)
        self.note("attempt", money=money, click=click, customer=customer, parts=parts, at=now)
        self.move(money, "sent" if answered else "expired", today, sum(parts.values()))
        refuse_if(not answered)
        return click

    def charge(self, click, customer, parts, told, now, today, *, by_itself):
        """A saved method was charged for {invoice: cents}. ``told``: what was answered, or None for nothing.

        By itself it may only take all that is due, of somebody who agreed to it, with no dispute open, and
        after what they have on account was used. Never what another attempt claims.
        """
        for invoice, cents in parts.items():
            refuse_if(self.may_not_pay(invoice, cents, lowest=500))
            refuse_if(by_itself and cents != self.open(invoice))
            refuse_if(by_itself and today < self.charge_on(invoice, customer))
        refuse_if(by_itself and any(self.standing_case(money) for money in self.all_money(customer)))
        refuse_if(by_itself and self.unapplied(customer) and not self.is_paying(customer))
        money = ("payment", click)
        refuse_if(self.all("attempt", click=click))
        self.note("attempt", money=money, click=click, customer=customer, parts=parts, at=now, saved=True)
        self.move(money, "in_doubt", today, sum(parts.values()))
        if told is not None:
            self.hear(click, told, now, today)

    def is_paying(self, customer):
        return any(self.claims(one["click"]) for one in self.all("attempt", customer=customer))

    def charge_on(self, invoice, customer):
        """The first day on which autopay may charge an invoice; never without an agreement."""
        agreed = self.last("autopay", customer=customer)
        refuse_if(agreed is None or agreed["days_before"] is None)
        return self.due_on(invoice) - agreed["days_before"] * ONE_DAY

    def may_not_pay(self, invoice, cents, *, lowest):
        standing = [one for one in self.all("attempt") if self.claims(one["click"])]
        return any(invoice in one["parts"] for one in standing) or not 0 < min(
            lowest, self.open(invoice)
        ) <= cents <= self.open(invoice)

    def hear(self, click, told, now, today):
        """The gateway was asked about an attempt; ``told`` is what it has: [(id, status, cents)]."""
        if not self.claims(click):
            return
        attempt, state = self.last("attempt", click=click), self.state_of_attempt(click)
        money_moved = [one for one in told if one[1] in ("approved", "settled")]
        is_over = now >= attempt["at"] + timedelta(minutes=45)
        if money_moved:
            for one in money_moved:
                self.hear_of_money(attempt, one, today)
        elif any(one[1] == "held" for one in told):
            if state != "held":
                self.conclude(attempt, "held", today)
        elif told and told[-1][1] == "returned":
            self.hear_of_money(attempt, told[-1], today)
            self.take_back(attempt["money"], "returned", today)
        elif told:
            self.hear_of_refusal(attempt, told[-1], is_over, today)
        elif is_over and state != "held" and not self.searched_just_now(click, now):
            self.note("nothing found", click=click, at=now)
            if len(self.all("nothing found", click=click)) == 2:
                declined = self.all("declined once", click=click)
                self.conclude(attempt, "declined" if declined else "expired", today)

    def searched_just_now(self, click, now):
        before = self.last("nothing found", click=click)
        return before is not None and now < before["at"] + timedelta(minutes=5)

    def money_of(self, transaction):
        """The money that counts a transaction of the gateway, or None."""
        known = self.last("known", transaction=transaction)
        return known and known["money"]

    def look_at(self, told, click, today, *, in_batch):
        """One entry of the gateway's lists; ``told`` is (id, status, cents, about)."""
        transaction, status, cents, about = told
        money = self.money_of(transaction)
        if status in ("approved", "settled") and click and not money:
            self.hear_of_money(self.last("attempt", click=click), told[:3], today)
            money = self.money_of(transaction)
        elif status == "voided" and money:
            self.hear_of_cancel(money, today)
        elif status == "returned" and money and self.state_of_money(money) in OURS:
            self.take_back(money, "returned", today)
        elif status in ("refund", "refund settled") and self.state_of_refund(about) == "sent":
            self.finish_refund(about, today)
        elif status in TAKEN and not self.all("taken away", transaction=transaction):
            self.hear_of_taking(told, today)
        if in_batch and status == "settled" and money and self.state_of_money(money) == "approved":
            self.move(money, "settled", today, cents)
        if in_batch and status == "refund settled" and self.state_of_refund(about) == "done":
            self.move_refund(about, "settled", today)

    def hear_of_taking(self, told, today):
        """An entry that takes money away, or gives it again; ``about`` is the transaction it is about."""
        transaction, status, cents, about = told
        money = self.money_of(about)
        if money is None:
            return
        if status == "return entry" and self.state_of_money(money) in OURS:
            self.take_back(money, "returned", today)
        elif status == "chargeback" and self.state_of_money(money) in OURS:
            self.dispute(transaction, money, cents, today)
        elif status == "reversal" and self.standing_case(money):
            self.win(self.standing_case(money), today)
        self.note("taken away", transaction=transaction)

    def hear_of_money(self, attempt, told, today):
        """The first time it is what the attempt was for; another time it is extra, and pays nothing yet."""
        transaction, status, cents = told
        if self.all("known", transaction=transaction):
            return
        is_first = not self.all("known", click=attempt["click"])
        extra = ("payment", f"extra:{transaction}")
        money = attempt["money"] if is_first else extra
        self.note("known", click=attempt["click"], transaction=transaction, money=money)
        if not is_first:
            self.note("paid twice", money=extra, click=extra[1], customer=attempt["customer"])
            self.move(extra, "approved", today, cents)
            return
        self.conclude(attempt, "settled" if status == "settled" else "approved", today)
        for invoice, part in attempt["parts"].items():
            self.apply(attempt["money"], invoice, min(part, self.open(invoice)))

    def hear_of_refusal(self, attempt, told, is_over, today):
        """Declined is not final while the same page may be sent again; canceled is."""
        if told[1] == "voided":
            self.conclude(attempt, "voided", today)
        elif is_over or attempt.get("saved") or self.state_of_attempt(attempt["click"]) == "held":
            self.conclude(attempt, "declined", today)
        else:
            self.note("declined once", click=attempt["click"])

    def conclude(self, attempt, state, today):
        self.move(attempt["money"], state, today, sum(attempt["parts"].values()))

    # -- What people see

    def owed(self, customer):
        return sum(self.open(invoice) for invoice in self.invoices_of(customer))

    def past_due(self, customer, today):
        late = [invoice for invoice in self.open_invoices(customer) if self.due_on(invoice) < today]
        return sum(self.open(invoice) for invoice in late)

    def unapplied(self, customer):
        return sum(self.left(money) for money in self.all_money(customer))

    def pending(self, customer):
        standing = [self.last("state", money=money) for money in self.all_money(customer)]
        return sum(one["cents"] for one in standing if one["state"] in ("held", "in_doubt"))

    def history(self, customer):
        """[(day, what, cents)]: above zero is owed, below zero pays."""
        rows = []
        for invoice in self.invoices_of(customer):
            issued, void = self.last("issued", invoice=invoice), self.last("void", invoice=invoice)
            if issued:
                rows.append((issued["on"], "invoice", self.total(invoice)))
            if issued and void:
                rows.append((void["on"], "void", -self.total(invoice)))
        for money in self.all_money(customer):
            rows += self.history_of_money(money)
        return sorted(rows)

    def history_of_money(self, money):
        """It came, it was taken back; refunds, as far as they count; disputes, and what was gone twice."""
        states = self.all("state", money=money)
        came = [one for one in states if one["state"] in ("approved", "settled")][:1]
        rows = [(one["on"], money[0], -one["cents"]) for one in came]
        if came and not self.worth(money):
            rows.append((states[-1]["on"], "returned", came[0]["cents"]))
        for refund in self.refunds_of(money, "done", "settled"):
            if refund["click"] not in self.cancels():
                done = self.last("refund state", click=refund["click"], state="done")
                rows.append((done["on"], "refund", refund["cents"]))
        for refund in self.refunds_of(money, *UNDER_WAY) if self.state_of_money(money) in OURS else ():
            kept = refund["cents"] - refund["reopen"]
            rows += [(refund["on"], "refund", kept)] if kept else []
        losses = [one for one in self.all("loss", money=money) if one["cents"]]
        rows += [(one["on"], "loss", -one["cents"]) for one in losses]
        rows += [(one["on"], "chargeback", one["claimed"]) for one in self.all("disputed", money=money)]
        lost = sum(one["cents"] for one in losses)
        return rows + [(one["on"], "won", lost - one["claimed"]) for one in self.all("won", money=money)]

    def list_of_refunds(self):
        """{click: (state, cents)}."""
        return {
            one["click"]: (self.state_of_refund(one["click"]), one["cents"]) for one in self.all("refund")
        }

    def list_of_invoices(self):
        """Every invoice, row by row, with its lines as (first day, last day, days if not all, cents)."""
        rows = []
        for one in self.all("drawn up"):
            invoice, lines = one["invoice"], one["lines"]
            issued = self.last("issued", invoice=invoice) or {}
            void = self.last("void", invoice=invoice) or {}
            rows.append(
                (
                    *(invoice, one["customer"], self.state_of(invoice), issued.get("number")),
                    *(issued.get("on"), issued.get("due_on"), issued.get("previous", 0)),
                    *(self.total(invoice), self.open(invoice), void.get("on")),
                    [(line["from_on"], line["to_on"], line["of"], line["cents"]) for line in lines],
                )
            )
        return rows

    def list_of_money(self):
        """{money: (state or kind, amount, what pays nothing yet)}."""
        found = {}
        for money in self.all_money():
            state = self.last("state", money=money)
            credit = self.last("credit", money=money)
            name = credit["kind"] if credit else state["state"]
            found[money] = (name, state["cents"], self.left(money))
        return found

    def list_of_applied(self):
        """{(money, invoice): cents}, without what was taken back again."""
        pairs = {(one["money"], one["invoice"]) for one in self.all("applied")}
        found = {pair: self.applied(money=pair[0], invoice=pair[1]) for pair in pairs}
        return {pair: cents for pair, cents in found.items() if cents}

    def due_cents(self, today):
        """What a run on this day would bill."""
        lines = [line for charge in self.all("charge") for line in self.due_lines(charge, today)]
        lines += [line for one in self.all("customer") for line in self.due_work(one["customer"], today)]
        return sum(line["cents"] for line in lines)
