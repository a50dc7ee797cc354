"""What points at something points at something that was delivered."""

import pandas as pd
import pytest

from tests.unit.demo.conftest import Retailer

TILLS = ("synthetic_till_us", "synthetic_till_ca")


def tills(retailer: Retailer, entity: str) -> pd.DataFrame:
    return pd.concat([retailer.table(source, entity) for source in TILLS], ignore_index=True)


def named(column: pd.Series) -> set[str]:
    return {str(value) for value in column if value not in ("", None)}


@pytest.mark.parametrize(
    "child, column, parent, key",
    [
        ("synthetic_shop/order_lines", "order_id", "synthetic_shop/orders", "id"),
        ("synthetic_shop/refunds", "order_id", "synthetic_shop/orders", "id"),
        ("synthetic_shop/refund_lines", "refund_id", "synthetic_shop/refunds", "id"),
        ("synthetic_shop/refund_lines", "order_line_id", "synthetic_shop/order_lines", "id"),
        ("synthetic_shop/transactions", "order_id", "synthetic_shop/orders", "id"),
        ("synthetic_shop/transactions", "refund_id", "synthetic_shop/refunds", "id"),
        ("synthetic_shop/fulfillment_events", "order_id", "synthetic_shop/orders", "id"),
        ("synthetic_shop/orders", "location_id", "synthetic_locations/locations", "location_id"),
        ("synthetic_shop/order_lines", "sku", "synthetic_catalogue/products", "sku"),
        ("synthetic_web/events", "ecommerce_transaction_id", "synthetic_shop/orders", "name"),
        ("synthetic_messages/events", "person_id", "synthetic_messages/profiles", "id"),
        ("synthetic_messages/events", "campaign_id", "synthetic_messages/campaigns", "id"),
        ("synthetic_loyalty/ledger", "loyalty_id", "synthetic_loyalty/members", "loyalty_id"),
        ("synthetic_loyalty/ledger", "order_name", "synthetic_shop/orders", "name"),
        ("synthetic_loyalty/ledger", "voucher_id", "synthetic_loyalty/vouchers", "voucher_id"),
        ("synthetic_service/ticket_comments", "ticket_id", "synthetic_service/tickets", "id"),
        ("synthetic_service/satisfaction_ratings", "ticket_id", "synthetic_service/tickets", "id"),
        ("synthetic_service/tickets", "order_name", "synthetic_shop/orders", "name"),
        ("synthetic_reviews/reviews", "order_name", "synthetic_shop/orders", "name"),
        ("synthetic_direct_mail/responses", "PIECE_ID", "synthetic_direct_mail/sends", "PIECE_ID"),
        ("synthetic_coupons/events", "code", "synthetic_coupons/definitions", "code"),
        ("synthetic_inventory/movements", "sku", "synthetic_catalogue/products", "sku"),
        (
            "synthetic_inventory/levels",
            "location_code",
            "synthetic_locations/locations",
            "store_id",
        ),
        ("synthetic_store_floor/footfall", "store_id", "synthetic_locations/locations", "store_id"),
        ("synthetic_catalogue/prices", "sku", "synthetic_catalogue/products", "sku"),
        (
            "synthetic_catalogue/products",
            "category_id",
            "synthetic_catalogue/categories",
            "category_id",
        ),
    ],
)
def test_every_reference_leads_somewhere(
    retailer: Retailer, child: str, column: str, parent: str, key: str
) -> None:
    pointing = retailer.table(*child.split("/"))[column].dropna()
    there = named(retailer.table(*parent.split("/"))[key])
    pointed = named(pointing)
    assert pointed
    assert pointed <= there


def test_receipts_have_their_lines_and_what_comes_back_its_sale(retailer: Retailer) -> None:
    receipts, lines = tills(retailer, "transactions"), tills(retailer, "transaction_lines")
    tenders = tills(retailer, "tenders")
    ids = named(receipts["transaction_id"])
    assert len(ids) == len(receipts)
    assert named(lines["transaction_id"]) == ids
    assert named(tenders["transaction_id"]) <= ids
    related = receipts[receipts["transaction_type"] != "sale"]
    assert set(related["transaction_type"]) == {"void", "return", "exchange"}
    sales = named(receipts[receipts["transaction_type"] == "sale"]["transaction_id"])
    assert named(related["related_transaction_id"]) <= sales
    line_keys = set(zip(lines["transaction_id"], lines["line_no"], strict=True))
    back = lines[lines["return_of_line_no"] != ""]
    came_from = zip(back["return_of_transaction_id"], back["return_of_line_no"], strict=True)
    assert set(came_from) <= line_keys
    assert named(lines["sku"]) <= named(retailer.table("synthetic_catalogue", "products")["sku"])


def test_clicks_of_landing_pages_are_in_the_ad_report(retailer: Retailer) -> None:
    landed = named(
        retailer.table("synthetic_web", "events")["collected_traffic_source_gclid"].dropna()
    )
    assert landed
    assert landed <= named(retailer.table("synthetic_google_ads", "clicks")["gclid"])


def test_business_dates_are_those_of_the_store(retailer: Retailer) -> None:
    receipts = tills(retailer, "transactions")
    assert (receipts["completed_at_local"].str.slice(0, 10) == receipts["business_date"]).all()
    at = pd.to_datetime(receipts["completed_at"])
    for zone, group in receipts.groupby("time_zone"):
        local = at.loc[group.index].dt.tz_localize("UTC").dt.tz_convert(str(zone))
        written = pd.to_datetime(group["completed_at_local"])
        assert (local.dt.tz_localize(None) == written).all()
    assert receipts["time_zone"].nunique() >= 5
    # By the date in UTC some receipts of the west would lie on the next day.
    assert (at.dt.strftime("%Y-%m-%d") != receipts["business_date"]).any()
