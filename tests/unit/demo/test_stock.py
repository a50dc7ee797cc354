"""Movements explain every level, and a stock split is one."""

from dataclasses import replace

import numpy as np
import pandas as pd

from orchestration.demo.incidents import STOCK_SPLIT
from orchestration.demo.inventory_book import RETURN, keep_inventory_book
from orchestration.demo.order_book import DELIVERY, RefundLines, Refunds
from tests.unit.demo.conftest import Retailer
from tests.unit.demo.test_deliveries import business_dates


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
    on_days = business_dates(lines["order_created_at"]).isin(days)
    assert on_days.any()
    assert sku not in set(lines[on_days]["sku"])
    events = retailer.table("synthetic_web", "events")
    on_days = events["event_date"].isin([day.replace("-", "") for day in days])
    looked_at = events[on_days & (events["event_name"] == "view_item")]["items"]
    assert looked_at.str.contains(sku).sum() > 0


def test_what_comes_back_in_a_stock_split_is_set_aside(retailer: Retailer) -> None:
    """Send the split product back to its warehouse on each of the days: it stays out."""
    books = retailer.books
    (split,) = books.world.incidents.of_kind(STOCK_SPLIT)
    days = np.arange(split.day, split.until_day + 1)
    line = np.flatnonzero(books.world.web_sales.lines.product == split.product)[: len(days)]
    assert len(line) == len(days)
    orders = replace(
        books.orders,
        method=np.full_like(books.orders.method, DELIVERY),
        refunds=Refunds(
            order=books.world.web_sales.lines.sale[line],
            day=days,
            moment=days,
            store=np.full_like(days, -1),
            shipping=np.zeros_like(days),
            is_cancellation=np.zeros(len(days), dtype=np.bool_),
        ),
        refund_lines=RefundLines(
            refund=np.arange(len(days)),
            line=line,
            quantity=np.full_like(days, 3),
            net=np.zeros_like(days),
            tax=np.zeros_like(days),
        ),
    )
    book = keep_inventory_book(books.world, books.store, orders)
    place = int(np.searchsorted(book.product, split.product)) * book.locations
    for cell in (place + book.locations - 2, place + book.locations - 1):
        for day in days:
            until = (book.cell == cell) & (book.day <= day)
            assert book.quantity[until].sum() == 0
    came = (
        (book.kind == RETURN)
        & np.isin(book.day, days)
        & (book.cell // book.locations * book.locations == place)
    )
    assert book.quantity[came].sum() >= 3 * len(days)


def test_prices_cover_every_product_channel_and_currency(retailer: Retailer) -> None:
    prices = retailer.table("synthetic_catalogue", "prices")
    listed = prices[prices["price_type"] == "list"]
    products = retailer.table("synthetic_catalogue", "products")
    every = pd.MultiIndex.from_product([products["sku"], ["store", "web"], ["USD", "CAD"]])
    assert set(listed.set_index(["sku", "channel", "currency"]).index) == set(every)
