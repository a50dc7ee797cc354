"""Money adds up to the cent, everywhere."""

from decimal import Decimal

import pandas as pd

from tests.unit.demo.conftest import Retailer
from tests.unit.demo.test_references import tills


def amount(column: pd.Series) -> pd.Series:
    return column.map(lambda value: Decimal(value or "0"))


def summed(table: pd.DataFrame, by: str, column: str) -> dict[str, Decimal]:
    amounts = amount(table[column])
    return {str(key): sum(group, Decimal(0)) for key, group in amounts.groupby(table[by])}


def test_tenders_and_lines_sum_to_the_total_of_their_receipt(retailer: Retailer) -> None:
    receipts, lines = tills(retailer, "transactions"), tills(retailer, "transaction_lines")
    paid = summed(tills(retailer, "tenders"), "transaction_id", "amount")
    net = summed(lines, "transaction_id", "net_amount")
    tax = summed(lines, "transaction_id", "tax_amount")
    gross = summed(lines, "transaction_id", "gross_amount")
    for receipt in receipts.to_dict("records"):
        key = str(receipt["transaction_id"])
        total = Decimal(receipt["total_amount"])
        assert paid.get(key, Decimal(0)) == total
        assert net[key] + tax[key] == total
        assert gross[key] - Decimal(receipt["discount_amount"]) == Decimal(receipt["net_amount"])


def test_voids_and_exchanges_leave_nothing_and_returns_pay_back(retailer: Retailer) -> None:
    receipts = tills(retailer, "transactions")
    total = dict(zip(receipts["transaction_id"], amount(receipts["total_amount"]), strict=True))
    for receipt in receipts.to_dict("records"):
        own, kind = total[receipt["transaction_id"]], receipt["transaction_type"]
        if kind == "sale":
            assert own >= 0
        elif kind == "void":
            assert own == -total[receipt["related_transaction_id"]]
        elif kind == "exchange":
            assert own == 0
        else:
            assert -total[receipt["related_transaction_id"]] <= own <= 0


def test_orders_are_the_sum_of_their_lines(retailer: Retailer) -> None:
    orders = retailer.table("synthetic_shop", "orders")
    lines = retailer.table("synthetic_shop", "order_lines")
    net = summed(lines, "order_id", "pre_tax_price")
    tax = summed(lines, "order_id", "tax_amount")
    for order in orders.to_dict("records"):
        key = str(order["id"])
        assert net[key] == Decimal(order["subtotal_price"])
        assert tax[key] == Decimal(order["total_tax"])
        parts = (order["subtotal_price"], order["total_tax"], order["total_shipping"])
        assert sum(map(Decimal, parts), Decimal(0)) == Decimal(order["total_price"])


def test_refunds_never_exceed_what_was_paid(retailer: Retailer) -> None:
    orders = retailer.table("synthetic_shop", "orders")
    refunds = retailer.table("synthetic_shop", "refunds")
    transactions = retailer.table("synthetic_shop", "transactions")
    paid = summed(
        transactions[transactions["kind"].isin(["capture", "sale"])], "order_id", "amount"
    )
    back = summed(transactions[transactions["kind"] == "refund"], "order_id", "amount")
    assert paid == summed(orders, "id", "total_price")
    assert back == summed(refunds, "order_id", "total_refunded")
    assert back
    assert all(amount <= paid[order] for order, amount in back.items())
    of_lines = retailer.table("synthetic_shop", "refund_lines")
    lines = summed(of_lines, "refund_id", "subtotal")
    taxes = summed(of_lines, "refund_id", "total_tax")
    for refund in refunds.to_dict("records"):
        whole = lines[str(refund["id"])] + taxes[str(refund["id"])]
        assert whole + Decimal(refund["shipping_refund"]) == Decimal(refund["total_refunded"])


def test_both_currencies_and_their_rates_of_every_day(retailer: Retailer) -> None:
    assert set(retailer.table("synthetic_shop", "orders")["currency"]) == {"USD", "CAD"}
    rates = retailer.table("synthetic_finance", "fx_rates")
    assert rates["rate_date"].nunique() == retailer.books.world.days.count
    one = {
        (row["rate_date"], row["base_currency"]): Decimal(row["rate"])
        for row in rates.to_dict("records")
    }
    for (day, base), rate in one.items():
        other = one[day, "CAD" if base == "USD" else "USD"]
        assert abs(rate * other - 1) < Decimal("0.000002")


def test_points_of_a_card_never_fall_below_nothing_but_by_returns(clean: Retailer) -> None:
    ledger = clean.table("synthetic_loyalty", "ledger").sort_values("occurred_at")
    burnt = ledger[ledger["entry_type"] == "burn"]
    assert len(burnt)
    for card in burnt["loyalty_id"].unique():
        entries = ledger[ledger["loyalty_id"] == card]
        balance = entries["points"].astype(int).cumsum()
        assert (balance[entries["entry_type"] == "burn"] >= 0).all()
