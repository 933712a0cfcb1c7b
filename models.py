"""The tables: fields, constraints, indexes, state names and allowed moves.

What a row *is* stands here; what happens to it stands in ``billing/``. No clock, no rule and no
request belongs in this file. Money is integer US cents (``_cents``), a business date ends in
``_on``, an instant is naive UTC and ends in ``_at``, a rate is parts per million (``_ppm``).

Everything that must happen once has a unique index that says so; everything that may never be true
has a CHECK. Rows of money and evidence are never deleted, and never changed where it matters: triggers
(migrations/0002_guards.py) refuse it on SQLite and PostgreSQL alike.
"""

import datetime
import functools
import json
from contextlib import ExitStack, contextmanager, nullcontext

from peewee import (
    SQL,
    BigIntegerField,
    BlobField,
    BooleanField,
    CharField,
    Check,
    CursorWrapper,
    DatabaseProxy,
    DateField,
    DateTimeField,
    Field,
    FieldAlias,
    ForeignKeyField,
    IntegerField,
    Model,
    ModelSelect,
    Node,
    NodeList,
    TextField,
    __exception_wrapper__,
)

db = DatabaseProxy()


# --------------------------------------------------------------------------------------------------
# Fields and the base
# --------------------------------------------------------------------------------------------------


class MoneyField(BigIntegerField):
    """Integer US cents. The type tells the back office to show and read dollars."""


class RateField(IntegerField):
    """A rate in parts per million: 8.875 % is 88750. Shown and read as a percentage."""


class DayField(DateField):
    """A business date. SQLite keeps it as ISO text, which this reads twenty times faster than Peewee."""

    def python_value(self, value):
        return datetime.date.fromisoformat(value) if isinstance(value, str) else value


class UtcField(DateTimeField):
    """An instant, stored as naive UTC: PostgreSQL would drop an offset without a word."""

    def python_value(self, value):
        return datetime.datetime.fromisoformat(value) if isinstance(value, str) else value


def choice(column, names, *, default=None, null=False, help_text=None, words=()):
    """A CharField that can hold one of ``names`` only; the database refuses anything else.

    words -- what people read where the name itself would tell them nothing
    """
    words = dict(words)
    quoted = ", ".join(f"'{name}'" for name in names)
    return CharField(
        max_length=30,
        null=null,
        default=default,
        choices=[(name, words.get(name, name.replace("_", " ").capitalize())) for name in names],
        constraints=[Check(f"{column} IN ({quoted})")],
        help_text=help_text,
    )


def link(model, backref, *, null=False, help_text=None, **extra):
    """A foreign key that never takes its rows along: nothing here is deleted by accident."""
    return ForeignKeyField(
        model, backref=backref, null=null, on_delete="RESTRICT", help_text=help_text, **extra
    )


def with_default(field, value):
    """``field`` with a default that the database knows too: a column added later needs one for old rows."""
    field.constraints = [*(field.constraints or ()), SQL(f"DEFAULT {value!r}")]
    return field


class Rows(ModelSelect):
    """A SELECT of rows, with Peewee's general way cut short where columns are plain.

    Column by column, writing the statement and reading the row were most of the time of a small page.
    """

    def __sql_selection__(self, ctx, is_subquery=False):
        if is_subquery:
            return super().__sql_selection__(ctx, is_subquery)
        fields = self.selected_columns
        if self._is_default and len(fields) == len(self.model._meta.sorted_fields):
            alias = ctx.alias_manager[self.model._meta.table]
            return ctx.literal(_columns_of(self.model).replace(OF_ROW, f'"{alias}".'))
        aliases, comma = {}, ""
        for node in fields:
            if isinstance(node, Field) and not isinstance(node, FieldAlias):
                if node.model not in aliases:
                    aliases[node.model] = ctx.alias_manager[node.model._meta.table]
                ctx.literal(f'{comma}"{aliases[node.model]}"."{node.column_name}"')
            else:
                ctx.literal(comma).sql(node)
            comma = ", "
        return ctx

    def _get_model_cursor_wrapper(self, cursor):
        own = all(isinstance(node, Field) and node.model is self.model for node in self.selected_columns)
        if own and not self._joins and len(self._from_list) == 1:
            return _RowsOfOneTable(cursor, self.model, self.selected_columns)
        return super()._get_model_cursor_wrapper(cursor)


OF_ROW = "\0"


@functools.cache
def _columns_of(model):
    """All columns of a row, each behind OF_ROW."""
    return ", ".join(f'{OF_ROW}"{field.column_name}"' for field in model._meta.sorted_fields)


class _RowsOfOneTable(CursorWrapper):
    """Rows that are nothing but columns of one table."""

    AS_STORED = (IntegerField, CharField, TextField, ForeignKeyField)

    def __init__(self, cursor, model, fields):
        super().__init__(cursor)
        self.model, self.names = model, [field.name for field in fields]
        self.converted = [
            (field.name, field.python_value) for field in fields if not isinstance(field, self.AS_STORED)
        ]

    def process_row(self, row):
        made, values = self.model.__new__(self.model), dict(zip(self.names, row, strict=True))
        for name, convert in self.converted:
            values[name] = convert(values[name])
        made.__data__, made.__rel__, made._dirty = values, {}, set()
        return made


class BaseModel(Model):
    """Writes only what was changed, so that a stale object cannot undo another's work."""

    class Meta:
        database = db
        legacy_table_names = False
        only_save_dirty = True

    @classmethod
    def select(cls, *fields):
        """A query of whole rows, or of what is named."""
        return Rows(cls, fields or (cls,), is_default=not fields)


class Editable(BaseModel):
    """A row that staff edit by hand. ``version`` makes two editors notice each other."""

    version = IntegerField(default=1)


class Address(Editable):
    """A postal address in the United States; the base of everything that has a place."""

    street = CharField(max_length=80, default="")
    street2 = CharField(max_length=80, default="", verbose_name="Street, second line")
    city = CharField(max_length=50, default="")
    state = CharField(max_length=2, default="", help_text="Two letters, such as TX.")
    zip = CharField(max_length=10, default="", verbose_name="ZIP")

    @property
    def address_lines(self):
        """The address as printed, without empty lines."""
        town = f"{self.city}, {self.state} {self.zip}".strip(" ,")
        return [line for line in (self.street, self.street2, town) if line]


# --------------------------------------------------------------------------------------------------
# The company and its people
# --------------------------------------------------------------------------------------------------


def _answer_hours(priority, hours):
    column = f"answer_{priority}_hours"
    field = IntegerField(
        default=hours,
        constraints=[Check(f"{column} BETWEEN 1 AND 400")],
        help_text=f"Working hours within which a ticket of {priority} priority is answered.",
    )
    return with_default(field, hours)


class Company(Address):
    """The company that sends the invoices; one row. Its policies are data, edited by an owner."""

    name = CharField(max_length=80)
    legal_name = CharField(max_length=120, default="")
    phone = CharField(max_length=25, default="")
    phone_hours = CharField(max_length=80, default="", help_text="For example: Mon–Fri 8 am–6 pm.")
    email = CharField(max_length=255, default="", help_text="A mailbox that somebody reads.")
    website = CharField(max_length=255, default="")
    license_number = CharField(
        max_length=60, default="", help_text="Alarm contractor license, where required."
    )
    payable_to = CharField(max_length=80, default="", help_text="Who checks are made out to.")
    remit_street = CharField(max_length=80, default="", help_text="Where checks are mailed to.")
    remit_city = CharField(max_length=50, default="")
    remit_state = CharField(max_length=2, default="")
    remit_zip = CharField(max_length=10, default="", verbose_name="Remit ZIP")
    logo = BlobField(null=True)
    logo_type = CharField(max_length=20, default="")
    time_zone = CharField(max_length=40, default="America/Chicago")
    invoice_prefix = CharField(max_length=8, default="")
    next_invoice_number = IntegerField(default=1)
    terms_days = IntegerField(default=15, help_text="Days from issue to the due date.")
    bill_ahead_days = IntegerField(default=0, help_text="Bill charges in advance this many days early.")
    catch_up_periods = IntegerField(
        default=3, help_text="Bill at most this many missed periods at once; more wait for staff."
    )
    minimum_payment_cents = MoneyField(default=500, help_text="Smallest part payment online.")
    pay_link_days = IntegerField(default=120, help_text="Days after the due date that a pay link works.")
    bank_clear_days = with_default(
        IntegerField(default=5, help_text="Banking days after settlement until a bank debit counts as safe."),
        5,
    )
    postpone_days = with_default(
        IntegerField(default=14, help_text="Most days that a customer may put off an automatic charge."), 14
    )
    postpone_limit = with_default(
        IntegerField(default=2, help_text="How often in a year a customer may put off a charge."), 2
    )
    refund_alone_cents = with_default(
        MoneyField(default=20000, help_text="Refunds above this need a second person."), 20000
    )
    return_fee_cents = with_default(
        MoneyField(default=0, help_text="Fee for a bank debit returned for lack of funds; 0: none."), 0
    )
    live_on = DayField(
        null=True,
        help_text="Since when messages leave. Empty: nothing does, except what people sign in with.",
    )
    gap_days = with_default(
        IntegerField(
            default=4,
            constraints=[Check("gap_days BETWEEN 1 AND 60")],
            help_text="At least so many days between two messages about what is past due.",
        ),
        4,
    )
    contacts_a_week = with_default(
        IntegerField(
            default=2,
            constraints=[Check("contacts_a_week BETWEEN 1 AND 7")],
            help_text="At most so many messages about what is past due in seven days.",
        ),
        2,
    )
    grace_days = with_default(
        IntegerField(
            default=5,
            constraints=[Check("grace_days BETWEEN 0 AND 60")],
            help_text="No message calls an invoice past due before so many days after its due date.",
        ),
        5,
    )
    send_from_hour = with_default(
        IntegerField(
            default=9,
            constraints=[Check("send_from_hour BETWEEN 0 AND 23")],
            help_text="Messages about what is past due leave from this hour on, where the customer is.",
        ),
        9,
    )
    send_until_hour = with_default(
        IntegerField(
            default=17,
            constraints=[Check("send_until_hour BETWEEN 1 AND 24")],
            help_text="And before this one. Never on Sundays and holidays.",
        ),
        17,
    )
    dispute_days = with_default(
        IntegerField(
            default=10,
            constraints=[Check("dispute_days BETWEEN 1 AND 60")],
            help_text="Days to pay what was disputed, once it was decided that it is owed after all.",
        ),
        10,
    )
    daily_batch = with_default(
        BooleanField(default=False, help_text="The daily job makes a print batch of the letters that wait."),
        "0",
    )
    support_from_hour = with_default(
        IntegerField(
            default=8,
            constraints=[Check("support_from_hour BETWEEN 0 AND 23")],
            help_text="Questions are answered from this hour on, on working days.",
        ),
        8,
    )
    support_until_hour = with_default(
        IntegerField(
            default=18,
            constraints=[Check("support_until_hour BETWEEN 1 AND 24")],
            help_text="And before this one.",
        ),
        18,
    )
    support_days = with_default(
        CharField(max_length=7, default="12345", help_text="Working days: 1 is Monday, 7 is Sunday."), "12345"
    )
    answer_urgent_hours = _answer_hours("urgent", 1)
    answer_high_hours = _answer_hours("high", 4)
    answer_normal_hours = _answer_hours("normal", 8)
    answer_low_hours = _answer_hours("low", 24)
    promise_days = with_default(
        IntegerField(
            default=14,
            constraints=[Check("promise_days BETWEEN 1 AND 90")],
            help_text="A customer may promise to pay at most so many days ahead.",
        ),
        14,
    )
    promise_limit = with_default(
        IntegerField(default=2, help_text="After so many broken promises in a year, customers ask us."), 2
    )
    promise_grace_days = with_default(
        IntegerField(
            default=3,
            constraints=[Check("promise_grace_days BETWEEN 0 AND 30")],
            help_text="Banking days that a payment may take to arrive before a promise counts as broken.",
        ),
        3,
    )
    plan_min_cents = with_default(
        MoneyField(
            default=2500,
            constraints=[Check("plan_min_cents > 0")],
            help_text="Smallest payment of a plan that customers agree to by themselves.",
        ),
        2500,
    )
    plan_max_count = with_default(
        IntegerField(
            default=4,
            constraints=[Check("plan_max_count BETWEEN 2 AND 4")],
            help_text="Most payments of such a plan.",
        ),
        4,
    )
    plan_max_days = with_default(
        IntegerField(
            default=120,
            constraints=[Check("plan_max_days BETWEEN 7 AND 730")],
            help_text="Days from the agreement to the last payment, at most.",
        ),
        120,
    )
    plan_first_percent = with_default(
        IntegerField(
            default=25,
            constraints=[Check("plan_first_percent BETWEEN 0 AND 90")],
            help_text="The first payment is at least so much of the whole, in percent.",
        ),
        25,
    )
    plan_grace_days = with_default(
        IntegerField(
            default=5,
            constraints=[Check("plan_grace_days BETWEEN 1 AND 30")],
            help_text="Days after a missed payment before we ask, and then to put it right.",
        ),
        5,
    )
    service_credit_hours = with_default(
        IntegerField(
            default=24,
            constraints=[Check("service_credit_hours BETWEEN 1 AND 720")],
            help_text="A fault of the service that is longer than this is worth a credit.",
        ),
        24,
    )
    goodwill_support_cents = with_default(
        MoneyField(default=2500, help_text="Support may give a customer so much in 30 days, alone."), 2500
    )
    goodwill_billing_cents = with_default(
        MoneyField(default=10000, help_text="Billing may give a customer so much in 30 days, alone."), 10000
    )
    write_off_alone_cents = with_default(
        MoneyField(default=500, help_text="A remainder up to this is written off by one person."), 500
    )
    late_fee_kind = with_default(
        choice("late_fee_kind", ("none", "flat", "percent"), default="none", help_text="None: no late fees."),
        "none",
    )
    late_fee_cents = with_default(MoneyField(default=0, help_text="Flat late fee for an invoice."), 0)
    late_fee_ppm = with_default(
        RateField(
            default=0,
            constraints=[Check("late_fee_ppm BETWEEN 0 AND 50000")],
            help_text="Late fee as a share of what is past due before tax, at most 5 %.",
        ),
        0,
    )
    late_fee_grace_days = with_default(
        IntegerField(
            default=15,
            constraints=[Check("late_fee_grace_days BETWEEN 10 AND 120")],
            help_text="No late fee is announced before so many days after the due date.",
        ),
        15,
    )
    late_fee_cap_cents = with_default(MoneyField(default=2500, help_text="No late fee is above this."), 2500)
    suspend_after_days = with_default(
        IntegerField(
            default=90,
            constraints=[Check("suspend_after_days BETWEEN 90 AND 730")],
            help_text="No suspension is even asked for before an invoice is so many days late.",
        ),
        90,
    )
    suspend_notice_days = with_default(
        IntegerField(
            default=14,
            constraints=[Check("suspend_notice_days BETWEEN 10 AND 90")],
            help_text="From the warning to the day that signals are no longer answered.",
        ),
        14,
    )
    suspend_pauses_billing = with_default(
        BooleanField(default=True, help_text="What rests is not billed."), True
    )
    demo_days = IntegerField(
        null=True, help_text="Days that the demo company's calendar runs ahead. Empty in a real company."
    )

    class Meta:
        constraints = [
            Check("next_invoice_number > 0"),
            Check("terms_days BETWEEN 0 AND 120"),
            Check("catch_up_periods >= 1"),
            Check("minimum_payment_cents >= 0"),
        ]

    def __str__(self):
        return self.name

    @property
    def remit_lines(self):
        """Where checks go, as printed; the office address when no other is set."""
        if not self.remit_street:
            return self.address_lines
        return [self.remit_street, f"{self.remit_city}, {self.remit_state} {self.remit_zip}"]


class Staff(Editable):
    """Somebody who signs in to the back office."""

    OWNER, BILLING, SUPPORT, READ_ONLY = "owner", "billing", "support", "read_only"
    ROLES = (OWNER, BILLING, SUPPORT, READ_ONLY)

    email = CharField(max_length=255, unique=True)
    name = CharField(max_length=80)
    role = choice("role", ROLES, default=READ_ONLY)
    password_hash = CharField(max_length=255, default="")
    failed_tries = IntegerField(default=0)
    locked_until_at = UtcField(null=True)
    signed_in_at = UtcField(null=True)
    left_on = DayField(null=True, help_text="Somebody who left can no longer sign in.")
    calendar_hash = with_default(
        CharField(max_length=64, default="", help_text="Hash of the address of their calendar."), ""
    )
    calendar_at = UtcField(null=True, help_text="When their calendar was opened.")

    def __str__(self):
        return self.name


# Behind one address is one calendar.
Staff.add_index(
    Staff.index(Staff.calendar_hash, name="staff_calendar", unique=True).where(
        Staff.calendar_hash != SQL("''")
    )
)


class Item(Editable):
    """One thing that the company sells; the catalogue."""

    RECURRING, LABOR, PART, FEE = "recurring", "labor", "part", "fee"

    code = CharField(max_length=30, unique=True)
    name = CharField(max_length=80, help_text="In words that a customer understands.")
    kind = choice("kind", (RECURRING, LABOR, PART, FEE), default=RECURRING)
    unit_cents = MoneyField(default=0, help_text="Usual price of one.")
    taxable = BooleanField(default=True)
    retired_on = DayField(null=True)

    class Meta:
        constraints = [Check("unit_cents >= 0")]

    def __str__(self):
        return self.name


class TaxRate(Editable):
    """Sales tax of one jurisdiction between two dates. A change is a new row."""

    jurisdiction = CharField(max_length=30, help_text="The code that sites carry, such as TX-AUSTIN.")
    name = CharField(max_length=80, help_text="As printed, such as Texas and Austin sales tax.")
    rate_ppm = RateField()
    starts_on = DayField()
    ends_on = DayField(null=True)

    class Meta:
        indexes = ((("jurisdiction", "starts_on"), True),)
        constraints = [
            Check("rate_ppm BETWEEN 0 AND 500000"),
            Check("ends_on IS NULL OR ends_on >= starts_on"),
        ]

    def __str__(self):
        return self.name


# --------------------------------------------------------------------------------------------------
# Customers, their places and what they agreed to
# --------------------------------------------------------------------------------------------------


class ImportBatch(BaseModel):
    """One imported file. Its customers stay mute until it is released."""

    COMMITTED, RELEASED, UNDONE = "committed", "released", "undone"
    MOVES = {COMMITTED: {RELEASED, UNDONE}, RELEASED: {UNDONE}}

    state = choice("state", (COMMITTED, RELEASED, UNDONE), default=COMMITTED)
    file_name = CharField(max_length=255)
    sha256 = CharField(max_length=64)
    totals = TextField(default="{}", help_text="Counts and control totals at import, as JSON.")
    by = CharField(max_length=80)
    committed_at = UtcField()
    released_at = UtcField(null=True)
    undone_at = UtcField(null=True)

    def __str__(self):
        return f"Import {self.id}: {self.file_name}"


class CustomerGroup(Editable):
    """Customers who are treated alike, such as the tenants of one building or the branches of a bank."""

    name = CharField(max_length=80, unique=True)
    note = TextField(default="")

    class Meta:
        table_name = "customer_group"

    def __str__(self):
        return self.name


