"""Saved ways to pay: the cards and bank accounts that the processor keeps for a customer.

The processor's list is the truth and our rows follow it: what was added on its page, what somebody deleted
there, what a card network updated. A number never comes here. No transaction is open while it is asked.
"""

from datetime import timedelta

from billing import events, ledger, masking, notices
from billing.automatic import autopay
from billing.errors import BillingError, GatewayUnavailable
from billing.states import move
from models import Autopay, Customer, Event, Payment, PaymentMethod, among, db

MOST = 10  # that the processor keeps for one customer
WARN_DAYS = (30, 7)  # before a card expires
RENEWS = ("last_four", "expires_on")  # what the bank refused for good may be charged again with a new one
GONE = "It is no longer saved with our payment processor."
ACCOUNT_CLOSED = "The bank says that this card's account is closed."
ASK_OWNER = "The bank asks that you give us the number of your card anew."


# --- Reading -------------------------------------------------------------------------------------


def active(customer):
    """A query of what can be charged now, in the order in which it was added."""
    return customer.methods.where(PaymentMethod.state == PaymentMethod.ACTIVE).order_by(PaymentMethod.id)


def kept(customer):
    """A query of everything that the processor keeps for a customer, also what cannot be charged any more."""
    return customer.methods.where(PaymentMethod.state != PaymentMethod.REMOVED).order_by(PaymentMethod.id)


# --- Adding --------------------------------------------------------------------------------------


def start_adding(customer, *, gateway, return_url, now):
    """Ask for the processor's page where this customer adds a card or a bank account. Returns a HostedPage.

    Raises BillingError when as many are saved as can be, and GatewayUnavailable.
    """
    if kept(customer).count() >= MOST:
        raise BillingError(
            f"{MOST} cards and accounts are saved, which is the most there can be. Please remove one first."
        )
    page = gateway.hosted_profile_page(profile(customer, gateway=gateway), return_url=return_url)
    if page is None:  # somebody deleted the profile over there
        _forget_profile(customer, now)
        page = gateway.hosted_profile_page(profile(customer, gateway=gateway), return_url=return_url)
    if page is None:
        raise GatewayUnavailable("Our payment processor cannot open its page right now. Try again later.")
    return page


def profile(customer, *, gateway):
    """The id of the customer's profile at the processor, made when there is none.

    Raises GatewayUnavailable.
    """
    if not customer.profile_id:
        _, email = notices.payers_with_mail([customer.id]).get(customer.id, [(None, "")])[0]
        made = gateway.create_profile(
            customer_number=customer.account_number, email=email, description=customer.name
        )
        is_mine = (Customer.id == customer.id) & (Customer.profile_id == "")
        Customer.update(profile_id=made).where(is_mine).execute()
        customer.profile_id = Customer.get_by_id(customer.id).profile_id
    return customer.profile_id


def refresh(customer, *, gateway, by, now):
    """Let our rows follow what the processor keeps. Returns the methods that are new.

    A profile that is gone there takes its methods, and autopay by them, along. What somebody else added,
    removed or disabled while we asked stays as it is: they know better. Raises GatewayUnavailable.
    """
    if not customer.profile_id:
        return []
    before = _states(customer)
    stored = gateway.stored_methods(customer.profile_id)
    if stored is None:
        _forget_profile(customer, now)
        return []
    with ledger.locked(customer.id):  # of two that look at once, the second finds the work done
        known = {method.token: method for method in customer.methods}
        newer = {token for token, method in known.items() if before.get(token) != method.state}
        ours = [one for one in stored if one.method_id not in newer]
        added = [_follow(customer, known.get(one.method_id), one, by, now) for one in ours]
        there = {one.method_id for one in stored}
        for method in list(kept(customer)):
            if method.token not in there | newer:
                _retire(method, GONE, by, now)
    return [method for method in added if method is not None]


def _states(customer):
    """{token: state} of all methods of a customer."""
    return dict(customer.methods.select(PaymentMethod.token, PaymentMethod.state).tuples())


