"""Charts as inline SVG: columns, shares of a whole, bars in a table cell.

Widths are percentages and heights pixels, so one drawing fits a desktop, a phone and
paper without scaling its letters. Colours are classes of the page's style sheet, which
makes dark mode and print its business. Every text passes through `_element`, the only
place where markup is made: it escapes, so a name from the data cannot become markup.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from markupsafe import Markup

_ZERO = Decimal(0)
_ROOM_FOR_LETTERS = 40


@dataclass(frozen=True)
class Column:
    """One column of a chart: what stands under it, on it, and in its tooltip."""

    label: str
    value: Decimal
    text: str
    tooltip: str
    is_highlighted: bool = False
    is_partial: bool = False
    part: Decimal | None = None
    """The lower, darker part of a two-part column, in the unit of `value`."""


@dataclass(frozen=True)
class Reference:
    """A dashed line across the columns, with its label."""

    value: Decimal
    text: str


@dataclass(frozen=True)
class Segment:
    """A part of a whole; `tone` is the colour class the legend uses too."""

    tone: str
    share: Decimal
    text: str
    tooltip: str


def _element(tag: str, attributes: dict[str, object], *children: Markup | str) -> Markup:
    written = Markup("").join(
        Markup(' {}="{}"').format(name, value) for name, value in attributes.items()
    )
    inner = Markup("").join(children)
    return Markup("<{0}{1}>{2}</{0}>").format(tag, written, inner)


def _percent(value: Decimal | float) -> str:
    return f"{float(value):.2f}".rstrip("0").rstrip(".") + "%"


def _pixels(value: Decimal | float) -> str:
    return f"{float(value):.1f}".rstrip("0").rstrip(".")


def _drawing(css: str, height: int, label: str, *children: Markup) -> Markup:
    return _element(
        "svg",
        {
            "class": css,
            "width": "100%",
            "height": height,
            "role": "img",
            "aria-label": label,
            "focusable": "false",
        },
        *children,
    )


def _tooltip(text: str) -> Markup:
    return _element("title", {}, text)


def columns(
    data: Sequence[Column], *, label: str, height: int = 230, reference: Reference | None = None
) -> Markup:
    """Columns from zero, each with its value on top and its name below."""
    top, bottom = 24, 24
    plot = height - top - bottom
    largest = max([column.value for column in data] + ([reference.value] if reference else []))
    unit = Decimal(plot) / largest if largest > 0 else _ZERO
    band = Decimal(100) / len(data)
    base = top + plot
    drawn: list[Markup] = []
    letters: list[Markup] = []
    for index, column in enumerate(data):
        middle = _percent(band * index + band / 2)
        left, width = (
            _percent(band * index + band * Decimal("0.13")),
            _percent(band * Decimal("0.74")),
        )
        tall = max(column.value * unit, _ZERO)
        tones = ["column"]
        tones += ["is-highlighted"] if column.is_highlighted else []
        tones += ["is-partial"] if column.is_partial else []
        shapes = [
            _element(
                "rect",
                {
                    "class": " ".join(tones) + (" is-rest" if column.part is not None else ""),
                    "x": left,
                    "y": _pixels(base - tall),
                    "width": width,
                    "height": _pixels(tall),
                    "rx": 1.5,
                },
            )
        ]
        if column.part is not None:
            lower = max(column.part * unit, _ZERO)
            shapes.append(
                _element(
                    "rect",
                    {
                        "class": "column is-part",
                        "x": left,
                        "y": _pixels(base - lower),
                        "width": width,
                        "height": _pixels(lower),
                    },
                )
            )
        strong = " is-strong" if column.is_highlighted else ""
        drawn.append(
            _element(
                "g",
                {"class": "mark"},
                _tooltip(column.tooltip),
                _element(
                    "rect",
                    {
                        "class": "hit",
                        "x": _percent(band * index),
                        "y": 0,
                        "width": _percent(band),
                        "height": height,
                    },
                ),
                *shapes,
            )
        )
        # A reference line would run through letters on top of the columns; at their foot
        # the letters stand in one row and stay clear of it.
        is_inside = reference is not None and tall >= _ROOM_FOR_LETTERS and not column.is_partial
        letters.append(
            _element(
                "text",
                {
                    "class": ("inside-base" if is_inside else "value") + strong,
                    "x": middle,
                    "y": _pixels(base - 9 if is_inside else base - tall - 6),
                },
                column.text,
            )
        )
        letters.append(
            _element("text", {"class": "name" + strong, "x": middle, "y": height - 6}, column.label)
        )
    baseline = _element(
        "line", {"class": "baseline", "x1": "0", "x2": "100%", "y1": base, "y2": base}
    )
    lines: list[Markup] = [baseline]
    if reference is not None:
        at = _pixels(base - reference.value * unit)
        lines.append(
            _element("line", {"class": "reference", "x1": "0", "x2": "100%", "y1": at, "y2": at})
        )
    return _drawing("chart columns", height, label, *drawn, *lines, *letters)


def changes(data: Sequence[Column], *, label: str, height: int = 120) -> Markup:
    """Columns up and down from a zero line, for changes of either sign."""
    edge = 20
    highest = max([column.value for column in data] + [_ZERO])
    lowest = min([column.value for column in data] + [_ZERO])
    span = highest - lowest
    plot = height - 2 * edge
    unit = Decimal(plot) / span if span > 0 else _ZERO
    zero = edge + (highest * unit if span > 0 else Decimal(plot) / 2)
    band = Decimal(100) / max(len(data), 1)
    drawn: list[Markup] = []
    for index, column in enumerate(data):
        tall = abs(column.value) * unit
        is_down = column.value < 0
        y = zero if is_down else zero - tall
        text_y = zero + tall + 14 if is_down else zero - tall - 6
        tone = "change is-down" if is_down else "change is-up"
        drawn.append(
            _element(
                "g",
                {"class": "mark"},
                _tooltip(column.tooltip),
                _element(
                    "rect",
                    {
                        "class": tone,
                        "x": _percent(band * index + band * Decimal("0.13")),
                        "y": _pixels(y),
                        "width": _percent(band * Decimal("0.74")),
                        "height": _pixels(tall),
                        "rx": 1.5,
                    },
                ),
                _element(
                    "text",
                    {
                        "class": "value is-strong" if column.is_highlighted else "value",
                        "x": _percent(band * index + band / 2),
                        "y": _pixels(text_y),
                    },
                    column.text,
                ),
            )
        )
    line = _element(
        "line",
        {"class": "baseline", "x1": "0", "x2": "100%", "y1": _pixels(zero), "y2": _pixels(zero)},
    )
    return _drawing("chart changes", height, label, *drawn, line)


def accumulation(data: Sequence[Column], *, label: str, height: int = 260) -> Markup:
    """Columns of shares and, on the same scale from 0 to 1, the line of their sum.

    `value` is a share, `part` the sum up to and with this column.
    """
    top, bottom = 22, 26
    plot = Decimal(height - top - bottom)
    base = Decimal(top) + plot
    band = Decimal(100) / len(data)
    grid = [
        Markup("").join(
            (
                _element(
                    "line",
                    {
                        "class": "grid",
                        "x1": "0",
                        "x2": "100%",
                        "y1": _pixels(base - plot * step / 4),
                        "y2": _pixels(base - plot * step / 4),
                    },
                ),
                _element(
                    "text",
                    {"class": "scale", "x": "0", "y": _pixels(base - plot * step / 4 - 4)},
                    f"{25 * step}%",
                ),
            )
        )
        for step in range(2, 5, 2)
    ]
    drawn: list[Markup] = []
    line: list[Markup] = []
    previous: tuple[Decimal, Decimal] | None = None
    for index, column in enumerate(data):
        middle = band * index + band / 2
        total = column.part if column.part is not None else _ZERO
        tall = max(column.value, _ZERO) * plot
        at = base - total * plot
        if previous is not None:
            line.append(
                _element(
                    "line",
                    {
                        "class": "sum",
                        "x1": _percent(previous[0]),
                        "y1": _pixels(previous[1]),
                        "x2": _percent(middle),
                        "y2": _pixels(at),
                    },
                )
            )
        previous = (middle, at)
        strong = " is-strong" if column.is_highlighted else ""
        drawn.append(
            _element(
                "g",
                {"class": "mark"},
                _tooltip(column.tooltip),
                _element(
                    "rect",
                    {
                        "class": "hit",
                        "x": _percent(band * index),
                        "y": 0,
                        "width": _percent(band),
                        "height": height,
                    },
                ),
                _element(
                    "rect",
                    {
                        "class": "column is-highlighted" if column.is_highlighted else "column",
                        "x": _percent(band * index + band * Decimal("0.13")),
                        "y": _pixels(base - tall),
                        "width": _percent(band * Decimal("0.74")),
                        "height": _pixels(tall),
                        "rx": 1.5,
                    },
                ),
                _element(
                    "text",
                    {
                        "class": "value" + strong,
                        "x": _percent(middle),
                        # The first point of the line sits on top of its own column.
                        "y": _pixels(base - tall - (13 if index == 0 else 6)),
                    },
                    column.text,
                ),
                _element(
                    "text",
                    {"class": "name" + strong, "x": _percent(middle), "y": height - 8},
                    column.label,
                ),
                _element(
                    "circle",
                    {"class": "sum-dot", "cx": _percent(middle), "cy": _pixels(at), "r": 3.5},
                ),
            )
        )
    baseline = _element(
        "line",
        {"class": "baseline", "x1": "0", "x2": "100%", "y1": _pixels(base), "y2": _pixels(base)},
    )
    return _drawing("chart accumulation", height, label, *grid, *line, *drawn, baseline)


def whole(segments: Sequence[Segment], *, label: str, height: int = 44) -> Markup:
    """One bar of 100 percent, cut into its parts; narrow parts carry no text."""
    drawn: list[Markup] = []
    start = _ZERO
    for segment in segments:
        parts = [
            _tooltip(segment.tooltip),
            _element(
                "rect",
                {
                    "class": f"segment tone-{segment.tone}",
                    "x": _percent(start * 100),
                    "y": 0,
                    "width": _percent(segment.share * 100),
                    "height": height,
                },
            ),
        ]
        if segment.share >= Decimal("0.06"):
            parts.append(
                _element(
                    "text",
                    {
                        "class": f"inside on-{segment.tone}",
                        "x": _percent((start + segment.share / 2) * 100),
                        "y": height / 2 + 4.5,
                    },
                    segment.text,
                )
            )
        drawn.append(_element("g", {"class": "mark"}, *parts))
        start += segment.share
    return _drawing("chart whole", height, label, *drawn)


def bar(share: Decimal, *, tone: str = "main", height: int = 14) -> Markup:
    """A bar for a table cell, `share` of its width; the number stands in the next cell."""
    width = _percent(min(max(share, _ZERO), Decimal(1)) * 100)
    return _element(
        "svg",
        {
            "class": "bar",
            "width": "100%",
            "height": height,
            "aria-hidden": "true",
            "focusable": "false",
        },
        _element("rect", {"class": "track", "width": "100%", "height": height, "rx": 2}),
        _element("rect", {"class": f"fill tone-{tone}", "width": width, "height": height, "rx": 2}),
    )


def sparkline(values: Sequence[Decimal], *, label: str, height: int = 36) -> Markup:
    """The course of a figure without numbers; the last point is marked."""
    low, high = min(values), max(values)
    span = high - low
    room = Decimal(height - 10)
    step = Decimal(96) / max(len(values) - 1, 1)

    def point(index: int) -> tuple[str, str]:
        share = (values[index] - low) / span if span > 0 else Decimal("0.5")
        return _percent(2 + step * index), _pixels(5 + room * (1 - share))

    drawn: list[Markup] = []
    for index in range(1, len(values)):
        (x1, y1), (x2, y2) = point(index - 1), point(index)
        drawn.append(_element("line", {"class": "spark", "x1": x1, "y1": y1, "x2": x2, "y2": y2}))
    x, y = point(len(values) - 1)
    drawn.append(_element("circle", {"class": "spark-dot", "cx": x, "cy": y, "r": 3.5}))
    return _drawing("chart sparkline", height, label, *drawn)