class Customer(Address):
    """Who owes. Never called "user": staff and contacts are people, a customer is an account."""

    RESIDENTIAL, COMMERCIAL = "residential", "commercial"
    REMINDERS, CARD_AUTOPAY, BANK_AUTOPAY, CHECK = "reminders", "card_autopay", "bank_autopay", "check"
    PAY_WISHES = (REMINDERS, CARD_AUTOPAY, BANK_AUTOPAY, CHECK)
    NONE, BANKRUPTCY, DECEASED = LEGAL_STATES = ("none", "bankruptcy", "deceased")

    account_number = CharField(max_length=20, unique=True)
    name = CharField(max_length=100)
    kind = choice("kind", (RESIDENTIAL, COMMERCIAL), default=RESIDENTIAL)
    language = choice("language", ("en", "es"), default="en", words={"en": "English", "es": "Spanish"})
    since_on = DayField(null=True, verbose_name="Customer since")
    group = link(CustomerGroup, "customers", null=True, help_text="Its steps of reminding count for them.")
    terms_days = IntegerField(null=True, help_text="Days from issue to due date; empty: the company's.")
    po_number = CharField(max_length=30, default="", verbose_name="PO number")
    tax_exempt_number = CharField(max_length=40, default="", help_text="Exemption certificate.")
    tax_exempt_until_on = DayField(null=True, help_text="Last day that the certificate counts.")
    pay_wish = choice(
        "pay_wish", PAY_WISHES, default=REMINDERS, help_text="How they wish to pay.",
        words={
            REMINDERS: "Each invoice themselves", CARD_AUTOPAY: "By card, automatically",
            BANK_AUTOPAY: "By bank debit, automatically", CHECK: "By check",
        },
    )  # fmt: skip
    vulnerable_reason = with_default(
        CharField(
            max_length=255,
            default="",
            help_text="Why special care is needed, such as oxygen at home. Empty: nothing is known.",
        ),
        "",
    )
    note = TextField(default="")
    closed_on = DayField(null=True)
    import_batch = link(ImportBatch, "customers", null=True)
    profile_id = with_default(
        CharField(max_length=20, default="", help_text="The customer's profile at the processor."), ""
    )
    legal_state = with_default(
        choice("legal_state", LEGAL_STATES, default=NONE, words={NONE: "Nothing", DECEASED: "Has died"},
               help_text="Nothing that presses for money leaves after a bankruptcy or a death."),
        NONE,
    )  # fmt: skip

    class Meta:
        indexes = ((("name",), False),)
        constraints = [Check("terms_days IS NULL OR terms_days BETWEEN 0 AND 120")]

    def __str__(self):
        return f"{self.name} ({self.account_number})"

    @property
    def remittance_digits(self):
        """Ten digits for the scan line: the account number, or 9 and the row id when it has letters."""
        if self.account_number.isdecimal() and len(self.account_number) < 10:
            return self.account_number.zfill(10)
        return f"9{self.id:09d}"


# Webhooks and the Account Updater name a customer by the profile.
Customer.add_index(
    Customer.index(Customer.profile_id, name="customer_profile", unique=True).where(
        Customer.profile_id != SQL("''")
    )
)


class Contact(Editable):
    """A person at a customer. A payer gets invoices, a viewer may look, a technical one gets neither."""

    PAYER, VIEWER, TECHNICAL = "payer", "viewer", "technical"

    customer = link(Customer, "contacts")
    name = CharField(max_length=80)
    email = CharField(max_length=255, default="", index=True)
    phone = CharField(max_length=25, default="")
    role = choice("role", (PAYER, VIEWER, TECHNICAL), default=PAYER)
    bounced_at = UtcField(null=True, help_text="When mail to this address last came back.")
    left_on = DayField(null=True)

    # Conditions: who gets the invoices today, and whom of them mail reaches.
    PAYS = (role == PAYER) & left_on.is_null()
    IS_REACHED = PAYS & (email != "") & bounced_at.is_null()

    def __str__(self):
        return f"{self.name} <{self.email}>" if self.email else self.name


class Preference(BaseModel):
    """What one contact wants to hear, by which channel, and when. No row: the default of company and law."""

    MAIL, TEXT, PAPER, CALENDAR = "mail", "text", "paper", "calendar"
    CHANNELS = (MAIL, TEXT, PAPER, CALENDAR)
    INVOICE, UPCOMING_CHARGE, REMINDER, RECEIPT = "invoice", "upcoming_charge", "reminder", "receipt"
    PAYMENT_PROBLEM, CONTRACT_END, PRICE_CHANGE = "payment_problem", "contract_end", "price_change"
    TICKET_REPLY, DIGEST = "ticket_reply", "digest"
    EVENTS = (
        INVOICE, UPCOMING_CHARGE, REMINDER, RECEIPT, PAYMENT_PROBLEM, CONTRACT_END, PRICE_CHANGE,
        TICKET_REPLY, DIGEST,
    )  # fmt: skip
    EVERY, UNPAID, AHEAD, ON_DAY, NEVER = "every", "unpaid", "ahead", "on_day", "never"
    TIMINGS = (EVERY, UNPAID, AHEAD, ON_DAY, DIGEST, NEVER)

    contact = link(Contact, "preferences")
    event = choice("event", EVENTS)
    channel = choice("channel", CHANNELS, default=MAIL)
    timing = with_default(choice("timing", TIMINGS, default=EVERY), EVERY)
    days_ahead = IntegerField(default=3, help_text="Ahead, or unpaid: days before the due date.")
    digest_day = IntegerField(
        null=True,
        constraints=[Check("digest_day IS NULL OR digest_day BETWEEN 1 AND 28")],
        help_text="Monthly summary: day of the month.",
    )
    changed_at = UtcField()

    class Meta:
        indexes = ((("contact", "event", "channel"), True),)
        constraints = [Check("days_ahead BETWEEN 0 AND 30")]


class PreferenceChange(BaseModel):
    """One choice that a contact made, or staff for them: what stood from this instant on. Never changed."""

    PAGE, LINK, ONE_CLICK, TEXT, STAFF = "page", "link", "one_click", "text", "staff"
    PRESET, IMPORT = "preset", "import"
    VIAS = (PAGE, LINK, ONE_CLICK, TEXT, STAFF, PRESET, IMPORT)
    VIA_WORDS = {
        PAGE: "Signed in",
        LINK: "By the link of a message",
        ONE_CLICK: "One click in the mail program",
        TEXT: "By text message",
    }

    contact = link(Contact, "preference_changes")
    event = choice("event", Preference.EVENTS)
    channel = choice("channel", Preference.CHANNELS)
    timing = choice("timing", Preference.TIMINGS)
    days_ahead = IntegerField(default=0)
    digest_day = IntegerField(null=True)
    by = CharField(max_length=300)
    via = choice("via", VIAS, words=VIA_WORDS)
    reason = CharField(max_length=255, default="", help_text="Why staff changed it.")
    at = UtcField(help_text="It counts from then on.")

    class Meta:
        table_name = "preference_change"
        indexes = ((("contact", "at"), False),)


class Consent(BaseModel):
    """A permission that the law wants in writing, with the exact words. Ended, never changed."""

    TEXT, ELECTRONIC = "text", "electronic"
    KINDS = (TEXT, ELECTRONIC)
    PAGE, LINK, STAFF = "page", "link", "staff"

    contact = link(Contact, "consents")
    kind = choice("kind", KINDS, words={TEXT: "Text messages", ELECTRONIC: "Legal notices by email"})
    wording = TextField(help_text="The words that were agreed to.")
    version = CharField(max_length=20)
    address_or_number = CharField(max_length=255, help_text="Where messages may go: for this one only.")
    given_at = UtcField()
    source = choice(
        "source", (PAGE, LINK, STAFF, TEXT), words={LINK: "Link of a message", TEXT: "Text message"}
    )
    by = CharField(max_length=300)
    ip = CharField(max_length=45, default="", verbose_name="Network address")
    proof = CharField(
        max_length=255, default="", help_text="What shows that it was given, and could be read."
    )
    withdrawn_at = UtcField(null=True)
    withdrawn_how = CharField(max_length=255, default="")

    def __str__(self):
        return f"{self.kind} consent for {self.address_or_number}"


# One standing consent of each kind; the sender of texts asks for it each time.
Consent.add_index(
    Consent.index(Consent.contact, Consent.kind, name="consent_standing", unique=True).where(
        Consent.withdrawn_at.is_null()
    )
)


class Site(Address):
    """A protected place. Its jurisdiction decides the sales tax; one customer, many sites."""

    customer = link(Customer, "sites")
    name = CharField(max_length=80)
    jurisdiction = CharField(max_length=30, default="", help_text="Tax code; empty: no sales tax.")
    time_zone = CharField(max_length=40, default="")
    permit_number = CharField(max_length=40, default="", help_text="Alarm permit of the city.")

    def __str__(self):
        return self.name


class System(Editable):
    """What is installed at a site and monitored."""

    KINDS = ("burglary", "fire", "medical", "cameras", "access", "other", "elevator")
    LIFE_SAFETY = ("fire", "medical", "elevator")

    site = link(Site, "systems")
    kind = choice("kind", KINDS, default="burglary")
    name = CharField(max_length=80)
    station_number = CharField(max_length=30, default="", help_text="Account at the monitoring station.")
    required_fire = BooleanField(default=False, help_text="The authority requires this monitoring.")
    certificated = with_default(
        BooleanField(default=False, help_text="A certificate (UL, FM) depends on this monitoring."), False
    )

    def __str__(self):
        return self.name


class Contract(Editable):
    """A term, its renewal and its end. It *has* recurring charges; it is not one."""

    CONSUMER, BUSINESS = "consumer", "business"
    END_REASONS = (
        "moved", "competitor", "service", "cost", "not_used", "not_paid", "deceased", "other", "not_said",
        "care", "home_sale", "service_member", "cooling_off",
    )  # fmt: skip
    END_WORDS = {
        "competitor": "Another company",
        "service": "Not happy with the service",
        "not_said": "No reason given",
        "care": "Moves into a hospital or a home for care",
        "home_sale": "Home sold for medical reasons",
        "service_member": "Military orders (SCRA)",
        "cooling_off": "Withdrew within three business days",
    }
    SIGNUP_MEDIA = ("online", "mail", "phone", "in_person")

    customer = link(Customer, "contracts")
    name = CharField(max_length=80, help_text="As printed, such as Monitoring agreement.")
    audience = choice("audience", (CONSUMER, BUSINESS), default=CONSUMER)
    signed_on = DayField(null=True)
    starts_on = DayField()
    term_months = IntegerField(default=0, help_text="First term; 0 is month to month.")
    renewal_months = IntegerField(default=1)
    notice_days = IntegerField(default=30)
    auto_renew = BooleanField(default=True)
    ends_on = DayField(null=True, help_text="Last day of service. Empty while it runs.")
    end_reason = choice("end_reason", END_REASONS, null=True, words=END_WORDS)
    governing_state = with_default(
        CharField(max_length=2, default="", help_text="Whose law it names, where it names one: two letters."),
        "",
    )
    signed_online = with_default(BooleanField(default=False), False)
    signup_medium = choice("signup_medium", SIGNUP_MEDIA, null=True, help_text="How it was signed.")
    renewal_disclosure_signed_on = DayField(
        null=True, help_text="When the separate renewal disclosure was signed or initialed (California)."
    )
    renewal_requested_on = DayField(
        null=True, help_text="When the customer asked in writing for the longer renewal."
    )
    leased_equipment = with_default(
        BooleanField(default=False, help_text="The equipment stays ours; the customer rents it."), False
    )
    late_fee_agreed = with_default(
        BooleanField(default=False, help_text="The signed agreement says that paying late costs a fee."), "0"
    )
    term_ends_on = DayField(
        null=True, help_text="Last day of the term that runs now. Empty: worked out from the start."
    )
    renews_monthly_from_on = DayField(
        null=True, help_text="From this day on it runs month to month, whatever was agreed."
    )
    renews_monthly_reason = with_default(CharField(max_length=255, default=""), "")

    class Meta:
        constraints = [
            Check("term_months >= 0"),
            Check("ends_on IS NULL OR ends_on >= starts_on"),
        ]

    def __str__(self):
        return f"{self.name}, {self.customer}"


class Charge(Editable):
    """A recurring charge: amount, cycle, anchor day, and the next period that is not billed yet.

    ``next_index`` counts periods from the first (billing/periods.py); ``next_on`` is the day on which
    that period may be billed, null when nothing is left. Both are written by the bill step only.
    """

    contract = link(Contract, "charges")
    site = link(Site, "charges", null=True)
    system = link(System, "charges", null=True)
    item = link(Item, "charges")
    text = CharField(max_length=120, default="", help_text="As printed; empty: the item's name.")
    quantity = IntegerField(default=1)
    unit_cents = MoneyField(help_text="Price of one for one cycle.")
    discount_cents = MoneyField(default=0, help_text="Off each full cycle.")
    discount_reason = CharField(max_length=80, default="")
    cycle_months = IntegerField(
        default=1, choices=[(1, "Monthly"), (3, "Quarterly"), (6, "Half-yearly"), (12, "Yearly")]
    )
    anchor_day = IntegerField(default=1, help_text="Day of the month on which a cycle starts.")
    in_arrears = BooleanField(default=False, help_text="Bill after the cycle instead of before.")
    prorate_first = BooleanField(default=True)
    prorate_last = BooleanField(default=True)
    starts_on = DayField()
    ends_on = DayField(null=True)
    next_index = IntegerField(default=0)
    next_on = DayField(null=True)

    class Meta:
        constraints = [
            Check("quantity > 0"),
            Check("unit_cents >= 0"),
            Check("discount_cents >= 0 AND discount_cents <= quantity * unit_cents"),
            Check("cycle_months IN (1, 3, 6, 12)"),
            Check("anchor_day BETWEEN 1 AND 31"),
            Check("ends_on IS NULL OR ends_on >= starts_on"),
            Check("next_index >= 0"),
        ]

    def __str__(self):
        return self.text or self.item.name


# The bill step looks for charges with something left to bill, earliest first.
Charge.add_index(Charge.index(Charge.next_on).where(Charge.next_on.is_null(False)))


class PriceChange(BaseModel):
    """A new price from a date on. Periods that start earlier keep the old one.

    An increase that nobody agreed to counts once it was told in time, and never without: the bill step reads
    only what counts, and the database refuses a line at a price that was not told.
    """

    charge = link(Charge, "price_changes")
    starts_on = DayField()
    unit_cents = MoneyField()
    old_cents = MoneyField(null=True, help_text="Price of one until then.")
    reason = CharField(max_length=120)
    by = CharField(max_length=80)
    made_at = UtcField()
    agreed_how = with_default(
        CharField(max_length=120, default="", help_text="What shows that the customer agreed to it."), ""
    )
    needs_notice = with_default(
        BooleanField(default=False, help_text="An increase that must be told before it can be billed."), False
    )
    tell_from_on = DayField(null=True, help_text="First lawful day to tell it.")
    tell_by_on = DayField(null=True, help_text="Last lawful day to tell it.")
    plan_on = DayField(null=True, help_text="When the message is to leave.")
    arithmetic = with_default(
        TextField(default="[]", help_text="How the days came about, line by line, as JSON."), "[]"
    )
    told_with = ForeignKeyField(
        "self", backref="told_too", null=True, on_delete="RESTRICT",
        help_text="The change in whose message this one is told too.",
    )  # fmt: skip
    told_on = DayField(
        null=True,
        constraints=[Check("told_on IS NULL OR told_on <= tell_by_on")],
        help_text="When the message left that told it.",
    )
    canceled_on = DayField(null=True)
    cancel_reason = with_default(CharField(max_length=120, default=""), "")

    class Meta:
        constraints = [Check("unit_cents >= 0")]

    def __str__(self):
        return f"{self.charge} from {self.starts_on:%b %-d, %Y}"

    @property
    def told_together(self):
        """A query of the changes that its message tells and that nobody took back, itself among them."""
        ours = (PriceChange.id == self.id) | (PriceChange.told_with == self.id)
        return PriceChange.select().where(ours & PriceChange.canceled_on.is_null()).order_by(PriceChange.id)


# One change of a charge on a day; what was canceled makes room.
PriceChange.add_index(
    PriceChange.index(PriceChange.charge, PriceChange.starts_on, name="price_change_standing", unique=True)
    .where(PriceChange.canceled_on.is_null())
)  # fmt: skip
# What may not be billed yet; asked for every line that is written, so it is kept small.
PriceChange.add_index(
    PriceChange.index(PriceChange.charge, name="price_change_untold").where(
        SQL("needs_notice") & PriceChange.told_on.is_null()
    )
)


class OneOff(Editable):
    """A service call or parts: billed once, with the next invoice or on its own."""

    customer = link(Customer, "one_offs")
    site = link(Site, "one_offs", null=True)
    system = link(System, "one_offs", null=True)
    item = link(Item, "one_offs")
    text = CharField(max_length=120, default="")
    quantity = IntegerField(default=1)
    unit_cents = MoneyField()
    discount_cents = MoneyField(default=0)
    discount_reason = CharField(max_length=80, default="")
    done_on = DayField(help_text="When the work was done.")
    work_order = CharField(max_length=30, default="")
    alone = BooleanField(default=False, help_text="On an invoice of its own, not with the next one.")
    billed_on = DayField(null=True)
    canceled_on = DayField(null=True)

    class Meta:
        constraints = [
            Check("quantity > 0"),
            Check("unit_cents >= 0"),
            Check("discount_cents >= 0 AND discount_cents <= quantity * unit_cents"),
        ]

    def __str__(self):
        return self.text or self.item.name


# The bill step looks for work that is not billed yet.
OneOff.add_index(
    OneOff.index(OneOff.customer, name="one_off_unbilled").where(
        OneOff.billed_on.is_null() & OneOff.canceled_on.is_null()
    )
)


# --------------------------------------------------------------------------------------------------
# The daily job and the audit
# --------------------------------------------------------------------------------------------------


class JobRun(BaseModel):
    """One run of a job: the lease that keeps a second runner out, and the report that staff read."""

    RUNNING, DONE, FAILED, DIED = "running", "done", "failed", "died"
    MOVES = {RUNNING: {DONE, FAILED, DIED}}

    name = CharField(max_length=40)
    only = with_default(CharField(max_length=20, default="", help_text="The one step that it ran."), "")
    state = choice("state", (RUNNING, DONE, FAILED, DIED), default=RUNNING)
    as_of_on = DayField()
    holder = CharField(max_length=80, help_text="Host and process that runs it.")
    lease_until_at = UtcField()
    started_at = UtcField()
    ended_at = UtcField(null=True)
    report = TextField(default="")

    def __str__(self):
        return f"{self.name} {self.as_of_on}"


# One runner at a time for each job.
JobRun.add_index(
    JobRun.index(JobRun.name, name="job_run_running", unique=True).where(JobRun.state == SQL("'running'"))
)


class Event(BaseModel):
    """The audit: who did what to which row, when, from what to what. Never changed, never deleted."""

    at = UtcField(index=True)
    by = CharField(max_length=80)
    what = CharField(max_length=60, help_text="Table and verb, such as invoice.voided.")
    about_table = CharField(max_length=40)
    about_id = IntegerField()
    customer_id = IntegerField(
        null=True, index=True, help_text="No key: an undone import takes its customers away."
    )
    reason = CharField(max_length=255, default="")
    before = TextField(default="", help_text="Changed fields before, as JSON.")
    after = TextField(default="", help_text="Changed fields after, as JSON.")

    class Meta:
        indexes = ((("about_table", "about_id"), False),)