def _follow(customer, method, stored, by, now):
    """Let one row follow what is stored. Returns the row when it is new to us, else None."""
    told = {
        "label": stored.label[:60],
        "last_four": stored.last_four[:4],
        "expires_on": stored.expires_on,
        "account_type": stored.account_type[:20],
    }
    if method is None:
        return _add(customer, stored, told, by, now)
    changed = {name: value for name, value in told.items() if value and getattr(method, name) != value}
    is_renewed = method.state == PaymentMethod.DISABLED and any(
        name in changed and getattr(method, name) for name in RENEWS
    )
    if method.state == PaymentMethod.REMOVED or is_renewed:
        move(method, PaymentMethod.ACTIVE, reason="", ended_at=None, **changed)
        _tell(method, "added", by, now)
        return method
    if changed:
        PaymentMethod.update(**changed).where(PaymentMethod.id == method.id).execute()
        _tell(PaymentMethod.get_by_id(method.id), "updated", by, now)
    return None


def _add(customer, stored, told, by, now):
    made = PaymentMethod.create(
        customer=customer,
        token=stored.method_id,
        kind=stored.kind,
        network_transaction_id=stored.network_transaction_id,
        added_by=by,
        added_at=now,
        **told,
    )
    _tell(made, "added", by, now)
    return made


def _tell(method, change, by, now, reason=""):
    """Every change is mailed to the payers: nobody changes a way to pay unseen."""
    events.record(f"method.{change}", method, by=by, now=now, reason=reason, after={"label": method.label})
    notices.queue_method_changed(method, change, now=now)


def _forget_profile(customer, now):
    """The processor has no such profile: a new one is made when it is needed."""
    with ledger.locked(customer.id):
        for method in list(kept(customer)):
            _retire(method, GONE, "processor", now)
        Customer.update(profile_id="").where(
            (Customer.id == customer.id) & (Customer.profile_id == customer.profile_id)
        ).execute()
    customer.profile_id = ""


def can_save(payment):
    """True when what paid can be saved for the next time: paid online, and not by a saved method."""
    return (
        payment.state in Payment.MONEY
        and payment.kind in Payment.BY_PROCESSOR
        and payment.method_id is None
        and bool(payment.transaction_id)
    )


def save_from(payment, *, gateway, by, now):
    """Save the card or account of a payment for the next time. Returns the PaymentMethod.

    Saved already is fine. Raises BillingError when it cannot be, and GatewayUnavailable.
    """
    if not can_save(payment):
        raise BillingError(
            "This way of paying cannot be saved. You can add it on the page of saved ways to pay."
        )
    customer = payment.customer
    token = gateway.save_method(payment.transaction_id, profile_id=profile(customer, gateway=gateway))
    refresh(customer, gateway=gateway, by=by, now=now)
    saved = customer.methods.where(PaymentMethod.token == token).first()
    if saved is None:
        raise GatewayUnavailable("Our payment processor has not saved it yet. Please look again in a minute.")
    return saved


# --- Ending --------------------------------------------------------------------------------------


def remove(method, *, gateway, by, now):
    """Forget a method, at the processor first. Autopay by it ends. Returns the PaymentMethod.

    Raises GatewayUnavailable; then nothing has changed.
    """
    if method.state == PaymentMethod.REMOVED:
        return method
    if method.customer.profile_id:
        gateway.delete_method(method.customer.profile_id, method.token)
    with ledger.locked(method.customer_id):
        _retire(PaymentMethod.get_by_id(method.id), "", by, now)
    return PaymentMethod.get_by_id(method.id)


def _retire(method, reason, by, now):
    """It is not there any more; whatever would be charged to it is not."""
    if method.state == PaymentMethod.REMOVED:
        return
    move(method, PaymentMethod.REMOVED, reason=reason, ended_at=now)
    for standing in method.autopays.where(Autopay.ended_at.is_null()):
        autopay.end(standing, reason=f"{method.label} was removed.", by=by, now=now)
    _tell(method, "removed", by, now, reason)


def disable(method, *, reason, by, now):
    """Charge it no more, until its owner has renewed it. Ends nothing: autopay waits, and says why.

    Returns the PaymentMethod. What the customer reads of it is sent by whoever calls this.
    """
    if method.state == PaymentMethod.ACTIVE:
        move(method, PaymentMethod.DISABLED, reason=reason[:255], ended_at=now)
        events.record("method.disabled", method, by=by, now=now, reason=reason)
    return method


