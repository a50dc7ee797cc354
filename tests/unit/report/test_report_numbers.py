"""Every number in the report equals SQL on the marts it was made of."""

from collections.abc import Callable, Iterator
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import duckdb
import pytest

from orchestration.report import Edition, render
from tests.unit.report.reading import figures, plain, shown_number
from tests.unit.report.small_marts import AS_OF, Trade, small_marts

PANEL = "data_origin = 'panel' and currency = 'USD'"
MILLIONTH = Decimal("0.000001")
Ask = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture(scope="module")
def marts() -> Iterator[duckdb.DuckDBPyConnection]:
    """Fourteen months, so that a year can be compared, and a second origin and currency."""
    trades = (
        Trade(first_day=date(2016, 11, 1)),
        Trade(data_origin="synthetic", orders=400),
        Trade(currency="EUR", orders=100),
    )
    with small_marts(*trades) as connection:
        yield connection


@pytest.fixture(scope="module")
def html(marts: duckdb.DuckDBPyConnection) -> str:
    return render(marts, Edition(version=3, data_as_of=AS_OF))


@pytest.fixture(scope="module")
def said(html: str) -> dict[str, tuple[str, str]]:
    return figures(html)


@pytest.fixture(scope="module")
def ask(marts: duckdb.DuckDBPyConnection) -> Ask:
    return lambda sql: marts.execute(sql).fetchall()


def exact(said: dict[str, tuple[str, str]], name: str) -> Decimal:
    return Decimal(said[name][0])


def test_what_is_shown_is_the_exact_value_rounded(said: dict[str, tuple[str, str]]) -> None:
    assert len(said) > 100
    for name, (value, text) in said.items():
        if name in ("as_of", "version"):
            continue
        shown = shown_number(text)
        scale = 100 if "%" in text else 1
        digits = Decimal(1).scaleb(int(shown.as_tuple().exponent))
        assert shown == (Decimal(value) * scale).quantize(digits, ROUND_HALF_UP), name


def test_totals_equal_the_orders(said: dict[str, tuple[str, str]], ask: Ask) -> None:
    orders, customers, gross, discount, net = ask(
        "select count(*), count(distinct customer_key), sum(gross_amount), "
        f"sum(retailer_discount_amount), sum(net_amount) from commerce.fct_orders where {PANEL}"
    )[0]
    assert exact(said, "orders.total") == exact(said, "orders.whole") == orders
    assert exact(said, "customers.total") == exact(said, "customers.whole") == customers
    assert exact(said, "net_sales.total") == exact(said, "net_sales.whole") == net
    assert exact(said, "discount.total") == discount
    assert exact(said, "average_order.whole") == net / orders
    assert exact(said, "discount_share.whole") == discount / gross


def test_every_month_equals_the_orders(said: dict[str, tuple[str, str]], ask: Ask) -> None:
    months = ask(
        "select strftime(business_date, '%Y-%m'), count(*), count(distinct customer_key), "
        f"sum(net_amount) from commerce.fct_orders where {PANEL} group by 1 order by 1"
    )
    assert len(months) == 14
    for month, orders, customers, net in months:
        assert exact(said, f"orders.{month}") == orders
        assert exact(said, f"customers.{month}") == customers
        assert exact(said, f"net_sales.{month}") == net


def test_headline_figures_compare_with_the_month_before_the_year_before_and_the_average(
    html: str, said: dict[str, tuple[str, str]], ask: Ask
) -> None:
    def of(month: str) -> tuple[Decimal, Decimal]:
        return ask(
            "select sum(net_amount), sum(retailer_discount_amount) / sum(gross_amount)::double "
            f"from commerce.fct_orders where {PANEL} "
            f"and strftime(business_date, '%Y-%m') = '{month}'"
        )[0]

    now, before, year = of("2017-12"), of("2017-11"), of("2016-12")
    average = ask(
        f"select sum(net_amount) / 12 from commerce.fct_orders where {PANEL} "
        "and year(business_date) = 2017"
    )[0][0]
    text = plain(html)
    assert exact(said, "net_sales.month") == now[0]
    assert abs(exact(said, "net_sales.average") - Decimal(str(average))) < Decimal("0.005")
    for then, against in (
        (before[0], "vs. November"),
        (year[0], "vs. December 2016"),
        (Decimal(str(average)), "vs. average"),
    ):
        change = ((now[0] / then - 1) * 100).quantize(Decimal("0.1"), ROUND_HALF_UP)
        sign = "+" if change > 0 else "\u2212" if change < 0 else ""
        assert f"{sign}{abs(change)}% {against}" in text
    points = Decimal(str((now[1] - before[1]) * 100)).quantize(Decimal("0.1"), ROUND_HALF_UP)
    assert f"{abs(points)} pts vs. November" in text


