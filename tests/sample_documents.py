"""Finished documents to draw and to mail, without a database: what tests of the look share."""

from dataclasses import replace
from datetime import date

from billing import documents, outcomes, promises, remittance
from billing.automatic import setbacks
from billing.reversals import money_back

PAY_URL = "https://pay.example.com/i/Zk3vQ0m1s8Yc2nT5bWf7Jq9LxR4uAaEeHhGgDdKkPpM"

COMPANY = documents.Letterhead(
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


def item(text="Burglary monitoring", cents=4250, **fields):
    """One recurring line for December 2026."""
    known = {
        "system": "Front house system", "when": "December 1–31, 2026", "short_when": "Dec 1–31, 2026",
        "part": "", "work_order": "", "quantity": 1, "unit_cents": cents, "amount_cents": cents,
        "discount_cents": 0, "discount_reason": "", "tax_cents": 0, "total_cents": cents,
    }  # fmt: skip
    return documents.Item(text=text, **known | fields)


def invoice(**fields):
    """A typical invoice: two services at one place, a discount, a service call, tax, one earlier invoice."""
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
        "sections": (
            documents.Section("Recurring services", (documents.Place(home, recurring),)),
            documents.Section("Work and parts", (documents.Place(home, work),)),
        ),
        "subtotal_cents": 18395,
        "discount_cents": 500,
        "taxes": (documents.Amount("Texas and Austin sales tax, 8.25%", 1477),),
        "total_cents": 19372,
        "applied": (documents.Amount("Credit: technician came a day late", -1500, date(2026, 11, 24)),),
        "open_cents": 17872,
        "earlier": (documents.Earlier("10377", date(2026, 11, 15), 3995, True),),
        "earlier_cents": 3995,
        "expectation": "Services are billed in advance: this invoice covers December 1–31, 2026. "
        "The work listed was done on November 19, 2026.",
        "next_invoice": "Services that continue are billed next for the period from January 1, 2027.",
        "wish": "Nothing is charged automatically: you pay each invoice yourself.",
        "late": "There is no late fee. If you cannot pay by December 15, 2026, tell us and we will "
        "find a date together.",
        "objection": documents.OBJECTION,
        "pay_url": PAY_URL,
        "scan_line": remittance.scan_line("100042", 10482, 21867),
    }
    return documents.InvoiceDocument(**known | fields)


def simple_invoice(**fields):
    """The commonest invoice of all: one service, no tax, nothing else open."""
    place = documents.Place("18 Elm Street, Austin, TX 78704", (item(),))
    known = {
        "sections": (documents.Section("Recurring services", (place,)),),
        "subtotal_cents": 4250, "discount_cents": 0, "taxes": (), "total_cents": 4250, "open_cents": 4250,
        "applied": (), "earlier": (), "earlier_cents": 0,
        "scan_line": remittance.scan_line("100042", 10482, 4250),
        "expectation": "Services are billed in advance: this invoice covers December 1–31, 2026.",
    }  # fmt: skip
    return invoice(**known | fields)


def paid(document):
    """The same invoice after it was paid."""
    payment = documents.Amount("Payment, Visa ending 4242", -document.open_cents, date(2026, 12, 3))
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
            documents.Paid("10377", date(2026, 11, 15), 3995, 0),
            documents.Paid("10482", date(2026, 12, 15), 4250, 0),
        ),
        "unapplied_cents": 1755, "refunds": (),
    }  # fmt: skip
    return documents.ReceiptDocument(**known | fields)


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
        "next_step": "We try again on December 18, 2026. If you pay another way before that day, nothing is "
        "charged then.",
        "cents": 4250, "method": "Visa ending 4242", "owed": OWED,
        "facts": (("Declined on", "December 15, 2026"), ("Card or account", "Visa ending 4242"),
                  ("Reference", "PL7K2M9QX4"), ("Account", "100042")),
    }  # fmt: skip
    return setbacks.SetbackDocument(**known | fields)


def above_cap():
    """A charge above the limit that the customer set."""
    return setback(
        happened="$142.50 is above the $100.00 that you set for autopay, so we ask first. Nothing was "
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
        "for autopay; it is charged at once.",
        is_final=True,
    )


def charge(**fields):
    """Two invoices that autopay charges together."""
    known = {
        "customer_name": "Ann Miller", "account_number": "100042", "charge_on": date(2026, 12, 15),
        "cents": 13119, "method": "Visa ending 4242", "is_retry": False, "why_not": "",
        "invoices": (promises.Charged("10482", date(2026, 12, 15), 4250),
                     promises.Charged("10483", date(2026, 12, 15), 8869)),
    }  # fmt: skip
    return promises.ChargeDocument(**known | fields)


def put_off():
    """The same after the customer put it off."""
    return charge(put_off_from_on=date(2026, 12, 8))


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
    return promises.AgreementDocument(**known | fields)


def ended_agreement():
    """The same after it was switched off, with one charge that was sent before."""
    under_way = promises.UnderWay(4250, "Visa ending 4242", "December 15, 2026, 5:00 am CST")
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
    return promises.MethodDocument(**known | fields)


def statement(**fields):
    """Two months of one account."""
    rows = (
        documents.Row(date(2026, 11, 1), "Invoice 10377", 3995, 0, 3995),
        documents.Row(date(2026, 11, 20), "Payment, check 1042", 0, 3995, 0),
        documents.Row(date(2026, 12, 1), "Invoice 10482", 4250, 0, 4250),
    )
    known = {
        "company": COMPANY, "customer_name": "Ann Miller", "account_number": "100042",
        "bill_to": ("Ann Miller", "18 Elm Street", "Austin, TX 78704"), "made_on": date(2026, 12, 31),
        "period": "November 1 – December 31, 2026", "opening_cents": 0, "rows": rows, "closing_cents": 4250,
    }  # fmt: skip
    return documents.StatementDocument(**known | fields)