class Approval(BaseModel):
    """Something that needs two people: one asked with a reason, another one decides. Never the same one.

    Who they are is kept by their rows as well: an address may be spelled otherwise, or change.
    """

    ASKED, APPROVED, REFUSED, WITHDRAWN = "asked", "approved", "refused", "withdrawn"
    MOVES = {ASKED: {APPROVED, REFUSED, WITHDRAWN}}

    kind = CharField(max_length=30, help_text="What it is that is asked for.")
    about_table = CharField(max_length=40)
    about_id = IntegerField()
    customer = link(Customer, "approvals", null=True)
    amount_cents = MoneyField(null=True)
    reason = CharField(max_length=255)
    details = TextField(default="", help_text="What else the act needs, as JSON.")
    asked_by = CharField(max_length=80)
    asked_at = UtcField()
    state = choice("state", (ASKED, APPROVED, REFUSED, WITHDRAWN), default=ASKED)
    decided_by = CharField(max_length=80, default="", help_text="The second person.")
    decided_at = UtcField(null=True)
    answer = CharField(max_length=255, default="", help_text="Why it was refused or taken back.")
    asked_by_staff = link(Staff, "approvals_asked", null=True)
    decided_by_staff = link(Staff, "approvals_decided", null=True)

    class Meta:
        constraints = [
            Check("decided_by <> asked_by"),
            Check("decided_by_staff_id <> asked_by_staff_id"),
            Check("state <> 'approved' OR asked_by_staff_id IS NULL OR decided_by_staff_id IS NOT NULL"),
            Check("(state = 'asked') = (decided_at IS NULL)"),
            Check("(state IN ('approved', 'refused')) = (decided_by <> '')"),
            Check("amount_cents IS NULL OR amount_cents > 0"),
        ]

    def __str__(self):
        return f"Approval {self.id}"


# The same is asked for once at a time.
Approval.add_index(
    Approval.index(
        Approval.kind, Approval.about_table, Approval.about_id, name="approval_asked", unique=True
    ).where(Approval.state == SQL("'asked'"))
)


# --------------------------------------------------------------------------------------------------
# Invoices
# --------------------------------------------------------------------------------------------------


class Invoice(BaseModel):
    """A demand for money. Issued once, then frozen: corrections are credits or a void.

    *Paid* is derived; what is due when, and so *past due*, says ``billing.demands``. ``open_cents`` is what
    is still owed, written by the ledger only.
    """

    DRAFT, ISSUED, VOID = "draft", "issued", "void"
    MOVES = {DRAFT: {ISSUED, VOID}, ISSUED: {VOID}}

    customer = link(Customer, "invoices")
    number = IntegerField(null=True, unique=True, help_text="Given at issue, without gaps, never again.")
    state = choice("state", (DRAFT, ISSUED, VOID), default=DRAFT)
    issued_on = DayField(null=True)
    due_on = DayField(null=True)
    subtotal_cents = MoneyField(default=0, help_text="Lines before discount and tax.")
    discount_cents = MoneyField(default=0)
    tax_cents = MoneyField(default=0)
    total_cents = MoneyField(default=0)
    open_cents = MoneyField(default=0, help_text="Still owed on this invoice.")
    previous_cents = MoneyField(default=0, help_text="Owed on earlier invoices when this was issued.")
    bill_to = TextField(default="", help_text="Name and address as printed.")
    po_number = CharField(max_length=30, default="", verbose_name="PO number")
    note = TextField(default="")
    unclear = with_default(
        TextField(default="", help_text="What would confuse the customer, as JSON: it stays a draft."), ""
    )
    run = link(JobRun, "invoices", null=True)
    voided_on = DayField(null=True)
    void_reason = CharField(max_length=255, default="")
    created_at = UtcField()
    first_seen_at = UtcField(null=True, help_text="When a person first had it before them.")
    clarity = IntegerField(
        null=True,
        constraints=[Check("clarity BETWEEN 0 AND 100")],
        help_text="Of 100: how little it asked of its reader when it was issued.",
    )
    IS_OWED = open_cents > SQL("0")  # said in no parameter: databases find the indexes of what is owed by it

    class Meta:
        indexes = ((("customer", "due_on"), False), (("state", "due_on"), False), (("issued_on",), False))
        constraints = [
            Check("total_cents = subtotal_cents - discount_cents + tax_cents"),
            Check("subtotal_cents >= 0 AND discount_cents >= 0 AND tax_cents >= 0"),
            Check("open_cents >= 0 AND open_cents <= total_cents"),
            Check("state = 'draft' OR state = 'void' OR (number IS NOT NULL AND due_on IS NOT NULL)"),
            Check("state <> 'void' OR open_cents = 0"),
        ]

    def __str__(self):
        return f"Invoice {self.number}" if self.number else f"Draft {self.id}"


# The ledger adds up what a customer owes; staff and reminders look for it, oldest first.
Invoice.add_index(Invoice.index(Invoice.customer, name="invoice_owed").where(Invoice.IS_OWED))
Invoice.add_index(Invoice.index(Invoice.due_on, name="invoice_open").where(Invoice.IS_OWED))
# Drafts that wait for somebody to make them clear.
Invoice.add_index(Invoice.index(Invoice.id, name="invoice_unclear").where(Invoice.unclear != SQL("''")))


class Line(BaseModel):
    """One line of an invoice with every word and amount that was printed. Frozen at issue."""

    invoice = link(Invoice, "lines")
    position = IntegerField()
    charge = link(Charge, "lines", null=True)
    one_off = link(OneOff, "lines", null=True)
    text = CharField(max_length=160)
    site_text = CharField(max_length=200, default="")
    system_text = CharField(max_length=80, default="")
    from_on = DayField(null=True)
    to_on = DayField(null=True)
    days = IntegerField(null=True, help_text="Days billed of a part period.")
    of_days = IntegerField(null=True, help_text="Days of the whole period.")
    quantity = IntegerField(default=1)
    unit_cents = MoneyField()
    amount_cents = MoneyField(help_text="Quantity times unit, for the days billed.")
    discount_cents = MoneyField(default=0)
    discount_reason = CharField(max_length=80, default="")
    tax_name = CharField(max_length=80, default="")
    tax_ppm = RateField(default=0)
    tax_cents = MoneyField(default=0)
    total_cents = MoneyField()
    done_on = DayField(null=True)
    work_order = CharField(max_length=30, default="")
    voided_on = DayField(null=True, help_text="Set with its invoice: the period may be billed again.")

    class Meta:
        indexes = ((("invoice", "position"), True),)
        constraints = [
            Check("total_cents = amount_cents - discount_cents + tax_cents"),
            Check("amount_cents >= 0 AND discount_cents >= 0 AND tax_cents >= 0 AND total_cents >= 0"),
            Check("to_on IS NULL OR to_on >= from_on"),
        ]

    def __str__(self):
        return self.text


# A charge's period, and a piece of work, can be billed once only.
Line.add_index(
    Line.index(Line.charge, Line.from_on, name="line_period_once", unique=True).where(
        Line.charge.is_null(False) & Line.voided_on.is_null()
    )
)
Line.add_index(
    Line.index(Line.one_off, name="line_work_once", unique=True).where(
        Line.one_off.is_null(False) & Line.voided_on.is_null()
    )
)


# --------------------------------------------------------------------------------------------------
# Money
# --------------------------------------------------------------------------------------------------


class PaymentMethod(BaseModel):
    """A card or bank account that the processor keeps for a customer. We keep its name, never its number."""

    CARD, BANK = "card", "bank"
    ACTIVE, DISABLED, REMOVED = "active", "disabled", "removed"
    MOVES = {ACTIVE: {DISABLED, REMOVED}, DISABLED: {ACTIVE, REMOVED}, REMOVED: {ACTIVE}}

    customer = link(Customer, "methods")
    token = CharField(max_length=20, unique=True, help_text="The processor's id of it.")
    state = choice("state", (ACTIVE, DISABLED, REMOVED), default=ACTIVE)
    kind = choice("kind", (CARD, BANK))
    label = CharField(max_length=60, help_text="Such as Visa ending 4242. Never a number.")
    last_four = CharField(max_length=4, default="")
    expires_on = DayField(null=True, help_text="Last day that a card is good for.")
    account_type = CharField(max_length=20, default="", help_text="Of a bank account.")
    network_transaction_id = CharField(
        max_length=255, default="", help_text="Of the first charge, for the next."
    )
    first_cents = MoneyField(null=True, help_text="Amount of the first charge.")
    reason = CharField(max_length=255, default="", help_text="Why it is not used any more.")
    added_by = CharField(max_length=80)
    added_at = UtcField()
    ended_at = UtcField(null=True, help_text="When it was removed or disabled.")

    def __str__(self):
        return f"{self.label}, expires {self.expires_on:%m/%y}" if self.expires_on else self.label


class Autopay(BaseModel):
    """The standing authorization to charge: who agreed to which words, when and from where.

    Never changed: other terms are a new row. It must be kept for two years after it ends, and is kept longer.
    """

    DUE_DATE, DAYS_BEFORE, DAY_OF_MONTH = "due_date", "days_before", "day_of_month"

    customer = link(Customer, "autopays")
    contact = link(Contact, "autopays", null=True, help_text="Who agreed.")
    method = link(PaymentMethod, "autopays")
    timing = choice("timing", (DUE_DATE, DAYS_BEFORE, DAY_OF_MONTH), default=DUE_DATE)
    days_before = IntegerField(default=0, help_text="Days before the due date.")
    day_of_month = IntegerField(null=True)
    cap_cents = MoneyField(null=True, help_text="Ask first above this.")
    tell_days = IntegerField(null=True, help_text="Tell the customer so many days ahead of every charge.")
    text = TextField(help_text="Every word that was agreed to.")
    text_version = CharField(max_length=20)
    agreed_at = UtcField()
    agreed_from = CharField(max_length=45, help_text="Network address that it was agreed from.")
    agreed_by = CharField(max_length=80)
    ended_at = UtcField(null=True)
    ended_by = CharField(max_length=80, default="")
    end_reason = CharField(max_length=255, default="")

    class Meta:
        table_name = "autopay"
        constraints = [
            Check("days_before BETWEEN 0 AND 30"),
            Check("day_of_month IS NULL OR day_of_month BETWEEN 1 AND 28"),
            Check("cap_cents IS NULL OR cap_cents > 0"),
            Check("tell_days IS NULL OR tell_days BETWEEN 1 AND 30"),
        ]

    def __str__(self):
        return f"Autopay {self.id}"


# A customer has one standing authorization at a time.
Autopay.add_index(
    Autopay.index(Autopay.customer, name="autopay_standing", unique=True).where(Autopay.ended_at.is_null())
)


class PlannedCharge(BaseModel):
    """What autopay is going to do with one invoice, and what the customer was told of it."""

    PLANNED, DONE, DROPPED = "planned", "done", "dropped"
    MOVES = {PLANNED: {DONE, DROPPED}}

    autopay = link(Autopay, "planned_charges")
    customer = link(Customer, "planned_charges")
    invoice = link(Invoice, "planned_charges")
    state = choice("state", (PLANNED, DONE, DROPPED), default=PLANNED)
    charge_on = DayField(help_text="The day on which it is charged.")
    told_on = DayField(null=True, help_text="When the customer was told of day and amount.")
    told_cents = MoneyField(null=True)
    postponed_from_on = DayField(null=True, help_text="The day before the customer put it off.")
    postponed_at = UtcField(null=True)
    reason = CharField(max_length=255, default="", help_text="Why it was dropped.")
    created_at = UtcField()

    class Meta:
        indexes = ((("customer", "charge_on"), False),)

    def __str__(self):
        return f"Charge of {self.invoice} on {self.charge_on}"


PlannedCharge.add_index(
    PlannedCharge.index(PlannedCharge.invoice, name="planned_charge_once", unique=True).where(
        PlannedCharge.state == SQL("'planned'")
    )
)
# The autopay step looks for what is due.
PlannedCharge.add_index(
    PlannedCharge.index(PlannedCharge.charge_on, name="planned_charge_due").where(
        PlannedCharge.state == SQL("'planned'")
    )
)


class Settlement(BaseModel):
    """One batch of the processor: what it pays out together. Cards and bank debits settle apart."""

    batch_id = CharField(max_length=20, unique=True)
    kind = choice("kind", (PaymentMethod.CARD, PaymentMethod.BANK))
    is_settled = BooleanField(help_text="False: the batch as a whole failed.")
    settled_at = UtcField(index=True)
    charge_count = IntegerField(help_text="As the processor reports it, like the sums.")
    charge_cents = MoneyField()
    refund_count = IntegerField()
    refund_cents = MoneyField()
    return_count = IntegerField(default=0, help_text="Returned bank debits and chargebacks.")
    return_cents = MoneyField(default=0)
    read_at = UtcField(help_text="When its transactions were last read.")

    def __str__(self):
        return f"Batch {self.batch_id}"

    @property
    def deposit_cents(self):
        """What should arrive on the company's bank account for it, before the processor's fees."""
        return self.charge_cents - self.refund_cents - self.return_cents if self.is_settled else 0


class Payment(BaseModel):
    """One attempt with one reference; only an approved one is money.

    The row is committed before the gateway is asked. ``open_cents`` is the part that pays no invoice
    yet, written by the ledger only.
    """

    PREPARED, SENT, HELD, IN_DOUBT = "prepared", "sent", "held", "in_doubt"
    APPROVED, SETTLED, DECLINED, EXPIRED = "approved", "settled", "declined", "expired"
    RETURNED, CHARGED_BACK, VOIDED, REFUNDED = "returned", "charged_back", "voided", "refunded"
    STATES = (
        PREPARED, SENT, HELD, IN_DOUBT, APPROVED, SETTLED, DECLINED, EXPIRED, RETURNED, CHARGED_BACK,
        VOIDED, REFUNDED,
    )  # fmt: skip
    LIVE = (PREPARED, SENT, HELD, IN_DOUBT)  # money may still move
    MONEY = (APPROVED, SETTLED)  # money is ours
    MOVES = {
        PREPARED: {SENT, EXPIRED, IN_DOUBT, APPROVED, DECLINED, HELD},
        SENT: {APPROVED, SETTLED, DECLINED, HELD, IN_DOUBT, EXPIRED, VOIDED},
        HELD: {APPROVED, SETTLED, DECLINED, VOIDED, EXPIRED},
        IN_DOUBT: {APPROVED, SETTLED, DECLINED, HELD, EXPIRED, VOIDED},
        APPROVED: {SETTLED, RETURNED, VOIDED, REFUNDED, CHARGED_BACK},
        SETTLED: {RETURNED, REFUNDED, CHARGED_BACK},
        REFUNDED: {SETTLED, RETURNED, CHARGED_BACK},  # a bank asks nobody whether we paid back already
        CHARGED_BACK: {SETTLED},  # a dispute that we won
        EXPIRED: {APPROVED, SETTLED, HELD},  # what comes after we stopped waiting still counts
        DECLINED: {APPROVED, SETTLED, HELD},
    }
    ONLINE, CARD, BANK = "online", "card", "bank"
    CHECK, CASH, MONEY_ORDER, WIRE, BILL_PAY = "check", "cash", "money_order", "wire", "bill_pay"
    BY_HAND = (CHECK, CASH, MONEY_ORDER, WIRE, BILL_PAY)
    BY_PROCESSOR = (CARD, BANK)
    BY_TELEPHONE = "TEL"  # entry class of a debit that a person authorized on the phone

    customer = link(Customer, "payments")
    reference = CharField(max_length=20, unique=True, help_text="What the gateway and the customer see.")
    key = CharField(max_length=64, unique=True, help_text="Names the click: the same key never pays twice.")
    state = choice("state", STATES, default=PREPARED)
    kind = choice("kind", (ONLINE, CARD, BANK, *BY_HAND), words={BILL_PAY: "Bank bill pay"})
    amount_cents = MoneyField()
    open_cents = MoneyField(default=0, help_text="Received, and not applied to an invoice yet.")
    received_on = DayField(help_text="Business day that it counts for.")
    method_label = CharField(max_length=60, default="", help_text="Such as Visa ending 4242. Never a number.")
    check_number = CharField(max_length=30, default="")
    transaction_id = CharField(max_length=20, null=True, unique=True)
    auth_code = CharField(max_length=10, default="")
    form_token = TextField(default="", help_text="The hosted page's token while it can be used.")
    form_token_at = UtcField(null=True)
    ask_at = UtcField(null=True, help_text="When to ask the gateway next.")
    asks = IntegerField(default=0, help_text="Searches that found nothing.")
    searched_at = UtcField(null=True, help_text="When the last of them was counted.")
    reason = CharField(max_length=255, default="", help_text="Why it was declined, returned or is in doubt.")
    entered_by = CharField(max_length=80, default="")
    note = CharField(max_length=255, default="")
    created_at = UtcField()
    concluded_at = UtcField(null=True)
    returned_on = DayField(null=True)
    method = link(PaymentMethod, "payments", null=True, help_text="The saved method that was charged.")
    autopay = link(Autopay, "payments", null=True, help_text="The authorization that it was charged under.")
    entry_class = with_default(
        CharField(max_length=3, default="", help_text="WEB, TEL or CCD, for bank debits."), ""
    )
    said_by = with_default(
        CharField(max_length=80, default="", help_text="Who said yes on the phone to this charge."), ""
    )
    said_words = with_default(TextField(default="", help_text="The words that were read to them."), "")
    said_version = with_default(CharField(max_length=20, default="", help_text="Which text it is."), "")
    try_number = with_default(IntegerField(default=0, help_text="Of automatic tries with one method."), 0)
    retry_on = DayField(null=True, help_text="When autopay tries again, after a decline or return.")
    decline_code = with_default(CharField(max_length=10, default="", help_text="The processor's reason."), "")
    return_code = with_default(CharField(max_length=5, default="", help_text="The bank's, such as R01."), "")
    settlement = link(Settlement, "payments", null=True)
    settled_on = DayField(null=True)
    clears_on = DayField(null=True, help_text="From then on a bank debit is called complete.")
    return_fee = link(OneOff, "returned", null=True, help_text="What its return cost the payer.")

    class Meta:
        indexes = ((("customer", "received_on"), False), (("received_on",), False), (("state",), False))
        constraints = [
            Check("amount_cents > 0"),
            Check("open_cents >= 0 AND open_cents <= amount_cents"),
            Check("(said_by = '') = (said_words = '')"),
        ]

    def __str__(self):
        return f"Payment {self.reference}"


# The reconciliation looks for what stands in no batch yet.
Payment.add_index(
    Payment.index(Payment.received_on, name="payment_in_no_batch").where(
        Payment.settlement.is_null() & Payment.transaction_id.is_null(False)
    )
)
# Autopay looks for what was tried with a method.
Payment.add_index(
    Payment.index(Payment.method, Payment.created_at, name="payment_by_method").where(
        Payment.method.is_null(False)
    )
)
# Staff look for a payment by the number on the check.
Payment.add_index(
    Payment.index(Payment.check_number, name="payment_check_number").where(Payment.check_number != SQL("''"))
)
# The confirm step looks for attempts whose answer is missing.
Payment.add_index(Payment.index(Payment.ask_at, name="payment_ask").where(Payment.ask_at.is_null(False)))
# The bill step looks for money that pays nothing yet.
Payment.add_index(
    Payment.index(Payment.customer, name="payment_unapplied").where(Payment.open_cents > SQL("0"))
)


