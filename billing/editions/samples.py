"""Finished documents to draw and to mail, without a database: previews, checks of texts, tests of the look.

``CASES`` has what each kind of message can be like; a text is not activated before it can say all of them.
"""

from dataclasses import replace
from datetime import date
from types import SimpleNamespace

from billing import canceling, digests, handovers, letterheads, outcomes, remittance
from billing.automatic import setbacks
from billing.disputes import telling
from billing.documents import autopay_documents, printed, receipt_documents, sentences, statement_documents
from billing.notices.queueing import WHY_CANCELED, WHY_CREDIT, WHY_LATE_FEE, WHY_PROMISE
from billing.outbox import joining
from billing.plans import sample as plans
from billing.plans import telling as plan_telling
from billing.remedies import told
from billing.renewals import sample
from billing.reversals import money_back
from billing.suspensions import standing
from billing.suspensions import steps as suspensions
from models import Notice

PAY_URL = "https://pay.example.com/i/Zk3vQ0m1s8Yc2nT5bWf7Jq9LxR4uAaEeHhGgDdKkPpM"

COMPANY = letterheads.Letterhead(
    name="Example Alarm",
    legal_name="Example Alarm & Monitoring, LLC",
    address_lines=("410 Commerce Street, Suite 200", "Austin, TX 78701"),
    phone="(512) 555-0100",
    phone_hours="Mon–Fri 8 am–6 pm",
    email="billing@example.com",
    license_number="TX B-10482",
    payable_to="Example Alarm & Monitoring, LLC",
    remit_lines=("PO Box 3050", "Austin, TX 78764"),
)

CHANGES = (
    "Burglary monitoring costs $42.50 instead of $41.50 from December 1, 2026: we told you on October 12, "
    "2026.",
    "Camera cloud storage ended on November 30, 2026 and is not billed any more.",
)


def item(text="Burglary monitoring", cents=4250, **fields):
    """One recurring line for December 2026."""
    known = {
        "system": "Front house system", "when": "December 1–31, 2026", "short_when": "Dec 1–31, 2026",
        "part": "", "work_order": "", "quantity": 1, "unit_cents": cents, "amount_cents": cents,
        "discount_cents": 0, "discount_reason": "", "tax_cents": 0, "total_cents": cents,
    }  # fmt: skip
    return printed.Item(text=text, **known | fields)


def _sections():
    """Two services and a service call at one place."""
    home = "18 Elm Street, Austin, TX 78704"
    recurring = (
        item("Burglary monitoring", 3995, tax_cents=330, total_cents=4325),
        item("Camera cloud storage, 30 days", 2500, quantity=2, unit_cents=1250, system="Cameras",
             tax_cents=165, discount_cents=500, discount_reason="second camera at half price until June 2027",
             total_cents=2165),
    )  # fmt: skip
    work = (
        item("Replace motion sensor, kitchen", 11900, when="November 19, 2026", short_when="Nov 19, 2026",
             tax_cents=982, total_cents=12882, work_order="5531"),
    )  # fmt: skip
    return (
        printed.Section("Recurring services", (printed.Place(home, recurring),)),
        printed.Section("Work and parts", (printed.Place(home, work),)),
    )


def invoice(**fields):
    """A typical invoice: two services at one place, a discount, a service call, tax, one earlier invoice."""
    known = {
        "company": COMPANY,
        "customer_name": "Ann Miller",
        "account_number": "100042",
        "bill_to": ("Ann Miller", "18 Elm Street", "Austin, TX 78704"),
        "number": "10482",
        "issued_on": date(2026, 12, 1),
        "due_on": date(2026, 12, 15),
        "po_number": "",
        "note": "",
        "state": "due",
        "when": "Due December 15, 2026",
        "when_note": "",
        "sections": _sections(),
        "subtotal_cents": 18395,
        "discount_cents": 500,
        "taxes": (printed.Amount("Texas and Austin sales tax, 8.25%", 1477),),
        "total_cents": 19372,
        "applied": (printed.Amount("Credit: technician came a day late", -1500, date(2026, 11, 24)),),
        "open_cents": 17872,
        "earlier": (printed.Earlier("10377", date(2026, 11, 15), 3995, True),),
        "earlier_cents": 3995,
        "expectation": "Services are billed in advance: this invoice covers December 1–31, 2026. "
        "The work listed was done on November 19, 2026.",
        "next_invoice": "Services that continue are billed next for the period from January 1, 2027.",
        "wish": "Nothing is charged automatically: you pay each invoice yourself.",
        "late": "There is no late fee. If you cannot pay by December 15, 2026, tell us and we will "
        "find a date together.",
        "objection": sentences.OBJECTION,
        "pay_url": PAY_URL,
        "scan_line": remittance.scan_line("100042", 10482, 21867),
    }
    return printed.InvoiceDocument(**known | fields)


