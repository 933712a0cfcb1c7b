"""Card numbers that people paste are taken out before anything is stored. Pure: text in, text out.

Recognized are the numbers of the networks (first digits, length, Luhn), written as one or in the groups in
which people write them. What is no card number stays as it is: invoice, account and phone numbers, dates.
Every use case that stores what people typed calls ``said``, ``reason``, ``typed`` or ``masked`` first. Here
nothing is stored or read.
"""

import re
from functools import cache
from itertools import accumulate, pairwise

from billing.errors import BillingError

SEPARATOR = r"[ \t\r\n\u00a0\u2007\u2009\u202f\u200b.\-\u2010-\u2015_·]"
RUN = re.compile(rf"\d(?:{SEPARATOR}{{0,3}}\d){{12,}}")
CODE = re.compile(r"(?i)\b(cvv2?|cvc2?|security code|código de seguridad)(\W{0,12})\d{3,4}\b")
# (first digits from, to, lengths): who gives out cards, by ISO/IEC 7812 and the networks' own tables
NETWORKS = (
    ("34", "34", (15,)), ("37", "37", (15,)),
    ("300", "305", (14, 16, 19)), ("36", "36", (14, 16, 19)), ("38", "39", (14, 16, 19)),
    ("3528", "3589", (16, 17, 18, 19)),
    ("4", "4", (13, 16, 18, 19)),
    ("51", "55", (16,)), ("2221", "2720", (16,)),
    ("6011", "6011", (16, 17, 18, 19)), ("644", "659", (16, 17, 18, 19)),
    ("62", "62", (16, 17, 18, 19)), ("81", "81", (16, 17, 18, 19)),
    ("50", "50", (13, 14, 15, 16, 17, 18, 19)), ("56", "58", (13, 14, 15, 16, 17, 18, 19)),
    ("63", "63", (16, 18, 19)), ("67", "67", (16, 18, 19)),
)  # fmt: skip
DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)  # twice a digit, its own digits added
NAMED_GROUPS = ((4, 6, 5), (4, 6, 4), (4, 3, 3, 3))


def said(text, *, missing, longest, hint=""):
    """``typed`` text that somebody has to read: raises BillingError where there is none, or too much.

    missing -- the sentence when nothing was typed; ``hint`` follows the one about more than ``longest``
    """
    text = reason(text, missing)
    if len(text) > longest:
        raise BillingError(f"Please keep it under {longest:,} characters. {hint}".strip())
    return text


def reason(text, missing):
    """``typed`` words that say why. Raises BillingError (``missing``) where there are none."""
    text = typed(text)
    if not text:
        raise BillingError(missing)
    return text


def typed(text):
    """``text`` as it may be stored: masked, trimmed, and without the NUL that PostgreSQL refuses."""
    return masked((text or "").replace("\x00", "").strip())


def masked(text):
    """``text`` with every card number replaced by its last four digits, and the code beside it gone.

    >>> masked("Take 4111 1111 1111 1111, please. Invoice 10482, (512) 555-0100.")
    'Take •••• 1111 (card number removed), please. Invoice 10482, (512) 555-0100.'
    """
    if not text:
        return text
    clean = RUN.sub(_cleaned, text)
    if clean != text:
        clean = CODE.sub(r"\1\2•••", clean)
    return clean


@cache
def _lengths(begin):
    """How long a card number may be that begins with these up to four digits, the longest first."""
    found = {
        length
        for first, last, lengths in NETWORKS
        if first <= begin[: len(first)] <= last
        for length in lengths
    }
    return tuple(sorted(found, reverse=True))


class _Sums:
    """Check digits (Luhn) of any piece of a long row of digits, each in the same short time.

    Added up are the digits from the beginning on, once with every even place doubled, once every odd one:
    a piece is the difference of two of these sums.
    """

    def __init__(self, digits):
        once = [int(digit) for digit in digits]
        twice = [DOUBLED[digit] for digit in once]
        mixed = [
            [(twice if place % 2 == odd else once)[place] for place in range(len(once))] for odd in (0, 1)
        ]
        self._sums = [list(accumulate(row, initial=0)) for row in mixed]

    def is_right(self, start, end):
        """True where the check digit of the digits from ``start`` up to ``end`` is right."""
        sums = self._sums[end % 2]  # the last digit counts once, the one before it twice
        return (sums[end] - sums[start]) % 10 == 0


def _cleaned(run):
    """A run of digits and separators without the card numbers in it. They begin and end with a group."""
    groups = list(re.finditer(r"\d+", run[0]))
    digits = "".join(group[0] for group in groups)
    starts = list(accumulate((len(group[0]) for group in groups), initial=0))
    card_from = _finder(_plain(digits), starts)
    said, at, first = [], 0, 0
    while first < len(groups):
        last = card_from(first)
        if last is None:
            first += 1
            continue
        end = starts[last + 1]
        said += [run[0][at : groups[first].start()], f"•••• {digits[end - 4 : end]} (card number removed)"]
        at, first = groups[last].end(), last + 1
    return "".join((*said, run[0][at:]))


def _finder(digits, starts):
    """callable(first): the last group of the card number that begins with that group, or None. Longest wins.

    A number that somebody wrote digit by digit, page after page, is looked at once in each place: what costs
    more (the groups) is asked only where the network, the length and the check digit are right.
    """
    sums, group_at = _Sums(digits), {start: number for number, start in enumerate(starts)}

    def card_from(first):
        start = starts[first]
        for length in _lengths(digits[start : start + 4]):
            after = group_at.get(start + length)
            if after is not None and sums.is_right(start, start + length):
                edges = starts[first : after + 1]
                if _is_usual(tuple(end - begin for begin, end in pairwise(edges))):
                    return after - 1
        return None

    return card_from


def _is_usual(sizes):
    """True for groups as people write card numbers in: even, all the same but the last, or the network's own.

    Two phone numbers beside each other (3-3-4-3-3-4) are none.
    """
    same = all(size == sizes[0] for size in sizes[:-1]) and sizes[-1] <= max(sizes[0], 4)
    even = all(size % 2 == 0 for size in sizes)
    wide = any(total in (6, 8, 12) for total in accumulate(sizes)) and max(sizes) >= 6 and len(sizes) < 4
    return len(sizes) == 1 or same or even or wide or sizes in NAMED_GROUPS


def _plain(digits):
    """Digits of any script as 0 to 9."""
    return digits if digits.isascii() else "".join(str(int(digit)) for digit in digits)