def test_states_equal_the_lifecycle_mart(said: dict[str, tuple[str, str]], ask: Ask) -> None:
    states = ask(
        "select lifecycle_state, count(*), sum(net_amount) "
        f"from customer.mart_customer_lifecycle where {PANEL} group by 1"
    )
    assert len(states) == 5
    for state, customers, net in states:
        assert exact(said, f"lifecycle.{state}.customers") == customers
        assert exact(said, f"lifecycle.{state}.net") == net


def test_deciles_equal_the_value_mart(said: dict[str, tuple[str, str]], ask: Ask) -> None:
    deciles = ask(
        f"""
        select value_decile, count(*), sum(net_amount),
            sum(net_amount)::double / sum(sum(net_amount)) over ()::double,
            sum(sum(net_amount)) over (order by value_decile)::double
                / sum(sum(net_amount)) over ()::double
        from customer.mart_customer_value where {PANEL} group by 1 order by 1
        """
    )
    assert len(deciles) == 10
    for decile, customers, net, share, cumulative in deciles:
        assert exact(said, f"decile.{decile}.customers") == customers
        assert exact(said, f"decile.{decile}.net") == net
        assert exact(said, f"decile.{decile}.share") == pytest.approx(Decimal(share), abs=MILLIONTH)
        assert exact(said, f"decile.{decile}.cumulative") == pytest.approx(
            Decimal(cumulative), abs=MILLIONTH
        )


def test_fading_customers_equal_both_marts(
    html: str, said: dict[str, tuple[str, str]], ask: Ask
) -> None:
    joined = f"""
        from customer.mart_customer_lifecycle as state
        inner join customer.mart_customer_value as worth using (customer_key, currency, data_origin)
        where {PANEL} and lifecycle_state = 'at_risk'
    """
    for decile, customers, net in ask(
        f"select value_decile, count(*), sum(worth.net_amount) {joined} group by 1"
    ):
        assert exact(said, f"fading.{decile}.customers") == customers
        assert exact(said, f"fading.{decile}.net") == net
    count, net = ask(f"select count(*), sum(worth.net_amount) {joined}")[0]
    assert exact(said, "fading.customers") == count
    assert exact(said, "fading.net") == net
    text = plain(html)
    rows = ask(
        "select left(customer_key, 8), worth.net_amount, order_count, days_since_last_order "
        f"{joined} order by 2 desc limit 12"
    )
    for key, worth, orders, since in rows:
        assert key in text
        assert f"${worth:,.2f} {orders} {since} " in text


def test_pairs_are_told_once_in_their_stronger_direction(html: str, ask: Ask) -> None:
    text = plain(html)
    assert "Cat litter Cat food 4.5 45.0% 90" in text
    assert "Cat food Cat litter" not in text
    assert "Baby HBC Diapers 4.5 60.0% 60" in text
    assert "Bread Milk 1.5 55.6% 500" in text
    rarest = ask("select min(order_count_both) from commerce.mart_basket_affinity")[0][0]
    assert f"the rarest of the 3 pairs considered occurs in {rarest} of 3,000 orders" in text


def test_campaigns_equal_the_campaign_mart(
    html: str, said: dict[str, tuple[str, str]], ask: Ask
) -> None:
    for kind, contacts, responders, redemptions in ask(
        "select campaign_type, contact_count, responder_count, redemption_count "
        "from kpi.kpi_campaign where data_origin = 'panel'"
    ):
        assert exact(said, f"campaign.{kind}.contacts") == contacts
        assert exact(said, f"campaign.{kind}.responders") == responders
        assert exact(said, f"campaign.{kind}.redemptions") == redemptions
        if contacts:
            rate = Decimal(responders) / contacts
            assert exact(said, f"campaign.{kind}.rate") == pytest.approx(rate, abs=MILLIONTH)
        else:
            assert f"campaign.{kind}.rate" not in said, "no contacts, no rate"
    assert "758 of 6,015 campaign contacts led to a redeemed coupon: 12.6%." in plain(html)


