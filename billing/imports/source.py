"""The CSV file itself: bytes to rows, strictly. What a row means is not known here.

What makes the file as a whole unreadable raises BillingError with one sentence; a row that alone is wrong
is given out with its reason, so that all of them can be listed.
"""

import codecs
import csv
import hashlib
import io
import itertools
import os
import pathlib
from dataclasses import dataclass

from billing.errors import BillingError
from billing.imports.fields import UNPRINTABLE, shown

WIDE_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True)
class Source:
    """A decoded file with its header read."""

    name: str
    sha256: str
    text: str
    header: tuple
    delimiter: str

    @property
    def lines(self):
        """How many lines the file has, for a progress bar."""
        return self.text.count("\n") + (not self.text.endswith("\n"))

    def rows(self):
        """Yield (line, last line, cells as a dict or None, reason when None), without empty rows."""
        for line, last, cells in itertools.islice(self.records(), 1, None):
            if len(cells) != len(self.header):
                yield line, last, None, f"The row has {len(cells)} fields; the header has {len(self.header)}."
                continue
            yield line, last, {name: cell.strip() for name, cell in zip(self.header, cells, strict=True)}, ""

    def records(self):
        """Yield (first line, last line, cells) of every record that is not empty, the header too.

        Raises BillingError at a record that is not CSV: whatever follows it cannot be trusted.
        """
        reader = csv.reader(io.StringIO(self.text, newline=""), delimiter=self.delimiter, strict=True)
        while True:
            line = reader.line_num + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                raise BillingError(f"{self.name}, line {line}: {_why(error)}") from None
            if any(cell.strip() for cell in cells):
                yield line, reader.line_num, cells


def read(path, *, encoding, delimiter):
    """Read a CSV file. Raises BillingError with one sentence when that cannot be done."""
    path = pathlib.Path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BillingError(f"Cannot read {path}: {error.strerror}.") from None
    return read_bytes(content, path.name, encoding=encoding, delimiter=delimiter)


def read_bytes(content, name, *, encoding, delimiter):
    """The same for a file that somebody uploaded as ``name``."""
    name = os.fsencode(name).decode("utf-8", "replace")
    text = _decoded(content, name, encoding)
    bare = Source(name, hashlib.sha256(content).hexdigest(), text, (), delimiter)
    return Source(bare.name, bare.sha256, text, _header(bare), delimiter)


def refuse_missing(file, mapping):
    """Refuse a file without a column that the mapping asks for (``mapping.used``)."""
    missing = {column: key for column, key in mapping.used.items() if column not in file.header}
    if missing:
        names = ", ".join(f"{shown(column)} ({key})" for column, key in missing.items())
        hint = "Is the delimiter right?" if len(file.header) == 1 else f"It has: {', '.join(file.header)}."
        raise BillingError(f"{file.name} has no column {names}. {hint}")


def foreign(mapping, cells):
    """Sentences about a row's cells: codes that the mapping does not know (``mapping.codes``), NUL bytes."""
    faults = [f"{name} contains a NUL byte." for name, cell in cells.items() if "\0" in cell]
    for column, codes in mapping.codes.items():
        if cells[column] not in codes:
            faults.append(f"{column}: {shown(cells[column])} is not one of: {', '.join(codes)}.")
    return faults


def _decoded(content, name, encoding):
    """The file's text without a byte order mark."""
    single = codecs.lookup(encoding).name
    if content.startswith(WIDE_MARKS) and not single.startswith("utf-16"):
        raise BillingError(f'{name} is in UTF-16. Set encoding = "utf-16" under [file] in the mapping.')
    if content.startswith(codecs.BOM_UTF8):
        if not single.startswith("utf-8"):
            raise BillingError(f"{name} is in UTF-8. Take encoding out of [file] in the mapping.")
        content = content[len(codecs.BOM_UTF8) :]
    try:
        return content.decode(encoding)
    except UnicodeError as error:
        raise BillingError(_undecodable(content, name, encoding, getattr(error, "start", 0))) from None


def _undecodable(content, name, encoding, at):
    line = content.count(b"\n", 0, at) + 1
    hint = "cp1252" if codecs.lookup(encoding).name.startswith("utf-8") else "utf-8"
    byte = f"0x{content[at]:02X}" if at < len(content) else "the end"
    return (
        f"{name}, line {line}: byte {at + 1:,} ({byte}) is not {encoding}. Save the file as UTF-8, "
        f'or set its encoding, perhaps encoding = "{hint}", under [file] in the mapping.'
    )


def _header(source):
    """The names of the columns, each on one line. A name that stands there twice cannot be told apart."""
    line, _, cells = next(source.records(), (1, 1, ()))
    if not cells:
        raise BillingError(f"{source.name} is empty.")
    if any("\0" in cell for cell in cells):
        raise BillingError(f"{source.name}, line {line} contains NUL bytes. Save the file as CSV in UTF-8.")
    names = tuple(UNPRINTABLE.sub(" ", cell).strip() for cell in cells)
    for at, name in enumerate(names):
        if name and name in names[:at]:
            places = f"as column {names.index(name) + 1} and as column {at + 1}"
            raise BillingError(f"{source.name}, line {line}: {shown(name)} stands there {places}.")
    return names


def _why(error):
    if "end of data" in str(error):
        return "a quotation mark opens in this row and is never closed."
    if "limit" in str(error):
        return "a field is far too long; perhaps a quotation mark opens in this row and is never closed."
    if "expected after" in str(error):
        return "text follows a closing quotation mark. Quotation marks inside of a field are doubled."
    return f"this is not CSV ({error})."
