"""Find the records of a delimited text, by RFC 4180 and the declared dialect.

The csv module cannot read here: before Python 3.12 it does not tell a quoted empty field
from an empty one, and it takes a misplaced quote for a part of the text. It counts instead.

A record without shape is one line long: where its quotes span lines, only the first is set
aside and reading goes on with the second. An unterminated quote would else take thousands
of good lines with it as one reject.
"""

import re
from collections.abc import Iterator

from orchestration.sources.formats import CsvFormat
from orchestration.sources.text_files.faults import Fault, Misshapen, TextFileError
from orchestration.sources.text_files.lines import Lines, is_ended, without_end
from orchestration.sources.text_files.records import Record, bad_record


def read_header(lines: Lines, dialect: CsvFormat) -> tuple[str, ...]:
    """The names in the first line.

    Raises TextFileError for a file without bytes and for a line that names no columns.
    """
    line = lines.take()
    if not line:
        raise TextFileError(Fault.EMPTY, "it has no bytes, not even a header")
    _assert_ended(line, lines)
    if lines.is_too_long(line):
        raise TextFileError(Fault.BROKEN_HEADER, "its first line is longer than a record may be")
    parser = _QuotedRecord(_Grammar(dialect))
    if "\0" in line or parser.feed(line) is not None or parser.is_open:
        raise TextFileError(
            Fault.BROKEN_HEADER, "its first line has a NUL, or quotes that do not match"
        )
    names = tuple(name or "" for name in parser.fields)
    if not all(names):
        raise TextFileError(
            Fault.BROKEN_HEADER, f"column {names.index('') + 1} of its header has no name"
        )
    # The engine does not tell capitals, so two such columns would be one.
    folded = [name.casefold() for name in names]
    twice = [place for place, name in enumerate(folded, 1) if name in folded[: place - 1]]
    if twice:
        raise TextFileError(
            Fault.BROKEN_HEADER, f"column {twice[0]} of its header has the name of another one"
        )
    return names


def csv_records(lines: Lines, dialect: CsvFormat, width: int) -> Iterator[Record]:
    """Every record after the header, bad ones as well. Empty lines are none.

    Raises TextFileError when the last line has no end: a number could have lost its digits.
    """
    grammar = _Grammar(dialect)
    delimiter, quote, nulls = dialect.delimiter, dialect.quote, grammar.nulls
    longest = dialect.greatest_record
    while line := lines.take():
        text = without_end(line)
        if len(text) == len(line):
            _assert_ended(line, lines)
        if not text and width > 1:
            continue
        if len(text) > longest:
            yield bad_record(lines.number, Misshapen.RECORD_TOO_LARGE, text[:longest])
        elif "\0" in text:
            yield bad_record(lines.number, Misshapen.NUL_CHARACTER, text)
        elif quote is None or quote not in text:
            values = [None if value in nulls else value for value in text.split(delimiter)]
            yield _shaped(lines.number, values, width, text)
        elif grammar.is_whole(text):
            yield _shaped(lines.number, grammar.split(text), width, text)
        else:
            yield _record_of_lines(lines, grammar, longest, width, line)


def _record_of_lines(
    lines: Lines, grammar: "_Grammar", longest: int, width: int, first: str
) -> Record:
    number, taken, size = lines.number, [first], len(first)
    parser = _QuotedRecord(grammar)
    problem = parser.feed(first)
    while problem is None and parser.is_open:
        line = lines.take()
        size += len(line)
        taken.append(line)
        if not line or not is_ended(line) or size > longest:
            problem = Misshapen.UNTERMINATED_QUOTE
        elif "\0" in line:
            problem = Misshapen.NUL_CHARACTER
        else:
            problem = parser.feed(line)
    record = (
        _shaped(number, parser.fields, width, without_end(first), size)
        if problem is None
        else bad_record(number, problem, without_end(first))
    )
    if record.misshapen is not None:
        lines.give_back(line for line in taken[1:] if line)
    return record


class _Grammar:
    """The patterns of a dialect that quotes."""

    def __init__(self, dialect: CsvFormat) -> None:
        self.quote = dialect.quote or "\0"
        self.delimiter = dialect.delimiter
        self.nulls = frozenset(dialect.nulls)
        quote, delimiter = re.escape(self.quote), re.escape(self.delimiter)
        # Possessive (`*+`), so that a long field is never tried in a second way.
        inside = f"(?:[^{quote}]++|{quote}{quote})*+"
        field = f"(?:{quote}{inside}{quote}|[^{quote}{delimiter}]*+)"
        self.inside = re.compile(inside)
        self.plain = re.compile(f"[^{quote}{delimiter}]*+")
        self._row = re.compile(f"{field}(?:{delimiter}{field})*+")
        self._field = re.compile(f"(?:^|{delimiter})({field})")

    def is_whole(self, text: str) -> bool:
        """Whether a line is a record by itself."""
        return self._row.fullmatch(text) is not None

    def split(self, text: str) -> list[str | None]:
        """The fields of a whole line."""
        return [self._value(field) for field in self._field.findall(text)]

    def _value(self, field: str) -> str | None:
        if field.startswith(self.quote):
            return field[1:-1].replace(self.quote * 2, self.quote)
        return None if field in self.nulls else field


class _QuotedRecord:
    """The fields of one record, taken line by line while a quote is open."""

    def __init__(self, grammar: _Grammar) -> None:
        self.fields: list[str | None] = []
        self._grammar = grammar
        self._pieces: list[str] | None = None

    @property
    def is_open(self) -> bool:
        """Whether the record goes on with the next line."""
        return self._pieces is not None

    def feed(self, line: str) -> Misshapen | None:
        """Take one more line; says what is wrong as soon as something is."""
        text, position, grammar = without_end(line), 0, self._grammar
        while True:
            if self._pieces is None and not text.startswith(grammar.quote, position):
                value = _matched(grammar.plain, text, position)
                self.fields.append(None if value in grammar.nulls else value)
                position += len(value)
            else:
                if self._pieces is None:
                    self._pieces, position = [], position + 1
                piece = _matched(grammar.inside, text, position)
                position += len(piece)
                if position == len(text):
                    self._pieces.append(piece + line[len(text) :])
                    return None
                whole = "".join((*self._pieces, piece))
                self.fields.append(whole.replace(grammar.quote * 2, grammar.quote))
                self._pieces, position = None, position + 1
            if position == len(text):
                return None
            if text[position] != grammar.delimiter:
                return Misshapen.MISPLACED_QUOTE
            position += 1


def _matched(pattern: re.Pattern[str], text: str, position: int) -> str:
    """What a pattern that also matches nothing takes from there."""
    match = pattern.match(text, position)
    return "" if match is None else match.group()


def _shaped(
    number: int, values: list[str | None], width: int, raw: str, size: int | None = None
) -> Record:
    if len(values) == width:
        return Record(number, len(raw) if size is None else size, values)
    few = len(values) < width
    return bad_record(number, Misshapen.TOO_FEW_FIELDS if few else Misshapen.TOO_MANY_FIELDS, raw)


def _assert_ended(line: str, lines: Lines) -> None:
    if not is_ended(line):
        raise TextFileError(
            Fault.CUT_OFF,
            f"its last line, {lines.number}, has no line end, so it may have been cut",
        )
