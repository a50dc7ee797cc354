"""Open a delivered text and take its lines, none of them longer than allowed.

Decompresses, decodes strictly and bounds the memory of whoever reads. What a line means
belongs to `csv_records` and `json_records`.
"""

import codecs
import gzip
import io
import zlib
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from orchestration.sources.formats import TextFormat
from orchestration.sources.text_files.faults import Fault, TextFileError

_GREATEST_EXPANSION = 200
_ALWAYS_ALLOWED = 256 << 20
"""Receipts compress about tenfold and the emptiest export we met forty; a bomb goes beyond
200, and only beyond a size that would matter (2026-11)."""

_CODECS = {"utf-8": "utf-8-sig"}
"""`utf-8-sig` takes a byte order mark away where there is one."""

_LINE_ENDS = ("\n", "\r")


class _BoundedGzip(gzip.GzipFile):
    """Ends a read that goes on beyond what an honest file can hold."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "rb")
        self._most = max(_ALWAYS_ALLOWED, _GREATEST_EXPANSION * path.stat().st_size)

    def read1(self, size: int = -1) -> bytes:
        data = super().read1(size)
        if self.tell() > self._most:
            raise TextFileError(
                Fault.EXPANDS_TOO_FAR,
                f"it is more than {_GREATEST_EXPANSION} times as large as its compressed bytes",
            )
        return data


@contextmanager
def open_text(path: Path, dialect: TextFormat) -> Iterator[TextIO]:
    """Open a text whose line ends stay as they are.

    Raises TextFileError, also while it is read, for bytes that are not what is declared.
    """
    try:
        with _open_bytes(path, dialect) as binary:
            if dialect.encoding == "utf-16":
                _assert_mark(binary)
            codec = _CODECS.get(dialect.encoding, dialect.encoding)
            with io.TextIOWrapper(binary, encoding=codec, errors="strict", newline="") as text:
                yield text
    except UnicodeError:
        # The codec's own error holds the bytes: neither it nor its cause may go on.
        raise TextFileError(
            Fault.UNDECODABLE, f"its bytes are not the declared {dialect.encoding}"
        ) from None
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise TextFileError(
            Fault.BROKEN_GZIP, "it ends before its gzip stream does, or is no gzip"
        ) from None


def _open_bytes(path: Path, dialect: TextFormat) -> io.BufferedReader:
    if dialect.compression == "gzip":
        if path.stat().st_size == 0:
            raise EOFError  # GzipFile takes it for an empty text
        # GzipFile has what a text wrapper asks of a BufferedReader.
        return _BoundedGzip(path)  # type: ignore[return-value]
    return path.open("rb")


def _assert_mark(binary: io.BufferedReader) -> None:
    """Without a mark the codec would take this machine's byte order for the file's."""
    start = binary.peek(2)[:2]
    if start and start not in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        raise TextFileError(Fault.UNDECODABLE, "it has no byte order mark, which utf-16 needs")


class Lines:
    """The lines of a text, with their ends; the empty text after the last one.

    Of a line that is too long only so much is kept that it is seen to be too long.
    """

    def __init__(self, text: TextIO, longest: int) -> None:
        self.number = 0
        """Of the line that was taken last; the first one is 1."""
        self._readline = text.readline
        self._longest = longest
        # One character more than allowed, and the line's end.
        self._taken_at_once = longest + 2
        self._returned: deque[str] = deque()

    def take(self) -> str:
        """The next line."""
        returned, at_once = self._returned, self._taken_at_once
        line = returned.popleft() if returned else self._readline(at_once)
        if len(line) >= at_once and not line.endswith("\n"):
            line = self._cut(line)
        if line:
            self.number += 1
        return line

    def give_back(self, lines: Iterable[str]) -> None:
        """Take these lines once more, before all others."""
        given = list(lines)
        self.number -= len(given)
        self._returned.extendleft(reversed(given))

    def is_too_long(self, line: str) -> bool:
        return len(line) > self._longest and len(without_end(line)) > self._longest

    def _cut(self, line: str) -> str:
        """Pass over the rest of a line, up to its end."""
        piece = line
        while not piece.endswith("\n"):
            following = self._readline(self._taken_at_once)
            if piece.endswith("\r"):
                # Either the second half of CRLF, or CR was the end and the next line began.
                if following not in ("", "\n"):
                    self._returned.append(following)
                break
            if not following:
                return line
            piece = following
        return line[: self._longest + 1] + "\n"


def is_ended(line: str) -> bool:
    """Whether a line has its end, and so was not cut."""
    return line.endswith(_LINE_ENDS)


def without_end(line: str) -> str:
    """The characters of a line before its end."""
    if line.endswith("\r\n"):
        return line[:-2]
    return line[:-1] if is_ended(line) else line
