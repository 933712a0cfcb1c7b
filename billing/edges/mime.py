"""The bytes of a mail that says the same as plain text and as HTML, written straight away.

Python's own generator builds a tree of parts and folds every header by a grammar: two milliseconds for a mail
of ours, most of what sending one cost. What is short and plain is written as it is here, and whatever is not
still goes the general way. Not here: what stands in a mail (``letters``), files in it (Flask-Mail).
"""

import secrets
from binascii import b2a_qp

LONGEST_LINE, MOST_IN_LINE = 78, 998  # RFC 5322, 2.1.1: should be, and must be


def two_bodies(headers, text, html, *, policy):
    """A multipart/alternative message as bytes, quoted-printable, with lines of at most 76 characters.

    headers -- [(name, value)] of what stands above, in order; a value may be in any language
    policy  -- the email policy that folds the headers that are long or not plain ASCII

    Raises ValueError for a line break within a header: it would start another one.
    """
    cut = f"=_{secrets.token_hex(12)}"  # "=_" never stands in quoted-printable, so no body contains it
    head = [_header(name, value, policy) for name, value in headers]
    head.append(_header("Content-Type", f'multipart/alternative; boundary="{cut}"', policy))
    bodies = [_body(kind, said, cut) for kind, said in (("plain", text), ("html", html))]
    return b"".join([*head, b"\r\n", *bodies, b"--", cut.encode(), b"--\r\n"])


def _header(name, value, policy):
    if "\r" in value or "\n" in value:
        raise ValueError(f"a line break in the header {name}")
    line = f"{name}: {value}"
    longest = LONGEST_LINE if " " in value else MOST_IN_LINE  # what has no space in it cannot be folded
    if line.isascii() and line.isprintable() and len(line) <= longest:
        return line.encode("ascii") + b"\r\n"
    return policy.fold_binary(*policy.header_store_parse(name, value))


def _body(kind, said, cut):
    head = (
        f'--{cut}\r\nContent-Type: text/{kind}; charset="utf-8"\r\n'
        "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
    )
    lines = said.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")
    return head.encode("ascii") + b2a_qp(lines.encode(), istext=True) + b"\r\n"