def test_the_unmatched_share_is_stated(
    html: str, said: dict[str, tuple[str, str]], ask: Ask
) -> None:
    total, matched = ask(
        "select count(*), count(*) filter (where is_matched_to_line) "
        "from commerce.fct_coupon_events where event_type = 'redeemed'"
    )[0]
    assert exact(said, "redemptions.total") == total
    assert exact(said, "redemptions.matched") == matched
    assert exact(said, "redemptions.unmatched") == total - matched
    assert "66 (66.0%) cannot and are shown as unmatched" in plain(html)


def test_a_check_counts_for_the_step_whose_table_it_asks_in_the_order_of_the_flow(
    html: str, said: dict[str, tuple[str, str]]
) -> None:
    counts = {
        (step, outcome): exact(said, f"checks.{step}.{outcome}")
        for step in ("landing", "staging", "kpi")
        for outcome in ("passed", "failed", "could_not_run")
        if exact(said, f"checks.{step}.{outcome}")
    }
    assert counts == {
        ("landing", "passed"): 2,
        ("staging", "passed"): 1,
        ("staging", "failed"): 1,
        ("kpi", "passed"): 1,
        ("kpi", "could_not_run"): 1,
    }
    assert {name.split(".")[1] for name in said if name.startswith("checks.")} == {
        *("landing", "staging", "kpi", "passed"),
    }
    table = plain(html).split("Checks by step of the flow")[1]
    steps = [table.index(f" {step} ") for step in ("landing", "staging", "kpi")]
    assert steps == sorted(steps)


def test_what_is_delivered_whole_is_dated_by_its_delivery_and_says_so(html: str) -> None:
    text = plain(html)
    assert "delivered 30 December 2017" in text
    assert "delivered 31 December 2017" not in text


def test_quality_equals_the_quality_marts(
    html: str, said: dict[str, tuple[str, str]], ask: Ask
) -> None:
    assert exact(said, "checks.passed") == 4
    assert exact(said, "rejected.total") == ask("select sum(rows) from quality.dq_rejects")[0][0]
    assert exact(said, "freshness.stale") == 3
    assert (
        exact(said, "accounts.total") == ask("select count(*) from quality.dq_reconciliation")[0][0]
    )
    text = plain(html)
    assert "4 of 6 checks passed, 1 failed, 1 could not run." in text
    assert "1 of 5 accounts from delivery to mart does not close." in text
    assert "stale: delivery of snapshot refused: column department is missing" in text
    assert "stale: newest data is 11 days old, agreed are at most 7 days" in text
    assert "missing: nothing was delivered yet" in text
    assert "shop / receipts key_is_missing 44 2" in text


def test_net_sales_agree_to_the_cent_or_the_difference_is_shown() -> None:
    marts = small_marts()
    text = plain(render(marts, Edition(data_as_of=AS_OF)))
    assert "Net sales of source, orders, order lines and daily figures agree to the cent" in text
    marts.execute(
        "update commerce.fct_order_lines set net_amount = net_amount + 0.01 "
        "where order_line_key = 'panel-o-5-2'"
    )
    html = render(marts, Edition(data_as_of=AS_OF))
    assert "do not agree: the largest difference is \u2212$0.01." in plain(html)
    assert Decimal(figures(html)["reconciliation.difference"][0]) == Decimal("-0.01")


def test_a_source_that_differs_from_the_marts_is_told() -> None:
    marts = small_marts()
    marts.execute(
        "update quality.dq_reconciliation set left_value = left_value + 100, "
        "difference = 100, is_balanced = false where scope = 'landing_to_mart'"
    )
    html = render(marts, Edition(data_as_of=AS_OF))
    assert Decimal(figures(html)["reconciliation.difference"][0]) == Decimal(-100)
    assert "transactions fct_orders net_amount" in plain(html)
