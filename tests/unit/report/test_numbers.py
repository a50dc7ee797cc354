"""Figures are written as a reader expects them, and mean what they meant."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.report import numbers
from tests.unit.report.reading import shown_number

AMOUNTS = st.decimals(
    min_value=Decimal("-1e12"), max_value=Decimal("1e12"), places=4, allow_nan=False
)


@given(amount=AMOUNTS, currency=st.sampled_from(["USD", "EUR", "GBP", "CHF"]))
def test_money_reads_back_as_the_amount_to_the_cent(amount: Decimal, currency: str) -> None:
    assert shown_number(numbers.money(amount, currency)) == numbers.rounded(amount, 2)


@pytest.mark.parametrize(
    "amount, currency, text",
    [
        ("4596039.58", "USD", "$4,596,039.58"),
        ("-0.005", "USD", "\u2212$0.01"),
        ("-0.004", "USD", "$0.00"),
        ("0.125", "EUR", "\u20ac0.13"),
        ("900.4", "JPY", "\u00a5900"),
        ("12", "CHF", "CHF\u00a012.00"),
    ],
)
def test_money_has_its_sign_its_separators_and_its_cents(
    amount: str, currency: str, text: str
) -> None:
    assert numbers.money(Decimal(amount), currency) == text


@pytest.mark.parametrize(
    "change, text",
    [("0.0925", "+9.3%"), ("-0.0049", "\u22120.5%"), ("0.0004", "0.0%"), ("-0.0004", "0.0%")],
)
def test_changes_carry_their_sign_and_nothing_has_none(change: str, text: str) -> None:
    assert numbers.signed_percent(Decimal(change)) == text


@pytest.mark.parametrize(
    "delivered, shown",
    [
        ("CAT FOOD", "Cat food"),
        ("BABY HBC", "Baby HBC"),
        ("Diapers & Wipes", "Diapers & Wipes"),
        ("DELI/BAKERY", "Deli/bakery"),
        ("", ""),
    ],
)
def test_categories_read_as_words(delivered: str, shown: str) -> None:
    assert numbers.category_name(delivered) == shown


@pytest.mark.parametrize(
    "largest, labels",
    [("999", "999"), ("13759", "13.8"), ("421720.45", "422"), ("2500000", "2.5"), ("3e10", "30")],
)
def test_labels_of_a_chart_are_short(largest: str, labels: str) -> None:
    divisor, _, digits = numbers.scale_of(Decimal(largest))
    assert numbers.number(Decimal(largest) / divisor, digits) == labels


def test_days_and_months_cannot_be_mistaken() -> None:
    assert numbers.day_name(date(2017, 3, 4)) == "4\u00a0March\u00a02017"
    assert numbers.month_abbreviation(date(2017, 9, 1)) == "Sep"
    assert numbers.days(1) == "1\u00a0day"
    assert numbers.plural(2102, "coupon") == "2,102\u00a0coupons"
