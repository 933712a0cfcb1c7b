"""The generator: a screen for a table, read from its model. Safe by default.

Here: list, details, export and type-ahead of any model; editing.py and acting.py add forms and actions.
Not here: which columns a table shows and what it may do (tables/), who may (security.py), how a
list is found (lists.py), what a value looks like (labels.py). Nothing can be deleted: there is no route.
"""

import csv
import io

import flask_login
from flask import Response, abort, g, request, stream_with_context, url_for
from flask_admin import expose
from flask_admin.contrib.peewee import ModelView
from peewee import BooleanField, DateField, DateTimeField, ForeignKeyField, IntegerField

from admin import columns, filters, finding, labels, lists, related, security
from admin.acting import Acting
from admin.audit import history
from admin.editing import Editing
from billing import events
from models import MoneyField, RateField

MOST_COLUMNS = 9
# Ours to know, nobody's to read.
INTERNAL = ("id", "version", "key", "asks", "searched_at", "ask_at", "form_token_at", "unclear")
INLINE_ROWS = 20


class Guarded:
    """What every view does differently: security.guard has decided already, and errors stay themselves."""

    def _handle_view(self, name, **kwargs):
        return None

    def _run_view(self, fn, *args, **kwargs):
        """Without the stock second try, which hides every TypeError behind another one."""
        return fn(self, *args, **kwargs)


