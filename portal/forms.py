"""The forms of the customer's pages: what may be typed where, and the sentence when it cannot be.

What an amount, a date or a choice *means* is decided in ``billing``; this only reads it.
"""

import re
import secrets
from datetime import date

from flask import current_app, g, request
from flask_wtf import FlaskForm
from markupsafe import Markup
from wtforms import (
    BooleanField,
    DateField,
    EmailField,
    HiddenField,
    IntegerField,
    MultipleFileField,
    RadioField,
    SelectField,
    StringField,
    TelField,
    TextAreaField,
    ValidationError,
)
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange, Optional

from billing import money, tickets
from billing.automatic import consent
from billing.disputes import asking
from billing.errors import BillingError
from models import Autopay, Customer
from portal import speaking


def _clean(value):
    """Without the spaces around it, and without NUL bytes, which no database column takes."""
    return value.replace("\x00", "").strip() if isinstance(value, str) else value


class Form(FlaskForm):
    """A form whose texts are clean; every page of the portal uses it."""

    class Meta(FlaskForm.Meta):
        def bind_field(self, form, unbound_field, options):
            filters = (*unbound_field.kwargs.get("filters", ()), _clean)
            return unbound_field.bind(form=form, filters=filters, **options)


def new_key():
    """The name of one click: made when the button is shown, so that two clicks on it are one."""
    return secrets.token_urlsafe(24)


def is_email(text):
    """True for what looks like one address; only a mail that arrives proves it."""
    return re.fullmatch(r"[^@\s,;<>\"]+@[^@\s,;<>\"]+\.[^@\s,;<>\".]{2,}", text) is not None


class EmailAddress:
    """Refuse what cannot be one email address."""

    def __call__(self, form, field):
        if field.data and not is_email(field.data):
            raise ValidationError(
                "This does not look like an email address. It needs a form like ann@example.com."
            )


class DayField(DateField):
    """A date that says in plain words when it is none."""

    def process_formdata(self, valuelist):
        try:
            super().process_formdata(valuelist)
        except ValueError:
            raise ValueError("This date does not exist. Please choose another.") from None


# --- Paying --------------------------------------------------------------------------------------


TOO_LONG = "This is too long for an amount. Write it like 42.50."


class PayForm(Form):
    """One click on a pay button: which click, and how much as people type it."""

    key = HiddenField(validators=[Length(min=16, max=64)])
    amount = StringField(
        "Amount",
        validators=[DataRequired("Please enter an amount, such as 42.50."), Length(max=40, message=TOO_LONG)],
        id="other-amount",
        render_kw={"inputmode": "decimal", "autocomplete": "off", "class": "short"},
    )

    def validate_amount(self, field):
        try:
            self.cents = money.parse_cents(field.data)
        except BillingError as refusal:
            raise ValidationError(str(refusal)) from None


class FormWithFiles(Form):
    """What photos or papers may come with; the page's endpoint is one of portal.TAKES_FILES."""

    files = MultipleFileField(
        "Photos or papers",
        description="Photos, PDF or plain text; up to 5 files, 8 MB together.",
        render_kw={"accept": "image/jpeg,image/png,image/webp,image/gif,application/pdf,text/plain"},
    )

    def taken_files(self):
        """The files, checked and kept; None when one cannot be, with the reason beside the field."""
        try:
            return current_app.files.taken(request)
        except BillingError as refusal:
            self.files.errors = [str(refusal)]
            return None


class QuestionForm(FormWithFiles):
    """One sentence is enough: what is wrong, or what somebody wants to know."""

    body = TextAreaField(
        "What is wrong, or what would you like to know?",
        validators=[
            DataRequired("Please write what it is about. One sentence is enough."),
            Length(max=tickets.LONGEST, message=f"Please keep it under {tickets.LONGEST:,} characters."),
        ],
        render_kw={"rows": 3},
    )


def _line_words(text, cents, counted=""):
    return Markup("{}, {}{}").format(speaking.theirs(text), money.format_cents(cents), counted)


class InvoiceQuestionForm(QuestionForm):
    """The same about one invoice: all of it, or one line."""

    line = SelectField("What is it about?", choices=[], default="")

    def __init__(self, lines, **more):
        """lines -- [(id, text, cents)]"""
        super().__init__(**more)
        self.line_ids = [id for id, _, _ in lines]
        said = [SelectChoice(str(id), _line_words(text, cents)) for id, text, cents in lines]
        self.line.choices = [SelectChoice("", "The whole invoice"), *said]
        asked = request.args.get("line", "")
        if not self.is_submitted() and asked in map(str, self.line_ids):
            self.line.data = asked


