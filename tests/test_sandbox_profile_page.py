"""The sandbox's pages for saved methods: added, changed and removed by a person, and offered when paying."""

import json

import pytest
import requests

from tests.sandbox_process import ACCOUNT, ADDRESS, VISA

BACK = "https://merchant.example/methods"


@pytest.fixture
def profile(sandbox):
    answer = sandbox.ask(
        "createCustomerProfileRequest", "<profile><merchantCustomerId>C-1</merchantCustomerId></profile>"
    )
    return answer.text("customerProfileId")


def ask(sandbox, profile, **settings):
    """Ask for a profile page; returns an Answer."""
    wanted = {
        "hostedProfileReturnUrl": BACK,
        "hostedProfileReturnUrlText": "Back to your account",
        **settings,
    }
    rows = "".join(
        f"<setting><settingName>{name}</settingName><settingValue>{value}</settingValue></setting>"
        for name, value in wanted.items()
    )
    return sandbox.ask(
        "getHostedProfilePageRequest",
        f"<customerProfileId>{profile}</customerProfileId><hostedProfileSettings>{rows}</hostedProfileSettings>",
    )


@pytest.fixture
def token(sandbox, profile):
    return ask(sandbox, profile).text("token")


def saved(sandbox):
    return [
        (one["account_type"], one["account_number"], one["expiration"])
        for profile in sandbox.profiles()
        for one in profile["methods"]
    ]


# -- asking for it


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"hostedProfileInvented": "true"}, "E00013"),
        ({"hostedProfileValidationMode": "always"}, "E00013"),
        ({"hostedProfileCardCodeRequired": "1"}, "E00013"),
        ({"hostedProfileHeadingBgColor": "blue"}, "E00013"),
        ({"hostedProfileSaveButtonText": "x" * 33}, "E00013"),
        ({"hostedProfileReturnUrl": "/back"}, "E00013"),
        ({"hostedProfileReturnUrl": BACK + "?x=1"}, "E00013"),
        (
            {"hostedProfilePaymentOptions": "showCreditCard", "hostedProfileManageOptions": "showAll"},
            "I00001",
        ),
    ],
)
def test_a_page_that_the_real_gateway_would_refuse_is_refused(sandbox, profile, settings, code):
    assert ask(sandbox, profile, **settings).code == code


# -- adding


def test_a_card_is_added_and_the_way_back_carries_nothing(sandbox, token):
    page = sandbox.add_method(token)

    assert page.headline == "Visa ending 1111, expires 12/39 was saved."
    assert page.link("Back to your account") == BACK
    assert saved(sandbox) == [("Visa", "XXXX1111", "2039-12")]
    [method] = sandbox.profiles()[0]["methods"]
    assert json.loads(method["bill_to"]) == ADDRESS
    assert sandbox.charge_stored(
        (sandbox.profiles()[0]["profile_id"], method["method_id"]), 100
    ).decision == (
        "1",
        "1",
    )


def test_a_bank_account_is_added(sandbox, token):
    page = sandbox.add_method(token, ACCOUNT, account_type="savings")

    assert page.headline == "Bank account ending 6781 was saved."
    [method] = sandbox.profiles()[0]["methods"]
    assert (method["kind"], method["bank_account_type"], method["routing_number"]) == (
        "bank",
        "savings",
        "XXXX2882",
    )
    assert method["bank_account_name"] == "Ann Example"


@pytest.mark.parametrize(
    ("typed", "field", "words"),
    [
        ({"number": ""}, "number", "Enter the card number."),
        ({"number": "4111111111111112"}, "number", "The credit card number is invalid."),
        ({"number": "9000000000000001"}, "number", "does not accept this type"),
        ({"expiration": "13/39"}, "expiration", "expiration date is invalid."),
        ({"expiration": "01/20"}, "expiration", "The credit card has expired."),
        ({"code": "1"}, "code", "The card code is invalid."),
        ({**ACCOUNT, "routing": "121042883"}, "routing", "The ABA code is invalid."),
        ({**ACCOUNT, "account": "12"}, "account", "The account number is invalid."),
        ({**ACCOUNT, "name": ""}, "name", "Enter the name on the account."),
    ],
)
def test_what_is_wrong_is_said_at_its_field(sandbox, token, typed, field, words):
    page = sandbox.add_method(token, **typed)

    assert page.problem(field).endswith(words) or words in page.problem(field)
    assert "Nothing was saved." in page.alert
    assert "4111" not in page.text.replace("Visa 1111", "")
    assert saved(sandbox) == []