class StaffView(Guarded, Editing, Acting, ModelView):
    """One generated screen. Subclasses in tables/ only say what their table needs."""

    can_delete = False  # and there is no route for it either; a test asserts both
    can_view_details = can_export = True
    column_editable_list = ()  # its endpoint would bypass everything below
    delete_view = action_view = ajax_update = None  # no such routes

    column_filters_by = None  # names of filtered columns; None: every column that has a filter
    search_by = None  # what a search looks at; None: read from the model
    default_sort = "-id"
    inline = ()  # backrefs that the details page shows as tables
    unlisted = ()  # backrefs that it shows in a way of its own
    computed = ()  # columns that are no fields: methods ``show_<name>(row)``
    inline_sort = "-id"  # the order of its rows on the page of the row they belong to
    details_page = "admin/details.html"
    plural = None
    lead = ""  # one line under the heading of the list
    scope = None
    listing_class = lists.Listing
    rank = None  # callable(ids): the order in which a short filtered list is worked off

    # --- what the model says ---------------------------------------------------------------------

    def fields(self):
        """{name: field} of all that may be shown."""
        return {field.name: field for field in self.model._meta.sorted_fields if not columns.is_secret(field)}

    def scaffold_list_columns(self):
        """The first columns worth reading in a row: no long text, no pictures, no bookkeeping."""
        hidden = ("id", "version", "key")
        fields = [field for field in self.fields().values() if field.name not in hidden]
        return [field.name for field in fields if not columns.is_big(field)][:MOST_COLUMNS]

    def get_list_columns(self):
        """The columns of a row. The first leads to the row, so it is never one that leads elsewhere."""
        columns = super().get_list_columns()
        first = self.model._meta.fields.get(columns[0][0])
        return [("id", "No."), *columns] if isinstance(first, ForeignKeyField) else columns

    def scaffold_sortable_columns(self):
        """Nothing: ``lists.can_sort`` decides with the rows at hand."""
        return {}

    def get_column_name(self, field):
        """The heading of a column."""
        return labels.of(self.model._meta.fields.get(field, field), self.column_labels)

    def get_details_columns(self):
        """Every column but secrets and the version."""
        names = [name for name in self.fields() if name not in INTERNAL]
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
        return finding.Loader(
            field.rel_model,
            finding.searched(field.rel_model),
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
        return filters.generated_filter(self.fields()[name], self.get_column_name(name), self.loader)

    def listing(self):
        """The Listing of this screen."""
        search = finding.searched(self.model) if self.search_by is None else self.search_by
        return self.listing_class(
            self.model,
            filters=self.filters(),
            search=search,
            sort=self.default_sort,
            columns=self.list_fields(),
            scope=self.scope,
            size=self.page_size,
            rank=self.rank,
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

    def cell_class(self, name):
        """How a column behaves in a narrow table: amounts at the right, short words unbroken, text wraps."""
        if self.is_number(name):
            return "num"
        field = self.fields().get(name)
        short = (IntegerField, DateField, DateTimeField, BooleanField)
        is_short = field is not None and (field.choices or isinstance(field, short))
        return "tight" if is_short and not isinstance(field, ForeignKeyField) else ""

    def prepare(self, rows):
        """Read what the rows of a page need beside themselves, with few queries."""
        related.load(rows, [field for field in self.list_fields() if isinstance(field, ForeignKeyField)])

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
            actions=self.bulk_actions(page.rows),
        )

    def list_url(self, **changes):
        """The list as it is asked for now, with some arguments changed; None takes one away."""
        kept = {name: request.args.getlist(name) for name in request.args if name not in ("above", "below")}
        kept.update(changes)
        return url_for(
            ".index_view", **{name: value for name, value in kept.items() if value not in (None, "", [""])}
        )

    def given(self):
        """What the list is narrowed to by rows, for a new row of the same."""
        return {name: id for name in self.fields() if (id := finding.as_id(request.args.get(name, "")))}

    def sort_url(self, page, name):
        """The list sorted by a column, or the other way round; None where that would be slow."""
        field = self.fields().get(name)
        if field is None or not lists.can_sort(field, page.is_capped):
            return None
        down = page.sorted_by == name and not page.descending
        return self.list_url(sort=("-" if down else "") + name)

    @expose("/<int:id>")
    def details_view(self, id):
        """All of one row, what hangs on it, and what was done to it."""
        row = self.get_one(id)
        self.prepare_one(row)
        return self.render(
            self.details_page,
            row=row,
            columns=self._details_columns,
            tables=[table for name in self.inline if (table := self._inline_table(row, name))],
            links=self._links(row),
            history=history(row),
            actions=self.row_actions(row),
        )

    def get_one(self, id):
        """The row of this id inside the screen's scope; 404 for anything else."""
        id = finding.as_id(id)
        query = self.model.select().where(self.model.id == id)
        if self.scope is not None:
            query = query.where(self.scope)
        return (query.first() if id else None) or abort(404)

    def prepare_one(self, row):
        """Related rows for a details page."""
        fields = [field for field in self.fields().values() if isinstance(field, ForeignKeyField)]
        related.load([row], fields)

    def more_links(self, row):
        """[(words, address)] of other pages about a row, shown beside its actions."""
        return []

    def banners(self, row):
        """[(sentence, address)] of what one must know before acting on a row."""
        return []

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
        newest_first = self.inline_sort.startswith("-")
        order = self.model.id.desc() if newest_first else self.model.id.asc()
        rows = list(self.model.select().where(field == row).order_by(order).limit(most + 1))
        self.prepare(rows)
        return {
            "title": labels.of(name),
            "view": self,
            "columns": [column for column in self._list_columns if column[0] != field.name],
            "rows": rows[:most],
            "more": url_for(f"staff_{self.key}.index_view", **{field.name: row.id})
            if len(rows) > most
            else "",
        }

    def _links(self, row):
        """What else leads here: [(words, address)] with counts."""
        found = []
        for field in self.model._meta.backrefs:
            view = screen(field.model)
            if field.backref in (*self.inline, *self.unlisted) or view is None or not view.is_accessible():
                continue
            count = field.model.select(field.model.id).where(field == row).limit(1_000).count()
            if count:
                address = url_for(f"staff_{view.key}.index_view", **{field.name: row.id})
                found.append(
                    (f"{labels.of(field.backref)} ({count}{'+' if count == 1_000 else ''})", address)
                )
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


# --- pieces ----------------------------------------------------------------------------------------

_screens = {}


def screen(model):
    """The view of a model, or None while there is none."""
    return _screens.get(model)


def register(view):
    """Remember the view of a model, so that others can lead to it and show its rows."""
    _screens[view.model] = view


def _csv_lines(rows):
    buffer = io.StringIO()
    csv.writer(buffer).writerows(rows)
    return buffer.getvalue()
