"""How a plan comes about: offered, signed, accepted, answered with another one, refused.

A customer's plan inside the policy runs the moment that it is signed; outside of it, it waits as a proposal
with a ticket. Staff's proposal waits for the customer's signature. Whoever was faster wins: what is open is
read again under the customer's lock, and an invoice is in one running plan at most (a unique index).
"""

from dataclasses import dataclass
from datetime import date

from peewee import IntegrityError

from billing import company as companies
from billing import events, ledger, masking, promises, tickets, words
from billing.automatic import autopay, following
from billing.errors import BillingError
from billing.money import format_cents
from billing.plans import agreement, policy, shape, telling
from billing.states import move
from models import Installment, InstallmentPart, Plan, PlanInvoice, Staff

LONGEST_NAME, LONGEST_WORDS = 80, 2000
CHANGED = "Something changed since you opened this page, so nothing was agreed. Please look at it once more."
PUT_ASIDE = "It is paid in parts: an installment plan was agreed."


@dataclass(frozen=True)
class Wish:
    """What somebody asks for: how many payments, from when, how often, and amounts where they chose some."""

    count: int
    first_on: date
    rhythm: str = shape.MONTHLY
    typed: tuple = ()  # cents, or None for what is worked out; the last one always is
    autopay: bool = False


@dataclass(frozen=True)
class Offer:
    """A plan before anybody agrees: its days and amounts, every word of it, and who has to say yes."""

    shape: shape.Shape
    invoices: tuple  # [(Invoice, cents)]
    outside: tuple  # sentences: why our people look at it first
    text: str
    language: str

    @property
    def at_once(self):
        """True when it counts as soon as it is signed."""
        return not self.outside

    @property
    def sha256(self):
        """What the words are known by."""
        return agreement.fingerprint(self.text)


@dataclass(frozen=True)
class Signature:
    """Who signs, and how: typed name, where from, by which press of the button."""

    name: str
    key: str
    by: str
    via: str = Plan.PAGE
    contact: object = None
    ip: str = ""
    browser: str = ""

    def columns(self, now):
        """As columns of Plan. Raises BillingError without a name."""
        name = _typed(self.name, LONGEST_NAME)
        if not name:
            raise BillingError("Please type your name: it is your signature.")
        return {
            "name": name, "ip": self.ip[:45], "browser": self.browser[:255], "signed_at": now,
            "contact": self.contact, "via": self.via,
        }  # fmt: skip


def _typed(text, most):
    """Cut before it is masked as well: nobody keeps us busy with a megabyte of digits."""
    return masking.masked((text or "").replace("\x00", "").strip()[: 4 * most])[:most]


# --- Offering ------------------------------------------------------------------------------------


def first_wish(owed, *, today):
    """The Wish that a page begins with: as many payments as fit, the first one today."""
    company = companies.current()
    fits = owed.cents // company.plan_min_cents
    return Wish(max(shape.FEWEST, min(company.plan_max_count, fits, 3)), today)


def offer(customer, wish, *, today, invoice_ids=None):
    """The Offer for a Wish. Raises BillingError when there is nothing to split, or no such plan."""
    owed = policy.owed(customer, invoice_ids=invoice_ids)
    if not owed.invoices:
        raise BillingError(owed.others[0][1] if owed.others else "Nothing is open, so there is no plan.")
    if wish.rhythm not in shape.RHYTHMS:
        raise BillingError("Choose how often you would like to pay.")
    if not shape.FEWEST <= wish.count <= shape.MOST:
        raise BillingError(f"Choose from {shape.FEWEST} to {companies.current().plan_max_count} payments.")
    if not today <= wish.first_on <= today + policy.MOST_WAIT:
        last = words.date(today + policy.MOST_WAIT)
        raise BillingError(f"The first payment can be today or a later day, until {last}.")
    cents = shape.filled(owed.cents, wish.count, wish.typed)
    days = shape.days(wish.first_on, wish.count, wish.rhythm)
    made = shape.shaped(owed.pairs, zip(days, cents, strict=True))
    return _offered(customer, owed.invoices, made, wish.autopay, today)


def _offered(customer, invoices, made, wants_autopay, today):
    if sentence := policy.impossible(made, today=today):
        raise BillingError(sentence)
    label = _autopay_label(customer) if wants_autopay else ""
    text = agreement.text_of(customer, made, invoices=invoices, autopay_label=label)
    outside = tuple(policy.outside(customer, made, today=today))
    return Offer(made, tuple(invoices), outside, text, agreement.language_of(customer))


def _autopay_label(customer):
    """The saved method that standing autopay charges. Raises BillingError while there is none."""
    terms = autopay.standing(customer)
    if terms is None:
        raise BillingError("Autopay is off. Switch it on first, or agree to the plan without it.")
    return terms.method.label


# --- The customer signs --------------------------------------------------------------------------