def simple_invoice(**fields):
    """The commonest invoice of all: one service, no tax, nothing else open."""
    place = printed.Place("18 Elm Street, Austin, TX 78704", (item(),))
    known = {
        "sections": (printed.Section("Recurring services", (place,)),),
        "subtotal_cents": 4250, "discount_cents": 0, "taxes": (), "total_cents": 4250, "open_cents": 4250,
        "applied": (), "earlier": (), "earlier_cents": 0,
        "scan_line": remittance.scan_line("100042", 10482, 4250),
        "expectation": "Services are billed in advance: this invoice covers December 1–31, 2026.",
    }  # fmt: skip
    return invoice(**known | fields)


def paid(document):
    """The same invoice after it was paid."""
    payment = printed.Amount("Payment, Visa ending 4242", -document.open_cents, date(2026, 12, 3))
    return replace(
        document, state="paid", when="Paid on December 3, 2026", open_cents=0, late="", wish="",
        scan_line="", earlier=(), earlier_cents=0, applied=(*document.applied, payment),
    )  # fmt: skip


def receipt(**fields):
    """A card payment that paid one invoice and part of another."""
    known = {
        "company": COMPANY, "customer_name": "Ann Miller", "account_number": "100042",
        "bill_to": ("Ann Miller", "18 Elm Street", "Austin, TX 78704"),
        "number": "P-7K2M9QX4", "title": "Receipt", "state": "paid",
        "sentence": "Thank you. We have your payment.", "amount_cents": 10000, "paid_on": date(2026, 12, 3),
        "facts": (
            ("Payment", "P-7K2M9QX4"), ("Date", "December 3, 2026"),
            ("Confirmed", "December 3, 2026, 2:05 pm CST"), ("Method", "Visa ending 4242"),
            ("Processor reference", "60198230011"), ("Authorization code", "A1B2C3"),
        ),
        "paid": (
            receipt_documents.Paid("10377", date(2026, 11, 15), 3995, 0),
            receipt_documents.Paid("10482", date(2026, 12, 15), 4250, 0),
        ),
        "unapplied_cents": 1755, "refunds": (),
    }  # fmt: skip
    return receipt_documents.ReceiptDocument(**known | fields)


def dispute(**fields):
    """A line that a customer says is wrong, and the rest of its invoice."""
    known = {
        "number": "10482", "about": "Service call", "is_line": True, "cents": 3000,
        "words": "He was here for one hour, not for two.", "answer_by_on": date(2026, 12, 31),
        "credit_cents": 0, "again_cents": 0, "again_on": None, "decision": "",
        "rest_cents": 14872, "rest_on": date(2026, 12, 15),
    }  # fmt: skip
    return telling.DisputeDocument(**known | fields)


OPEN_AGAIN = (money_back.Reopened(None, "10482", date(2026, 12, 15), 4250),)


def problem(**fields):
    """A bank debit that came back for lack of funds and is tried again."""
    known = {
        "company": COMPANY, "title": "Your payment came back unpaid", "subject": "came back unpaid",
        "sentence": outcomes.return_cause("R01").sentence,
        "next_step": "We will try again on December 11, 2026. If you pay another way before that day, "
        "nothing is charged then.",
        "amount_cents": 4250, "paid_on": date(2026, 12, 3), "reopened": OPEN_AGAIN,
        "facts": (("Payment", "PL7K2M9QX4"), ("Paid with", "Bank account ending 6781"),
                  ("Account", "100042")),
    }  # fmt: skip
    return money_back.ProblemDocument(**known | fields)


