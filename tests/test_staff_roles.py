"""One table decides every route of the back office; this walks it for every role and for nobody."""

import pytest

import models
from admin import base, security
from models import Staff
from tests import factories
from tests.office import enter

ROLES = (*Staff.ROLES, None)


def ways(app):
    """(rule, method, path) of every route of the back office, with every action of every screen."""
    for rule in app.url_map.iter_rules():
        if not security.is_ours(rule.endpoint):
            continue
        method = "GET" if "GET" in rule.methods else "POST"
        path = rule.rule.replace("<int:id>", "999999")
        if not rule.endpoint.endswith(".act_view"):
            yield security.rule_of(rule.endpoint), method, path
            continue
        view = next(
            view for view in base._screens.values() if view.endpoint == rule.endpoint.partition(".")[0]
        )
        for action in view.actions:
            yield f"{view.key}.{action.name}", method, path.replace("<action>", action.name)


def test_a_page_and_a_screen_never_share_a_rule(app):
    """The screen of staff is written by owners only; a page of that name would close with it."""
    pages = {rule.endpoint for rule in app.url_map.iter_rules() if rule.endpoint.startswith("staff.")}
    screen = security._screen("staff", **dict.fromkeys((*security.VERBS.values(), "set_password", "unlock")))

    assert pages & set(screen) == set()
    assert "billing" in security.ACCESS["staff.write_to"]


def test_every_route_and_action_stands_in_the_table(app):
    missing = {rule for rule, _, _ in ways(app) if rule not in security.ACCESS}

    assert {rule for rule in missing if not rule.endswith(".write")} == set()
    assert {rule.partition(".")[0] for rule in missing} == {
        view.key for view in base._screens.values() if not view.can_create and not view.can_edit
    }


def test_the_table_names_nothing_that_does_not_exist(app):
    assert set(security.ACCESS) - {rule for rule, _, _ in ways(app)} == set()


@pytest.mark.parametrize("role", ROLES)
def test_a_role_enters_exactly_what_the_table_says(app, role):
    client = enter(app, role).client if role else app.test_client()
    app.config["WTF_CSRF_CHECK_DEFAULT"] = False

    for rule, method, path in ways(app):
        if rule in ("staff.sign_in", "staff.sign_out"):
            continue
        answer = client.open(path, method=method)
        roles = security.ACCESS.get(rule, ())
        entered = answer.status_code != 403 and not (answer.location or "").startswith("/staff/sign-in")
        assert entered == (role in roles), f"{role} {method} {path} -> {answer.status_code}"


def test_what_the_table_does_not_name_is_closed_for_an_owner(app, monkeypatch):
    olga = enter(app)
    monkeypatch.delitem(security.ACCESS, "invoice.read")

    assert olga.get("/staff/invoice/").status_code == 403
    assert olga.get("/staff/payment/").status_code == 200


def test_an_action_of_another_role_does_nothing_even_with_a_token(app, alice):
    invoice = factories.make_invoice(alice)
    sam = enter(app, "support")

    answer = sam.act("invoice", "void", invoice, reason="I should not")

    assert answer.status_code == 403
    assert models.Invoice.get_by_id(invoice.id).state == "issued"


def test_a_customer_who_is_signed_in_is_nobody_here(app, alice):
    client = app.test_client()
    with client.session_transaction() as session:
        session["contact_id"] = session["customer_id"] = factories.payer(alice).id

    assert client.get("/staff/").status_code == 303
    assert client.get(f"/staff/customer/{alice.id}").location.startswith("/staff/sign-in")


def test_the_page_of_a_refusal_says_who_one_is(app):
    answer = enter(app, "read_only").get("/staff/event/")

    assert answer.status_code == 403
    assert "read only" in answer.text
