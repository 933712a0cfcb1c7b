"""What the customer answers about their contract: keep it, talk to us, or end it. Signed and confirmed.

What ending would mean is worked out before anybody presses anything (``offer``), said beside the button
(``wording``), and done exactly so (``give``). A notice that the law wanted and that never came counts for the
customer. Not here: the page (portal/contract.py), other reasons to end (endings.py).
"""

from dataclasses import dataclass
from datetime import date

from billing import authorities, customers, events, ledger, masking, tickets, words
from billing.errors import BillingError
from billing.periods import DAY
from billing.renewals import agreements, closing, endings, matching, rules, sending, terms, told
from billing.wording import tongues
from models import Contract, Notice, RenewalAnswer, RenewalNotice, RenewalRule, Ticket

RENEW, TALK, END = RenewalAnswer.RENEW, RenewalAnswer.TALK, RenewalAnswer.END
WHY = "You answered about your agreement with us."
NO_REASON = "not_said"
ENGLISH_BELOW = "\n\n"
LONGEST_NAME = 80
LONGEST_WORDS = 5000
NEXT = (
    "On the contract, “Letter to the authority” makes the letter, “Record notice to the authority” notes "
    "that it left, and “End contract” ends it. The customer knows that we do this for them."
)
WAITS = (
    "The fire authority requires this monitoring, so we tell it in writing first. "
    "We will write to you when that is done."
)
ENDED_ALREADY = "You have ended it already. We will write to you when the fire authority was told."
KEEPS = "The customer keeps it after all, and signed so. Nothing is to end."
CHANGED = "What stands here has changed since you looked. Please read it again before you answer."


@dataclass(frozen=True)
class Offer:
    """What a contract's customer may do about its end today, and what each would mean."""

    contract: Contract
    term: terms.Term
    renews: str  # "for a year", "month to month"; "" when it does not renew
    deadline_on: date | None  # by the contract; None where there is none
    last_on: date  # the last day of service, were it ended now
    is_late: bool
    in_favor: str  # why the contract's own deadline does not count
    waits_for_authority: bool
    final: endings.Final
    ended: RenewalAnswer | None = None  # they ended it, and it waits for the fire authority

    @property
    def headline(self):
        """How it stands, in one sentence."""
        name = endings.lower(self.contract.name)
        if self.ended:
            last = words.date(self.ended.last_on)
            return f"You ended your {name}: {last} is planned as your last day of service."
        if self.term.is_monthly:
            return f"Your {name} runs from month to month."
        ends = words.date(self.term.ends_on)
        if not self.renews:
            return f"The term of your {name} ends on {ends}."
        return (
            f"Your {name} renews on {words.date(self.term.ends_on + DAY)} {self.renews}, unless you end it."
        )

    @property
    def until(self):
        """By when it can be ended, in one sentence."""
        if self.ended:
            return WAITS
        if self.term.is_monthly:
            notice = words.plural(self.contract.notice_days, "day")
            return f"You may end it on any day. It then runs for another {notice}."
        if self.in_favor:
            return f"{self.in_favor} So you may end it until {words.date(self.term.ends_on)}, without a fee."
        if self.is_late:
            deadline = words.date(self.deadline_on)
            return (
                f"The last day to end it with this term was {deadline}; that day is over. "
                f"Ended now, it runs until the next term ends, on {words.date(self.last_on)}."
            )
        return f"You can end it until {words.date(self.deadline_on)}." if self.deadline_on else ""

    @property
    def keep_words(self):
        """What keeping it means."""
        if self.ended:
            return "Then nothing ends, and your service goes on as before."
        if self.term.is_monthly or not self.renews:
            return "Everything stays as it is. You need not do anything; your answer only tells us so."
        day = words.date(self.term.ends_on + DAY)
        return f"It renews on {day} {self.renews}. You need not do anything; your answer only tells us so."

    @property
    def end_words(self):
        """What ending it means: the last day, the money, the fee, the alarm."""
        last = words.date(self.last_on)
        lines = [f"Your last day of service is {last}."]
        if self.waits_for_authority:
            lines.append(
                "The fire authority requires this monitoring, so we must tell it in writing first. "
                "We will do that for you, and write to you when it is done. "
                f"We plan {last} as your last day."
            )
        lines.append(
            f"From {words.date(self.last_on + DAY)} on, nobody will answer the signals of your alarm."
        )
        lines += self.final.sentences
        lines.append("There is no fee for ending it, and we ask for no reason.")
        return tuple(lines)


# --- Before the answer ---------------------------------------------------------------------------


