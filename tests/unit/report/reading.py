"""Read a report as a stranger would: its figures, tables, images, links and claims."""

import re
from dataclasses import dataclass, field
from decimal import Decimal
from html.parser import HTMLParser

VOID = {"meta", "wbr", "br", "hr", "img", "link", "input"}


@dataclass
class Element:
    """One element; `text` is what a reader sees of it and all it contains."""

    tag: str
    attributes: dict[str, str]
    parent: "Element | None" = None
    children: list["Element"] = field(default_factory=list)
    text: str = ""

    def inside(self, tag: str) -> "Element | None":
        """The nearest element around this one with the tag."""
        found = self.parent
        while found is not None and found.tag != tag:
            found = found.parent
        return found


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("document", {})
        self.open = [self.root]
        self.elements: list[Element] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs}, self.open[-1])
        self.open[-1].children.append(element)
        self.elements.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_endtag(self, tag: str) -> None:
        assert self.open[-1].tag == tag, f"</{tag}> closes <{self.open[-1].tag}>"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        for element in self.open:
            element.text += data


def elements(html: str) -> list[Element]:
    """All elements in order; fails where tags do not nest."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    assert reader.open == [reader.root], "not every element is closed"
    return reader.elements


def figures(html: str) -> dict[str, tuple[str, str]]:
    """Exact value and shown text by name; the same name must say the same everywhere."""
    found: dict[str, tuple[str, str]] = {}
    for element in elements(html):
        name = element.attributes.get("data-figure")
        if name is not None:
            said = (element.attributes["value"], element.text)
            assert found.setdefault(name, said)[0] == said[0], f"{name} has two values"
    return found


def shown_number(text: str) -> Decimal:
    """The number a reader takes from a shown figure; its unit is left out."""
    match = re.search(r"(\u2212?)\D*?([\d,]+(?:\.\d+)?)", text)
    assert match is not None, f"{text!r} shows no number"
    sign = -1 if text.strip().startswith("\u2212") else 1
    return sign * Decimal(match.group(2).replace(",", ""))


def plain(html: str) -> str:
    """All text of the body with single spaces, as read aloud."""
    body = next(element for element in elements(html) if element.tag == "body")
    return re.sub(r"\s+", " ", body.text.replace("\u00a0", " "))
