"""Payments: charged at most once, and never in the dark.

An attempt is on disk before the gateway hears of it, no transaction is open while the gateway is asked,
and its answer is booked in one transaction. No answer is not "declined": the attempt keeps its claim on
its invoices until the gateway has told what became of it. Return page, webhook and the confirm step are
three independent ways to learn that; each is enough, together they are harmless.
"""

import hashlib
import logging
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from peewee import IntegrityError

from billing import attempts, events, ledger, notices
from billing import company as companies
from billing.automatic import retries
from billing.errors import BillingError, GatewayUnavailable, PaymentInProgress, StaleState
from billing.money import format_cents
from billing.outcomes import Approved, Declined, Held, InDoubt, NothingChanged, Returned, Voided
from billing.reversals import refunds, returns
from billing.states import move
from models import Invoice, Payment, PaymentMethod, PaymentPart, db

# A hosted page can be opened for fifteen minutes; a page that was open then may still be sent.
FORM_LIFE = timedelta(minutes=14)
ASK_AT = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 45, 50, 60))  # after the page was opened
ASK_LATER = timedelta(hours=1)
ASK_CHARGE_AT = (timedelta(minutes=5), timedelta(hours=1))  # after a saved method was charged; then daily
ASK_CHARGE_LATER = timedelta(days=1)
SUSPICIOUS_TIMES = 10  # from so many times what is owed on, a slipped decimal point is the likelier story
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Urls:
    """Where the hosted page sends the customer back to; paths only, without ? and #."""

    return_url: str
    cancel_url: str


# --- Online: the hosted payment page -------------------------------------------------------------


def start_online(customer, parts, *, key, gateway, urls, today, now, contact=None):
    """Prepare an online payment of ``parts`` [(invoice, cents)] and ask for its hosted page.

    Returns the Payment with ``form_token``, which the browser posts to ``gateway.hosted_url``. The same
    click (``key``), and the same parts while their page is fresh, get the same payment and page, so a
    double click, a second tab and the back button all lead to one charge.

    urls -- callable(payment) -> Urls

    Raises PaymentInProgress while another attempt claims one of the invoices, GatewayUnavailable when
    the processor cannot be reached (nothing was charged), BillingError for amounts that cannot be.
    """
    _check_owner(customer, parts)
    payment = _same_click(customer, key) or _same_attempt(customer, parts)
    if payment is None:
        payment = _claim_or_join(customer, parts, key, today, now)
    if payment.state == Payment.PREPARED:
        return _open_page(payment, gateway, urls(payment), now, contact)
    if can_continue(payment, now=now):
        return payment
    if payment.state in Payment.LIVE:
        raise PaymentInProgress(in_progress_sentence(payment))
    return payment  # the same click again, after it was concluded: show what became of it


def start_by_phone(customer, parts, *, key, gateway, urls, by, today, now, contact=None):
    """Staff open the processor's page on behalf of a customer who is on the phone. Returns the Payment.

    Everything is as in ``start_online``: nobody types a card with us. The audit names the member of staff,
    and so does the payment, unless the customer had opened the same page already.
    """
    payment = start_online(
        customer, parts, key=key, gateway=gateway, urls=urls, today=today, now=now, contact=contact
    )
    with db.atomic():
        fresh = (Payment.id == payment.id) & (Payment.key == key) & (Payment.entered_by == "")
        if Payment.update(entered_by=by).where(fresh).execute():
            events.record("payment.by_phone", payment, by=by, now=now, customer=customer)
    return payment


def click_key(customer, parts, click):
    """The key of an attempt that a page asks for; ``click`` is what the form was given when it was shown.

    The same button for the same amounts is the same click; nobody can name a click of another customer.
    """
    return f"web:{_digest(customer, parts, click)}"


def by_hand_key(customer, amount_cents, parts, click):
    """The same for a payment that staff enter: with a changed amount it is another payment.

    parts -- None where the money pays the oldest invoices first
    """
    return f"staff:{_digest(customer, parts or (), f'{click}|{amount_cents}')}"


