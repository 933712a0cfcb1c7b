"""What must hold after every round, asked of the database and of the sandbox's own records.

Each invariant is a function that yields sentences about what breaks it. They are slow and obvious on purpose
and share nothing with the product but its tables: a sum here is a sum in SQL, a period is counted on fingers.
"""

import hashlib
import json
from collections import Counter, defaultdict
from datetime import datetime, timedelta

from billing import checks
from models import TABLES
from tests.torture import world
from tests.torture.gateway import HELD, MONEY

MARGIN = timedelta(minutes=1)  # between the moment that a row names and the moment that it was committed
OURS = ("approved", "settled")
TAKEN = (*OURS, "refunded")  # money that the gateway took and that did not come back by itself
BACK = ("voided", "refunded", "returned", "charged_back")
LIVE = ("prepared", "sent", "held", "in_doubt")
REFUNDED = ("refundPendingSettlement", "refundSettledSuccessfully")
INVARIANTS = []
TABLE = {table._meta.table_name: table for table in TABLES}


def invariant(function):
    """Register a question."""
    INVARIANTS.append(function)
    return function


class Books:
    """What there is, read once: rows of our database as dicts, and what the conductor knows."""

    def __init__(self, db, clock, told):
        self.db, self.today, self.now = db, clock.today(), clock.now()
        self.world, self.sandbox = told["world"], told["transactions"]
        self.notifications, self.mails = told["notifications"], told["mails"]
        self.facts = told["facts"]
        self.payments = {row["id"]: row for row in self.rows("payment")}
        self.by_reference = {row["reference"]: row for row in self.payments.values()}
        self.by_transaction = {
            row["transaction_id"]: row for row in self.payments.values() if row["transaction_id"]
        }
        self.refunds = self.rows("refund")
        self.parts = self.rows("payment_part")
        self.invoices = {row["id"]: row for row in self.rows("invoice")}
        self.lines = self.rows("line")
        self.allocations = self.rows("allocation")
        self.notices = {row["id"]: row for row in self.rows("notice")}
        self.charged = [one for one in self.sandbox if one["type"] == "authCaptureTransaction"]

    def rows(self, table, where="1 = 1"):
        """Rows as dicts; instants and days as text that sorts."""
        names = [field.column_name for field in TABLE[table]._meta.sorted_fields]
        listed = ", ".join(f'"{name}"' for name in names)
        cursor = self.db.execute_sql(f'SELECT {listed} FROM "{table}" WHERE {where} ORDER BY id')
        return [dict(zip(names, map(_plain, row), strict=True)) for row in cursor.fetchall()]

    def value(self, sql):
        return self.db.execute_sql(sql).fetchone()[0]


def _plain(value):
    if isinstance(value, datetime):
        return value.isoformat(" ")
    return value.isoformat() if hasattr(value, "isoformat") else value


def ask(db, clock, told):
    """Ask every question. Returns {"violations": [sentence], "fingerprint", "counts"}."""
    books, found = Books(db, clock, told), []
    for one in INVARIANTS:
        found += [f"{one.__name__.replace('_', ' ')}: {sentence}" for sentence in one(books)]
    return {"violations": found, "fingerprint": fingerprint(db), "counts": _counts(books)}


def _counts(books):
    return {
        "invoices": len(books.invoices),
        "approved": sum(one["status"] in MONEY for one in books.charged),
        "mails": len(books.mails),
        "signed in": sum(fact.get("what") == "signed in" for fact in books.facts),
        "checks by staff": sum(row["note"].startswith("clerk ") for row in books.payments.values()),
        "refunds by staff": sum(row["reason"].startswith("clerk ") for row in books.refunds),
        "refunds": sum(row["state"] in OURS for row in books.refunds),
        "charged by autopay": sum(
            row["autopay_id"] is not None and row["state"] in TAKEN for row in books.payments.values()
        ),
        "came back": sum(one["type"] in ("return", "chargeback") for one in books.sandbox),
        "given again": len(_won(books)),
        "reminders": sum(books.notices.get(id, {}).get("kind") == "reminder" for id in books.mails),
    }