class DisputeForm(FormWithFiles):
    """What is wrong with an invoice: a line, an amount, or all of it; and why, in one sentence."""

    key = HiddenField(validators=[Length(min=16, max=64)])
    line = SelectField("What is not right?", choices=[], default="")
    reason = SelectField(
        "What is wrong with it?", choices=[SelectChoice(*one) for one in asking.REASONS.items()]
    )
    words = TextAreaField(
        "Why, in one sentence",
        validators=[
            DataRequired("Please say in one sentence what is wrong."),
            Length(max=asking.LONGEST, message=f"Please keep it under {asking.LONGEST:,} characters."),
        ],
        render_kw={"rows": 3},
    )
    amount = StringField(
        "Only a part of it?",
        validators=[Optional(), Length(max=40, message=TOO_LONG)],
        render_kw={"inputmode": "decimal", "autocomplete": "off", "class": "short"},
    )

    def __init__(self, lines, open_cents, **more):
        """lines -- [(id, text, cents, counted)]; open_cents -- what of the invoice is not disputed yet"""
        super().__init__(**more)
        said = [SelectChoice(str(id), _line_words(*told)) for id, *told in lines]
        whole = f"The whole invoice, {money.format_cents(open_cents)}"
        self.line.choices = [*said, SelectChoice("", whole)]
        asked = request.args.get("line", "")
        if not self.is_submitted():
            self.line.data = asked if asked in {choice.value for choice in said} else ""
        self.cents = None

    def validate_amount(self, field):
        try:
            self.cents = money.parse_cents(field.data) if field.data else None
        except BillingError as refusal:
            raise ValidationError(str(refusal)) from None

    @property
    def line_id(self):
        return int(self.line.data) if self.line.data else None


class NewQuestionForm(QuestionForm):
    """The same, with a subject and perhaps the invoice that it is about."""

    kind = HiddenField(validators=[Length(max=20)])

    subject = StringField(
        "Subject",
        validators=[
            DataRequired("Please give it a few words as a subject."),
            Length(max=120, message="Please keep the subject under 120 characters."),
        ],
    )
    invoice = HiddenField(validators=[Length(max=12)])


class FaultForm(NewQuestionForm):
    """Something does not work: where, and since when."""

    site = SelectField("Where?", choices=[], default="")
    since_on = DayField("Since when?", [Optional()], render_kw={"class": "short"})

    def validate_since_on(self, field):
        if field.data and field.data > g.today:
            raise ValidationError("This day is still to come. Please choose today or an earlier one.")


# --- Signing in ----------------------------------------------------------------------------------


class SignInForm(Form):
    """Where a sign-in mail should go."""

    email = EmailField(
        "Your email address",
        validators=[
            DataRequired("Please enter your email address."),
            Length(max=255, message="This is too long for an email address."),
            EmailAddress(),
        ],
        render_kw={"autocomplete": "email"},
    )


class PayCodeForm(Form):
    """The code that stands under the square code on paper, however it is typed."""

    code = StringField(
        "Code on your invoice or letter",
        validators=[DataRequired("Please enter the code that stands under the square code.")],
        render_kw={
            "autocomplete": "off",
            "autocapitalize": "characters",
            "class": "code long",
            "maxlength": 40,
            "spellcheck": "false",
        },
    )


class CodeForm(Form):
    """The six digits of a sign-in mail, typed or pasted, with or without a space."""

    code = StringField(
        "Code from the email",
        validators=[DataRequired("Please enter the six digits from the email.")],
        render_kw={
            "autocomplete": "one-time-code",
            "inputmode": "numeric",
            "class": "code",
            "maxlength": 12,
            "spellcheck": "false",
        },
    )

    def validate_code(self, field):
        if not re.fullmatch(r"[0-9]{6}", "".join(field.data.split())):
            raise ValidationError("The code has six digits, such as 123 456.")


# --- The account ---------------------------------------------------------------------------------


class DetailsForm(Form):
    """A contact's own data."""

    name = StringField(
        "Name",
        validators=[DataRequired("Please tell us a name."), Length(max=80, message="At most 80 characters.")],
        render_kw={"autocomplete": "name"},
    )
    email = EmailField(
        "Email address",
        validators=[
            DataRequired("Please enter an email address: it is how you sign in."),
            Length(max=255, message="This is too long for an email address."),
            EmailAddress(),
        ],
        render_kw={"autocomplete": "email"},
    )
    phone = TelField(
        "Phone",
        validators=[Length(max=25, message="At most 25 characters.")],
        render_kw={"autocomplete": "tel", "class": "short"},
    )

    def validate_phone(self, field):
        if field.data and not re.fullmatch(r"[0-9 ()+./x-]{7,25}", field.data):
            raise ValidationError("Please write the number like (512) 555-0100.")


class StatementForm(Form):
    """Two dates. Read from the address, so it carries no token."""

    class Meta(Form.Meta):
        csrf = False

    from_on = DayField(
        "From", [InputRequired("Please choose a date.")], name="from", render_kw={"class": "short"}
    )
    to_on = DayField("To", [InputRequired("Please choose a date.")], name="to", render_kw={"class": "short"})

    def validate_from_on(self, field):
        if field.data and self.to_on.data and field.data > self.to_on.data:
            raise ValidationError("The first day is after the last. Please swap the two.")


class OneOf(RadioField):
    """Exactly one of its choices."""

    def pre_validate(self, form):
        if self.data not in {choice.value for choice in self.choices}:
            raise ValidationError("Please choose one of these.")