def sign(customer, wish, signature, *, shown, today, now, invoice_ids=None, words=""):
    """Sign what the page showed: inside the policy the plan runs at once, else it waits for our answer.

    shown -- fingerprint of the words that stood on the page; others by now are refused
    words -- what the customer writes to us with a proposal

    Returns the Plan; the same press of the button returns the same one. Raises BillingError.
    """
    columns = signature.columns(now)
    with ledger.locked(customer.id):
        if known := Plan.get_or_none(Plan.key == signature.key):
            return known
        offered = offer(customer, wish, today=today, invoice_ids=invoice_ids)
        if offered.sha256 != shown:
            raise BillingError(CHANGED)
        plan = _write(
            customer, offered, signature.key, signature.by, today, now, autopay=wish.autopay,
            words=_typed(words, LONGEST_WORDS), **columns,
        )  # fmt: skip
        if offered.at_once:
            return _run(plan, by=signature.by, today=today, now=now)
        return _ask_us(plan, offered, signature, now)


def _write(customer, offered, key, by, today, now, **columns):
    """The rows of a plan that nobody has agreed to yet, in the caller's transaction."""
    made = offered.shape
    plan = Plan.create(
        key=key, customer=customer, amount_cents=made.cents, count=len(made.payments), by=by[:300],
        outside=" ".join(offered.outside)[:255], proposed_on=today, proposed_at=now, text=offered.text,
        text_sha256=offered.sha256, language=offered.language, **columns,
    )  # fmt: skip
    for invoice_id, cents in made.owed:
        PlanInvoice.create(plan=plan, invoice=invoice_id, amount_cents=cents)
    rows = {}
    for one in made.payments:
        columns = {"number": one.number, "due_on": one.due_on, "amount_cents": one.cents}
        rows[one.number] = Installment.create(plan=plan, **columns)
    for number, invoice_id, cents in made.parts:
        InstallmentPart.create(installment=rows[number], invoice=invoice_id, amount_cents=cents)
    return plan


def _ask_us(plan, offered, signature, now):
    payments = "\n".join(
        f"{one.number}. {format_cents(one.cents)} on {words.date(one.due_on)}"
        for one in offered.shape.payments
    )
    said = f"\n\n{plan.words}" if plan.words else ""
    plan.ticket = tickets.open(
        plan.customer,
        subject=f"Would like to pay {format_cents(plan.amount_cents)} in {plan.count} payments",
        body=f"{payments}{said}\n\n{' '.join(offered.outside)}",
        by=signature.by, now=now, contact=plan.contact, invoice=offered.invoices[0][0],
    )  # fmt: skip
    plan.save()
    events.record("plan.proposed", plan, by=signature.by[:80], now=now, after=_summary(plan))
    return plan


def _summary(plan):
    return {"amount_cents": plan.amount_cents, "count": plan.count}


# --- It runs -------------------------------------------------------------------------------------


def _run(plan, *, by, today, now):
    """Let a signed plan count, in the caller's lock of the customer. Raises BillingError when it cannot."""
    rows = list(plan.plan_invoices)
    _check_still(plan, rows, today)
    invoice_ids = [row.invoice_id for row in rows]
    try:
        PlanInvoice.update(active=True).where(PlanInvoice.plan == plan).execute()
    except IntegrityError:
        raise BillingError("One of these invoices is in another plan since. Nothing was agreed.") from None
    move(plan, Plan.RUNNING, agreed_on=today, agreed_at=now)
    promises.replaced(plan.customer_id, invoice_ids, reason="A plan was agreed instead.", by=by, now=now)
    if plan.autopay:
        following.follow(invoice_ids, today=today, agreed=True)
    else:
        autopay.put_aside(invoice_ids, PUT_ASIDE)
    events.record("plan.agreed", plan, by=by[:80], now=now, after=_summary(plan))
    telling.agreed(plan, now=now)
    return plan


def _check_still(plan, rows, today):
    """What is open must be what the agreement says it is, and its first day must not be over."""
    owed = policy.owed(plan.customer, invoice_ids=[row.invoice_id for row in rows])
    if sorted(owed.pairs) != sorted((row.invoice_id, row.amount_cents) for row in rows):
        why = owed.others[0][1] if owed.others else "What is open is not what it was when this was written."
        raise BillingError(f"This plan cannot be agreed as it stands. {why}")
    first = plan.installments.order_by(Installment.number).first()
    if first.due_on < today:
        raise BillingError(
            f"Its first payment was to come on {words.date(first.due_on)}, which is over. "
            "Please make a new proposal with later days."
        )


# --- Between the customer and our people ---------------------------------------------------------


