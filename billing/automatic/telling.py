"""Never without notice: when a customer is told of a planned charge, and what cannot be told in time moves.

Two clocks run. The law: a debit of a consumer's bank account whose amount differs from the last one is told
ten days ahead, unless a limit was agreed. The customer's own wish: every charge is told so many days ahead.
An invoice that is mailed with its day on it is notice too, when it is early enough. Charges of one day are
told together, with their sum. Who has no mail address is told by a letter: it waits to be printed, and tells
from the day on which it left the house; until then nothing is charged.
``autopay`` calls this inside its transactions.
"""

from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import NamedTuple

from peewee import fn

from billing import company as companies
from billing import localtime, notices
from billing.automatic import following
from billing.automatic.consent import LAW_DAYS
from models import (
    Autopay,
    Contact,
    Customer,
    Invoice,
    Notice,
    Payment,
    PaymentMethod,
    PaymentPart,
    PlannedCharge,
    Preference,
    among,
    change_many,
)

LAW_SLACK = 3  # told so many days earlier, so that a job that rests over a weekend delays no charge
PAPER_DAYS = 4  # for printing a letter and bringing it to the post
NEAR_DAYS = 3  # an invoice mailed so shortly before the wished notice is that notice
REMEMBERED = timedelta(days=60)  # how long ago a message that came back may have told of a charge to come
STATING = (Notice.INVOICE, Notice.UPCOMING_CHARGE, Notice.CHARGE_POSTPONED, Notice.AUTOPAY_ON)
GOES_OUT = (Notice.QUEUED, Notice.SENDING, Notice.SENT)


class Row(NamedTuple):
    """One planned charge that was not tried yet, and what decides about its notice."""

    id: int
    customer_id: int
    autopay_id: int
    invoice_id: int
    charge_on: date
    told_on: date | None
    told_cents: int | None
    created_at: datetime | None
    open_cents: int
    tell_days: int | None
    cap_cents: int | None
    method_kind: str
    customer_kind: str

    @property
    def is_told(self):
        return self.told_on is not None and (self.told_cents or 0) >= self.open_cents

    @property
    def wish_days(self):
        return self.tell_days or 0


class Notified(NamedTuple):
    """What a row becomes: its day, and when and of how much it was told."""

    charge_on: date
    told_on: date | None
    told_cents: int | None


def customers_to_tell():
    """The ids of all customers who may have to be told of a charge to come, in their order.

    Two plain look-ups instead of one join: a bill run fills these tables faster than PostgreSQL learns their
    sizes, and its plan suffered.
    """
    planned = PlannedCharge.select(PlannedCharge.customer).where(PlannedCharge.state == PlannedCharge.PLANNED)
    by_law = (PaymentMethod.kind == PaymentMethod.BANK) & Autopay.cap_cents.is_null()
    wanting = (
        Autopay.select(Autopay.customer)
        .join(PaymentMethod)
        .where(Autopay.ended_at.is_null() & (Autopay.tell_days.is_null(False) | by_law))
    )
    return sorted({id for (id,) in planned.tuples()} & {id for (id,) in wanting.tuples()})


def tell(customer_ids, *, today, now, stated=False):
    """Tell these customers, in the caller's transaction; returns how many charges were announced.

    stated -- a mail that is queued with this lists everything that is planned (the copy of an authorization)
    """
    rows = _rows(customer_ids)
    if not rows:
        return 0
    readers = with_reader(customer_ids)
    mails = _invoice_mails(rows)
    last = last_cents({row.autopay_id for row in rows})
    letters = _letters({row.customer_id for row in rows} - readers)
    changes, charges, to_print = [], [], []
    for customer_id, own in grouped(rows, lambda row: row.customer_id):
        has_reader = customer_id in readers
        desk = Desk(today, last.get(own[0].autopay_id), mails, stated, has_reader, letters[customer_id])
        told = desk.decide(own)
        if has_reader:
            charges += desk.announced
        else:
            to_print += desk.announced
        changes += [
            (*told[row.id], row.id)
            for row in own
            if told[row.id] != (row.charge_on, row.told_on, row.told_cents)
        ]
    _write(changes)
    notices.queue_upcoming(charges, now=now)
    notices.queue_charge_letters(to_print, now=now)
    return len(charges) + len(to_print)


def grouped(rows, key):
    """The rows that share a key, as (key, rows)."""
    groups = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return groups.items()


def _write(changes):
    """Under the customers' locks nobody else moves a day: the key is enough, and its index is quick."""
    change_many(
        "UPDATE planned_charge SET charge_on = ?, told_on = ?, told_cents = ? "
        "WHERE id = ? AND state = 'planned'",
        changes,
    )


