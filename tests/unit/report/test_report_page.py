"""The page is self-contained, safe, readable by everybody, and honest about what it leaves out."""

import base64
import hashlib
import re
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path

import duckdb
import pytest

import orchestration.report
from orchestration.report import Edition, ReportError, StaleEntity, render
from orchestration.report.marking import breakable
from tests.unit.report.reading import elements, figures, plain
from tests.unit.report.small_marts import AS_OF, Trade, empty_marts, small_marts

EDITION = Edition(
    version=3,
    data_as_of=AS_OF,
    published_at=datetime(2026, 11, 23, 9, 30, tzinfo=UTC),
    code_version="0.1.0",
)
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{ 7 * 7 }}"
STYLES = Path(orchestration.report.__file__).with_name("report.css").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def html() -> str:
    with small_marts() as marts:
        return render(marts, EDITION)


@pytest.fixture
def hostile() -> str:
    """A page of marts in which every text that sources and operators write is an attack."""
    with small_marts() as marts:
        for table, column in (
            ("commerce.mart_basket_affinity", "antecedent_category"),
            ("kpi.kpi_campaign", "campaign_type"),
            ("customer.mart_customer_lifecycle", "lifecycle_state"),
            ("quality.dq_results", "layer"),
            ("quality.dq_results", "asset"),
            ("quality.dq_results", "check_name"),
            ("quality.dq_results", "expectation"),
            ("quality.dq_results", "column_name"),
            ("quality.dq_results", "severity"),
            ("quality.dq_rejects", "source_key"),
            ("quality.dq_rejects", "reason_code"),
            ("quality.dq_freshness", "entity"),
            ("quality.dq_freshness", "refusal_reason"),
            ("quality.dq_freshness", "refused_partition"),
        ):
            marts.execute(f"update {table} set {column} = ? || coalesce({column}, '')", [HOSTILE])
        marts.execute("update quality.dq_reconciliation set measure = ?, unit = ?", [HOSTILE] * 2)
        marts.execute("update quality.dq_reconciliation set is_balanced = false")
        add = f"insert into commerce.fct_orders select {'?, ' * 3} current_date, 'USD', 1, 0, 1, ?"
        marts.execute(add, [HOSTILE] * 4)
        edition = Edition(
            version=3,
            data_as_of=AS_OF,
            code_version=HOSTILE,
            stale=(StaleEntity(HOSTILE, HOSTILE, HOSTILE),),
            overrides=(HOSTILE,),
        )
        return render(marts, edition)


def test_untrusted_text_never_becomes_markup(hostile: str) -> None:
    assert hostile.count("&lt;script&gt;") > 14
    assert "<script" not in hostile.lower()
    assert "<img" not in hostile.lower()
    for element in elements(hostile):
        assert element.tag not in {"script", "img", "iframe", "object", "embed", "form", "link"}
        for name, value in element.attributes.items():
            assert not name.startswith("on"), f"{element.tag} has {name}"
            if name == "href":
                assert value.startswith("#")


def test_templates_in_data_are_not_run(hostile: str) -> None:
    assert "{{ 7 * 7 }}" in hostile
    assert "alert(2)&gt;49" not in hostile


def test_nothing_is_loaded_from_anywhere(html: str) -> None:
    assert not re.search(r"https?:|//\w|url\(|@import|\bsrc=|srcset=|<link|<script", html)
    for element in elements(html):
        if "href" in element.attributes:
            assert element.attributes["href"].startswith("#")


def test_every_link_has_its_target(html: str) -> None:
    read = elements(html)
    names = {element.attributes["id"] for element in read if "id" in element.attributes}
    links = [element.attributes["href"][1:] for element in read if element.tag == "a"]
    assert len(links) == 8
    assert set(links) <= names