class Hold(BaseModel):
    """A pause with a scope, a reason, an author and an end. While it runs, its scope rests."""

    BILLING, NOTICES, AUTOPAY = "billing", "notices", "autopay"

    scope = choice("scope", (BILLING, NOTICES, AUTOPAY))
    customer = link(Customer, "holds")
    contract = link(Contract, "holds", null=True)
    reason = CharField(max_length=120)
    by = CharField(max_length=80)
    starts_on = DayField()
    ends_on = DayField(null=True, help_text="Last day of the pause. Empty while it runs.")
    created_at = UtcField(null=True, help_text="When it was begun.")
    payment = link(Payment, "holds", null=True, help_text="The payment that came back and began it.")

    class Meta:
        constraints = [Check("ends_on IS NULL OR ends_on >= starts_on")]


class PaymentPart(BaseModel):
    """What the payer meant a payment for. While ``live``, no other attempt may claim its invoice."""

    payment = link(Payment, "parts")
    invoice = link(Invoice, "payment_parts")
    amount_cents = MoneyField()
    live = BooleanField(default=True)

    class Meta:
        indexes = ((("payment", "invoice"), True),)
        constraints = [Check("amount_cents > 0")]


# At most one open attempt for an invoice: this index, not a disabled button, stops a double charge.
PaymentPart.add_index(
    PaymentPart.index(PaymentPart.invoice, name="payment_part_live", unique=True).where(PaymentPart.live)
)


class Credit(BaseModel):
    """Reduces what is owed without money moving; has a reason and an author."""

    NOTE, GOODWILL, UNUSED_SERVICE = "note", "goodwill", "unused_service"
    SERVICE, DISPUTE, LATE_FEE = "service", "dispute", "late_fee"
    WRITE_OFF, BAD_DEBT = "write_off", "bad_debt"
    KINDS = (NOTE, GOODWILL, UNUSED_SERVICE, SERVICE, DISPUTE, LATE_FEE, WRITE_OFF, BAD_DEBT)

    customer = link(Customer, "credits")
    invoice = link(Invoice, "credits", null=True, help_text="The invoice that it corrects.")
    line = link(Line, "credits", null=True)
    key = CharField(max_length=64, null=True, unique=True, help_text="Names the click: once is enough.")
    kind = choice("kind", KINDS, default=NOTE)
    amount_cents = MoneyField()
    open_cents = MoneyField(default=0)
    reason = CharField(max_length=255)
    by = CharField(max_length=80)
    approval = link(Approval, "credits", null=True, unique=True, help_text="The second person's word.")
    from_on = DayField(null=True, help_text="First day of service that it is for.")
    to_on = DayField(null=True)
    made_on = DayField()
    created_at = UtcField()

    class Meta:
        constraints = [Check("amount_cents > 0"), Check("open_cents >= 0 AND open_cents <= amount_cents")]

    def __str__(self):
        return f"Credit {self.id}"


Credit.add_index(Credit.index(Credit.customer, name="credit_unapplied").where(Credit.open_cents > SQL("0")))


class CreditReversal(BaseModel):
    """What of a credit does not count any more: of a write-off that was taken back, or paid after all.

    The credit itself stays.
    """

    credit = link(Credit, "undone_by")
    amount_cents = MoneyField()
    reason = CharField(max_length=255)
    by = CharField(max_length=80)
    made_on = DayField()
    created_at = UtcField()
    payment = link(Payment, "recovered", null=True, help_text="The money that came after all.")

    class Meta:
        table_name = "credit_reversal"
        constraints = [Check("amount_cents > 0")]


class LateFee(BaseModel):
    """What paying an invoice late costs: once, told before it is charged, and mostly waived."""

    PLANNED, TOLD, CHARGED, WAIVED, AVOIDED = "planned", "told", "charged", "waived", "avoided"
    MOVES = {
        PLANNED: {TOLD, WAIVED, AVOIDED},
        TOLD: {CHARGED, WAIVED, AVOIDED},
        CHARGED: {WAIVED},
    }
    WAITING = (PLANNED, TOLD)

    customer = link(Customer, "late_fees")
    invoice = link(Invoice, "late_fees", unique=True, help_text="The invoice that was paid late.")
    state = choice(
        "state", (PLANNED, TOLD, CHARGED, WAIVED, AVOIDED), default=PLANNED, words={AVOIDED: "Not charged"}
    )
    cents = MoneyField(help_text="At most so much is charged.")
    base_cents = MoneyField(help_text="What of the invoice it is reckoned from.")
    computed_on = DayField()
    charge_from_on = DayField(help_text="The day that the customer was told.")
    told_on = DayField(null=True)
    one_off = link(OneOff, "late_fees", null=True, unique=True, help_text="Its line of a later invoice.")
    credit = link(Credit, "late_fees", null=True, help_text="What took it back after it was billed.")
    reason = CharField(max_length=255, default="", help_text="Why it is not charged.")
    decided_by = CharField(max_length=80, default="")
    decided_on = DayField(null=True)

    class Meta:
        table_name = "late_fee"
        constraints = [
            Check("cents > 0 AND cents <= base_cents"),
            Check("charge_from_on > computed_on"),
            Check("state <> 'charged' OR one_off_id IS NOT NULL"),
            Check("state <> 'charged' OR told_on IS NOT NULL"),
            Check("state NOT IN ('waived', 'avoided') OR reason <> ''"),
        ]

    def __str__(self):
        return f"Late fee {self.id}"


class Suspension(BaseModel):
    """Monitoring that may rest because it is not paid: two people, told in two ways, cured by a payment.

    ``guarded``: what lives may depend on, as a JSON list; then a person answers ``checks`` (JSON) first.
    """

    ASKED, WARNED, SUSPENDED, LIFTED, CANCELED = "asked", "warned", "suspended", "lifted", "canceled"
    MOVES = {
        ASKED: {WARNED, CANCELED},
        WARNED: {SUSPENDED, CANCELED},
        SUSPENDED: {LIFTED},
    }
    RUNNING = (ASKED, WARNED, SUSPENDED)

    customer = link(Customer, "suspensions")
    contract = link(Contract, "suspensions")
    state = choice("state", (ASKED, WARNED, SUSPENDED, LIFTED, CANCELED), default=ASKED)
    reason = CharField(max_length=255)
    owed_cents = MoneyField(help_text="Past due when it was asked for.")
    oldest_on = DayField(help_text="Due date of the oldest of it.")
    guarded = TextField(default="[]", help_text="What lives may depend on.")
    checks = TextField(default="{}", help_text="What a person made sure of.")
    checked_at = UtcField(null=True)
    checked_by = CharField(max_length=80, default="")
    asked_by = CharField(max_length=80)
    asked_at = UtcField()
    warn_approval = link(Approval, "warned_suspensions", null=True)
    warned_at = UtcField(null=True)
    warned_by = CharField(max_length=80, default="")
    rests_on = DayField(null=True, help_text="From this day signals are not answered.")
    rest_approval = link(Approval, "suspensions", null=True)
    suspended_on = DayField(null=True)
    suspended_at = UtcField(null=True)
    suspended_by = CharField(max_length=80, default="")
    hold = link(Hold, "suspensions", null=True, help_text="While it runs, nothing is billed.")
    ended_at = UtcField(null=True)
    ended_by = CharField(max_length=80, default="")
    ended_why = CharField(max_length=255, default="")
    payment = link(Payment, "cured", null=True, help_text="The payment that cured it.")
    recall = BooleanField(default=False, help_text="A printed letter is to be taken back.")
    recalled_at = UtcField(null=True)
    recalled_by = CharField(max_length=80, default="")
    recalled_how = CharField(max_length=255, default="")
    station = BooleanField(default=False, help_text="The monitoring station is to be told.")
    station_told_at = UtcField(null=True)
    station_told_by = CharField(max_length=80, default="")

    def __str__(self):
        return f"Suspension {self.id}"


Suspension.add_index(
    Suspension.index(Suspension.contract, name="suspension_running", unique=True).where(
        Suspension.state << [SQL("'asked'"), SQL("'warned'"), SQL("'suspended'")]
    )
)


class Handover(BaseModel):
    """An account given to a collection agency: by two people, told once, taken back when that was wrong."""

    ASKED, HANDED_OVER, TAKEN_BACK, CANCELED = "asked", "handed_over", "taken_back", "canceled"
    MOVES = {ASKED: {HANDED_OVER, CANCELED}, HANDED_OVER: {TAKEN_BACK}}
    RUNNING = (ASKED, HANDED_OVER)

    customer = link(Customer, "handovers")
    state = choice("state", (ASKED, HANDED_OVER, TAKEN_BACK, CANCELED), default=ASKED)
    agency = CharField(max_length=120)
    reason = CharField(max_length=255)
    amount_cents = MoneyField(help_text="Past due when it was asked for.")
    asked_by = CharField(max_length=80)
    asked_at = UtcField()
    approval = link(Approval, "handovers", null=True)
    handed_on = DayField(null=True)
    handed_at = UtcField(null=True)
    handed_by = CharField(max_length=80, default="")
    ended_at = UtcField(null=True)
    ended_by = CharField(max_length=80, default="")
    ended_why = CharField(max_length=255, default="")

    def __str__(self):
        return f"Hand-over {self.id}"


Handover.add_index(
    Handover.index(Handover.customer, name="handover_running", unique=True).where(
        Handover.state << [SQL("'asked'"), SQL("'handed_over'")]
    )
)


class HandoverFile(BaseModel):
    """What the agency got, to the byte."""

    handover = link(Handover, "files", unique=True)
    name = CharField(max_length=120)
    sha256 = CharField(max_length=64)
    size = IntegerField()
    content = BlobField()
    made_at = UtcField()

    class Meta:
        table_name = "handover_file"

    def __str__(self):
        return self.name


# The daily step looks for what is told and charged next.
LateFee.add_index(
    LateFee.index(LateFee.charge_from_on, name="late_fee_waiting").where(
        LateFee.state << [SQL("'planned'"), SQL("'told'")]
    )
)


class Refund(BaseModel):
    """Money that goes back to the payer: by the processor to the card or account that paid, or by hand.

    Like a payment, it is an attempt until the processor has answered, and on disk before it is asked.
    """

    WAITING, PREPARED, SENT, IN_DOUBT = "waiting", "prepared", "sent", "in_doubt"
    APPROVED, SETTLED, DECLINED, REFUSED = "approved", "settled", "declined", "refused"
    STATES = (WAITING, PREPARED, SENT, IN_DOUBT, APPROVED, SETTLED, DECLINED, REFUSED)
    LIVE = (WAITING, PREPARED, SENT, IN_DOUBT)  # not decided yet; its amount is reserved
    DEAD = (DECLINED, REFUSED)  # no money went back
    MOVES = {
        WAITING: {PREPARED, APPROVED, REFUSED},
        PREPARED: {SENT, APPROVED, DECLINED, REFUSED},
        SENT: {APPROVED, SETTLED, DECLINED, IN_DOUBT, PREPARED},  # prepared: not yet, after the settlement
        IN_DOUBT: {APPROVED, SETTLED, DECLINED, PREPARED},
        APPROVED: {SETTLED, DECLINED},
        DECLINED: {APPROVED, SETTLED},  # what arrives after we gave it up has gone all the same
    }
    VOID = "void"
    BY_HAND = (Payment.CHECK, Payment.CASH, Payment.WIRE)

    payment = link(Payment, "refunds")
    key = CharField(max_length=64, unique=True)
    state = with_default(
        choice("state", STATES, default=APPROVED, words={WAITING: "Second person"}), "approved"
    )
    amount_cents = MoneyField()
    how = choice(
        "how", (*BY_HAND, Payment.CARD, Payment.BANK, VOID), words={VOID: "Canceled before settlement"}
    )
    reason = CharField(max_length=255)
    by = CharField(max_length=80)
    approved_by = with_default(CharField(max_length=80, default="", help_text="The second person."), "")
    made_on = DayField()
    reference = CharField(max_length=20, null=True, unique=True, help_text="What the processor knows it by.")
    transaction_id = CharField(max_length=20, null=True, unique=True)
    ask_at = UtcField(null=True, help_text="When to ask the processor next.")
    asks = with_default(IntegerField(default=0, help_text="Searches that found nothing."), 0)
    searched_at = UtcField(null=True, help_text="When the last of them was counted.")
    outcome = with_default(CharField(max_length=255, default="", help_text="What the processor said."), "")
    created_at = UtcField(null=True)
    concluded_at = UtcField(null=True)
    settlement = link(Settlement, "refunds", null=True)
    reopen_cents = with_default(
        MoneyField(default=0, help_text="Of it, taken from paid invoices; only when the money has gone."), 0
    )
    sent_at = UtcField(null=True, help_text="When the processor was last asked for it.")
    paid_on = DayField(null=True, help_text="Business day on which the money went back.")
    by_staff = link(Staff, "refunds_ordered", null=True)
    approved_by_staff = link(Staff, "refunds_approved", null=True)

    class Meta:
        constraints = [
            Check("amount_cents > 0"),
            Check("approved_by_staff_id <> by_staff_id"),
            Check("approved_by = '' OR by_staff_id IS NULL OR approved_by_staff_id IS NOT NULL"),
        ]

    def __str__(self):
        return f"Refund {self.reference or self.id}"


# One refund of a payment at a time: what is left must be known before the next.
Refund.add_index(
    Refund.index(Refund.payment, name="refund_live", unique=True).where(
        Refund.state << [SQL(f"'{state}'") for state in Refund.LIVE]
    )
)
Refund.add_index(Refund.index(Refund.ask_at, name="refund_ask").where(Refund.ask_at.is_null(False)))


class Chargeback(BaseModel):
    """A payer disputed a payment with their bank, which took the money back: a case with a deadline."""

    OPEN, ANSWERED, WON, LOST = "open", "answered", "won", "lost"
    MOVES = {OPEN: {ANSWERED, WON, LOST}, ANSWERED: {WON, LOST}, LOST: {WON}}

    payment = link(Payment, "chargebacks")
    customer = link(Customer, "chargebacks")
    state = choice("state", (OPEN, ANSWERED, WON, LOST), default=OPEN)
    amount_cents = MoneyField()
    fee_cents = MoneyField(default=0, help_text="What the bank charged us for it.")
    reason = CharField(max_length=255, default="", help_text="The bank's reason.")
    transaction_id = CharField(
        max_length=20, null=True, unique=True, help_text="The processor's entry for it."
    )
    opened_on = DayField()
    answer_by_on = DayField(null=True, help_text="Last day to send the evidence.")
    answered_on = DayField(null=True)
    closed_on = DayField(null=True)
    note = TextField(default="")
    by = CharField(max_length=80)
    created_at = UtcField()

    class Meta:
        constraints = [Check("amount_cents > 0"), Check("fee_cents >= 0")]
        indexes = ((("state", "answer_by_on"), False),)

    def __str__(self):
        return f"Chargeback {self.id}"


class Allocation(BaseModel):
    """This much of that payment or credit pays this invoice. Undone by a negative twin, never edited."""

    invoice = link(Invoice, "allocations")
    payment = link(Payment, "allocations", null=True)
    credit = link(Credit, "allocations", null=True)
    amount_cents = MoneyField()
    reverses = ForeignKeyField("self", null=True, unique=True, backref="reversals", on_delete="RESTRICT")
    reason = CharField(max_length=255, default="")
    by = CharField(max_length=80)
    made_on = DayField()
    refund = link(Refund, "taken_back", null=True, help_text="The refund for which it was taken back.")
    chargeback = link(Chargeback, "taken_back", null=True, help_text="Or the dispute.")

    class Meta:
        constraints = [
            Check("(payment_id IS NULL) <> (credit_id IS NULL)"),
            Check("refund_id IS NULL OR chargeback_id IS NULL"),
            Check(
                "(reverses_id IS NULL AND amount_cents > 0) OR (reverses_id IS NOT NULL AND amount_cents < 0)"
            ),
        ]


class Loss(BaseModel):
    """Money that is gone and that no invoice covers: refunded, and then taken back by the bank as well."""

    AFTER_REFUND, FEE = "after_refund", "fee"

    payment = link(Payment, "losses")
    key = CharField(max_length=64, unique=True)
    kind = choice(
        "kind", (AFTER_REFUND, FEE), words={AFTER_REFUND: "Returned after a refund", FEE: "Bank's fee"}
    )
    amount_cents = MoneyField()
    reason = CharField(max_length=255)
    by = CharField(max_length=80)
    made_on = DayField()

    class Meta:
        constraints = [Check("amount_cents > 0")]


class AutopayOutcome(BaseModel):
    """What became, on one day, of one invoice that autopay should have paid: exactly one of these."""

    CHARGED, DECLINED, HELD, IN_DOUBT, SKIPPED = "charged", "declined", "held", "in_doubt", "skipped"
    WAITING, STOPPED, OUT_OF_USE, ON_HOLD = "waiting", "stopped", "out_of_use", "on_hold"
    QUESTION, ABOVE_CAP, BEING_PAID, PAID = "question", "above_cap", "being_paid", "paid"
    CHANGED, CANCELED, UNREACHED, OURS, TROUBLE = "changed", "canceled", "unreached", "ours", "trouble"
    WHYS = (
        "", WAITING, STOPPED, OUT_OF_USE, ON_HOLD, QUESTION, ABOVE_CAP, BEING_PAID, PAID, CHANGED, CANCELED,
        UNREACHED, OURS, TROUBLE,
    )  # fmt: skip
    WHY_WORDS = {
        "": "–",
        WAITING: "Waiting for another try",
        STOPPED: "Not tried any more",
        OUT_OF_USE: "Method cannot be charged",
        ON_HOLD: "Autopay on hold",
        QUESTION: "The customer waits for our answer",
        ABOVE_CAP: "Above the customer's limit",
        BEING_PAID: "Being paid another way",
        PAID: "Paid meanwhile",
        CHANGED: "Changed meanwhile",
        CANCELED: "Canceled",
        UNREACHED: "Processor not reached",
        OURS: "Trouble with our set-up",
        TROUBLE: "Trouble in the program",
    }

    run_on = DayField()
    invoice = link(Invoice, "autopay_outcomes")
    customer = link(Customer, "autopay_outcomes")
    outcome = choice("outcome", (CHARGED, DECLINED, HELD, IN_DOUBT, SKIPPED))
    why = with_default(
        choice("why", WHYS, default="", words=WHY_WORDS, help_text="Why no money came, for lists."), ""
    )
    reason = CharField(max_length=255, default="", help_text="In words that a customer could read.")
    payment = link(Payment, "autopay_outcomes", null=True)
    decided_at = UtcField()

    class Meta:
        indexes = ((("run_on", "invoice"), True), (("run_on", "outcome"), False))


class SettlementLine(BaseModel):
    """One transaction of a batch as the processor lists it, beside what the books have for it."""

    settlement = link(Settlement, "lines")
    transaction_id = CharField(max_length=20, index=True)
    status = CharField(max_length=40)
    reference = CharField(max_length=20, default="")
    amount_cents = MoneyField()
    is_refund = BooleanField(default=False)
    payment = link(Payment, "settlement_lines", null=True)
    refund = link(Refund, "settlement_lines", null=True)
    submitted_at = UtcField(null=True)

    class Meta:
        table_name = "settlement_line"
        indexes = ((("settlement", "transaction_id"), True),)  # a batch that failed is sent again in another

    def __str__(self):
        return f"Transaction {self.transaction_id}"