# --- Deciding ------------------------------------------------------------------------------------


@dataclass
class Desk:
    """Decides for one customer on one day. Knows no database, so that a preview decides the same.

    last_cents -- what was charged last under the authorization, or None
    mails      -- {invoice id: day on which a mail that states the charge left; None: it leaves today}
    stated     -- some other mail leaves today that states all of it
    has_reader -- somebody can be mailed to; else a letter is written
    letters    -- {day of the charge: [(cents that a letter states, day on which it left or None)]}
    announced  -- [(customer, autopay, day, cents)] that need a message of their own
    """

    today: date
    last_cents: int | None
    mails: dict
    stated: bool
    has_reader: bool
    letters: dict = field(default_factory=dict)
    announced: list = field(default_factory=list)

    def decide(self, rows):
        """{row id: Notified} for all planned charges of one customer."""
        told, now = {}, set()
        for day, group in grouped(rows, lambda row: max(row.charge_on, self.today)):
            cents = sum(row.open_cents for row in group)
            for row in group:
                told[row.id] = Notified(row.charge_on, row.told_on, row.told_cents)
                if not _is_above_cap(row, cents):
                    told[row.id], is_due = self._first(row, day, cents, told[row.id])
                    now |= {told[row.id].charge_on} if is_due else set()
        by_id = {row.id: row for row in rows}
        for day, ids in grouped(told, lambda id: told[id].charge_on):
            if day in now:
                self._announce(day, [by_id[id] for id in ids], told)
        return told

    def _first(self, row, day, cents, as_it_was):
        """(Notified, whether an announcement is due) of one row that will be charged on ``day``."""
        left, wish = (day - self.today).days, row.wish_days
        if row.is_told and not self.has_reader:
            return as_it_was, False
        if row.is_told:
            heard = wish and row.told_on >= day - timedelta(days=wish + NEAR_DAYS)
            is_due = bool(wish) and not heard and left <= wish
            return as_it_was._replace(charge_on=self._not_before(day, wish)) if is_due else as_it_was, is_due
        law = LAW_DAYS if self._is_varying(row, cents) else 0
        need, mailed_on = max(law, wish), self.mails.get(row.invoice_id, date.max)
        if self.has_reader and (self.stated or mailed_on is None):  # written when sent, with the day set here
            return Notified(self._not_before(day, need), self.today, row.open_cents), False
        if mailed_on and mailed_on < date.max and mailed_on + timedelta(days=need) <= day:
            return Notified(day, mailed_on, row.open_cents), False
        if not self.has_reader:
            return self._by_letter(row, day, cents, need, as_it_was)
        if (law and left <= law + LAW_SLACK) or (wish and left <= wish):
            return as_it_was._replace(charge_on=self._not_before(day, need)), True
        return as_it_was, False

    def _by_letter(self, row, day, cents, need, as_it_was):
        """The same for who has no mail: told when a letter left in time; while it still can, it waits."""
        if not need:
            return as_it_was, False
        latest_on = day - timedelta(days=need)
        for stated_cents, left_on in self.letters.get(day, ()):
            if stated_cents < cents or (left_on or self.today) > latest_on:
                continue
            told = Notified(day, left_on, row.open_cents) if left_on else as_it_was
            return told, False
        if day <= self.today + timedelta(days=need + LAW_SLACK + PAPER_DAYS):
            return as_it_was._replace(charge_on=self._not_before(day, need + PAPER_DAYS)), True
        return as_it_was, False

    def _announce(self, day, rows, told):
        """Everything of one day in one message; a letter tells nothing before it has left the house."""
        cents = sum(row.open_cents for row in rows)
        if _is_above_cap(rows[0], cents):
            return
        self.announced.append((rows[0].customer_id, rows[0].autopay_id, day, cents))
        for row in rows if self.has_reader else ():
            told[row.id] = Notified(day, self.today, row.open_cents)

    def _is_varying(self, row, cents):
        return is_consumer_debit(row) and not row.cap_cents and cents != self.last_cents

    def _not_before(self, day, days):
        return max(day, self.today + timedelta(days=days))


# --- What would be told --------------------------------------------------------------------------


@dataclass(frozen=True)
class Foreseen:
    """How a charge to come will be announced, beside what was said: ``told_on``, the days of messages.

    by_letter -- on paper, and nothing is charged before that letter left
    """

    charge_on: date
    told_on: tuple[date, ...] = ()
    by_letter: bool = False


