"""What a notice of a contract's end says, as plain values: mail, text part and letter print these.

One letter says everything that any of its rules wants (contents.py). Not here: looks, links, sending.
"""

from dataclasses import dataclass
from datetime import date

from billing import company as companies
from billing import contracts, letterheads, words
from billing.money import format_cents
from billing.renewals import agreements, closing, contents, matching, rules, terms
from billing.wording import tongues
from models import Charge, Notice, PriceChange, RenewalNotice, RenewalRule, Site

EVERY = {1: "every month", 3: "every 3 months", 6: "every 6 months", 12: "every year"}
PER = {1: "a month", 3: "a quarter", 6: "half a year", 12: "a year"}


@dataclass(frozen=True)
class Line:
    """One service: what, where, and what it costs each time, now and after the renewal."""

    text: str
    where: str
    now_cents: int
    after_cents: int
    every: str


@dataclass(frozen=True)
class Total:
    """What is charged each time, for the charges that come equally often."""

    every: str
    per: str
    now_cents: int
    after_cents: int


@dataclass(frozen=True)
class RenewalDocument:
    """A notice as printed. ``is_yearly``: the reminder of a service that goes on, with no term to renew."""

    company: letterheads.Letterhead
    customer_name: str
    account_number: str
    bill_to: tuple[str, ...]
    contract_name: str
    contract_signed_on: date | None
    written_on: date
    is_yearly: bool
    ends_on: date | None
    renews_on: date | None
    length: str
    deadline_on: date | None
    notice_days: int
    lines: tuple[Line, ...]
    totals: tuple[Total, ...]
    citations: tuple[str, ...]
    is_leased: bool
    is_certified: bool
    wanted: tuple[str, ...]  # codes of contents.py
    online: str = ""  # the address of the page to answer on
    language: str = "en"  # of the reader: whoever reads another one gets a translation too

    @property
    def tag(self):
        """The reader's language as HTML names it."""
        return tongues.TONGUES[self.language].tag

    @property
    def say(self):
        """callable(sentence) that says one of ours in the reader's language."""
        return tongues.TONGUES[self.language].say

    @property
    def english(self):
        """callable(sentence) that says it as it counts."""
        return tongues.TONGUES["en"].say

    @property
    def headline(self):
        """The sentence that the law is about."""
        if self.is_yearly:
            return "Your service continues until you end it"
        return f"Your agreement will renew automatically on {words.date(self.renews_on)}"

    @property
    def sentence(self):
        """The headline with what the reader can do about it."""
        if self.is_yearly:
            return f"{self.headline}. {self.any_time}."
        return f"{self.headline} for {self.length} unless you cancel by {self.deadline_words}."

    @property
    def facts(self):
        """[(term, text)]: the dates and the price at a glance."""
        price = words.joined(f"{format_cents(one.after_cents)} {one.every}" for one in self.totals)
        if self.is_yearly:
            facts = [("Price", price), ("Charged", self.frequency), ("Goes on", "until you end it")]
        else:
            facts = [
                ("Last day to cancel", self.deadline_words),
                ("Your term ends on", words.date(self.ends_on)),
                ("It renews on", f"{words.date(self.renews_on)}, for {self.length}"),
                ("Price from then on", price),
            ]
        return [("Account", f"{self.account_number}, {self.contract_name}"), *[f for f in facts if f[1]]]

    @property
    def price_words(self):
        """What is charged now and after it renews, and how often."""
        now = words.joined(f"{format_cents(one.now_cents)} {one.every}" for one in self.totals)
        after = words.joined(f"{format_cents(one.after_cents)} {one.every}" for one in self.totals)
        if not self.totals:
            return "Nothing is charged for it at present."
        if self.is_yearly:
            return f"You pay {now}, plus tax where it applies."
        then = after if after != now else "the same"
        return f"You pay {now} now, and {then} after it renews, plus tax where it applies."

    @property
    def cancel_words(self):
        """By when, in a sentence."""
        if self.is_yearly:
            return f"{self.any_time}."
        ends = "that day" if self.deadline_on == self.ends_on else f"on {words.date(self.ends_on)}"
        return f"Tell us by {self.deadline_words}, and it ends {ends}."

    @property
    def subject(self):
        if self.is_yearly:
            return "your yearly reminder: what you have, how to end it"
        until = f"by {words.short_date(self.deadline_on)}" if self.deadline_on else "any day"
        return f"your agreement renews; you can cancel {until}"

    @property
    def deadline_words(self):
        return words.date(self.deadline_on) if self.deadline_on else "any day"

    @property
    def any_time(self):
        return f"You may end it with {words.plural(self.notice_days, 'day')} of notice, at any time"

    @property
    def if_nothing(self):
        if self.is_yearly:
            return "If you do nothing, your service simply goes on as it is."
        return (
            f"If you do nothing, your agreement renews on {words.date(self.renews_on)} for {self.length}, "
            "on the terms that you have now" + ("." if not self.has_changes else ", at the new price above.")
        )

    @property
    def has_changes(self):
        return any(line.now_cents != line.after_cents for line in self.lines)

    @property
    def changes_words(self):
        """What changes, listed; or that nothing does."""
        if not self.has_changes:
            return "Nothing changes: price and terms stay as they are."
        changed = [line for line in self.lines if line.now_cents != line.after_cents]
        said = "; ".join(
            f"{line.text}: {format_cents(line.now_cents)} now, {format_cents(line.after_cents)} {line.every} "
            f"from {words.date(self.renews_on or self.written_on)}"
            for line in changed
        )
        return f"What changes: {said}."

    @property
    def frequency(self):
        return words.joined(dict.fromkeys(total.every for total in self.totals))

    @property
    def clause(self):
        """Where the full text stands."""
        signed = f", signed {words.date(self.contract_signed_on)}" if self.contract_signed_on else ""
        return f"The full clause stands in your {self.contract_name}{signed}, under renewal"

    @property
    def small_print(self):
        """What stands at the end, sentence by sentence: the clause, the lease, the law."""
        yield f"{self.clause}; ask us for a copy and you will have it the same day."
        if self.is_leased:
            yield (
                "The lease sheet with the purchase price, the rate, the monthly payment and the payoff comes "
                "with it."
            )
        if self.citations:
            yield f"This notice is given under {'; '.join(self.citations)}."

    @property
    def customer_label(self):
        return f"{self.customer_name} (account {self.account_number})"


