"""Card numbers that people paste are taken out before anything is stored. Pure: text in, text out.

Recognized are the numbers of the networks (first digits, length, Luhn), written as one or in the groups in
which people write them. What is no card number stays as it is: invoice, account and phone numbers, dates.
Every use case that stores what people typed calls ``masked`` first; nothing here stores or reads.
"""

import re
from itertools import accumulate

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
SHORTEST, LONGEST = 13, 19
NAMED_GROUPS = ((4, 6, 5), (4, 6, 4), (4, 3, 3, 3))


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


def is_card_number(digits):
    """True for 13 to 19 digits that a network gives out and whose check digit is right.

    >>> is_card_number("4111111111111111"), is_card_number("4111111111111112")
    (True, False)
    """
    known = any(
        len(digits) in lengths and first <= digits[: len(first)] <= last for first, last, lengths in NETWORKS
    )
    return known and _luhn(digits)


def _luhn(digits):
    total = 0
    for place, digit in enumerate(reversed(digits)):
        double = int(digit) * 2 if place % 2 else int(digit)
        total += double - 9 if double > 9 else double
    return total % 10 == 0


def _cleaned(run):
    """A run of digits and separators without the card numbers in it. They begin and end with a group."""
    groups = list(re.finditer(r"\d+", run[0]))
    said, at, first = [], 0, 0
    while first < len(groups):
        last = _card_from(groups, first)
        if last is None:
            first += 1
            continue
        digits = "".join(group[0] for group in groups[first : last + 1])
        said += [run[0][at : groups[first].start()], f"•••• {digits[-4:]} (card number removed)"]
        at, first = groups[last].end(), last + 1
    return "".join((*said, run[0][at:]))


def _card_from(groups, first):
    """The last group of the card number that begins with group ``first``, or None. The longest one wins."""
    sizes = [len(group[0]) for group in groups[first : first + LONGEST]]
    for count in range(len(sizes), 0, -1):
        if SHORTEST <= sum(sizes[:count]) <= LONGEST and _is_usual(tuple(sizes[:count])):
            digits = "".join(group[0] for group in groups[first : first + count])
            if is_card_number(_plain(digits)):
                return first + count - 1
    return None


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
    return "".join(str(int(digit)) for digit in digits)