def foreseen(customer_id, *, from_on):
    """{planned charge id: Foreseen} of one customer: the same decisions, day by day, as if nothing happened.

    from_on -- the first day that is still to be run. Only reading
    """
    rows = _rows([customer_id])
    if not rows:
        return {}
    readers, mails = with_reader([customer_id]), _invoice_mails(rows)
    letters = _letters(set() if readers else {customer_id})[customer_id]
    last = last_cents({row.autopay_id for row in rows}).get(rows[0].autopay_id)
    return _live_through(rows, Desk(from_on, last, mails, False, bool(readers), letters))


def foreseen_of(row, *, mailed, has_reader, today, last_cents=None):
    """The Foreseen of an invoice that is issued on ``today``. ``mailed``: its mail states the charge."""
    mails = {row.invoice_id: None} if mailed else {}
    return _live_through([row], Desk(today, last_cents, mails, False, has_reader))[row.id]


def _live_through(rows, desk):
    found = {row.id: Foreseen(row.charge_on) for row in rows}
    while rows and desk.today <= max(row.charge_on for row in rows):
        told = desk.decide(rows)
        days = {day for _, _, day, _ in desk.announced}
        for row in rows:
            day = told[row.id].charge_on
            is_new, told_on = day in days, found[row.id].told_on
            told_on += (desk.today,) * is_new
            waits = told[row.id].told_on is None and day in desk.letters  # to be posted
            found[row.id] = Foreseen(day, told_on, not desk.has_reader and (is_new or waits))
        rows = [row._replace(**told[row.id]._asdict()) for row in rows]
        rows = [row for row in rows if not found[row.id].by_letter]
        mails = {id: on or desk.today for id, on in desk.mails.items()}
        desk = replace(desk, today=desk.today + timedelta(days=1), mails=mails, announced=[])
    return found


def is_consumer_debit(row):
    """True for a debit of a private person's bank account: the law asks for notice of what varies."""
    return row.customer_kind == Customer.RESIDENTIAL and row.method_kind == PaymentMethod.BANK


def _is_above_cap(row, cents):
    return bool(row.cap_cents and cents > row.cap_cents)


# --- What it decides from ------------------------------------------------------------------------


def _needing_notice(query):
    """Restrict a query of planned charges to those that some notice is due for and that nobody tried yet."""
    by_law = (
        (PaymentMethod.kind == PaymentMethod.BANK)
        & (Customer.kind == Customer.RESIDENTIAL)
        & Autopay.cap_cents.is_null()
    )
    tried = (
        PaymentPart.select(PaymentPart.id)
        .join(Payment)
        .where((PaymentPart.invoice == PlannedCharge.invoice) & (Payment.autopay == PlannedCharge.autopay))
    )
    return (
        query.join(Autopay)
        .join(PaymentMethod)
        .switch(PlannedCharge)
        .join(Invoice)
        .switch(PlannedCharge)
        .join(Customer)
        .where(
            (PlannedCharge.state == PlannedCharge.PLANNED)
            & Autopay.ended_at.is_null()
            & (Autopay.tell_days.is_null(False) | by_law)
            & (PaymentMethod.state == PaymentMethod.ACTIVE)
            & Invoice.IS_OWED
            & ~fn.EXISTS(tried)
        )
    )


def _rows(customer_ids):
    columns = (
        PlannedCharge.id,
        PlannedCharge.customer.alias("customer_id"),
        PlannedCharge.autopay.alias("autopay_id"),
        PlannedCharge.invoice.alias("invoice_id"),
        PlannedCharge.charge_on,
        PlannedCharge.told_on,
        PlannedCharge.told_cents,
        PlannedCharge.created_at,
        Invoice.open_cents,
        Autopay.tell_days,
        Autopay.cap_cents,
        PaymentMethod.kind.alias("method_kind"),
        Customer.kind.alias("customer_kind"),
    )
    # Both ends are narrowed, so that the join stays small whatever PostgreSQL believes of the tables.
    mine = among(PlannedCharge.customer, customer_ids) & among(Autopay.customer, customer_ids)
    query = _needing_notice(PlannedCharge.select(*columns)).where(mine)
    rows, special = [Row(**row) for row in query.order_by(PlannedCharge.id).dicts()], {}
    if rows:
        special = following.special({row.customer_id for row in rows})
    asked = [
        row._replace(open_cents=following.cents_on(special, row.invoice_id, row.open_cents, row.charge_on))
        for row in rows
    ]
    return [row for row in asked if row.open_cents]


def with_reader(customer_ids):
    """The ids of those whom mail reaches: a payer has an address, and it does not come back from there."""
    payers = Contact.select(Contact.customer).where(
        among(Contact.customer, customer_ids) & Contact.IS_REACHED
    )
    return {id for (id,) in payers.tuples()}