# --- The gateway and us --------------------------------------------------------------------------


@invariant
def approved_once_per_intent(books):
    """One attempt of ours is approved at the gateway once at most."""
    for reference, count in Counter(one["invoice_number"] for one in _money(books)).items():
        if count > 1:
            yield f"{reference} was approved {count} times"


@invariant
def approved_within_the_total(books):
    """What the gateway approved for an invoice, and was not given back, is never more than the invoice."""
    taken, back = Counter(), Counter()
    for refund in books.refunds:
        back[refund["payment_id"]] += refund["amount_cents"] * (refund["state"] in OURS)
    won = _won(books)  # what was paid anew meanwhile stays on the account
    for one in _money(books):
        payment = books.by_reference.get(one["invoice_number"])
        for part in books.parts if one["id"] not in won else ():
            if payment and part["payment_id"] == payment["id"]:
                given_back = min(back[payment["id"]], part["amount_cents"])
                back[payment["id"]] -= given_back
                taken[part["invoice_id"]] += part["amount_cents"] - given_back
    for id, cents in taken.items():
        invoice = books.invoices[id]
        if cents > invoice["total_cents"]:
            yield f"invoice {invoice['number']} of {invoice['total_cents']} was charged {cents}"


@invariant
def each_approval_has_its_payment(books):
    """Each approved transaction is one payment of ours, with the same amount."""
    ours = defaultdict(list)
    for payment in books.payments.values():
        if payment["transaction_id"]:
            ours[payment["transaction_id"]].append(payment)
    for one in _money(books):
        booked = [row for row in ours[one["id"]] if row["state"] in TAKEN]
        if len(booked) != 1:
            yield f"transaction {one['id']} ({one['invoice_number']}) has {len(booked)} payments"
        elif booked[0]["amount_cents"] != one["amount_cents"]:
            yield f"transaction {one['id']} is {one['amount_cents']}, payment {booked[0]['amount_cents']}"


@invariant
def each_payment_has_its_approval(books):
    """Each payment by card or bank that we count is money at the gateway."""
    approved = {one["id"] for one in _money(books)}
    for payment in books.payments.values():
        online = payment["kind"] in ("online", "card", "bank")
        if online and payment["state"] in TAKEN and payment["transaction_id"] not in approved:
            yield f"payment {payment['reference']} is {payment['state']}, and the gateway has no money"


@invariant
def nothing_stays_in_the_dark(books):
    """After the quarantine every attempt is concluded, or held exactly when the gateway holds it."""
    held = {one["invoice_number"] for one in books.charged if one["status"] in HELD}
    for payment in books.payments.values():
        if payment["state"] in LIVE and payment["reference"] not in held:
            yield f"payment {payment['reference']} is still {payment['state']}"
        if payment["reference"] in held and payment["state"] not in ("held", *OURS):
            yield f"payment {payment['reference']} is {payment['state']}, the gateway holds it"


@invariant
def what_came_back_is_known(books):
    """What a bank returned or charged back is no money of ours any more."""
    won = _won(books)
    for what, state in (("return", "returned"), ("chargeback", "charged_back")):
        for one in books.sandbox:
            if one["type"] == what and one["ref_trans_id"] not in won:
                payment = books.by_transaction.get(one["ref_trans_id"])
                if not payment or payment["state"] != state:
                    yield f"{what} of {one['ref_trans_id']}, whose payment is {payment and payment['state']}"