def _digest(customer, parts, click):
    meant = ",".join(f"{invoice.id}:{cents}" for invoice, cents in parts)
    return hashlib.sha256(f"{customer.id}|{click}|{meant}".encode()).hexdigest()[:48]


def _same_click(customer, key):
    """The payment that this form made before, or None. A key is only good for whom it was made."""
    earlier = Payment.get_or_none(Payment.key == key)
    if earlier is not None and earlier.customer_id != customer.id:
        raise BillingError("This form belongs to another account. Open the page again.")
    return earlier


def check_amount(invoice, cents):
    """Refuse an amount that cannot be paid on ``invoice`` online, with a sentence that says what can."""
    lowest = min(companies.current().minimum_payment_cents, invoice.open_cents)
    if invoice.state != Invoice.ISSUED or invoice.open_cents == 0:
        raise BillingError("There is nothing left to pay on this invoice.")
    if not lowest <= cents <= invoice.open_cents:
        most = format_cents(invoice.open_cents)
        between = most if lowest == invoice.open_cents else f"between {format_cents(lowest)} and {most}"
        raise BillingError(f"Please enter {between}.")


def in_progress_sentence(payment):
    """What a customer reads while an attempt of theirs is not concluded."""
    amount = format_cents(payment.amount_cents)
    if payment.state == Payment.HELD:
        return f"A payment of {amount} is being reviewed by our processor. You will not be charged twice."
    return (
        f"A payment of {amount} was started already and is being checked. You will not be charged twice. "
        "If its page is still open, you can finish there; otherwise please come back in an hour."
    )


def _check_owner(customer, parts):
    for invoice, _ in parts:
        if invoice.customer_id != customer.id:
            raise ValueError(f"{invoice} is not {customer}'s")  # doors find invoices through the customer


def _check_parts(parts):
    if not parts:
        raise BillingError("Choose at least one invoice to pay.")
    for invoice, cents in parts:
        check_amount(Invoice.get_by_id(invoice.id), cents)


def _same_attempt(customer, parts):
    """The live page for exactly these parts, or None. Raises PaymentInProgress for any other attempt."""
    wanted = {invoice.id: cents for invoice, cents in parts}
    claims = PaymentPart.select(PaymentPart, Payment).join(Payment).where(
        PaymentPart.live & PaymentPart.invoice.in_(list(wanted))
    )  # fmt: skip
    standing = {part.payment_id: part.payment for part in claims}
    for payment in standing.values():
        claimed = {part.invoice_id: part.amount_cents for part in payment.parts}
        is_page = payment.method_id is None and payment.state in (Payment.PREPARED, Payment.SENT)
        if is_page and claimed == wanted:
            return payment
        raise PaymentInProgress(in_progress_sentence(payment))
    return None


def _claim_or_join(customer, parts, key, today, now):
    """A new attempt; or, where another was faster, the one that it made for the same click or parts."""
    try:
        ask_at = now + attempts.QUARANTINE
        return _claim(customer, lambda: parts, key, today, now, kind=Payment.ONLINE, ask_at=ask_at)
    except IntegrityError:
        earlier = _same_click(customer, key) or _same_attempt(customer, parts)
        if earlier is None:
            raise PaymentInProgress(_STARTED_ELSEWHERE) from None
        return earlier


_STARTED_ELSEWHERE = "Another payment of this invoice has just been started."


def _claim(customer, choose, key, today, now, **about):
    """Commit the attempt before anybody can charge for it; the unique index lets one through.

    What is owed is read under the lock, by ``choose``: since it was shown, it may have been paid or voided.
    Raises IntegrityError when another attempt claims one of the invoices, or had the same key.
    """
    with ledger.locked(customer.id):
        parts = choose()
        _check_parts(parts)
        payment = Payment.create(
            customer=customer,
            reference=attempts.reference("PL"),
            key=key,
            amount_cents=sum(cents for _, cents in parts),
            received_on=today,
            created_at=now,
            **about,
        )
        for invoice, cents in parts:
            PaymentPart.create(payment=payment, invoice=invoice, amount_cents=cents)
    return payment


