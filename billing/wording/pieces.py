"""The pieces of a message: what stands on a line of its own in a text, and the layout draws.

Plain values; how they look in HTML and in plain text stands in ``drawing``. A piece that has nothing to show
is false, so that a text can ask for it: ``{% if owed %}``.
"""

from dataclasses import dataclass, replace


class Piece:
    """What a text may name as ``{{ name }}``, alone on its line."""


@dataclass(frozen=True)
class Amount(Piece):
    """A sum in large figures with its day; a text may say what it is: ``{{ amount("Invoice 7") }}``.

    aloud -- the sentence that says the same in plain text, where nothing is large: the words above, the sum
    and its day seldom make one by themselves
    """

    cents: int
    when: str
    above: str = ""
    aloud: str = ""

    def __call__(self, above="", aloud=""):
        return replace(self, above=str(above) or self.above, aloud=str(aloud))


@dataclass(frozen=True)
class Button(Piece):
    """The one thing to do; a text gives it its words: ``{{ button("Pay $42.50") }}``."""

    url: str
    label: str = ""

    def __call__(self, label):
        return replace(self, label=str(label))

    def __bool__(self):
        return bool(self.url)


@dataclass(frozen=True)
class Row:
    """One line of a list of amounts; ``is_sum`` for what the others come to."""

    text: str
    cents: int
    detail: str = ""
    is_sum: bool = False


@dataclass(frozen=True)
class Rows(Piece):
    """A list of amounts."""

    rows: tuple[Row, ...]

    def __bool__(self):
        return bool(self.rows)


@dataclass(frozen=True)
class Facts(Piece):
    """Terms and what they are: the particulars that a bank or a bookkeeper asks for."""

    pairs: tuple[tuple[str, str], ...]

    def __bool__(self):
        return bool(self.pairs)


@dataclass(frozen=True)
class Words(Piece):
    """What a person wrote, with the lines that they made."""

    text: str

    def __bool__(self):
        return bool(self.text)


@dataclass(frozen=True)
class Paragraphs(Piece):
    """Sentences of ours that no text may change, such as what was agreed."""

    texts: tuple[str, ...]

    def __bool__(self):
        return bool(self.texts)


@dataclass(frozen=True)
class Code(Piece):
    """A code to read off and type."""

    text: str
