"""A real IMAP server for tests: Dovecot of Debian, on a free port, with one mailbox, in a folder of its own.

``missing()`` says how to get one: without it the tests fail with that sentence, as those of the browser do.
"""

import grp
import imaplib
import os
import pwd
import shutil
import subprocess
import time

from tests import own_certificate, ports

USER, PASSWORD = "billing@lantern.example", 'pass"word/@:'
SIGN_IN = "billing%40lantern.example:pass%22word%2F%40%3A"
HOW_TO_GET_IT = "No IMAP server here (dovecot): `make setup` installs one where there is apt."
CONFIG = """
protocols = imap
listen = 127.0.0.1, 127.0.0.2
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
ssl = yes
ssl_cert = <{cert}
ssl_key = <{key}
disable_plaintext_auth = no
mail_location = maildir:{folder}/mail
mail_uid = {user}
mail_gid = {group}
first_valid_uid = 0
first_valid_gid = 0
default_internal_user = {internal}
default_internal_group = {internal_group}
default_login_user = {login}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={folder}/home
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
"""


def missing():
    """Why no server can be started here, or an empty string."""
    return "" if shutil.which("dovecot", path=_path()) else HOW_TO_GET_IT


def _path():
    return os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))


class Dovecot:
    """The server; ``url`` is the setting that reaches its mailbox, ``certificate`` the one it made itself."""

    def __init__(self, folder):
        self.folder, self.port, self.tls_port = folder, ports.free(), ports.free()
        for part in ("run", "state", "home", "mail/new", "mail/cur", "mail/tmp"):
            (folder / part).mkdir(parents=True)
        people = _people()
        for path in (folder / "mail", *(folder / "mail").iterdir(), folder / "home"):
            shutil.chown(path, people["user"], people["group"])
        config = folder / "dovecot.conf"
        self.certificate, key = own_certificate.make(folder)
        told = {"port": self.port, "tls_port": self.tls_port, "cert": self.certificate, "key": key}
        config.write_text(CONFIG.format(folder=folder, password=PASSWORD, **told, **people))
        self._process = subprocess.Popen(
            [shutil.which("dovecot", path=_path()), "-F", "-c", str(config)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise

    @property
    def url(self):
        return f"imap://{SIGN_IN}@127.0.0.1:{self.port}/INBOX"

    @property
    def tls_url(self):
        """Encrypted from the first byte."""
        return f"imaps://{SIGN_IN}@127.0.0.1:{self.tls_port}/INBOX"

    @property
    def starttls_url(self):
        """Encrypted once it has said hello: for us, every address but 127.0.0.1 is another machine's."""
        return f"imap://{SIGN_IN}@127.0.0.2:{self.port}/INBOX"

    def client(self):
        """Somebody else's mail program."""
        program = imaplib.IMAP4("127.0.0.1", self.port, timeout=60)
        program.login(USER, PASSWORD)
        program.select("INBOX")
        return program

    def empty(self):
        """Begin a test without the mails of the one before."""
        program = self.client()
        for number in program.search(None, "ALL")[1][0].split():
            program.store(number, "+FLAGS", r"(\Deleted)")
        program.expunge()
        program.logout()

    def deliver(self, raw, name=None):
        """Put a mail into the mailbox, as a mail server does."""
        name = name or f"{time.time_ns()}.M1.host"
        waiting = self.folder / "mail" / "tmp" / name
        waiting.write_bytes(raw)
        waiting.chmod(0o666)
        waiting.rename(self.folder / "mail" / "new" / name)

    def stop(self):
        self._process.terminate()
        self._process.communicate(timeout=60)

    def _wait(self):
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise RuntimeError(self._process.stdout.read())
            try:
                self.client().logout()
                return
            except (OSError, imaplib.IMAP4.error) as error:
                last = error
                time.sleep(0.1)
        log = self.folder / "dovecot.log"
        raise RuntimeError(f"{last}\n{log.read_text()[-2000:] if log.exists() else ''}")


def _people():
    """Root gives its rights away as Debian wants it; anybody else keeps their own."""
    me = pwd.getpwuid(os.getuid())
    group = grp.getgrgid(me.pw_gid).gr_name
    own = {"user": me.pw_name, "group": group}
    if os.getuid() == 0:  # it refuses to read mail as root
        own = {"user": "mail", "group": "mail"}
        return own | {"internal": "dovecot", "internal_group": "dovecot", "login": "dovenull"}
    return own | {"internal": me.pw_name, "internal_group": group, "login": me.pw_name}