def test_the_policy_admits_the_style_sheet_by_hash_and_nothing_else(html: str) -> None:
    policy = next(
        element.attributes["content"]
        for element in elements(html)
        if element.attributes.get("http-equiv") == "Content-Security-Policy"
    )
    style = html[html.index("<style>") + len("<style>") : html.index("</style>")]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
    assert "style=" not in html, "a style attribute is refused by the policy"


def test_the_page_is_small(html: str) -> None:
    assert len(html.encode()) < 150_000


def test_the_same_marts_give_the_same_text(html: str) -> None:
    with small_marts() as marts:
        assert render(marts, EDITION) == html


def test_assistive_technology_finds_its_way(html: str) -> None:
    read = elements(html)
    assert next(item for item in read if item.tag == "html").attributes["lang"] == "en"
    levels = [int(item.tag[1]) for item in read if re.fullmatch(r"h[1-6]", item.tag)]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert [item.tag for item in read if item.tag in {"header", "main", "footer"}] == [
        "header",
        "main",
        "footer",
    ]
    for item in read:
        if item.tag == "table":
            assert any(child.tag == "caption" and child.text.strip() for child in item.children)
        if item.tag == "th":
            assert item.attributes["scope"] in {"col", "row"}
            assert item.text.strip(), "a header cell without text"
        if item.tag == "svg":
            is_hidden = item.attributes.get("aria-hidden") == "true"
            is_named = item.attributes.get("role") == "img" and item.attributes.get("aria-label")
            assert is_hidden or is_named
        if item.tag == "section":
            assert f'id="{item.attributes["aria-labelledby"]}"' in html


def _colours(block: str) -> dict[str, str]:
    return dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{6})", block))


