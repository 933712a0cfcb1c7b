"""The settings: one table, read strictly, and production refuses what is only good for trying out."""

import pytest

from billing.edges import settings
from billing.errors import BillingError

PRODUCTION = {
    "MODE": "production",
    "SECRET_KEY": "k" * 48,
    "GATEWAY": "authorize-net",
    "GATEWAY_LOGIN": "login",
    "GATEWAY_KEY": "0123456789abcdef",
    "GATEWAY_SIGNATURE_KEYS": "AB" * 64,
    "MAIL": "smtp",
    "MAIL_FROM": "billing@lantern.com",
    "BASE_URL": "https://billing.lantern.com",
    "DATABASE_URL": "postgresql://lantern@db/lantern",
}


def read(environment=None, **overrides):
    named = {settings.PREFIX + name: value for name, value in (environment or {}).items()}
    return settings.read(overrides, named)


def test_without_any_setting_the_defaults_count():
    values = read()

    assert set(values) == {setting.name for setting in settings.SETTINGS}
    assert (values["MODE"], values["MAIL_PORT"], values["DATABASE_URL"]) == (
        "development", 5025, "sqlite:///porchlight.db",
    )  # fmt: skip


def test_the_environment_is_read_and_overrides_win():
    assert read({"MAIL_PORT": "25"})["MAIL_PORT"] == 25
    assert read({"MAIL_PORT": "25"}, MAIL_PORT=26)["MAIL_PORT"] == 26
    assert read({"BASE_URL": "https://a.example/"})["BASE_URL"] == "https://a.example"


def test_other_programs_variables_are_none_of_our_business():
    assert settings.read({}, {"HOME": "/", "MODE": "nonsense", "PORCHLIGHT_TEST_DATABASE_URL": "x"})


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"MAILPORT": "25"}, "There is no setting PORCHLIGHT_MAILPORT"),
        ({"MODE": "prod"}, "PORCHLIGHT_MODE must be one of development, demo, test, production, not “prod”"),
        ({"MAIL_PORT": "twenty"}, "PORCHLIGHT_MAIL_PORT must be a whole number, not “twenty”"),
        ({"MAIL_PORT": "-1"}, "must be a whole number"),
        ({"MAIL_PORT": ""}, "must be a whole number"),
        ({"GATEWAY": "stripe"}, "must be one of sandbox"),
        ({"MAIL_SECURITY": "ssl"}, "must be one of none, starttls, tls"),
        ({"CHARGES_AT_ONCE": "0"}, "PORCHLIGHT_CHARGES_AT_ONCE must be a number from 1 to 16"),
        ({"CHARGES_AT_ONCE": "17"}, "must be a number from 1 to 16"),
        ({"LOG_LEVEL": "LOUD"}, "must be one of DEBUG"),
        ({"BASE_URL": "billing.lantern.com"}, "PORCHLIGHT_BASE_URL must look like https://"),
        ({"BASE_URL": "https://lantern.com/billing"}, "must look like"),
    ],
)
def test_what_is_unknown_or_unreadable_stops_the_start_with_a_sentence(given, sentence):
    with pytest.raises(BillingError, match=sentence):
        read(given)


def test_earlier_secret_keys_are_a_list():
    keys = "a" * 20 + ", " + "b" * 20
    assert settings.listed(read({"EARLIER_SECRET_KEYS": keys})["EARLIER_SECRET_KEYS"]) == ("a" * 20, "b" * 20)
    with pytest.raises(BillingError, match="EARLIER_SECRET_KEYS needs the earlier keys as they were"):
        read({"EARLIER_SECRET_KEYS": "short, keys"})


def test_production_starts_with_everything_set():
    assert read(PRODUCTION)["MODE"] == "production"


@pytest.mark.parametrize(
    ("name", "unsafe", "sentence"),
    [
        ("SECRET_KEY", settings.DEMO_SECRET, "32 random characters"),
        ("SECRET_KEY", "short", "32 random characters"),
        ("GATEWAY", "sandbox", "no money would move"),
        ("GATEWAY_KEY", settings.DEMO_KEY, "still the sandbox's"),
        ("GATEWAY_SIGNATURE_KEYS", settings.DEMO_SIGNATURE, "still the sandbox's"),
        ("GATEWAY_KEY", "", "or empty"),
        ("MAIL", "catcher", "no customer would get mail"),
        ("MAIL_FROM", "billing@example.com", "a mailbox of yours"),
        ("BASE_URL", "http://billing.lantern.com", "must start with https://"),
    ],
)
def test_production_refuses_what_is_only_good_for_trying_out(name, unsafe, sentence):
    with pytest.raises(BillingError, match=f"In production, PORCHLIGHT_{name} .*{sentence}"):
        read({**PRODUCTION, name: unsafe})
    assert read({**{key: PRODUCTION[key] for key in ("SECRET_KEY",)}, "MODE": "development"})


def test_every_setting_has_a_help_that_is_a_sentence():
    names = [setting.name for setting in settings.SETTINGS]
    assert len(names) == len(set(names))
    for setting in settings.SETTINGS:
        assert setting.help.endswith("."), setting.name
        assert setting.name == setting.name.upper()
