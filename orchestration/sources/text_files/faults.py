"""What can be wrong with a text, of the whole of it and of one record.

A fault names places and never repeats what stands there.
"""

from enum import StrEnum


class Fault(StrEnum):
    """Why nothing of a file can be read."""

    EMPTY = "empty_file"
    UNDECODABLE = "undecodable_bytes"
    BROKEN_GZIP = "broken_gzip"
    EXPANDS_TOO_FAR = "expands_too_far"
    CUT_OFF = "cut_off"
    BROKEN_HEADER = "broken_header"
    BROKEN_DOCUMENT = "broken_document"


class TextFileError(ValueError):
    """A text cannot be read as a whole; `fault` says which kind, the message where."""

    def __init__(self, fault: Fault, what: str) -> None:
        super().__init__(f"{fault}: {what}")
        self.fault = fault


class Misshapen(StrEnum):
    """Why one record is set aside before anybody looks at its values."""

    TOO_FEW_FIELDS = "too_few_fields"
    TOO_MANY_FIELDS = "too_many_fields"
    UNTERMINATED_QUOTE = "unterminated_quote"
    MISPLACED_QUOTE = "misplaced_quote"
    RECORD_TOO_LARGE = "record_too_large"
    NUL_CHARACTER = "nul_character"
    MALFORMED_JSON = "malformed_json"
    NOT_AN_OBJECT = "not_an_object"
    DUPLICATED_KEY = "duplicated_key"