def credit(**fields):
    """A credit out of kindness that pays a part of one invoice."""
    known = {
        "company": COMPANY, "account_number": "100042", "cents": 1500, "on": date(2026, 12, 3),
        "sentence": told.OTHERWISE, "reason": "Our technician came a day late.",
        "paid": (told.Part("10482", 1500, 2750),), "unapplied_cents": 0,
    }  # fmt: skip
    return told.CreditDocument(**known | fields)


def canceled(**fields):
    """An invoice that was canceled before anything was paid."""
    known = {
        "company": COMPANY, "number": "10482", "account_number": "100042", "issued_on": date(2026, 12, 1),
        "on": date(2026, 12, 3), "total_cents": 4600, "reason": "It was for a panel that you no longer have.",
        "paid_cents": 0,
    }  # fmt: skip
    return canceling.CanceledDocument(**known | fields)


def late_fee(**fields):
    """A late fee that is told before it is charged."""
    known = {
        "company": COMPANY, "number": "10482", "due_on": date(2026, 12, 15), "open_cents": 4600,
        "cents": 213, "charge_from_on": date(2027, 1, 15), "base_cents": 4250,
    }  # fmt: skip
    return told.FeeDocument(**known | fields)


def resting(**fields):
    """Service that rests from a day on unless somebody talks with us."""
    known = {
        "company": COMPANY, "account_number": "100042", "service": "Monitoring agreement",
        "where": "18 Elm Street, Austin, TX 78704", "systems": ("Front house system",),
        "rests_on": date(2026, 12, 15), "cents": 17850, "oldest_on": date(2026, 8, 15),
        "on": date(2026, 12, 1), "is_billed": False, "was_resting": False,
    }  # fmt: skip
    return standing.RestDocument(**known | fields)


def handed(**fields):
    """An account that somebody else writes about from now on."""
    known = {
        "company": COMPANY, "account_number": "100042", "agency": "Example Recovery Partners",
        "cents": 17850, "oldest_on": date(2026, 8, 15), "on": date(2026, 12, 15),
    }  # fmt: skip
    return handovers.HandedDocument(**known | fields)


def refund(**fields):
    """A card refund that opens an invoice again."""
    known = {
        "company": COMPANY, "title": "Refund",
        "sentence": "We have sent $42.50 back to your Visa ending 4242. It normally shows on your statement "
        "within five to ten business days.",
        "amount_cents": 4250, "on": date(2026, 12, 9), "reopened": OPEN_AGAIN,
        "facts": (("Refund", "RF4K7M2QX9"), ("Of your payment", "PL7K2M9QX4, December 3, 2026"),
                  ("Paid with", "Visa ending 4242"), ("Account", "100042"),
                  ("Reason", "Charged to the wrong card.")),
    }  # fmt: skip
    return money_back.RefundDocument(**known | fields)


OWED = (setbacks.Owed(None, "10482", date(2026, 12, 15), 4250),)


def setback(**fields):
    """A charge that the bank declined and that is tried again."""
    known = {
        "happened": outcomes.plain_words("2"),
        "next_step": "We will try again on December 18, 2026. If you pay another way before that day, "
        "nothing is charged then.",
        "cents": 4250, "method": "Visa ending 4242", "owed": OWED,
        "facts": (("Declined on", "December 15, 2026"), ("Card or account", "Visa ending 4242"),
                  ("Reference", "PL7K2M9QX4"), ("Account", "100042")),
    }  # fmt: skip
    return setbacks.SetbackDocument(**known | fields)


