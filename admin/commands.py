"""The one command of the back office: letting the first person in. Everybody else is added on its pages."""

import click
from flask import current_app

from admin import security
from billing.edges.command_line import command, say, whoami
from models import Staff


@command("create-staff")
@click.argument("email")
@click.option(
    "--role",
    type=click.Choice(Staff.ROLES),
    default=Staff.READ_ONLY,
    show_default=True,
    help="What they may do.",
)
@click.option("--name", help="As colleagues see it; default: what stands before the @.")
@click.password_option(help="Asked for, without showing it, when it is not given.")
def create_staff(email, role, name, password):
    """Add somebody to the back office, with a password that they should change."""
    row = security.create_staff(
        email, name or email.partition("@")[0], role, password, by=whoami(), now=current_app.clock.now()
    )
    say(f"{row.email} can sign in now, as {row.role.replace('_', ' ')}.")
