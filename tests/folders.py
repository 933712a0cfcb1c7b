"""Temporary folders of a test run: gone with it, and where it was killed, with the next one.

Here: how such a folder is called and found again. Not here: what stands in it.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

PREFIX = "porchlight"


def disk() -> Path:
    return Path(tempfile.gettempdir())


def memory() -> Path:
    """Where files cost no disk, on a machine that has room there; elsewhere the disk."""
    memory = Path("/dev/shm")
    return memory if memory.is_dir() and shutil.disk_usage(memory).free > 2 * 1024**3 else disk()


def made(name: str, place: Path | None = None) -> tempfile.TemporaryDirectory:
    """A new folder for this process, as a context; without one it goes when the process ends.

    name: of one word. What processes left behind that are gone is taken away first.
    """
    for folder in left_behind(name):
        shutil.rmtree(folder, ignore_errors=True)
    return tempfile.TemporaryDirectory(prefix=own(name), dir=place)


def own(name: str) -> str:
    """How the folders of this process begin."""
    return f"{PREFIX}-{name}-{os.getpid()}-"


def left_behind(name: str) -> Iterator[Path]:
    """The folders of processes that were killed before they could take them away."""
    for place in {disk(), memory()}:
        for folder in place.glob(f"{PREFIX}-{name}-*-*"):
            pid = folder.name.split("-")[2]
            if pid.isdecimal() and not _runs(int(pid)):
                yield folder


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it runs, as someone else
        return True
    return True
