"""Rows for tests, by plain functions: what is not said is ordinary. Amounts in cents, dates explicit."""

from datetime import date, datetime

from billing import contracts, ledger
from models import (
    Charge,
    Company,
    Contact,
    Contract,
    Customer,
    Invoice,
    Item,
    Line,
    OneOff,
    PaymentMethod,
    Site,
    System,
    TaxRate,
)

NOW = datetime(2026, 12, 1, 18, 0)
LATE_EVENING = datetime(2026, 12, 2, 5, 30)  # half past eleven at night on December 1, where the company is
BY = "tests"
_count = iter(range(1001, 10**9))


def make_company(**fields):
    return Company.create(
        **{
            "name": "Lantern Security",
            "legal_name": "Lantern Security LLC",
            "street": "12 Main Street",
            "city": "Austin",
            "state": "TX",
            "zip": "78701",
            "phone": "(512) 555-0100",
            "phone_hours": "Mon–Fri 8 am–6 pm",
            "email": "billing@lantern.example",
            "license_number": "B-12345",
            "payable_to": "Lantern Security LLC",
            "remit_street": "PO Box 100",
            "remit_city": "Austin",
            "remit_state": "TX",
            "remit_zip": "78767",
            "next_invoice_number": 10001,
            "live_on": date(2020, 1, 1),
            **fields,
        }
    )


def make_customer(name="Ann Archer", *, email="ann@example.com", **fields):
    """A customer with one payer. ``email=""`` gives a payer without an address."""
    number = str(next(_count))
    customer = Customer.create(
        **{
            "name": name,
            "account_number": number,
            "street": "7 Oak Street",
            "city": "Austin",
            "state": "TX",
            "zip": "78702",
            **fields,
        }
    )
    Contact.create(customer=customer, name=name, email=email)
    return customer


def fresh(row):
    """The row as it stands in the database now."""
    return type(row).get_by_id(row.id)


def payer(customer):
    return customer.contacts.get()


def make_method(customer, **fields):
    """A saved method, as if it had been added a while ago; the gateway knows nothing of it."""
    return PaymentMethod.create(
        **{
            "customer": customer,
            "token": str(next(_count)),
            "kind": PaymentMethod.CARD,
            "label": "Visa ending 4242",
            "last_four": "4242",
            "expires_on": date(2030, 5, 31),
            "added_by": BY,
            "added_at": NOW,
            **fields,
        }
    )


def make_site(customer, **fields):
    return Site.create(
        **{
            "customer": customer,
            "name": "Home",
            "street": "7 Oak Street",
            "city": "Austin",
            "state": "TX",
            **fields,
        }
    )


def make_system(site, **fields):
    return System.create(**{"site": site, "kind": "burglary", "name": "Burglar alarm", **fields})


def make_item(name="Monitoring", **fields):
    return Item.create(**{"code": f"ITEM-{next(_count)}", "name": name, "unit_cents": 3000, **fields})


def make_rate(jurisdiction="TX-AUSTIN", rate_ppm=82_500, **fields):
    return TaxRate.create(
        **{
            "jurisdiction": jurisdiction,
            "name": "Texas and Austin sales tax",
            "rate_ppm": rate_ppm,
            "starts_on": date(2020, 1, 1),
            **fields,
        }
    )


def make_contract(customer=None, **fields):
    return Contract.create(
        **{
            "customer": customer or make_customer(),
            "name": "Monitoring agreement",
            "starts_on": date(2026, 1, 1),
            "term_months": 12,
            **fields,
        }
    )


def make_charge(contract=None, *, cents=3000, starts_on=date(2026, 12, 1), **fields):
    """A monthly charge in advance on the first, on the calendar from ``starts_on``."""
    contract = contract or make_contract()
    charge = Charge(
        **{
            "contract": contract,
            "item": fields.pop("item", None) or make_item(),
            "unit_cents": cents,
            "starts_on": starts_on,
            **fields,
        }
    )
    return contracts.start(charge, by=BY, now=NOW)


def make_one_off(customer, *, cents=9500, done_on=date(2026, 11, 20), **fields):
    return OneOff.create(
        **{
            "customer": customer,
            "item": fields.pop("item", None) or make_item("Service call", kind="labor"),
            "unit_cents": cents,
            "done_on": done_on,
            **fields,
        }
    )


def make_invoice(customer=None, *, cents=4250, due=date(2026, 12, 15), issued=date(2026, 12, 1), **fields):
    """An issued invoice with one line, open in full."""
    customer = customer or make_customer()
    invoice = Invoice.create(
        **{
            "customer": customer,
            "subtotal_cents": cents,
            "total_cents": cents,
            "bill_to": "\n".join([customer.name, *customer.address_lines]),
            "created_at": NOW,
            **fields,
        }
    )
    Line.create(
        invoice=invoice,
        position=1,
        text="Monitoring",
        from_on=date(2026, 12, 1),
        to_on=date(2026, 12, 31),
        unit_cents=cents,
        amount_cents=cents,
        total_cents=cents,
    )
    company = Company.get()
    number, company.next_invoice_number = company.next_invoice_number, company.next_invoice_number + 1
    company.save()
    Invoice.update(state=Invoice.ISSUED, number=number, issued_on=issued, due_on=due).where(
        Invoice.id == invoice.id
    ).execute()
    invoice = Invoice.get_by_id(invoice.id)
    ledger.open_invoice(invoice)
    return invoice