def of_notice(notice, *, today, online=""):
    """The RenewalDocument of a queued message, from the contract as it is now.

    A text tells of the message that it was queued beside: its key begins with that one's.
    """
    lead = Notice.key == notice.key.rsplit(":", 2)[0]
    rows = list(notice.renewal_notices) or RenewalNotice.select().join(Notice).where(lead)
    rows = sorted(rows, key=lambda row: (row.rule_code != row.together, row.id))
    return document(rows, today=today, online=online)


def document(rows, *, today, online=""):
    """The RenewalDocument of RenewalNotice rows that one message says; the first one leads."""
    contract = rows[0].contract
    party = agreements.of(contract)
    wanted_by = [row.rule for row in rows]
    about = next((row for row in rows if row.rule.basis != RenewalRule.CONTINUOUS), rows[0])
    is_yearly = about.rule.basis == RenewalRule.CONTINUOUS
    term = terms.term_of(party.agreement, today if is_yearly else about.term_end_on)
    renews_on = None if is_yearly else about.term_end_on + terms.DAY
    lines, totals = _charges(contract, today, renews_on or today)
    return RenewalDocument(
        company=letterheads.of(companies.current()),
        customer_name=contract.customer.name,
        account_number=contract.customer.account_number,
        bill_to=(contract.customer.name, *contract.customer.address_lines),
        contract_name=contract.name,
        contract_signed_on=contract.signed_on,
        written_on=today,
        is_yearly=is_yearly,
        ends_on=None if is_yearly and term.is_monthly else term.ends_on,
        renews_on=renews_on,
        length=matching.length(closing.next_months(party, rules.active(), about.term_end_on)[0]),
        deadline_on=None if is_yearly else _deadline(about, term, today),
        notice_days=contract.notice_days,
        lines=lines,
        totals=totals,
        citations=tuple(dict.fromkeys(rule.citation for rule in wanted_by if rule.state != "*")),
        is_leased=any(rule.basis == RenewalRule.LEASE for rule in wanted_by),
        is_certified=rows[0].medium == rows[0].CERTIFIED,
        wanted=contents.wanted(wanted_by),
        online=online,
        language=tongues.of(contract.customer).code,
    )


def lines_of(contract, today):
    """The Lines of what runs under a contract, at today's prices."""
    return _charges(contract, today, today)[0]


def _deadline(row, term, today):
    """The last day to cancel. A letter that comes after it grants the rest of the term: no trap."""
    return row.deadline_on if row.deadline_on and row.deadline_on >= today else term.ends_on


def _charges(contract, today, later):
    """(Lines, Totals) of the charges that run, at today's price and at that of a later day."""
    charges = list(
        Charge.select()
        .where((Charge.contract == contract) & (Charge.ends_on.is_null() | (Charge.ends_on >= today)))
        .order_by(Charge.id)
    )
    changes = _price_changes(charges, today)
    sites = {site.id: site for site in Site.select().where(Site.customer == contract.customer_id)}
    lines, sums = [], {}
    for charge in charges:
        now, after = (_cents(charge, changes.get(charge.id, ()), day) for day in (today, later))
        site = sites.get(charge.site_id)
        where = f"{site.name}, {site.street}".strip(" ,") if site else ""
        lines.append(Line(str(charge), where, now, after, EVERY[charge.cycle_months]))
        before = sums.get(charge.cycle_months, (0, 0))
        sums[charge.cycle_months] = (before[0] + now, before[1] + after)
    return tuple(lines), tuple(
        Total(EVERY[cycle], PER[cycle], *cents) for cycle, cents in sorted(sums.items())
    )


def _price_changes(charges, today):
    """{charge id: [(from, cents)]} of new prices that count, or can still be told in time to."""
    found = {}
    to_come = PriceChange.canceled_on.is_null() & (PriceChange.tell_by_on >= today)
    standing = (PriceChange.charge << charges) & (contracts.price_counts() | to_come)
    for change in PriceChange.select().where(standing).order_by(PriceChange.starts_on):
        found.setdefault(change.charge_id, []).append((change.starts_on, change.unit_cents))
    return found


def _cents(charge, changes, day):
    """What one cycle costs that begins on ``day``."""
    return charge.quantity * contracts.price_at(charge.unit_cents, changes, day) - charge.discount_cents
