"""Names and literals as SQL text.

For places where SQL takes no bound value: identifiers, ATTACH, COPY, COMMENT and SET.
Values of queries are bound, never written with these.
"""


def identifier(*parts: str) -> str:
    """The dotted name of an object, every part quoted."""
    return ".".join('"' + part.replace('"', '""') + '"' for part in parts)


def literal(value: str) -> str:
    """A string literal; NUL characters are refused because no path or comment has them."""
    if "\x00" in value:
        raise ValueError("a NUL character cannot be written into SQL text")
    return "'" + value.replace("'", "''") + "'"
