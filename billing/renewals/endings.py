"""Ending a contract: the reasons as data, what the law says about each, the fee, and the final invoice.

``contracts.end`` moves the dates and credits unused service; here stands what else follows, told before and
recorded after. Required fire monitoring waits for its authority (billing/authorities.py). Not here: what
the customer answered (answers.py).
"""

import json
from dataclasses import dataclass
from datetime import date, timedelta

from billing import (
    authorities,
    banking_days,
    contracts,
    customers,
    demands,
    ledger,
    masking,
    promises,
    tickets,
    words,
)
from billing.errors import BillingError
from billing.money import format_cents
from billing.periods import DAY
from billing.renewals import agreements, closing, terms, told
from models import Cancellation, Charge, Contract, Item, Notice, OneOff

SATURDAY = 5
COOLING_DAYS = 3  # 16 CFR 429: business days, Saturdays count
COOLING_REFUND_DAYS = 10  # business days
SCRA_REFUND_DAYS = 60
FEE_CODE = "EARLY-END"
WHY = "We tell you whenever an agreement ends."


@dataclass(frozen=True)
class Law:
    """What follows from one reason. ``free``: why no fee may be charged, or an empty string.

    lines -- what staff should know; by_state -- more of them where a state says so
    """

    free: str = ""
    lines: tuple[str, ...] = ()
    proof: str = ""
    by_state: tuple[tuple[str, str], ...] = ()