@invariant
def each_refund_has_its_transaction(books):
    """Each refund that went through the gateway is one of ours with the same amount, and the reverse."""
    ours = {
        row["transaction_id"]: row for row in books.refunds
        if row["how"] in ("card", "bank") and row["state"] in OURS
    }  # fmt: skip
    theirs = {
        one["id"]: one for one in books.sandbox
        if one["type"] == "refundTransaction" and one["status"] in REFUNDED
    }  # fmt: skip
    for id in ours.keys() ^ theirs.keys():
        yield f"refund {id} is known to {'us' if id in ours else 'the gateway'} only"
    for id in ours.keys() & theirs.keys():
        if ours[id]["amount_cents"] != theirs[id]["amount_cents"]:
            yield f"refund {id} is {theirs[id]['amount_cents']} there, {ours[id]['amount_cents']} here"
    for row in books.refunds:
        is_early = row["state"] == "prepared" and row["ask_at"] and _at(row["ask_at"]) > books.now
        if row["state"] in ("sent", "in_doubt", "prepared") and not is_early:
            yield f"refund {row['reference']} is still {row['state']}"


@invariant
def refunded_within_the_payment(books):
    """What went back is never more than what came."""
    back = Counter()
    for row in books.refunds:
        if row["state"] in OURS and row["how"] != "void":
            back[row["payment_id"]] += row["amount_cents"]
    for id, cents in back.items():
        if cents > books.payments[id]["amount_cents"]:
            yield f"{cents} of payment {books.payments[id]['reference']} went back"


@invariant
def voids_are_known_to_both(books):
    """A payment is voided here exactly when its transaction is voided there."""
    for one in books.charged:
        payment = books.by_transaction.get(one["id"])
        counted = payment and payment["state"] not in ("voided", "declined", "expired")
        if one["status"] == "voided" and counted:
            yield f"transaction {one['id']} is voided, payment {payment['reference']} is {payment['state']}"
        if payment and payment["state"] == "voided" and one["status"] != "voided":
            yield f"payment {payment['reference']} is voided, transaction {one['id']} is {one['status']}"


@invariant
def one_outcome_a_day(books):
    """What autopay did with an invoice on a day is said once, and a charge is said to be one."""
    said = Counter((row["run_on"], row["invoice_id"]) for row in books.rows("autopay_outcome"))
    for (on, invoice), count in said.items():
        if count > 1:
            yield f"{count} outcomes of invoice {invoice} on {on}"


@invariant
def reconciliation_finds_nothing(books):
    """The product's own comparison with the processor has no open difference."""
    for row in books.rows("difference", "state = 'open'"):
        yield row["text"]


def _money(books):
    """The payments that the gateway took and has: approved, not voided, not returned, not charged back."""
    gone = {one["ref_trans_id"] for one in books.sandbox if one["type"] in ("return", "chargeback")}
    gone -= _won(books)
    return [one for one in books.charged if one["status"] in MONEY and one["id"] not in gone]


def _won(books):
    """The payments that were charged back and given again."""
    cases = {one["return_code"] for one in books.sandbox if one["type"] == "chargebackReversal"}
    return {
        one["ref_trans_id"] for one in books.sandbox
        if one["type"] == "chargeback" and f"of {one['id']}" in cases
    }  # fmt: skip


# --- Invoices ------------------------------------------------------------------------------------


@invariant
def lines_add_up(books):
    """The lines of an invoice are its total."""
    sums = Counter()
    for line in books.lines:
        sums[line["invoice_id"]] += line["total_cents"]
    for invoice in books.invoices.values():
        if sums[invoice["id"]] != invoice["total_cents"]:
            yield f"invoice {invoice['number']}: lines {sums[invoice['id']]}, total {invoice['total_cents']}"


@invariant
def paid_credited_and_open_are_the_total(books):
    """What was paid or credited and what is open make the total; nothing is ever negative."""
    used = Counter()
    for allocation in books.allocations:
        used[allocation["invoice_id"]] += allocation["amount_cents"]
    for invoice in books.invoices.values():
        paid, open_cents = used[invoice["id"]], invoice["open_cents"]
        if invoice["state"] == "issued" and paid + open_cents != invoice["total_cents"]:
            yield f"invoice {invoice['number']}: {paid} paid, {open_cents} open of {invoice['total_cents']}"
        if paid < 0 or open_cents < 0:
            yield f"invoice {invoice['number']}: {paid} paid, {open_cents} open"