def can_continue(payment, *, now):
    """True while the processor's page of an attempt can still be opened; a charge without one has none."""
    opened_at = payment.form_token_at
    return payment.state == Payment.SENT and opened_at is not None and now < opened_at + FORM_LIFE


def _open_page(payment, gateway, urls, now, contact):
    """Ask for the page outside any transaction. Of two at once, the first stores its token and wins."""
    try:
        page = _ask_page(payment, gateway, urls, contact)
    except GatewayUnavailable:
        _give_up(payment, "The payment processor could not be reached.", now)
        raise
    try:
        move(payment, Payment.SENT, form_token=page.token, form_token_at=now, ask_at=now + ASK_AT[0])
    except StaleState:
        return Payment.get_by_id(payment.id)
    return payment


def _description(payment):
    return f"Invoice {', '.join(str(part.invoice.number) for part in payment.parts)}"[:255]


def _ask_page(payment, gateway, urls, contact):
    customer = payment.customer
    return gateway.hosted_page(
        reference=payment.reference,
        amount_cents=payment.amount_cents,
        description=_description(payment),
        customer_number=customer.account_number,
        email=contact.email if contact else "",
        merchant_name=companies.current().name,
        return_url=urls.return_url,
        cancel_url=urls.cancel_url,
        bill_to={
            "address": customer.street,
            "city": customer.city,
            "state": customer.state,
            "zip": customer.zip,
        },
    )


def _give_up(payment, reason, now):
    """Nobody ever held a page for this attempt, so no money can move: free its invoices."""
    with db.atomic():
        try:
            move(payment, Payment.EXPIRED, reason=reason, concluded_at=now, ask_at=None)
        except StaleState:
            return
        _free_invoices(payment)


# --- A saved method: autopay, or one click -------------------------------------------------------


def charge_saved(
    customer, parts, *, method, key, gateway, today, now, by, autopay=None, try_number=0, recheck=None
):  # fmt: skip
    """Charge ``parts`` [(invoice, cents)] to a saved method. Returns the Payment, whose state tells.

    The same ``key`` gives the same payment, and never a second charge. Raises PaymentInProgress while another
    attempt claims one of the invoices, and BillingError for what cannot be charged: nothing was sent then.
    Afterwards it never raises: what the gateway leaves open is ``in_doubt``.

    autopay    -- the authorization, when nobody pressed a button
    try_number -- of automatic tries with this method; billing/automatic/retries.py counts them
    recheck    -- callable() -> parts, asked under the lock: what is still due at that moment; may raise
                  BillingError to call it off
    """
    _check_owner(customer, parts)
    payment = _same_click(customer, key)
    if payment is not None:
        return payment
    send_by, choose = attempts.send_by(), recheck or (lambda: parts)
    try:
        payment = _claim_charge(customer, choose, key, method, autopay, try_number, by, today, now)
    except IntegrityError:
        if earlier := _same_click(customer, key):
            return earlier
        raise PaymentInProgress(_STARTED_ELSEWHERE) from None
    return _charge(payment, gateway, send_by, today, now)


def _claim_charge(customer, choose, key, method, autopay, try_number, by, today, now):
    """Claim as sent: who made the claim is the only one who will ever send it."""

    def still_usable():
        usable = PaymentMethod.get_by_id(method.id)
        if usable.customer_id != customer.id or usable.state != PaymentMethod.ACTIVE:
            raise BillingError(f"{usable.label} cannot be used any more. Choose another way to pay.")
        return choose()

    about = {
        "state": Payment.SENT, "kind": method.kind, "method": method, "method_label": method.label,
        "autopay": autopay, "try_number": try_number, "entry_class": _entry_class(method),
        "entered_by": by, "ask_at": now + ASK_CHARGE_AT[0],
    }  # fmt: skip
    return _claim(customer, still_usable, key, today, now, **about)


def _entry_class(method):
    """How a bank debit was authorized, for the bank: online by a person, or by a company."""
    if method.kind != PaymentMethod.BANK:
        return ""
    return "CCD" if method.account_type == "businessChecking" else "WEB"


