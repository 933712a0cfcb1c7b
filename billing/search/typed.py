"""What somebody typed into a search, as words, and as the query of each database. Pure.

Folded as the index folds its texts: small letters without accents, cut at everything that is no letter or
digit. So nothing that was typed is an operator of a database, and nothing can be a mistake.
"""

import re
import unicodedata
from dataclasses import dataclass

LONGEST = 400  # characters that are read
MOST_WORDS = 8
SHORTEST_BEGINNING = 3
SHORTEST_STEM = 4
QUOTES = '"“”„«»'
# What English and Spanish words end in. A stem with any of them is the same word: invoice, invoiced,
# invoicing; factura, facturas, facturar. By hand, because only one of the databases knows both languages.
ENDINGS = (
    "", "s", "es", "e", "ed", "er", "ing", "ings", "y", "ies", "ied", "ation", "ations", "ment", "ments",
    "a", "as", "o", "os", "ar", "ando", "ado", "ada", "ados", "adas", "acion", "aciones",
)  # fmt: skip
_LONGEST_FIRST = sorted(ENDINGS[1:], key=len, reverse=True)


@dataclass(frozen=True)
class Wanted:
    """One thing that must be there: a word, a beginning, or words that follow each other."""

    parts: tuple
    begins: bool = False  # the last part is the beginning of a word
    exact: bool = False  # as typed, in quotes


def fold(text):
    """Small letters without accents.

    >>> fold("Facturación Ñandú")
    'facturacion nandu'
    """
    plain = unicodedata.normalize("NFD", text)
    return "".join(letter for letter in plain if not unicodedata.combining(letter)).lower()


def read(text):
    """What was typed as a tuple of Wanted; empty when there is no word in it.

    >>> [wanted.parts for wanted in read('panel "low battery" jane@example.com AND -')]
    [('panel',), ('low', 'battery'), ('jane', 'example', 'com'), ('and',)]
    """
    found, quoted = [], False
    for piece in re.split(f"([{QUOTES}])", fold(text[:LONGEST])):
        if piece and piece in QUOTES:
            quoted = not quoted
        elif quoted:
            found.append(Wanted(_parts(piece), exact=True))
        else:
            found += [Wanted(_parts(one), begins=one.endswith("*")) for one in piece.split()]
    return tuple(dict.fromkeys(one for one in found if one.parts))[:MOST_WORDS]


def _parts(piece):
    """The words of a piece: runs of letters and digits, none longer than an index keeps."""
    cut = "".join(letter if letter.isalnum() else " " for letter in piece)
    return tuple(word[:60] for word in cut.split())[:MOST_WORDS]


def stem(word):
    """The part of a word that other forms of it share.

    >>> stem("invoices"), stem("facturas"), stem("facturación".replace("ó", "o")), stem("paid"), stem("10482")
    ('invoic', 'factur', 'factur', 'paid', '10482')
    """
    if word.isascii() and word.isalpha():
        for ending in _LONGEST_FIRST:
            if word.endswith(ending) and len(word) - len(ending) >= SHORTEST_STEM:
                return word.removesuffix(ending)
    return word


def forms(word):
    """The word and its other forms.

    >>> forms("bills"), "invoiced" in forms("invoice"), forms("tax")
    (('bills', 'bill', ...
    """
    if not (word.isascii() and word.isalpha()) or len(word) < 3:
        return (word,)
    root = stem(word)
    if len(root) < SHORTEST_STEM:
        return (word, word.removesuffix("s") if len(word) > 3 else word, f"{word}s")
    return tuple(dict.fromkeys((word, *(root + ending for ending in ENDINGS))))


def _is_beginning(wanted, begins):
    return not wanted.exact and (wanted.begins or begins) and len(wanted.parts[-1]) >= SHORTEST_BEGINNING


def _alternatives(wanted, begins):
    """[(parts, whether the last one is a beginning)], any of which will do."""
    if _is_beginning(wanted, begins):
        single = len(wanted.parts) == 1 and not wanted.begins
        return [((stem(wanted.parts[0]),) if single else wanted.parts, True)]
    if len(wanted.parts) == 1 and not wanted.exact:
        return [((form,), False) for form in forms(wanted.parts[0])]
    return [(wanted.parts, False)]


def for_fts5(words, begins, kinds=None, customer_id=None, known=lambda beginning: None):
    """The MATCH of FTS5. Everything stands in quotes, so that it is a word and no operator.

    known -- callable(beginning): the words of the index that begin so, or None where they are not to be named
    """
    asked = [
        "(" + " OR ".join(_matches(parts, open, known) for parts, open in found) + ")"
        for found in (_alternatives(wanted, begins) for wanted in words)
    ]
    query = f"words : ({' AND '.join(asked)})"
    if kinds is not None:
        query += " AND marks : (" + " OR ".join(f'"k{kind}"' for kind in kinds) + ")"
    return query + (f' AND marks : "c{customer_id}"' if customer_id else "")


def _matches(parts, open, known):
    found = known(parts[-1]) if open else None
    if found is None:
        return f'"{" ".join(parts)}"{" *" if open else ""}'
    return " OR ".join(f'"{" ".join((*parts[:-1], word))}"' for word in found or [parts[-1]])


def for_postgresql(words, begins, kinds=None, customer_id=None):
    """The conditions that must all hold, each a tsquery. Marks begin with a sign, as no word does."""
    asked = [
        "(" + " | ".join(_followed(parts, open) for parts, open in found) + ")"
        for found in (_alternatives(wanted, begins) for wanted in words)
    ]
    if kinds is not None:
        asked.append("(" + " | ".join(f"'=k{kind}'" for kind in kinds) + ")")
    if customer_id:
        asked.append(f"'=c{customer_id}'")
    return asked


def _followed(parts, open):
    *before, last = (f"'{part}'" for part in parts)
    return "(" + " <-> ".join([*before, f"{last}:*" if open else last]) + ")"


def pattern(words, begins):
    """A regular expression that finds what was asked for in a folded text."""
    found = []
    for wanted in words:
        for parts, open in _alternatives(wanted, begins):
            end = "" if not open else "[^\\W_]*"
            found.append("[\\W_]+".join(map(re.escape, parts)) + end)
    longest_first = "|".join(sorted(found, key=len, reverse=True))
    return re.compile(f"(?<![^\\W_])(?:{longest_first})(?![^\\W_])")