def test_everything_that_is_wrong_is_said_at_once(sandbox, token):
    page = sandbox.add_method(token, number="4111111111111112", expiration="01/20", code="1")

    assert all(page.problem(field) for field in ("number", "expiration", "code"))


def test_a_card_that_the_bank_refuses_is_not_saved(sandbox, token):
    assert "The bank did not accept it." in sandbox.add_method(token, zip="46282").alert
    assert saved(sandbox) == []


def test_in_test_mode_the_bank_is_not_asked(sandbox, profile):
    token = ask(sandbox, profile, hostedProfileValidationMode="testMode").text("token")

    assert sandbox.add_method(token, zip="46282").headline.endswith("was saved.")


def test_the_same_card_twice_is_said_to_be_saved_already(sandbox, token):
    sandbox.add_method(token)

    assert sandbox.add_method(token).alert == "This card or account is saved already."
    assert len(saved(sandbox)) == 1


def test_ten_are_the_limit(sandbox, token):
    for number in range(10):
        assert sandbox.add_method(token, zip=str(98000 + number)).headline.endswith("was saved.")

    assert (
        "10 cards and accounts are saved, and that is the limit." in sandbox.add_method(token, zip="1").alert
    )
    assert len(saved(sandbox)) == 10
    assert "that is the limit" in sandbox.open_profile(token, "manage").words


@pytest.mark.parametrize(
    ("kinds", "there", "absent", "source"),
    [("showCreditCard", "number", "routing", ACCOUNT), ("showBankAccount", "routing", "number", VISA)],
)
def test_the_page_offers_what_the_settings_say(sandbox, profile, kinds, there, absent, source):
    token = ask(sandbox, profile, hostedProfilePaymentOptions=kinds).text("token")

    fields = sandbox.open_profile(token).fields()

    assert there in fields and absent not in fields
    assert sandbox.add_method(token, source).alert == "This kind is not offered here."


def test_the_address_and_the_code_are_asked_for_when_the_settings_say_so(sandbox, profile):
    token = ask(
        sandbox, profile, hostedProfileBillingAddressRequired="true", hostedProfileCardCodeRequired="true"
    ).text("token")

    page = sandbox.add_method(token, address="", zip="", code="")

    assert page.problem("address") == "Enter the street address."
    assert page.problem("zip") == "Enter the ZIP code."
    assert page.problem("code") == "Enter the security code."
    bare = ask(sandbox, profile, hostedProfileBillingAddressOptions="showNone").text("token")
    assert "zip" not in sandbox.open_profile(bare).fields()


@pytest.mark.parametrize(
    ("test", "shown"),
    [
        ("visa", "Visa"),
        ("mastercard", "MasterCard"),
        ("bank", "eCheck"),
        ("failing", "Visa"),
        ("declined", None),
    ],
)
def test_every_test_method_works_with_one_click(sandbox, token, test, shown):
    sandbox.open_profile(token)

    sandbox.open_profile(token, "save", test=test, method="card", number="")

    assert [one[0] for one in saved(sandbox)] == ([shown] if shown else [])


def test_one_test_card_expires_this_month(sandbox, token):
    sandbox.post_control("clock", {"at": "2027-05-06T07:08:09"})
    token = ask(sandbox, sandbox.profiles()[0]["profile_id"]).text("token")
    sandbox.open_profile(token)

    sandbox.open_profile(token, "save", test="expiring")

    assert saved(sandbox)[0][2] == "2027-05"


def test_one_test_card_declines_until_it_is_changed(sandbox, token):
    sandbox.open_profile(token)
    sandbox.open_profile(token, "save", test="failing")
    [profile] = sandbox.profiles()
    ids = (profile["profile_id"], profile["methods"][0]["method_id"])

    assert sandbox.charge_stored(ids, 1000).decision == ("2", "2")
    sandbox.open_profile(token, "change", paymentProfileId=ids[1], expiration="05/40")
    assert sandbox.charge_stored(ids, 1001).decision == ("1", "1")