def _charge(payment, gateway, send_by, today, now):
    """Ask for the money, outside any transaction, and book the answer.

    A process that was stopped after its claim may wake when others have long given up on the attempt. It
    leaves the attempt alone then: nothing was sent, and the confirm step frees its invoices.
    """
    if attempts.is_too_late(send_by):
        log.warning("%s was claimed too long ago to be sent", payment)
        return payment
    method = payment.method
    outcome = gateway.charge(
        profile_id=payment.customer.profile_id,
        method_id=method.token,
        amount_cents=payment.amount_cents,
        reference=payment.reference,
        description=_description(payment),
        recurring=payment.autopay_id is not None,
        by_customer=payment.autopay_id is None,
        network_transaction_id=method.network_transaction_id,
        first_amount_cents=method.first_cents,
        send_by=send_by,  # looked at once more when the connection stands
    )
    return _book_answer(payment, outcome, today, now)


def _book_answer(payment, outcome, today, now):
    """The answer to our own call, in one transaction; a webhook may have been faster."""
    with ledger.locked(payment.customer_id):
        payment = Payment.get_by_id(payment.id)
        if payment.state not in Payment.LIVE:
            return payment
        match outcome:
            case Approved():
                _book(payment, today, now, transaction_id=outcome.transaction_id, auth_code=outcome.auth_code)
                _remember_first(payment, outcome)
            case Declined(reason_code=code, sentence=sentence, transaction_id=id):
                _end(
                    payment,
                    Payment.DECLINED,
                    sentence,
                    now,
                    today,
                    decline_code=code,
                    transaction_id=id or None,
                )
            case Held():
                _hold(payment, outcome, now)
            case InDoubt(why=why):
                _doubt(payment, why, now)
            case Voided() | Returned() | NothingChanged():
                _doubt(payment, f"The processor answered a charge with {type(outcome).__name__}.", now)
    return Payment.get_by_id(payment.id)


def _remember_first(payment, approved):
    """Later charges of a saved method name the first one to the card network."""
    if approved.network_transaction_id:
        PaymentMethod.update(
            network_transaction_id=approved.network_transaction_id, first_cents=payment.amount_cents
        ).where(
            (PaymentMethod.id == payment.method_id) & (PaymentMethod.network_transaction_id == "")
        ).execute()


# --- Learning what happened ----------------------------------------------------------------------


def due_to_ask(now):
    """A query of the attempts whose answer is missing and should be asked for now."""
    return (
        Payment.select()
        .where((Payment.ask_at <= now) & Payment.state.in_(Payment.LIVE))
        .order_by(Payment.ask_at)
    )


def of_transaction(transaction):
    """The payment that counts a transaction, else the attempt that it was made for; None for a refund's.

    A second charge of one attempt has a payment of its own under the attempt's reference.
    """
    if transaction.is_refund:
        return None
    counted = Payment.get_or_none(Payment.transaction_id == transaction.transaction_id)
    if counted or not transaction.reference:
        return counted
    return Payment.get_or_none(Payment.reference == transaction.reference)


def ask(payment, *, gateway, today, now):
    """Ask the gateway what became of an attempt, and book it. Returns the payment as it is now.

    "It never happened" is concluded only after a quarantine longer than a page can live, and two empty
    searches. Raises GatewayUnavailable when there was no usable answer; nothing changes then but the
    time of the next question.
    """
    if payment.state not in Payment.LIVE:
        return payment
    ask_at = _next_question(payment, now)
    _ask_again(payment, min(ask_at, now + attempts.WITHOUT_ANSWER))  # should this one die, or get no answer
    listed = gateway.find(payment.reference, since=payment.created_at)
    _ask_again(payment, ask_at)
    found = [one for one in listed if not one.is_refund and not one.is_entry_about_another]
    if not found:
        _nothing_found(payment, today, now)
    for transaction in _telling(payment, found):
        conclude(payment, transaction, today=today, now=now)
    return Payment.get_by_id(payment.id)


