"""A small, whole panel for tests: some households and days of the installed data package.

Every one of the eight files keeps the package's columns and types, and every reference in
them resolves as far as it does in the package. Nothing of the package is kept in the
repository: the files are cut when a test asks for them.
"""

from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb

from orchestration.settings import load_settings

ZONE = ZoneInfo("America/New_York")
"""The stores' zone: a business date is the local date of a line's UTC timestamp."""

PROMOTED_ROWS = 2_000

_LOCAL_DAY = f"""
    cast(timezone('{ZONE.key}', timezone('UTC', transaction_timestamp)) as date)
"""

# Households are drawn by hash, so that a larger world holds the smaller one's.
_CUT = {
    "transactions": f"""
        select lines.*
        from source_transactions as lines
        where lines.household_id in (select household_id from chosen)
            and {_LOCAL_DAY} between $first and $last
        order by transaction_timestamp, basket_id, product_id
    """,
    "campaigns": """
        select * from source_campaigns
        where household_id in (select household_id from chosen)
        order by campaign_id, household_id
    """,
    "campaign_descriptions": "select * from source_campaign_descriptions order by campaign_id",
    "coupons": """
        select * from source_coupons
        where campaign_id in (select campaign_id from campaigns)
            and (
                coupon_upc % 10 = 0
                or coupon_upc in (
                    select coupon_upc from source_coupon_redemptions
                    where household_id in (select household_id from chosen)
                )
            )
        qualify product_id in (select product_id from transactions)
            or rank() over (partition by campaign_id, coupon_upc order by product_id) <= 5
        order by campaign_id, coupon_upc, product_id
    """,
    "coupon_redemptions": """
        select * from source_coupon_redemptions
        where household_id in (select household_id from chosen)
            and cast(redemption_date as date) between $first and $last
        order by redemption_date, household_id, coupon_upc
    """,
    "demographics": """
        select * from source_demographics
        where household_id in (select household_id from chosen)
        order by household_id
    """,
    "promotions": """
        select * from source_promotions
        where week between (select min(week) from transactions)
                and (select max(week) from transactions)
            and product_id in (select product_id from transactions)
            and store_id in (select store_id from transactions)
        order by week, product_id, store_id, display_location, mailer_location
        limit $promoted
    """,
    "products": """
        select * from source_products
        where product_id in (
            select product_id from transactions
            union select product_id from promotions
            union select product_id from coupons
        )
        order by product_id
    """,
}


def build_tiny_panel(
    folder: Path,
    households: int = 40,
    first: date = date(2017, 1, 1),
    last: date = date(2017, 1, 14),
) -> Path:
    """Write the panel of some households between two business dates, both included.

    Prefers households that answered about themselves, got mail or redeemed a coupon in
    that time, so that no file is empty where the package has anything. Returns `folder`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    source = load_settings({}).panel_files()
    values = {"first": first, "last": last, "households": households, "promoted": PROMOTED_ROWS}
    with duckdb.connect(config={"threads": 2}) as connection:
        for entity in _CUT:
            connection.execute(
                f"create view source_{entity} as"
                f" select * from read_parquet('{(source / entity).as_posix()}.parquet')"
            )
        connection.execute(
            f"""
            create table chosen as
            with shoppers as (
                select household_id, count(distinct basket_id) as baskets
                from source_transactions
                where {_LOCAL_DAY} between $first and $last
                group by household_id
            ),
            redeemers as (
                select distinct household_id from source_coupon_redemptions
                where cast(redemption_date as date) between $first and $last
            )
            select shoppers.household_id
            from shoppers
            order by
                household_id in (select household_id from redeemers) desc,
                md5(cast(shoppers.household_id as varchar))
            limit $households
            """,
            {name: values[name] for name in ("first", "last", "households")},
        )
        for entity, query in _CUT.items():
            used = {name: value for name, value in values.items() if f"${name}" in query}
            connection.execute(f"create table {entity} as {query}", used)
            connection.execute(f"copy {entity} to '{(folder / entity).as_posix()}.parquet'")
    return folder
