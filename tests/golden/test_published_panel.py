"""The golden numbers of the panel, asked of the published files by `shopthread query`.

They come from the publisher's own files, counted independently of this project; a change
of one is an error of ours, never a new expectation.
"""

import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.settings import load_settings

# The whole panel, on a machine that may be busy: longer than the timeout of one test.
pytestmark = [pytest.mark.slow, pytest.mark.golden, pytest.mark.timeout(1800)]

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


def test_fuel_and_miscellaneous_goods_are_no_units(query: Query) -> None:
    row = one(
        query,
        """
        select
            cast(sum(quantity) as bigint) as quantity,
            cast(sum(quantity) filter (is_volume_measured) as bigint) as volume,
            cast(sum(unit_count) as bigint) as units,
            max(quantity) as largest,
            (select cast(sum(unit_count) as bigint) from fct_orders) as units_of_orders,
            (
                select cast(sum(numerator) as bigint) from kpi_daily where kpi_key = 'units'
            ) as units_of_kpi
        from fct_order_lines
        where data_origin = 'panel'
        """,
    )
    assert row == {
        "quantity": 152_923_108,
        "volume": 151_020_580,
        "units": 1_902_528,
        "largest": 89_638,
        "units_of_orders": 1_902_528,
        "units_of_kpi": 1_902_528,
    }


def test_what_the_catalogue_lacks_keeps_its_sales(query: Query) -> None:
    row = one(
        query,
        """
        select
            count(distinct lines.product_key) as products,
            count(*) as lines,
            sum(lines.net_amount) as net
        from fct_order_lines as lines
        inner join dim_product on lines.product_key = dim_product.product_key
        where lines.data_origin = 'panel' and not dim_product.is_in_catalogue
        """,
    )
    assert (row["products"], row["lines"]) == (17, 4_836)
    assert money(row["net"]) == Decimal("172.57")


def test_odd_lines_are_kept_and_countable(query: Query) -> None:
    """Counted in cents: 20 lines below half a cent join the 11,226 that sell for nothing."""
    row = one(
        query,
        """
        select
            count(*) filter (net_amount = 0) as for_nothing,
            count(*) filter (quantity = 0) as without_quantity,
            count(*) filter (quantity = 0 and net_amount > 0) as sold_without_quantity,
            count(*) filter (
                manufacturer_coupon_amount > net_amount + coupon_match_amount
            ) as coupon_above_the_line,
            count(*) filter (
                coupon_match_amount > manufacturer_coupon_amount
            ) as match_above_the_coupon,
            count(*) filter (paid_amount <> net_amount - manufacturer_coupon_amount) as unexplained
        from fct_order_lines
        where data_origin = 'panel'
        """,
    )
    assert row == {
        "for_nothing": 11_226 + 20,
        "without_quantity": 8_869,
        "sold_without_quantity": 49 - 20,
        "coupon_above_the_line": 3_316,
        "match_above_the_coupon": 4,
        "unexplained": 0,
    }


def test_the_suites_counted_the_odd_lines_before_they_landed(query: Query) -> None:
    """The documented expectations of the dirt see the delivery as the marts do."""
    rows = query(
        """
        select regexp_extract(expectation, '[(](.*)[)]', 1) as rule, unexpected_rows
        from dq_results
        where asset = 'landing/complete_journey/transactions'
            and expectation like 'expect_share_of_rows_to_be_at_most%'
        """
    )
    assert {row["rule"]: row["unexpected_rows"] for row in rows} == {
        "coupon_worth_more_than_the_line": 3_316,
        "match_worth_more_than_the_coupon": 4,
        "no_loyalty_discount": 1_469_307 - 736_361,
        "no_quantity": 8_869,
        "no_sales_value": 11_246,
        "sold_without_quantity": 29,
        "volume_goods": 13_494,
        "weeks_turn_on_local_monday": 0,
    }


def test_cents_part_the_odd_lines_of_the_publishers_floats() -> None:
    """Where the published counts differ from the publisher's floats, and by how much."""
    path = load_settings({}).panel_files() / "transactions.parquet"
    with duckdb.connect() as connection:
        row = connection.execute(
            "select count(*) filter (sales_value = 0),"
            " count(*) filter (sales_value > 0 and sales_value < 0.005),"
            " count(*) filter (quantity = 0 and sales_value > 0),"
            " count(*) filter (quantity = 0 and sales_value >= 0.005)"
            f" from read_parquet('{path.as_posix()}')"
        ).fetchone()
    assert row == (11_226, 20, 49, 29)