class Difference(BaseModel):
    """The processor and the books do not agree: work for a person, or gone by itself at the next look."""

    OPEN, GONE, SETTLED = "open", "gone", "settled"
    MOVES = {OPEN: {GONE, SETTLED}, GONE: {OPEN}}
    KINDS = ("not_in_books", "not_at_processor", "amount", "state", "batch_total")

    key = CharField(max_length=64, unique=True, help_text="Kind and what it is about: noted once.")
    state = choice("state", (OPEN, GONE, SETTLED), default=OPEN)
    kind = choice("kind", KINDS)
    transaction_id = CharField(max_length=20, default="")
    settlement = link(Settlement, "differences", null=True)
    payment = link(Payment, "differences", null=True)
    refund = link(Refund, "differences", null=True)
    ours_cents = MoneyField(null=True)
    theirs_cents = MoneyField(null=True)
    text = CharField(max_length=255, help_text="What does not agree, in a sentence.")
    found_on = DayField()
    closed_at = UtcField(null=True)
    closed_by = CharField(max_length=80, default="")
    resolution = CharField(max_length=255, default="")

    class Meta:
        indexes = ((("state", "found_on"), False),)

    def __str__(self):
        return self.text


class RemittanceFile(BaseModel):
    """A file of payments from the bank: a lockbox deposit or bank bill pay."""

    LOCKBOX, BILL_PAY = "lockbox", "bill_pay"

    kind = choice("kind", (LOCKBOX, BILL_PAY), words={BILL_PAY: "Bank bill pay"})
    file_name = CharField(max_length=255)
    sha256 = CharField(max_length=64, unique=True, help_text="The same file is read once.")
    mapping = with_default(TextField(default="", help_text="How its columns were read."), "")
    row_count = IntegerField()
    total_cents = MoneyField()
    by = CharField(max_length=80)
    read_at = UtcField()

    def __str__(self):
        return f"{self.file_name}"


class RemittanceRow(BaseModel):
    """One payment of such a file: booked when it is clear whose it is, else waiting for a person."""

    BOOKED, UNMATCHED, DISMISSED = "booked", "unmatched", "dismissed"
    MOVES = {UNMATCHED: {BOOKED, DISMISSED}}

    file = link(RemittanceFile, "rows")
    key = with_default(
        CharField(
            max_length=64, default="", help_text="What it says: the same row of another file is it again."
        ),
        "",
    )
    row_number = IntegerField()
    state = choice("state", (BOOKED, UNMATCHED, DISMISSED))
    amount_cents = MoneyField()
    received_on = DayField()
    check_number = CharField(max_length=30, default="")
    scan_line = CharField(max_length=80, default="")
    account_text = CharField(max_length=60, default="", help_text="The account number as it was written.")
    payer_text = CharField(max_length=120, default="")
    customer = link(Customer, "remittances", null=True)
    payment = link(Payment, "remittances", null=True)
    matched_by = CharField(max_length=20, default="", help_text="Scan line, account number or a person.")
    reason = CharField(max_length=255, default="", help_text="Why it waits, or why it was dismissed.")
    closed_by = CharField(max_length=80, default="")

    class Meta:
        indexes = ((("file", "row_number"), True), (("state",), False))
        constraints = [Check("amount_cents > 0")]


# Files overlap: a row that came before is not booked again.
RemittanceRow.add_index(
    RemittanceRow.index(RemittanceRow.key, name="remittance_row_once", unique=True).where(
        RemittanceRow.key != SQL("''")
    )
)


class GatewayEvent(BaseModel):
    """A webhook as it came. A hint only: the truth is asked for. Unique, so a repeat changes nothing."""

    notification_id = CharField(max_length=64, unique=True)
    kind = CharField(max_length=80)
    transaction_id = CharField(max_length=20, default="")
    body = TextField()
    received_at = UtcField()
    handled_at = UtcField(null=True)
    result = CharField(max_length=120, default="")


GatewayEvent.add_index(
    GatewayEvent.index(GatewayEvent.received_at, name="gateway_event_waiting").where(
        GatewayEvent.handled_at.is_null()
    )
)


# --------------------------------------------------------------------------------------------------
# Talking with customers
# --------------------------------------------------------------------------------------------------


class Ticket(BaseModel):
    """Somebody wants something from us. ``waiting_on_us`` until staff have answered.

    A ticket of kind *service* that is not closed is a fault. One that was merged is closed, and its messages
    stand in the ticket that it points at.
    """

    WAITING_ON_US, WAITING_ON_CUSTOMER, CLOSED = "waiting_on_us", "waiting_on_customer", "closed"
    MOVES = {
        WAITING_ON_US: {WAITING_ON_CUSTOMER, CLOSED},
        WAITING_ON_CUSTOMER: {WAITING_ON_US, CLOSED},
        CLOSED: {WAITING_ON_US, WAITING_ON_CUSTOMER},
    }
    BILLING, SERVICE, CANCELLATION, OTHER = KINDS = ("billing", "service", "cancellation", "other")
    LOW, NORMAL, HIGH, URGENT = PRIORITIES = ("low", "normal", "high", "urgent")
    PORTAL, PAY_LINK, MAIL, TEXT, PHONE, STAFF = VIAS = (
        "portal", "pay_link", "mail", "text", "phone", "staff",
    )  # fmt: skip

    customer = link(Customer, "tickets")
    contact = link(Contact, "tickets", null=True)
    invoice = link(Invoice, "tickets", null=True)
    line = link(Line, "tickets", null=True)
    site = link(Site, "tickets", null=True)
    contract = link(Contract, "tickets", null=True)
    subject = CharField(max_length=120)
    kind = with_default(choice("kind", KINDS, default=OTHER), OTHER)
    priority = with_default(choice("priority", PRIORITIES, default=NORMAL), NORMAL)
    via = with_default(
        choice("via", VIAS, default=STAFF, words={"pay_link": "Pay page", "mail": "E-mail"}), STAFF
    )
    owner = link(Staff, "tickets", null=True, help_text="Who takes care of it.")
    state = choice("state", (WAITING_ON_US, WAITING_ON_CUSTOMER, CLOSED), default=WAITING_ON_US)
    opened_at = UtcField()
    last_at = UtcField(help_text="When the last message came.")
    first_answered_at = UtcField(null=True)
    waiting_since_at = UtcField(null=True, help_text="Since when the customer waits for us.")
    closed_at = UtcField(null=True)
    reported_from_at = UtcField(null=True, help_text="When the fault began.")
    reported_until_at = UtcField(null=True, help_text="When it was put right.")
    merged_into = ForeignKeyField(
        "self", backref="merged", null=True, on_delete="RESTRICT", help_text="Where its messages are now."
    )
    seen_by = link(Staff, "seen_tickets", null=True, help_text="Who of us looked at it last.")
    seen_at = UtcField(null=True)

    class Meta:
        indexes = ((("state", "last_at"), False),)

    def __str__(self):
        return f"Ticket {self.id}: {self.subject}"


# What waits on us, whoever has waited longest first.
Ticket.add_index(
    Ticket.index(Ticket.waiting_since_at, name="ticket_waiting").where(Ticket.state == SQL("'waiting_on_us'"))
)


class Message(BaseModel):
    """One message of a ticket, from the customer or from staff."""

    ticket = link(Ticket, "messages")
    contact = link(Contact, "messages", null=True)
    staff = link(Staff, "messages", null=True)
    body = TextField()
    internal = BooleanField(default=False, help_text="A note for staff; the customer never sees it.")
    written_at = UtcField()


class Dispute(BaseModel):
    """A customer says that a part of an invoice is wrong: that part is due on no date until it is decided.

    What was asked never changes, and an answer stands.
    """

    OPEN, UPHELD, REJECTED, WITHDRAWN = "open", "upheld", "rejected", "withdrawn"
    MOVES = {OPEN: {UPHELD, REJECTED, WITHDRAWN}}
    WRONG_AMOUNT, NOT_ORDERED, SERVICE_FAULT = "wrong_amount", "not_ordered", "service_fault"
    ALREADY_PAID, OTHER = "already_paid", "other"
    REASONS = (WRONG_AMOUNT, NOT_ORDERED, SERVICE_FAULT, ALREADY_PAID, OTHER)
    PORTAL, PAY_LINK, STAFF = "portal", "pay_link", "staff"

    customer = link(Customer, "disputes")
    invoice = link(Invoice, "disputes")
    line = link(Line, "disputes", null=True, help_text="None: an amount of the whole invoice.")
    contact = link(Contact, "disputes", null=True)
    ticket = link(Ticket, "disputes", null=True)
    key = CharField(max_length=64, null=True, unique=True, help_text="Names the click: once is enough.")
    amount_cents = MoneyField()
    reason = choice("reason", REASONS)
    words = TextField(help_text="Why, as the customer said it.")
    state = choice("state", (OPEN, UPHELD, REJECTED, WITHDRAWN), default=OPEN)
    by = CharField(max_length=300)
    via = choice("via", (PORTAL, PAY_LINK, STAFF))
    opened_on = DayField()
    opened_at = UtcField()
    answer_by_on = DayField(help_text="The day by which we promised an answer.")
    credit = link(Credit, "disputes", null=True)
    due_again_on = DayField(null=True, help_text="When the part is due that was owed after all.")
    decision = TextField(default="", help_text="The reasons, as the customer reads them.")
    decided_by = CharField(max_length=300, default="")
    decided_at = UtcField(null=True)

    class Meta:
        constraints = [
            Check("amount_cents > 0"),
            Check("(state = 'open') = (decided_at IS NULL)"),
            Check("state <> 'upheld' OR credit_id IS NOT NULL"),
            Check("state <> 'rejected' OR due_again_on IS NOT NULL"),
        ]

    def __str__(self):
        return f"Dispute {self.id}"


# A line is in question once at a time.
Dispute.add_index(
    Dispute.index(Dispute.line, name="dispute_of_line", unique=True).where(Dispute.state == SQL("'open'"))
)
# Staff look for what is to be answered next; demands for the invoices that are not due as printed.
Dispute.add_index(
    Dispute.index(Dispute.answer_by_on, name="dispute_open").where(Dispute.state == SQL("'open'"))
)
Dispute.add_index(
    Dispute.index(Dispute.invoice, name="dispute_again").where(
        (Dispute.state == SQL("'open'")) | Dispute.due_again_on.is_null(False)
    )
)


# --------------------------------------------------------------------------------------------------
# Kind ways out: a promise to pay, and a plan of installments. Neither moves money
# --------------------------------------------------------------------------------------------------


class Promise(BaseModel):
    """Somebody said when they will pay: until then nothing asks them again. Decided once, never changed."""

    RUNNING, KEPT, BROKEN, WITHDRAWN = "running", "kept", "broken", "withdrawn"
    MOVES = {RUNNING: {KEPT, BROKEN, WITHDRAWN}}
    PAGE, PHONE, MAIL, STAFF = "page", "phone", "mail", "staff"
    VIA = {PAGE: "On the pay page", PHONE: "By phone", MAIL: "By mail", STAFF: "Told to our staff"}

    customer = link(Customer, "promises")
    invoice = link(Invoice, "promises", null=True, help_text="Empty: everything that was open then.")
    contact = link(Contact, "promises", null=True)
    amount_cents = MoneyField(help_text="What is promised.")
    owed_cents = MoneyField(help_text="What was open of it then.")
    pay_on = DayField(help_text="They pay by this day.")
    words = TextField(default="", help_text="What they said, or what we wrote down.")
    state = choice("state", (RUNNING, KEPT, BROKEN, WITHDRAWN), default=RUNNING)
    via = choice("via", tuple(VIA), default=STAFF, words=VIA)
    by = CharField(max_length=300)
    made_on = DayField()
    made_at = UtcField()
    decided_on = DayField(null=True)
    decided_at = UtcField(null=True)
    reason = CharField(max_length=255, default="", help_text="Why it was withdrawn.")
    seen_at = UtcField(null=True, help_text="When staff looked after a broken one.")
    seen_by = CharField(max_length=80, default="")

    class Meta:
        indexes = ((("customer", "made_on"), False), (("state", "pay_on"), False))
        constraints = [
            Check("amount_cents > 0 AND amount_cents <= owed_cents"),
            Check("pay_on > made_on"),
        ]

    def __str__(self):
        return f"Promise for {self.pay_on:%b %-d, %Y}"


# One promise at a time for an invoice, and one for everything.
Promise.add_index(
    Promise.index(Promise.invoice, name="promise_of_invoice", unique=True).where(
        (Promise.state == SQL("'running'")) & Promise.invoice.is_null(False)
    )
)
Promise.add_index(
    Promise.index(Promise.customer, name="promise_of_all", unique=True).where(
        (Promise.state == SQL("'running'")) & Promise.invoice.is_null()
    )
)


class Plan(BaseModel):
    """An agreement to pay what is open in parts. It moves no money: it only says what is due when.

    ``proposed`` waits for our answer or for the customer's; ``running`` counts for everything that asks when
    something is due. Broken or ended, the dates of the invoices count again.
    """

    PROPOSED, RUNNING, KEPT, BROKEN = "proposed", "running", "kept", "broken"
    ENDED, REFUSED = "ended", "refused"
    STATES = (PROPOSED, RUNNING, KEPT, BROKEN, ENDED, REFUSED)
    MOVES = {PROPOSED: {RUNNING, REFUSED}, RUNNING: {KEPT, BROKEN, ENDED}}
    US, CUSTOMER = "us", "customer"
    WAITS = {US: "For our answer", CUSTOMER: "For the customer's answer"}
    PAGE, PHONE, MAIL, STAFF = "page", "phone", "mail", "staff"
    VIA = {PAGE: "On the pay page", PHONE: "By phone", MAIL: "By mail", STAFF: "By our staff"}

    key = CharField(max_length=64, unique=True, help_text="Of the press of the button: two clicks are one.")
    customer = link(Customer, "plans")
    contact = link(Contact, "plans", null=True, help_text="Who agreed, or is asked to.")
    ticket = link(Ticket, "plans", null=True, help_text="Where we talk about a proposal.")
    replaces = ForeignKeyField(
        "self", backref="replaced_by", null=True, on_delete="RESTRICT",
        help_text="The proposal that this one answers.",
    )  # fmt: skip
    state = choice("state", STATES, default=PROPOSED)
    waits_for = choice("waits_for", tuple(WAITS), default=US, words=WAITS)
    amount_cents = MoneyField()
    count = IntegerField(help_text="Number of payments.")
    fee_cents = MoneyField(default=0, help_text="Always nothing.")
    autopay = BooleanField(default=False, help_text="The parts are charged by themselves.")
    via = choice("via", tuple(VIA), default=STAFF, words=VIA)
    by = CharField(max_length=300)
    words = TextField(default="", help_text="What the customer wrote to us.")
    outside = CharField(max_length=255, default="", help_text="Why it could not be agreed at once.")
    override_by = CharField(max_length=80, default="", help_text="The owner who allowed more payments.")
    proposed_on = DayField()
    proposed_at = UtcField()
    agreed_on = DayField(null=True)
    agreed_at = UtcField(null=True)
    name = CharField(max_length=80, default="", help_text="As it was typed.")
    ip = CharField(max_length=45, default="", verbose_name="Network address")
    browser = CharField(max_length=255, default="")
    signed_at = UtcField(null=True)
    text = TextField(default="", help_text="Every word of the agreement.")
    text_sha256 = CharField(max_length=64, default="", help_text="SHA-256 of those words.")
    language = with_default(
        choice("language", ("en", "es"), default="en", words={"en": "English", "es": "Spanish"}), "en"
    )
    missed_on = DayField(null=True, help_text="When a part had been missed beyond its grace.")
    repair_by_on = DayField(null=True, help_text="The last day to put it right.")
    repaired_on = DayField(null=True, help_text="When a missed part was put right: that is possible once.")
    ended_on = DayField(null=True)
    ended_at = UtcField(null=True)
    ended_by = CharField(max_length=300, default="")
    reason = CharField(max_length=255, default="", help_text="Why it ended, or was refused.")
    seen_at = UtcField(null=True, help_text="When staff looked after a broken one.")
    seen_by = CharField(max_length=80, default="")

    class Meta:
        indexes = ((("customer", "state"), False),)
        constraints = [
            Check("amount_cents > 0"),
            Check("fee_cents = 0"),
            Check("count BETWEEN 1 AND 24"),
            Check("count <= 4 OR override_by <> '' OR state IN ('proposed', 'refused')"),
            Check(
                "state IN ('proposed', 'refused') OR "
                "(agreed_at IS NOT NULL AND signed_at IS NOT NULL AND text_sha256 <> '')"
            ),
        ]

    def __str__(self):
        return f"Plan {self.id}"


# The daily job looks through what runs.
Plan.add_index(Plan.index(Plan.customer, name="plan_running").where(Plan.state == SQL("'running'")))


class PlanInvoice(BaseModel):
    """One invoice of a plan, and how much of it was open when the plan was written."""

    plan = link(Plan, "plan_invoices")
    invoice = link(Invoice, "plan_invoices")
    amount_cents = MoneyField()
    active = BooleanField(default=False, help_text="The plan counts for this invoice now.")

    class Meta:
        table_name = "plan_invoice"
        indexes = ((("plan", "invoice"), True),)
        constraints = [Check("amount_cents > 0")]


# An invoice is in one running plan at most.
PlanInvoice.add_index(
    PlanInvoice.index(PlanInvoice.invoice, name="plan_invoice_active", unique=True).where(PlanInvoice.active)
)


class Installment(BaseModel):
    """One payment of a plan: its day and its amount. The day may be moved once."""

    plan = link(Plan, "installments")
    number = IntegerField()
    due_on = DayField()
    amount_cents = MoneyField()
    moved_from_on = DayField(null=True, help_text="Its day before it was moved.")

    class Meta:
        indexes = ((("plan", "number"), True), (("due_on",), False))
        constraints = [Check("amount_cents > 0"), Check("number BETWEEN 1 AND 24")]

    def __str__(self):
        return f"Installment {self.number} of plan {self.plan_id}"


class InstallmentPart(BaseModel):
    """What of an installment belongs to which invoice; the oldest are paid down first."""

    installment = link(Installment, "parts")
    invoice = link(Invoice, "installment_parts")
    amount_cents = MoneyField()

    class Meta:
        table_name = "installment_part"
        indexes = ((("installment", "invoice"), True),)
        constraints = [Check("amount_cents > 0")]


class ServiceCredit(BaseModel):
    """Days on which a service did not work and was paid for: proposed by itself, decided by a person."""

    PROPOSED, GIVEN, REFUSED = "proposed", "given", "refused"
    MOVES = {PROPOSED: {GIVEN, REFUSED}}

    customer = link(Customer, "service_credits")
    ticket = link(Ticket, "service_credits")
    charge = link(Charge, "service_credits")
    line = link(Line, "service_credits", null=True, help_text="The line that billed these days.")
    state = choice("state", (PROPOSED, GIVEN, REFUSED), default=PROPOSED)
    from_on = DayField()
    to_on = DayField()
    days = IntegerField()
    of_days = IntegerField(help_text="Days of the whole period.")
    cents = MoneyField()
    proposed_at = UtcField()
    credit = link(Credit, "service_credits", null=True, unique=True)
    reason = CharField(max_length=255, default="", help_text="Why it was refused.")
    decided_by = CharField(max_length=80, default="")
    decided_at = UtcField(null=True)

    class Meta:
        table_name = "service_credit"
        indexes = ((("ticket", "charge", "from_on"), True),)
        constraints = [
            Check("cents > 0 AND days > 0 AND days <= of_days"),
            Check("to_on >= from_on"),
            Check("(state = 'given') = (credit_id IS NOT NULL)"),
            Check("(state = 'proposed') = (decided_at IS NULL)"),
            Check("state <> 'refused' OR reason <> ''"),
        ]

    def __str__(self):
        return f"Service credit {self.id}"


