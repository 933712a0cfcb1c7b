"""The sandbox's customer profiles over the XML API: made, read, changed, validated, deleted."""

import json

import pytest

from tests.sandbox_process import account, card


def person(number="C-1", description="", email=""):
    fields = {"merchantCustomerId": number, "description": description, "email": email}
    return "".join(f"<{name}>{value}</{name}>" for name, value in fields.items() if value)


def create(sandbox, *given, more="", **known):
    return sandbox.ask("createCustomerProfileRequest", f"<profile>{person(*given, **known)}</profile>{more}")


@pytest.fixture
def profile(sandbox):
    return create(sandbox).text("customerProfileId")


def address(**fields):
    inner = "".join(f"<{name}>{value}</{name}>" for name, value in fields.items())
    return f"<billTo>{inner}</billTo>" if fields else ""


def add(sandbox, profile, source=None, *, mode="", more="", **fields):
    """createCustomerPaymentProfile with raw data; returns an Answer."""
    return sandbox.ask(
        "createCustomerPaymentProfileRequest",
        f"<customerProfileId>{profile}</customerProfileId><paymentProfile>{address(**fields)}"
        f"<payment>{source or card()}</payment>{more}</paymentProfile>"
        f"{mode and f'<validationMode>{mode}</validationMode>'}",
    )


def get(sandbox, profile, inner=""):
    return sandbox.ask(
        "getCustomerProfileRequest", f"<customerProfileId>{profile}</customerProfileId>{inner}"
    )


def ids(profile, method):
    return (
        f"<customerProfileId>{profile}</customerProfileId>"
        f"<customerPaymentProfileId>{method}</customerPaymentProfileId>"
    )


# -- profiles


def test_a_profile_is_made_and_found_by_its_id_number_and_email(sandbox):
    made = create(sandbox, "C-1", "Ann Example", "ann@example.com").text("customerProfileId")

    for inner in (
        f"<customerProfileId>{made}</customerProfileId>",
        "<merchantCustomerId>C-1</merchantCustomerId>",
        "<email>ann@example.com</email>",
    ):
        found = sandbox.ask("getCustomerProfileRequest", inner)
        assert found.text("profile/customerProfileId") == made
        assert found.text("profile/description") == "Ann Example"
        assert found.text("profile/email") == "ann@example.com"
        assert found.text("profile/profileType") == "regular"


def test_a_profile_needs_one_of_three_things(sandbox):
    answer = sandbox.ask("createCustomerProfileRequest", "<profile></profile>")

    assert (answer.code, answer.name) == ("E00041", "createCustomerProfileResponse")


def test_a_second_profile_of_the_same_customer_is_a_duplicate_that_is_named_in_the_text(sandbox):
    made = create(sandbox, "C-1", "Ann", "a@example.com").text("customerProfileId")

    again = create(sandbox, "C-1", "Ann", "a@example.com")

    assert (again.result, again.code) == ("Error", "E00039")
    assert again.sentence == f"A duplicate record with ID {made} already exists."
    assert again.text("customerProfileId") is None
    for empty in ("customerPaymentProfileIdList", "customerShippingAddressIdList"):
        assert again.text(empty) == ""
    assert again.text("validationDirectResponseList") == ""
    assert len(sandbox.profiles()) == 1


@pytest.mark.parametrize(("counts", "code"), [(True, "I00001"), (False, "E00039")])
def test_whether_the_email_makes_a_difference_is_a_switch(sandbox, counts, code):
    sandbox.post_control("options", {"profile_email_counts": counts})
    create(sandbox, "C-1", "Ann", "a@example.com")

    assert create(sandbox, "C-1", "Ann", "b@example.com").code == code


def test_all_profile_ids_are_listed(sandbox):
    made = [create(sandbox, f"C-{n}").text("customerProfileId") for n in range(3)]

    answer = sandbox.ask("getCustomerProfileIdsRequest")

    assert [node.text for node in answer.all("ids/numericString")] == made