def offer(contract, *, today, now):
    """The Offer of a contract that has not ended. Only reading; ``today`` is the company's day."""
    party = agreements.of(contract)
    agreement, day = party.agreement, party.day(today, now)
    term = terms.term_of(agreement, day)
    months, _ = closing.next_months(party, rules.active(), term.ends_on)
    following = terms.next_term(agreement._replace(renewal_months=months), term)
    deadline_on, last_on, is_late, in_favor = _last_day(contract, agreement, term, following, day)
    return Offer(
        contract=contract,
        term=term,
        renews=_renews(agreement, term, following, months),
        deadline_on=deadline_on,
        last_on=last_on,
        is_late=is_late,
        in_favor=in_favor,
        waits_for_authority=bool(authorities.missing(contract, last_on)),
        final=endings.final(contract, last_on),
        ended=closing.asked_to_end(contract),
    )


def _renews(agreement, term, following, months):
    if term.is_monthly or not agreement.auto_renew:
        return ""
    if following.is_monthly:
        return "month to month"
    return f"for {matching.length(months)}"


def _last_day(contract, agreement, term, following, day):
    """(deadline or None, last day of service, whether it is too late, why the deadline does not count)."""
    notice = contract.notice_days * DAY
    day = max(day, contract.starts_on)
    if term.is_monthly:
        return None, day + notice, False, ""
    if not agreement.auto_renew:
        return None, max(term.ends_on, day), False, ""
    deadline_on = term.ends_on - notice
    if day <= deadline_on:
        return deadline_on, term.ends_on, False, ""
    if in_favor := _for_the_customer(contract, term):
        return deadline_on, term.ends_on, False, in_favor
    if following.is_monthly:  # nothing to be late for: a few days of the first month are added
        return deadline_on, day + notice, False, ""
    return deadline_on, following.ends_on, True, ""


def _for_the_customer(contract, term):
    """Why the contract's own deadline does not count: we did not tell them in time."""
    rows = contract.renewal_notices.where(
        (RenewalNotice.term_end_on == term.ends_on)
        & RenewalNotice.overridden_at.is_null()
        & (RenewalNotice.state != RenewalNotice.CANCELED)
    )
    for row in rows:
        if row.rule.basis == RenewalRule.CONTINUOUS or row.deadline_on is None:
            continue
        if row.sent_on and row.sent_on > row.deadline_on:
            return f"Our notice left on {words.date(row.sent_on)}, after that day."
        if row.rule.consequence in closing.MONTHLY and not row.sent_on:
            return "We should have reminded you of it in time, and cannot show that we did."
    return ""


def wording(offered, answer):
    """The words that stand beside the button of an answer, as they are kept with it: in their language.

    Below them, where that is another one, the English of it.
    """
    tongue = tongues.of(offered.contract.customer)
    lines = [offered.headline, offered.until]
    if answer == END:
        lines += offered.end_words
    else:
        lines.append(
            offered.keep_words if answer == RENEW else "Somebody from our office will get in touch with you."
        )
    said = [line for line in lines if line]
    english, shown = "\n".join(said), "\n".join(map(tongue.say, said))
    return english if tongue.code == "en" else f"{shown}{ENGLISH_BELOW}{english}"


def latest(contract):
    """The newest RenewalAnswer of a contract, or None."""
    return contract.answers.order_by(RenewalAnswer.id.desc()).first()


# --- The answer ----------------------------------------------------------------------------------


def give(
    contract, *, answer, name, key, by, via, today, now, shown_on=None, message="", contact=None,
    notice=None, ip="", browser="",
):  # fmt: skip
    """Take a customer's answer: record it, do what it says, confirm it. Returns the RenewalAnswer.

    key      -- of the press of the button: the same again returns the first answer
    shown_on -- the last day of service that stood on the page; another one by now is refused

    Raises BillingError without a name, for an unknown answer, and when the contract ends already. Ending
    required fire monitoring waits for its authority: then a ticket waits on us instead.
    """
    name, text = masking.typed(name)[:LONGEST_NAME], masking.typed(message)[:LONGEST_WORDS]
    if answer not in RenewalAnswer.WORDS:
        raise BillingError("Choose what you would like: keep it, talk to us, or end it.")
    if not name:
        raise BillingError("Please type your name, so that we know who answers.")
    with ledger.locked(contract.customer_id):
        if known := RenewalAnswer.get_or_none(RenewalAnswer.key == key):
            return known
        contract = Contract.get_by_id(contract.id)
        if contract.ends_on:
            raise BillingError("This agreement ends already. If that is not right, tell us below.")
        offered = offer(contract, today=today, now=now)
        if answer == END and offered.ended:
            raise BillingError(ENDED_ALREADY)
        if answer == END and shown_on and shown_on != offered.last_on:
            raise BillingError(CHANGED)
        said = {"name": name, "words": text, "by": by[:300], "via": via, "ip": ip, "browser": browser[:255]}
        row = _record(offered, answer, key, said, contact, notice, now)
        _do(row, offered, by=by, today=today, now=now)
        _confirm(row, now)
    return row