def above_cap():
    """A charge above the limit that the customer set."""
    return setback(
        happened="$142.50 is above the $100.00 that you set for autopay, so we are asking first. Nothing was "
        "charged.",
        next_step="Please pay it when you have looked at it; nothing of it is charged by itself. Your later "
        "invoices go on as before, up to $100.00.",
        cents=14250, owed=(setbacks.Owed(None, "10482", date(2026, 12, 15), 14250),), is_final=True,
        facts=(("Your limit", "$100.00"), ("Account", "100042")),
    )  # fmt: skip


def method_problem():
    """A card that has expired."""
    return setback(
        happened=outcomes.plain_words("8"),
        next_step="We will not charge Visa ending 4242 again. Add another card or bank account and choose it "
        "for autopay; it is charged within a day.",
        is_final=True,
    )


def charge(**fields):
    """Two invoices that autopay charges together."""
    known = {
        "customer_name": "Ann Miller", "account_number": "100042", "charge_on": date(2026, 12, 15),
        "cents": 13119, "method": "Visa ending 4242", "is_retry": False, "why_not": "",
        "invoices": (autopay_documents.Charged("10482", date(2026, 12, 15), 4250),
                     autopay_documents.Charged("10483", date(2026, 12, 15), 8869)),
    }  # fmt: skip
    return autopay_documents.ChargeDocument(**known | fields)


def put_off():
    """The same after the customer put it off."""
    return charge(put_off_from_on=date(2026, 12, 8))


RESTS = (
    "$30.00 of invoice 10003 is disputed. Nothing of that is charged.",
    "$180.00 of your plan is yours to pay on the days of its payments, next on January 15, 2027.",
)


def agreement(**fields):
    """An authorization that stands, as its copy is mailed."""
    known = {
        "customer_name": "Ann Miller", "account_number": "100042", "method": "Visa ending 4242",
        "day": "on the due date of each invoice", "version": "2026-12-card",
        "paragraphs": (
            "I authorize Example Alarm & Monitoring, LLC to charge my Visa ending 4242 automatically for the "
            "invoices of account 100042, Ann Miller.",
            "Day: on the due date of each invoice.",
        ),
        "agreed": "December 1, 2026, 2:05 pm CST", "agreed_by": "Ann Miller, ann@example.com",
        "agreed_from": "203.0.113.7", "ended": "", "end_reason": "", "charges": (charge(),), "under_way": (),
    }  # fmt: skip
    return autopay_documents.AgreementDocument(**known | fields)


def ended_agreement():
    """The same after it was switched off, with one charge that was sent before."""
    under_way = autopay_documents.UnderWay(4250, "Visa ending 4242", "December 15, 2026, 5:00 am CST")
    return agreement(
        ended="December 15, 2026, 9:30 am CST", end_reason="You switched it off.", charges=(),
        under_way=(under_way,),
    )  # fmt: skip


def saved_method(**fields):
    """A card that autopay uses."""
    known = {
        "label": "Visa ending 4242", "kind": "card", "expires": "12/26", "expires_on": date(2026, 12, 31),
        "change": "", "reason": "", "is_autopay": True, "next_charge": charge(),
    }  # fmt: skip
    return autopay_documents.MethodDocument(**known | fields)


def statement(**fields):
    """Two months of one account."""
    rows = (
        statement_documents.Row(date(2026, 11, 1), "Invoice 10377", 3995, 0, 3995),
        statement_documents.Row(date(2026, 11, 20), "Payment, check 1042", 0, 3995, 0),
        statement_documents.Row(date(2026, 12, 1), "Invoice 10482", 4250, 0, 4250),
    )
    known = {
        "company": COMPANY, "customer_name": "Ann Miller", "account_number": "100042",
        "bill_to": ("Ann Miller", "18 Elm Street", "Austin, TX 78704"), "made_on": date(2026, 12, 31),
        "period": "November 1 – December 31, 2026", "opening_cents": 0, "rows": rows, "closing_cents": 4250,
    }  # fmt: skip
    return statement_documents.StatementDocument(**known | fields)


# --- Every kind of message -------------------------------------------------------------------------

