"""Disks that are full or closed: a small tmpfs under the file of SQLite, or a tablespace of PostgreSQL."""

import os
import shutil
import subprocess
from pathlib import Path

import psycopg
from psycopg.sql import SQL, Identifier, Literal

TABLESPACE = "small_disk"
ROOM_KILOBYTES = 400_000  # while a database is being copied there


class SmallDisk:
    """A tmpfs that is soon full, or read-only."""

    def __init__(self, path):
        self.path = path
        self._mounted = False

    def works(self):
        """False where the machine does not let us mount anything."""
        can = self.mount(100)
        self.unmount()
        return can

    def leave_free(self, kilobytes):
        """Shrink it, or make room, until so much more can be written."""
        return self.remount(f"size={shutil.disk_usage(self.path).used // 1024 + kilobytes}k")

    def mount(self, kilobytes):
        """An empty disk. Returns False where the machine does not let us."""
        self.path.mkdir(exist_ok=True)
        self.unmount()
        self._mounted = self._mount("-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs")
        return self._mounted

    def remount(self, options):
        """Make room, or let nobody write."""
        return self._mount("-o", f"remount,{options}")

    def unmount(self):
        """Let go of it, and of everything on it."""
        if self._mounted:
            subprocess.run(["umount", "-l", self.path], check=False, capture_output=True)
            self._mounted = False

    def _mount(self, *arguments):
        done = subprocess.run(["mount", *arguments, self.path], check=False, capture_output=True)
        return done.returncode == 0


class Tablespace:
    """A place for PostgreSQL databases on a small disk; what the server itself writes stays elsewhere.

    Only for a server on this machine: its user has to own the directory.
    """

    def __init__(self, disk, url):
        self.disk = disk
        self._url = url

    def open(self):
        """Mount the disk and hand it to the server. Returns False where that cannot be done."""
        with psycopg.connect(self._url, autocommit=True) as connection:
            home = Path(connection.execute("SHOW data_directory").fetchone()[0])
            if not home.exists() or not self.disk.mount(ROOM_KILOBYTES):
                return False
            owner = home.stat()
            self.disk.path.parent.chmod(0o711)
            os.chown(self.disk.path, owner.st_uid, owner.st_gid)
            place = SQL("CREATE TABLESPACE {} LOCATION {}")
            connection.execute(place.format(Identifier(TABLESPACE), Literal(str(self.disk.path))))
        return True

    def close(self):
        """Forget it, after its databases were dropped; the disk may be unmounted then."""
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(SQL("DROP TABLESPACE IF EXISTS {}").format(Identifier(TABLESPACE)))


def refuse_writing(url, refused):
    """PostgreSQL: every new session of this database begins read-only, or does not any more."""
    with psycopg.connect(url, autocommit=True) as connection:
        name = Identifier(connection.info.dbname)
        setting = SQL("ALTER DATABASE {} SET default_transaction_read_only = {}")
        connection.execute("SET default_transaction_read_only = off")
        connection.execute(setting.format(name, Literal("on" if refused else "off")))
