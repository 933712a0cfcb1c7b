"""What somebody wrote in an answer, without the message that they answered. Pure text, no rows.

Only what is surely a quote is cut. Where nothing would be left (somebody wrote inside the quote, or sent
nothing but it), the whole text stays: better too much than a sentence lost.
"""

import re

LONGEST_LINE = 300  # of what is looked at: an attribution is short

WROTE = re.compile(
    r"^\s*(on|el|le|am|em|il)\b.{4,250}\b(wrote|escribió|escribio|a écrit|schrieb|escreveu|ha scritto)\b"
    r".{0,100}:\s*$",
    re.IGNORECASE,
)
ORIGINAL = re.compile(
    r"^\s*[-_]{2,}\s*(original message|forwarded message|mensaje original|mensaje reenviado|"
    r"ursprüngliche nachricht|message d'origine)\s*[-_]{2,}\s*$",
    re.IGNORECASE,
)
FROM = re.compile(r"^\s*\*?(from|de|von)\s*:\*?\s+\S", re.IGNORECASE)
SENT = re.compile(
    r"^\s*\*?(sent|date|to|subject|enviado|enviado el|fecha|para|asunto|gesendet)\s*:\*?\s", re.I
)
RULE = re.compile(r"^\s*_{10,}\s*$")
DEVICE = re.compile(
    r"^\s*(sent from my |sent from (mail|yahoo|outlook|proton)|get outlook for |enviado desde mi )", re.I
)
SIGNATURE = re.compile(r"^-- ?$")


def cut(text):
    """The words of the person who answers. Everything, when nothing but a quote is there.

    >>> cut("Thanks!\\n\\nOn Mon, Dec 1, 2026 at 9:00 AM Lantern <billing@lantern.example> wrote:\\n> Hello")
    'Thanks!'
    >>> cut("> Is it right?\\n\\nNo.")
    'No.'
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    lines = _without_signature(_without_quotes(_before_original(lines)))
    kept = "\n".join(line for line in lines if not DEVICE.match(line[:LONGEST_LINE])).strip()
    return re.sub(r"\n{3,}", "\n\n", kept) or text.strip()


def _before_original(lines):
    """What stands above a message that was taken along whole, as Outlook does."""
    for at, line in enumerate(lines):
        line = line[:LONGEST_LINE]
        headers = [FROM.match(line), *(SENT.match(one[:LONGEST_LINE]) for one in lines[at + 1 : at + 4])]
        if ORIGINAL.match(line) or (headers[0] and any(headers[1:])):
            return lines[: at - 1 if at and RULE.match(lines[at - 1]) else at]
    return lines


def _without_quotes(lines):
    """Lines that are no quote, and not the line that announces one."""
    kept, at = [], 0
    while at < len(lines):
        announced = _attribution(lines, at)
        if announced:
            at += announced
        elif lines[at].lstrip().startswith(">"):
            at += 1
        else:
            kept.append(lines[at])
            at += 1
    return kept


def _attribution(lines, at):
    """How many lines from ``at`` on say that somebody wrote something: mail programs wrap them. Or 0."""
    for count in (1, 2, 3):
        together = " ".join(line.strip() for line in lines[at : at + count])[:LONGEST_LINE]
        if WROTE.match(together) and lines[at].strip():
            return count
    return 0


def _without_signature(lines):
    """What stands above the last signature, unless that is nothing."""
    marks = [at for at, line in enumerate(lines) if SIGNATURE.match(line)]
    above = lines[: marks[-1]] if marks else lines
    return above if any(line.strip() for line in above) else lines
