"""The golden numbers of the panel, asked of the published files by `shopthread query`.

They come from the publisher's own files, counted independently of this project; a change
of one is an error of ours, never a new expectation.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import duckdb
import pytest

from orchestration.settings import load_settings

pytestmark = [pytest.mark.slow, pytest.mark.golden]

Query = Callable[[str], list[dict[str, Any]]]

MONTHS = {
    1: (12_807, "373300.23"),
    2: (11_795, "350055.08"),
    3: (12_958, "379997.84"),
    4: (12_711, "373254.44"),
    5: (13_695, "401629.29"),
    6: (13_005, "373171.32"),
    7: (13_759, "397091.05"),
    8: (13_406, "384426.12"),
    9: (12_633, "367557.87"),
    10: (13_248, "387808.68"),
    11: (12_734, "386027.21"),
    12: (13_097, "421720.45"),
}


def one(query: Query, sql: str) -> dict[str, Any]:
    (row,) = query(sql)
    return row


def money(value: object) -> Decimal:
    return Decimal(str(value)).quantize(Decimal("0.01"))


def test_counts(query: Query) -> None:
    row = one(
        query,
        """
        select
            (select count(*) from fct_order_lines where data_origin = 'panel') as lines,
            (select count(*) from fct_orders where data_origin = 'panel') as orders,
            (
                select count(distinct customer_key) from fct_orders
                where data_origin = 'panel'
            ) as customers,
            (
                select count(distinct location_key) from fct_orders
                where data_origin = 'panel'
            ) as stores,
            (
                select count(distinct product_key) from fct_order_lines
                where data_origin = 'panel'
            ) as products_sold,
            (
                select count(*) from dim_product
                where data_origin = 'panel' and is_in_catalogue
            ) as products_known,
            (
                select count(*) from fct_order_lines
                where data_origin = 'panel' and loyalty_discount_amount > 0
            ) as loyalty_lines,
            (
                select count(*) from fct_order_lines
                where data_origin = 'panel' and manufacturer_coupon_amount > 0
            ) as coupon_lines,
            (
                select count(*) from fct_order_lines
                where data_origin = 'panel' and coupon_match_amount > 0
            ) as match_lines
        """,
    )
    assert row == {
        "lines": 1_469_307,
        "orders": 155_848,
        "customers": 2_469,
        "stores": 457,
        "products_sold": 68_509,
        "products_known": 92_331,
        "loyalty_lines": 736_361,
        "coupon_lines": 21_889,
        "match_lines": 10_300,
    }


def test_what_is_no_cent_is_no_discount() -> None:
    """The publisher's floats hold eight discounts of 1e-16; a count on them says 736,369."""
    path = load_settings({}).panel_files() / "transactions.parquet"
    with duckdb.connect() as connection:
        row = connection.execute(
            "select count(*) filter (retail_disc > 0), count(*) filter (retail_disc > 0.005)"
            f" from read_parquet('{path.as_posix()}')"
        ).fetchone()
    assert row == (736_369, 736_361)


def test_money_to_the_cent(query: Query) -> None:
    row = one(
        query,
        """
        select
            sum(gross_amount) as gross,
            sum(retailer_discount_amount) as discounts,
            sum(net_amount) as net,
            sum(manufacturer_coupon_amount) as coupons,
            sum(paid_amount) as paid
        from fct_orders
        where data_origin = 'panel'
        """,
    )
    assert {name: money(value) for name, value in row.items()} == {
        "gross": Decimal("5392232.87"),
        "discounts": Decimal("796193.29"),
        "net": Decimal("4596039.58"),
        "coupons": Decimal("26359.90"),
        "paid": Decimal("4569679.68"),
    }
    lines = one(
        query,
        """
        select
            sum(loyalty_discount_amount) as loyalty,
            sum(coupon_match_amount) as matched,
            sum(net_amount) as net
        from fct_order_lines
        where data_origin = 'panel'
        """,
    )
    assert money(lines["loyalty"]) == Decimal("791650.64")
    assert money(lines["matched"]) == Decimal("4542.65")
    assert money(lines["net"]) == Decimal("4596039.58")


def test_twelve_months_in_the_stores_own_time(query: Query) -> None:
    rows = query(
        """
        select month(business_date) as month, count(*) as orders, sum(net_amount) as net
        from fct_orders
        where data_origin = 'panel'
        group by month(business_date)
        order by month
        """
    )
    found = {row["month"]: (row["orders"], str(money(row["net"]))) for row in rows}
    assert found == MONTHS
    kpis = query(
        """
        select month(date) as month, kpi_key, sum(numerator) as total
        from kpi_daily
        where data_origin = 'panel' and kpi_key in ('net_sales', 'orders')
        group by month(date), kpi_key
        """
    )
    by_kpi = {(row["month"], row["kpi_key"]): money(row["total"]) for row in kpis}
    for month, (orders, net) in MONTHS.items():
        assert by_kpi[(month, "orders")] == orders
        assert by_kpi[(month, "net_sales")] == Decimal(net)


