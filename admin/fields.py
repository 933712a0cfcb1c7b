"""Form fields that the back office generates from the columns of a model.

Here: how a column is typed in and what is refused next to its field, read from the model's types, lengths,
choices and CHECKs. Not here: who may write (security.py), saving (base.py), any rule of billing.
"""

import datetime
import re
import zoneinfo

import wtforms
from flask_admin.contrib.peewee.form import CustomModelConverter
from markupsafe import Markup
from peewee import (
    AutoField,
    BlobField,
    BooleanField,
    CharField,
    DateField,
    ForeignKeyField,
    IntegerField,
    TextField,
)
from wtforms import validators, widgets
from wtforms.validators import ValidationError
from wtfpeewee.orm import FieldInfo

from admin import labels
from billing import letterheads, localtime, masking, words
from billing.errors import BillingError
from billing.imports.fields import EMAIL, STATES, ZIP
from billing.money import as_decimal, parse_cents
from models import Address, MoneyField, RateField, UtcField

LARGEST = {"MoneyField": 2**53}
PROSE = 60  # characters; what is shorter is a number or a code, such as an account number


# --- one control each ----------------------------------------------------------------------------


class MoneyInput(wtforms.StringField):
    """An amount as people type it; ``data`` is integer cents."""

    def _value(self):
        if self.raw_data:
            return self.raw_data[0]
        return "" if self.data is None else f"{as_decimal(self.data):,}"

    def process_formdata(self, valuelist):
        text = (valuelist[0] if valuelist else "").strip()
        self.data = None
        if text:
            try:
                self.data = parse_cents(text)
            except BillingError as refusal:
                raise ValueError(str(refusal)) from None


class RateInput(wtforms.StringField):
    """A percentage such as 8.25; ``data`` is parts per million."""

    def _value(self):
        if self.raw_data:
            return self.raw_data[0]
        return "" if self.data is None else words.rate(self.data).rstrip("%")

    def process_formdata(self, valuelist):
        text = (valuelist[0] if valuelist else "").strip().rstrip("%").strip()
        self.data = None
        if not text:
            return
        match = re.fullmatch(r"(\d{1,3})(?:\.(\d{1,4}))?", text)
        if not match:
            raise ValueError("Write the rate as a percentage, such as 8.25.")
        self.data = int(match[1]) * 10_000 + int((match[2] or "").ljust(4, "0"))


class DateInput(wtforms.DateField):
    """A day. The browser's own picker; the sentence is for those without one."""

    def process_formdata(self, valuelist):
        text = (valuelist[0] if valuelist else "").strip()
        self.data = None
        if text:
            try:
                self.data = datetime.date.fromisoformat(text)
            except ValueError:
                raise ValueError("This is not a date. Write it like 2026-12-31.") from None


class InstantInput(wtforms.DateTimeLocalField):
    """A moment on the company's clock; ``data`` is naive UTC."""

    def _value(self):
        if self.raw_data:
            return self.raw_data[0]
        return labels.local(self.data).strftime("%Y-%m-%dT%H:%M") if self.data else ""

    def process_formdata(self, valuelist):
        text = (valuelist[0] if valuelist else "").strip()
        self.data = None
        if text:
            try:
                shown = datetime.datetime.fromisoformat(text)
            except ValueError:
                raise ValueError("This is not a date and time. Write it like 2026-12-31T14:30.") from None
            self.data = localtime.instant(shown, labels.zone())


class ChoiceInput(wtforms.SelectField):
    """One of the names that the column can hold; a column that may be empty offers nothing first."""

    def __init__(self, *args, blank=False, coerce=str, choices=(), **kwargs):
        self.blank, self.plain = blank, coerce
        super().__init__(*args, coerce=self._coerce, choices=[], **kwargs)
        self.offer(choices)

    def offer(self, names):
        """Let one of ``names`` [(value, label)] be chosen."""
        offered = [wtforms.SelectChoice(value=value, label=label) for value, label in names]
        self.choices = [wtforms.SelectChoice(value="", label="–"), *offered] if self.blank else offered

    def _coerce(self, value):
        if value is None or (value == "" and self.blank):
            return None
        return self.plain(value)

    def pre_validate(self, form):
        if self.data is None and self.blank:
            return
        if self.data not in [choice.value for choice in self.choices]:
            raise ValidationError("Choose one of the list.")


