"""The settings: one table of name, default and help. Unknown or unreadable ones stop the start.

Read from ``PORCHLIGHT_…`` environment variables and from a ``.env`` file (the environment wins).
"""

import os
import re
from typing import NamedTuple

from dotenv import dotenv_values

from billing.errors import BillingError

PREFIX = "PORCHLIGHT_"
DEMO_SECRET = "only-for-development"
DEMO_KEY = "sandboxkey123456"
DEMO_SIGNATURE = "5A" * 64
SANDBOX_ACCOUNT = {
    "GATEWAY_LOGIN": "sandbox",
    "GATEWAY_KEY": DEMO_KEY,
    "GATEWAY_SIGNATURE_KEYS": DEMO_SIGNATURE,
}
MODES = ("development", "demo", "test", "production")
GATEWAYS = ("sandbox", "authorize-net-test", "authorize-net")


class Setting(NamedTuple):
    """One setting. The type of ``default`` is the type that is read."""

    name: str
    default: object
    help: str


SETTINGS = (
    Setting(
        "MODE", "development", "development, demo, test or production. Production refuses unsafe settings."
    ),
    Setting("SECRET_KEY", DEMO_SECRET, "Signs sessions and forms. At least 32 random characters."),
    Setting(
        "EARLIER_SECRET_KEYS",
        "",
        "What SECRET_KEY was before, with commas: proof packs and codes on paper of that time stay good.",
    ),
    Setting(
        "DATABASE_URL",
        "sqlite:///porchlight.db",
        "sqlite:///file.db or postgresql://user:password@host/name.",
    ),
    Setting(
        "BASE_URL", "http://127.0.0.1:5000", "Where customers reach the portal; links in mails start with it."
    ),
    Setting("GATEWAY", "sandbox", "sandbox, authorize-net-test or authorize-net."),
    Setting("SANDBOX_URL", "http://127.0.0.1:5001", "Where the gateway sandbox runs."),
    Setting("GATEWAY_LOGIN", "sandbox", "API login id of the Authorize.Net account."),
    Setting("GATEWAY_KEY", DEMO_KEY, "Transaction key of the Authorize.Net account."),
    Setting(
        "GATEWAY_SIGNATURE_KEYS",
        DEMO_SIGNATURE,
        "Signature key; while it is being renewed, two with a comma.",
    ),
    Setting("CARD_ON_FILE_MARKS", "on", "on or off: some processors decline charges marked as card on file."),
    Setting("CHARGES_AT_ONCE", 8, "Autopay charges under way at the same time, 1 to 16."),
    Setting("MAIL", "catcher", "catcher (shows mail in the browser) or smtp."),
    Setting("CATCHER_URL", "http://127.0.0.1:5002", "Where the mail catcher shows what it caught."),
    Setting("MAIL_SERVER", "127.0.0.1", "SMTP server."),
    Setting("MAIL_PORT", 5025, "SMTP port; the mail catcher listens on 5025."),
    Setting("MAIL_SECURITY", "none", "none, starttls or tls."),
    Setting("MAIL_USERNAME", "", "SMTP user name, where the server wants one."),
    Setting("MAIL_PASSWORD", "", "SMTP password."),
    Setting("MAIL_FROM", "billing@example.com", "Sender of every message; a mailbox that somebody reads."),
    Setting("MAIL_NAME", "", "Sender's name; empty: the company's."),
    Setting(
        "REPLY_ADDRESS",
        "",
        "Where answers come to, such as reply@billing.example.com: reply+anything@ must reach the same "
        "mailbox. Empty: answers go to MAIL_FROM and are not read.",
    ),
    Setting(
        "MAILBOX",
        "",
        "The mailbox of REPLY_ADDRESS: imaps://user:password@host/INBOX or maildir:/folder. "
        "Empty: none is read.",
    ),
    Setting(
        "TEXT_URL",
        "",
        "How texts are sent: an Apprise address with {to} for the number, such as "
        "twilio://SID:TOKEN@15125550100/{to}. Empty: no texts.",
    ),
    Setting("TEXT_SECRET", "", "Ends the address of incoming texts, /webhooks/texts/SECRET. Empty: closed."),
    Setting(
        "PHONE_SECRET",
        "",
        "Signs what the phone system tells at /webhooks/phone; while it is being renewed, two with a comma. "
        "Empty: closed.",
    ),
    Setting(
        "FILES", "var/files", "Folder of the files that customers send. Outside what the web server serves."
    ),
    Setting("LOG_LEVEL", "INFO", "DEBUG, INFO, WARNING or ERROR."),
)
_CHOICES = {
    "MODE": MODES,
    "GATEWAY": GATEWAYS,
    "CARD_ON_FILE_MARKS": ("on", "off"),
    "MAIL": ("catcher", "smtp"),
    "MAIL_SECURITY": ("none", "starttls", "tls"),
    "LOG_LEVEL": ("DEBUG", "INFO", "WARNING", "ERROR"),
}


