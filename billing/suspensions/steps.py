"""What people do about a suspension, in the order of the story; each step asks whether it may go on."""

import json
from datetime import timedelta

from peewee import IntegrityError

from billing import approvals, authorities, contracts, events, ledger, masking, notices, words
from billing import company as companies
from billing.collections import gate
from billing.errors import BillingError
from billing.notices import timing
from billing.states import move
from billing.suspensions import standing
from models import Approval, AuthorityNotice, Contact, Notice, PrintBatch, PrintPiece, Suspension, db

WARNING, REST = "suspension_warning", "suspension"  # what a second person is asked for
CURED = "payment"  # who did it, in the audit
WHY = "What is open on this account may change what we do for you."
# What a person makes sure of where lives may depend on it.
CHECKS = {
    "spoke": "We spoke with somebody who lives or works there, and they know what may happen",
    "people": "Nobody there depends on it for their health, or they have other help",
    "way_out": "We offered another date, a plan and a smaller service",
    "told": "Whoever must be told (fire authority, certificate, family) is told in writing",
}


# --- Asking --------------------------------------------------------------------------------------


def objection(contract, *, today, now):
    """Why nobody may even ask for a suspension now, as a sentence; "" when two people may decide on it."""
    if contract.ends_on and contract.ends_on <= today:
        return "This contract ends anyway."
    if sentence := standing.not_late_enough(contract.customer, today):
        return sentence
    try:
        gate.refuse(contract.customer, gate.SUSPENSION, today=today, now=now)
    except BillingError as refusal:
        return str(refusal)
    return ""


def ask(contract, *, reason, by, today, now):
    """Ask that monitoring rests, and a second person for the warning. Returns the Suspension.

    Where lives may depend on it, the checklist (``check``) comes before anybody may agree.
    """
    reason = masking.reason(reason, "Say why: the second person decides by it.")
    with ledger.locked(contract.customer_id):
        if sentence := objection(contract, today=today, now=now):
            raise BillingError(sentence)
        cents, oldest_on = standing.of(contract.customer, today)
        try:
            with db.atomic():
                row = Suspension.create(
                    customer=contract.customer_id, contract=contract, reason=reason[:255],
                    owed_cents=cents, oldest_on=oldest_on, guarded=json.dumps(standing.guarded(contract)),
                    asked_by=by, asked_at=now,
                )  # fmt: skip
        except IntegrityError:
            raise BillingError("A suspension of this contract is under way already.") from None
        events.record("suspension.asked", row, by=by, now=now, reason=reason, after={"cents": cents})
        approvals.ask(WARNING, row, reason=reason, by=by, now=now, amount_cents=cents)
    return row


def check(suspension, answers, *, by, now):
    """Answer the checklist: every one of CHECKS, by a person. Returns the Suspension."""
    missing = [sentence for name, sentence in CHECKS.items() if name not in answers]
    if missing:
        raise BillingError(f"Not before this is so: {missing[0][0].lower()}{missing[0][1:]}.")
    if suspension.state not in (Suspension.ASKED, Suspension.WARNED):
        raise BillingError("Nothing is to be checked any more.")
    kept = {
        "checks": json.dumps(dict.fromkeys(sorted(CHECKS), True)),
        "checked_at": now,
        "checked_by": by[:80],
    }
    with db.atomic():
        Suspension.update(**kept).where(Suspension.id == suspension.id).execute()
        events.record("suspension.checked", suspension, by=by, now=now, after={"checks": sorted(CHECKS)})
    return Suspension.get_by_id(suspension.id)


# --- The warning ---------------------------------------------------------------------------------


def _warn(approval, *, by, today, now):
    """A second person agrees to the warning: it gets its day and leaves by letter and mail."""
    row = _still(approvals.about(approval), Suspension.ASKED, today, now)
    rests_on = _day_of_rest(today)
    move(row, Suspension.WARNED, warn_approval=approval, warned_at=now, warned_by=by, rests_on=rests_on)
    events.record("suspension.warned", row, by=by, now=now, after={"rests_on": rests_on})
    _tell(row, Notice.SUSPENSION_WARNING, now)


def _day_of_rest(today):
    """The policy's days from today, and never a Sunday or a holiday."""
    day = today + timedelta(days=companies.current().suspend_notice_days)
    while timing.is_quiet_day(day):
        day += timedelta(days=1)
    return day