class TypeAhead:
    """A text box with suggestions, and the chosen id beside it; works by number or name without script."""

    input_type = "text"

    def __call__(self, field, **kwargs):
        shown = field.typed if field.typed is not None else (str(field.data) if field.data else "")
        box = Markup("<input {}>").format(
            Markup(widgets.html_params(
                id=field.id, name=f"{field.name}-text", type="text", value=shown, autocomplete="off",
                data_typeahead=field.loader.url, **kwargs,
            ))
        )  # fmt: skip
        chosen = field.data.id if field.data else ""
        return box + Markup('<input type="hidden" name="{}" value="{}">').format(field.name, chosen)


class RowInput(wtforms.Field):
    """A row of another table, found by type-ahead; never a drop-down of a whole table."""

    widget = TypeAhead()

    def __init__(self, label=None, validators=None, *, loader, blank=False, **kwargs):
        super().__init__(label, validators, **kwargs)
        self.loader, self.blank, self.typed = loader, blank, None

    def _value(self):
        return self.typed or ""

    def process_formdata(self, valuelist):
        self.data = self.loader.get_one(valuelist[0]) if valuelist and valuelist[0] else None

    def process(self, formdata, data=wtforms.utils.unset_value, extra_filters=None):
        super().process(formdata, data, extra_filters)
        text_name = f"{self.name}-text"
        if formdata is None or text_name not in formdata:
            return
        self.typed = formdata.get(text_name).strip()
        if self.data is None or str(self.data) != self.typed:
            self.data = self.loader.find(self.typed) if self.typed else None

    def pre_validate(self, form):
        if self.data is None and self.typed:
            raise validators.StopValidation(
                f"Nothing is called “{words.clipped(self.typed, 40)}”. Pick one of the list."
            )


class LogoInput(wtforms.FileField):
    """A picture; nothing chosen keeps the one that is stored."""

    def process_formdata(self, valuelist):
        upload = valuelist[0] if valuelist else None
        self.data = upload.read(1_000_001) if getattr(upload, "filename", "") else None

    def post_validate(self, form, stopped):
        if not self.data:
            return
        if len(self.data) > 1_000_000:
            raise ValidationError("This picture is larger than 1 MB. Save a smaller one.")
        if not letterheads.picture_kind(self.data):
            raise ValidationError("This file is not a picture. Upload a PNG or JPEG file.")


# --- what is refused, in a sentence beside the field -----------------------------------------------


class Filled:
    """Refuses an empty required field without hiding a better message."""

    field_flags = {"required": True}

    def __call__(self, form, field):
        if field.errors:
            raise validators.StopValidation()
        if field.data is None or (isinstance(field.data, str) and not field.data.strip()):
            raise validators.StopValidation("Fill this in.")


class Kept:
    """An empty field that may be empty is fine, and ends the questions."""

    field_flags = {"optional": True}

    def __call__(self, form, field):
        if field.errors:
            raise validators.StopValidation()
        if field.data is None or field.data == "":
            raise validators.StopValidation()


class Defaulted(Kept):
    """An empty field gets the column's default; it is not called optional, because it is never empty."""

    field_flags = {}


def plain_text(form, field):
    """Control characters are never typed on purpose, and PostgreSQL cannot store NUL."""
    if field.data and re.search(r"[\x00-\x08\x0b-\x1f\x7f]", field.data.replace("\r\n", "\n")):
        raise ValidationError("This text holds characters that cannot be printed.")


def us_state(form, field):
    """A postal abbreviation of the United States, in capitals."""
    field.data = field.data.strip().upper()
    if field.data not in STATES:
        raise ValidationError("Write the state as two letters, such as TX.")


def us_zip(form, field):
    """A ZIP code of five or nine digits."""
    field.data = field.data.strip()
    if not ZIP.fullmatch(field.data):
        raise ValidationError("A ZIP code has five digits, or nine such as 78701-1234.")


def mail_address(form, field):
    """One mail address, in small letters as it is compared at sign-in."""
    field.data = field.data.strip().lower()
    if not EMAIL.fullmatch(field.data):
        raise ValidationError("This is not an e-mail address. Write it like ann@example.com.")


def time_zone(form, field):
    """A name of the time zone database."""
    if field.data not in zoneinfo.available_timezones():
        raise ValidationError("Write the time zone like America/Chicago.")


def by_name(model, field):
    """What a column's name promises beyond its type: states, ZIP codes, addresses, zones."""
    if field.name in ("state", "remit_state") and issubclass(model, Address) and not field.choices:
        return [us_state]
    rules = {"zip": us_zip, "remit_zip": us_zip, "email": mail_address, "time_zone": time_zone}
    return [rules[field.name]] if field.name in rules else []


