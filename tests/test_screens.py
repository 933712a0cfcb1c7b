"""The contract of every generated screen: it opens, it is safe, and nobody forgot one."""

from datetime import date

import pytest

import models
from admin import base, security, views
from admin.columns import is_secret
from tests import factories
from tests.office import enter, make_staff

NAMES = [model._meta.table_name for model in models.TABLES]  # each test walks them: an app is dear


@pytest.fixture
def furnished(app, alice, clock):
    """At least one row where rows are easily made."""
    site = factories.make_site(alice)
    factories.make_system(site)
    charge = factories.make_charge(factories.make_contract(alice), site=site)
    factories.make_rate()
    factories.make_one_off(alice)
    factories.make_invoice(alice)
    models.PriceChange.create(
        charge=charge, starts_on=date(2027, 1, 1), unit_cents=1, reason="r", by="t", made_at=factories.NOW
    )
    make_staff("owner")
    return app


def view_of(name):
    return next(view for model, view in base._screens.items() if model._meta.table_name == name)


def address(view):
    return f"/staff/{view.key.replace('_', '-')}"


def test_every_table_has_a_screen(app):
    assert {model._meta.table_name for model in base._screens} == set(NAMES)


def test_a_table_that_nobody_declared_gets_a_screen_too(monkeypatch):
    monkeypatch.setattr(views, "SCREENS", ())

    left = [model for _, model, view in views.screens() if view is base.StaffView]

    assert set(left) == set(models.TABLES)


@pytest.mark.parametrize("what", ["list", "filters", "search", "export", "details"])
def test_every_screen_opens_its(furnished, what):
    desk = enter(furnished)

    for name in NAMES:
        path, query = asked(furnished, view_of(name), what)
        assert path is None or desk.get(path, **query).status_code == 200, f"{path} {query}"


def asked(app, view, what):
    """The address and query that show one part of a screen; None where there is no row to show."""
    if what == "details":
        row = view.model.select().first()
        return (f"{address(view)}/{row.id}" if row else None), {}
    if what == "filters":
        with app.test_request_context():
            controls = [control for one in view.filters() for control in one.controls({})]
        return f"{address(view)}/", {one.name: one.options[0][0] if one.options else "1" for one in controls}
    part = "/export" if what == "export" else "/"
    return address(view) + part, {"search": "Ann 12"} if what == "search" else {}


def test_no_screen_deletes_or_edits_in_the_list(app):
    endpoints = {rule.endpoint for rule in app.url_map.iter_rules()}

    for name in NAMES:
        assert view_of(name).can_delete is False, name
        assert not view_of(name).column_editable_list, name
        for stock in ("delete_view", "action_view", "ajax_update"):
            assert f"staff_{name}.{stock}" not in endpoints


def test_a_form_holds_nothing_but_its_whitelist(app):
    for name in NAMES:
        view = view_of(name)
        for form, columns in (
            (view.get_create_form(), view.create_columns or view.form_columns),
            (view.get_edit_form(), view.edit_columns or view.form_columns),
        ):
            with app.test_request_context():
                assert set(form()._fields) <= set(columns or ()), name


def test_nothing_that_holds_money_or_evidence_can_be_typed(app):
    typed = {name for name in NAMES if view_of(name).can_create or view_of(name).can_edit}

    assert typed == {
        "company", "staff", "item", "tax_rate", "customer", "contact", "site", "system", "contract", "charge",
        "one_off", "customer_group", "reminder_policy", "reminder_step", "canned_reply", "renewal_rule",
    }  # fmt: skip


def test_no_form_offers_what_a_rule_owns(app):
    owned = {"open_cents", "total_cents", "number", "next_on", "next_index", "billed_on", "canceled_on",
             "password_hash", "version", "failed_tries", "import_batch", "end_reason"}  # fmt: skip

    for name in NAMES:
        view = view_of(name)
        assert not owned & set(view.form_columns or ()), name


def test_no_screen_shows_a_secret(furnished):
    for name in NAMES:
        view = view_of(name)
        secrets = {field.name for field in view.model._meta.sorted_fields if is_secret(field)}
        assert not secrets & {column for column, _ in (*view._list_columns, *view.get_details_columns())}
    known = {"password_hash", "token_hash", "code_hash", "calendar_hash", "form_token", "network_hash"}
    assert known == {
        field.name for model in models.TABLES for field in model._meta.sorted_fields if is_secret(field)
    }


def test_a_post_without_a_token_is_refused_everywhere(furnished):
    desk = enter(furnished)

    for view in map(view_of, NAMES):
        row = view.model.select().first()
        paths = [f"{address(view)}/new"] if view.can_create else []
        paths += [f"{address(view)}/{row.id}/edit"] if view.can_edit and row else []
        paths += [f"{address(view)}/act/{action.name}" for action in view.actions]
        for path in paths:
            assert desk.client.post(path, data={"id": 1, "name": "x"}).status_code == 400, path


def test_the_menu_shows_only_what_a_role_may_read(furnished):
    page = enter(furnished, "read_only").get("/staff/").text

    assert ">Invoices<" in page
    assert ">Audit<" not in page


def test_every_screen_stands_in_the_menu_of_an_owner(furnished):
    page = enter(furnished).get("/staff/").text

    for view in base._screens.values():
        assert f'href="{address(view)}/"' in page, view.key


def test_access_names_no_screen_that_does_not_exist(app):
    known = {rule.partition(".")[0] for rule in security.ACCESS} - {"staff"}

    assert known <= set(NAMES)