def _invoice_mails(rows):
    """{invoice id: day on which the mail that states its charge left; None: it leaves today}.

    What left before the charge was planned says nothing of it.
    """
    planned_at = {row.invoice_id: row.created_at for row in rows if not row.is_told}
    mails = Notice.select(Notice.invoice, Notice.state, Notice.sent_at).where(
        among(Notice.invoice, planned_at)
        & (Notice.kind == Notice.INVOICE)
        & (Notice.channel == Preference.MAIL)
        & Notice.state.in_(GOES_OUT)
        & Notice.bounced_at.is_null()
    )
    zone = companies.current().time_zone
    return {
        invoice_id: localtime.day(sent_at, zone) if state == Notice.SENT else None
        for invoice_id, state, sent_at in mails.tuples()
        if state != Notice.SENT or sent_at >= planned_at[invoice_id]
    }


def _letters(customer_ids):
    """{customer id: {day of the charge: [(cents, day on which it left, or None)]}} of letters."""
    letters = defaultdict(lambda: defaultdict(list))
    if customer_ids:
        known = Notice.select().where(
            among(Notice.customer, customer_ids) & _is_letter() & Notice.state.in_((*GOES_OUT, Notice.PRINT))
        )
        zone = companies.current().time_zone
        for notice in known:
            left_on = localtime.day(notice.sent_at, zone) if notice.state == Notice.SENT else None
            cents = int(notice.key.split(":")[3])
            letters[notice.customer_id][notice.charge_on].append((cents, left_on))
    return letters


def _is_letter():
    return (Notice.kind == Notice.UPCOMING_CHARGE) & (Notice.channel == Notice.PAPER)


def withdraw_letters():
    """Letters that still wait here and state a day on which nothing is charged any more are not printed."""
    charged = PlannedCharge.select(PlannedCharge.id).where(
        (PlannedCharge.autopay == Notice.autopay)
        & (PlannedCharge.charge_on == Notice.charge_on)
        & (PlannedCharge.state == PlannedCharge.PLANNED)
    )
    Notice.update(state=Notice.SKIPPED, reason="Nothing is charged on that day any more.").where(
        _is_letter() & Notice.state.in_((Notice.QUEUED, Notice.PRINT)) & ~fn.EXISTS(charged)
    ).execute()


def last_cents(autopay_ids):
    """{autopay id: the amount that was charged last under it}."""
    charged = Payment.select(Payment.autopay, Payment.amount_cents).where(
        among(Payment.autopay, autopay_ids) & Payment.state.in_((*Payment.MONEY, Payment.REFUNDED))
    )
    return dict(charged.order_by(Payment.id).tuples())


def untell(customer_ids, *, today, now):
    """Forget what was told by messages that came back, when no other left: it has to be told again."""
    stating = _is_notice() & (Notice.created_at > now - REMEMBERED)
    failed = Notice.select(Notice.customer).where(
        among(Notice.customer, customer_ids)
        & stating
        & ((Notice.state == Notice.FAILED) | Notice.bounced_at.is_null(False))
    )
    deaf = {id for (id,) in failed.tuples()}
    if not deaf:
        return
    reached = Notice.select(Notice.id).where(
        (Notice.customer == PlannedCharge.customer)
        & Notice.state.in_(GOES_OUT)
        & Notice.bounced_at.is_null()
        & _is_notice()
        & _states_it()
    )
    PlannedCharge.update(told_on=None, told_cents=None).where(
        among(PlannedCharge.customer, deaf)
        & (PlannedCharge.state == PlannedCharge.PLANNED)
        & (PlannedCharge.charge_on > today)
        & ~fn.EXISTS(reached)
    ).execute()


def _is_notice():
    """The condition that a message can count as notice of a charge; texts come beside it."""
    return Notice.kind.in_(STATING) & (Notice.channel != Notice.TEXT)


def _states_it():
    """The condition that a notice told of a planned charge, by its day, its invoice or its authorization."""
    by_day = Notice.kind.in_((Notice.UPCOMING_CHARGE, Notice.CHARGE_POSTPONED))
    in_time = Notice.sent_at.is_null() | (Notice.sent_at >= PlannedCharge.created_at)
    return (
        (by_day & (Notice.charge_on == PlannedCharge.charge_on))
        | ((Notice.kind == Notice.INVOICE) & (Notice.invoice == PlannedCharge.invoice) & in_time)
        | ((Notice.kind == Notice.AUTOPAY_ON) & (Notice.autopay == PlannedCharge.autopay) & in_time)
    )
