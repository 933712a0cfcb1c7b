"""What a customer reads of autopay and of saved methods, as plain values: mail and page print the same.

Only words, dates and cents, read from rows once. What is charged, and when, is decided in ``autopay`` and
``upcoming``; nothing here writes a row.
"""

from dataclasses import dataclass
from datetime import date

from billing import company as companies
from billing import demands, ledger, letterheads, naming, words
from billing.automatic import autopay, consent, upcoming
from billing.errors import BillingError
from billing.money import format_cents
from billing.plans import standing as plans
from models import Autopay, PaymentMethod


@dataclass(frozen=True)
class Charged:
    """One invoice among those that are charged together."""

    number: str
    due_on: date
    cents: int


@dataclass(frozen=True)
class ChargeDocument:
    """One charge to come: everything that is charged on one day."""

    customer_name: str
    account_number: str
    charge_on: date
    cents: int
    method: str
    invoices: tuple[Charged, ...]
    is_retry: bool
    why_not: str  # a sentence when it is not charged by itself
    put_off_from_on: date | None = None
    when: str = ""  # the day in a sentence
    advice: str = ""
    needs_another_method: bool = False

    @property
    def sentence(self):
        """What will happen, in one sentence or two."""
        if self.why_not:
            return self.why_not
        again = "will try again to charge" if self.is_retry else "will charge"
        method = naming.in_a_sentence(self.method)
        return f"Autopay {again} {format_cents(self.cents)} {self.when} from {method}. {self.advice}"

    @property
    def numbers(self):
        """The invoices in a sentence."""
        numbers = [invoice.number for invoice in self.invoices]
        return f"invoice{'s' if len(numbers) > 1 else ''} {words.joined(numbers)}"


def charge_document(charge, *, company=None):
    """The ChargeDocument of an upcoming.Upcoming."""
    company = company or companies.current()
    customer = charge.autopay.customer
    return ChargeDocument(
        customer_name=customer.name,
        account_number=customer.account_number,
        charge_on=charge.charge_on,
        cents=charge.cents,
        method=charge.method.label,
        invoices=tuple(
            Charged(naming.number(row.invoice, company), row.invoice.due_on, row.cents)
            for row in charge.planned
        ),
        is_retry=charge.is_retry,
        why_not=charge.why_not,
        put_off_from_on=min(
            (row.postponed_from_on for row in charge.planned if row.postponed_from_on), default=None
        ),
        when=charge.when,
        advice=charge.advice,
        needs_another_method=charge.needs_another_method,
    )


def charges(customer, *, today, company=None):
    """Every charge to come of a customer as a ChargeDocument, earliest first."""
    return tuple(charge_document(one, company=company) for one in upcoming.of_customer(customer, today=today))


@dataclass(frozen=True)
class ChargeLetter:
    """A charge to come on paper, for who has no mail address."""

    company: letterheads.Letterhead
    customer_name: str
    account_number: str
    bill_to: tuple[str, ...]
    charge: ChargeDocument
    agreed: str
    by_bank: bool  # the bank can be told to stop it, too
    can_wait: bool
    language: str = "en"


def charge_letter(notice, *, today, now):
    """The ChargeLetter of a notice on paper. Raises BillingError when nothing is charged then any more."""
    customer = notice.customer
    coming = upcoming.of_customer(customer, today=today)
    charge = next((one for one in coming if one.is_promise and one.charge_on == notice.charge_on), None)
    if charge is None:
        raise BillingError("Nothing is charged on that day any more, so this letter need not leave.")
    company = companies.current()
    return ChargeLetter(
        company=letterheads.of(company),
        customer_name=customer.name,
        account_number=customer.account_number,
        bill_to=(customer.name, *customer.address_lines),
        charge=charge_document(charge, company=company),
        agreed=words.moment(charge.autopay.agreed_at, company.time_zone),
        by_bank=charge.method.kind == PaymentMethod.BANK,
        can_wait=bool(autopay.waits_left(customer.id, now=now)),
        language=customer.language,
    )


# --- The authorization ---------------------------------------------------------------------------


@dataclass(frozen=True)
class AgreementDocument:
    """An authorization as it was agreed to, with everything that proves it."""

    customer_name: str
    account_number: str
    method: str
    day: str
    paragraphs: tuple[str, ...]
    version: str
    agreed: str
    agreed_by: str
    agreed_from: str
    ended: str
    end_reason: str
    charges: tuple[ChargeDocument, ...]
    under_way: tuple["UnderWay", ...]
    rests: tuple[str, ...] = ()  # sentences: what is open and not among ``charges``, and what becomes of it
    number: int = 0
    former_method: str = ""  # of the authorization that this one replaced

    @property
    def is_standing(self):
        return not self.ended

    @property
    def headline(self):
        """What happened, in a few words."""
        return "Autopay has changed" if self.former_method else "Autopay is on"

    @property
    def sentence(self):
        """What it means from now on; what was before, when it replaces something else."""
        now = f"From now on your invoices are paid from {naming.in_a_sentence(self.method)}, {self.day}"
        if not self.former_method:
            return f"{now}."
        if self.former_method == self.method:
            return f"{now}. These words replace those that you agreed to before."
        return f"{now}, and no longer from {naming.in_a_sentence(self.former_method)}."


