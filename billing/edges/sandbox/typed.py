"""What people type into the hosted pages: fields to a card or an account, and what is wrong with them.

Shared by the payment page (``hosted``) and the profile pages (``profile_pages``); numbers pass through here
and are not kept.
"""

import re

from billing.edges.sandbox.verdicts import Account, Card

ADDRESS = ("firstName", "lastName", "address", "city", "state", "zip")
SECRET = ("number", "code", "routing", "account")  # a form that comes back does not show these
TEST_ADDRESS = {"firstName": "Terry", "lastName": "Tester", "address": "1 Test Street", "zip": "98004"}
FIELD_OF_REASON = {
    6: "number", 7: "expiration", 8: "expiration", 9: "routing", 10: "account", 17: "number", 78: "code",
}  # fmt: skip


def given(form, tests, now):
    """The form's fields, or those of the test method whose button was pressed.

    tests -- key of a button -> fields, which win over a test person's address and a card good for two years
    """
    fields = {name: value.strip() for name, value in form.items()}
    if fields.get("test") in tests:
        if fields.get("zip") in {one["zip"] for one in tests.values() if "zip" in one}:
            del fields["zip"]  # what another test button filled in decides nothing about this one
        fields |= {name: fields.get(name) or value for name, value in TEST_ADDRESS.items()}
        fields |= {"expiration": f"12/{now.year % 100 + 2:02d}", "code": "900", **tests[fields["test"]]}
    return fields


def problems(fields, *, code_required=False, address_required=False):
    """Field name -> what is wrong with it, before anybody looks at the numbers."""
    needed = {"number": "Enter the card number.", "expiration": "Enter the expiration date as MM/YY."}
    if code_required:
        needed["code"] = "Enter the security code."
    if fields["method"] == "bank":
        needed = {
            "routing": "Enter the nine digits of the routing number.",
            "account": "Enter the account number.",
            "name": "Enter the name on the account.",
        }
    if address_required:
        needed |= {"address": "Enter the street address.", "zip": "Enter the ZIP code."}
    return {name: sentence for name, sentence in needed.items() if not fields.get(name)}


def source(fields):
    """The card or account that was typed."""
    digits = {name: re.sub(r"[ -]", "", fields.get(name, "")) for name in ("number", "routing", "account")}
    if fields["method"] == "card":
        return Card(digits["number"], fields.get("expiration", ""), fields.get("code", ""))
    kind = fields.get("account_type") or "checking"
    echeck = "CCD" if kind == "businessChecking" else "WEB"
    return Account(digits["routing"], digits["account"], fields.get("name", "")[:22], kind, echeck)


def address(fields):
    """The billing address that was typed, without what was left empty."""
    return {name: fields[name] for name in ADDRESS if fields.get(name)}


def harmless(fields):
    """The fields that a form may show again."""
    return {name: value for name, value in fields.items() if name not in SECRET}