def _still(row, state, today, now):
    """The suspension as it is now, if it may go on; raises BillingError with the reason otherwise."""
    row = Suspension.get_by_id(row.id)
    if row.state != state:
        raise BillingError("This suspension is not waiting for that any more.")
    if row.contract.ends_on and row.contract.ends_on <= today:
        raise BillingError("This contract ends anyway.")
    if sentence := (standing.cure_of(row, today)[1] or standing.not_late_enough(row.customer, today)):
        raise BillingError(sentence)
    gate.refuse(row.customer, gate.SUSPENSION, today=today, now=now)
    lives = standing.names_of(row) or standing.guarded(row.contract)
    if lives and row.checked_at is None:
        raise BillingError(f"Lives may depend on it: {words.joined(lives)}. Answer the checklist first.")
    return row


def _tell(row, kind, now):
    """By mail to everybody who pays, and by letter to the address of the account."""
    told = {"customer": row.customer_id, "why": WHY, "now": now, "suspension": row}
    for contact_id, _ in notices.payers_with_mail([row.customer_id]).get(row.customer_id, ()):
        contact = Contact.get_by_id(contact_id)
        notices.queue(kind, key=f"{kind}:{row.id}:{contact_id}", contact=contact, **told)
    notices.queue(kind, key=f"{kind}:{row.id}:paper", channel=Notice.PAPER, **told)


# --- The day -------------------------------------------------------------------------------------


def request(suspension, *, reason, by, today, now):
    """On its day: ask a second person that monitoring rests from now on. Returns the Approval."""
    with ledger.locked(suspension.customer_id):
        row = _ready(suspension, today, now)
        return approvals.ask(REST, row, reason=reason, by=by, now=now, amount_cents=row.owed_cents)


def _ready(suspension, today, now):
    row = _still(suspension, Suspension.WARNED, today, now)
    if today < row.rests_on:
        raise BillingError(f"They were told {words.date(row.rests_on)}. Not before that day.")
    if sentence := standing.untold(row, today):
        raise BillingError(sentence)
    authorities.refuse(row.contract, row.rests_on, kind=AuthorityNotice.SUSPENDED)
    return row


def _rest(approval, *, by, today, now):
    """A second person agrees on the day: monitoring rests, and by the policy it is not billed."""
    row = _ready(approvals.about(approval), today, now)
    hold = None
    if companies.current().suspend_pauses_billing and contracts.running_pause(row.contract) is None:
        reason = "Monitoring is suspended."
        hold = contracts.pause(row.contract, from_on=today, reason=reason, by=by, now=now)
    move(
        row, Suspension.SUSPENDED, rest_approval=approval, suspended_on=today, suspended_at=now,
        suspended_by=by, hold=hold, station=True,
    )  # fmt: skip
    events.record("suspension.began", row, by=by, now=now, reason=row.reason, after={"on": today})
    _tell(row, Notice.SUSPENDED, now)


def station_told(suspension, *, by, now):
    """The monitoring station knows what is so now. Returns the Suspension."""
    told = {"station": False, "station_told_at": now, "station_told_by": by[:80]}
    with db.atomic():
        if Suspension.update(**told).where((Suspension.id == suspension.id) & Suspension.station).execute():
            events.record("suspension.station_told", suspension, by=by, now=now)
    return Suspension.get_by_id(suspension.id)


# --- The ways out --------------------------------------------------------------------------------


def lift(suspension, *, why, by, today, now, payment=None):
    """Monitoring answers again, at once, and is billed again. Returns the Suspension.

    One person is enough for what is kind. The station is to be told; the customer is.
    """
    return _end(suspension, Suspension.LIFTED, why, by, today, now, payment)


def cancel(suspension, *, why, by, today, now, payment=None):
    """Nothing rests: what waits to be sent is not, a printed letter is taken back. Returns the Suspension."""
    return _end(suspension, Suspension.CANCELED, why, by, today, now, payment)