@dataclass(frozen=True)
class UnderWay:
    """A charge that was sent before autopay ended, and is not concluded."""

    cents: int
    method: str
    sent: str


def agreement_document(agreement, *, today, company=None):
    """The AgreementDocument of an Autopay row, as it stands now."""
    company = company or companies.current()
    customer = agreement.customer
    is_standing = agreement.ended_at is None
    coming = upcoming.of_customer(customer, today=today) if is_standing else ()
    return AgreementDocument(
        customer_name=customer.name,
        account_number=customer.account_number,
        method=agreement.method.label,
        day=consent.day_words(agreement),
        paragraphs=tuple(agreement.text.splitlines()),
        version=agreement.text_version,
        agreed=words.moment(agreement.agreed_at, company.time_zone),
        agreed_by=_who(agreement),
        agreed_from=agreement.agreed_from,
        ended="" if is_standing else words.moment(agreement.ended_at, company.time_zone),
        end_reason=agreement.end_reason,
        charges=tuple(charge_document(one, company=company) for one in coming),
        rests=tuple(_rests(customer, coming, company, today)) if is_standing else (),
        under_way=tuple(
            UnderWay(
                payment.amount_cents,
                payment.method_label or agreement.method.label,
                words.moment(payment.created_at, company.time_zone),
            )
            for payment in autopay.under_way(agreement)
        ),
        number=agreement.id,
        former_method=_former_method(agreement),
    )


def _rests(customer, coming, company, today):
    """What is open and not charged, or only later, a sentence each: disputed, in a plan, or put aside."""
    charged = {row.invoice_id for one in coming for row in one.planned}
    invoices = list(ledger.open_invoices(customer))
    found = demands.of_invoices(invoices)
    for invoice in invoices:
        number = naming.number(invoice, company)
        if cents := demands.disputed_cents(found[invoice.id]):
            yield f"{format_cents(cents)} of invoice {number} is disputed. Nothing of that is charged."
        alone = [one for one in found[invoice.id] if one.kind == demands.INVOICE]
        if alone and invoice.id not in charged:
            due, cents = words.date(alone[0].due_on), format_cents(sum(one.cents for one in alone))
            yield f"{cents} of invoice {number}, due {due}, is not charged by itself. It is yours to pay."
    days = {one.charge_on for one in coming}
    for stands in plans.of_many(list(plans.running(customer)), today=today).values():
        yield from _plan_rests(stands, days)


def _plan_rests(stands, days):
    """What of a plan is not charged with ``days``."""
    by_itself = stands.plan.autopay
    rows = [row for row in stands.rows if row.open_cents and not (by_itself and row.due_on in days)]
    if rows:
        cents, day = format_cents(sum(row.open_cents for row in rows)), words.date(rows[0].due_on)
        how = (
            "charged on the days of its payments" if by_itself else "yours to pay on the days of its payments"
        )
        yield f"{cents} of your plan is {how}, next on {day}."


def _former_method(agreement):
    """What the authorization charged that ended in the moment in which this one began; else nothing."""
    ended = (Autopay.customer == agreement.customer_id) & (Autopay.ended_at == agreement.agreed_at)
    former = Autopay.select().where(ended & (Autopay.id < agreement.id)).order_by(Autopay.id.desc()).first()
    return former.method.label if former else ""


def _who(agreement):
    contact = agreement.contact
    return f"{contact.name}, {contact.email}" if contact and contact.email else agreement.agreed_by


# --- A saved method ------------------------------------------------------------------------------


@dataclass(frozen=True)
class MethodDocument:
    """A saved card or account in a message: what it is, what changed, and what that means."""

    label: str
    kind: str
    expires: str
    expires_on: date | None
    change: str
    reason: str
    is_autopay: bool
    next_charge: ChargeDocument | None

    @property
    def headline(self):
        """What happened to it, in a few words."""
        return {
            "added": f"{self.label} was saved",
            "removed": f"{self.label} was removed",
            "updated": f"Your bank renewed your {naming.in_a_sentence(self.label)}",
            "disabled": f"{self.label} can no longer be charged",
        }.get(self.change, self.label)


def method_document(method, *, today, change=""):
    """The MethodDocument of a PaymentMethod. ``change``: added, removed, updated, disabled, or nothing."""
    is_autopay = method.autopays.where(Autopay.ended_at.is_null()).exists()
    coming = charges(method.customer, today=today) if is_autopay else ()
    return MethodDocument(
        label=method.label,
        kind="card" if method.kind == PaymentMethod.CARD else "bank account",
        expires=f"{method.expires_on:%m/%y}" if method.expires_on else "",
        expires_on=method.expires_on,
        change=change,
        reason=method.reason,
        is_autopay=is_autopay,
        next_charge=coming[0] if coming else None,
    )
