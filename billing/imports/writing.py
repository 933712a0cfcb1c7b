"""Writing a checked file, releasing it, taking it back: each is one transaction, whole or not at all."""

import json

from peewee import IntegrityError

from billing import contracts, events, states
from billing.errors import BillingError
from billing.imports.checking import ended
from models import (
    Approval,
    AuthorityNotice,
    Call,
    Cancellation,
    Charge,
    Consent,
    Contact,
    Contract,
    Credit,
    Customer,
    GateOverride,
    Handover,
    Hold,
    ImportBatch,
    Inbound,
    Invoice,
    Item,
    Link,
    Note,
    Notice,
    OneOff,
    Payment,
    PaymentMethod,
    Preference,
    PreferenceChange,
    PriceChange,
    Promise,
    ReminderPolicy,
    Renewal,
    RenewalAnswer,
    RenewalNotice,
    Sighting,
    Site,
    Stance,
    Suspension,
    System,
    Ticket,
    db,
    insert_rows,
)

CHUNK = 500  # values in one IN (...)

# An import with any of these is part of the books: {table: how it is counted in a sentence}.
IN_THE_WAY = {
    Invoice: "invoice",
    Payment: "payment",
    Credit: "credit",
    OneOff: "one-off charge",
    Ticket: "ticket",
    Notice: "notice",
    PaymentMethod: "saved method",
    Renewal: "ended term",
    RenewalAnswer: "answer about a contract",
    Cancellation: "ended contract",
    AuthorityNotice: "notice to an authority",
    PreferenceChange: "recorded choice",
    Consent: "consent",
    Inbound: "incoming message",
    ReminderPolicy: "reminder rule",
    Approval: "request for a second person",
    Call: "call",
    Note: "note",
    Promise: "promise to pay",
    Sighting: "opened page",
    Stance: "word of the customer",
    Suspension: "suspension",
    Handover: "hand-over",
    GateOverride: "override of the gate",
}
# What an undo takes along, whoever made it since, in an order that the foreign keys allow.
TAKEN = (
    Preference, PriceChange, Link, Hold, Charge, RenewalNotice, Contract, System, Site, Contact, Customer,
)  # fmt: skip


def commit(result, *, by, now):
    """Write everything that ``check`` found, in one transaction; returns the ImportBatch.

    Its customers stay mute until it is released. Raises BillingError, with nothing written, when any row was
    refused, when there is no row at all, or when a customer of the file has come into being since the check.
    """
    if result.refused:
        refused = _counted(result.totals.rows_refused, "refused row")
        raise BillingError(f"Nothing was written, because of {refused} in {result.file_name}.")
    if not result.rows:
        raise BillingError(f"{result.file_name} has no row to import.")
    with db.atomic():
        _keep_others_out()
        _refuse_taken(result)
        items, created = _items(result)
        totals = {**result.totals.as_dict(), "items_created": created}
        batch = ImportBatch.create(
            file_name=result.file_name[:255],
            sha256=result.sha256,
            totals=json.dumps(totals),
            by=by,
            committed_at=now,
        )
        _write(result, batch, items, now)
        events.record("import_batch.committed", batch, by=by, now=now, after=totals)
    return batch


def find(number):
    """The ImportBatch of this number; raises BillingError when there is none."""
    batch = ImportBatch.get_or_none(ImportBatch.id == number) if 0 < number < 2**31 else None
    if batch is None:
        raise BillingError(f"There is no import {str(number)[:20]}.")
    return batch


def release(batch, *, by, now):
    """Let a batch speak: from now on its customers are billed and written to. Returns the batch."""
    if batch.state != ImportBatch.COMMITTED:
        raise BillingError(f"Import {batch.id} is {batch.state} already.")
    with db.atomic():
        states.move(batch, ImportBatch.RELEASED, released_at=now)
        events.record("import_batch.released", batch, by=by, now=now)
    return batch


def undo(batch, *, by, now):
    """Take a batch back whole: customers, all that hangs on them, new catalogue rows. Returns the batch.

    The batch row stays, as undone. Raises BillingError that names what stands in the way once something
    was billed, paid, asked or sent.
    """
    if batch.state == ImportBatch.UNDONE:
        raise BillingError(f"Import {batch.id} is undone already.")
    try:
        with db.atomic():
            states.move(batch, ImportBatch.UNDONE, undone_at=now)
            _refuse_billed(batch)
            for model in TAKEN:
                model.delete().where(_of_batch(model, batch)).execute()
            _drop_items(json.loads(batch.totals).get("items_created", ()))
            events.record("import_batch.undone", batch, by=by, now=now)
    except IntegrityError:  # another process billed or wrote to them while we looked
        raise BillingError(f"Import {batch.id} cannot be undone: its customers are in use.") from None
    return batch


# --- Writing -------------------------------------------------------------------------------------


def _keep_others_out():
    """SQLite's transaction is exclusive already; PostgreSQL must be told, or a number could appear twice."""
    if db.for_update:
        db.execute_sql('LOCK TABLE "customer", "item" IN SHARE ROW EXCLUSIVE MODE')