# -- the token


def test_pages_open_by_post_only_and_need_their_own_token(sandbox, profile, token):
    for page in ("addPayment", "manage", "editPayment", "save", "change", "remove"):
        assert requests.get(f"{sandbox.url}/customer/{page}", timeout=60).status_code == 405
        assert sandbox.open_profile("invented", page).headline == "This page does not exist"
    assert sandbox.open(token).headline == "This payment page does not exist"
    assert (
        sandbox.open_profile(token, "save", **VISA).headline == "This page does not exist"
    )  # never displayed


def test_a_token_is_good_for_fifteen_minutes_and_for_many_pages(sandbox, token):
    sandbox.post_control("clock", {"minutes": 14.9})
    assert sandbox.add_method(token).headline.endswith("was saved.")
    assert sandbox.open_profile(token, "manage").headline == "Cards and bank accounts"
    sandbox.open_profile(token)

    sandbox.post_control("clock", {"minutes": 0.2})

    assert sandbox.open_profile(token).headline == "This page has expired"
    assert sandbox.open_profile(token, "save", **ACCOUNT).headline.endswith(
        "was saved."
    )  # it was open in time


def test_a_profile_that_is_gone_cannot_be_found(sandbox, profile, token):
    sandbox.open_profile(token)
    sandbox.post_control("delete-profile", {"profile_id": profile})

    for page in ("addPayment", "manage", "save"):
        assert sandbox.open_profile(token, page, **VISA).headline == "The record cannot be found"


def test_pages_are_neither_kept_nor_framed(sandbox, token):
    reply = requests.post(f"{sandbox.url}/customer/addPayment", data={"token": token}, timeout=60)

    assert reply.headers["Cache-Control"] == "no-store"
    assert "frame-ancestors 'none'" in reply.headers["Content-Security-Policy"]


# -- managing


def test_all_that_is_saved_is_listed_changed_and_removed(sandbox, profile, token):
    assert "Nothing is saved." in sandbox.open_profile(token, "manage").words
    sandbox.add_method(token)
    sandbox.add_method(token, ACCOUNT)
    visa, bank = (one["method_id"] for one in sandbox.profiles()[0]["methods"])
    listed = sandbox.open_profile(token, "manage")
    assert "Visa ending 1111, expires 12/39" in listed.words and "Bank account ending 6781" in listed.words

    edited = sandbox.open_profile(token, "editPayment", paymentProfileId=visa)
    assert edited.headline == "Visa ending 1111, expires 12/39" and 'value="12/39"' in edited.text
    late = sandbox.open_profile(token, "change", paymentProfileId=visa, expiration="01/20")
    assert late.problem("expiration") == "Enter a date to come, as MM/YY."
    done = sandbox.open_profile(
        token, "change", paymentProfileId=visa, expiration="05/41", zip="10001", back="manage"
    )
    assert done.headline == "Cards and bank accounts"
    assert "Visa ending 1111, expires 05/41 was changed." in done.words
    nameless = sandbox.open_profile(token, "change", paymentProfileId=bank, name="")
    assert nameless.problem("name") == "Enter the name on the account."

    question = sandbox.open_profile(token, "remove", paymentProfileId=bank)
    assert question.headline == "Remove Bank account ending 6781?"
    assert len(saved(sandbox)) == 2
    gone = sandbox.open_profile(token, "remove", paymentProfileId=bank, sure="yes")
    assert "Bank account ending 6781 was removed." in gone.words
    assert saved(sandbox) == [("Visa", "XXXX1111", "2041-05")]
    for page in ("editPayment", "change", "remove"):
        again = sandbox.open_profile(token, page, paymentProfileId=bank, sure="yes")
        assert again.alert == "It was removed in the meantime."


def test_a_method_of_another_customer_is_out_of_reach(sandbox, token):
    _, other = sandbox.method("C-2")
    sandbox.open_profile(token)

    page = sandbox.open_profile(token, "remove", paymentProfileId=other, sure="yes")

    assert page.alert == "It was removed in the meantime."
    assert len(saved(sandbox)) == 1


# -- saved methods when paying


