"""The report in a real browser: on a desktop, on a phone, in the dark and on paper."""

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

from orchestration.report import Edition, render
from tests.unit.report.small_marts import AS_OF, Trade, small_marts

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

DESKTOP = (1400, 900)
PHONE = (390, 844)
Scheme = Literal["light", "dark"]

# States and titles that stand on two lines. Names of tables may be broken: they are long.
BROKEN_WORDS = """
() => [...document.querySelectorAll('.unbroken')]
  .filter(element => {
    const range = document.createRange();
    range.selectNodeContents(element);
    return new Set([...range.getClientRects()].map(box => Math.round(box.top))).size > 1;
  })
  .map(element => element.textContent)
"""

# Every piece of text that can be seen, its colour, and the ground it is painted on.
WEAK_TEXT = """
() => {
  const parse = text => text.match(/[\\d.]+/g).map(Number);
  const linear = value => {
    const share = value / 255;
    return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  };
  const luminance = ([r, g, b]) =>
    0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const ground = element => {
    for (let at = element; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const weak = [];
  let seen = 0;
  for (const element of document.querySelectorAll('body *')) {
    const own = [...element.childNodes].some(
      node => node.nodeType === Node.TEXT_NODE && node.textContent.trim()
    );
    if (!own || element.closest('.unseen, .skip, title, style')) continue;
    if (!element.getClientRects().length) continue;
    const isDrawn = element.tagName === 'text';
    if (isDrawn && /inside/.test(element.className.baseVal)) continue;
    const style = getComputedStyle(element);
    const [one, other] = [
      luminance(parse(isDrawn ? style.fill : style.color)),
      luminance(ground(isDrawn ? element.closest('svg').parentElement : element)),
    ].sort((a, b) => b - a);
    const ratio = (one + 0.05) / (other + 0.05);
    seen += 1;
    if (ratio < 4.5) weak.push(`${element.textContent.trim().slice(0, 40)}: ${ratio.toFixed(2)}`);
  }
  return { seen, weak };
}
"""

BEYOND_THE_EDGE = """
() => [...document.querySelectorAll('body *')]
  .filter(element => !element.closest('.skip, .unseen, svg'))
  .filter(element => element.getBoundingClientRect().right > innerWidth + 1)
  .map(element => `${element.tagName} ${element.textContent.trim().slice(0, 40)}`)
"""