def _telling(payment, found):
    """Those of an attempt's transactions that say what became of it.

    One page can be sent more than once: money counts before a review, a review before a refusal, and among
    refusals the one that we waited for, else the last.
    """
    money = [one for one in found if one.is_money]
    undecided = [one for one in found if not one.is_final]
    awaited = [one for one in found if one.transaction_id == payment.transaction_id]
    return money or undecided or awaited or found[-1:]


def conclude(payment, transaction, *, today, now):
    """Book what the gateway tells about an attempt, in one transaction; harmless when it is known already.

    A decline is not final while the customer may still try again on the same page. Money that comes after
    we stopped waiting is still booked, and so is money that comes twice.
    """
    with ledger.locked(payment.customer_id):
        payment = Payment.get_by_id(payment.id)  # another of the three ways may have been faster
        if payment.state in returns.KNOWN and returns.is_told_by(transaction):
            returns.follow(transaction, today=today, now=now)
        elif transaction.is_money and Payment.APPROVED not in Payment.MOVES.get(payment.state, ()):
            _book_extra(payment, transaction, today, now)
        elif transaction.is_money or not _counts_another(payment, transaction):
            _follow(payment, transaction, today, now)
    return Payment.get_by_id(payment.id)


def _counts_another(payment, transaction):
    """True when this payment is, or waits for, another transaction: what refuses this one is no news."""
    counts = payment.state in (Payment.HELD, *Payment.MONEY)
    return counts and payment.transaction_id != transaction.transaction_id


def _follow(payment, transaction, today, now):
    """Let the payment become what its transaction is."""
    match transaction.outcome():
        case Approved() if transaction.amount_cents != payment.amount_cents:
            _doubt(payment, "The processor reports another amount than was asked for.", now)
        case Approved():
            _book_transaction(payment, transaction, today, now)
        case Held():
            _hold(payment, transaction, now)
        case Declined() as refusal:
            _note_decline(payment, refusal, today, now)
        case Voided() | NothingChanged():
            _cancel(payment, transaction, today, now)
        case Returned():
            _take_back(payment, transaction, today, now)
        case InDoubt(why=why):
            _doubt(payment, why, now)


def _book_transaction(payment, transaction, today, now):
    _book(
        payment,
        today,
        now,
        Payment.SETTLED if transaction.is_settled else Payment.APPROVED,
        kind=transaction.kind,
        method_label=transaction.method_label or payment.method_label,
        transaction_id=transaction.transaction_id,
        auth_code=transaction.auth_code,
    )


def _book(payment, today, now, state=Payment.APPROVED, **known):
    """The money is ours: apply it to what it was meant for; what is no longer owed stays on the account."""
    ended = {"concluded_at": now, "ask_at": None, "form_token": "", "reason": "", "retry_on": None}
    move(payment, state, received_on=today, **ended, **known)
    _free_invoices(payment)
    _apply_to_parts(payment, today)
    notices.queue_receipt(payment, now=now)
    events.record("payment.approved", payment, by="processor", now=now)


def _apply_to_parts(payment, today):
    ledger.open_money(payment)
    for part in payment.parts:
        invoice = Invoice.get_by_id(part.invoice_id)
        cents = min(part.amount_cents, invoice.open_cents)
        if cents:
            ledger.apply(payment, [(invoice, cents)], by="processor", on=today)


def _free_invoices(payment):
    PaymentPart.update(live=False).where(PaymentPart.payment == payment).execute()


def _hold(payment, transaction, now):
    """Neither paid nor failed: the processor's people look at it, and the invoices stay claimed."""
    if Payment.HELD not in Payment.MOVES.get(payment.state, ()):
        return
    move(payment, Payment.HELD, transaction_id=transaction.transaction_id, ask_at=now + ASK_LATER)
    _claim_again(payment)
    events.record("payment.held", payment, by="processor", now=now)


def _claim_again(payment):
    """A review that begins after we stopped waiting claims its invoices again, but for those of others."""
    other = PaymentPart.alias()
    taken = other.select(other.invoice).where(other.live)
    PaymentPart.update(live=True).where(
        (PaymentPart.payment == payment) & ~PaymentPart.live & PaymentPart.invoice.not_in(taken)
    ).execute()