def test_a_profile_is_changed_as_a_whole(sandbox, profile):
    inner = f"{person('C-2', 'New', 'n@example.com')}<customerProfileId>{profile}</customerProfileId>"
    assert sandbox.ask("updateCustomerProfileRequest", f"<profile>{inner}</profile>").code == "I00001"

    found = get(sandbox, profile)
    assert (found.text("profile/merchantCustomerId"), found.text("profile/email")) == (
        "C-2",
        "n@example.com",
    )


def test_a_profile_is_deleted_with_its_methods_once(sandbox, profile):
    method = add(sandbox, profile).text("customerPaymentProfileId")
    gone = f"<customerProfileId>{profile}</customerProfileId>"

    assert sandbox.ask("deleteCustomerProfileRequest", gone).code == "I00001"

    assert get(sandbox, profile).code == "E00040"
    assert sandbox.ask("getCustomerPaymentProfileRequest", ids(profile, method)).code == "E00040"
    assert sandbox.ask("deleteCustomerProfileRequest", gone).code == "E00040"
    assert sandbox.ask("deleteCustomerPaymentProfileRequest", ids(profile, method)).code == "E00040"


def test_a_second_delete_may_be_told_that_it_was_done(sandbox, profile):
    sandbox.post_control("options", {"deleted_twice": "I00003"})
    method = add(sandbox, profile).text("customerPaymentProfileId")

    answers = [
        sandbox.ask("deleteCustomerPaymentProfileRequest", ids(profile, wanted))
        for wanted in (method, method, "999999999999")
    ]

    assert [(one.result, one.code) for one in answers] == [
        ("Ok", "I00001"),
        ("Ok", "I00003"),
        ("Error", "E00040"),
    ]


@pytest.mark.parametrize(
    ("method", "inner"),
    [
        ("getCustomerProfileRequest", "<customerProfileId>1</customerProfileId>"),
        ("getCustomerProfileRequest", "<merchantCustomerId>nobody</merchantCustomerId>"),
        ("getCustomerProfileRequest", ""),
        ("updateCustomerProfileRequest", "<profile><customerProfileId>1</customerProfileId></profile>"),
        ("deleteCustomerProfileRequest", "<customerProfileId>1</customerProfileId>"),
        ("getCustomerPaymentProfileRequest", ids(1, 1)),
        ("getCustomerPaymentProfileRequest", "<customerProfileId>1</customerProfileId>"),
        ("deleteCustomerPaymentProfileRequest", ids(1, 1)),
        ("validateCustomerPaymentProfileRequest", ids(1, 1) + "<validationMode>none</validationMode>"),
        ("getHostedProfilePageRequest", "<customerProfileId>1</customerProfileId>"),
    ],
)
def test_what_does_not_exist_cannot_be_found(sandbox, method, inner):
    answer = sandbox.ask(method, inner)

    assert (answer.result, answer.code, answer.name) == (
        "Error",
        "E00040",
        method.removesuffix("Request") + "Response",
    )


@pytest.mark.parametrize(
    ("method", "inner", "expected"),
    [
        ("createCustomerProfileRequest", "", "'profile'"),
        (
            "createCustomerProfileRequest",
            "<profile><email>a</email><description>b</description></profile>",
            "",
        ),
        (
            "createCustomerPaymentProfileRequest",
            "<customerProfileId>1</customerProfileId>",
            "'paymentProfile'",
        ),
        ("getCustomerProfileRequest", "<customerProfileId>x</customerProfileId>", "Pattern"),
        ("deleteCustomerPaymentProfileRequest", "<customerPaymentProfileId>1</customerPaymentProfileId>", ""),
        ("validateCustomerPaymentProfileRequest", ids(1, 1), "'validationMode'"),
        (
            "getCustomerPaymentProfileListRequest",
            "<searchType>all</searchType><month>2027-05</month>",
            "Enum",
        ),
        ("createCustomerProfileFromTransactionRequest", "", "'transId'"),
        ("createCustomerProfileRequest", f"<profile>{person('x' * 21)}</profile>", "MaxLength"),
    ],
)
def test_the_schema_is_enforced_for_profiles_too(sandbox, method, inner, expected):
    answer = sandbox.ask(method, inner)

    assert (answer.name, answer.code) == ("ErrorResponse", "E00003")
    assert expected in answer.sentence


