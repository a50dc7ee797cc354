"""Count the records of a text without the reader that finds them.

The count is the `physical` of landing's accounting: a record that the reader lost, or made
of two, is a difference. Delimited text is counted by the csv module, lines of JSON by their
ends, an array by its brackets and commas. What records say is looked at by nobody here.
"""

import csv
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TextIO

from orchestration.sources.formats import CsvFormat, JsonFormat, TextFormat
from orchestration.sources.text_files.lines import Lines, open_text, without_end

_CHUNK = 1 << 20
_LINE_END = re.compile("[\r\n]")
_BRACKET = re.compile(r"[\[\]{}]")
_JSON_TEXT = re.compile(r'"(?:[^"\\]++|\\.)*+"', re.DOTALL)


def count_records(path: Path, dialect: TextFormat, offset: int = 0) -> int:
    """Records of a text that was found readable; `offset`: where its array's elements begin."""
    with open_text(path, dialect) as text:
        if isinstance(dialect, CsvFormat):
            return _count_delimited(Lines(text, dialect.greatest_record), dialect)
        if isinstance(dialect, JsonFormat):
            return _count_elements(text, offset)
        return _count_lines(text)


def _count_delimited(lines: Lines, dialect: CsvFormat) -> int:
    """As the reader does, of a record without shape only its first line counts as one."""
    csv.field_size_limit(max(csv.field_size_limit(), dialect.greatest_record + 2))
    width = len(_fields([lines.take()], dialect))
    count = 0
    while line := lines.take():
        if width > 1 and not without_end(line):
            continue
        count += 1
        if dialect.quote and dialect.quote in line and not lines.is_too_long(line):
            _pass_over_record(lines, dialect, line, width)
    return count


def _pass_over_record(lines: Lines, dialect: CsvFormat, first: str, width: int) -> None:
    taken = [first]
    try:
        is_shaped = len(_fields(_with_following(lines, dialect, taken), dialect)) == width
    except csv.Error:
        is_shaped = False
    if len(taken) == 1:
        return
    has_nul = any("\0" in line for line in taken)
    if not is_shaped or has_nul or not _quotes_whole_fields(taken, dialect):
        lines.give_back(taken[1:])


def _quotes_whole_fields(taken: list[str], dialect: CsvFormat) -> bool:
    """Whether every quote begins or ends a field, or is doubled inside of one.

    The csv module takes any other for a text and goes on, over line ends too. What stands
    between two quoted fields is nothing (a doubled quote), or begins and ends with a delimiter.
    """
    parts = without_end("".join(taken)).split(str(dialect.quote))
    if len(parts) % 2 == 0:
        return False
    first, *between = parts[::2]
    mark = dialect.delimiter
    last = between.pop() if between else ""
    return (
        (not first or first.endswith(mark))
        and (not last or last.startswith(mark))
        and all(not part or (part.startswith(mark) and part.endswith(mark)) for part in between)
    )


def _with_following(lines: Lines, dialect: CsvFormat, taken: list[str]) -> Iterator[str]:
    """The lines of a record as they are asked for, as far as a record may go."""
    yield taken[0]
    size = len(taken[0])
    while line := lines.take():
        size += len(line)
        taken.append(line)
        if size > dialect.greatest_record:
            return
        yield line


def _fields(lines: Iterable[str], dialect: CsvFormat) -> list[str]:
    """The first record of these lines. Raises csv.Error where its quotes are wrong."""
    reader = csv.reader(
        lines,
        delimiter=dialect.delimiter,
        quotechar=dialect.quote or None,
        quoting=csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE,
        strict=True,
    )
    return next(reader, [])


def _count_lines(text: TextIO) -> int:
    """Lines with anything but space in them, wherever the pieces that are read end."""
    count, has_content = 0, False
    while piece := text.read(_CHUNK):
        first, *others = _LINE_END.split(piece)
        has_content = has_content or bool(first.strip())
        for line in others:
            count += has_content
            has_content = bool(line.strip())
    return count + has_content


def _count_elements(text: TextIO, offset: int) -> int:
    """Elements of the array whose first one begins after `offset` characters."""
    while offset > 0 and (passed := len(text.read(min(offset, _CHUNK)))):
        offset -= passed
    commas, depth, is_empty, rest = 0, 0, True, ""
    while piece := text.read(_CHUNK):
        bare = _JSON_TEXT.sub("0", rest + piece)
        # What is left of a quote is a text that goes on in the next piece.
        bare, quote, started = bare.partition('"')
        rest = quote + started
        position = 0
        for bracket in _BRACKET.finditer(bare):
            if depth == 0:
                between = bare[position : bracket.start()]
                commas += between.count(",")
                is_empty = is_empty and not between.strip() and bracket.group() == "]"
            position = bracket.end()
            depth += 1 if bracket.group() in "[{" else -1
            if depth < 0:
                return 0 if is_empty else commas + 1
        if depth == 0:
            between = bare[position:]
            commas += between.count(",")
            is_empty = is_empty and not between.strip()
    return 0 if is_empty else commas + 1