def _note_decline(payment, refusal, today, now):
    """While the page can still be sent, the customer may try another card there: the claim stays."""
    may_try_again = payment.method_id is None and now < _opened_at(payment) + attempts.QUARANTINE
    if may_try_again and payment.state in (Payment.SENT, Payment.IN_DOUBT):
        Payment.update(reason=refusal.sentence[:255]).where(Payment.id == payment.id).execute()
    elif payment.state in Payment.LIVE:
        code, id = refusal.reason_code, refusal.transaction_id or None
        _end(payment, Payment.DECLINED, refusal.sentence, now, today, decline_code=code, transaction_id=id)


def _end(payment, state, reason, now, today, **changes):
    """No money moved and none will: free the invoices. The same consequences, whoever found it out."""
    with db.atomic():
        move(payment, state, reason=reason[:255], concluded_at=now, ask_at=None, form_token="", **changes)
        _free_invoices(payment)
        events.record(f"payment.{state}", payment, by="processor", now=now, reason=reason)
        if state == Payment.DECLINED and payment.method_id:
            retries.after_decline(payment, today=today, now=now)


def _cancel(payment, transaction, today, now):
    """Canceled at the processor: by a refund of ours, by its people, or before we counted it."""
    if payment.state in Payment.LIVE:
        why = "The payment was canceled at the processor."
        _end(payment, Payment.VOIDED, why, now, today, transaction_id=transaction.transaction_id)
    else:
        refunds.payment_voided(payment, today=today, now=now)


def _take_back(payment, transaction, today, now):
    """A debit came back before we knew that it had gone through: it counts for a moment, and then no more."""
    if payment.state in Payment.LIVE and transaction.was_returned:
        _book_transaction(payment, transaction, today, now)
        returns.follow(transaction, today=today, now=now)


def _doubt(payment, why, now):
    """Keep the claim, tell staff, ask again."""
    if payment.state in (Payment.PREPARED, Payment.SENT):
        next_question = ASK_CHARGE_AT[0] if payment.method_id else ASK_AT[1]
        move(payment, Payment.IN_DOUBT, reason=why[:255], ask_at=now + next_question)
        events.record("payment.in_doubt", payment, by="processor", now=now, reason=why)


def _nothing_found(payment, today, now):
    """An empty search proves nothing while a page could still be sent, or the lists could still lag."""
    if payment.state == Payment.HELD or not attempts.never_arrived(payment, _opened_at(payment), now):
        return
    declined = payment.reason and payment.state == Payment.SENT
    never = (
        "The charge never reached the processor."
        if payment.method_id
        else "The payment page was never completed."
    )
    reason = payment.reason if declined else never
    with suppress(StaleState):  # it was booked while we searched
        _end(payment, Payment.DECLINED if declined else Payment.EXPIRED, reason, now, today)


def unresolved(now):
    """A query of the attempts that have had no answer for three days: work for a person."""
    silent = Payment.created_at <= now - attempts.UNRESOLVED
    return Payment.select().where(Payment.state.in_((Payment.SENT, Payment.IN_DOUBT)) & silent)


def conclude_by_hand(payment, *, reason, by, today, now):
    """A person found out that no money moved: free the invoices. Returns the payment.

    Only after three days without an answer; should the processor report the money one day, it is booked.
    """
    if not unresolved(now).where(Payment.id == payment.id).exists():
        raise BillingError("Only a payment that has had no answer for three days is concluded by hand.")
    if not reason.strip():
        raise BillingError("Say how you found out; your colleagues will read it.")
    with ledger.locked(payment.customer_id):
        payment = Payment.get_by_id(payment.id)
        events.record("payment.concluded_by_hand", payment, by=by, now=now, reason=reason)
        _end(payment, Payment.EXPIRED, f"{reason} ({by})", now, today)
    return payment


def _opened_at(payment):
    return payment.form_token_at or payment.created_at