def propose(customer, wish, *, staff, key, by, today, now, invoice_ids=None, contact=None, via=Plan.PHONE,
            replaces=None, note=""):  # fmt: skip
    """Staff write a plan for a customer, who agrees by the link in a mail. Returns the Plan.

    Outside the policy it needs billing or an owner; more than four payments need an owner.

    Raises BillingError when there is nobody to mail it to, or the role may not offer it.
    """
    with ledger.locked(customer.id):
        if known := Plan.get_or_none(Plan.key == key):
            return known
        offered = offer(customer, wish, today=today, invoice_ids=invoice_ids)
        override_by = _allowed(offered, staff)
        if contact is None and not telling.can_reach(customer):
            raise BillingError("Nobody at this customer has a mail address. Add one, so that they can agree.")
        plan = _write(
            customer, offered, key, by, today, now, autopay=wish.autopay, waits_for=Plan.CUSTOMER, via=via,
            contact=contact, replaces=replaces, override_by=override_by, words=_typed(note, LONGEST_WORDS),
        )  # fmt: skip
        events.record("plan.offered", plan, by=by[:80], now=now, after=_summary(plan))
        telling.agreed(plan, now=now)
    return plan


def _allowed(offered, staff):
    """Whose word it takes: the owner's name where more than four payments are offered, else ""."""
    most = companies.current().plan_max_count
    if len(offered.shape.payments) > most and staff.role != Staff.OWNER:
        raise BillingError(f"More than {most} payments may be offered by an owner only.")
    if offered.outside and staff.role not in (Staff.OWNER, Staff.BILLING):
        raise BillingError(f"Billing or an owner has to offer this one: {' '.join(offered.outside)}")
    return staff.name if len(offered.shape.payments) > most else ""


def confirm(plan, signature, *, shown, today, now):
    """The customer signs what staff proposed. Returns the Plan, which runs; twice is once."""
    columns = signature.columns(now)
    columns.pop("via")
    with ledger.locked(plan.customer_id):
        plan = Plan.get_by_id(plan.id)
        if plan.state == Plan.RUNNING:
            return plan
        if plan.state != Plan.PROPOSED or plan.waits_for != Plan.CUSTOMER:
            raise BillingError("This proposal does not stand any more. You can make one yourself.")
        if plan.text_sha256 != shown:
            raise BillingError(CHANGED)
        for name, value in columns.items():
            setattr(plan, name, value)
        plan.save()
        return _run(plan, by=signature.by, today=today, now=now)


def accept(plan, *, staff, by, today, now):
    """Staff say yes to what a customer signed. Returns the Plan, which runs."""
    with ledger.locked(plan.customer_id):
        plan = _ours_to_answer(plan)
        if staff.role not in (Staff.OWNER, Staff.BILLING):
            raise BillingError("Billing or an owner has to accept this one.")
        if plan.count > companies.current().plan_max_count:
            if staff.role != Staff.OWNER:
                raise BillingError("So many payments may be accepted by an owner only.")
            Plan.update(override_by=staff.name).where(Plan.id == plan.id).execute()
        plan = _run(plan, by=by, today=today, now=now)
        _close_ticket(plan, by, now)
    return plan


def counter(plan, wish, *, staff, key, by, today, now, note=""):
    """Answer a customer's proposal with another one, for the customer to agree to. Returns the new Plan."""
    with ledger.locked(plan.customer_id):
        plan = _ours_to_answer(plan)
        covered = [row.invoice_id for row in plan.plan_invoices]
        made = propose(
            plan.customer, wish, staff=staff, key=key, by=by, today=today, now=now, invoice_ids=covered,
            contact=plan.contact, replaces=plan, note=note,
        )  # fmt: skip
        _refused(plan, "We answered it with another proposal.", by, today, now)
        _close_ticket(plan, by, now)
    return made


def refuse(plan, *, reason, staff, by, today, now):
    """Say no to a proposal, with a reason that the customer reads. Returns the Plan."""
    reason = _typed(reason, 250)
    if not reason:
        raise BillingError("Say why, in a sentence that the customer reads.")
    with ledger.locked(plan.customer_id):
        plan = _ours_to_answer(plan)
        _refused(plan, reason, by, today, now)
        if plan.ticket_id:
            tickets.reply(plan.ticket, body=reason, by=by, now=now, staff=staff)
    return plan


def withdraw(plan, *, reason, by, today, now):
    """Take back a proposal of ours that the customer has not signed. Returns the Plan."""
    with ledger.locked(plan.customer_id):
        plan = Plan.get_by_id(plan.id)
        if plan.state != Plan.PROPOSED or plan.waits_for != Plan.CUSTOMER:
            raise BillingError("This is no proposal of ours that waits.")
        _refused(plan, _typed(reason, 250) or "It was taken back.", by, today, now)
    return plan


def _ours_to_answer(plan):
    plan = Plan.get_by_id(plan.id)
    if plan.state != Plan.PROPOSED or plan.waits_for != Plan.US:
        raise BillingError("This proposal was answered already.")
    return plan


def _refused(plan, reason, by, today, now):
    move(plan, Plan.REFUSED, reason=reason, ended_on=today, ended_at=now, ended_by=by[:300])
    events.record("plan.refused", plan, by=by[:80], now=now, reason=reason)


def _close_ticket(plan, by, now):
    if plan.ticket_id:
        tickets.close(plan.ticket, by=by, now=now)