def test_campaigns_contacts_and_redemptions_by_type(query: Query) -> None:
    rows = query(
        """
        select campaign_type, campaign_count, contact_count, redemption_count, responder_count
        from kpi_campaign
        where data_origin = 'panel'
        order by campaign_type
        """
    )
    assert rows == [
        {
            "campaign_type": "A",
            "campaign_count": 4,
            "contact_count": 3_647,
            "redemption_count": 1_718,
            "responder_count": 604,
        },
        {
            "campaign_type": "B",
            "campaign_count": 17,
            "contact_count": 2_368,
            "redemption_count": 323,
            "responder_count": 154,
        },
        {
            "campaign_type": "C",
            "campaign_count": 6,
            "contact_count": 574,
            "redemption_count": 61,
            "responder_count": 34,
        },
    ]
    people = one(
        query,
        """
        select
            (
                select count(distinct customer_key) from fct_touchpoints
                where touchpoint_type = 'mail_in_home' and data_origin = 'panel'
            ) as contacted,
            (
                select count(distinct customer_key) from fct_coupon_events
                where event_type = 'redeemed' and data_origin = 'panel'
            ) as redeemers
        """,
    )
    assert people == {"contacted": 1_559, "redeemers": 410}


def test_every_redemption_has_a_basket_of_its_household_on_its_business_date(
    query: Query,
) -> None:
    row = one(
        query,
        """
        with orders as (
            select distinct customer_key, business_date, cast(ordered_at as date) as utc_date
            from fct_orders
            where data_origin = 'panel'
        )
        select
            count(*) as redemptions,
            count(*) filter (
                exists (
                    select 1 from orders
                    where orders.customer_key = events.customer_key
                        and orders.business_date = events.business_date
                )
            ) as with_basket_in_store_time,
            count(*) filter (
                exists (
                    select 1 from orders
                    where orders.customer_key = events.customer_key
                        and orders.utc_date = events.business_date
                )
            ) as with_basket_in_utc,
            count(*) filter (is_matched_to_line) as matched_to_a_line
        from fct_coupon_events as events
        where event_type = 'redeemed' and data_origin = 'panel'
        """,
    )
    assert row == {
        "redemptions": 2_102,
        "with_basket_in_store_time": 2_102,
        "with_basket_in_utc": 2_102 - 233,
        "matched_to_a_line": 1_130,
    }


def test_promotions_are_counted_once_and_name_nobody(query: Query) -> None:
    row = one(
        query,
        "select sum(placement_count) as placements from fct_promotion_exposure_weekly"
        " where data_origin = 'panel'",
    )
    assert int(row["placements"]) == 20_940_529
    columns = query(
        "select column_name from duckdb_columns()"
        " where table_name = 'fct_promotion_exposure_weekly' and schema_name = 'commerce'"
    )
    assert not {"customer_key", "node_key"} & {item["column_name"] for item in columns}


def test_the_top_decile_makes_the_share_that_the_panel_says(query: Query) -> None:
    row = one(
        query,
        """
        select round(
            100 * sum(case when value_decile = 1 then net_amount else 0 end) / sum(net_amount), 1
        ) as top_share
        from mart_customer_value
        where data_origin = 'panel'
        """,
    )
    assert float(row["top_share"]) == 35.1


def test_every_account_balances(query: Query) -> None:
    row = one(
        query,
        """
        select count(*) as accounts, count(*) filter (not is_balanced) as open_accounts
        from dq_reconciliation
        """,
    )
    assert row["accounts"] > 0
    assert row["open_accounts"] == 0


def test_a_customers_purchases_span_the_panel(query: Query) -> None:
    row = one(
        query,
        """
        with baskets as (
            select customer_key, count(*) as orders, max(business_date) as last_date
            from fct_orders
            where data_origin = 'panel'
            group by customer_key
        )
        select
            count(*) filter (orders = 1) as with_one_order,
            cast(median(orders) as integer) as median_orders,
            count(*) filter (last_date < date '2017-12-31' - 90) as quiet_for_90_days
        from baskets
        """,
    )
    assert row["with_one_order"] == 31
    assert row["median_orders"] == 43
    assert row["quiet_for_90_days"] == 142


def test_the_year_of_every_kpi(
    query: Query, golden: Callable[[str, list[str], list[tuple[object, ...]]], None]
) -> None:
    rows = query(
        """
        select kpi_key, currency, sum(numerator) as numerator, sum(denominator) as denominator
        from kpi_daily
        where data_origin = 'panel'
        group by kpi_key, currency
        order by kpi_key, currency
        """
    )
    header = ["kpi_key", "currency", "numerator", "denominator"]
    golden("kpi_year", header, [tuple(row[name] for name in header) for row in rows])