LINKS = {
    "pay_url": PAY_URL,
    "question_url": f"{PAY_URL}#question",
    "preferences_url": "https://pay.example.com/preferences/Wq7",
    "sign_in_page_url": "https://pay.example.com/sign-in",
}
ACCOUNT_LINKS = LINKS | {
    "autopay_url": "https://pay.example.com/account/autopay",
    "methods_url": "https://pay.example.com/account/methods",
}
CHARGE_LINKS = ACCOUNT_LINKS | {"wait_url": f"{PAY_URL}/wait"}
TOGETHER_LINKS = LINKS | {"together_url": f"{PAY_URL}/together"}
ALSO = joining.Also(None, "10519", "due December 18, 2026", 3995)
ANN = SimpleNamespace(name="Ann Miller", customer=SimpleNamespace(kind="residential"))
PERSONAL = """Hello Ann,

Invoice 10482 for $42.50 was due on December 15, 2026, and we have not
seen a payment yet. Is everything all right with it?

Sam Porter
Example Alarm"""


def automatic_invoice():
    """An invoice that autopay pays."""
    sentence = (
        "Autopay will charge $42.50 on December 15, 2026 from Visa ending 4242. You need not do anything."
    )
    automatic = printed.Automatic(date(2026, 12, 15), "Visa ending 4242", True, sentence)
    late = "There is no late fee. If the day does not suit you, let the charge wait until another one."
    return simple_invoice(automatic=automatic, wish=sentence, late=late)


def part_paid():
    """An invoice of which a part was paid."""
    payment = printed.Amount("Payment, check 1042", -2000, date(2026, 12, 3))
    return simple_invoice(state="part paid", applied=(payment,), open_cents=2250)


def _open(document, **more):
    known = {"due_words": "due December 15, 2026", "also": (), "all_cents": document.open_cents}
    return {"document": document, "why": "You get invoices for this account."} | known | more


def _late(document, **more):
    return _open(document, due_words="was due December 15, 2026", next_on=date(2027, 1, 14),
                 why="An invoice of this account is past its due date.") | more  # fmt: skip


_SEVERAL = {"also": (ALSO,), "all_cents": 8245, "links": TOGETHER_LINKS}
_PAST_DUE = {"state": "past due", "when_note": "15 days ago"}
_REMIND = {"why": "We remind you of what is due and not paid yet."}
_PROBLEM = {"why": "A payment on this account did not go through.", "links": ACCOUNT_LINKS}
_PAID_BY_ITSELF = {"why": "This account is paid automatically.", "links": CHARGE_LINKS}
_SECURITY = {
    "why": "We tell you whenever a way to pay of this account changes.", "links": ACCOUNT_LINKS
}  # fmt: skip
_DISPUTED = {
    "why": "You told us that something on an invoice is not right.",
    "links": LINKS | {"pay_url": PAY_URL, "ticket_url": "https://pay.example.com/questions/7"},
}
_DECIDED = {
    "decision": "Our technician's sheet says one hour. The second one was typed by mistake.",
}
_AGAIN = {"again_on": date(2026, 12, 20), **_DECIDED}
_PLANNED = {
    "links": LINKS | {
        "pay_url": PAY_URL, "plan_url": f"{PAY_URL}/plan", "question_url": f"{PAY_URL}#question",
    },
}  # fmt: skip
_RENEWS = {
    "why": "The law or your agreement requires us to tell you before it renews.",
    "links": LINKS | {"answer_url": sample.ANSWER_URL},
}

SUMMARY = digests.Digest(
    from_on=date(2026, 12, 1), to_on=date(2026, 12, 31), before_cents=0, after_cents=4250, open_cents=4250,
    next_due_on=date(2027, 1, 15),
    entries=(
        SimpleNamespace(on=date(2026, 12, 1), text="Invoice 10482", amount_cents=4250),
        SimpleNamespace(on=date(2026, 12, 3), text="Payment, Visa ending 4242", amount_cents=-4250),
        SimpleNamespace(on=date(2026, 12, 31), text="Invoice 10519", amount_cents=4250),
    ),
)  # fmt: skip


def _digest(summary):
    links = LINKS | {"account_url": "https://pay.example.com/account"}
    return {"digest": summary, "links": links, "why": "You asked for a summary every month."}