class WholeNumber(IntegerField):
    """A number that says in plain words when it is none."""

    def process_formdata(self, valuelist):
        try:
            super().process_formdata(valuelist)
        except ValueError:
            raise ValueError("Please write a number, such as 3.") from None


def _day(text):
    """A date as a form carries it, or None."""
    try:
        return date.fromisoformat(text)
    except (TypeError, ValueError):
        return None


_NUMBER = {"class": "short", "inputmode": "numeric", "autocomplete": "off"}


# --- Autopay -------------------------------------------------------------------------------------


class AutopayForm(Form):
    """What somebody chooses of autopay. Read from the address: choosing changes nothing yet."""

    class Meta(Form.Meta):
        csrf = False

    method = OneOf("Which card or account?", choices=[])
    timing = OneOf(
        "When shall we charge?",
        choices=[
            SelectChoice(Autopay.DUE_DATE, "On the due date"),
            SelectChoice(Autopay.DAYS_BEFORE, "Some days before the due date"),
            SelectChoice(Autopay.DAY_OF_MONTH, "On a fixed day of the month"),
        ],
    )
    days_before = WholeNumber("Days before the due date", [Optional()], render_kw=_NUMBER)
    day_of_month = WholeNumber("Day of the month", [Optional()], render_kw=_NUMBER)
    cap = StringField(
        "Ask me first above",
        [Length(max=40, message=TOO_LONG)],
        render_kw={
            "inputmode": "decimal",
            "autocomplete": "off",
            "class": "short",
            "placeholder": "no limit",
        },
    )
    tell_days = WholeNumber(
        "Tell me by email this many days before each charge",
        [
            Optional(),
            NumberRange(1, consent.MOST_DAYS, message=f"Please choose from 1 to {consent.MOST_DAYS}."),
        ],
        render_kw=_NUMBER,
    )

    def validate(self, extra_validators=None):
        """The number that belongs to the chosen day must be there; that of another is not looked at."""
        super().validate(extra_validators)
        numbers = (
            (Autopay.DAYS_BEFORE, self.days_before, consent.MOST_DAYS, "days before the due date"),
            (Autopay.DAY_OF_MONTH, self.day_of_month, consent.LAST_DAY, "a day that every month has"),
        )
        for timing, field, most, what in numbers:
            if self.timing.data != timing:
                field.errors = []
            elif not 1 <= (field.data or 0) <= most and not field.errors:
                field.errors = [f"Please choose from 1 to {most}: {what}."]
        return not any(field.errors for field in self)

    def validate_cap(self, field):
        self.cap_cents = None
        if not field.data:
            return
        try:
            self.cap_cents = money.parse_cents(field.data) or None
        except BillingError as refusal:
            raise ValidationError(str(refusal)) from None
        if self.cap_cents is None:
            raise ValidationError("Please enter an amount above zero, or leave it empty.")

    @property
    def terms(self):
        """The consent.Terms that were chosen; what belongs to another timing is left out."""
        timing = self.timing.data
        return consent.Terms(
            timing=timing,
            days_before=self.days_before.data if timing == Autopay.DAYS_BEFORE else 0,
            day_of_month=self.day_of_month.data if timing == Autopay.DAY_OF_MONTH else None,
            cap_cents=self.cap_cents,
            tell_days=self.tell_days.data,
        )


class AgreeForm(Form):
    """The box that is never ticked beforehand, and the words that stood beside it."""

    text = HiddenField(validators=[Length(max=5000)])
    agreed = BooleanField(
        "I agree to this authorization.",
        validators=[DataRequired("Please tick the box if you agree. Without it nothing is switched on.")],
    )


class WaitForm(Form):
    """Until which day a charge shall wait."""

    until = SelectField(
        "Charge it on", coerce=_day, validators=[InputRequired("Please choose a day.")], validate_choice=False
    )


class PayWishForm(Form):
    """How somebody wants to pay."""

    pay_wish = OneOf(
        "How would you like to pay?",
        choices=[
            SelectChoice(Customer.REMINDERS, "I pay each invoice myself, online"),
            SelectChoice(Customer.CHECK, "I pay by check"),
            SelectChoice(Customer.CARD_AUTOPAY, "Charge my card automatically"),
            SelectChoice(Customer.BANK_AUTOPAY, "Debit my bank account automatically"),
        ],
    )


# --- The agreement -------------------------------------------------------------------------------


class AnswerForm(Form):
    """What a customer answers about their agreement, signed with a typed name."""

    key = HiddenField(validators=[Length(min=16, max=64)])
    shown_on = HiddenField()
    name = StringField(
        "Your name",
        validators=[
            DataRequired("Please type your name, so that we know who answers. Nothing was changed."),
            Length(max=80, message="Please keep it under 80 characters."),
        ],
        render_kw={"autocomplete": "name"},
    )
    message = TextAreaField(
        "Anything you would like to tell us",
        validators=[Optional(), Length(max=5000, message="Please keep it under 5,000 characters.")],
    )
