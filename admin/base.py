"""The generator: a screen for a table, read from its model. Safe by default.

Here: list, details, form, export, type-ahead and actions of any model, and saving with version check and
audit. Not here: which columns a table shows and what it may do (views.py), who may (security.py), how a
list is found (lists.py), what a value looks like (labels.py). Nothing can be deleted: there is no route.
"""

import csv
import io
import secrets

from flask import Response, abort, flash, g, redirect, request, session, stream_with_context, url_for
from flask_admin import expose
from flask_admin.contrib.peewee import ModelView
from flask_admin.form import BaseForm
from peewee import ForeignKeyField, IntegrityError

import flask_login
from admin import labels, lists, security
from admin.fields import FormConverter, order_rules
from billing import events, words
from billing.errors import BillingError
from models import Editable, Event, MoneyField, RateField, db

MOST_COLUMNS = 9
INLINE_ROWS = 20


class Guarded:
    """What every view here does differently: security.guard has decided already, and errors stay themselves."""

    def _handle_view(self, name, **kwargs):
        return None

    def _run_view(self, fn, *args, **kwargs):
        """Without the stock second try, which hides every TypeError behind another one."""
        return fn(self, *args, **kwargs)


class StaffView(Guarded, ModelView):
    """One generated screen. Subclasses in views.py only say what their table needs."""

    can_create = can_edit = can_delete = False  # a test asserts that nothing can be deleted
    can_view_details = can_export = True
    column_editable_list = ()  # its endpoint would bypass everything below
    model_form_converter = FormConverter
    delete_view = action_view = ajax_update = None  # no such routes

    column_filters_by = None  # names of filtered columns; None: every column that has a filter
    search_by = None  # what a search looks at; None: read from the model
    default_sort = "-id"
    actions = ()
    inline = ()  # backrefs that the details page shows as tables
    computed = ()  # columns that are no fields: methods ``show_<name>(row)``
    plural = None
    lead = ""  # one line under the heading of the list
    scope = None

    # --- what the model says ---------------------------------------------------------------------

    def fields(self):
        """{name: field} of all that may be shown."""
        return {field.name: field for field in self.model._meta.sorted_fields if not lists.is_secret(field)}

    def scaffold_list_columns(self):
        """The first columns worth reading in a row: no long text, no pictures, no bookkeeping."""
        hidden = ("id", "version", "key")
        fields = [field for field in self.fields().values() if field.name not in hidden]
        return [field.name for field in fields if not lists.is_big(field)][:MOST_COLUMNS]

    def get_list_columns(self):
        """The columns of a row. The first leads to the row, so it is never one that leads elsewhere."""
        columns = super().get_list_columns()
        first = self.model._meta.fields.get(columns[0][0])
        return [("id", "No."), *columns] if isinstance(first, ForeignKeyField) else columns

    def scaffold_sortable_columns(self):
        """Nothing: ``lists.Listing.can_sort`` decides with the rows at hand."""
        return {}

    def get_column_name(self, field):
        """The heading of a column."""
        return labels.of(self.model._meta.fields.get(field, field), self.column_labels)

    def get_details_columns(self):
        """Every column but secrets and the version."""
        names = [name for name in self.fields() if name not in ("version", "id")]
        return [(name, self.get_column_name(name)) for name in (*self.computed, *names)]

    def list_fields(self):
        """The fields among the list's columns."""
        return [self.fields()[name] for name, _ in self._list_columns if name in self.fields()]

    @property
    def noun(self):
        """What one row is called."""
        return labels.noun(self.model)

    @property
    def key(self):
        """The table's name, under which security.py knows the screen."""
        return self.model._meta.table_name

    def is_accessible(self):
        """For the menu; the guard of security.py decides every route."""
        return security.may(f"{self.key}.read")

    def may_write(self):
        """True when this person may create and edit here."""
        return security.may(f"{self.key}.write")

    # --- filters, search, type-ahead ---------------------------------------------------------------

    def loader(self, field):
        """Type-ahead over the table behind a foreign key."""
        return lists.Loader(
            field.rel_model,
            lists.searched(field.rel_model),
            lambda: url_for(f"staff_{self.key}.ajax_lookup", name=field.name),
        )

    def filters(self):
        """The filters of the list: declared names, own Filter objects, or all that the model allows."""
        chosen = self.column_filters_by
        if chosen is None:
            chosen = [name for name in self.fields() if name not in ("id", "version", "key")]
        made = [self._filter(name) if isinstance(name, str) else name for name in chosen]
        return [one for one in made if one is not None]

    def _filter(self, name):
        return lists.generated_filter(self.fields()[name], self.get_column_name(name), self.loader)

    def listing(self):
        """The Listing of this screen."""
        search = lists.searched(self.model) if self.search_by is None else self.search_by
        return lists.Listing(
            self.model,
            filters=self.filters(),
            search=search,
            sort=self.default_sort,
            columns=self.list_fields(),
            scope=self.scope,
            size=self.page_size,
        )

    page_size = 25

    # --- values ------------------------------------------------------------------------------------

    def show(self, row, name, *, whole=False):
        """One value as HTML; a method ``show_<name>`` has the last word."""
        own = getattr(self, f"show_{name}", None)
        return own(row) if own else labels.value(self.fields()[name], row, whole=whole)

    def plain(self, row, name):
        """One value for the export."""
        if own := getattr(self, f"plain_{name}", None):
            return labels.harmless(str(own(row)))
        field = self.fields()[name]
        if isinstance(field, ForeignKeyField):
            other = getattr(row, name)
            return labels.harmless(labels.name_of(other)) if other else ""
        return labels.plain(field, getattr(row, name))

    def is_number(self, name):
        """True for columns that line up at the right."""
        return isinstance(self.fields().get(name), (MoneyField, RateField))

    def prepare(self, rows):
        """Read what the rows of a page need beside themselves, with few queries."""
        lists.load_related(rows, [field for field in self.list_fields() if isinstance(field, ForeignKeyField)])

    # --- pages -------------------------------------------------------------------------------------

    @expose("/")
    def index_view(self):
        """The list."""
        listing = self.listing()
        page = listing.page(request.args)
        self.prepare(page.rows)
        return self.render(
            "admin/list.html",
            page=page,
            listing=listing,
            controls=[control for one in listing.filters for control in one.controls(request.args)],
            said=[words_ for one in listing.filters if (words_ := one.words(request.args))],
            actions=self.bulk_actions(),
        )

    def list_url(self, **changes):
        """The list as it is asked for now, with some arguments changed; None takes one away."""
        kept = {name: request.args.getlist(name) for name in request.args if name not in ("above", "below")}
        kept.update(changes)
        return url_for(".index_view", **{name: value for name, value in kept.items() if value not in (None, "", [""])})

    def given(self):
        """What the list is narrowed to by rows, for a new row of the same."""
        return {name: id for name in self.fields() if (id := lists.as_id(request.args.get(name, "")))}

    def sort_url(self, page, name):
        """The list sorted by a column, the other way round when it is already; None where that would be slow."""
        field = self.fields().get(name)
        if field is None or not self.listing().can_sort(field, page.count):
            return None
        down = page.sorted_by == name and not page.descending
        return self.list_url(sort=("-" if down else "") + name)

    @expose("/<int:id>")
    def details_view(self, id):
        """All of one row, what hangs on it, and what was done to it."""
        row = self.get_one(id)
        self.prepare_one(row)
        return self.render(
            "admin/details.html",
            row=row,
            columns=self._details_columns,
            tables=[table for name in self.inline if (table := self._inline_table(row, name))],
            links=self._links(row),
            history=history(row),
            actions=self.row_actions(row),
        )

    def get_one(self, id):
        """The row of this id inside the screen's scope; 404 for anything else."""
        id = lists.as_id(id)
        query = self.model.select().where(self.model.id == id)
        if self.scope is not None:
            query = query.where(self.scope)
        return (query.first() if id else None) or abort(404)

    def prepare_one(self, row):
        """Related rows for a details page."""
        fields = [field for field in self.fields().values() if isinstance(field, ForeignKeyField)]
        lists.load_related([row], fields)

    def heading(self, row):
        """A row's own words."""
        return labels.name_of(row)

    def _inline_table(self, row, backref):
        field = next(field for field in self.model._meta.backrefs if field.backref == backref)
        view = screen(field.model)
        if view is None or not view.is_accessible():
            return None
        return view.table_of(field, row, backref)

    def table_of(self, field, row, name, most=INLINE_ROWS):
        """The newest rows of this screen that belong to ``row``, for its page."""
        rows = list(self.model.select().where(field == row).order_by(self.model.id.desc()).limit(most + 1))
        self.prepare(rows)
        return {
            "title": labels.of(name),
            "view": self,
            "columns": [column for column in self._list_columns if column[0] != field.name],
            "rows": rows[:most],
            "more": url_for(f"staff_{self.key}.index_view", **{field.name: row.id}) if len(rows) > most else "",
        }

    def _links(self, row):
        """What else leads here: [(words, address)] with counts."""
        found = []
        for field in self.model._meta.backrefs:
            view = screen(field.model)
            if field.backref in self.inline or view is None or not view.is_accessible():
                continue
            count = field.model.select(field.model.id).where(field == row).limit(1_000).count()
            if count:
                address = url_for(f"staff_{view.key}.index_view", **{field.name: row.id})
                found.append((f"{labels.of(field.backref)} ({count}{'+' if count == 1_000 else ''})", address))
        return found

    @expose("/lookup")
    def ajax_lookup(self):
        """Suggestions for a foreign key of this table, a few at a time."""
        field = self.model._meta.fields.get(request.args.get("name", ""))
        if not isinstance(field, ForeignKeyField):
            abort(404)
        loader = self.loader(field)
        limit = request.args.get("limit", 10, type=int)
        offset = request.args.get("offset", 0, type=int)
        rows = loader.get_list(request.args.get("query", ""), offset, limit)
        return [{"id": id, "text": text} for id, text in map(loader.format, rows)]

    # --- export ------------------------------------------------------------------------------------

    @expose("/export")
    def export(self):
        """The list as it is filtered, as CSV: streamed, in bounded memory, and noted in the audit."""
        events.record(
            f"{self.key}.exported",
            flask_login.current_user.row,
            by=g.by,
            now=g.now,
            after={name: value for name, value in request.args.items() if value},
        )
        chunks = self.listing().chunks(request.args.copy())
        name = f"{self.plural_name.lower().replace(' ', '-')}-{g.today.isoformat()}.csv"
        return Response(
            stream_with_context(self._csv(chunks)),
            mimetype="text/csv",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )

    def _csv(self, chunks):
        columns = [("id", "No."), *((name, label) for name, label in self._list_columns if name != "id")]
        yield "\ufeff" + _csv_lines([[label for _, label in columns]])
        for rows in chunks:
            self.prepare(rows)
            yield _csv_lines([[self.plain(row, name) for name, _ in columns] for row in rows])

    @property
    def plural_name(self):
        """What the screen is called."""
        return str(self.name)

    # --- forms -------------------------------------------------------------------------------------

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
        """What each field says, then what the table's CHECKs and unique indexes would say without a sentence."""
        if not form.validate():
            return False
        for later, earlier in order_rules(self.model):
            if later in form and earlier in self.model._meta.fields:
                start = form[earlier].data if earlier in form else getattr(row, earlier, None)
                if form[later].data and start and form[later].data < start:
                    form[later].errors = [f"This is before “{self.get_column_name(earlier)}”. Correct one of the two."]
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
            events.record(f"{self.key}.created", row, by=g.by, now=g.now, customer=self.customer_of(row), after=after)
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
            if field is None or (value is None and lists.is_blob(field)):
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
            seen = lists.as_id(request.form.get("version", ""))
            where &= self.model.version == (seen or 0)
            fields[self.model.version] = self.model.version + 1
        stored = bool(self.model.update(fields).where(where).execute()) if fields else True
        row._dirty.clear()
        return stored

    def _explain_conflict(self, form, row):
        """Say who changed what meanwhile; what was typed stays in the form, and saving again overwrites."""
        now_stored = self.model.get_by_id(row.id)
        last = last_change(row)
        who = f"{labels.person(last.by)} changed this {labels.ago(last.at, g.now)}" if last else "Somebody changed this"
        flash(
            f"{who}, after you opened the form. What you typed is still here and is not saved yet. "
            "Look at what is stored now, and save again if yours is right.",
            "error",
        )
        row.version = now_stored.version
        fields = self.fields()
        names = [name for name in form._fields if name in fields and _differs(now_stored, name, form[name].data)]
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

    # --- actions -----------------------------------------------------------------------------------

    def bulk_actions(self):
        """The actions that this person may do with many rows."""
        return [one for one in self.actions if one.bulk and security.may(f"{self.key}.{one.name}")]

    def row_actions(self, row):
        """The actions that this person may do with this row as it is now."""
        return [one for one in self.actions if security.may(f"{self.key}.{one.name}") and one.fits(row)]

    @expose("/act/<action>", methods=("GET", "POST"))
    def act_view(self, action):
        """Ask before, do it row by row, say what came of each."""
        chosen = next((one for one in self.actions if one.name == action), None) or abort(404)
        rows = self._rows(lists.as_ids(request.values.getlist("id")))
        if not rows:
            flash("Tick at least one row first.", "error")
            return redirect(back_url(url_for(".index_view")), 303)
        form = chosen.form_for(rows, request.form if request.method == "POST" else None)
        if request.method == "POST" and form.validate():
            return self._perform(chosen, rows, form)
        return self.render(
            "admin/act.html",
            action=chosen,
            rows=rows,
            form=form,
            click=request.form.get("click") or secrets.token_urlsafe(16),
            back=back_url(self.row_url(rows[0]) if len(rows) == 1 else url_for(".index_view")),
            effects=[(row, chosen.effect(row)) for row in rows],
        ), 400 if request.method == "POST" else 200

    def _rows(self, ids):
        query = self.model.select().where(self.model.id.in_(ids))
        found = {row.id: row for row in (query.where(self.scope) if self.scope is not None else query)} if ids else {}
        rows = [found[id] for id in ids if id in found]
        self.prepare(rows)
        return rows

    def _perform(self, action, rows, form):
        """One use case for each row; a refusal of one does not stop the others."""
        if not first_time(request.form.get("click", "")):
            flash("This was done already; nothing was done twice.", "error")
            return redirect(back_url(url_for(".index_view")), 303)
        results = [self._one(action, row, form) for row in rows]
        if len(rows) == 1 and not action.shows_result:
            done, sentence = results[0][1:]
            if not done:
                forget(request.form.get("click", ""))
                flash(sentence, "error")
                return self._again(action, rows, form)
            flash(sentence, "success")
            return redirect(back_url(self.row_url(rows[0])), 303)
        return self.render("admin/results.html", action=action, results=results, back=back_url(url_for(".index_view")))

    def _again(self, action, rows, form):
        return self.render(
            "admin/act.html",
            action=action,
            rows=rows,
            form=form,
            click=secrets.token_urlsafe(16),
            back=back_url(self.row_url(rows[0])),
            effects=[(row, action.effect(row)) for row in rows],
        ), 409

    def _one(self, action, row, form):
        try:
            return row, True, action.run(row, form) or action.done.format(row=labels.name_of(row))
        except BillingError as refusal:
            return row, False, str(refusal)