def _refuse_taken(result):
    numbers = [record.customer["account_number"] for record in result.rows]
    for at in range(0, len(numbers), CHUNK):
        taken = Customer.get_or_none(Customer.account_number.in_(numbers[at : at + CHUNK]))
        if taken:
            raise BillingError(
                f"{taken.account_number} is the number of another customer by now. Check again."
            )


def _items(result):
    """({code: id} of what the charges need, codes that were created for it)."""
    needed = {charge["item_id"] for record in result.rows for charge in record.charges}
    ids = dict(Item.select(Item.code, Item.id).where(Item.code.in_(needed)).tuples()) if needed else {}
    created = sorted(needed - set(ids))
    for code in created:
        ids[code] = Item.create(kind=Item.RECURRING, **result.mapping.items[code]).id
    return ids, created


def _write(result, batch, items, now):
    """Table by table. New ids are read back by what we know of the row: the same on both databases."""
    rows = result.rows
    _insert(Customer, [{**record.customer, "import_batch_id": batch.id} for record in rows])
    numbers = Customer.select(Customer.account_number, Customer.id).where(Customer.import_batch == batch)
    ids = dict(numbers.tuples())
    owners = [ids[record.customer["account_number"]] for record in rows]
    contact_ids = _hang(Contact, "contact", rows, owners, batch)
    site_ids = _hang(Site, "site", rows, owners, batch)
    contract_ids = _hang(Contract, "contract", rows, owners, batch)
    systems = [(site_ids[owner], record) for owner, record in zip(owners, rows, strict=True) if record.system]
    _insert(System, [{**record.system, "site_id": site_id} for site_id, record in systems])
    systems = System.select(System.site, System.id).where(_of_batch(System, batch))
    system_ids = dict(systems.tuples())
    wishes, charges = [], []
    for owner, record in zip(owners, rows, strict=True):
        stamp = {"contact_id": contact_ids.get(owner), "changed_at": now}
        wishes += [{**wish, **stamp} for wish in record.preferences]
        site_id = site_ids.get(owner)
        place = {
            "contract_id": contract_ids.get(owner),
            "site_id": site_id,
            "system_id": system_ids.get(site_id),
        }
        charges += [_charge_row(charge, items, place, result.mapping.bill_from) for charge in record.charges]
    _insert(Preference, wishes)
    _insert(Charge, charges)


def _hang(model, kind, rows, owners, batch):
    """Write the one row of this kind that each customer has; returns {customer id: its id}."""
    pairs = [(owner, getattr(record, kind)) for owner, record in zip(owners, rows, strict=True)]
    _insert(model, [{**fields, "customer_id": owner} for owner, fields in pairs if fields])
    return dict(model.select(model.customer, model.id).where(_of_batch(model, batch)).tuples())


def _insert(model, rows):
    """Insert dicts, with the model's defaults for what they lack."""
    defaults = {field.column_name: field.default for field in model._meta.sorted_fields if field.name != "id"}
    insert_rows(model, tuple(defaults), [tuple({**defaults, **row}.values()) for row in rows])


def _charge_row(charge, items, place, bill_from):
    """A charge with its item and its place on the calendar, as ``contracts.start`` would set them.

    What ended before ``bill_from`` was billed elsewhere and is never billed here.
    """
    terms = contracts.Terms(*({**CHARGE_DEFAULTS, **charge}[name] for name in contracts.Terms._fields))
    next_on = None if ended(charge, bill_from) else contracts.bill_on(terms, 0)
    return {**charge, **place, "item_id": items[charge["item_id"]], "next_index": 0, "next_on": next_on}


CHARGE_DEFAULTS = {name: Charge._meta.fields[name].default for name in contracts.Terms._fields}


# --- Taking back ---------------------------------------------------------------------------------


def _of_batch(model, batch):
    """The condition for rows of a table that belong to the batch's customers."""
    if model is Customer:
        return Customer.import_batch == batch
    parent = next(model._meta.fields[name] for name in PARENTS if name in model._meta.fields)
    return parent.in_(parent.rel_model.select(parent.rel_model.id).where(_of_batch(parent.rel_model, batch)))


PARENTS = ("customer", "contract", "site", "contact", "charge")  # the nearest way to the customer


def _refuse_billed(batch):
    counts = {
        what: model.select().where(_of_batch(model, batch)).count() for model, what in IN_THE_WAY.items()
    }
    found = [_counted(count, what) for what, count in counts.items() if count]
    if found:
        names = found[0] if len(found) == 1 else f"{', '.join(found[:-1])} and {found[-1]}"
        raise BillingError(f"Import {batch.id} cannot be undone: its customers have {names}.")


def _drop_items(codes):
    """Delete catalogue rows that the batch made, unless somebody uses them by now."""
    used = Charge.select(Charge.item).union(OneOff.select(OneOff.item))
    Item.delete().where(Item.code.in_(list(codes)) & Item.id.not_in(used)).execute()


def _counted(count, what):
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"
