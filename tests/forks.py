"""Processes of their own, without the second that each would take to import everything.

They are forks of one clean process that has imported the product and done nothing else: no connection, no
thread, no setting. Each may be killed, and says by its exit status how it ended.

Here: how such a process is started and heard. Not here: what it does (`at_once.py`, `test_commands.py`).
"""

import multiprocessing
import os
import subprocess
import sys
import tempfile
import warnings

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SECONDS = 300  # more than anything takes; whoever takes longer hangs

_context = multiprocessing.get_context("forkserver")
# All that a story imports too: what is missing here, each of a hundred children imports for itself.
_context.set_forkserver_preload(
    ["app", "flask.cli", "billing.demo", "tests.conftest", "tests.at_once", "tests.test_imports"]
)


class Fork:
    """A process that calls ``act(*given)`` once it is told to ``go``. ``act`` is a function of a module."""

    def __init__(self, act, *given):
        self._pipe, theirs = _context.Pipe()
        self._process = _context.Process(target=_do, args=(theirs, act, given), daemon=True)
        self._process.start()
        theirs.close()
        assert self._pipe.poll(SECONDS) and self._pipe.recv() == "ready"

    def go(self):
        self._pipe.send("go")

    def report(self):
        """What ``act`` returned. Fails when it raised or hangs."""
        assert self._pipe.poll(SECONDS), "it hangs"
        report = self._pipe.recv()
        assert self.ended() == 0, report
        return report

    def ended(self):
        """Wait for the end. Returns the exit status, negative for a signal."""
        self._process.join(SECONDS)
        status = self._process.exitcode
        assert status is not None, "it hangs"
        self._process.close()
        self._pipe.close()
        return status


def _do(pipe, act, given):
    warnings.simplefilter("error")
    pipe.send("ready")
    pipe.recv()
    pipe.send(act(*given))


def flask(arguments, environment):
    """Run ``flask --app app …`` without a terminal, as cron does. Returns subprocess.CompletedProcess."""
    arguments = ["flask", "--app", "app", *map(str, arguments)]
    with tempfile.TemporaryFile("w+b") as output, tempfile.TemporaryFile("w+b") as errors:
        files = [f"/proc/{os.getpid()}/fd/{file.fileno()}" for file in (output, errors)]
        fork = Fork(_typed, arguments, environment, *files)
        fork.go()
        status = fork.ended()
        said = [os.pread(file.fileno(), 10**8, 0).decode() for file in (output, errors)]
    return subprocess.CompletedProcess(arguments, status, *said)


def _typed(arguments, environment, output, errors):
    import flask.cli

    for number, path in enumerate((os.devnull, output, errors)):
        opened = os.open(path, os.O_RDWR)
        os.dup2(opened, number)
        os.close(opened)
    os.chdir(ROOT)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = arguments
    warnings.resetwarnings()
    flask.cli.main()