REASONS = {
    "moved": Law(lines=("Offer to take the service along to the new home before a fee is spoken of.",)),
    "care": Law(
        free="Nobody who moves into a hospital or a home for care pays a fee for leaving.",
        proof="a word of the family or the home is enough",
        by_state=(
            ("TN", "During a renewal, 30 days of written notice are enough (Tenn. Code 62-32-325)."),
        ),
    ),
    "home_sale": Law(
        free="A home that is sold for medical reasons is left without a fee.",
        proof="the physician's letter",
        by_state=(
            ("TN", "After two years of a longer contract on a primary residence, 30 days of notice and a "
                   "physician's letter are enough (Tenn. Code 62-32-325, contracts since January 1, 2018)."),
        ),
    ),
    "service_member": Law(
        free="Service members and their dependents leave without a fee (50 U.S.C. 3956).",
        proof="the orders of 90 days or more, or the stop-movement order",
        lines=(
            "The unearned part of what was paid goes back within 60 days of the end.",
            "They return our equipment; nothing else may be asked of them.",
        ),
    ),
    "cooling_off": Law(
        free="Within three business days the contract is withdrawn, not ended (16 CFR 429).",
        lines=(
            "Everything that was paid goes back within 10 business days.",
            "Say within 10 business days whether we fetch our equipment or leave it.",
        ),
    ),
    "deceased": Law(
        free="Nobody's estate pays a fee for this.",
        lines=("Write to the family once, and stop every reminder.",),
    ),
    "not_paid": Law(
        lines=(
            "The last message must say the day, and that signals are not answered after it; by two ways.",
        ),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Final:
    """What ending on a day means for the money, in cents. Taxes of what is still to be billed come on top."""

    on: date
    back_cents: int  # billed beyond that day, and credited
    to_bill_cents: int
    bill_from_on: date | None
    bill_to_on: date | None

    @property
    def sentences(self):
        """The same for the customer."""
        if self.to_bill_cents:
            days = words.period(self.bill_from_on, self.bill_to_on)
            yield (
                f"Still to be billed as usual: {format_cents(self.to_bill_cents)} for {days}, plus tax where "
                "it applies. After that nothing more is charged for it."
            )
        else:
            yield "Nothing more will be billed for it."
        if self.back_cents:
            yield (
                f"We take off what was billed for later days, {format_cents(self.back_cents)}: it pays what "
                "is open, and you get the rest back."
            )


@dataclass(frozen=True)
class Consequences:
    """What ending a contract for a reason on a day would mean. ``missing``: what must be done before."""

    fee_refusal: str
    refund_by_on: date | None
    law: tuple[str, ...]
    final: Final
    missing: str


# --- Asking --------------------------------------------------------------------------------------


def final(contract, on):
    """The Final of a contract if its last day of service were ``on``. Only reading."""
    back = to_bill = 0
    spans = []
    for charge in list(contract.charges.where(Charge.ends_on.is_null() | (Charge.ends_on > on))):
        back += sum(cents for _, cents in contracts.unused(charge, on))
        for part, cents in contracts.left_to_bill(charge, on):
            discount = charge.discount_cents if part.days is None else 0
            to_bill += max(cents - discount, 0)
            spans += [part.from_on, part.to_on]
    return Final(on, back, to_bill, min(spans, default=None), max(spans, default=None))


def consequences(contract, reason, on, *, today):
    """The Consequences of ending a contract. Only reading."""
    law = REASONS.get(reason, Law())
    party = agreements.of(contract)
    lines = [*law.lines, *(text for state, text in law.by_state if state in party.agreement.states)]
    if law.proof:
        lines.insert(0, f"Keep what shows it: {law.proof}.")
    return Consequences(
        fee_refusal=fee_refusal(contract, reason, on, today=today),
        refund_by_on=refund_by_on(reason, on, today),
        law=tuple(lines),
        final=final(contract, on),
        missing=authorities.missing(contract, on),
    )


def fee_refusal(contract, reason, on, *, today):
    """Why no early-termination fee may be charged, or "" where one may be."""
    law = REASONS.get(reason, Law())
    if law.free:
        return law.free
    if sentence := closing.fee_refusal(contract, today=today):
        return sentence
    if closing.asked_to_end(contract):
        return "They ended it on their page, which said that there is no fee."
    term = terms.term_of(agreements.of(contract).agreement, today)
    return "It ends with its term: nothing ends early." if on >= term.ends_on else ""


def refund_by_on(reason, on, today):
    """By when the law wants what was paid ahead sent back, or None."""
    if reason == "service_member":
        return on + timedelta(days=SCRA_REFUND_DAYS)
    return _business_days(today, COOLING_REFUND_DAYS) if reason == "cooling_off" else None


def cooling_off_until(contract):
    """The last day on which a contract sold at home may be withdrawn, or None while nobody knows its date."""
    return _business_days(contract.signed_on, COOLING_DAYS) if contract.signed_on else None


def _business_days(day, count):
    """``count`` business days after ``day`` as 16 CFR 429 counts: Saturdays too, Sundays and holidays not."""
    while count:
        day += DAY
        count -= day.weekday() == SATURDAY or banking_days.is_banking_day(day)
    return day


# --- Doing ---------------------------------------------------------------------------------------


def end(contract, *, on, reason_code, by, today, now, proof="", fee_cents=0, answer=None):
    """End a contract with all that follows. Returns the Cancellation.

    proof  -- what shows the reason, where the law asks for that
    answer -- the RenewalAnswer by which the customer ended it; they are told by its own confirmation

    Raises BillingError when a fee is asked for that the law or a missed notice forbids, when required fire
    monitoring would end before its authority was told, and for what ``contracts.end`` refuses.
    """
    _check(contract, reason_code, today, fee_cents)
    with ledger.locked(contract.customer_id):
        found = consequences(contract, reason_code, on, today=today)
        if fee_cents and found.fee_refusal:
            raise BillingError(f"No fee may be charged. {found.fee_refusal}")
        credits = contracts.end(contract, on=on, reason_code=reason_code, by=by, today=today, now=now)
        row = Cancellation.create(
            contract=contract, answer=answer, reason=reason_code, ends_on=on,
            proof=masking.typed(proof)[:255], fee_cents=fee_cents, fee_refusal=found.fee_refusal[:255],
            refund_by_on=found.refund_by_on,
            credited_cents=sum(credit.amount_cents for credit in credits),
            law=json.dumps(found.law, ensure_ascii=False), by=by, made_at=now,
        )  # fmt: skip
        if fee_cents:
            _charge_fee(contract, fee_cents, today)
        _offer_back(row, credits, by, now)
        if answer is None:
            people = list(customers.payers(contract.customer))
            told.confirm(people, Notice.CONTRACT_ENDED, row, why=WHY, now=now)
    return row


def _check(contract, reason_code, today, fee_cents):
    if fee_cents < 0:
        raise BillingError("A fee cannot be below zero.")
    until = cooling_off_until(contract) if reason_code == "cooling_off" else None
    if reason_code == "cooling_off" and (until is None or today > until):
        told_until = f"They ended on {words.date(until)}." if until else "Nobody noted when it was signed."
        raise BillingError(f"The three business days are over. {told_until} Choose another reason.")


def _charge_fee(contract, cents, today):
    """The fee is billed with the final invoice."""
    item, _ = Item.get_or_create(
        code=FEE_CODE, defaults={"name": "Early-termination fee", "kind": Item.LABOR, "taxable": False}
    )
    OneOff.create(
        customer=contract.customer_id, item=item, unit_cents=cents, done_on=today,
        text=f"Early-termination fee, {contract.name}"[:120],
    )  # fmt: skip


def _offer_back(row, credits, by, now):
    """What was paid ahead and pays nothing else is sent back: somebody is asked to, with the day."""
    contract = row.contract
    left = sum(type(credit).get_by_id(credit.id).open_cents for credit in credits)
    others = contract.customer.contracts.where((Contract.id != contract.id) & Contract.ends_on.is_null())
    if not left or (others.exists() and row.refund_by_on is None):
        return
    until = f" By law it must be there by {words.date(row.refund_by_on)}." if row.refund_by_on else ""
    cents = format_cents(left)
    tickets.open(
        contract.customer,
        subject=f"Send back {cents} that was paid ahead",
        body=f"{contract.name} ends on {words.date(row.ends_on)}. {cents} of what was paid is left over; "
        f"it was promised to the customer. Refund it the way it came, or send a check.{until}",
        by=by,
        now=now,
    )


# --- Telling -------------------------------------------------------------------------------------


def document(contract, *, today, online=""):
    """The Told of a contract that was ended: the last day, the money, what happens to the alarm."""
    row = contract.cancellations.get()
    last, after = words.date(row.ends_on), words.date(row.ends_on + DAY)
    money = [*_settled(row, contract), _open_now(contract.customer, today)]
    return told.told(
        contract.customer,
        today=today,
        online=online,
        title=f"Your {lower(contract.name)} ends on {last}",
        sentence=f"Your {lower(contract.name)} ends: {last} is your last day of service.",
        facts=(
            ("Account", contract.customer.account_number),
            ("Last day of service", last),
            ("Credited for unused days", format_cents(row.credited_cents) if row.credited_cents else ""),
            ("Early-termination fee", format_cents(row.fee_cents) if row.fee_cents else "none"),
        ),
        paragraphs=(
            *_authority(contract),
            *money,
            f"From {after} on, nobody will answer the signals of your alarm.",
        ),
    )


def _authority(contract):
    """That the fire authority was told, where it had to be: the customer waits to hear of it."""
    if told_to := authorities.told(contract):
        yield f"We told the fire authority in writing on {words.date(told_to.sent_on)}."


def _settled(row, contract):
    """What becomes of the money, told after the end."""
    if row.credited_cents:
        yield (
            "We have taken off what was billed for later days: it pays what is open, and you get the rest "
            "back."
        )
    if any(charge.next_on for charge in contract.charges):
        yield (
            "The days until then are billed as usual; after the final invoice nothing more is charged for it."
        )
    else:
        yield "Nothing more will be billed for it."
    if row.refund_by_on and ledger.unapplied_credit_cents(contract.customer_id):
        yield f"You will get back what you paid ahead by {words.date(row.refund_by_on)} at the latest."


def _open_now(customer, today):
    """What is open when the message leaves, and by when: their own word, or the earliest date of it."""
    asked = demands.asked_of(list(ledger.open_invoices(customer)), today)
    if not asked:
        return ""
    cents, covering = format_cents(sum(one.cents for one in asked)), promises.covered([customer.id])
    if all(one.invoice.id in covering for one in asked):
        last = max(covering[one.invoice.id].pay_on for one in asked)
        return (
            f"{cents} is open today. You told us that you pay by {words.date(last)}, and we wait until then."
        )
    if asked[0].due_on < today:
        find = "If that does not fit, tell us, and we will find a day that does."
        return f"{cents} is open today and due now. {find}"
    return f"{cents} is open today, due {words.date(asked[0].due_on)}."


def lower(name):
    """A contract's name inside of a sentence."""
    return name[:1].lower() + name[1:]