def _next_question(payment, now):
    waits, afterwards = (ASK_CHARGE_AT, ASK_CHARGE_LATER) if payment.method_id else (ASK_AT, ASK_LATER)
    if payment.state == Payment.HELD:
        waits = ()
    return attempts.next_question(_opened_at(payment), now, waits, afterwards)


def _ask_again(payment, ask_at):
    Payment.update(ask_at=ask_at).where(
        (Payment.id == payment.id) & (Payment.state == payment.state)
    ).execute()


def _book_extra(payment, transaction, today, now):
    """The customer managed to pay twice: keep the second as unapplied, for a refund, and know it once."""
    if Payment.select().where(Payment.transaction_id == transaction.transaction_id).exists():
        return
    extra = Payment.create(
        customer=payment.customer_id,
        reference=f"{payment.reference}-{transaction.transaction_id[-4:]}",
        key=f"extra:{transaction.transaction_id}",
        state=Payment.APPROVED,
        kind=transaction.kind,
        amount_cents=transaction.amount_cents,
        method_label=transaction.method_label,
        transaction_id=transaction.transaction_id,
        auth_code=transaction.auth_code,
        received_on=today,
        reason="Paid a second time on another open page. Refund it, or keep it as credit if they wish.",
        created_at=now,
        concluded_at=now,
    )
    ledger.open_money(extra)
    notices.queue_receipt(extra, now=now)
    events.record("payment.twice", extra, by="processor", now=now, reason=extra.reason)


# --- By hand: check, cash, money order, wire -----------------------------------------------------


def record(
    customer, *, amount_cents, kind, received_on, key, by, today, now,
    check_number="", parts=None, note="", confirmed=False,
):  # fmt: skip
    """Enter a payment that came by hand. Returns the Payment; the same ``key`` again, the same one.

    parts     -- [(invoice, cents)] to pay; None pays the oldest invoices first. The rest becomes credit.
    confirmed -- staff looked twice at an amount far above what is owed

    Raises BillingError with a sentence for what cannot be.
    """
    with ledger.locked(customer.id):
        if earlier := _same_click(customer, key):
            return earlier
        _check_by_hand(customer, amount_cents, kind, received_on, parts, confirmed, today)
        payment = Payment.create(
            customer=customer,
            reference=attempts.reference("PL"),
            key=key,
            state=Payment.APPROVED,
            kind=kind,
            amount_cents=amount_cents,
            received_on=received_on,
            method_label=_by_hand_label(kind, check_number),
            check_number=check_number,
            entered_by=by,
            note=note[:255],
            created_at=now,
            concluded_at=now,
        )
        ledger.open_money(payment)
        if parts is None:
            ledger.apply_oldest_first(payment, by=by, on=today)
        else:
            ledger.apply(payment, parts, by=by, on=today)
        notices.queue_receipt(payment, now=now)
        events.record("payment.recorded", payment, by=by, now=now, customer=customer)
    return payment


def _check_by_hand(customer, amount_cents, kind, received_on, parts, confirmed, today):
    if kind not in Payment.BY_HAND:
        raise BillingError("Choose check, cash, money order or wire.")
    if amount_cents <= 0:
        raise BillingError("Enter an amount above zero.")
    if received_on > today:
        raise BillingError("The payment cannot have come in the future. Check the date.")
    if parts and sum(cents for _, cents in parts) > amount_cents:
        raise BillingError("The invoices add up to more than the payment.")
    owed = ledger.balance(customer, today=today).due_cents
    if amount_cents >= SUSPICIOUS_TIMES * max(owed, 100) and not confirmed:
        raise BillingError(
            f"{format_cents(amount_cents)} is far more than the {format_cents(owed)} that is owed. "
            "If it is right, tick “The amount is right” and save again."
        )


def _by_hand_label(kind, check_number):
    name = {
        Payment.CHECK: "Check",
        Payment.CASH: "Cash",
        Payment.MONEY_ORDER: "Money order",
        Payment.WIRE: "Wire",
        Payment.BILL_PAY: "Bank bill pay",
    }[kind]
    return f"{name} {check_number}".strip()
