"""Charts draw their numbers to scale and stay inside their frame."""

from decimal import Decimal

import pytest

from orchestration.report import charts
from orchestration.report.charts import Column, Reference, Segment
from tests.unit.report.reading import Element, elements


def column(value: str, part: str | None = None) -> Column:
    return Column(
        "Jan", Decimal(value), value, f"January: {value}", part=Decimal(part) if part else None
    )


def rectangles(markup: str, css: str) -> list[Element]:
    return [
        item
        for item in elements(markup)
        if item.tag == "rect" and css in item.attributes.get("class", "").split()
    ]


def test_columns_are_as_tall_as_their_values() -> None:
    drawn = rectangles(charts.columns([column("50"), column("100")], label="two"), "column")
    small, large = (float(item.attributes["height"]) for item in drawn)
    assert large == pytest.approx(2 * small, rel=0.01)


def test_a_reference_line_is_on_the_scale_of_the_columns() -> None:
    markup = charts.columns([column("50")], label="one", reference=Reference(Decimal(100), "top"))
    line = next(item for item in elements(markup) if item.attributes.get("class") == "reference")
    top = float(rectangles(markup, "column")[0].attributes["y"])
    base = top + float(rectangles(markup, "column")[0].attributes["height"])
    assert base - float(line.attributes["y1"]) == pytest.approx(2 * (base - top), rel=0.01)


def test_a_part_stands_inside_its_column() -> None:
    markup = charts.columns([column("80", part="20")], label="parts")
    whole, part = rectangles(markup, "is-rest")[0], rectangles(markup, "is-part")[0]
    heights = [float(item.attributes["height"]) for item in (whole, part)]
    assert heights[0] == pytest.approx(4 * heights[1], rel=0.02)


def test_falls_hang_below_the_line_and_rises_stand_on_it() -> None:
    markup = charts.changes([column("0.5"), column("-0.25")], label="changes")
    rise, fall = rectangles(markup, "is-up")[0], rectangles(markup, "is-down")[0]
    zero = float(fall.attributes["y"])
    assert float(rise.attributes["y"]) + float(rise.attributes["height"]) == pytest.approx(zero)
    assert float(rise.attributes["height"]) == pytest.approx(
        2 * float(fall.attributes["height"]), rel=0.01
    )


def test_segments_fill_the_bar_and_narrow_ones_carry_no_text() -> None:
    shares = ("0.7", "0.27", "0.03")
    markup = charts.whole(
        [Segment("active", Decimal(share), share, share) for share in shares], label="whole"
    )
    drawn = rectangles(markup, "segment")
    assert sum(float(item.attributes["width"].rstrip("%")) for item in drawn) == pytest.approx(100)
    texts = [item.text for item in elements(markup) if item.tag == "text"]
    assert texts == ["0.7", "0.27"]


@pytest.mark.parametrize("share", ["-0.5", "0", "1.7"])
def test_a_bar_stays_in_its_cell(share: str) -> None:
    drawn = rectangles(charts.bar(Decimal(share)), "fill")[0]
    assert 0 <= float(drawn.attributes["width"].rstrip("%")) <= 100


def test_nothing_but_zeros_is_drawn_flat() -> None:
    for markup in (
        charts.columns([column("0"), column("0")], label="zeros"),
        charts.changes([column("0"), column("0")], label="zeros"),
        charts.sparkline([Decimal(0), Decimal(0), Decimal(0)], label="zeros"),
    ):
        assert "nan" not in markup.lower()


def test_every_text_is_escaped() -> None:
    hostile = Column("<b>", Decimal(1), "<i>", "<script>")
    for markup in (
        charts.columns([hostile], label='"><script>'),
        charts.accumulation([hostile], label='"><script>'),
        charts.whole([Segment("a", Decimal(1), "<i>", "<script>")], label="<script>"),
    ):
        assert "<script" not in markup
        assert "<b>" not in markup
        assert "<i>" not in markup