def _luminance(colour: str) -> float:
    def linear(value: int) -> float:
        share = value / 255
        return share / 12.92 if share <= 0.03928 else ((share + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(int(colour[at : at + 2], 16)) for at in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_letters_stand_out_from_their_ground(mode: str) -> None:
    light, dark = STYLES.split("prefers-color-scheme: dark", 1)
    colours = _colours(light)
    if mode == "dark":
        colours |= _colours(dark.split("\n}\n", 1)[0])
    pairs = [(name, "paper") for name in ("ink", "ink-soft", "ink-faint", "accent", "good", "bad")]
    pairs += [("on-soft", "accent-soft"), ("on-accent", "accent")]
    tones = ("new", "active", "reactivated", "fading", "lapsed", "other")
    pairs += [(f"on-{tone}", tone) for tone in tones]
    weak = {
        (letters, ground): round(_contrast(colours[letters], colours[ground]), 2)
        for letters, ground in pairs
        if _contrast(colours[letters], colours[ground]) < 4.5
    }
    assert weak == {}


def test_marks_stand_out_from_the_paper() -> None:
    light, dark = STYLES.split("prefers-color-scheme: dark", 1)
    for block in (_colours(light), _colours(light) | _colours(dark.split("\n}\n", 1)[0])):
        for tone in ("accent", "warm", "active"):
            assert _contrast(block[tone], block["paper"]) >= 3


def test_the_edition_is_named(html: str) -> None:
    text = plain(html)
    assert "Data as of 31 December 2017" in text
    assert "Version 3" in text
    assert "of version 3, published 23 November 2026, 09:30 UTC, made by Shopthread 0.1.0" in text


def test_the_panel_is_called_what_it_is(html: str) -> None:
    text = plain(html)
    assert "A published grocery panel, The Complete Journey" in text
    assert "simulated" in text
    assert "for education" in text


def test_an_override_is_shown() -> None:
    edition = Edition(version=3, data_as_of=AS_OF, overrides=("marts gate: known gap",))
    with small_marts() as marts:
        text = plain(render(marts, edition))
    assert "Published by hand past a closed gate. marts gate: known gap" in text


def test_a_waived_refusal_is_shown() -> None:
    edition = Edition(version=3, data_as_of=AS_OF, waivers=("shop/receipts 5: till broken",))
    with small_marts() as marts:
        text = plain(render(marts, edition))
    assert "Published without a refused delivery. shop/receipts 5: till broken" in text


def test_a_stale_source_of_the_manifest_is_shown_with_its_reason() -> None:
    stale = (
        StaleEntity("shop", "receipts", "day 5 refused by its contract"),
        StaleEntity("shop", "returns", "never heard of by the marts"),
    )
    with small_marts() as marts:
        text = plain(render(marts, Edition(data_as_of=AS_OF, stale=stale)))
    assert "stale: newest delivery refused: day 5 refused by its contract" in text
    assert "shop / returns" in text
    assert "4 of 5 deliveries are older than agreed" not in text, "the mart counts its own"


def test_customers_appear_only_under_short_pseudonyms(html: str) -> None:
    assert "panel-c-" in html
    assert "panel-c-0" not in html


def test_without_any_row_there_is_a_sentence_for_every_chart() -> None:
    with empty_marts() as marts:
        html = render(marts, Edition(version=1, data_as_of=AS_OF))
    text = plain(html)
    assert "<svg" not in html
    for sentence in (
        "No orders are published yet",
        "There are no orders to show.",
        "No customer has a lifecycle state yet.",
        "No customer has bought yet, so there is nothing to rank.",
        "No customer is overdue by their own rhythm: nobody is at risk.",
        "No two categories are bought together often enough to be listed.",
        "No campaign has contacted anybody yet.",
        "No coupon has been redeemed yet.",
        "No check is recorded for this version.",
        "There is no money to reconcile.",
        "No delivery has been accounted for yet.",
        "No source has reported its freshness.",
        "No delivered row was set aside.",
    ):
        assert sentence in text
    assert not re.search(r"\bnan\b|None|inf\b", text, re.IGNORECASE)


@pytest.mark.parametrize(
    "emptied",
    [
        "customer.mart_customer_lifecycle",
        "customer.mart_customer_value",
        "commerce.mart_basket_affinity",
        "commerce.fct_coupon_events",
        "commerce.fct_order_lines",
        "kpi.kpi_campaign",
        "kpi.kpi_daily",
        "quality.dq_results",
        "quality.dq_rejects",
        "quality.dq_freshness",
        "quality.dq_reconciliation",
        "quality.catalog",
    ],
)
def test_one_empty_mart_costs_only_its_section(emptied: str) -> None:
    with small_marts() as marts:
        marts.execute(f"delete from {emptied}")
        html = render(marts, Edition(version=1, data_as_of=AS_OF))
    assert "net_sales.2017-12" in figures(html)
    assert not re.search(r"\bnan\b|None", plain(html))


def test_orders_worth_nothing_divide_by_nothing() -> None:
    with small_marts() as marts:
        for table in ("commerce.fct_orders", "customer.mart_customer_value"):
            marts.execute(f"update {table} set net_amount = 0")
        marts.execute("update customer.mart_customer_lifecycle set net_amount = 0")
        marts.execute("update commerce.fct_orders set gross_amount = 0")
        text = plain(render(marts, EDITION))
    assert "Net sales of $0 in December 2017" in text
    assert "No customer has bought yet" in text


def test_a_mart_that_is_missing_is_named_with_the_next_action() -> None:
    with small_marts() as marts:
        marts.execute("drop table kpi.kpi_campaign")
        with pytest.raises(ReportError, match=r"kpi_campaign.*shopthread run"):
            render(marts, EDITION)


def test_data_origins_are_never_mixed() -> None:
    with small_marts(Trade(), Trade(data_origin="synthetic", orders=5000)) as marts:
        panel, synthetic = render(marts, EDITION), render(marts, EDITION, data_origin="synthetic")
    with small_marts() as alone:
        assert (
            figures(render(alone, EDITION))["net_sales.total"] == figures(panel)["net_sales.total"]
        )
    assert "This report shows panel data in USD only" in plain(panel)
    assert "5,000 orders of origin synthetic worth $" in plain(panel)
    assert figures(synthetic)["orders.total"][0] == "5000"
    assert "a fictional retailer" in plain(synthetic)
    assert "Bread" not in plain(synthetic), "pairs of the panel in a report about another origin"


def test_the_retailers_own_data_comes_before_everything_else() -> None:
    trades = (Trade(orders=9000), Trade(data_origin="live", orders=50))
    with small_marts(*trades) as marts:
        assert figures(render(marts, EDITION))["orders.total"][0] == "50"


def test_an_origin_nobody_published_is_refused() -> None:
    with (
        small_marts() as marts,
        pytest.raises(ReportError, match=r"'live' is published \(published: panel\)"),
    ):
        render(marts, EDITION, data_origin="live")


def test_currencies_are_never_added() -> None:
    with small_marts(Trade(), Trade(currency="EUR", orders=600)) as marts:
        html = render(marts, EDITION)
        left_out = marts.execute(
            "select sum(net_amount) from commerce.fct_orders where currency = 'EUR'"
        ).fetchall()[0][0]
    assert figures(html)["orders.total"][0] == "1200"
    assert f"600 orders of origin panel worth \u20ac{left_out:,.2f} (EUR)" in plain(html)


def test_a_month_that_is_not_over_is_shown_but_not_compared() -> None:
    day = date(2017, 12, 10)
    with small_marts(Trade(last_day=day)) as marts:
        text = plain(render(marts, Edition(data_as_of=day)))
    assert "in November 2017," in text
    assert "November 2017 at a glance" in text
    assert "December 2017 is covered only in part" in text
    assert "average of 11 complete months" in text


def test_a_single_month_is_told_without_comparison() -> None:
    first, last = date(2017, 12, 1), AS_OF
    with small_marts(Trade(first_day=first, last_day=last)) as marts:
        text = plain(render(marts, EDITION))
    assert "less than two complete months, so there is nothing to compare yet" in text
    assert "vs. " not in text


def test_a_year_before_is_compared_only_where_it_exists(html: str) -> None:
    assert "A comparison with the year before needs data from December 2016" in plain(html)
    with small_marts(Trade(first_day=date(2015, 1, 1), orders=5000)) as marts:
        long = render(marts, EDITION)
    text = plain(long)
    assert "needs data from" not in text
    assert "On the year" in text
    assert "average of the last 12 complete months" in text
    assert "The charts show the last 13 months." in text
    assert "The last 25 months, newest first." in text


def test_a_day_without_orders_is_no_gap_in_the_months() -> None:
    with small_marts() as marts:
        marts.execute("delete from commerce.fct_orders where month(business_date) = 6")
        said = figures(render(marts, EDITION))
    assert said["orders.2017-06"][0] == "0"


def test_as_of_comes_from_the_catalog_where_the_edition_has_none() -> None:
    with small_marts() as marts:
        assert figures(render(marts, Edition()))["as_of"][0] == "2017-12-31"


def test_orders_are_read_through_a_connection_that_cannot_write(tmp_path: Path) -> None:
    small_marts(path=tmp_path / "marts.duckdb").close()
    with duckdb.connect(str(tmp_path / "marts.duckdb"), read_only=True) as marts:
        assert "Net sales" in render(marts, EDITION)


def test_technical_names_may_break_and_stay_escaped() -> None:
    assert breakable("kpi/kpi_daily") == "kpi/<wbr>kpi_<wbr>daily"
    assert "<script" not in breakable("a_<script>_b")


def test_a_month_the_data_begins_in_is_no_month_to_compare_with() -> None:
    with small_marts(Trade(first_day=date(2017, 11, 15))) as marts:
        text = plain(render(marts, EDITION))
    assert "vs. November" not in text
    assert "on November" not in text
    assert "November 2017 is covered only in part" in text