def test_a_printed_code_is_no_key_of_a_coupon_and_copies_are_accounted_for(query: Query) -> None:
    row = one(
        query,
        """
        select
            count(distinct coupon_upc) as codes,
            count(*) as coupons,
            cast(sum(eligible_product_count) as bigint) as pairs,
            (
                select count(*) from dim_product
                where data_origin = 'panel' and coupon_count > 0
            ) as products,
            (
                select cast(sum(coupon_count) as bigint) from dim_product
                where data_origin = 'panel'
            ) as pairs_of_products
        from dim_coupon
        where data_origin = 'panel'
        """,
    )
    assert row == {
        "codes": 981,
        "coupons": 1_197,
        "pairs": 116_204 - 4_872,
        "products": 41_857,
        "pairs_of_products": 116_204 - 4_872,
    }
    (account,) = query(
        """
        select
            cast(landed_value as bigint) as landed,
            cast(staged_value as bigint) as staged,
            cast(duplicate_value as bigint) as duplicate,
            cast(superseded_value + not_mapped_value as bigint) as other
        from dq_reconciliation
        where contract = 'stg_coupons__eligible_products' and measure = 'rows'
        """
    )
    assert account == {"landed": 116_204, "staged": 111_332, "duplicate": 4_872, "other": 0}


def test_stores_with_promotions_and_placements_that_share_a_key(query: Query) -> None:
    row = one(
        query,
        """
        select
            cast(sum(placement_count - store_count) as bigint) as second_placements,
            max(store_count) <= 112 as fits_the_stores,
            (
                select count(*) from dim_location where data_origin = 'panel' and has_placements
            ) as stores,
            (select count(*) from dim_location where data_origin = 'panel') as all_stores
        from fct_promotion_exposure_weekly
        where data_origin = 'panel'
        """,
    )
    assert row == {
        "second_placements": 12_785,
        "fits_the_stores": True,
        "stores": 112,
        "all_stores": 457,
    }


def test_demographics_cover_a_third_of_the_households_and_most_of_the_sales(query: Query) -> None:
    row = one(
        query,
        """
        select
            count(*) as households,
            count(*) filter (has_demographics) as answered,
            round(
                100 * sum(case when has_demographics then net_amount else 0 end) / sum(net_amount), 1
            ) as sales_share
        from dim_customer
        where data_origin = 'panel'
        """,
    )
    assert (row["households"], row["answered"]) == (2_469, 801)
    assert float(row["sales_share"]) == 57.1


def test_campaigns_reach_beyond_the_year_of_the_sales(query: Query) -> None:
    row = one(
        query,
        """
        select
            count(*) as campaigns,
            count(*) filter (starts_on < date '2017-01-01') as started_before,
            count(*) filter (ends_on > date '2017-12-31') as ended_after
        from dim_campaign
        where data_origin = 'panel'
        """,
    )
    assert row == {"campaigns": 27, "started_before": 3, "ended_after": 5}


def test_every_redemption_lies_in_the_window_of_a_campaign_that_reached_its_household(
    query: Query,
) -> None:
    row = one(
        query,
        """
        select
            count(*) as redemptions,
            count(*) filter (
                events.business_date between campaigns.starts_on and campaigns.ends_on
            ) as in_the_window,
            count(*) filter (
                exists (
                    select 1 from fct_touchpoints as contacts
                    where contacts.touchpoint_type = 'mail_in_home'
                        and contacts.customer_key = events.customer_key
                        and contacts.campaign_key = events.campaign_key
                )
            ) as contacted,
            count(coupons.coupon_key) as of_a_known_coupon
        from fct_coupon_events as events
        left join dim_campaign as campaigns on events.campaign_key = campaigns.campaign_key
        left join dim_coupon as coupons on events.coupon_key = coupons.coupon_key
        where events.event_type = 'redeemed' and events.data_origin = 'panel'
        """,
    )
    assert set(row.values()) == {2_102}


def test_the_share_of_unmatched_redemptions_is_reported(query: Query) -> None:
    (row,) = query(
        """
        select
            cast(sum(numerator) as bigint) as matched,
            cast(sum(denominator) as bigint) as redemptions
        from kpi_daily
        where data_origin = 'panel' and kpi_key = 'coupon_matched_share'
        """
    )
    assert row == {"matched": 1_130, "redemptions": 2_102}


def test_the_report_says_how_many_redemptions_are_tied_to_no_line(published_panel: Path) -> None:
    page = (published_panel / "report.html").read_text(encoding="utf-8")
    words = " ".join(re.sub(r"<[^>]+>", "", page).split())
    assert (
        "Of 2,102 redemptions 1,130 can be tied to a discounted line of the same day; 972 (46.2%) "
        "cannot"
    ) in words


def test_christmas_is_an_accepted_day_without_a_receipt(query: Query) -> None:
    row = one(
        query,
        """
        select
            (
                select accepted_batch_count from dq_freshness
                where source_key = 'complete_journey' and entity = 'transactions'
            ) as days_accepted,
            (select count(*) from dq_rejects) as refused,
            (
                select count(distinct business_date) from fct_orders where data_origin = 'panel'
            ) as days_with_orders,
            (
                select string_agg(cast(dim_date.date as varchar), ' ') from dim_date
                where dim_date.date between date '2017-01-01' and date '2017-12-31'
                    and not exists (
                        select 1 from fct_orders where fct_orders.business_date = dim_date.date
                    )
            ) as days_without
        """,
    )
    assert row == {
        "days_accepted": 365,
        "refused": 0,
        "days_with_orders": 364,
        "days_without": "2017-12-25",
    }


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