ServiceCredit.add_index(
    ServiceCredit.index(ServiceCredit.ticket, name="service_credit_proposed").where(
        ServiceCredit.state == SQL("'proposed'")
    )
)


class ReminderPolicy(Editable):
    """When a customer hears of an invoice that is open. The most specific one counts, as a whole.

    For one invoice, else one customer, else a group; without any of them it is the company's.
    """

    name = CharField(max_length=80)
    customer_group = link(CustomerGroup, "reminder_policies", null=True)
    customer = link(Customer, "reminder_policies", null=True)
    invoice = link(Invoice, "reminder_policies", null=True)
    active = BooleanField(default=True, help_text="Unticked: as if it were not there.")
    note = CharField(max_length=255, default="", help_text="Why it is different.")

    class Meta:
        table_name = "reminder_policy"
        constraints = [
            Check(
                "(customer_group_id IS NULL AND customer_id IS NULL) OR "
                "(customer_group_id IS NULL AND invoice_id IS NULL) OR "
                "(customer_id IS NULL AND invoice_id IS NULL)"
            )
        ]

    def __str__(self):
        return self.name


for _field in (ReminderPolicy.customer_group, ReminderPolicy.customer, ReminderPolicy.invoice):
    ReminderPolicy.add_index(
        ReminderPolicy.index(_field, name=f"reminder_policy_of_{_field.name}", unique=True).where(
            ReminderPolicy.active & _field.is_null(False)
        )
    )
ReminderPolicy.add_index(
    ReminderPolicy.index(ReminderPolicy.active, name="reminder_policy_of_company", unique=True).where(
        ReminderPolicy.active
        & ReminderPolicy.customer_group.is_null()
        & ReminderPolicy.customer.is_null()
        & ReminderPolicy.invoice.is_null()
    )
)


class ReminderStep(Editable):
    """One step of a policy: what happens so many days before or after the due date."""

    REMIND, REMIND_TODAY, CHECK_IN, LATE, PERSON = "remind", "remind_today", "check_in", "late", "person"
    ACTS = {
        REMIND: "Remind that it falls due soon",
        REMIND_TODAY: "Remind that it is due today",
        CHECK_IN: "Draft a personal mail for somebody to read and send",
        LATE: "Say that it is past due",
        PERSON: "No more messages: a person looks at it",
    }

    policy = link(ReminderPolicy, "steps")
    days = IntegerField(help_text="From the due date: -3 is three days before, 0 on the day, 15 after it.")
    act = choice("act", tuple(ACTS), words=ACTS)
    active = BooleanField(default=True, help_text="Unticked: this step rests.")

    class Meta:
        table_name = "reminder_step"
        indexes = ((("policy", "days"), True),)
        constraints = [
            Check("days BETWEEN -30 AND 365"),
            Check("(act = 'remind') = (days < 0)"),
            Check("(act = 'remind_today') = (days = 0)"),
        ]

    def __str__(self):
        return f"{self.ACTS.get(self.act, self.act)} ({self.days:+d})"


class Template(BaseModel):
    """One version of what a kind of message says, on one channel and in one language.

    Version 0 is no row: it is the file of templates/mail or templates/text. What was in force stays; going
    back is a new version with an older text.
    """

    DRAFT, ACTIVE, RETIRED = "draft", "active", "retired"
    STATES = (DRAFT, ACTIVE, RETIRED)
    MOVES = {DRAFT: {ACTIVE, RETIRED}, ACTIVE: {RETIRED}}
    MAIL, TEXT = "mail", "text"

    kind = CharField(max_length=30, help_text="The kind of message, as notices have it.")
    channel = choice("channel", (MAIL, TEXT))
    language = choice("language", ("en", "es"), words={"en": "English", "es": "Spanish"})
    version = IntegerField(constraints=[Check("version > 0")])
    state = choice("state", STATES, default=DRAFT)
    subject = CharField(max_length=500, default="")
    body = TextField()
    note = CharField(max_length=255, default="", help_text="What was changed, and why.")
    made_by = CharField(max_length=80)
    made_at = UtcField()
    activated_by = CharField(max_length=80, default="")
    activated_at = UtcField(null=True)
    failed_at = UtcField(null=True, help_text="When it last could not be written for a real message.")
    failure = CharField(max_length=255, default="", help_text="Why; an older text was sent instead.")

    class Meta:
        indexes = ((("kind", "channel", "language", "version"), True),)

    def __str__(self):
        return f"{self.kind.replace('_', ' ').capitalize()} ({self.channel}, {self.language}) {self.version}"


# One text is in force for each kind, channel and language.
Template.add_index(
    Template.index(
        Template.kind, Template.channel, Template.language, unique=True, name="template_in_force"
    ).where(Template.state == SQL("'active'"))
)


class Notice(BaseModel):
    """Every message that we sent or will send: the outbox and the history in one row each."""

    QUEUED, SENDING, SENT, PRINT, FAILED, SKIPPED = "queued", "sending", "sent", "print", "failed", "skipped"
    DRAFT, JOINED, HELD = "draft", "joined", "held"  # held: the gate is shut, it waits
    STATES = (QUEUED, SENDING, SENT, PRINT, FAILED, SKIPPED, DRAFT, JOINED, HELD)
    MOVES = {
        DRAFT: {QUEUED, SKIPPED},
        QUEUED: {SENDING, SKIPPED, JOINED, HELD},
        SENDING: {SENT, PRINT, QUEUED, FAILED, SKIPPED, JOINED, HELD},
        PRINT: {SENT, SKIPPED, HELD},
        HELD: {QUEUED, DRAFT, SKIPPED},
        FAILED: {QUEUED},
        JOINED: {QUEUED, FAILED},
    }
    MAIL, PAPER, TEXT = "mail", "paper", "text"
    CHANNELS = (MAIL, PAPER, TEXT)
    INVOICE, REMINDER, RECEIPT, PAYMENT_PROBLEM = "invoice", "reminder", "receipt", "payment_problem"
    SIGN_IN, FRESH_LINK, TICKET_REPLY, CONTACT_CHANGED = (
        "sign_in",
        "fresh_link",
        "ticket_reply",
        "contact_changed",
    )
    AUTOPAY_ON, AUTOPAY_OFF, UPCOMING_CHARGE = "autopay_on", "autopay_off", "upcoming_charge"
    CHARGE_POSTPONED, CHARGE_DECLINED, ABOVE_CAP = "charge_postponed", "charge_declined", "above_cap"
    METHOD_EXPIRING, METHOD_PROBLEM, METHOD_CHANGED = "method_expiring", "method_problem", "method_changed"
    REFUND = "refund"
    OVERDUE, CHECK_IN, DIGEST = "overdue", "check_in", "digest"
    RENEWAL, YEARLY_REMINDER, PRICE_CHANGE = "renewal", "yearly_reminder", "price_change"
    CONTRACT_ANSWERED, CONTRACT_ENDED = "contract_answered", "contract_ended"
    CONSENT_CONFIRM, TEXT_REPLY = "consent_confirm", "text_reply"
    TICKET_RECEIVED, TICKET_CLOSED = "ticket_received", "ticket_closed"
    DISPUTE_RECEIVED, DISPUTE_DECIDED = "dispute_received", "dispute_decided"
    PROMISE, PLAN_AGREED, PLAN_MISSED, PLAN_ENDED = "promise", "plan_agreed", "plan_missed", "plan_ended"
    CREDIT_GIVEN, LATE_FEE = "credit_given", "late_fee"
    SUSPENSION_WARNING, SUSPENDED, REINSTATED = "suspension_warning", "suspended", "reinstated"
    HANDED_OVER, INVOICE_CANCELED = "handed_over", "invoice_canceled"
    KINDS = (
        INVOICE, REMINDER, RECEIPT, PAYMENT_PROBLEM, SIGN_IN, FRESH_LINK, TICKET_REPLY, CONTACT_CHANGED,
        AUTOPAY_ON, AUTOPAY_OFF, UPCOMING_CHARGE, CHARGE_POSTPONED, CHARGE_DECLINED, ABOVE_CAP,
        METHOD_EXPIRING, METHOD_PROBLEM, METHOD_CHANGED, REFUND, OVERDUE, CHECK_IN, DIGEST, RENEWAL,
        YEARLY_REMINDER, PRICE_CHANGE, CONTRACT_ANSWERED, CONTRACT_ENDED, CONSENT_CONFIRM, TEXT_REPLY,
        TICKET_RECEIVED, TICKET_CLOSED, DISPUTE_RECEIVED, DISPUTE_DECIDED, PROMISE, PLAN_AGREED, PLAN_MISSED,
        PLAN_ENDED, CREDIT_GIVEN, LATE_FEE, SUSPENSION_WARNING, SUSPENDED, REINSTATED, HANDED_OVER,
        INVOICE_CANCELED,
    )  # fmt: skip
    # What a gap, quiet hours and quiet days are kept for, and what never leaves while somebody waits for us.
    COLLECTION = GATED = (OVERDUE, CHECK_IN, PLAN_MISSED, LATE_FEE, SUSPENSION_WARNING, HANDED_OVER)
    ONCE_AT_MOST = (REMINDER, OVERDUE, CHECK_IN, DIGEST)  # rather lost than said twice

    key = CharField(max_length=100, unique=True, help_text="Kind, subject, recipient and step: sent once.")
    kind = choice("kind", KINDS)
    channel = choice("channel", CHANNELS, default=MAIL)
    state = choice("state", STATES, default=QUEUED)
    event = with_default(
        CharField(max_length=30, default="", help_text="The choice of preferences that it belongs to."), ""
    )
    legal = with_default(
        BooleanField(default=False, help_text="Law or contract wants it: it is never left out."), "0"
    )
    customer = link(Customer, "notices")
    contact = link(Contact, "notices", null=True)
    invoice = link(Invoice, "notices", null=True)
    payment = link(Payment, "notices", null=True, index=False)
    ticket_message = link(Message, "notices", null=True, index=False)
    autopay = link(Autopay, "notices", null=True, index=False)
    method = link(PaymentMethod, "notices", null=True, index=False)
    refund = link(Refund, "notices", null=True, index=False)
    contract = link(Contract, "notices", null=True, index=False)
    price_change = link(PriceChange, "notices", null=True, index=False)
    dispute = link(Dispute, "notices", null=True, index=False)
    promise = link(Promise, "notices", null=True, index=False)
    plan = link(Plan, "notices", null=True, index=False)
    installment = link(Installment, "notices", null=True, index=False)
    credit = link(Credit, "notices", null=True, index=False)
    late_fee = link(LateFee, "notices", null=True, index=False)
    suspension = link(Suspension, "notices", null=True, index=False)
    handover = link(Handover, "notices", null=True, index=False)
    charge_on = DayField(null=True, help_text="The day of the charge that it announces.")
    step = IntegerField(null=True, help_text="Of reminders: days from the due date.")
    joined = ForeignKeyField(
        "self", backref="said_too", null=True, index=False, on_delete="RESTRICT",
        help_text="The message that said it.",
    )  # fmt: skip
    words = with_default(TextField(default="", help_text="What the person who signed it wrote."), "")
    staff = link(Staff, "notices", null=True, index=False, help_text="Who read and signed it.")
    address = CharField(max_length=255, default="", help_text="Where it went.")
    why = CharField(max_length=255, help_text="Why it was sent, in words for the recipient.")
    subject = CharField(max_length=255, default="")
    body_text = TextField(default="", help_text="As sent; the secret part of links is left out.")
    body_html = TextField(default="")
    template = link(
        Template, "notices", null=True, index=False, help_text="The text it was written by; none: our own."
    )
    text_sha256 = with_default(
        CharField(max_length=64, default="", help_text="Of that text, subject and body."), ""
    )
    message_id = CharField(max_length=120, default="")
    pages = IntegerField(null=True, help_text="Printed pages.")
    certified_number = with_default(CharField(max_length=40, default="", help_text="Of certified mail."), "")
    bounced_at = UtcField(null=True, help_text="When it came back.")
    bounce_code = with_default(CharField(max_length=20, default=""), "")
    bounce_text = with_default(CharField(max_length=255, default=""), "")
    reason = CharField(max_length=255, default="", help_text="Why it was skipped or failed.")
    tries = IntegerField(default=0)
    send_at = UtcField(help_text="Not before.")
    claimed_at = UtcField(null=True)
    sent_at = UtcField(null=True)
    held_at = UtcField(null=True, help_text="Since when the gate has kept it back.")
    released_at = UtcField(null=True, help_text="When the gate let it go on.")
    created_at = UtcField()

    class Meta:
        indexes = ((("customer", "created_at"), False), (("customer", "sent_at"), False))

    def __str__(self):
        what = dict(type(self).kind.choices)[self.kind]
        return f"{what} to {self.address}" if self.address else f"{what} on paper"


# The sender looks for what is queued, oldest first; staff for drafts.
Notice.add_index(
    Notice.index(Notice.send_at, name="notice_waiting").where(
        Notice.state << [SQL("'queued'"), SQL("'sending'")]
    )
)
Notice.add_index(
    Notice.index(Notice.contact, name="notice_of_contact_waiting").where(
        Notice.state << [SQL("'queued'"), SQL("'sending'"), SQL("'draft'")]
    )
)
# What the gate keeps back, and where it let the steps of an invoice go on.
Notice.add_index(Notice.index(Notice.customer, name="notice_held").where(Notice.state == SQL("'held'")))
Notice.add_index(
    Notice.index(Notice.invoice, name="notice_released").where(Notice.released_at.is_null(False))
)
# What a message is about: most of it is empty, and empty entries made every step of sending slow.
for _about in (
    Notice.payment, Notice.ticket_message, Notice.autopay, Notice.method, Notice.refund, Notice.contract,
    Notice.price_change, Notice.dispute, Notice.promise, Notice.plan, Notice.installment, Notice.credit,
    Notice.late_fee, Notice.suspension, Notice.handover, Notice.joined, Notice.staff, Notice.template,
):  # fmt: skip
    Notice.add_index(Notice.index(_about, name=f"notice_{_about.column_name}").where(_about.is_null(False)))
# What waits for paper.
Notice.add_index(Notice.index(Notice.id, name="notice_to_print").where(Notice.state == SQL("'print'")))


class Citation(BaseModel):
    """A record that a personal mail tells of, as it was when somebody read and signed it. Never changed."""

    notice = link(Notice, "citations")
    about_table = CharField(max_length=40)
    about_id = IntegerField()
    at = UtcField(null=True, help_text="When it happened.")
    sentence = CharField(max_length=255, help_text="What the person who signed it read of it.")

    class Meta:
        indexes = ((("notice", "about_table", "about_id"), True),)

    def __str__(self):
        return self.sentence


class Offer(BaseModel):
    """A way out that a personal mail brought, within what its sender may grant. Never changed."""

    DATE, INSTALLMENTS, GOODWILL = "date", "installments", "goodwill"
    SERVICE_CREDIT, FEE = "service_credit", "fee"
    WORDS = {
        DATE: "Another date",
        INSTALLMENTS: "Installments",
        GOODWILL: "Goodwill credit",
        SERVICE_CREDIT: "Credit for the fault",
        FEE: "Late fee waived",
    }

    notice = link(Notice, "offers")
    kind = choice("kind", tuple(WORDS), words=WORDS)
    amount_cents = MoneyField(null=True, help_text="What was given at once.")
    invoice = link(Invoice, "offers", null=True)
    credit = link(Credit, "offers", null=True)
    reason = CharField(max_length=255, default="")
    staff = link(Staff, "offers")
    made_at = UtcField()

    class Meta:
        indexes = ((("notice", "kind"), True),)

    def __str__(self):
        return self.WORDS[self.kind]


class GateOverride(BaseModel):
    """Two people let something pass that the gate keeps back, knowing why it does. Never changed.

    It counts for what stood against it when it was asked for; whatever came later shuts the gate again.
    """

    customer = link(Customer, "gate_overrides")
    notice = link(Notice, "gate_overrides", null=True)
    invoice = link(Invoice, "gate_overrides", null=True)
    what = CharField(max_length=30, help_text="The kind of the message, or what is done to the customer.")
    reason = CharField(max_length=255, help_text="Why it may pass.")
    sentences = TextField(help_text="What stood against it, as both of them read it.")
    covers_at = UtcField(help_text="It counts for what was so at this instant.")
    approval = link(Approval, "gate_overrides", unique=True)
    made_at = UtcField()

    class Meta:
        table_name = "gate_override"

    def __str__(self):
        return f"Let pass: {self.reason}"


class PrintBatch(BaseModel):
    """Letters that are printed and brought to the post together: one file, in the order of envelopes."""

    ORDERED, MADE, PRINTED, MAILED, EMPTY = "ordered", "made", "printed", "mailed", "empty"
    STATES = (ORDERED, MADE, PRINTED, MAILED, EMPTY)
    MOVES = {ORDERED: {MADE, EMPTY}, MADE: {PRINTED}, PRINTED: {MAILED}}

    state = choice("state", STATES, default=ORDERED, words={"ordered": "Being made", "empty": "Left empty"})
    ordered_by = CharField(max_length=80)
    ordered_at = UtcField()
    claimed_at = UtcField(null=True, help_text="Since when somebody draws it.")
    trouble = CharField(max_length=255, default="", help_text="What kept it from being made.")
    pieces = IntegerField(default=0, help_text="Envelopes.")
    pages = IntegerField(default=0, help_text="Printed pages, without the cover sheet.")
    sheets = IntegerField(default=0, help_text="Sheets of paper, without the cover sheet.")
    sha256 = CharField(max_length=64, default="", help_text="Fingerprint of the file.")
    made_at = UtcField(null=True)
    printed_by = CharField(max_length=80, default="")
    printed_at = UtcField(null=True)
    mailed_on = DayField(null=True)
    mailed_by = CharField(max_length=80, default="")
    mailed_at = UtcField(null=True)

    class Meta:
        constraints = [Check("state <> 'mailed' OR mailed_on IS NOT NULL")]

    def __str__(self):
        return f"Batch {self.id}"


# One at a time is being made: two clicks are one order.
PrintBatch.add_index(
    PrintBatch.index(PrintBatch.state, name="print_batch_ordered", unique=True).where(
        PrintBatch.state == SQL("'ordered'")
    )
)


class PrintFile(BaseModel):
    """The PDF of a batch, for as long as it may be needed: the pay links printed in it are secrets."""

    batch = link(PrintBatch, "files", unique=True)
    pdf = BlobField(null=True)
    forgotten_at = UtcField(null=True)