def pay_page(sandbox, profile=None, **options):
    inner = f"<profile><customerProfileId>{profile}</customerProfileId></profile>" if profile else ""
    settings = {
        "hostedPaymentReturnOptions": {"url": BACK, "urlText": "Continue"},
        "hostedPaymentPaymentOptions": {"showCreditCard": True, "showBankAccount": True, **options},
        "hostedPaymentCustomerOptions": {"addPaymentProfile": True},
    }
    rows = "".join(
        f"<setting><settingName>{name}</settingName><settingValue>{json.dumps(value)}</settingValue></setting>"
        for name, value in settings.items()
    )
    return sandbox.ask(
        "getHostedPaymentPageRequest",
        "<transactionRequest><transactionType>authCaptureTransaction</transactionType><amount>42.50</amount>"
        f"{inner}<order><invoiceNumber>PL-1</invoiceNumber></order><customer><id>C-1</id></customer>"
        f"</transactionRequest><hostedPaymentSettings>{rows}</hostedPaymentSettings>",
    ).text("token")


def test_the_four_latest_methods_are_offered_and_one_click_pays(sandbox):
    made = [sandbox.method("C-1", last_four=f"{1000 + n}", zip=str(n)) for n in range(5)]
    token = pay_page(sandbox, made[0][0])

    page = sandbox.open(token)
    assert page.choices("method") == [ids[1] for ids in made[:0:-1]] + ["card", "bank"]
    receipt = sandbox.submit(token, method=made[3][1])

    assert receipt.is_receipt
    [paid] = sandbox.transactions()
    assert (paid["method_id"], paid["profile_id"]) == (made[3][1], made[3][0])
    assert (paid["account_number"], paid["invoice_number"]) == ("XXXX1003", "PL-1")
    assert paid["bill_to"] == {"zip": "3"}


def test_only_kinds_that_the_page_offers_are_offered(sandbox):
    profile, _ = sandbox.method("C-1")
    _, bank = sandbox.method("C-1", kind="bank")

    page = sandbox.open(pay_page(sandbox, profile, showCreditCard=False))

    assert page.choices("method") == [bank, "bank"]


def test_a_saved_card_that_declines_stays_on_the_form_and_another_pays(sandbox):
    profile, visa = sandbox.method("C-1")
    sandbox.decline(visa, 2)
    token = pay_page(sandbox, profile)
    sandbox.open(token)

    assert sandbox.submit(token, method=visa).alert.startswith("This transaction has been declined.")
    assert sandbox.submit(token, **VISA).is_receipt


def test_a_method_of_somebody_else_cannot_be_chosen(sandbox):
    profile, _ = sandbox.method("C-1")
    _, other = sandbox.method("C-2")
    token = pay_page(sandbox, profile)
    sandbox.open(token)

    assert sandbox.submit(token, method=other).alert
    assert sandbox.transactions() == []


def test_what_pays_is_saved_when_that_is_asked_for(sandbox, profile):
    token = pay_page(sandbox, profile)

    assert sandbox.pay(token, save="yes").is_receipt

    [paid], [kept] = sandbox.transactions(), sandbox.profiles()[0]["methods"]
    assert kept["account_number"] == "XXXX1111"
    assert kept["network_trans_id"] == paid["network_trans_id"]
    again = pay_page(sandbox, profile)
    assert sandbox.pay(again, method="card", save="yes", zip="98005").is_receipt


def test_nothing_is_saved_unasked_or_when_it_was_declined(sandbox, profile):
    sandbox.pay(pay_page(sandbox, profile))
    sandbox.pay(pay_page(sandbox, profile), zip="46282", save="yes")

    assert sandbox.profiles()[0]["methods"] == []


def test_a_payer_without_a_profile_gets_one_when_saving(sandbox):
    assert sandbox.pay(pay_page(sandbox), save="yes").is_receipt

    [made] = sandbox.profiles()
    assert (made["customer_number"], len(made["methods"])) == ("C-1", 1)


def test_a_payment_stands_when_its_method_cannot_be_saved(sandbox, profile):
    sandbox.pay(pay_page(sandbox, profile), save="yes")
    sandbox.post_control("clock", {"minutes": 10})

    assert sandbox.pay(pay_page(sandbox, profile), save="yes", method="card").is_receipt
    assert len(sandbox.profiles()[0]["methods"]) == 1
