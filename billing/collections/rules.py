"""Why something past due is unpaid: the ordered rules, asked of one frozen value. No database, no clock.

Each rule either finds its reason, with the records that prove it and one sentence for people, or says why it
is not the reason. The first that finds one decides. What no record proves is "unknown": nothing is guessed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import NamedTuple

from billing import words
from billing.money import format_cents
from models import Verdict

# What to do next; the back office turns each into a page and the words of a button.
WAIT, LOOK_AT_PAYMENT, USE_CREDIT, MATCH = "wait", "look_at_payment", "use_credit", "match_payment"
SEND_AGAIN, LOOK_AT_PRICE, ANSWER, CALL_BACK = "send_again", "look_at_price", "answer", "call_back"
READ, ANSWER_PLAN, DECIDE, REPAIR = "read", "answer_plan", "decide_dispute", "repair"
MEND_ADDRESS, PRINT, CALL, ASK_FOR_METHOD = "mend_address", "print", "call", "ask_for_method"
OFFER_PLAN, DECIDE_NEXT, WRITE = "offer_plan", "decide_next", "write"


# --- The evidence --------------------------------------------------------------------------------


class Attempt(NamedTuple):
    """A payment whose end is not known yet, or one that did not go through."""

    id: int
    state: str
    cents: int
    label: str
    on: date
    reason: str = ""


class PlannedDebit(NamedTuple):
    """Autopay will do it without anybody doing anything."""

    id: int
    on: date
    label: str


class Money(NamedTuple):
    """What we have of theirs that pays nothing: a payment or a credit, or a row of a bank's file."""

    table: str
    id: int
    cents: int
    on: date


class Correction(NamedTuple):
    """A credit that made the invoice smaller, and nobody told them since."""

    id: int
    cents: int
    on: date


class Rise(NamedTuple):
    """A price of the invoice whose announcement came back."""

    id: int
    on: date


class Waiting(NamedTuple):
    """Somebody waits for us: a ticket, call, message or proposal, whichever came first."""

    table: str
    id: int
    who: str
    on: date
    since_at: datetime
    what: str  # subject, next step, or the way in which they reached us
    kind: str  # ticket | missed | voicemail | step | call | perhaps | mail | text | plan
    owner_id: int | None = None
    known_at: datetime | None = None  # since when it is in our books
    cents: int = 0  # of a proposal


class Fault(NamedTuple):
    """A service ticket that is not closed."""

    id: int
    who: str
    on: date
    since_at: datetime
    what: str
    owner_id: int | None = None
    known_at: datetime | None = None


class Question(NamedTuple):
    """An open dispute."""

    id: int
    who: str
    cents: int
    on: date
    reason: str
    answer_by_on: date
    ticket_id: int | None = None  # in which it is talked about


class Delivery(NamedTuple):
    """One message that carried the invoice, and how far it came."""

    id: int
    channel: str
    state: str
    address: str
    on: date | None
    came_back_on: date | None = None
    why: str = ""
    is_talk: bool = False  # an answer in a conversation about it, which shows no amounts

    @property
    def arrived(self):
        """True when it left and did not come back, as far as anybody told us."""
        return self.state == "sent" and self.on is not None and self.came_back_on is None


class Kept(NamedTuple):
    """A promise that runs, or the last one that was broken."""

    id: int
    who: str
    made_on: date
    pay_on: date
    is_of_this: bool = True  # False: it is of what was open before, and nothing is asked for until its day


class Parts(NamedTuple):
    """The running plan of an invoice: its next or latest part."""

    id: int
    count: int
    number: int
    due_on: date
    cents: int


class Habit(NamedTuple):
    """How late somebody usually pays, from what they paid; see ``habits``."""

    paid: int
    late: int
    median_days: int
    most_days: int
    invoice_ids: tuple


class Told(NamedTuple):
    """What they told us of why they do not pay: a stance, or a plan that they asked for."""

    table: str
    id: int
    who: str
    on: date
    said: str