@invariant
def money_is_applied_or_left(books):
    """Of every payment, what was applied, given back and left makes its amount."""
    used, back = Counter(), Counter()
    for allocation in books.allocations:
        used[allocation["payment_id"]] += allocation["amount_cents"]
    for refund in books.refunds:
        if refund["how"] != "void" and refund["state"] not in ("declined", "refused"):
            taken = refund["state"] in OURS
            back[refund["payment_id"]] += refund["amount_cents"] - (0 if taken else refund["reopen_cents"])
    for payment in books.payments.values():
        if payment["state"] in ("returned", "charged_back"):
            continue  # refunds of what came back are losses: the product's checks know them
        ours = payment["amount_cents"] if payment["state"] in TAKEN else 0
        spent = used[payment["id"]] + back[payment["id"]]
        if payment["open_cents"] < 0 or spent + payment["open_cents"] != ours:
            yield f"payment {payment['reference']}: {spent} used, {payment['open_cents']} left of {ours}"


@invariant
def numbers_without_gap(books):
    """Invoices are numbered 1 to N, and the next number is N + 1."""
    numbers = sorted(row["number"] for row in books.invoices.values() if row["number"] is not None)
    wanted = list(range(world.FIRST_NUMBER, world.FIRST_NUMBER + len(numbers)))
    if numbers != wanted:
        yield f"{numbers[:3]}…{numbers[-3:]}, {len(numbers)} of them"
    following = books.value("SELECT next_invoice_number FROM company")
    if numbers and following != numbers[-1] + 1:
        yield f"the next is {following}, the last was {numbers[-1]}"


@invariant
def each_period_billed_once(books):
    """One line for each charge and period that is due, none missing, none too many."""
    for charge in books.world["charges"]:
        billed = sorted(
            line["from_on"] for line in books.lines
            if line["charge_id"] == charge["id"] and line["voided_on"] is None
        )  # fmt: skip
        wanted = world.expected_periods(charge, books.today)
        if billed != wanted:
            yield f"charge {charge['id']}: billed {billed}, due {wanted}"
    work = Counter(line["one_off_id"] for line in books.lines if line["one_off_id"])
    if sorted(work.values()) != [1] * books.world["work"]:
        yield f"work: {dict(work)} of {books.world['work']}"


# --- Messages and words --------------------------------------------------------------------------


@invariant
def no_reminder_twice(books):
    """A person is reminded of an invoice once at most by each step of the policy."""
    reminded = Counter()
    for id in books.mails:
        notice = books.notices.get(id)
        if notice and notice["kind"] == "reminder":
            reminded[notice["invoice_id"], notice["contact_id"], notice["step"]] += 1
    for (invoice, contact, _), count in reminded.items():
        if count > 1:
            yield f"contact {contact} was reminded of invoice {invoice} {count} times"


@invariant
def no_reminder_of_what_is_settled(books):
    """Nobody is reminded of an invoice that was paid before, or that they asked us about."""
    paid, asked = _paid_at(books), _asked_at(books)
    for id in set(books.mails):
        notice = books.notices.get(id)
        if not notice or notice["kind"] != "reminder":
            continue
        judged = _at(notice["claimed_at"]) - MARGIN
        if notice["invoice_id"] in paid and paid[notice["invoice_id"]] < judged:
            yield f"reminder {id} of invoice {notice['invoice_id']}, which was paid before"
        if any(opened < judged for opened in asked[notice["customer_id"]]):
            yield f"reminder {id} to customer {notice['customer_id']}, who waits for our answer"