class Bounds:
    """Whole numbers within what the column and its CHECK allow."""

    def __init__(self, least, most, show):
        self.least, self.most, self.show = least, most, show

    def __call__(self, form, field):
        if field.data is None:
            return
        if self.least is not None and field.data < self.least:
            raise ValidationError(f"This must be {self.show(self.least)} or more.")
        if self.most is not None and field.data > self.most:
            raise ValidationError(f"This must be {self.show(self.most)} or less.")


def bounds(model, field):
    """The (least, most) that the model's CHECKs give one whole-number column; None where they say nothing."""
    least, most = None, LARGEST.get(type(field).__name__, 2**31 - 1)
    for check in checks(model):
        for part in check.split(" AND "):
            if match := re.fullmatch(rf"{field.name} >(=?) (\d+)", part):
                least = int(match[2]) + (match[1] == "")
        if match := re.search(rf"\b{field.name} BETWEEN (\d+) AND (\d+)", check):
            least, most = int(match[1]), int(match[2])
    return least, most


def order_rules(model):
    """Pairs (later, earlier) of date columns that a CHECK keeps in order."""
    pattern = r"(\w+) IS NULL OR (\w+) >= (\w+)"
    found = (re.fullmatch(pattern, check) for check in checks(model))
    return [(match[2], match[3]) for match in found if match and match[1] == match[2]]


def checks(model):
    """The text of the table's CHECKs."""
    return [re.sub(r"^CHECK \((.*)\)$", r"\1", node.sql) for node in model._meta.constraints or ()]


# --- from a column to its control ------------------------------------------------------------------


def is_prose(field):
    """True where people write sentences and names: a card number pasted there is not kept."""
    long_enough = isinstance(field, CharField) and field.max_length >= PROSE
    return (long_enough or isinstance(field, TextField)) and not field.choices


class FormConverter(CustomModelConverter):
    """Turns a column into a form field; everything that is refused is refused beside it."""

    def convert(self, model, field, field_args):
        kwargs = {
            "label": labels.of(field, self.view.column_labels),
            "description": field.help_text or "",
            "default": field.default,
            "validators": self._validators(model, field),
            **({"filters": [masking.masked]} if is_prose(field) else {}),
            **(field_args or {}),
        }
        return FieldInfo(field.name, self._control(field, kwargs))

    def _validators(self, model, field):
        may_be_empty = field.null or field.default == "" or isinstance(field, BlobField)
        rules = [Kept() if may_be_empty else Defaulted() if field.default is not None else Filled()]
        if isinstance(field, CharField) and not field.choices:
            rules.append(
                validators.Length(max=field.max_length, message="This is longer than %(max)d characters.")
            )
        if isinstance(field, (CharField, TextField)) and not field.choices:
            rules.append(plain_text)
        if isinstance(field, IntegerField) and not isinstance(field, (AutoField, ForeignKeyField)):
            rules.append(Bounds(*bounds(model, field), show=labels.shower(field)))
        return [*rules, *by_name(model, field)]

    def _control(self, field, kwargs):
        if isinstance(field, ForeignKeyField):
            return RowInput(loader=self.view.loader(field), blank=field.null, **kwargs)
        if field.choices:
            coerce = int if isinstance(field, IntegerField) else str
            return ChoiceInput(choices=field.choices, blank=field.null, coerce=coerce, **kwargs)
        for column, control in CONTROLS:
            if isinstance(field, column):
                return control(**kwargs)
        raise TypeError(f"No form field for {field}")


class NumberInput(wtforms.StringField):
    """A whole number with a sentence when it is none."""

    def _value(self):
        return self.raw_data[0] if self.raw_data else ("" if self.data is None else str(self.data))

    def process_formdata(self, valuelist):
        text = (valuelist[0] if valuelist else "").strip().replace(",", "")
        self.data = None
        if text and not re.fullmatch(r"-?\d{1,18}", text):
            raise ValueError("This is not a whole number.")
        if text:
            self.data = int(text)


class TextInput(wtforms.StringField):
    """One line of text, without spaces at its ends."""

    def process_formdata(self, valuelist):
        self.data = (valuelist[0] if valuelist else "").strip()


CONTROLS = (
    (MoneyField, MoneyInput),
    (RateField, RateInput),
    (BooleanField, wtforms.BooleanField),
    (UtcField, InstantInput),
    (DateField, DateInput),
    (BlobField, LogoInput),
    (CharField, TextInput),
    (TextField, wtforms.TextAreaField),
    (IntegerField, NumberInput),
)