class PrintPiece(BaseModel):
    """One envelope of a batch. A letter is in one batch at most, until it is taken out of it."""

    batch = link(PrintBatch, "contents")
    notice = link(Notice, "print_pieces")
    place = IntegerField(null=True, help_text="In the order of the file, from 1.")
    first_page = IntegerField(null=True, help_text="Where it begins in the file.")
    pages = IntegerField(null=True)
    certified = BooleanField(default=False, help_text="Goes as certified mail.")
    out_at = UtcField(null=True)
    out_by = CharField(max_length=80, default="")
    out_reason = CharField(max_length=255, default="", help_text="Why it was left or taken out.")

    class Meta:
        indexes = ((("batch", "place"), True),)

    def __str__(self):
        return f"Piece {self.place or self.id} of batch {self.batch_id}"

    @property
    def sheets(self):
        """Sheets of paper, printed on both sides."""
        return ((self.pages or 0) + 1) // 2


PrintPiece.add_index(
    PrintPiece.index(PrintPiece.notice, name="print_piece_in_one", unique=True).where(
        PrintPiece.out_at.is_null()
    )
)


class Link(BaseModel):
    """A capability: who holds the token may do one thing. Only its hash is kept."""

    PAY, PREFERENCES, SIGN_IN, SESSION = "pay", "preferences", "sign_in", "session"
    CONSENT, CALENDAR, ANSWER = "consent", "calendar", "answer"

    purpose = choice("purpose", (PAY, PREFERENCES, SIGN_IN, SESSION, CONSENT, CALENDAR, ANSWER))
    token_hash = CharField(max_length=64, unique=True)
    code_hash = CharField(
        max_length=64, default="", help_text="Hash of the digits of a mail, or of the code on paper."
    )
    tries = IntegerField(default=0, help_text="Wrong codes so far.")
    customer = link(Customer, "links")
    contact = link(Contact, "links", null=True)
    invoice = link(Invoice, "links", null=True)
    notice = link(Notice, "links", null=True, help_text="The message it was in, when that told of several.")
    shows = with_default(
        CharField(max_length=255, default="", help_text="Of a calendar: what stands in it."), ""
    )
    created_at = UtcField()
    expires_at = UtcField()
    used_at = UtcField(null=True)
    revoked_at = UtcField(null=True)
    carried_by = link(Notice, "carried", null=True, help_text="The message that it was sent with.")

    class Meta:
        indexes = ((("customer", "purpose"), False),)


# A code on paper opens what its link opens.
Link.add_index(
    Link.index(Link.code_hash, name="link_pay_code").where(
        (Link.purpose == SQL("'pay'")) & (Link.code_hash != SQL("''"))
    )
)


class CodeGuess(BaseModel):
    """A code from paper that was typed wrong, kept for a day: so that nobody tries them all."""

    network_hash = CharField(max_length=64, help_text="From where, keyed: no address.")
    at = UtcField(index=True)

    class Meta:
        indexes = ((("network_hash", "at"), False),)

    def __str__(self):
        return "A wrong code"


class Sighting(BaseModel):
    """A person had something of ours before them: evidence that it was opened. Never a mail scanner.

    What counts stands in billing/sightings.py. One for each way in, thing and day.
    """

    INVOICE, TOGETHER, PREFERENCES, CONTRACT = "invoice", "together", "preferences", "contract"
    LOOKED, ACTED = "looked", "acted"

    key = CharField(max_length=120, unique=True, help_text="Way in, thing and day: noted once.")
    customer = link(Customer, "sightings")
    contact = link(Contact, "sightings", null=True)
    link = link(Link, "sightings", null=True, help_text="How they came in; none: signed in.")
    notice = ForeignKeyField(
        Notice, backref="sightings", null=True, on_delete="RESTRICT", help_text="The message that was opened."
    )
    invoice = ForeignKeyField(Invoice, backref="sightings", null=True, on_delete="RESTRICT")
    contract = ForeignKeyField(Contract, backref="sightings", null=True, on_delete="RESTRICT")
    page = choice("page", (INVOICE, TOGETHER, PREFERENCES, CONTRACT))
    how = choice("how", (LOOKED, ACTED), words={"looked": "Looked at", "acted": "Did something there"})
    at = UtcField()
    browser = CharField(max_length=255, default="")

    class Meta:
        indexes = ((("customer", "at"), False),)

    def __str__(self):
        return f"{self.page.capitalize()} opened"


class Inbound(BaseModel):
    """What came to us by mail or text, and what became of it. Each message once, none is dropped."""

    MAIL, TEXT = "mail", "text"
    REPLY, BOUNCE, COMPLAINT, AUTOMATIC = "reply", "bounce", "complaint", "automatic"
    STOP, START, HELP, UNKNOWN = "stop", "start", "help", "unknown"
    WAITING, HANDLED = "waiting", "handled"
    MOVES = {WAITING: {HANDLED}}

    channel = choice("channel", (MAIL, TEXT), default=MAIL)
    source_id = CharField(max_length=120, unique=True, help_text="Of the message itself: it is taken once.")
    kind = choice("kind", (REPLY, BOUNCE, COMPLAINT, AUTOMATIC, STOP, START, HELP, UNKNOWN), default=UNKNOWN)
    state = choice("state", (WAITING, HANDLED), default=WAITING)
    sender = CharField(max_length=255, default="")
    recipient = CharField(max_length=255, default="")
    subject = CharField(max_length=255, default="")
    body = TextField(default="", help_text="As it came, quotes included; very long ones are cut.")
    attachments = TextField(default="", help_text="Names and sizes; the files stay in the mailbox.")
    received_at = UtcField()
    noted_at = UtcField(null=True, help_text="When we learned of it, where that was later.")
    notice = link(Notice, "answers", null=True, help_text="The message that it answers.")
    customer = link(Customer, "inbound", null=True)
    contact = link(Contact, "inbound", null=True)
    ticket = link(Ticket, "inbound", null=True)
    result = CharField(max_length=255, default="", help_text="What became of it, or why it waits.")
    handled_at = UtcField(null=True)
    handled_by = CharField(max_length=80, default="")

    class Meta:
        indexes = ((("sender", "received_at"), False),)

    def __str__(self):
        return self.subject or f"{self.channel.capitalize()} from {self.sender}"


# What waits for a person, oldest first.
Inbound.add_index(
    Inbound.index(Inbound.received_at, name="inbound_waiting").where(Inbound.state == SQL("'waiting'"))
)


class Attachment(BaseModel):
    """A file that came with a message, as its content was found to be. The file itself is on disk.

    What came by mail belongs to the mail until somebody says whose it is.
    """

    JPEG, PNG, PDF, TEXT = KINDS = ("image/jpeg", "image/png", "application/pdf", "text/plain")

    message = link(Message, "attachments", null=True)
    inbound = link(Inbound, "files", null=True, help_text="The mail that it came with.")
    name = CharField(max_length=120, help_text="As the sender called it.")
    kind = choice("kind", KINDS, words={kind: kind for kind in KINDS})
    size = IntegerField(help_text="Bytes.")
    sha256 = CharField(max_length=64)
    stored_as = CharField(max_length=80, help_text="Its path below the folder of files.")
    width = IntegerField(null=True)
    height = IntegerField(null=True)
    made_at = UtcField()

    class Meta:
        constraints = [Check("message_id IS NOT NULL OR inbound_id IS NOT NULL")]

    def __str__(self):
        return self.name


class CannedReply(Editable):
    """An answer that staff give often: chosen in the answer form, then made one's own."""

    title = CharField(max_length=80)
    body = TextField(help_text="{name} becomes the customer's first name, {me} your own name.")
    kind = choice("kind", Ticket.KINDS, null=True, help_text="Empty: for every kind of ticket.")
    language = choice("language", ("en", "es"), default="en", words={"en": "English", "es": "Spanish"})
    active = BooleanField(default=True)

    def __str__(self):
        return self.title


class Feed(BaseModel):
    """The heartbeat of a source of evidence: while it is silent, we cannot know what customers told us."""

    name = CharField(max_length=40, unique=True)
    tried_at = UtcField(null=True, help_text="When somebody last began to read it.")
    beat_at = UtcField(null=True, help_text="When it was last read to its end.")
    limit_minutes = IntegerField(default=30, help_text="Silent for longer, it is not trusted.")
    trouble = CharField(max_length=255, default="", help_text="Why it could not be read.")
    watched = with_default(
        BooleanField(default=True, help_text="While it is silent, no late notice leaves."), True
    )

    def __str__(self):
        return self.name


# --------------------------------------------------------------------------------------------------
# The phone, and what staff note
# --------------------------------------------------------------------------------------------------


class Call(BaseModel):
    """One call, in or out, as it was; and what is still to be done about it. Never changed, never deleted.

    ``waits``: somebody waits for us because of it. While it is ``to_call`` and waits, nothing past due is
    asked of its customer.
    """

    IN, OUT = "in", "out"
    ANSWERED, MISSED, VOICEMAIL = "answered", "missed", "voicemail"
    NO_ANSWER, BUSY, WRONG_NUMBER = "no_answer", "busy", "wrong_number"
    OUTCOMES = (ANSWERED, MISSED, VOICEMAIL, NO_ANSWER, BUSY, WRONG_NUMBER)
    TO_CALL, DONE = "to_call", "done"
    MOVES = {TO_CALL: {DONE}}

    customer = link(Customer, "calls", null=True, help_text="Nobody yet: whose call was it?")
    contact = link(Contact, "calls", null=True)
    number = CharField(max_length=40, default="", help_text="Of the other side. Empty: withheld.")
    caller = CharField(max_length=80, default="", help_text="The name that the phone system showed.")
    direction = choice("direction", (IN, OUT), words={IN: "They called", OUT: "We called"})
    outcome = choice("outcome", OUTCOMES, words={WRONG_NUMBER: "Wrong number", NO_ANSWER: "No answer"})
    started_at = UtcField(index=True)
    seconds = IntegerField(null=True, help_text="How long it was.")
    note = TextField(default="")
    next_step = CharField(max_length=255, default="", help_text="What was agreed to do.")
    next_on = DayField(null=True, help_text="When that is to be done.")
    waits = BooleanField(default=False, help_text="Somebody waits for us because of it.")
    staff = link(Staff, "calls", null=True, help_text="Who spoke.")
    by = CharField(max_length=80)
    source = CharField(max_length=40, help_text="Staff, or the system that it came from.")
    source_id = CharField(max_length=120, help_text="Its name there: it is taken once.")
    logged_at = UtcField()
    ticket = link(Ticket, "calls", null=True)
    state = choice("state", (TO_CALL, DONE), default=DONE, words={TO_CALL: "To do"})
    done_at = UtcField(null=True)
    done_by = CharField(max_length=80, default="")
    done_how = CharField(max_length=255, default="", help_text="What was done about it.")
    done_with = ForeignKeyField(
        "self", backref="settled", null=True, on_delete="RESTRICT", help_text="The call that settled it."
    )

    class Meta:
        indexes = (
            (("source", "source_id"), True),
            (("customer", "started_at"), False),
            (("number", "started_at"), False),
        )
        constraints = [
            Check("seconds IS NULL OR seconds >= 0"),
            Check("next_on IS NULL OR next_step <> ''"),
        ]

    def __str__(self):
        way = dict(type(self).direction.choices)[self.direction]
        return f"{way}, {dict(type(self).outcome.choices)[self.outcome].lower()}"


# Whom to call back, and whether a customer waits for a call.
Call.add_index(Call.index(Call.customer, name="call_to_call").where(Call.state == SQL("'to_call'")))


class Note(BaseModel):
    """What staff wrote down about a customer, for colleagues. Its words stay as they were written."""

    customer = link(Customer, "notes")
    invoice = link(Invoice, "notes", null=True)
    ticket = link(Ticket, "notes", null=True)
    body = TextField()
    pinned = BooleanField(default=False, help_text="It stands above the others.")
    by = CharField(max_length=80)
    at = UtcField()

    def __str__(self):
        return self.body if len(self.body) < 60 else f"{self.body[:59]}…"


# --------------------------------------------------------------------------------------------------
# Contract ends: the law as data, the notices it asks for, and what became of each term
# --------------------------------------------------------------------------------------------------


class RenewalRule(BaseModel):
    """One version of one rule about renewals, as data that staff change by a new version.

    Days count back from ``anchor``. Once it is active its text stands: proofs point at it years later.
    People read ``title_of`` or ``called``: a code that is no citation says nothing to them.
    """

    HOUSE, HOUSE_PRICE = "ZZ-DEFAULT", "HOUSE-P"  # where no law speaks
    HOUSE_TITLE, HOUSE_WORDS = "No statute found: company practice", "company practice"
    DRAFT, ACTIVE, RETIRED = "draft", "active", "retired"
    CONSUMER, BUSINESS, ANY = "consumer", "business", "any"
    TERM, CONTINUOUS, PRICE_CHANGE, LEASE, LIMIT = "term", "continuous", "price_change", "lease", "limit"
    DEADLINE, RENEWAL, SERVED, EFFECTIVE, YEAR = "deadline", "renewal", "served", "effective", "calendar_year"
    EARLIER, EARLIER_END = "deadline_or_renewal", "deadline_or_end"
    EACH, YEARLY, FIRST_THEN_YEARLY = "each", "yearly", "first_then_yearly"
    OVER_A_YEAR = "first_over_12m_then_yearly"
    REQUEST, DISCLOSURE = "request", "disclosure"
    CONSEQUENCES = {
        "courtesy": "None by law: it is a courtesy of ours", "forbidden_over_1m": "Over a month is forbidden",
        "cap_12m": "At most a year at a time", "void": "The renewal is void",
        "voidable": "The customer may void the renewal", "unenforceable": "The renewal cannot be enforced",
        "gift": "What is delivered may count as a gift", "unfair": "It is an unfair practice",
        "cancel_refund": "The customer may cancel, with a refund", "private_suit": "The customer may sue",
        "month_to_month": "It becomes month to month", "treble": "Three times the damage",
        "ends_at_term": "The contract ends with its term",
    }  # fmt: skip
    BASES = {
        TERM: "End of a term", CONTINUOUS: "Service that goes on", PRICE_CHANGE: "New price", LEASE: "Lease",
        LIMIT: "How long it may renew",
    }  # fmt: skip
    ANCHORS = {
        DEADLINE: "The customer's deadline", RENEWAL: "The renewal", SERVED: "The day to serve notice by",
        EARLIER: "The earlier of deadline and renewal", EARLIER_END: "The earlier of deadline and end",
        EFFECTIVE: "The new price", YEAR: "Calendar year",
    }  # fmt: skip
    REPEATS = {
        EACH: "Each time", YEARLY: "Every year", FIRST_THEN_YEARLY: "The first time, then every year",
        OVER_A_YEAR: "Past the first 12 months, then every year",
    }  # fmt: skip
    CERTAINTY = (("A", "A: text read"), ("B", "B: described"), ("C", "C: not verified"),
                 ("D", "D: sources conflict"), ("house_rule", "House rule"))  # fmt: skip

    code = CharField(max_length=20)
    version = IntegerField(default=1)
    status = choice("status", (DRAFT, ACTIVE, RETIRED), default=DRAFT)
    state = CharField(max_length=2, help_text="Two letters; * is everywhere.")
    citation = CharField(max_length=255)
    audience = choice("audience", (CONSUMER, BUSINESS, ANY), default=CONSUMER)
    basis = choice("basis", tuple(BASES), default=TERM, words=BASES)
    first_term_at_least = IntegerField(default=0, help_text="Months of the first term; 0: any.")
    renewal_longer_than = IntegerField(default=0, help_text="Months; 0: any renewal, month to month too.")
    max_renewal_months = IntegerField(null=True, help_text="The law allows no longer renewal.")
    lifted_by = choice(
        "lifted_by", (REQUEST, DISCLOSURE), null=True, help_text="What makes a longer renewal lawful."
    )
    online_only = BooleanField(default=False, help_text="Only for contracts that were signed online.")
    anchor = choice(
        "anchor", tuple(ANCHORS), null=True, words=ANCHORS,
        help_text="The day that the window is counted back from.",
    )  # fmt: skip
    opens_days = IntegerField(null=True, help_text="Days before it: the first lawful day.")
    closes_days = IntegerField(null=True, help_text="Days before it: the last lawful day.")
    media = CharField(max_length=60, default="", help_text="Lawful ways, with | between them.")
    contents = CharField(max_length=255, default="", help_text="What the notice must say, by code.")
    repeat = choice("repeat", tuple(REPEATS), null=True, words=REPEATS)
    consequence = choice(
        "consequence", tuple(CONSEQUENCES), default="courtesy", words=CONSEQUENCES,
        help_text="When it is missed.",
    )  # fmt: skip
    alarm_exempt = choice(
        "alarm_exempt", ("no", "unclear", "likely", "yes"), default="no",
        help_text="Whether alarm companies are exempt. Only a plain yes keeps the notice back.",
    )  # fmt: skip
    certainty = choice("certainty", [name for name, _ in CERTAINTY], default="D", words=CERTAINTY)
    effective_from_on = DayField(null=True, help_text="For terms that end on this day or later.")
    effective_to_on = DayField(null=True, help_text="For terms that end on this day or earlier.")
    checked_on = DayField(null=True)
    checked_by = CharField(max_length=80, default="")
    note = TextField(default="")
    source = CharField(max_length=80, default="", help_text="The file it came from; empty: our staff.")
    made_by = CharField(max_length=80)
    made_at = UtcField()
    activated_by = CharField(max_length=80, default="")
    activated_at = UtcField(null=True)

    class Meta:
        indexes = ((("code", "version"), True),)
        constraints = [
            Check("opens_days IS NULL OR opens_days >= closes_days"),
            Check("first_term_at_least >= 0"),
            Check("renewal_longer_than >= 0"),
        ]

    def __str__(self):
        return f"{self.title}, version {self.version}"

    @property
    def title(self):
        return self.title_of(self.code)

    @property
    def named(self):
        """Its title with what it cites."""
        return f"{self.code}: {self.citation}" if self.title == self.code else self.title

    @classmethod
    def title_of(cls, code):
        """How people know a rule: by its code, which cites the law, or that no law was found."""
        return cls.HOUSE_TITLE if code in (cls.HOUSE, cls.HOUSE_PRICE) else code

    @classmethod
    def called(cls, code):
        """The same inside a sentence: “asked for by NY-5903”, “asked for by company practice”."""
        return cls.HOUSE_WORDS if code in (cls.HOUSE, cls.HOUSE_PRICE) else code


class RuleReview(BaseModel):
    """Our counsel has read the table of rules: who said so, when, of which table."""

    table_version = CharField(max_length=64, help_text="Fingerprint of every active rule.")
    rule_count = IntegerField()
    name = CharField(max_length=80, help_text="The counsel who reviewed it.")
    reviewed_on = DayField()
    by = CharField(max_length=80)
    at = UtcField()

    def __str__(self):
        return f"Review by {self.name}"