def read(overrides=None, environment=None):
    """Return all settings as a dict. Raises BillingError with a sentence for what cannot be.

    overrides   -- values from code (tests, the demo); they win
    environment -- defaults to .env below the process environment
    """
    if environment is None:
        environment = {**dotenv_values(".env"), **os.environ}
    names = {setting.name for setting in SETTINGS}
    given = {
        name.removeprefix(PREFIX): value
        for name, value in environment.items()
        if name.startswith(PREFIX) and not name.startswith(PREFIX + "TEST_")
    }
    given.update(overrides or {})
    if unknown := sorted(given.keys() - names):
        raise BillingError(
            f"There is no setting {PREFIX}{unknown[0]}. `flask --app app settings` lists them all."
        )
    values = {setting.name: _value(setting, given.get(setting.name, setting.default)) for setting in SETTINGS}
    values["BASE_URL"] = values["BASE_URL"].rstrip("/")
    if not 1 <= values["CHARGES_AT_ONCE"] <= 16:
        raise BillingError(f"{PREFIX}CHARGES_AT_ONCE must be a number from 1 to 16.")
    _refuse_unreadable(values)
    _refuse_unsafe(values)
    return values


def listed(value):
    """The parts of a setting that holds several with commas, without empty ones."""
    return tuple(part.strip() for part in value.split(",") if part.strip())


SHAPES = (
    ("EARLIER_SECRET_KEYS", r"[^,\s]{16,}(, ?[^,\s]{16,})*",
     "needs the earlier keys as they were, of at least 16 characters, with commas between them"),
    ("REPLY_ADDRESS", r"[^@\s+]+@[^@\s]+", "must be an address without +, such as reply@billing.example.com"),
    ("MAILBOX", r"imaps?://[^@\s]+:[^@\s]*@[^@/\s]+(/\S*)?|maildir:.+",
     "must look like imaps://user:password@host/INBOX (signs such as @ written %40) or maildir:/folder"),
    ("TEXT_URL", r"\w+://.*\{to\}.*", "must be an Apprise address with {to} where the number belongs"),
    ("TEXT_SECRET", r"[\w-]{16,}", "needs at least 16 letters and digits"),
    ("PHONE_SECRET", r"[\w-]{32,}(, ?[\w-]{32,})?",
     "needs at least 32 letters and digits; two with a comma while it is renewed"),
)  # fmt: skip


def _refuse_unreadable(values):
    """What is not empty has the shape that it needs: a mistake would show only when a customer writes."""
    for name, shape, sentence in SHAPES:
        if values[name] and not re.fullmatch(shape, values[name]):
            raise BillingError(f"{PREFIX}{name} {sentence}.")


def _value(setting, given):
    if isinstance(setting.default, int):
        if not re.fullmatch(r"\d{1,5}", str(given)):
            raise BillingError(f"{PREFIX}{setting.name} must be a whole number, not “{given}”.")
        return int(given)
    allowed = _CHOICES.get(setting.name)
    if allowed and given not in allowed:
        raise BillingError(f"{PREFIX}{setting.name} must be one of {', '.join(allowed)}, not “{given}”.")
    return given


def _refuse_unsafe(values):
    """Production does not start with anything that is only good for trying out."""
    if not re.match(r"https?://[^/\s]+$", values["BASE_URL"]):
        raise BillingError(f"{PREFIX}BASE_URL must look like https://billing.example.com.")
    if values["MODE"] != "production":
        return
    for name, unsafe, sentence in (
        ("SECRET_KEY", values["SECRET_KEY"] == DEMO_SECRET or len(values["SECRET_KEY"]) < 32,
         "needs at least 32 random characters: python -c 'import secrets; print(secrets.token_urlsafe(48))'"),
        ("GATEWAY", values["GATEWAY"] == "sandbox", "cannot be the sandbox: no money would move"),
        *((name, values[name] in ("", SANDBOX_ACCOUNT[name]), "is still the sandbox's, or empty")
          for name in SANDBOX_ACCOUNT),
        ("MAIL", values["MAIL"] == "catcher", "cannot be the catcher: no customer would get mail"),
        ("MAIL_FROM", values["MAIL_FROM"].endswith("@example.com"), "must be a mailbox of yours"),
        ("BASE_URL", not values["BASE_URL"].startswith("https://"), "must start with https://"),
    ):  # fmt: skip
        if unsafe:
            raise BillingError(f"In production, {PREFIX}{name} {sentence}.")
