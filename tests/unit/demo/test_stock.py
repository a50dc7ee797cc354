"""Movements explain every level, and a stock split is one."""

import pandas as pd

from orchestration.demo.incidents import STOCK_SPLIT
from tests.unit.demo.conftest import Retailer


def test_levels_are_the_sum_of_movements_and_never_negative(retailer: Retailer) -> None:
    cell = ["sku", "location_code"]
    movements = retailer.table("synthetic_inventory", "movements")
    movements["quantity"] = movements["quantity"].astype(int)
    movements = movements.sort_values("business_date")
    by_day = movements.groupby([*cell, "business_date"])["quantity"].sum()
    level = by_day.groupby(level=cell).cumsum()
    assert (level >= 0).all()
    levels = retailer.table("synthetic_inventory", "levels")
    levels["business_date"] = levels["business_date"].astype(str)
    told = levels.set_index([*cell, "business_date"])["on_hand"]
    assert (told == level.reindex(told.index)).all()
    assert (levels["available"] == levels["on_hand"] - levels["reserved"]).all()
    assert (levels["available"] >= 0).all()
    assert set(movements["movement_type"]) >= {"opening", "receipt", "sale", "return", "adjust"}


def test_what_is_sold_leaves_the_stock(clean: Retailer) -> None:
    movements = clean.table("synthetic_inventory", "movements")
    sold = movements[movements["movement_type"] == "sale"]["quantity"].astype(int).sum()
    tracked = set(movements["sku"])
    pieces = 0
    for source in ("synthetic_till_us", "synthetic_till_ca"):
        lines = clean.table(source, "transaction_lines")
        quantity = lines[lines["sku"].isin(tracked)]["quantity"].astype(int)
        pieces += int(quantity[quantity > 0].sum())
    lines = clean.table("synthetic_shop", "order_lines")
    pieces += int(lines[lines["sku"].isin(tracked)]["quantity"].astype(int).sum())
    assert -sold == pieces


def test_a_stock_split_is_out_on_the_web_and_there_in_stores(retailer: Retailer) -> None:
    (split,) = retailer.books.world.incidents.of_kind(STOCK_SPLIT)
    sku = retailer.books.world.catalogue.skus()[split.product]
    days = [
        retailer.books.world.days.date_of(day).isoformat()
        for day in range(split.day, split.until_day + 1)
    ]
    movements = retailer.table("synthetic_inventory", "movements")
    of_sku = movements[movements["sku"] == sku].assign(q=lambda m: m["quantity"].astype(int))
    for day in days:
        until = of_sku[of_sku["business_date"] <= day]
        level = until.groupby("location_code")["q"].sum()
        assert (level[["DC01", "DC02"]] == 0).all()
        assert (level.drop(["DC01", "DC02"]) > 0).sum() >= 2
    lines = retailer.table("synthetic_shop", "order_lines")
    on_days = lines["order_created_at"].str.slice(0, 10).isin(days[1:-1])
    assert sku not in set(lines[on_days]["sku"])
    events = retailer.table("synthetic_web", "events")
    on_days = events["event_date"].isin([day.replace("-", "") for day in days])
    looked_at = events[on_days & (events["event_name"] == "view_item")]["items"]
    assert looked_at.str.contains(sku).sum() > 0


def test_prices_cover_every_product_channel_and_currency(retailer: Retailer) -> None:
    prices = retailer.table("synthetic_catalogue", "prices")
    listed = prices[prices["price_type"] == "list"]
    products = retailer.table("synthetic_catalogue", "products")
    every = pd.MultiIndex.from_product([products["sku"], ["store", "web"], ["USD", "CAD"]])
    assert set(listed.set_index(["sku", "channel", "currency"]).index) == set(every)