# -- methods


def test_a_card_and_an_account_are_kept_masked(sandbox, profile):
    add(sandbox, profile, firstName="Ann", zip="98004")
    add(sandbox, profile, account())

    cards = get(sandbox, profile).all("profile/paymentProfiles")

    def text(node, path):
        return node.findtext("/".join("{*}" + name for name in path.split("/")))

    assert text(cards[0], "payment/creditCard/cardNumber") == "XXXX1111"
    assert text(cards[0], "payment/creditCard/expirationDate") == "XXXX"
    assert text(cards[0], "payment/creditCard/cardType") == "Visa"
    assert text(cards[0], "billTo/firstName") == "Ann"
    assert text(cards[1], "payment/bankAccount/routingNumber") == "XXXX2882"
    assert text(cards[1], "payment/bankAccount/accountNumber") == "XXXX6781"
    assert text(cards[1], "payment/bankAccount/accountType") == "checking"


def test_the_expiration_is_shown_to_who_asks_for_it(sandbox, profile):
    method = add(sandbox, profile, card(expiration="05/31")).text("customerPaymentProfileId")
    unmasked = "<unmaskExpirationDate>true</unmaskExpirationDate>"

    alone = sandbox.ask("getCustomerPaymentProfileRequest", ids(profile, method) + unmasked)
    whole = get(sandbox, profile, unmasked)

    assert alone.text("paymentProfile/payment/creditCard/expirationDate") == "2031-05"
    assert whole.text("profile/paymentProfiles/payment/creditCard/expirationDate") == "2031-05"
    assert alone.text("paymentProfile/customerProfileId") == profile


def test_the_same_number_name_and_address_is_a_duplicate_whose_ids_are_told(sandbox, profile):
    known = {"firstName": "Ann", "lastName": "Example", "address": "1 Main St", "zip": "98004"}
    first = add(sandbox, profile, **known).text("customerPaymentProfileId")

    again = add(sandbox, profile, card(expiration="2040-01"), **known)

    assert (again.code, again.sentence) == (
        "E00039",
        "A duplicate customer payment profile already exists.",
    )
    assert again.text("customerProfileId") == profile
    assert again.text("customerPaymentProfileId") == first
    assert add(sandbox, profile, **{**known, "zip": "98005"}).code == "I00001"
    assert add(sandbox, profile, card("4007000000027"), **known).code == "I00001"
    other = create(sandbox, "C-2").text("customerProfileId")
    assert add(sandbox, other, **known).code == "I00001"


def test_the_eleventh_method_is_refused(sandbox, profile):
    answers = [add(sandbox, profile, zip=str(98000 + n)).code for n in range(11)]

    assert answers == ["I00001"] * 10 + ["E00042"]
    assert add(sandbox, profile, zip="1").sentence == "You cannot add more than 10 payment profiles."


@pytest.mark.parametrize(("mode", "asked"), [("testMode", False), ("liveMode", True)])
def test_a_method_is_validated_before_it_is_kept(sandbox, profile, mode, asked):
    """Only liveMode asks the bank."""
    good = add(sandbox, profile, mode=mode, address="1 Main St", zip="98004")
    wrong = add(sandbox, profile, card("4111111111111112"), mode=mode)
    declined = add(sandbox, profile, card("4007000000027"), mode=mode, zip="46282")

    fields = good.text("validationDirectResponse").split(",")
    assert len(fields) == 69
    assert (fields[0], fields[2], fields[10], fields[11], fields[50]) == (
        "1", "1", "CC", "auth_only", "XXXX1111",
    )  # fmt: skip
    assert (wrong.code, declined.code) == ("E00027", "E00027" if asked else "I00001")
    assert wrong.text("validationDirectResponse").split(",")[:3] == ["3", "1", "6"]
    assert len(sandbox.profiles()[0]["methods"]) == (1 if asked else 2)
    assert sandbox.transactions() == []


