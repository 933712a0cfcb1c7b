"""The piece of a text that shows why it was found. Pure: pieces of text, no HTML."""

import unicodedata

BEFORE, LENGTH = 60, 180
MOST_READ = 20_000
# Letter by letter, so that a place in the folded text is the same place in the text.
_PLAIN = {
    code: unicodedata.normalize("NFD", chr(code))[0].lower()
    for code in range(0xC0, 0x250)
    if unicodedata.normalize("NFD", chr(code))[0].isascii()
}


def cut(told, pattern):
    """((text, whether it was searched for), …): about 180 characters around the first place that fits.

    pattern -- of typed.pattern, for folded text
    """
    told = " ".join(told[:MOST_READ].split())
    folded = told.translate(_PLAIN).lower()
    if len(folded) != len(told):  # a letter that is longer when small: no place can be trusted
        folded = told.lower() if len(told.lower()) == len(told) else told
    first = pattern.search(folded)
    start = _word_before(told, first.start() - BEFORE) if first else 0
    end = _word_end(told, start + LENGTH)
    pieces, at = [("… ", False)] if start else [], start
    for match in pattern.finditer(folded, start, end):
        pieces += [(told[at : match.start()], False), (told[match.start() : match.end()], True)]
        at = match.end()
    pieces += [(told[at:end], False), (" …", False) if end < len(told) else ("", False)]
    return tuple(piece for piece in pieces if piece[0])


def _word_before(told, at):
    """The start of the word at a place."""
    return told.rfind(" ", 0, at) + 1 if at > 0 else 0


def _word_end(told, at):
    if at >= len(told):
        return len(told)
    end = told.find(" ", at, at + 30)
    return end if end > 0 else at
