"""The stable: one process that has the whole product loaded, places the points, and forks every victim.

    python -m tests.torture.stable FOLDER    settings as JSON on the first line of stdin, then orders

Importing the product takes two seconds, a fork five milliseconds; that makes thousands of deaths an hour.
Orders and reports are lines of JSON. It has one thread, and it opens no database: its forks do.
Also here: ``Stable``, the conductor's side of it.
"""

import ctypes
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

from tests.forks import ROOT

PR_SET_PDEATHSIG = 1
CRASHED = 70  # the exit status of a victim that ended in a traceback
PATIENCE_SECONDS = (0.6, 1.0)  # of our gateway edge: nobody has time for its usual thirty


# --- The conductor's side ------------------------------------------------------------------------


class Victim:
    """A forked process as the conductor sees it. ``died`` is True when a signal ended it."""

    def __init__(self, pid, role, output):
        self.pid, self.role, self._output = pid, role, output
        self.status, self._ended, self._changed = None, threading.Event(), threading.Event()
        self.is_stopped = False

    def note(self, event):
        """What the stable reports about it."""
        if "stopped" in event:
            self.is_stopped = True
        else:
            self.status = event["status"]
            self._ended.set()
        self._changed.set()

    @property
    def died(self):
        return self.status is not None and self.status < 0

    def wait(self, seconds=20):
        """Wait until it ended, or stopped. Returns whether it did."""
        return self._changed.wait(seconds)

    def wait_for_end(self, seconds=20):
        """Wait until it ended. Returns whether it did."""
        return self._ended.wait(seconds)

    def kill(self):
        """SIGKILL, unless it ended before. Returns whether it was still there."""
        return self.status is None and self._signal(signal.SIGKILL)

    def go_on(self):
        """SIGCONT after a stop."""
        self.is_stopped = False
        self._changed.clear()
        self._signal(signal.SIGCONT)

    def _signal(self, number):
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)
            return True
        return False

    @property
    def output(self):
        """What it printed."""
        return self._output.read_text(errors="replace") if self._output.exists() else ""


class Stable:
    """The running stable; ``fork`` gives a Victim."""

    def __init__(self, folder, settings):
        self._folder, self._lock, self._count = Path(folder), threading.Lock(), 0
        self._victims, self._answers = {}, {}
        self._log = open(self._folder / "stable.log", "ab")  # noqa: SIM115  as long as the process
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.torture.stable", str(folder)],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, text=True,
        )  # fmt: skip
        self._say(settings)
        self.web_port = self._hear()["web_port"]
        threading.Thread(target=self._listen, daemon=True).start()

    def fork(self, role, fate=None, **told):
        """Fork a victim in ``role`` with what it is ``told``; ``fate`` is (point, passes, stop)."""
        with self._lock:
            self._count += 1
            number = self._count
            answer = self._answers[number] = threading.Event()
        output = self._folder / f"victim-{number % 400}.out"
        output.unlink(missing_ok=True)
        order = {"id": number, "role": role, "fate": fate, "output": str(output), "told": told}
        with self._lock:
            self._victims[number] = Victim(None, role, output)
            self._say(order)
        if not answer.wait(30):
            raise RuntimeError(f"the stable does not answer; see {self._folder / 'stable.log'}")
        return self._victims[number]

    def forget(self):
        """Forget the victims that ended: a long run has tens of thousands."""
        self._victims = {number: one for number, one in self._victims.items() if one.status is None}

    def close(self):
        """End the stable; its forks die with it."""
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()
        self._log.close()

    def _say(self, line):
        self._process.stdin.write(json.dumps(line) + "\n")
        self._process.stdin.flush()

    def _hear(self):
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the stable ended:\n" + (self._folder / "stable.log").read_text()[-3000:])
        return json.loads(line)

    def _listen(self):
        for line in self._process.stdout:
            event = json.loads(line)
            victim = self._victims[event["id"]]
            if "pid" in event:
                victim.pid = event["pid"]
                self._answers.pop(event["id"]).set()
            else:
                victim.note(event)


# --- The process ---------------------------------------------------------------------------------


def main(folder):
    """Load everything, then fork as told until stdin ends."""
    orders, reports = Lines(os.dup(0)), os.fdopen(os.dup(1), "w")
    settings = json.loads(orders.wait())
    listener = _listener()
    from tests.torture import victims

    stage = victims.Stage(Path(folder), settings, listener)
    _report(reports, {"web_port": listener.getsockname()[1]})
    _serve(orders, reports, stage)


class Lines:
    """Whole lines from a pipe, without a buffer that a selector does not know of."""

    def __init__(self, descriptor):
        self._descriptor, self._rest = descriptor, b""

    def fileno(self):
        return self._descriptor

    def read(self):
        """The lines that are there, after waiting for something; None at the end."""
        piece = os.read(self._descriptor, 1 << 20)
        if not piece:
            return None
        *whole, self._rest = (self._rest + piece).split(b"\n")
        return whole

    def wait(self):
        """The first line."""
        while not (lines := self.read()):
            continue
        return lines[0]


def die_with_parent():
    """In a new process: nothing of a run outlives it, however it ends."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _listener():
    """The socket of the web processes, kept open here: who connects while none runs waits for the next."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)
    listener.set_inheritable(True)
    return listener


def _serve(orders, reports, stage):
    wakeup, woken = os.pipe2(os.O_NONBLOCK)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    chosen, children = selectors.DefaultSelector(), {}
    chosen.register(orders, selectors.EVENT_READ)
    chosen.register(wakeup, selectors.EVENT_READ)
    while True:
        for key, _ in chosen.select():
            if key.fileobj is orders:
                lines = orders.read()
                if lines is None:
                    return
                for line in lines:
                    _fork(json.loads(line), reports, stage, children)
            else:
                os.read(wakeup, 4096)
                _reap(children, reports)


def _fork(order, reports, stage, children):
    pid = os.fork()
    if pid == 0:
        _live(order, stage)
    children[pid] = order["id"]
    _report(reports, {"id": order["id"], "pid": pid})


def _live(order, stage):
    """In the new process: take its place and its fate; never return."""
    die_with_parent()
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    output = os.open(order["output"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(output, stream)
    status = CRASHED
    try:
        status = stage.play(order["role"], order["fate"], order["told"])
    except SystemExit as left:
        status = left.code if isinstance(left.code, int) else 1 if left.code else 0
    except BaseException:  # whatever it is, it is told and the process ends here
        import traceback

        traceback.print_exc()
    finally:
        with suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def _reap(children, reports):
    while children:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG | os.WUNTRACED)
        except ChildProcessError:
            return
        if pid == 0:
            return
        if os.WIFSTOPPED(status):
            _report(reports, {"id": children[pid], "stopped": True})
        elif pid in children:
            _report(reports, {"id": children.pop(pid), "status": os.waitstatus_to_exitcode(status)})


def _report(reports, line):
    reports.write(json.dumps(line) + "\n")
    reports.flush()


if __name__ == "__main__":
    main(sys.argv[1])
