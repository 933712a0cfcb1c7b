"""The back office: generated screens over every table, and the few pages that staff start their day with.

Here: putting it together under ``/staff``. The generator is base.py, what each table adds stands in tables/,
their order in views.py, the menu in menu.py, who may do what in security.py. Rules live in ``billing/``;
nothing here writes a state or an amount.
"""

from flask_admin import Admin
from flask_admin.theme import Bootstrap4Theme

from admin import base, collections, commands, labels, menu, security, views
from admin.home import Home

# Pages whose forms may bring files: their requests may be larger.
TAKES_FILES = frozenset({"staff_ticket.answer_view"})


def init_app(app):
    """Mount the back office under ``/staff``. Needs the app's connection and ``g`` set up before."""
    security.init_app(app)
    app.cli.add_command(commands.create_staff)
    office = Admin(
        app, name="Back office", index_view=Home(), theme=Bootstrap4Theme(base_template="admin/staff.html")
    )
    for heading, model, view in views.screens():
        office.add_view(_screen(heading, model, view))
    app.jinja_env.globals.update(
        staff_may=security.may, staff_menu=menu.groups, staff_labels=labels, **collections.GLOBALS
    )


def _screen(heading, model, view):
    """One screen: its name, its address and its place in the menu are read from the model."""
    name = model._meta.table_name
    made = view(
        model,
        name=view.plural or plural(labels.noun(model)),
        category=heading,
        endpoint=f"staff_{name}",
        url=f"/staff/{name.replace('_', '-')}",
    )
    base.register(made)
    return made


def plural(noun):
    """A heading: ``tax rate`` is Tax rates."""
    return f"{noun}s".capitalize()
