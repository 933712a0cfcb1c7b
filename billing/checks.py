"""The invariants of the books, as queries for the rows that break them. A healthy database gives none.

Run every night and by ``flask check-books``. A check reads; it never repairs.
"""

from dataclasses import dataclass

from models import db

EXAMPLES = 5


@dataclass(frozen=True)
class Finding:
    """A broken invariant: what it says, how many rows break it, and some of them."""

    check: str
    count: int
    examples: tuple

    def __str__(self):
        some = ", ".join(str(example) for example in self.examples)
        return f"{self.check}: {self.count:,} (for example {some})"


# Each query gives one column: what people would look the row up by. Gaps are counted against the
# highest number, so that they cost one pass and no self-join.
CHECKS = {
    "an invoice's lines do not add up to its total": """
        SELECT invoice.id FROM invoice LEFT JOIN line ON line.invoice_id = invoice.id
        GROUP BY invoice.id, invoice.total_cents
        HAVING COALESCE(SUM(line.total_cents), 0) <> invoice.total_cents""",
    "an issued invoice's open amount is not its total less what paid it": """
        SELECT invoice.number FROM invoice
        LEFT JOIN (SELECT invoice_id, SUM(amount_cents) AS cents FROM allocation GROUP BY invoice_id) AS paid
        ON paid.invoice_id = invoice.id
        WHERE invoice.state = 'issued'
        AND invoice.open_cents <> invoice.total_cents - COALESCE(paid.cents, 0)""",
    "a void or draft invoice is paid or owed": """
        SELECT invoice.id FROM invoice
        LEFT JOIN (SELECT invoice_id, SUM(amount_cents) AS cents FROM allocation GROUP BY invoice_id) AS paid
        ON paid.invoice_id = invoice.id
        WHERE invoice.state <> 'issued' AND (invoice.open_cents <> 0 OR COALESCE(paid.cents, 0) <> 0)""",
    # A payment that a bank took back, whole or in part, lacks what it took; what had been refunded before is
    # a loss. While a refund is not decided it keeps back what it does not take from invoices.
    "a payment's unapplied amount is not what it has left": """
        SELECT payment.reference FROM payment
        LEFT JOIN (SELECT payment_id, SUM(amount_cents) AS cents FROM allocation GROUP BY payment_id) AS used
        ON used.payment_id = payment.id
        LEFT JOIN (SELECT refund.payment_id, SUM(CASE
                WHEN refund.state IN ('declined', 'refused') THEN 0
                WHEN refund.how = 'void' AND payment.state = 'voided' THEN 0
                WHEN refund.state IN ('approved', 'settled') THEN refund.amount_cents
                WHEN payment.state IN ('approved', 'settled', 'refunded')
                THEN refund.amount_cents - refund.reopen_cents ELSE 0 END) AS cents
            FROM refund JOIN payment ON payment.id = refund.payment_id GROUP BY refund.payment_id) AS back
        ON back.payment_id = payment.id
        LEFT JOIN (SELECT payment_id, SUM(amount_cents) AS cents FROM chargeback
            WHERE state <> 'won' GROUP BY payment_id) AS taken
        ON taken.payment_id = payment.id AND payment.state = 'charged_back'
        LEFT JOIN (SELECT payment_id, SUM(amount_cents) AS cents FROM loss
            WHERE kind = 'after_refund' GROUP BY payment_id) AS lost
        ON lost.payment_id = payment.id AND payment.state IN ('returned', 'charged_back')
        WHERE payment.open_cents <> (CASE
            WHEN payment.state IN ('approved', 'settled', 'refunded', 'charged_back')
            THEN payment.amount_cents ELSE 0 END)
            - COALESCE(taken.cents, 0) - COALESCE(used.cents, 0) - COALESCE(back.cents, 0)
            + COALESCE(lost.cents, 0)""",
    "more was refunded of a payment than was paid": """
        SELECT payment.reference FROM payment JOIN refund ON refund.payment_id = payment.id
        WHERE refund.state NOT IN ('declined', 'refused')
        GROUP BY payment.id, payment.reference, payment.amount_cents
        HAVING SUM(refund.amount_cents) > payment.amount_cents""",
    "a refund without an answer is never asked for": """
        SELECT id FROM refund WHERE state IN ('prepared', 'sent', 'in_doubt') AND ask_at IS NULL""",
    "a disputed payment has no open case, or a decided one is still disputed": """
        SELECT payment.reference FROM payment
        LEFT JOIN chargeback ON chargeback.payment_id = payment.id AND chargeback.state <> 'won'
        WHERE (payment.state = 'charged_back' AND chargeback.id IS NULL)
        OR (payment.state IN ('approved', 'settled') AND chargeback.id IS NOT NULL)""",
    "a credit's unapplied amount is not what it has left": """
        SELECT credit.id FROM credit
        LEFT JOIN (SELECT credit_id, SUM(amount_cents) AS cents FROM allocation GROUP BY credit_id) AS used
        ON used.credit_id = credit.id
        LEFT JOIN (SELECT credit_id, SUM(amount_cents) AS cents FROM credit_reversal GROUP BY credit_id)
            AS undone ON undone.credit_id = credit.id
        WHERE credit.open_cents
            <> credit.amount_cents - COALESCE(used.cents, 0) - COALESCE(undone.cents, 0)""",
    "a write-off does not pay its own invoice, as far as it stands": """
        SELECT credit.id FROM credit WHERE credit.kind IN ('write_off', 'bad_debt')
        AND (credit.invoice_id IS NULL OR credit.open_cents <> 0 OR EXISTS (SELECT 1 FROM allocation
            WHERE allocation.credit_id = credit.id AND allocation.invoice_id <> credit.invoice_id))""",
    "more was paid after all than came of a payment, or than was written off": """
        SELECT undone.payment_id FROM credit_reversal AS undone
        JOIN credit ON credit.id = undone.credit_id
        JOIN payment ON payment.id = undone.payment_id
        GROUP BY undone.payment_id, payment.amount_cents
        HAVING SUM(undone.amount_cents) > payment.amount_cents
            OR MIN(CASE WHEN credit.customer_id = payment.customer_id THEN 1 ELSE 0 END) = 0""",
    "a debt was given up without a second person": """
        SELECT credit.id FROM credit LEFT JOIN approval ON approval.id = credit.approval_id
        WHERE credit.kind = 'bad_debt' AND (approval.id IS NULL OR approval.state <> 'approved'
            OR approval.amount_cents <> credit.amount_cents)""",
    "two service credits are for the same days of a charge": """
        SELECT later.id FROM service_credit AS later JOIN service_credit AS earlier
        ON earlier.charge_id = later.charge_id AND earlier.id < later.id
        AND earlier.from_on <= later.to_on AND earlier.to_on >= later.from_on
        WHERE earlier.state = 'given' AND later.state = 'given'""",
    "a late fee is billed as another amount than was told, or without being told": """
        SELECT late_fee.id FROM late_fee JOIN one_off ON one_off.id = late_fee.one_off_id
        WHERE one_off.unit_cents * one_off.quantity > late_fee.cents OR late_fee.told_on IS NULL
        OR (one_off.canceled_on IS NOT NULL AND late_fee.state = 'charged')""",
    "an allocation pays another customer's invoice": """
        SELECT allocation.id FROM allocation JOIN invoice ON invoice.id = allocation.invoice_id
        LEFT JOIN payment ON payment.id = allocation.payment_id
        LEFT JOIN credit ON credit.id = allocation.credit_id
        WHERE COALESCE(payment.customer_id, credit.customer_id) <> invoice.customer_id""",
    "an allocation is not undone by its exact twin": """
        SELECT twin.id FROM allocation AS twin JOIN allocation AS first ON first.id = twin.reverses_id
        WHERE twin.amount_cents <> -first.amount_cents OR twin.invoice_id <> first.invoice_id""",
    "an invoice number is missing": """
        SELECT MAX(number) - COUNT(number) FROM invoice
        HAVING MAX(number) - MIN(number) + 1 <> COUNT(number)""",
    "two lines of a charge cover the same days": """
        SELECT later.id FROM line AS later JOIN line AS earlier
        ON earlier.charge_id = later.charge_id
        AND earlier.from_on < later.from_on AND earlier.to_on >= later.from_on
        WHERE later.voided_on IS NULL AND earlier.voided_on IS NULL""",
    "a charge was billed up to a period that has no line": """
        SELECT charge.id FROM charge WHERE charge.next_index > 0
        AND NOT EXISTS (SELECT 1 FROM line WHERE line.charge_id = charge.id)
        AND NOT EXISTS (SELECT 1 FROM contract JOIN hold ON hold.customer_id = contract.customer_id
            WHERE contract.id = charge.contract_id AND hold.scope = 'billing')""",
    "a concluded payment still claims an invoice": """
        SELECT payment.reference FROM payment JOIN payment_part ON payment_part.payment_id = payment.id
        WHERE payment_part.live AND payment.state NOT IN ('prepared', 'sent', 'held', 'in_doubt')""",
    "a live payment claims no invoice": """
        SELECT payment.reference FROM payment WHERE payment.state IN ('prepared', 'sent', 'held', 'in_doubt')
        AND NOT EXISTS (SELECT 1 FROM payment_part
            WHERE payment_part.payment_id = payment.id AND payment_part.live)""",
    "a payment without an answer is never asked for": """
        SELECT reference FROM payment
        WHERE state IN ('prepared', 'sent', 'held', 'in_doubt') AND ask_at IS NULL""",
    "a due autopay invoice had no outcome when the day was done": """
        SELECT invoice.number FROM planned_charge JOIN invoice ON invoice.id = planned_charge.invoice_id
        JOIN job_run ON job_run.id = (SELECT MAX(id) FROM job_run
            WHERE name = 'daily' AND state = 'done' AND "only" IN ('', 'autopay'))
        WHERE planned_charge.state = 'planned' AND invoice.open_cents > 0
        AND planned_charge.charge_on <= job_run.as_of_on
        AND planned_charge.created_at < job_run.started_at
        AND NOT EXISTS (SELECT 1 FROM autopay_outcome WHERE autopay_outcome.invoice_id = invoice.id
            AND autopay_outcome.run_on = job_run.as_of_on)""",
    "a returned debit that is to be tried again was not planned": """
        SELECT payment.reference FROM payment
        JOIN autopay ON autopay.id = payment.autopay_id AND autopay.ended_at IS NULL
        JOIN payment_part ON payment_part.payment_id = payment.id
        JOIN invoice ON invoice.id = payment_part.invoice_id AND invoice.open_cents > 0
        WHERE payment.state = 'returned' AND payment.retry_on IS NOT NULL
        AND payment.returned_on < (SELECT as_of_on FROM job_run WHERE id = (SELECT MAX(id) FROM job_run
            WHERE name = 'daily' AND state = 'done' AND "only" IN ('', 'autopay')))
        AND NOT EXISTS (SELECT 1 FROM planned_charge
            WHERE planned_charge.invoice_id = invoice.id AND planned_charge.state = 'planned')
        AND NOT EXISTS (SELECT 1 FROM payment_part AS other
            JOIN payment AS later ON later.id = other.payment_id
            WHERE other.invoice_id = invoice.id AND later.id > payment.id
            AND (later.method_id IS NOT NULL OR later.state NOT IN ('expired', 'declined')))""",
    "autopay says charged, and no payment was made": """
        SELECT invoice_id FROM autopay_outcome WHERE outcome = 'charged' AND payment_id IS NULL""",
    "the next invoice number was given already": """
        SELECT next_invoice_number FROM company
        WHERE next_invoice_number <= (SELECT COALESCE(MAX(number), 0) FROM invoice)""",
}


def run(progress=None):
    """Ask every question; returns the Findings, none when the books are sound."""
    findings = []
    for check, query in CHECKS.items():
        rows = [row[0] for row in db.execute_sql(query).fetchall()]
        if rows:
            findings.append(Finding(check, len(rows), tuple(rows[:EXAMPLES])))
        if progress:
            progress(1)
    return findings