def _paid_at(books):
    """{invoice id: when the last payment came that settled it}, for those settled by payments alone."""
    last = defaultdict(lambda: datetime.min)
    for allocation in books.allocations:
        source = books.payments.get(allocation["payment_id"])
        at = _at(source["concluded_at"]) if source and source["concluded_at"] else datetime.max
        last[allocation["invoice_id"]] = max(last[allocation["invoice_id"]], at)
    return {id: at for id, at in last.items() if books.invoices[id]["open_cents"] == 0}


def _asked_at(books):
    waiting = defaultdict(list)
    for ticket in books.rows("ticket", "state = 'waiting_on_us'"):
        waiting[ticket["customer_id"]].append(_at(ticket["opened_at"]))
    return waiting


def _at(text):
    return datetime.fromisoformat(text)


@invariant
def outbox_is_empty(books):
    """Whatever was due is sent, printed, refused or no longer needed; nothing is stuck half way."""
    for notice in books.notices.values():
        waits = notice["state"] == "queued" and _at(notice["send_at"]) <= books.now
        if waits or notice["state"] == "sending":
            yield f"{notice['kind']} {notice['id']} is {notice['state']}: {notice['reason']}"


@invariant
def each_payment_is_receipted(books):
    """Every payment has its receipt for every payer with an address, queued in the same transaction.

    (Who was told by letter that a charge was declined hears by letter that the next one worked.)
    """
    contacts = Counter(
        row["customer_id"]
        for row in books.rows("contact", "role = 'payer' AND email <> '' AND left_on IS NULL")
    )
    mails = (row for row in books.notices.values() if row["kind"] == "receipt" and row["channel"] == "mail")
    receipts = Counter(row["payment_id"] for row in mails)
    for payment in books.payments.values():
        if payment["state"] in OURS and receipts[payment["id"]] != contacts[payment["customer_id"]]:
            yield f"payment {payment['reference']} has {receipts[payment['id']]} receipts"


@invariant
def what_clients_were_told_is_there(books):
    """Pages, answers and mails said it; so it is."""
    keys = {row["key"]: row for row in books.payments.values()}
    refunds = {row["key"]: row for row in books.refunds}
    approved = {one["invoice_number"] for one in _money(books)}
    for fact in books.facts:
        yield from _broken_word(fact, books, keys, refunds, approved)
    for id in set(books.mails) - set(books.notices):
        yield f"mail {id} was sent, and there is no such notice"


def _broken_word(fact, books, keys, refunds, approved):
    if "hand" in fact and keys.get(fact["hand"], {}).get("amount_cents") != fact["cents"]:
        yield f"a payment by hand of {fact['cents']} was confirmed and is not there"
    if "refund" in fact and refunds.get(fact["refund"], {}).get("amount_cents") != fact["cents"]:
        yield f"a refund of {fact['cents']} was confirmed and is not there"
    payment = books.by_reference.get(fact.get("reference"))
    if fact.get("what") in ("started", "shown") and payment is None:
        yield f"payment {fact['reference']} was shown and is not there"
    if fact.get("what") == "shown" and payment:
        yield from _broken_page(fact, payment, approved)


def _broken_page(fact, payment, approved):
    if fact["state"] in OURS and payment["state"] not in (*OURS, *BACK):
        yield f"payment {payment['reference']} was shown as paid and is {payment['state']}"
    refused = fact["state"] in ("expired", "declined", "declined-refused")
    if refused and payment["reference"] in approved:
        yield f"payment {payment['reference']} was shown as {fact['state']}, and the gateway has the money"


@invariant
def what_staff_sent_twice_is_there_once(books):
    """Each form of theirs was sent twice at once; what its page confirmed is there, and once."""
    checks = Counter(row["note"] for row in books.payments.values() if row["note"].startswith("clerk "))
    refunds = Counter(row["reason"] for row in books.refunds if row["reason"].startswith("clerk "))
    for name, count in (checks + refunds).items():
        if count > 1:
            yield f"{name} was booked {count} times"
    for fact in books.facts:
        if "booked" in fact and not checks[fact["booked"]]:
            yield f"the check {fact['booked']} was confirmed and is not there"
        if "gave back" in fact and not refunds[fact["gave back"]]:
            yield f"the refund {fact['gave back']} was confirmed and is not there"


