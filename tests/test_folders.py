"""A test run leaves no folder behind: not when it ends, and not for long when it is killed."""

import signal
import subprocess
import sys
from pathlib import Path

from tests import folders
from tests.forks import ROOT

KILLED = """
import os, signal
from tests import folders
folder = folders.made("ofatest")
print(folder.name, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_next_run_takes_away_what_a_killed_one_left():
    killed = subprocess.run([sys.executable, "-c", KILLED], cwd=ROOT, capture_output=True, text=True)
    left = Path(killed.stdout.strip())
    assert (killed.returncode, left.is_dir()) == (-signal.SIGKILL, True)

    with folders.made("ofatest") as own:
        assert not left.exists()
        assert [*folders.left_behind("ofatest")] == []
        assert Path(own).is_dir()

    assert not Path(own).exists()


def test_who_has_no_application_makes_no_folder_for_files():
    told = "import tests.apps, glob, os; print(glob.glob(f'/tmp/porchlight-files-{os.getpid()}-*'))"
    found = subprocess.run([sys.executable, "-c", told], cwd=ROOT, capture_output=True, text=True)

    assert found.stdout.strip() == "[]", found.stderr