@dataclass
class Opened:
    """A page and everything it asked for or complained about."""

    page: "Page"
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fourteen months, long names and hostile ones, every kind of trouble in the quality part."""
    with closing(small_marts(Trade(first_day=date(2016, 11, 1)))) as marts:
        marts.execute(
            "insert into commerce.mart_basket_affinity values ('<script>alert(1)</script>', "
            "'AN UNCOMMONLY LONG CATEGORY NAME/WITHOUT A PLACE_TO_BREAK_IT_ANYWHERE_AT_ALL', "
            "'panel', 600, 700, 800, 3000, 0.2, 0.857142, 9.9)"
        )
        html = render(marts, Edition(version=3, data_as_of=AS_OF))
    file = tmp_path_factory.mktemp("report") / "report.html"
    file.write_text(html, encoding="utf-8")
    return file


@pytest.fixture
def opened(browser: "Browser", report: Path) -> Callable[..., AbstractContextManager[Opened]]:
    """Open the report in a window of a size and a colour scheme."""

    @contextmanager
    def open_page(
        size: tuple[int, int] = DESKTOP, scheme: Scheme = "light", *, scripts: bool = True
    ) -> Iterator[Opened]:
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme=scheme,
            java_script_enabled=scripts,
        )
        with closing(context):
            page = context.new_page()
            seen = Opened(page)
            page.on("request", lambda request: seen.requests.append(request.url))
            page.on("console", lambda message: seen.complaints.append(message.text))
            page.on("pageerror", lambda error: seen.complaints.append(str(error)))
            page.on("dialog", lambda dialog: seen.complaints.append(dialog.message))
            page.goto(report.as_uri())
            yield seen

    return open_page


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_whole_quiet_and_readable(
    opened: Callable[..., AbstractContextManager[Opened]],
    report: Path,
    tmp_path: Path,
    size: tuple[int, int],
    scheme: Scheme,
) -> None:
    with opened(size, scheme) as seen:
        page = seen.page
        page.screenshot(path=tmp_path / f"report-{size[0]}-{scheme}.png", full_page=True)
        assert seen.requests == [report.as_uri()], "the page asked for something"
        assert seen.complaints == []
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
        assert page.evaluate(BEYOND_THE_EDGE) == []
        assert page.evaluate(BROKEN_WORDS) == []
        text = page.evaluate(WEAK_TEXT)
        assert text["seen"] > 200
        assert text["weak"] == []
        is_dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert is_dark == {"light": "rgb(251, 250, 247)", "dark": "rgb(18, 23, 26)"}[scheme]


def test_no_script_is_needed_and_none_runs(
    opened: Callable[..., AbstractContextManager[Opened]],
) -> None:
    with opened(scripts=True) as seen:
        with_scripts = seen.page.inner_text("body")
        assert seen.page.locator("script").count() == 0
    with opened(scripts=False) as seen:
        assert seen.page.inner_text("body") == with_scripts
    assert "<script>alert(1)</script>" in with_scripts


def test_the_headline_is_the_number_of_the_marts(
    opened: Callable[..., AbstractContextManager[Opened]],
) -> None:
    with closing(small_marts(Trade(first_day=date(2016, 11, 1)))) as marts:
        net = marts.execute(
            "select sum(net_amount) from commerce.fct_orders where business_date >= '2017-12-01'"
        ).fetchall()[0][0]
    with opened() as seen:
        shown = seen.page.locator("[data-figure='net_sales.month']")
        assert shown.inner_text() == f"${net:,.0f}"
        assert Decimal(shown.get_attribute("value") or "") == net


def test_links_lead_to_their_sections(
    opened: Callable[..., AbstractContextManager[Opened]],
) -> None:
    with opened(PHONE) as seen:
        seen.page.get_by_role("link", name="Campaigns").click()
        assert seen.page.evaluate("location.hash") == "#campaigns"
        top = seen.page.evaluate("document.querySelector('#campaigns').getBoundingClientRect().top")
        assert abs(top) < PHONE[1] / 2
        assert seen.complaints == []


def test_the_keyboard_can_skip_to_the_figures(
    opened: Callable[..., AbstractContextManager[Opened]],
) -> None:
    with opened() as seen:
        seen.page.keyboard.press("Tab")
        skip = seen.page.get_by_role("link", name="Skip to the figures")
        assert skip.evaluate("link => link === document.activeElement")
        assert skip.evaluate("link => link.getBoundingClientRect().left") >= 0


def test_tables_and_pictures_have_names(
    opened: Callable[..., AbstractContextManager[Opened]],
) -> None:
    with opened() as seen:
        pictures = seen.page.get_by_role("img")
        assert pictures.count() > 8
        for number in range(pictures.count()):
            assert pictures.nth(number).get_attribute("aria-label")
        assert seen.page.get_by_role("table", name="Net sales by decile of customer value").count()


def test_it_prints_dark_on_white_on_a4(
    opened: Callable[..., AbstractContextManager[Opened]], tmp_path: Path
) -> None:
    with opened(scheme="dark") as seen:
        page = seen.page
        file = tmp_path / "report.pdf"
        page.pdf(path=file, prefer_css_page_size=True, print_background=True)
        page.emulate_media(media="print", color_scheme="dark")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == (
            "rgb(255, 255, 255)"
        )
        assert page.evaluate(WEAK_TEXT)["weak"] == []
        assert not page.get_by_role("navigation").is_visible()
    content = file.read_bytes()
    pages = re.findall(rb"/MediaBox\s*\[0 0 ([\d.]+) ([\d.]+)\]", content)
    assert 3 <= len(pages) <= 12
    for width, height in pages:
        assert (round(float(width)), round(float(height))) == (595, 842)
