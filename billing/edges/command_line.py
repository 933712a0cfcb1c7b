"""What every command is made with: an open database, refusals in words, a progress bar, what one types.

The commands themselves: ``commands``, and the modules that it registers.
"""

import getpass
import pathlib
import sys
from contextlib import contextmanager

import click
from flask.cli import with_appcontext
from peewee import ProgrammingError

from billing.edges.database import TROUBLE, trouble_sentence
from billing.errors import BillingError, for_operator
from models import db

DATE = click.DateTime(["%Y-%m-%d"])
FILE = click.Path(exists=True, dir_okay=False, path_type=pathlib.Path)


def command(name):
    """A click command with an open database, whose refusals are sentences and exit status 1."""

    def wrap(function):
        function = with_appcontext(_with_database(function))
        return click.command(name)(function)

    return wrap


def _with_database(function):
    def run(*args, **kwargs):
        with in_words(), db.connection_context():
            return function(*args, **kwargs)

    run.__doc__, run.__name__ = function.__doc__, function.__name__
    run.__click_params__ = getattr(function, "__click_params__", [])
    return run


@contextmanager
def in_words():
    """Refusals, and a database that cannot be used, as the sentences that a command ends with."""
    try:
        yield
    except BillingError as refusal:
        raise click.ClickException(for_operator(refusal)) from None
    except (*TROUBLE, ProgrammingError) as trouble:
        raise click.ClickException(trouble_sentence(trouble)) from None


@contextmanager
def progress(label, length):
    """Yield a callable that moves a bar on by so many items; silent when nobody watches."""
    if not sys.stderr.isatty() or not length:
        yield lambda count: None
        return
    with click.progressbar(length=length, label=label, file=sys.stderr) as bar:
        yield bar.update


def say(sentence):
    """Tell the person in front of the terminal; cron gets it too, and mails it only when it is all."""
    click.echo(sentence)


def whoami():
    """Who acts, as the audit names them."""
    return f"command line: {getpass.getuser()}"