def test_a_kept_method_is_validated_later(sandbox, profile):
    fine = add(sandbox, profile).text("customerPaymentProfileId")
    bad = add(sandbox, profile, zip="46282").text("customerPaymentProfileId")
    mode = "<validationMode>liveMode</validationMode>"

    answers = [
        sandbox.ask("validateCustomerPaymentProfileRequest", ids(profile, method) + mode)
        for method in (fine, bad)
    ]

    assert [(one.result, one.code) for one in answers] == [("Ok", "I00001"), ("Error", "E00027")]
    assert [one.text("directResponse")[0] for one in answers] == ["1", "2"]


def test_a_method_is_changed_and_a_masked_number_stays(sandbox, profile):
    method = add(sandbox, profile).text("customerPaymentProfileId")

    def change(number, expiration):
        return sandbox.ask(
            "updateCustomerPaymentProfileRequest",
            f"<customerProfileId>{profile}</customerProfileId><paymentProfile><billTo><zip>1</zip></billTo>"
            f"<payment><creditCard><cardNumber>{number}</cardNumber><expirationDate>{expiration}"
            f"</expirationDate></creditCard></payment><defaultPaymentProfile>true</defaultPaymentProfile>"
            f"<customerPaymentProfileId>{method}</customerPaymentProfileId></paymentProfile>",
        ).code

    assert change("XXXX1111", "2035-06") == "I00001"
    [kept] = sandbox.profiles()[0]["methods"]
    assert (kept["account_number"], kept["expiration"], kept["is_default"]) == ("XXXX1111", "2035-06", True)
    assert json.loads(kept["bill_to"]) == {"zip": "1"}
    assert change("4007000000027", "2036-07") == "I00001"
    assert sandbox.profiles()[0]["methods"][0]["account_number"] == "XXXX0027"


def test_the_default_method_is_found_and_charged(sandbox, profile):
    default = "<defaultPaymentProfile>true</defaultPaymentProfile>"
    add(sandbox, profile, more=default)
    second = add(sandbox, profile, card("4007000000027"), more=default).text("customerPaymentProfileId")

    found = sandbox.ask(
        "getCustomerPaymentProfileRequest", f"<customerProfileId>{profile}</customerProfileId>"
    )
    paid = sandbox.charge_stored((profile, None), 1000)

    assert found.text("paymentProfile/customerPaymentProfileId") == second
    assert paid.text("transactionResponse/accountNumber") == "XXXX0027"


def test_cards_that_expire_in_a_month_are_listed_in_pages(sandbox):
    made = [sandbox.method(f"C-{n}", expiration="05/27", last_four=f"{1000 + n}")[1] for n in range(3)]
    sandbox.method("C-9", expiration="06/27")

    def listed(inner="", month="2027-05"):
        answer = sandbox.ask(
            "getCustomerPaymentProfileListRequest",
            f"<searchType>cardsExpiringInMonth</searchType><month>{month}</month>{inner}",
        )
        found = answer.all("paymentProfiles/paymentProfile")
        total = answer.text("totalNumInResultSet")
        return total, [node.findtext("{*}customerPaymentProfileId") for node in found]

    newest = "<sorting><orderBy>id</orderBy><orderDescending>true</orderDescending></sorting>"
    assert listed() == ("3", made)
    assert listed(newest) == ("3", made[::-1])
    assert listed("<paging><limit>2</limit><offset>2</offset></paging>") == ("3", made[2:])
    assert listed(month="2027-04") == ("0", [])