def stop(method, *, reason, by, now):
    """Staff see to it that a card or account is charged no more, at once; its owner is told by mail.

    Its owner may still remove it, renew it, or save another one. Raises BillingError when nothing of it can
    be charged anyhow.
    """
    with ledger.locked(method.customer_id):
        method = PaymentMethod.get_by_id(method.id)
        if method.state != PaymentMethod.ACTIVE:
            raise BillingError(f"{method.label} is not charged any more as it is.")
        reason = masking.typed(reason)
        move(method, PaymentMethod.DISABLED, reason=reason[:255], ended_at=now)
        _tell(method, "disabled", by, now, reason)
    return method


# --- Watching ------------------------------------------------------------------------------------


def warn_expiring(today, *, now):
    """Mail the owners of cards that expire soon, once 30 and once 7 days ahead; returns how many cards.

    *Due and not yet done*: a job that rested warns later, but not of what has expired already.
    """
    soon = PaymentMethod.select().where(
        (PaymentMethod.state == PaymentMethod.ACTIVE)
        & (PaymentMethod.expires_on >= today)
        & (PaymentMethod.expires_on <= today + timedelta(days=max(WARN_DAYS)))
    )
    due = {}
    for method in soon.order_by(PaymentMethod.id):
        left = (method.expires_on - today).days
        due[f"{method.expires_on}:{min(days for days in WARN_DAYS if days >= left)}", method.id] = method
    said = _said("method.expiring", {id for _, id in due})
    for (step, id), method in due.items():
        if (id, step) not in said:
            with db.atomic():
                notices.queue_method_expiring(method, int(step.rpartition(":")[2]), now=now)
                events.record("method.expiring", method, by="daily job", now=now, reason=step)
    return len(due.keys() - {(step, id) for id, step in said})


def _said(what, method_ids):
    """{(method id, reason)} of the events of one kind about these methods."""
    past = Event.select(Event.about_id, Event.reason).where(
        (Event.about_table == "payment_method") & (Event.what == what) & among(Event.about_id, method_ids)
    )
    return set(past.tuples())


def read_updates(*, gateway, today, now):
    """Follow what the card networks' monthly updater did to stored cards; returns how many it changed.

    New numbers and dates are taken over, a closed account is charged no more; the owner is told of both.
    Each update counts once. Raises GatewayUnavailable.
    """
    if not PaymentMethod.select().exists():
        return 0
    cards = (PaymentMethod.state == PaymentMethod.ACTIVE) & (PaymentMethod.kind == PaymentMethod.CARD)
    if not PaymentMethod.select().where(cards).exists():
        return 0
    updates = _updates(gateway, today)
    rows = PaymentMethod.select().where(among(PaymentMethod.token, {one.method_id for one, _ in updates}))
    known = {method.token: method for method in rows}
    said = _said("method.account_update", {method.id for method in known.values()})
    count = 0
    for update, step in updates:
        method = known.get(update.method_id)
        if method is not None and (method.id, step) not in said:
            _follow_update(method, update, step, gateway, now)
            said.add((method.id, step))
            count += 1
    return count


def _updates(gateway, today):
    """[(AccountUpdate, what names it)] of this month and, in its first days, before it of the last."""
    months = [today] if today.day > 5 else [today.replace(day=1) - timedelta(days=1), today]
    return [
        (one, f"{one.reason} {one.updated_at or f'in {month:%Y-%m}'}")
        for month in months
        for one in gateway.account_updates(month)
    ]


def _follow_update(method, update, step, gateway, now):
    if update.is_new_data:
        refresh(method.customer, gateway=gateway, by="card network", now=now)
    with ledger.locked(method.customer_id):
        method = PaymentMethod.get_by_id(method.id)
        if update.deleted:
            _retire(method, ACCOUNT_CLOSED, "card network", now)
        elif not update.is_new_data and method.state == PaymentMethod.ACTIVE:
            reason = ACCOUNT_CLOSED if update.reason == "ACL" else ASK_OWNER
            disable(method, reason=reason, by="card network", now=now)
            notices.queue_method_changed(method, "disabled", now=now)
        events.record("method.account_update", method, by="card network", now=now, reason=step)