# --- pieces ----------------------------------------------------------------------------------------

_screens = {}


def screen(model):
    """The view of a model, or None while there is none."""
    return _screens.get(model)


def register(view):
    """Remember the view of a model, so that others can lead to it and show its rows."""
    _screens[view.model] = view


def form_data():
    """What was posted, files included, without the keys that no form has."""
    data = request.form.copy()
    for name, upload in request.files.items():
        data[name] = upload
    return data


def back_url(default):
    """Where ``?url=`` says one came from, when that is a page of ours."""
    target = request.values.get("url", "")
    return security.safe_next(target) if target else default


def history(row, most=30):
    """The audit of one row, newest first."""
    about = (Event.about_table == row._meta.table_name) & (Event.about_id == row.id)
    return list(Event.select().where(about).order_by(Event.id.desc()).limit(most))


def last_change(row):
    """The last event about a row, or None."""
    return next(iter(history(row, 1)), None)


def unique_columns(model):
    """Groups of column names that may not come twice."""
    alone = [(field.name,) for field in model._meta.sorted_fields if field.unique and field.name != "id"]
    together = [tuple(index[0]) for index in model._meta.indexes if isinstance(index, tuple) and index[1]]
    return alone + together


def first_time(click):
    """True once for each form that was shown: a double click is not a second order."""
    used = session.get("staff_clicks", [])
    if not click or click in used:
        return False
    session["staff_clicks"] = [*used[-19:], click]
    return True


def forget(click):
    """A refused form may be sent again."""
    session["staff_clicks"] = [used for used in session.get("staff_clicks", []) if used != click]


def _differs(row, name, value):
    stored = row.__data__.get(name)
    return stored != getattr(value, "id", value)


def _plain_value(value):
    if isinstance(value, (bytes, memoryview)):
        return words.plural(len(bytes(value)), "byte")
    return getattr(value, "id", value)


def _csv_lines(rows):
    buffer = io.StringIO()
    csv.writer(buffer).writerows(rows)
    return buffer.getvalue()