# -- from a transaction


def keep(sandbox, transaction, inner=""):
    return sandbox.ask(
        "createCustomerProfileFromTransactionRequest", f"<transId>{transaction}</transId>{inner}"
    )


def test_what_paid_is_kept_with_a_profile_that_exists(sandbox, profile):
    paid = sandbox.charge(1000, card())

    kept = keep(sandbox, paid.transaction_id, f"<customerProfileId>{profile}</customerProfileId>")

    assert kept.name == "createCustomerProfileResponse"
    method = kept.text("customerPaymentProfileIdList/numericString")
    [shown] = sandbox.profiles()[0]["methods"]
    assert (shown["method_id"], shown["account_number"]) == (method, "XXXX1111")
    assert shown["expiration"] == "2039-12"
    assert shown["network_trans_id"] == paid.text("transactionResponse/networkTransId")
    assert sandbox.charge_stored((profile, method), 2000).decision == ("1", "1")


def test_what_paid_is_kept_with_a_new_profile(sandbox):
    paid = sandbox.charge(1000, account()).transaction_id

    kept = keep(sandbox, paid, f"<customer>{person('C-7')}</customer>")

    assert [one["customer_number"] for one in sandbox.profiles()] == ["C-7"]
    assert kept.text("customerProfileId") == sandbox.profiles()[0]["profile_id"]


def test_what_is_kept_already_is_a_duplicate_whose_ids_are_told(sandbox, profile):
    into = f"<customerProfileId>{profile}</customerProfileId>"
    first = keep(sandbox, sandbox.charge(1000, card()).transaction_id, into)

    again = keep(sandbox, sandbox.charge(2000, card()).transaction_id, into)

    assert again.code == "E00039"
    listed = "customerPaymentProfileIdList/numericString"
    assert again.text(listed) == first.text(listed)


def test_some_transactions_cannot_be_kept(sandbox, profile):
    into = f"<customerProfileId>{profile}</customerProfileId>"
    declined = sandbox.charge(1000, card(), zip_code="46282").transaction_id
    paid = sandbox.charge(1000, card("4007000000027")).transaction_id
    old = {"reference": "H", "amount_cents": 1, "submitted_at": "2026-01-01T00:00:00"}
    [past] = sandbox.post_control("history", [old])["transaction_ids"]

    assert keep(sandbox, "1", into).code == "E00099"
    assert keep(sandbox, declined, into).code == "E00100"
    assert keep(sandbox, paid).code == "E00102"
    assert keep(sandbox, past, into).code == "E00103"
    assert keep(sandbox, paid, f"<customer>{person()}</customer>{into}").code == "E00108"
    assert keep(sandbox, paid, "<customerProfileId>1</customerProfileId>").code == "E00040"
    for number in range(10):
        add(sandbox, profile, zip=str(number))
    assert keep(sandbox, paid, into).code == "E00042"


def test_a_new_profile_is_not_left_behind_when_its_method_cannot_be_kept(sandbox):
    with_method = (
        f"<profile>{person()}<paymentProfiles><payment>{card('4111111111111112')}</payment></paymentProfiles>"
        "</profile><validationMode>testMode</validationMode>"
    )

    assert sandbox.ask("createCustomerProfileRequest", with_method).code == "E00027"
    assert sandbox.profiles() == []


def test_a_profile_can_be_made_together_with_a_method(sandbox):
    with_method = (
        f"<profile>{person()}<paymentProfiles><payment>{card()}</payment></paymentProfiles></profile>"
        "<validationMode>testMode</validationMode>"
    )

    made = sandbox.ask("createCustomerProfileRequest", with_method)

    [method] = sandbox.profiles()[0]["methods"]
    assert made.text("customerPaymentProfileIdList/numericString") == method["method_id"]
    assert made.text("validationDirectResponseList/string").startswith("1,1,1,")
