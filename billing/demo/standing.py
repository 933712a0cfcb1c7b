"""Who pays by autopay at the demo company: saved methods, what was agreed to, and what happens today.

``plan`` lets everybody who wishes it agree on a day of the history; ``play`` leaves a few charges for the
first daily job, which really makes them: most go through, one card has no money, one is refused for good.
"""

import random
from datetime import date, timedelta

from billing.automatic import autopay, consent
from billing.periods import add_months
from models import (
    Autopay,
    Customer,
    Invoice,
    Payment,
    PaymentMethod,
    PaymentPart,
    PlannedCharge,
)

TODAY_COUNT = 9  # charges that are left for the first daily job
SOFT, HARD = "2", "4"  # declined for the balance or a limit; not accepted any more
CAP_CENTS = 2500  # of one who wants to be asked
RETURN_AFTER, DISPUTE_AFTER = timedelta(days=5), timedelta(days=12)
WISHES = (Customer.CARD_AUTOPAY, Customer.BANK_AUTOPAY)
TERMS = (
    (consent.Terms(), 70),
    (consent.Terms(tell_days=7), 20),
    (consent.Terms(cap_cents=60_000), 10),
)


def plan(history):
    """Keep a method for everybody who wishes autopay, and let them agree in the first weeks."""
    rng = random.Random(f"{history.seed}:autopay")
    payers = [payer for payer in history.payers.values() if payer.customer.pay_wish in WISHES]
    ends = [_expires_on(rng, history) if payer.way == Payment.CARD else None for payer in payers]
    kept = history.processor.keep([_entry(*one) for one in zip(payers, ends, strict=True)])
    for payer, expires_on, ids in zip(payers, ends, kept, strict=True):
        first = max(payer.customer.since_on, history.begins_on)
        day = min(first + timedelta(days=rng.randrange(1, 30)), history.today)
        terms = rng.choices([terms for terms, _ in TERMS], [weight for _, weight in TERMS])[0]
        history.plan(
            day,
            lambda day, at, payer=payer, ends=expires_on, ids=ids, terms=terms: _agree(
                _method(payer, ends, ids, at), payer, terms, day, at
            ),
        )


def _expires_on(rng, history):
    """The last day of a month; one card in twenty expires soon."""
    months = rng.choice((0, 1)) if rng.random() < 0.05 else rng.randrange(4, 40)
    return add_months(date(history.today.year, history.today.month, 1), months + 1, 1) - timedelta(days=1)


def _entry(payer, expires_on):
    """A stored method, as the sandbox's /control/methods takes it."""
    kind, _, last_four = payer.label.rpartition(" ending ")
    card = payer.way == Payment.CARD
    return {
        "customer_number": payer.customer.account_number,
        "email": payer.contact.email,
        "kind": payer.way,
        "last_four": last_four,
        "name": payer.contact.name[:22],
        "zip": payer.customer.zip,
    } | ({"account_type": kind, "expiration": f"{expires_on:%m/%y}"} if card else {})


def _method(payer, expires_on, ids, at):
    profile_id, method_id = ids
    Customer.update(profile_id=profile_id).where(Customer.id == payer.customer.id).execute()
    return PaymentMethod.create(
        customer=payer.customer,
        token=method_id,
        kind=payer.way,
        label=payer.label,
        last_four=payer.label[-4:],
        expires_on=expires_on,
        account_type="" if expires_on else "checking",
        added_by=_who(payer),
        added_at=at,
    )


def _agree(method, payer, terms, day, at):
    return autopay.agree(
        payer.customer,
        contact=payer.contact,
        method=method,
        **terms._asdict(),
        text=consent.words_of(payer.customer, method, **terms._asdict()).text,
        address="203.0.113.7",
        by=_who(payer),
        today=day,
        now=at,
    )


def _who(payer):
    return f"customer:{payer.contact.email}"


# --- Today -----------------------------------------------------------------------------------------


def play(history):
    """Tie the payments of the past to their methods, and leave some work for the first daily job."""
    _tie(history)
    _charge_today(history)
    _take_back(history)
    autopay.plan_due(history.today, now=history.now)


def _tie(history):
    """What autopay customers paid by card or debit since they agreed was charged by autopay."""
    for standing in Autopay.select(Autopay, PaymentMethod).join(PaymentMethod):
        Payment.update(method=standing.method_id, autopay=standing).where(
            (Payment.customer == standing.customer)
            & (Payment.kind == standing.method.kind)
            & (Payment.created_at > standing.agreed_at)
        ).execute()
    paid = Invoice.select(Invoice.id).where(Invoice.open_cents == 0)
    PlannedCharge.update(state=PlannedCharge.DONE).where(
        (PlannedCharge.state == PlannedCharge.PLANNED) & PlannedCharge.invoice.in_(paid)
    ).execute()


def _charge_today(history):
    """Some have just chosen a day that is today: the daily job charges them while a newcomer looks on."""
    rng = random.Random(f"{history.seed}:charges of today")
    ready = [found for found in _with_card_and_open_invoice(history) if found[2].due_on > history.today]
    chosen = rng.sample(ready, min(TODAY_COUNT, len(ready)))
    for number, (payer, standing, invoice) in enumerate(chosen):
        days = min((invoice.due_on - history.today).days, consent.MOST_DAYS)
        terms = consent.Terms(
            Autopay.DAYS_BEFORE, days_before=days, cap_cents=CAP_CENTS if number == 0 else None
        )
        _agree(standing.method, payer, terms, history.today, history.now - timedelta(hours=3))
    for (_, standing, _), code in zip(chosen[1:], (SOFT, HARD), strict=False):
        history.processor.decline(standing.method.token, code)


def _with_card_and_open_invoice(history):
    claimed = PaymentPart.select(PaymentPart.invoice).where(PaymentPart.live)
    rows = (
        Invoice.select(Invoice, Autopay, PaymentMethod)
        .join(Autopay, on=(Autopay.customer == Invoice.customer).alias("standing"), attr="standing")
        .join(PaymentMethod)
        .where(
            Autopay.ended_at.is_null()
            & (PaymentMethod.kind == PaymentMethod.CARD)
            & Invoice.IS_OWED
            & Invoice.id.not_in(claimed)
        )
        .order_by(Invoice.id)
    )
    found = {}
    for invoice in rows:
        payer = history.payers[invoice.customer_id]
        found.setdefault(payer.customer.id, (payer, invoice.standing, invoice))
    return list(found.values())


def _take_back(history):
    """A debit that the bank returned and a card payment that was disputed: the daily job finds both."""
    for kind, after, take_back in (
        (Payment.BANK, RETURN_AFTER, history.processor.give_back),
        (Payment.CARD, DISPUTE_AFTER, history.processor.dispute),
    ):
        payment = (
            Payment.select()
            .where(
                (Payment.kind == kind)
                & Payment.autopay.is_null(False)
                & Payment.state.in_(Payment.MONEY)
                & (Payment.received_on <= history.today - after)
            )
            .order_by(Payment.received_on.desc(), Payment.id)
            .first()
        )
        if payment:
            take_back(payment.transaction_id)