@invariant
def questions_are_kept(books):
    """Who was thanked for a question has a ticket with us."""
    asked = sum(fact.get("what") == "asked" for fact in books.facts)
    if asked and not books.value("SELECT count(*) FROM ticket"):
        yield f"{asked} questions were thanked for, and there is no ticket"


@invariant
def webhooks_are_kept_and_only_real_ones(books):
    """What we answered with 200 is there; what the gateway never sent is not."""
    kept = {row["notification_id"] for row in books.rows("gateway_event")}
    sent = {one["id"] for one in books.notifications}
    delivered = {one["id"] for one in books.notifications if one["status"] == "Delivered"}
    for id in delivered - kept:
        yield f"webhook {id} was answered 200 and is not there"
    for id in kept - sent:
        yield f"webhook {id} was kept, and the gateway never sent it"


# --- The database --------------------------------------------------------------------------------


@invariant
def integrity_is_sound(books):
    """The file is whole, and every foreign key leads somewhere."""
    if not books.db.for_update:
        for row in books.db.execute_sql("PRAGMA integrity_check").fetchall():
            if row[0] != "ok":
                yield str(row[0])
        for row in books.db.execute_sql("PRAGMA foreign_key_check").fetchall():
            yield f"{row[0]} {row[1]} points to no {row[2]}"
        return
    for table in TABLES:
        for field in table._meta.sorted_fields:
            if hasattr(field, "rel_model"):
                yield from _dangling(books, table, field)


def _dangling(books, table, field):
    name, column, other = table._meta.table_name, field.column_name, field.rel_model._meta.table_name
    count = books.value(
        f'SELECT count(*) FROM "{name}" AS a LEFT JOIN "{other}" AS b ON b.id = a."{column}"'
        f' WHERE a."{column}" IS NOT NULL AND b.id IS NULL'
    )
    if count:
        yield f"{count} rows of {name} point to no {other}"


@invariant
def the_product_agrees(books):
    """The product's own nightly checks find nothing."""
    yield from map(str, checks.run())


# --- Running it again ----------------------------------------------------------------------------

# Times of asking move with every look; everything else has to stay as it is.
RESTLESS = {"payment": ("ask_at", "asks"), "settlement": ("read_at",),
            "autopay_outcome": ("decided_at",), "job_run": None}  # fmt: skip


def fingerprint(db):
    """One hash for each table of what is in it, without what may change by looking."""
    found = {}
    for table in TABLES:
        name = table._meta.table_name
        if RESTLESS.get(name, ()) is None:
            continue
        columns = [
            field.column_name for field in table._meta.sorted_fields
            if field.column_name not in RESTLESS.get(name, ())
        ]  # fmt: skip
        listed = ", ".join(f'"{column}"' for column in columns)
        rows = db.execute_sql(f'SELECT {listed} FROM "{name}" ORDER BY 1').fetchall()
        found[name] = hashlib.sha256(json.dumps(rows, default=str).encode()).hexdigest()[:16]
    return found


def schema(db):
    """One hash of tables, indexes, triggers and how many companies there are."""
    if db.for_update:
        parts = [
            "SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns"
            " WHERE table_schema = 'public' ORDER BY 1, 2",
            "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1",
            "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1",
        ]
    else:
        parts = ["SELECT type, name, sql FROM sqlite_master ORDER BY 1, 2"]
    rows = [db.execute_sql(part).fetchall() for part in (*parts, "SELECT count(*) FROM company")]
    return hashlib.sha256(json.dumps(rows, default=str).encode()).hexdigest()[:16]