@dataclass(frozen=True, slots=True)
class Account:
    """What is so of the customer as a whole."""

    customer_id: int
    who: str
    has_mail: bool = True
    has_post: bool = True
    waiting: tuple = ()
    faults: tuple = ()
    method: tuple = ()  # (id, label, reason) of a standing autopay's method that cannot be charged
    broken: Kept | None = None
    habit: Habit | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that a rule may ask about one past-due invoice or installment."""

    today: date
    account: Account
    invoice_id: int
    installment_id: int | None
    number: str
    due_on: date
    cents: int
    is_disputed: bool = False
    attempt: Attempt | None = None
    debit: PlannedDebit | None = None
    covered_by: tuple = ()  # Money that covers it
    unmatched: Money | None = None
    correction: Correction | None = None
    rise: Rise | None = None
    questions: tuple = ()
    deliveries: tuple = ()
    seen_on: date | None = None
    seen_counts: bool = False  # it was mailed after we began to note who opened it
    failure: Attempt | None = None
    promise: Kept | None = None
    plan: Parts | None = None
    cannot: Told | None = None
    refused: Told | None = None


class Proof(NamedTuple):
    """A record that proves something, in words."""

    table: str
    id: int
    words: str


class Found(NamedTuple):
    """The reason, in one sentence with names, dates and amounts."""

    sentence: str
    proof: tuple
    act: str
    owner_id: int | None = None
    since_at: datetime | None = None


class Rule(NamedTuple):
    """One question. ``ask`` returns a Found or None; ``why_not`` is said where it was not the reason."""

    code: str
    ask: Callable
    why_not: str


class Judgment(NamedTuple):
    """What came of it: the code, the Found, and ((code, why not), …) of the rules that came before."""

    code: str
    found: Found
    rejected: tuple


# --- The questions, in their order ---------------------------------------------------------------


def _payment_in_flight(e):
    if e.attempt:
        one = e.attempt
        said = {
            "held": f"The processor's people look at the payment of {_money(one.cents)} of {_day(one.on)}",
            "in_doubt": f"The processor has not said yet what became of the payment of {_money(one.cents)} "
            f"of {_day(one.on)}",
            "approved": f"Their payment of {_money(one.cents)} of {_day(one.on)} is not settled yet",
        }.get(one.state, f"{e.account.who} began to pay {_money(one.cents)} on {_day(one.on)}")
        proof = Proof("payment", one.id, f"{_money(one.cents)}{_with(one.label)}, {_spaced(one.state)}")
        return Found(f"{said}.", (proof,), LOOK_AT_PAYMENT)
    if e.debit:
        proof = Proof("planned_charge", e.debit.id, f"Planned for {_day(e.debit.on)}{_with(e.debit.label)}")
        sentence = f"Autopay pays it on {_day(e.debit.on)}{_with(e.debit.label)}."
        return Found(sentence, (proof,), WAIT)
    return None


def _our_mistake(e):
    return _unused_money(e) or _unmatched(e) or _untold(e)


def _unused_money(e):
    if not e.covered_by:
        return None
    first = e.covered_by[0]
    total = sum(one.cents for one in e.covered_by)
    sentence = f"We have had {_money(total)} of theirs since {_day(first.on)} that pays nothing yet."
    proof = tuple(Proof(one.table, one.id, f"{_money(one.cents)} not used") for one in e.covered_by)
    return Found(sentence, proof, USE_CREDIT)


def _unmatched(e):
    if not (one := e.unmatched):
        return None
    sentence = f"{_money(one.cents)} came from {e.account.who} on {_day(one.on)}, and nobody has matched it."
    return Found(sentence, (Proof(one.table, one.id, f"{_money(one.cents)} to match"),), MATCH)


def _untold(e):
    if one := e.correction:
        sentence = (
            f"We took {_money(one.cents)} off invoice {e.number} on {_day(one.on)} and have not told them."
        )
        return Found(sentence, (Proof("credit", one.id, f"{_money(one.cents)} credited"),), SEND_AGAIN)
    if one := e.rise:
        sentence = f"The price went up on {_day(one.on)}, and the message that said so came back."
        return Found(sentence, (Proof("price_change", one.id, "Its message came back"),), LOOK_AT_PRICE)
    return None


def _waiting_for_us(e):
    """What is disputed has its own question in its ticket: to decide it is the answer."""
    own = {one.ticket_id for one in e.questions} if e.is_disputed else ()
    waiting = [one for one in e.account.waiting if one.table != "ticket" or one.id not in own]
    if not waiting:
        return None
    first = waiting[0]
    proof = tuple(Proof(one.table, one.id, _waits(one)) for one in waiting)
    act = _WAITING_ACTS[first.kind]
    return Found(f"{_waits(first)}.", proof, act, first.owner_id, first.since_at)


_WAITING = {
    "ticket": "{who} wrote on {on} (“{what}”) and waits for our answer",
    "missed": "{who} called on {on} and nobody called back",
    "voicemail": "{who} left a message on {on} and nobody called back",
    "call": "{who} called on {on} and nobody called back",
    "perhaps": "Somebody called on {on} from a number of {who}, and nobody has said whose call it was",
    "step": "We told {who} on {on} that we would do something (“{what}”), and it is not done",
    "mail": "{who} mailed us on {on} and nobody has read it",
    "text": "{who} texted us on {on} and nobody has read it",
    "plan": "{who} asked on {on} to pay in {what} and waits for our answer",
}
_WAITING_ACTS = {
    "ticket": ANSWER,
    "missed": CALL_BACK,
    "voicemail": CALL_BACK,
    "call": CALL_BACK,
    "perhaps": CALL_BACK,
    "step": CALL_BACK,
    "mail": READ,
    "text": READ,
    "plan": ANSWER_PLAN,
}


def _waits(one):
    return _WAITING[one.kind].format(who=one.who, on=_day(one.on), what=one.what)


def _disputed(e):
    if not e.is_disputed or not e.questions:
        return None
    first = e.questions[0]
    sentence = (
        f"{first.who} questioned {_money(first.cents)} of it on {_day(first.on)} ({first.reason}); "
        f"we promised an answer by {_day(first.answer_by_on)}."
    )
    proof = tuple(Proof("dispute", one.id, f"{_money(one.cents)}, {one.reason}") for one in e.questions)
    talks = {one.ticket_id: one for one in e.questions if one.ticket_id}
    proof += tuple(Proof("ticket", id, f"Of {_day(one.on)}, about it") for id, one in talks.items())
    return Found(sentence, proof, DECIDE)


def _service_fault(e):
    if not e.account.faults:
        return None
    first = e.account.faults[0]
    sentence = f"The fault that {first.who} reported on {_day(first.on)} (“{first.what}”) is not put right."
    proof = tuple(Proof("ticket", one.id, f"“{one.what}”, since {_day(one.on)}") for one in e.account.faults)
    return Found(sentence, proof, REPAIR, first.owner_id, first.since_at)


def _never_delivered(e):
    if e.seen_on or any(one.arrived for one in e.deliveries):
        return None
    if not e.deliveries:
        if e.account.has_mail:
            return _not_sent(e, f"We have no record that invoice {e.number} was ever sent", SEND_AGAIN)
        return _not_sent(e, f"Invoice {e.number} was never sent: we have no mail address", MEND_ADDRESS)
    last = e.deliveries[-1]
    proof = tuple(Proof("notice", one.id, _delivery(one)) for one in e.deliveries)
    if last.state == "print" and not last.came_back_on and not e.account.has_post:
        sentence = f"Invoice {e.number} waits to be printed, and we have no postal address to send it to."
        return Found(sentence, proof, MEND_ADDRESS)
    act = MEND_ADDRESS if last.came_back_on else PRINT if last.state == "print" else SEND_AGAIN
    return Found(undelivered(e.number, last), proof, act)


def undelivered(number, last):
    """How the last message about an invoice that never reached anybody ended, in a sentence."""
    why = f": {last.why.rstrip('.')}" if last.why else ""
    if last.came_back_on:
        went = f" to {last.address}" if last.address else ""
        return f"What we sent{went} on {_day(last.on)} came back{why}."
    if last.state == "print":
        return f"Invoice {number} waits to be printed and was never mailed."
    return f"Invoice {number} never left{why}."


def _not_sent(e, said, act):
    return Found(f"{said}.", (Proof("invoice", e.invoice_id, "No message carries it"),), act)


def _delivery(one):
    how = {"mail": "Mail", "paper": "Letter", "text": "Text"}[one.channel]
    to = f" to {one.address}" if one.address else ""
    if one.came_back_on:
        return f"{how}{to}, came back {_day(one.came_back_on)}"
    return f"{how}{to}, {f'sent {_day(one.on)}' if one.state == 'sent' else _spaced(one.state)}"


def _never_opened(e):
    arrived = [one for one in e.deliveries if one.arrived]
    on_paper = any(one.channel == "paper" for one in arrived)
    talked = e.failure or e.promise or e.plan or e.cannot or e.refused  # they know of it
    if e.seen_on or not e.seen_counts or on_paper or talked or not arrived:
        return None
    first = arrived[0]
    times = "" if len(arrived) == 1 else f" and {words.plural(len(arrived) - 1, 'more message')}"
    sentence = f"We sent it to {first.address} on {_day(first.on)}{times}, and nobody has opened it."
    return Found(sentence, tuple(Proof("notice", one.id, _delivery(one)) for one in arrived), CALL)


def _is_disputed(attempt):
    """True where the payer told their bank that they do not agree: speak with them, before any other card."""
    return attempt.state == "charged_back"


def _failure(attempt):
    paid = f"payment of {_money(attempt.cents)}{_with(attempt.label)}"
    if _is_disputed(attempt):
        return f"They disputed the {paid} at their bank, which took it back on {_day(attempt.on)}."
    why = f": {attempt.reason.rstrip('.')}" if attempt.reason else ""
    what = "came back" if attempt.state == "returned" else "was declined"
    return f"The {paid} {what} on {_day(attempt.on)}{why}."


def _method_failed(e):
    if one := e.failure:
        proof = Proof("payment", one.id, f"{_money(one.cents)}, {_spaced(one.state)} {_day(one.on)}")
        return Found(_failure(one), (proof,), LOOK_AT_PAYMENT if _is_disputed(one) else ASK_FOR_METHOD)
    if e.account.method:
        id, label, reason = e.account.method
        why = f": {reason.rstrip('.')}" if reason else ""
        proof = Proof("payment_method", id, f"{label} cannot be charged")
        return Found(f"Autopay should pay it, but {label} cannot be charged{why}.", (proof,), ASK_FOR_METHOD)
    return None


def _promise_running(e):
    if not (one := e.promise):
        return None
    sentence = f"{one.who} promised on {_day(one.made_on)} to pay by {_day(one.pay_on)}."
    if not one.is_of_this:
        until = f"to pay by {_day(one.pay_on)} what was open then"
        sentence = f"{one.who} promised on {_day(one.made_on)} {until}; this one can wait for that day."
    return Found(sentence, (Proof("promise", one.id, f"By {_day(one.pay_on)}"),), WAIT)


def _plan_running(e):
    if not (one := e.plan):
        return None
    sentence = (
        f"They pay by a plan of {words.plural(one.count, 'part')}: "
        f"part {one.number}, {_money(one.cents)}, is for {_day(one.due_on)}."
    )
    return Found(sentence, (Proof("plan", one.id, words.plural(one.count, "part")),), WAIT)


def _habitual_lag(e):
    one = e.account.habit
    if not one or (e.today - e.due_on).days > one.most_days:
        return None
    sentence = (
        f"They pay late but they pay: {one.late} of the last {one.paid} invoices came about "
        f"{words.plural(one.median_days, 'day')} after the date, the latest after {one.most_days}."
    )
    proof = tuple(Proof("invoice", id, "Paid late") for id in one.invoice_ids)
    return Found(sentence, proof, WAIT)


def _cannot_pay(e):
    return _said(e.cannot, "cannot pay it now", OFFER_PLAN)


def _will_not_pay(e):
    return _said(e.refused, "will not pay it", DECIDE_NEXT)


def _said(one, what, act):
    if not one:
        return None
    quoted = f": “{one.said}”" if one.said else ""
    sentence = f"{one.who} told us on {_day(one.on)} that they {what}{quoted}."
    return Found(sentence, (Proof(one.table, one.id, one.said or f"Of {_day(one.on)}"),), act)


def _unknown(e):
    arrived = [one for one in e.deliveries if one.arrived]
    proof = tuple(Proof("notice", one.id, _delivery(one)) for one in arrived)
    if one := e.account.broken:
        sentence = f"{one.who} promised to pay by {_day(one.pay_on)} and did not, and nobody knows why."
        return Found(sentence, (Proof("promise", one.id, f"By {_day(one.pay_on)}"), *proof), CALL)
    seen = f", they opened it on {_day(e.seen_on)}" if e.seen_on else ""
    sent = f"We sent it on {_day(arrived[0].on)}{seen}" if arrived else f"They opened it on {_day(e.seen_on)}"
    return Found(f"{sent}, and nobody has told us why it is unpaid.", proof, WRITE)


RULES = (
    Rule(Verdict.PAYMENT_IN_FLIGHT, _payment_in_flight, "No payment of it is under way."),
    Rule(Verdict.OUR_MISTAKE, _our_mistake, "Nothing of theirs lies unused, and nothing changed untold."),
    Rule(Verdict.WAITING_FOR_US, _waiting_for_us, "No question, call or message of theirs waits for us."),
    Rule(Verdict.DISPUTED, _disputed, "They dispute nothing of what is past due."),
    Rule(Verdict.SERVICE_FAULT, _service_fault, "No fault of their service is open."),
    Rule(Verdict.NEVER_DELIVERED, _never_delivered, "It was delivered, as far as we were told."),
    Rule(Verdict.NEVER_OPENED, _never_opened, "Somebody opened it, or nobody could know."),
    Rule(Verdict.METHOD_FAILED, _method_failed, "No payment of it failed."),
    Rule(Verdict.PROMISE_RUNNING, _promise_running, "No promise for it runs."),
    Rule(Verdict.PLAN_RUNNING, _plan_running, "No plan covers it."),
    Rule(Verdict.HABITUAL_LAG, _habitual_lag, "It is later than they ever pay, or there is no such habit."),
    Rule(Verdict.CANNOT_PAY, _cannot_pay, "They have not told us that they cannot pay."),
    Rule(Verdict.WILL_NOT_PAY, _will_not_pay, "They have not refused to pay."),
    Rule(Verdict.UNKNOWN, _unknown, ""),
)
_REJECTED = tuple(tuple((rule.code, rule.why_not) for rule in RULES[:at]) for at in range(len(RULES)))


def judge(evidence):
    """The Judgment of one Evidence: the first rule that finds its reason. The same every time."""
    for at, rule in enumerate(RULES):
        if found := rule.ask(evidence):
            return Judgment(rule.code, found, _REJECTED[at])
    raise AssertionError("the last rule always finds")


# --- Words ---------------------------------------------------------------------------------------


_day = lru_cache(1_000)(words.date)  # the same days come again and again


def _money(cents):
    return format_cents(cents)


def _with(label):
    return f" with {label}" if label else ""


def _spaced(state):
    return state.replace("_", " ")