def _do(row, offered, *, by, today, now):
    """What an answer wants: end it, or see that no term follows until the authority was told, or keep it."""
    contract, short = row.contract, by[:80]
    if row.answer == END and offered.waits_for_authority:
        closing.wait_for_authority(contract, offered.last_on + DAY, by=short, now=now)
    elif row.answer == END:
        ending = {"on": offered.last_on, "reason_code": NO_REASON, "answer": row}
        endings.end(contract, by=by, today=today, now=now, **ending)
    elif row.answer == RENEW and offered.ended:
        closing.keep_after_all(contract, by=short, now=now)
        if offered.ended.ticket_id:
            note = {"body": KEEPS, "by": "the answer page", "now": now, "internal": True}
            tickets.reply(offered.ended.ticket, **note)


def _record(offered, answer, key, said, contact, notice, now):
    shown = wording(offered, answer)
    ticket = _ticket(offered, answer, said, contact, now)
    row = RenewalAnswer.create(
        key=key, contract=offered.contract, contact=contact, notice=notice, ticket=ticket, answer=answer,
        term_end_on=offered.term.ends_on, deadline_on=offered.deadline_on, is_late=offered.is_late,
        last_on=offered.last_on if answer == END else None, wording=shown,
        text_sha256=sending.text_hash(shown), at=now, **said,
    )  # fmt: skip
    events.record(
        "contract.answered", offered.contract, by=said["by"][:80], now=now,
        after={"answer": answer, "name": said["name"], "last_on": row.last_on},
    )  # fmt: skip
    return row


def _ticket(offered, answer, said, contact, now):
    """Who wants to talk is waited for by us; so is an end that needs the authority first."""
    contract, waits = offered.contract, answer == END and offered.waits_for_authority
    if answer != TALK and not waits:
        return None
    name, by = endings.lower(contract.name), said["by"][:80]
    last = words.date(offered.last_on)
    subject, text = f"Wants to talk about the {name}", said["words"] or "Please call me."
    if waits:
        subject = f"Ends required fire monitoring on {last}: tell the authority"
        text = f"I cancel my {name}. My last day of service is {last}."
    ticket = tickets.open(
        contract.customer, subject=subject[:120], body=f"{said['name']}: {text}", contact=contact, by=by,
        now=now, contract=contract, via=Ticket.PORTAL, acknowledge=False,
        kind=Ticket.CANCELLATION if waits else "",
    )  # fmt: skip
    if waits:
        note = f"{authorities.missing(contract, offered.last_on)} {NEXT}"
        tickets.reply(ticket, body=note, by="the answer page", now=now, internal=True)
    return ticket


# --- The confirmation ----------------------------------------------------------------------------


def _confirm(row, now):
    """Confirm an answer to whoever gave it; an end to every payer."""
    payers = list(customers.payers(row.contract.customer))
    people = payers if row.answer == END else []
    if row.contact_id and row.contact_id not in [one.id for one in people]:
        people = [*people, row.contact]
    told.confirm(people or payers[:1], Notice.CONTRACT_ANSWERED, row, why=WHY, now=now)


def of_notice(notice):
    """The RenewalAnswer that a confirmation is about: its number stands in the notice's key."""
    return RenewalAnswer.get_by_id(int(notice.key.split(":")[1]))


def document(row, *, today, moment, online=""):
    """The Told that confirms an answer. ``moment``: when it was given, in the company's words."""
    contract = row.contract
    title, sentence, paragraphs = _told(row)
    return told.told(
        contract.customer,
        today=today,
        online=online,
        title=title,
        sentence=sentence,
        facts=(
            ("Account", contract.customer.account_number),
            ("Planned last day" if waits(row) else "Your last day of service", words.date(row.last_on)),
            ("Signed by", row.name),
            ("Answered", moment),
        ),
        paragraphs=(
            *paragraphs,
            "If this was not you, or not what you meant, answer this message or call us.",
        ),
    )


def _told(row):
    """(title, sentence, paragraphs) of a confirmation."""
    name = endings.lower(row.contract.name)
    lines = tuple(row.wording.rpartition(ENGLISH_BELOW)[2].split("\n"))
    if row.answer == TALK:
        return (
            "You want to talk to us",
            "Thank you. Somebody from our office will get in touch with you about your agreement.",
            ("Until then nothing changes: your service goes on, and nothing was ended or renewed.",),
        )
    if row.answer == RENEW:
        return (
            f"You keep your {name}",
            f"Thank you. You told us that you keep your {name}.",
            lines[2:],
        )
    last = words.date(row.last_on)
    first = f"Your last day of service is {last}."
    at = next(lines.index(said) for one in tongues.TONGUES.values() if (said := one.say(first)) in lines)
    if waits(row):
        return (
            f"Your {name}: {last} is planned as its last day",
            f"You ended your {name}: {last} is planned as your last day of service.",
            lines[at + 1 :],
        )
    return (
        f"Your {name} ends on {last}",
        f"You ended your {name}: {last} is your last day of service.",
        lines[at + 1 :],
    )


def waits(row):
    """True for an end that was answered before the fire authority could be told: its day is only planned."""
    return row.answer == END and row.ticket_id is not None
