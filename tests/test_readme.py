"""The README tells of every command, setting, make target and folder, and of none that does not exist."""

import re
import subprocess
from pathlib import Path

import pytest

from billing.edges import settings
from tests.test_commands import NAMES

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8") if (ROOT / "README.md").exists() else ""
TARGETS = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)


def top_level():
    """Folders at the top that belong to the project: those with a file that git knows."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout
    folders = {line.split("/")[0] for line in listed.splitlines() if "/" in line}
    found = {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith((".", "_"))}
    return sorted((folders or found) - {".ci"})


def test_there_is_a_readme():
    assert README.startswith("# Porchlight")


@pytest.mark.parametrize("name", NAMES)
def test_it_tells_of_every_command(name):
    assert re.search(rf"`(flask --app app )?{name}\b", README), name


def test_it_tells_of_no_command_that_does_not_exist(app):
    told = set(re.findall(r"flask --app app ([a-z][a-z-]+)", README))
    assert told <= set(app.cli.commands)


@pytest.mark.parametrize("setting", settings.SETTINGS, ids=lambda setting: setting.name)
def test_it_tells_of_every_setting(setting):
    assert f"{settings.PREFIX}{setting.name}" in README or f"`{setting.name}`" in README


def test_it_tells_of_no_setting_that_does_not_exist():
    known = {setting.name for setting in settings.SETTINGS} | {"TEST_DATABASE_URL"}
    told = set(re.findall(rf"{settings.PREFIX}([A-Z][A-Z_]*[A-Z])", README))
    assert told <= known


@pytest.mark.parametrize("target", TARGETS)
def test_it_tells_of_every_make_target(target):
    assert f"make {target}" in README


def test_it_tells_of_no_make_target_that_does_not_exist():
    told = set(re.findall(r"`make ([a-z-]+)|^make ([a-z-]+)", README, re.MULTILINE))
    assert {one or other for one, other in told} <= set(TARGETS)


@pytest.mark.parametrize("folder", top_level())
def test_it_tells_of_every_folder(folder):
    assert f"{folder}/" in README


def test_it_names_no_place_of_the_workshop():
    assert not re.search(r"/work/|/root/|/home/", README)