# {kind: {what it is like: context}}; the first is the sample that the editor shows
CASES = {
    Notice.INVOICE: {
        "An invoice": _open(invoice()),
        "Paid by autopay": _open(automatic_invoice(), links=CHARGE_LINKS),
        "With another that is open": _open(simple_invoice(), **_SEVERAL),
        "Nothing to pay": _open(paid(invoice())),
        "Something changed": _open(simple_invoice(changes=CHANGES)),
    },
    Notice.REMINDER: {
        "One invoice": _open(simple_invoice(when_note="in 3 days"), **_REMIND),
        "Several invoices": _open(simple_invoice(when_note="in 3 days"), **_REMIND, **_SEVERAL),
        "Part of it paid": _open(part_paid(), **_REMIND),
        "A payment of a plan": _open(
            simple_invoice(**_PAST_DUE), coming=plans.coming(), **_PLANNED, why=plan_telling.WHY_REMINDER
        ),
        "Two payments of a plan": _open(
            simple_invoice(**_PAST_DUE), coming=plans.coming_soon(), **_PLANNED, why=plan_telling.WHY_REMINDER
        ),
    },
    Notice.OVERDUE: {
        "One invoice": _late(simple_invoice(**_PAST_DUE)),
        "Several invoices": _late(simple_invoice(**_PAST_DUE), **_SEVERAL),
        "The last one before a person calls": _late(part_paid(), next_on=None),
        "After a day that was promised": _late(
            simple_invoice(**_PAST_DUE), promised_on=date(2026, 12, 29)
        ),
    },
    Notice.CHECK_IN: {"A personal word": _late(simple_invoice(**_PAST_DUE), words=PERSONAL)},
    Notice.FRESH_LINK: {
        "An open invoice": _open(simple_invoice(), why="You asked for a new link."),
        "A paid one": _open(paid(simple_invoice()), why="You asked for a new link."),
    },
    Notice.RECEIPT: {
        "A card payment": {"document": receipt(), "why": "A receipt is sent for every payment."},
        "A payment without an invoice": {
            "document": receipt(paid=(), unapplied_cents=10000), "why": "A receipt is sent for every payment."
        },
    },
    Notice.PAYMENT_PROBLEM: {
        "A debit that came back": _PROBLEM | {"document": problem()},
        "A dispute": _PROBLEM | {"document": problem(is_dispute=True, next_step="")},
        "Nothing open again": _PROBLEM | {"document": problem(reopened=(), next_step="")},
    },
    Notice.CREDIT_GIVEN: {
        "Out of kindness": {"document": credit(), "why": WHY_CREDIT},
        "For days that did not work": {
            "document": credit(
                sentence=told.SENTENCES["service"], cents=581, unapplied_cents=581, paid=(),
                reason="Burglary monitoring did not work December 3–8, 2026 (6 of 31 days).",
            ),
            "why": WHY_CREDIT,
        },
        "A late fee taken back": {
            "document": credit(
                sentence=told.SENTENCES["late_fee"], cents=213, paid=(told.Part("10560", 213, 4250),),
                reason="Late fee for invoice 10482, which was due December 15, 2026: waived. We heard of it "
                "too late.",
            ),
            "why": WHY_CREDIT,
        },
    },
    Notice.INVOICE_CANCELED: {
        "Not paid yet": {"document": canceled(), "why": WHY_CANCELED},
        "Paid already": {"document": canceled(paid_cents=4600), "why": WHY_CANCELED},
    },
    Notice.PROMISE: {
        "Noted": {"document": plans.promise(), "why": WHY_PROMISE} | _PLANNED,
        "On the day": {"document": plans.promise(is_today=True), "why": WHY_PROMISE} | _PLANNED,
        "Everything, charged by itself": {
            "document": plans.promise(what="everything that is open", pays_itself=True), "why": WHY_PROMISE
        },
    },
    Notice.PLAN_AGREED: {
        "Agreed": {"document": plans.plan(), "why": plan_telling.WHY_AGREED} | _PLANNED,
        "Proposed by us": {"document": plans.proposal(), "why": plan_telling.WHY_PROPOSED} | _PLANNED,
    },
    Notice.PLAN_MISSED: {
        "It can be moved": {"document": plans.missed(), "why": plan_telling.WHY_MISSED} | _PLANNED,
        "One was moved before": {
            "document": replace(plans.missed(), can_move=False), "why": plan_telling.WHY_MISSED
        } | _PLANNED,
    },
    Notice.PLAN_ENDED: {
        "Paid off": {"document": plans.kept(), "why": plan_telling.WHY_ENDED} | _PLANNED,
        "Not kept": {"document": plans.broken(), "why": plan_telling.WHY_ENDED} | _PLANNED,
    },
    Notice.LATE_FEE: {"Before it is charged": {"document": late_fee(), "why": WHY_LATE_FEE}},
    Notice.SUSPENSION_WARNING: {"Two weeks ahead": {"document": resting(), "why": suspensions.WHY}},
    Notice.SUSPENDED: {
        "Not billed": {"document": resting(), "why": suspensions.WHY},
        "Billed": {"document": resting(is_billed=True), "why": suspensions.WHY},
    },
    Notice.REINSTATED: {
        "It rested": {"document": resting(was_resting=True), "why": suspensions.WHY},
        "It was announced": {"document": resting(), "why": suspensions.WHY},
    },
    Notice.HANDED_OVER: {"Once": {"document": handed(), "why": handovers.WHY}},
    Notice.REFUND: {
        "To a card": {"document": refund(), "why": "We tell you whenever we send money back."},
        "Nothing open again": {
            "document": refund(reopened=()), "why": "We tell you whenever we send money back."
        },
    },
    Notice.CHARGE_DECLINED: {
        "Tried again": _PROBLEM | {"document": setback()},
        "Not tried again": _PROBLEM
        | {
            "document": setback(
                is_final=True, next_step="We will not try it again, so please pay another way."
            )
        },
    },
    Notice.METHOD_PROBLEM: {"An expired card": _PROBLEM | {"document": method_problem()}},
    Notice.ABOVE_CAP: {
        "Above the limit": {
            "document": above_cap(), "links": ACCOUNT_LINKS,
            "why": "You wanted to be asked before a larger automatic payment.",
        },
    },
    Notice.AUTOPAY_ON: {
        "A card": {
            "document": agreement(), "links": ACCOUNT_LINKS,
            "why": "We send a copy of every authorization to the person who gave it.",
        },
        "Nothing open": {
            "document": agreement(charges=(), former_method="Visa ending 1111"), "links": ACCOUNT_LINKS,
            "why": "We send a copy of every authorization to the person who gave it.",
        },
        "A plan and a dispute": {
            "document": agreement(charges=(), rests=RESTS), "links": ACCOUNT_LINKS,
            "why": "We send a copy of every authorization to the person who gave it.",
        },
    },
    Notice.AUTOPAY_OFF: {
        "With a charge under way": {
            "document": ended_agreement(), "links": ACCOUNT_LINKS,
            "why": "This account was paid automatically until now.",
        },
    },
    Notice.UPCOMING_CHARGE: {
        "Two invoices": _PAID_BY_ITSELF | {"document": charge()},
        "One invoice": _PAID_BY_ITSELF | {"document": charge(invoices=charge().invoices[:1], cents=4250)},
    },
    Notice.CHARGE_POSTPONED: {"Put off": _PAID_BY_ITSELF | {"document": put_off()}},
    Notice.METHOD_EXPIRING: {
        "Used by autopay": _SECURITY
        | {"document": saved_method(), "why": "A card that you saved is about to expire."},
        "Not used": _SECURITY
        | {
            "document": saved_method(is_autopay=False, next_charge=None),
            "why": "A card that you saved is about to expire.",
        },
    },
    Notice.METHOD_CHANGED: {
        change.capitalize(): _SECURITY | {"document": saved_method(change=change, reason=reason)}
        for change, reason in (
            ("added", ""),
            ("removed", "It was replaced by another one."),
            ("updated", ""),
            ("disabled", "Your bank says that this account is closed."),
        )
    },
    Notice.SIGN_IN: {
        "A code": {
            "code": "493021",
            "links": {"sign_in_url": "https://pay.example.com/sign-in/Kd8",
                      "sign_in_page_url": LINKS["sign_in_page_url"]},
            "why": "Somebody asked to sign in with this address.",
        },
    },
    Notice.CONSENT_CONFIRM: {
        "A request": {
            "links": LINKS | {"consent_url": "https://pay.example.com/consent/Kd8"},
            "why": "You asked to get legal notices by email.",
        },
    },
    Notice.DIGEST: {
        "A month": _digest(SUMMARY),
        "Nothing happened": _digest(
            replace(SUMMARY, entries=(), after_cents=0, before_cents=0, open_cents=0, next_due_on=None)
        ),
    },
    Notice.TICKET_REPLY: {
        "An answer": {
            "ticket": SimpleNamespace(subject="Why is there a service call?"),
            "message": SimpleNamespace(body="Hello Ann,\n\nthe fee is off.\nSorry for the trouble."),
            "links": LINKS | {"ticket_url": "https://pay.example.com/questions/7"},
            "why": "You asked us a question.",
        },
    },
    Notice.TICKET_RECEIVED: {
        "A question": {
            "ticket": SimpleNamespace(subject="Why is there a service call?"),
            "message": SimpleNamespace(body="Hello, why is there a service call?"),
            "answer_on": date(2026, 12, 2),
            "links": LINKS | {"ticket_url": "https://pay.example.com/questions/7"},
            "why": "You asked us a question.",
        },
    },
    Notice.TICKET_CLOSED: {
        "Closed": {
            "ticket": SimpleNamespace(subject="Why is there a service call?"),
            "message": SimpleNamespace(body="Thank you."),
            "links": LINKS | {"ticket_url": "https://pay.example.com/questions/7"},
            "why": "You asked us a question.",
        },
    },
    Notice.DISPUTE_RECEIVED: {
        "One line": _DISPUTED | {"document": dispute()},
        "All of it": _DISPUTED
        | {"document": dispute(about="The whole invoice", is_line=False, cents=17872, rest_cents=0)},
    },
    Notice.DISPUTE_DECIDED: {
        "Credited": _DISPUTED | {"document": dispute(credit_cents=3000, **_DECIDED)},
        "In part": _DISPUTED
        | {"document": dispute(credit_cents=1000, again_cents=2000, rest_cents=16872, **_AGAIN)},
        "Not credited": _DISPUTED | {"document": dispute(again_cents=3000, rest_cents=17872, **_AGAIN)},
    },
    Notice.CONTACT_CHANGED: {"Changed": {"why": "This was the address of a contact of this account."}},
    Notice.PRICE_CHANGE: {
        "A new price": _RENEWS
        | {
            "document": sample.new_price(COMPANY),
            "why": "The price of one of your services changes, and it counts only after we have told you.",
        },
    },
    Notice.CONTRACT_ANSWERED: {
        "Ended": _RENEWS
        | {"document": sample.answered(COMPANY), "why": "You answered about your agreement with us."},
    },
    Notice.CONTRACT_ENDED: {
        "Ended": _RENEWS
        | {"document": sample.ended(COMPANY), "why": "We tell you whenever an agreement ends."},
    },
    Notice.TEXT_REPLY: {"An answer": {"words": "You get no more texts.", "why": "You sent us a text."}},
    Notice.RENEWAL: {"A year more": _RENEWS | {"document": sample.renewal(COMPANY)}},
    Notice.YEARLY_REMINDER: {
        "Month by month": _RENEWS
        | {
            "document": sample.yearly(COMPANY),
            "why": "Once a year we remind you of what you have with us and how to end it.",
        },
    },
}  # fmt: skip


def contexts(kind):
    """{what it is like: whole context} of a kind, as ``letters`` composes them."""
    around = {"company": COMPANY, "contact": ANN, "links": LINKS}
    return {name: around | context for name, context in CASES[kind].items()}
