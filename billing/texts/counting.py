"""Characters and segments: what a text costs, and how to keep it to one. Pure.

A text of GSM-7 characters (3GPP TS 23.038) holds 160 of them; a single other one, such as a dash of a
word processor, makes it UCS-2 with 70. Longer texts are sent in parts of 153 or 67.
"""

import unicodedata

BASIC = set(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
TWICE = set("^{}\\[~]|€\f")  # they are there, and count as two
ALIKE = str.maketrans(
    {
        "–": "-", "—": "-", "‑": "-", "−": "-", "‘": "'", "’": "'", "“": '"', "”": '"', "…": "...",
        "\u00a0": " ", "\u202f": " ", "•": "-", "·": "-", "→": "->", "×": "x", "ç": "c", "\t": " ",
    }
)  # fmt: skip
SINGLE, PART = 160, 153
SINGLE_WIDE, PART_WIDE = 70, 67


def plain(text):
    """``text`` with every character that GSM-7 lacks replaced by one that says the same, where there is one.

    Accents that it lacks are left off: a name without its accent is read, a text of three parts is paid for.

    >>> plain("Ana’s alarm – “Casa Ramírez” …")
    'Ana\\'s alarm - "Casa Ramirez" ...'
    """
    return "".join(one if _fits(one) else _bare(one) for one in text.translate(ALIKE)).strip()


def _fits(character):
    return character in BASIC or character in TWICE


def _bare(character):
    bare = "".join(one for one in unicodedata.normalize("NFKD", character) if not unicodedata.combining(one))
    return bare if bare and all(map(_fits, bare)) else character


def segments(text):
    """How many parts ``text`` is sent in, and paid for; an empty text is none.

    >>> segments("Hello"), segments("x" * 160), segments("x" * 161), segments("你" * 70), segments("你" * 71)
    (1, 1, 2, 1, 2)
    """
    if all(map(_fits, text)):
        size, single, part = sum(1 + (one in TWICE) for one in text), SINGLE, PART
    else:
        size, single, part = len(text.encode("utf-16-le")) // 2, SINGLE_WIDE, PART_WIDE
    return -(-size // part) if size > single else int(size > 0)
