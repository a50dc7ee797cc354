"""Find the records of JSON: one object a line, or the elements of one array.

Every scalar is handed on as its own text, so that no digit is lost in a float; objects and
arrays as compact JSON. A key that is missing is null, one that nobody asked for is counted
among the unknown ones.
"""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn, TextIO
from urllib.parse import parse_qsl

from orchestration.sources.formats import JsonFormat, NdjsonFormat
from orchestration.sources.text_files.faults import Fault, Misshapen, TextFileError
from orchestration.sources.text_files.lines import Lines, is_ended, without_end
from orchestration.sources.text_files.records import Record, bad_record

_CHUNK = 1 << 20
_MOST_UNKNOWN_KEYS = 1000
_SPACE = re.compile(r"[ \t\r\n]*+")


class _Number(str):
    """The characters of a number, told from a text that only looks like one."""

    __slots__ = ()


class _DuplicatedKeyError(ValueError):
    """An object has a key twice, and whoever reads it would choose one of two values."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _DuplicatedKeyError
    return found


def _no_json(_: str) -> NoReturn:
    raise ValueError("NaN and infinities are no JSON")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_Number, parse_int=_Number, parse_constant=_no_json
)

_DELIMITER = json.JSONDecoder()
"""Also takes a key that comes twice, and `NaN`: neither hides where a value ends."""


class ObjectColumns:
    """Takes the wanted keys out of objects, and remembers which ever came."""

    def __init__(self, keys: Sequence[str]) -> None:
        """`a.b` is what lies under `b` in the object under `a`; the rest of `a` is left out.

        `a?b` is the parameter `b` of the address that is the value of `a`, and `a?` what stands
        before its parameters; the rest of the address is left out.
        """
        self._keys = tuple(keys)
        self._wanted = frozenset(keys)
        places = [key.partition("?") for key in keys]
        self._nested = tuple(place.split(".") for place, _, _ in places)
        self._parameters = tuple(name if mark else None for _, mark, name in places)
        self._known = self._wanted | {path[0] for path in self._nested}
        self.seen: set[str] = set()
        self.unknown: set[str] = set()

    def record(self, line: int, found: object, raw: str) -> Record:
        """The record of one decoded value."""
        if not isinstance(found, dict):
            return bad_record(line, Misshapen.NOT_AN_OBJECT, raw)
        if not found.keys() <= self.seen:
            self.seen |= found.keys() & self._known
            if len(self.unknown) < _MOST_UNKNOWN_KEYS:
                self.unknown |= found.keys() - self._known
        try:
            values = [
                _text(found[key])
                if key in found
                else _part_of_address(_text(_under(found, path)), parameter)
                for key, path, parameter in zip(
                    self._keys, self._nested, self._parameters, strict=True
                )
            ]
        except RecursionError:
            return bad_record(line, Misshapen.MALFORMED_JSON, raw)
        if "\\u" in raw or "%00" in raw:
            problem = _unstorable(values)
            if problem is not None:
                return bad_record(line, problem, raw)
        return Record(line, len(raw), values)


def _under(found: dict[str, Any], path: Sequence[str]) -> object:
    """What lies at the end of a path of keys; None where an object on the way is missing."""
    here: object = found
    for key in path:
        if not isinstance(here, dict):
            return None
        here = here.get(key)
    return here


def top_key(key: str) -> str:
    """The key of a record under which a wanted value lies, itself, inside or as a part."""
    return key.partition("?")[0].split(".")[0]


def _part_of_address(address: str | None, parameter: str | None) -> str | None:
    """The first value of a parameter, or what stands before the parameters for an empty name."""
    if address is None or parameter is None:
        return address
    path, _, query = address.partition("#")[0].partition("?")
    if not parameter:
        return path
    return next((value for name, value in parse_qsl(query) if name == parameter), None)


def ndjson_records(lines: Lines, dialect: NdjsonFormat, columns: ObjectColumns) -> Iterator[Record]:
    """One record a line; empty lines are none.

    An object ends by itself, so the last line needs no end. Raises TextFileError when it has
    neither: then it was cut.
    """
    longest = dialect.greatest_record
    while line := lines.take():
        text = without_end(line)
        if len(text) > longest:
            record = bad_record(lines.number, Misshapen.RECORD_TOO_LARGE, text[:longest])
        elif not text or text.isspace():
            continue
        else:
            record = _decoded(lines.number, text, columns)
        if record.misshapen is not None and not is_ended(line):
            raise TextFileError(Fault.CUT_OFF, f"its last line, {lines.number}, is no whole object")
        yield record


def _decoded(line: int, text: str, columns: ObjectColumns) -> Record:
    try:
        found = _DECODER.decode(text)
    except _DuplicatedKeyError:
        return bad_record(line, Misshapen.DUPLICATED_KEY, text)
    except (ValueError, RecursionError):
        return bad_record(line, Misshapen.MALFORMED_JSON, text)
    return columns.record(line, found, text)


class JsonArray:
    """The elements of one array of a document, of which a window is in memory."""

    def __init__(self, text: TextIO, dialect: JsonFormat) -> None:
        self.offset = 0
        """Characters before the first element: where somebody else may begin to count."""
        self._text = text
        self._path = dialect.path
        self._longest = dialect.greatest_record
        self._window = ""
        self._position = 0
        self._line = 1
        self._passed = 0
        self._is_at_end = False

    def records(self, columns: ObjectColumns) -> Iterator[Record]:
        """Every element of the array.

        Raises TextFileError when the document is cut or no JSON, has no such array, or an
        element longer than a record may be: nobody can say where the next one begins.
        """
        self._enter()
        self.offset = self._passed + self._position
        if self._next() == "]":
            self._advance(1)
        else:
            yield from self._elements(columns)
        self._leave()

    def _elements(self, columns: ObjectColumns) -> Iterator[Record]:
        while True:
            self._next()
            yield self._element(columns)
            if self._expect(",]") == "]":
                return

    def _element(self, columns: ObjectColumns) -> Record:
        line = self._line
        problem = None
        try:
            found, end = self._decode()
        except (ValueError, RecursionError) as error:
            is_twice = isinstance(error, _DuplicatedKeyError)
            problem = Misshapen.DUPLICATED_KEY if is_twice else Misshapen.MALFORMED_JSON
            found, end = None, self._end_of_element()
        if end - self._position > self._longest:
            raise self._broken_element("is longer than a record may be")
        raw = self._window[self._position : end]
        self._advance(len(raw))
        if problem is not None:
            return bad_record(line, problem, raw)
        return columns.record(line, found, raw)

    def _end_of_element(self) -> int:
        """Where an element ends that is well delimited, and yet no value for us.

        Raises TextFileError for any other: its quotes and brackets may be those of its
        neighbours, and the one that follows would be lost or made of two.
        """
        try:
            return self._decode(_DELIMITER)[1]
        except (ValueError, RecursionError):
            pass
        if len(self._window) - self._position > self._longest:
            raise self._broken_element("is no JSON value, or longer than a record may be")
        if self._window.rstrip()[-1:] == ("}" if self._path else "]"):
            raise self._broken_element("is no JSON value")
        raise TextFileError(
            Fault.CUT_OFF, f"the element that begins in line {self._line} does not end"
        )

    def _broken_element(self, what: str) -> TextFileError:
        return TextFileError(
            Fault.BROKEN_DOCUMENT,
            f"the element that begins in line {self._line} {what}, so nobody can say where the "
            "next one begins",
        )

    def _decode(self, decoder: json.JSONDecoder = _DECODER) -> tuple[Any, int]:
        """The value that begins here and where it ends, with as much window as it needs."""
        while True:
            try:
                found, end = decoder.raw_decode(self._window, self._position)
            except _DuplicatedKeyError:
                raise
            except (ValueError, RecursionError):
                if len(self._window) - self._position > self._longest or not self._read():
                    raise
            else:
                # A number at the end of the window may go on behind it.
                if end < len(self._window) or not self._read():
                    return found, end

    # -- around the array -------------------------------------------------------------

    def _enter(self) -> None:
        for wanted in self._path:
            self._expect("{")
            while self._key() != wanted:
                self._skip_value()
                if self._expect(",}") == "}":
                    raise TextFileError(
                        Fault.BROKEN_DOCUMENT, "it has no array at the declared path"
                    )
        if self._next() != "[":
            raise TextFileError(Fault.BROKEN_DOCUMENT, "there is no array at the declared path")
        self._advance(1)

    def _leave(self) -> None:
        for wanted in reversed(self._path):
            while self._expect(",}") == ",":
                if self._key() == wanted:
                    raise TextFileError(
                        Fault.BROKEN_DOCUMENT, "it has two values at the declared path"
                    )
                self._skip_value()
        if self._next(may_end=True):
            raise TextFileError(
                Fault.BROKEN_DOCUMENT, f"something follows its end in line {self._line}"
            )

    def _key(self) -> object:
        self._next()
        key = self._value()
        self._expect(":")
        return key

    def _skip_value(self) -> None:
        self._next()
        self._value()

    def _value(self) -> object:
        try:
            found, end = self._decode()
        except (ValueError, RecursionError):
            raise TextFileError(
                Fault.BROKEN_DOCUMENT, f"what begins in line {self._line} is no whole JSON value"
            ) from None
        self._advance(end - self._position)
        return found

    def _expect(self, wanted: str) -> str:
        found = self._next()
        if found not in wanted:
            raise TextFileError(
                Fault.BROKEN_DOCUMENT,
                f"line {self._line} has something else where one of {wanted} belongs",
            )
        self._advance(1)
        return found

    def _next(self, *, may_end: bool = False) -> str:
        """The next character that is no space; it is not taken."""
        while True:
            match = _SPACE.match(self._window, self._position)
            if match is not None:
                self._advance(match.end() - self._position)
            if self._position < len(self._window):
                return self._window[self._position]
            if not self._read():
                if may_end:
                    return ""
                raise TextFileError(
                    Fault.CUT_OFF, f"it ends in line {self._line}, before its document does"
                )

    def _advance(self, characters: int) -> None:
        end = self._position + characters
        self._line += self._window.count("\n", self._position, end)
        self._position = end

    def _read(self) -> bool:
        """Move the window on; what was read before the position leaves memory."""
        more = "" if self._is_at_end else self._text.read(_CHUNK)
        if not more:
            self._is_at_end = True
            return False
        self._passed += self._position
        self._window = self._window[self._position :] + more
        self._position = 0
        return True


# -- values ---------------------------------------------------------------------------


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return _compact(value)


def _compact(value: Any) -> str:
    """JSON without spaces, in which numbers keep every digit."""
    if isinstance(value, _Number):
        return value
    if isinstance(value, dict):
        members = (f"{_compact(key)}:{_compact(item)}" for key, item in value.items())
        return "{" + ",".join(members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_compact(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False)


def _unstorable(values: Sequence[str | None]) -> Misshapen | None:
    """What no text column can hold although JSON can write it: NUL and half of a pair."""
    for value in values:
        if value is None:
            continue
        if "\0" in value:
            return Misshapen.NUL_CHARACTER
        try:
            value.encode()
        except UnicodeEncodeError:
            return Misshapen.MALFORMED_JSON
    return None