def _end(suspension, state, why, by, today, now, payment, *, quietly=False):
    """``quietly``: the contract is over, so nothing comes back and nobody is told that it does."""
    why = masking.reason(why, "Say why: it is part of the record.")
    with ledger.locked(suspension.customer_id):
        row = Suspension.get_by_id(suspension.id)
        was = row.state
        if state not in Suspension.MOVES.get(was, ()):
            raise BillingError("This suspension is over already, or did not begin.")
        rested = was == Suspension.SUSPENDED
        told = {"ended_at": now, "ended_by": by[:80], "ended_why": why[:255], "payment": payment}
        move(row, state, **told, **({"station": True} if rested and not quietly else {}))
        _withdraw(row, why, by, now)
        heard = _take_back_messages(row, why, by, now)
        if row.hold_id and row.hold.ends_on is None and not quietly:
            first_on = max(today, row.hold.starts_on + timedelta(days=1))
            contracts.resume(row.contract, on=first_on, by=by, now=now)
        events.record(f"suspension.{state}", row, by=by, now=now, reason=why, before={"state": was})
        if (heard or rested) and not quietly:
            _tell(row, Notice.REINSTATED, now)
    return row


def _withdraw(row, why, by, now):
    """Nobody has to decide about it any more."""
    mine = (Approval.about_table == row._meta.table_name) & (Approval.about_id == row.id)
    for approval in Approval.select().where(mine & (Approval.state == Approval.ASKED)):
        approvals.refuse(approval, reason=why, by=by, now=now)


def _take_back_messages(row, why, by, now):
    """Skip what did not leave; a letter that is printed is to be taken out by hand. True if one had left."""
    pressing = Notice.kind.in_((Notice.SUSPENSION_WARNING, Notice.SUSPENDED))
    mine = Notice.select().where((Notice.suspension == row) & pressing)
    printed = PrintPiece.select().join(PrintBatch).where(
        PrintPiece.out_at.is_null()
        & PrintPiece.notice.in_([notice.id for notice in mine])
        & PrintBatch.state.in_((PrintBatch.MADE, PrintBatch.PRINTED))
    )  # fmt: skip
    is_printed = printed.exists()
    for notice in mine.where(Notice.state.in_((Notice.QUEUED, Notice.HELD, Notice.PRINT))):
        move(notice, Notice.SKIPPED, reason=f"The suspension is over: {why}"[:255])
    if is_printed:
        Suspension.update(recall=True).where(Suspension.id == row.id).execute()
        row.recall = True
        events.record(
            "suspension.recall", row, by=by, now=now, reason="A printed letter is to be taken back."
        )
    return mine.where(Notice.state.in_((Notice.SENT, Notice.SENDING))).exists()


def recalled(suspension, *, how, by, now):
    """The printed letter was taken back, or what was done instead. Returns the Suspension."""
    how = masking.reason(how, "Say where the letter is now.")
    told = {"recall": False, "recalled_at": now, "recalled_by": by[:80], "recalled_how": how[:255]}
    with db.atomic():
        if Suspension.update(**told).where((Suspension.id == suspension.id) & Suspension.recall).execute():
            events.record("suspension.recalled", suspension, by=by, now=now, reason=how)
    return Suspension.get_by_id(suspension.id)


# --- The cure ------------------------------------------------------------------------------------


def cure_all(*, today, now):
    """End every suspension that a payment cured, or that has nothing left to rest on; returns how many."""
    open_ones = Suspension.select().where(Suspension.state.in_(Suspension.RUNNING)).order_by(Suspension.id)
    return sum(cure(one, today=today, now=now) for one in list(open_ones))


def cure(suspension, *, today, now):
    """End a suspension if a payment came since it was asked for, or nothing is so late now. True if so."""
    state = Suspension.LIFTED if suspension.state == Suspension.SUSPENDED else Suspension.CANCELED
    ends_on = suspension.contract.ends_on
    if ends_on and ends_on <= today:
        why = f"The contract ended on {words.date(ends_on)}."
        _end(suspension, state, why, "contract", today, now, None, quietly=True)
        return True
    payment, why = standing.cure_of(suspension, today)
    if why:
        _end(suspension, state, why, CURED, today, now, payment)
    return bool(why)


approvals.register(
    WARNING, _warn, label="Warn that service will rest",
    effect=lambda approval: "A letter and a mail tell the day from which signals are not answered.",
)  # fmt: skip
approvals.register(
    REST, _rest, label="Let service rest",
    effect=lambda approval: "From now on signals are not answered. Any payment undoes it.",
)  # fmt: skip
