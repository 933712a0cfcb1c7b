"""Making and changing a row by hand: the form from the whitelist, version check, one transaction, audit.

Here: the editing half of a generated screen. Not here: single fields (fields.py), lists and pages (base.py),
who may (security.py). Nothing that holds money or evidence has a whitelist, so none of it can be typed.
"""

from flask import abort, flash, g, redirect, request, url_for
from flask_admin import expose
from flask_admin.form import BaseForm
from peewee import ForeignKeyField, IntegrityError

from admin import columns, finding, labels
from admin.audit import last_change
from admin.fields import FormConverter, order_rules
from admin.links import back_url
from billing import events, words
from billing.errors import BillingError
from models import Editable, db


class Editing:
    """Mixed into base.StaffView: ``/new`` and ``/<id>/edit``."""

    can_create = can_edit = False
    model_form_converter = FormConverter

    create_columns = edit_columns = None  # the whitelist where it differs from ``form_columns``

    def get_create_form(self):
        """The form for a new row: only what the whitelist names; without one there is no form."""
        return self._form_of(self.create_columns or self.form_columns)

    def get_edit_form(self):
        """The form for a row that is there."""
        return self._form_of(self.edit_columns or self.form_columns)

    def _form_of(self, columns):
        if not columns:
            return BaseForm
        fields = [self.model._meta.fields[name] for name in columns if name in self.model._meta.fields]
        converter = FormConverter(self)
        made = {field.name: converter.convert(self.model, field, None).field for field in fields}
        return type(f"{self.model.__name__}Form", (BaseForm,), made | self.extra_fields(columns))

    def extra_fields(self, columns):
        """{name: form field} of what the whitelist names and the table does not have."""
        return {}

    @expose("/new", methods=("GET", "POST"))
    def create_view(self):
        """Make a row by hand, where the screen allows it."""
        if not self.can_create:
            abort(404)
        if request.method == "GET":
            form = self._create_form_class(data=self._prefilled())
        else:
            form = self._create_form_class(form_data())
            if self.is_valid(form, None):
                row = self.create_model(form)
                if row:
                    flash(f"{self.heading(row)} was saved.", "success")
                    return redirect(self.after_save(row), 303)
        return self._form_page(form, None), 400 if request.method == "POST" else 200

    def _prefilled(self):
        given = {}
        for name, field in self.model._meta.fields.items():
            if name not in self._create_form_class.__dict__:
                continue
            if isinstance(field, ForeignKeyField) and request.args.get(name):
                given[name] = self.loader(field).get_one(request.args[name])
            elif field is not None and field.default is not None:
                given[name] = field.default() if callable(field.default) else field.default
        return given

    @expose("/<int:id>/edit", methods=("GET", "POST"))
    def edit_view(self, id):
        """Change a row by hand, where the screen allows it."""
        if not self.can_edit:
            abort(404)
        row = self.get_one(id)
        if request.method == "GET":
            return self._form_page(self._edit_form_class(obj=row), row)
        form = self._edit_form_class(form_data(), obj=row)
        if self.is_valid(form, row) and self.update_model(form, row):
            flash(f"{self.heading(row)} was saved.", "success")
            return redirect(self.after_save(row), 303)
        return self._form_page(form, row), 400

    def _form_page(self, form, row):
        return self.render(
            "admin/form.html",
            form=form,
            row=row,
            fields=list(form),
            back=back_url(self.row_url(row) if row else url_for(".index_view")),
            stored=getattr(g, "staff_stored", {}),
        )

    def row_url(self, row):
        """A row's own page."""
        return url_for(f"staff_{self.key}.details_view", id=row.id)

    def after_save(self, row):
        """Where saving leads: back to where one came from, else to the row."""
        return back_url(self.row_url(row))

    def is_valid(self, form, row):
        """What each field says, then what CHECKs and unique indexes would say without a sentence."""
        if not form.validate():
            return False
        for later, earlier in order_rules(self.model):
            if later in form and earlier in self.model._meta.fields:
                start = form[earlier].data if earlier in form else getattr(row, earlier, None)
                if form[later].data and start and form[later].data < start:
                    form[later].errors = [
                        f"This is before “{self.get_column_name(earlier)}”. Correct one of the two."
                    ]
        for names in unique_columns(self.model):
            self._refuse_double(form, row, names)
        self.check(form, row)
        return not form.errors

    def _refuse_double(self, form, row, names):
        typed = [name for name in names if name in form]
        if not typed:
            return
        values = {name: form[name].data if name in form else getattr(row, name, None) for name in names}
        if any(value in (None, "") for value in values.values()):
            return
        query = self.model.select().where(*[self.model._meta.fields[name] == values[name] for name in names])
        other = query.where(self.model.id != row.id).first() if row else query.first()
        if other:
            form[typed[0]].errors = [f"{labels.name_of(other)} has this already."]

    def check(self, form, row):
        """More to refuse: append to ``form[name].errors``. ``row`` is None for a new one."""

    def create_model(self, form):
        """Insert a row, with what its rules need, in one transaction; None when that was refused."""
        row = self.model()
        values = self._typed(form)
        for name, value in values.items():
            setattr(row, name, value)

        def write():
            row.save(force_insert=True)
            self.saved(row, form, created=True)
            after = {name: _plain_value(value) for name, value in values.items() if value not in (None, "")}
            events.record(
                f"{self.key}.created", row, by=g.by, now=g.now, customer=self.customer_of(row), after=after
            )
            return True

        return row if self._all_or_nothing(write) else None

    def update_model(self, form, row):
        """Write what was changed, unless somebody else was faster; True when it is stored."""
        typed = self._typed(form)
        changes = {name: value for name, value in typed.items() if _differs(row, name, value)}
        before = {name: _plain_value(getattr(row, name)) for name in changes}

        def write():
            if not self._store(row, changes):
                self._explain_conflict(form, row)
                return False
            self.saved(row, form, created=False)
            after = {name: _plain_value(value) for name, value in changes.items()}
            if changes:
                events.record(
                    f"{self.key}.changed", row,
                    by=g.by, now=g.now, customer=self.customer_of(row), before=before, after=after,
                )  # fmt: skip
            return True

        return self._all_or_nothing(write)

    def _typed(self, form):
        """What was typed, for columns only; text that was left empty is stored empty, not as nothing."""
        typed = {}
        for name in form._fields:
            field = self.model._meta.fields.get(name)
            value = form[name].data
            if field is None or (value is None and columns.is_blob(field)):
                continue
            if value is None and not field.null:
                value = field.default() if callable(field.default) else field.default
            typed[name] = value
        return typed

    def _store(self, row, changes):
        for name, value in changes.items():
            setattr(row, name, value)
        fields = {self.model._meta.fields[name]: value for name, value in changes.items()}
        where = self.model.id == row.id
        if isinstance(row, Editable):
            seen = finding.as_id(request.form.get("version", ""))
            where &= self.model.version == (seen or 0)
            fields[self.model.version] = self.model.version + 1
        stored = bool(self.model.update(fields).where(where).execute()) if fields else True
        row._dirty.clear()
        return stored

    def _explain_conflict(self, form, row):
        """Say who changed what meanwhile; what was typed stays in the form, and saving again overwrites."""
        now_stored = self.model.get_by_id(row.id)
        last = last_change(row)
        who = (
            f"{labels.person(last.by)} changed this {labels.ago(last.at, g.now)}"
            if last
            else "Somebody changed this"
        )
        flash(
            f"{who}, after you opened the form. What you typed is still here and is not saved yet. "
            "Look at what is stored now, and save again if yours is right.",
            "error",
        )
        row.version = now_stored.version
        fields = self.fields()
        names = [
            name for name in form._fields if name in fields and _differs(now_stored, name, form[name].data)
        ]
        self.prepare_one(now_stored)
        g.staff_stored = {name: self.show(now_stored, name) for name in names}

    def saved(self, row, form, *, created):
        """What the rules must do with a row that was just written, in the same transaction."""

    def customer_of(self, row):
        """Whose row it is, for the audit; None when it is nobody's."""
        if "customer" in self.model._meta.fields:
            return row.customer
        for name in ("contract", "site"):
            if name in self.model._meta.fields and getattr(row, name):
                return getattr(row, name).customer
        return None

    def _all_or_nothing(self, write):
        """Run ``write`` in one transaction; rolled back when it raises, and also when it says no."""
        try:
            with db.atomic() as transaction:
                if not write():
                    transaction.rollback()
                    return False
        except BillingError as refusal:
            flash(str(refusal), "error")
            return False
        except IntegrityError:
            flash("These values contradict each other or another row. Check the amounts and dates.", "error")
            return False
        return True


# --- pieces ----------------------------------------------------------------------------------------


def form_data():
    """What was posted, files included, without the keys that no form has."""
    data = request.form.copy()
    for name, upload in request.files.items():
        data[name] = upload
    return data


def unique_columns(model):
    """Groups of column names that may not come twice."""
    alone = [(field.name,) for field in model._meta.sorted_fields if field.unique and field.name != "id"]
    together = [tuple(index[0]) for index in model._meta.indexes if isinstance(index, tuple) and index[1]]
    return alone + together


def _differs(row, name, value):
    stored = row.__data__.get(name)
    return stored != getattr(value, "id", value)


def _plain_value(value):
    if isinstance(value, (bytes, memoryview)):
        return words.plural(len(bytes(value)), "byte")
    return getattr(value, "id", value)