class RenewalNotice(BaseModel):
    """What one rule asks for before one term of one contract ends, and the proof that it was done."""

    PLANNED, QUEUED, SENT, PROVEN = "planned", "queued", "sent", "proven"
    MISSED, CANCELED = "missed", "canceled"
    STATES = (PLANNED, QUEUED, SENT, PROVEN, MISSED, CANCELED)
    MOVES = {
        PLANNED: {QUEUED, MISSED, CANCELED},
        QUEUED: {SENT, PROVEN, MISSED, PLANNED, CANCELED},
        SENT: {PROVEN, MISSED, PLANNED},
        PROVEN: {PLANNED},
        MISSED: {PROVEN},
        CANCELED: {PLANNED},
    }
    EMAIL, MAIL, CERTIFIED = "email", "mail", "certified"
    MEDIA = {EMAIL: "E-mail", MAIL: "Letter", CERTIFIED: "Certified mail"}

    contract = link(Contract, "renewal_notices")
    term_end_on = DayField(help_text="Last day of the term, or of the year that a reminder is for.")
    rule = link(RenewalRule, "renewal_notices")
    rule_code = CharField(max_length=20)
    together = CharField(max_length=20, help_text="The rule in whose letter this one is said too.")
    state = choice("state", STATES, default=PLANNED)
    deadline_on = DayField(null=True, help_text="Last day on which the customer may say no.")
    opens_on = DayField(help_text="First lawful day.")
    closes_on = DayField(help_text="Last lawful day.")
    plan_on = DayField()
    alarm_on = DayField(help_text="Staff are told when there is no proof by then.")
    medium = choice("medium", tuple(MEDIA), words=MEDIA)
    notice = link(Notice, "renewal_notices", null=True)
    address = CharField(max_length=255, default="", help_text="Whom and where to, as it was sent.")
    sent_on = DayField(null=True)
    certified_number = CharField(max_length=40, default="")
    delivered_on = DayField(null=True)
    delivery = CharField(max_length=255, default="", help_text="What is known of its delivery.")
    consequence = CharField(max_length=255, default="", help_text="What followed when it was missed.")
    arithmetic = TextField(default="[]", help_text="How the dates came about, line by line, as JSON.")
    contents = CharField(max_length=255, default="", help_text="What it had to say, by code.")
    text_sha256 = CharField(max_length=64, default="", help_text="SHA-256 of the text as it was sent.")
    reason = CharField(max_length=255, default="")
    alarmed_at = UtcField(null=True)
    overridden_by = CharField(max_length=80, default="")
    overridden_at = UtcField(null=True)
    override_reason = CharField(max_length=255, default="")
    created_at = UtcField()

    class Meta:
        indexes = (
            (("contract", "term_end_on", "rule_code"), True),
            (("state", "closes_on"), False),
        )
        constraints = [Check("closes_on >= opens_on")]

    def __str__(self):
        return f"{self.title} for the term to {self.term_end_on:%b %-d, %Y}"

    @property
    def title(self):
        return RenewalRule.title_of(self.rule_code)

    @property
    def called(self):
        """Its rule inside a sentence."""
        return RenewalRule.called(self.rule_code)


class Renewal(BaseModel):
    """What became of a contract when a term ended: it renewed, it went on month to month, or it ended."""

    RENEWED, MONTHLY, ENDED = "renewed", "monthly", "ended"

    contract = link(Contract, "renewals")
    term_end_on = DayField()
    outcome = choice("outcome", (RENEWED, MONTHLY, ENDED), words={MONTHLY: "Month to month"})
    next_ends_on = DayField(null=True, help_text="Last day of the next term. Empty: there is none.")
    reason = CharField(max_length=255, default="")
    by = CharField(max_length=80)
    decided_at = UtcField()

    class Meta:
        indexes = ((("contract", "term_end_on"), True), (("term_end_on",), False))

    def __str__(self):
        return f"{self.contract}, {self.term_end_on:%b %-d, %Y}"


class RenewalAnswer(BaseModel):
    """What a customer answered about their contract's end: signed with a typed name, never changed."""

    RENEW, TALK, END = "renew", "talk", "end"
    WORDS = {RENEW: "Keeps the service", TALK: "Wants to talk", END: "Ends the service"}
    LINK, ACCOUNT, STAFF = "link", "account", "staff"
    VIA = {LINK: "By the link of a message", ACCOUNT: "Signed in", STAFF: "Told to our staff"}

    key = CharField(max_length=64, unique=True, help_text="Of the press of the button: two clicks are one.")
    contract = link(Contract, "answers")
    contact = link(Contact, "contract_answers", null=True)
    notice = link(Notice, "contract_answers", null=True, help_text="The message whose link was opened.")
    ticket = link(Ticket, "contract_answers", null=True)
    answer = choice("answer", tuple(WORDS), words=WORDS)
    term_end_on = DayField(help_text="Last day of the term that it is about.")
    deadline_on = DayField(null=True, help_text="Last day to say no, by the contract.")
    last_on = DayField(null=True, help_text="Last day of service, as it was told beside the button.")
    is_late = BooleanField(help_text="It came after the contract's own deadline, and no law sets that aside.")
    name = CharField(max_length=80, help_text="As it was typed.")
    words = TextField(default="", help_text="What they wrote to us.")
    by = CharField(max_length=300)
    via = choice("via", tuple(VIA), words=VIA)
    ip = CharField(max_length=45, default="", verbose_name="Network address")
    browser = CharField(max_length=255, default="")
    wording = TextField(help_text="What the page said beside the button.")
    text_sha256 = CharField(max_length=64, help_text="SHA-256 of that wording.")
    at = UtcField()

    class Meta:
        indexes = ((("contract", "at"), False),)

    def __str__(self):
        return f"{self.WORDS.get(self.answer, self.answer)}, {self.name}"


class Cancellation(BaseModel):
    """Why and how a contract was ended, and what followed from the law: one for each contract that ended."""

    contract = link(Contract, "cancellations", unique=True)
    answer = link(RenewalAnswer, "cancellations", null=True, help_text="The customer's own word for it.")
    reason = choice("reason", Contract.END_REASONS, words=Contract.END_WORDS)
    ends_on = DayField(help_text="Last day of service.")
    proof = CharField(max_length=255, default="", help_text="What shows the reason, such as orders.")
    fee_cents = MoneyField(default=0, help_text="Early-termination fee.")
    fee_refusal = CharField(max_length=255, default="", help_text="Why no such fee may be charged.")
    credited_cents = MoneyField(default=0, help_text="Unused service that was credited.")
    refund_by_on = DayField(null=True, help_text="By when the law wants what was paid ahead sent back.")
    law = TextField(default="[]", help_text="What follows from the reason, line by line, as JSON.")
    by = CharField(max_length=300)
    made_at = UtcField()

    class Meta:
        constraints = [Check("fee_cents >= 0"), Check("fee_cents = 0 OR fee_refusal = ''")]

    def __str__(self):
        return f"End of {self.contract}"


class AuthorityNotice(BaseModel):
    """Proof that the fire authority was told in writing that required monitoring ends. Never changed."""

    ENDED, SUSPENDED = "ended", "suspended"
    MEDIA = ("certified", "mail", "email", "fax", "hand", "online")

    contract = link(Contract, "authority_notices")
    kind = choice("kind", (ENDED, SUSPENDED), default=ENDED)
    authority = CharField(max_length=120, help_text="Such as: Austin Fire Department, Fire Marshal.")
    address = CharField(max_length=255, default="", help_text="Where it was sent.")
    ends_on = DayField(help_text="Last day of monitoring that the authority was told.")
    sent_on = DayField()
    medium = choice("medium", MEDIA, words={"email": "E-mail", "hand": "By hand", "online": "Their web page"})
    proof = CharField(max_length=255, help_text="Certified number, confirmation, who took it.")
    by = CharField(max_length=80)
    at = UtcField()

    class Meta:
        table_name = "authority_notice"

    def __str__(self):
        return f"{self.authority}, {self.sent_on:%b %-d, %Y}"


# --------------------------------------------------------------------------------------------------
# Why an invoice is unpaid
# --------------------------------------------------------------------------------------------------


class Verdict(BaseModel):
    """Why one past-due invoice or installment is unpaid, as far as the records tell; one is current.

    Never changed: when the reason, its words or its proof change, a new row takes its place.
    """

    PAYMENT_IN_FLIGHT, OUR_MISTAKE, WAITING_FOR_US = "payment_in_flight", "our_mistake", "waiting_for_us"
    DISPUTED, SERVICE_FAULT = "disputed", "service_fault"
    NEVER_DELIVERED, NEVER_OPENED, METHOD_FAILED = "never_delivered", "never_opened", "method_failed"
    PROMISE_RUNNING, PLAN_RUNNING = "promise_running", "plan_running"
    HABITUAL_LAG, CANNOT_PAY, WILL_NOT_PAY = "habitual_lag", "cannot_pay", "will_not_pay"
    UNKNOWN = "unknown"
    WORDS = {
        PAYMENT_IN_FLIGHT: "Payment on its way",
        OUR_MISTAKE: "Our mistake",
        WAITING_FOR_US: "Waiting for our answer",
        DISPUTED: "Disputed",
        SERVICE_FAULT: "Service fault open",
        NEVER_DELIVERED: "Never delivered",
        NEVER_OPENED: "Never opened",
        METHOD_FAILED: "Card or account failed",
        PROMISE_RUNNING: "Promised",
        PLAN_RUNNING: "Paying by a plan",
        HABITUAL_LAG: "Always pays late",
        CANNOT_PAY: "Cannot pay now",
        WILL_NOT_PAY: "Will not pay",
        UNKNOWN: "We do not know",
    }
    CODES = tuple(WORDS)  # in the order in which they are asked
    OURS = (OUR_MISTAKE, WAITING_FOR_US, SERVICE_FAULT, NEVER_DELIVERED)  # the money waits for us

    customer = link(Customer, "verdicts")
    invoice = link(Invoice, "verdicts")
    installment_id = IntegerField(null=True, help_text="The installment; empty: the invoice itself.")
    code = choice("code", CODES, words=WORDS)
    sentence = TextField(help_text="Why, in one sentence with names, dates and amounts.")
    evidence = TextField(default="[]", help_text="The records that prove it, as JSON.")
    rejected = TextField(default="[]", help_text="What was asked before, and why not, as JSON.")
    act = CharField(max_length=30, help_text="What to do next.")
    amount_cents = MoneyField(help_text="Past due when it was judged.")
    due_on = DayField()
    owner = link(Staff, "verdicts", null=True, help_text="Whom it waits for, where that is known.")
    waiting_since_at = UtcField(null=True, help_text="Since when it waits for us.")
    since_on = DayField(help_text="Since when this has been the reason.")
    judged_at = UtcField()
    current = BooleanField(default=True)
    ended_at = UtcField(null=True, help_text="When it was so no more.")
    known_at = UtcField(null=True, help_text="Since when its proof is known, whatever the words were.")

    class Meta:
        constraints = [Check("amount_cents > 0")]
        indexes = ((("invoice", "judged_at"), False),)

    def __str__(self):
        return self.sentence


# One current verdict of each invoice and of each installment; one screen shows those of a customer.
Verdict.add_index(
    Verdict.index(Verdict.invoice, name="verdict_of_invoice", unique=True).where(
        Verdict.current & Verdict.installment_id.is_null()
    )
)
Verdict.add_index(
    Verdict.index(Verdict.invoice, Verdict.installment_id, name="verdict_of_installment", unique=True).where(
        Verdict.current & Verdict.installment_id.is_null(False)
    )
)
Verdict.add_index(Verdict.index(Verdict.customer, name="verdict_current").where(Verdict.current))
Verdict.add_index(
    Verdict.index(Verdict.ended_at, name="verdict_ended").where(Verdict.ended_at.is_null(False))
)


class Stance(BaseModel):
    """What a customer told us of why they do not pay, as staff wrote it down. Ended, never changed."""

    CANNOT_PAY, WILL_NOT_PAY = "cannot_pay", "will_not_pay"
    WORDS = {CANNOT_PAY: "Cannot pay it now", WILL_NOT_PAY: "Refuses to pay it"}

    customer = link(Customer, "stances")
    invoice = link(Invoice, "stances", null=True, help_text="Empty: all that is open.")
    contact = link(Contact, "stances", null=True, help_text="Who said it.")
    ticket = link(Ticket, "stances", null=True, help_text="Where they wrote it.")
    code = choice("code", tuple(WORDS), words=WORDS)
    words = TextField(help_text="What they said, in their words.")
    heard_on = DayField()
    by = CharField(max_length=80)
    at = UtcField()
    ended_at = UtcField(null=True)
    ended_by = CharField(max_length=80, default="")
    end_reason = CharField(max_length=255, default="")

    def __str__(self):
        return f"{self.WORDS.get(self.code, self.code)}, {self.heard_on:%b %-d, %Y}"


class ToJudge(BaseModel):
    """A customer of whom something changed that may be evidence. Written by triggers, emptied by judging."""

    customer_id = IntegerField(index=True, help_text="No key: to mark somebody must lock nobody.")

    class Meta:
        table_name = "to_judge"


# --------------------------------------------------------------------------------------------------
# Finding what was said
# --------------------------------------------------------------------------------------------------


class SearchEntry(BaseModel):
    """Something whose words can be found. Triggers write it and the index of its words (billing/search).

    ``about_id`` is the row of the table of its kind; the order of ``id`` is the order of the results.
    """

    MESSAGE, SENT, INBOUND, CALL, NOTE = "message", "sent", "inbound", "call", "note"
    KINDS = (MESSAGE, SENT, INBOUND, CALL, NOTE)

    kind = choice("kind", KINDS)
    about_id = IntegerField()
    customer_id = IntegerField(null=True)
    at = UtcField()

    class Meta:
        indexes = ((("kind", "about_id"), True),)


TABLES = (
    Company, Staff, Item, TaxRate, ImportBatch, CustomerGroup, Customer, Contact, Preference,
    PreferenceChange, Consent, Site, System, Contract, Charge, PriceChange, OneOff, JobRun, Event,
    Approval, Invoice, Line, PaymentMethod, Autopay, PlannedCharge, Settlement, Payment, Hold, PaymentPart,
    Credit, CreditReversal, LateFee, Refund, Chargeback, Allocation, Loss, AutopayOutcome, SettlementLine,
    Difference, RemittanceFile, RemittanceRow, GatewayEvent, Ticket, Message, Dispute, Promise, Plan,
    PlanInvoice, Installment, InstallmentPart, ServiceCredit, ReminderPolicy, ReminderStep,
    Template, Notice, Citation, Offer, GateOverride,
    PrintBatch, PrintFile, PrintPiece, Link, CodeGuess, Sighting, SearchEntry, Inbound, Attachment,
    CannedReply, Feed,
    RenewalRule, RuleReview,
    RenewalNotice, Renewal, RenewalAnswer, Cancellation, AuthorityNotice, Call, Note, Suspension,
    Handover, HandoverFile,
    Verdict, Stance, ToJudge,
)  # fmt: skip


def among(field, ids):
    """The condition that ``field`` is one of ``ids``, as one parameter however many there are.

    Peewee's ``in_`` builds one node for each, which costs more than the query itself for a chunk of them; the
    driver's own arrays are looked through one by one as well. They may be given later (``billing.prepared``).
    """
    if isinstance(ids, Node):
        return _among_given(field, ids)
    ids = list(ids)
    if not db.for_update:
        return NodeList((field, SQL("IN (SELECT value FROM json_each(?))", (json.dumps(ids),))))
    if ids and all(type(one) is int for one in ids):
        return NodeList((field, SQL("= ANY(%s::int[])", (_as_array(ids),))))
    return NodeList((field, SQL("= ANY(%s)", (ids,))))


def _among_given(field, ids):
    if db.for_update:
        return NodeList((field, SQL("= ANY("), ids.through(_as_array), SQL(")")))
    return NodeList((field, SQL("IN (SELECT value FROM json_each("), ids.through(_as_json), SQL("))")))


def _as_json(ids):
    return json.dumps(list(ids))


def _as_array(ids):
    ids = list(ids)
    return f"{{{','.join(map(str, ids))}}}" if all(type(one) is int for one in ids) else ids


def as_date(value):
    """A date out of an expression: PostgreSQL gives the date, SQLite its text; None stays None."""
    return datetime.date.fromisoformat(value) if isinstance(value, str) else value


def as_instant(value):
    """The same for an instant."""
    return datetime.datetime.fromisoformat(value) if isinstance(value, str) else value


def read_rows(query, row_type, dates=()):
    """Yield the rows of ``query`` as ``row_type`` (a NamedTuple), with no conversion but that of dates.

    query -- or the rows themselves, as the database gave them
    dates -- positions of the date columns, which SQLite keeps as text
    """
    if db.for_update:
        dates = ()
    for row in db.execute(query) if isinstance(query, Node) else query:
        if dates:
            row = list(row)
            for at in dates:
                row[at] = row[at] and datetime.date.fromisoformat(row[at])
        yield row_type._make(row)


def insert_rows(model, columns, rows):
    """Insert many rows at once, as tuples in the order of ``columns``; the quick way of a bill run.

    No defaults are filled in and no model is built: about six times faster than ``insert_many``.
    Constraints and triggers hold as ever. Must run inside the caller's transaction.
    """
    names = ", ".join(f'"{column}"' for column in columns)
    cursor = db.cursor()
    with __exception_wrapper__:  # a full disk, a broken constraint: Peewee's exceptions, as everywhere else
        if db.for_update:
            with cursor.copy(f'COPY "{model._meta.table_name}" ({names}) FROM STDIN') as copy:
                for row in rows:
                    copy.write_row(row)
            return
        marks = ", ".join("?" * len(columns))
        cursor.executemany(f'INSERT INTO "{model._meta.table_name}" ({names}) VALUES ({marks})', rows)


def insert_few(model, columns, rows, *, text=str):
    """Insert a few rows in one statement, as tuples in the order of ``columns``; like ``insert_rows``.

    text -- ``prepared.Text`` where that is done for each of many messages

    Peewee writes the same statement anew each time, which takes longer than running it.
    """
    mark = "%s" if db.for_update else "?"
    names = ", ".join(f'"{column}"' for column in columns)
    row_marks = f"({', '.join([mark] * len(columns))})"
    marks = ", ".join([row_marks] * len(rows))
    values = [value for row in rows for value in row]
    db.execute_sql(text(f'INSERT INTO "{model._meta.table_name}" ({names}) VALUES {marks}'), values)


@contextmanager
def in_one_trip():
    """A transaction that begins with statements which go to the server together.

    Gives ``arrived()``: what they give is read after it, and what went wrong in any is raised by it. SQLite
    is no way off: there every statement is run as it comes.
    """
    with ExitStack() as trip:
        trip.enter_context(_together() if db.for_update else nullcontext())
        with db.atomic():
            try:
                yield trip.close
            finally:
                trip.close()


@contextmanager
def _together():
    with __exception_wrapper__, db.connection().pipeline():
        yield


def change(statement, row):
    """Run one UPDATE, with ``?`` for its values. Returns callable(): how many rows it changed.

    For statements that run once for each of many messages: Peewee would write it anew each time.
    """
    if db.for_update:
        written = type(statement)(statement.replace("?", "%s"))  # prepared, if that is
        cursor = db.execute_sql(written, row)
        return lambda: cursor.rowcount
    db.execute_sql(statement, row)
    changed = db.connection().changes()  # not total_changes(): that counts what triggers write as well
    return lambda: changed


def change_many(statement, rows):
    """Run one UPDATE, with ``?`` for its values, for many rows; returns how many rows it changed.

    Must run inside the caller's transaction.
    """
    cursor = db.cursor()
    with __exception_wrapper__:
        if db.for_update:
            cursor.executemany(statement.replace("?", "%s"), rows)
            return cursor.rowcount
        changed, connection = 0, db.connection()
        for row in rows:  # not total_changes(): that counts what triggers write as well
            cursor.execute(statement, row)
            changed += connection.changes()
        return changed
