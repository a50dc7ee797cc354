"""What each section shows: cards, drawings and table rows made of the figures.

The template asks, this module answers in text and markup. Words are in `sentences`, the
drawing in `charts`, the layout in `report.html.j2`. Rows are small mappings by the names
the template uses; amounts become text here and nowhere earlier.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from markupsafe import Markup, escape

from orchestration.report import charts, sentences
from orchestration.report.charts import Column, Reference, Segment
from orchestration.report.edition import Edition
from orchestration.report.figures import (
    FADING,
    CheckLayer,
    Decile,
    Figures,
    Freshness,
    Month,
    OpenAccount,
    OpenCheck,
    Rejected,
    Trade,
    previous_month,
)
from orchestration.report.marking import figure
from orchestration.report.numbers import (
    NOTHING,
    category_name,
    currency_sign,
    day_name,
    days,
    money,
    month_abbreviation,
    month_name,
    number,
    percent,
    plural,
    rounded,
    scale_of,
    signed_percent,
    signed_points,
)

_ZERO: Final = Decimal(0)

STATE_LABELS: Final = {
    "new": ("New", "first bought only recently"),
    "active": ("Active", "buying in their usual rhythm"),
    "reactivated": ("Reactivated", "back after a long absence"),
    FADING: ("Fading", "overdue by their own rhythm"),
    "lapsed": ("Lapsed", "away far longer than is usual for them"),
}
OUTCOME_LABELS: Final = {"failed": "failed", "could_not_run": "could not run"}
LAYER_MEANINGS: Final = {
    "landing": "what the sources delivered",
    "staging": "every source in one shape",
    "int_identity": "who is the same customer",
    "int_journey": "orders and contacts in time",
    "customer": "who they are and what they are worth",
    "commerce": "orders, products, coupons",
    "journey": "how the brand and its customers met",
    "kpi": "the figures of this report",
    "quality": "the accounts of all of this",
}
_LAYER_ORDER: Final = tuple(LAYER_MEANINGS)
MONTHS_DRAWN: Final = 13
MONTHS_LISTED: Final = 25
"""One year and two years, each with the month it is compared with."""

SHORTEST_COURSE: Final = 3
"""Fewer months make no course worth drawing."""

_CURRENCY_CODE: Final = re.compile(r"[A-Z]{3}")
OPEN_CHECKS_SHOWN: Final = 15
REJECT_REASONS_SHOWN: Final = 12


@dataclass(frozen=True)
class Comparison:
    """A change against something; `tone` is good, bad or plain."""

    mark: str
    text: str
    against: str
    tone: str


@dataclass(frozen=True)
class Card:
    """One headline figure of the current month."""

    name: str
    label: str
    value: Markup
    comparisons: tuple[Comparison, ...]
    course: Markup | None
    whole_label: str
    whole: Markup


def _average(values: Iterable[Decimal | None]) -> Decimal | None:
    known = [value for value in values if value is not None]
    return sum(known, _ZERO) / len(known) if known else None


def _count(value: int | None) -> str:
    return number(value) if value is not None else NOTHING


def _stale_reason(item: Freshness, given: str | None) -> str:
    if item.refusal_reason or given:
        where = (
            f"delivery of {item.refused_partition} refused"
            if item.refused_partition
            else ("newest delivery refused")
        )
        return f"{where}: {item.refusal_reason or given}"
    if item.state == "missing":
        return "nothing was delivered yet"
    if item.lag_days is not None and item.max_age_hours is not None:
        agreed = days(Decimal(item.max_age_hours) / 24, 0 if item.max_age_hours % 24 == 0 else 1)
        return f"newest data is {days(item.lag_days)} old, agreed are at most {agreed}"
    return item.state


def _net(trade: Trade) -> Decimal:
    return trade.net_amount


def _orders(trade: Trade) -> Decimal:
    return Decimal(trade.orders)


def _customers(trade: Trade) -> Decimal:
    return Decimal(trade.customers)


def _average_order(trade: Trade) -> Decimal | None:
    return trade.average_order


def _discount_share(trade: Trade) -> Decimal | None:
    return trade.discount_share


class Sections:
    """What the template asks for: cards, charts and table rows of one set of figures."""

    def __init__(self, figures: Figures) -> None:
        self._figures = figures
        self._currency = figures.slice.currency if figures.slice else ""
        self.month = sentences.current_month(figures)
        self.shown_months = figures.months[-MONTHS_DRAWN:]
        self.listed_months = figures.months[-MONTHS_LISTED:]

    # Header

    def money(self, amount: Decimal, *, cents: bool = True) -> str:
        return money(amount, self._currency, cents=cents)

    def notice(self) -> str:
        if self._figures.slice is None:
            return ""
        origin = self._figures.slice.data_origin
        return sentences.ORIGIN_NOTICES.get(origin, f"Data of origin \u201c{origin}\u201d.")

    def left_out(self) -> list[str]:
        """Orders of other origins and currencies, each with its own sum."""
        return [
            f"{plural(item.orders, 'order')} of origin {item.data_origin} "
            f"worth {money(item.net_amount, item.currency)} ({item.currency})"
            for item in self._figures.left_out
        ]

    # Headline figures

    def cards(self) -> list[Card]:
        """The headline figures; none before the first order."""
        month = self.month
        if month is None:
            return []

        def whole_money(value: Decimal) -> str:
            return self.money(value, cents=False)

        return [
            self._card(month, "net_sales", "Net sales", _net, whole_money, self.money),
            self._card(month, "orders", "Orders", _orders, number, number),
            self._card(month, "customers", "Customers", _customers, number, number),
            self._card(
                month, "average_order", "Average order", _average_order, self.money, self.money
            ),
            self._card(
                month, "discount_share", "Discount share", _discount_share, percent, percent
            ),
        ]

    def _card(
        self,
        month: Month,
        name: str,
        label: str,
        of: Callable[[Trade], Decimal | None],
        write: Callable[[Decimal], str],
        write_whole: Callable[[Decimal], str],
    ) -> Card:
        now, whole = of(month.trade), of(self._figures.total)
        before = sentences.month_before(self._figures, month)
        year = sentences.year_before(self._figures, month)
        complete = self._figures.averaged_months
        against: list[tuple[Decimal | None, str]] = []
        if month.is_complete:
            if before is not None:
                against.append(
                    (of(before.trade), f"vs. {month_name(before.first_day, year=False)}")
                )
            if year is not None:
                against.append((of(year.trade), f"vs. {month_name(year.first_day)}"))
            if len(complete) > 1:
                against.append((self._average_of(of), "vs. average"))
        course = [
            value
            for value in (of(item.trade) for item in self._drawn_complete())
            if value is not None
        ]
        return Card(
            name=name,
            label=label,
            value=figure(f"{name}.month", now, write(now)) if now is not None else escape(NOTHING),
            comparisons=tuple(
                self._comparison(now, then, text, is_share=of is _discount_share)
                for then, text in against
                if now is not None and then
            ),
            course=charts.sparkline(
                course,
                label=f"{label} by month, from {write(course[0])} to {write(course[-1])}",
            )
            if len(course) >= SHORTEST_COURSE
            else None,
            whole_label="All months" if len(self._figures.months) > 1 else "This month",
            whole=figure(f"{name}.whole", whole, write_whole(whole))
            if whole is not None
            else escape(NOTHING),
        )

    def _average_of(self, of: Callable[[Trade], Decimal | None]) -> Decimal | None:
        """The average month. Ratios are taken of the sums, never averaged."""
        complete = self._figures.averaged_months
        if of in (_average_order, _discount_share):
            return of(
                Trade(
                    orders=sum(item.trade.orders for item in complete),
                    customers=0,
                    gross_amount=sum((item.trade.gross_amount for item in complete), _ZERO),
                    discount_amount=sum((item.trade.discount_amount for item in complete), _ZERO),
                    net_amount=sum((item.trade.net_amount for item in complete), _ZERO),
                )
            )
        return _average(of(item.trade) for item in complete)

    @staticmethod
    def _comparison(now: Decimal, then: Decimal, against: str, *, is_share: bool) -> Comparison:
        """A larger discount share is neither good nor bad: it is shown without judgement."""
        change = now - then if is_share else now / then - 1
        size = rounded(change * 100, 1)
        text = signed_points(change) if is_share else signed_percent(change)
        if size == 0:
            return Comparison("\u25cf", text, against, "plain")
        mark = "\u25b2" if size > 0 else "\u25bc"
        tone = "plain" if is_share else ("good" if size > 0 else "bad")
        return Comparison(mark, text, against, tone)

    # Sales by month

    def _month_columns(
        self, of: Callable[[Trade], Decimal], write: Callable[[Decimal], str]
    ) -> tuple[list[Column], str]:
        """Columns and the word of their unit."""
        months = self.shown_months
        divisor, word, digits = scale_of(max((of(item.trade) for item in months), default=_ZERO))
        return [
            Column(
                label=month_abbreviation(item.first_day),
                value=of(item.trade),
                text=number(of(item.trade) / divisor, digits),
                tooltip=f"{month_name(item.first_day)}: {write(of(item.trade))}"
                + ("" if item.is_complete else " (month covered in part)"),
                is_highlighted=item is self.month,
                is_partial=not item.is_complete,
            )
            for item in months
        ], word

    def net_sales_chart(self) -> Markup:
        columns, _ = self._month_columns(_net, self.money)
        average = sentences.average_net(self._figures)
        return charts.columns(
            columns,
            label="Net sales by month. The table below holds the same figures.",
            reference=Reference(average, "average") if average is not None else None,
        )

    def net_sales_caption(self) -> str:
        largest = max((item.trade.net_amount for item in self.shown_months), default=_ZERO)
        return self._unit(scale_of(largest)[1], currency_sign(self._currency).strip())

    def orders_chart(self) -> Markup:
        columns, _ = self._month_columns(_orders, number)
        return charts.columns(
            columns,
            label="Orders by month. The table below holds the same figures.",
            height=150,
        )

    def orders_caption(self) -> str:
        largest = max((item.trade.orders for item in self.shown_months), default=0)
        return self._unit(scale_of(Decimal(largest))[1], "")

    @staticmethod
    def _unit(word: str, sign: str) -> str:
        unit = " ".join(part for part in (sign, word) if part)
        return f", {unit}" if unit else ""

    def average_caption(self) -> str:
        """What the dashed line is, and which months are drawn where there are more."""
        average = sentences.average_net(self._figures)
        if average is None:
            return ""
        return (
            f"Dashed: average of {sentences.averaged(self._figures)}, "
            f"{self.money(average, cents=False)}."
        )

    def drawn_caption(self) -> str:
        """Says so where the charts do not show all months."""
        if len(self.shown_months) == len(self._figures.months):
            return ""
        return f"The charts show the last {len(self.shown_months)} months."

    def _drawn_complete(self) -> list[Month]:
        return [item for item in self.shown_months if item.is_complete]

    def month_changes(self) -> list[Decimal | None]:
        """Change of net sales on the month before, for each month; None where not comparable."""
        months = self.shown_months
        changes: list[Decimal | None] = []
        for item in months:
            before = self._before(item)
            changes.append(
                sentences.relative_change(item.trade.net_amount, before.trade.net_amount)
                if before is not None
                else None
            )
        return changes

    def _before(self, month: Month) -> Month | None:
        """The month before, where both are complete."""
        if not month.is_complete:
            return None
        wanted = previous_month(month.first_day)
        return next(
            (item for item in self._figures.complete_months if item.first_day == wanted), None
        )

    def changes_chart(self) -> Markup | None:
        known = self.month_changes()
        if sum(change is not None for change in known) < SHORTEST_COURSE - 1:
            return None
        return charts.changes(
            [
                Column(
                    label=month_abbreviation(item.first_day),
                    value=change if change is not None else _ZERO,
                    text=signed_percent(change).rstrip("%") if change is not None else NOTHING,
                    tooltip=(
                        f"{month_name(item.first_day)}: {signed_percent(change)} "
                        "on the month before"
                        if change is not None
                        else f"{month_name(item.first_day)}: no month before to compare with"
                    ),
                    is_highlighted=item is self.month,
                )
                for item, change in zip(self.shown_months, known, strict=True)
            ],
            label="Change of net sales on the month before, in percent.",
        )

    def month_rows(self) -> list[dict[str, object]]:
        rows: list[dict[str, object]] = []
        for item in reversed(self.listed_months):
            trade, before = item.trade, self._before(item)
            key = f"{item.first_day:%Y-%m}"
            year = sentences.year_before(self._figures, item) if item.is_complete else None
            rows.append(
                {
                    "name": month_name(item.first_day),
                    "is_current": item is self.month,
                    "is_partial": not item.is_complete,
                    "net": figure(
                        f"net_sales.{key}", trade.net_amount, self.money(trade.net_amount)
                    ),
                    "net_change": self._change(
                        trade.net_amount, before.trade.net_amount if before else None
                    ),
                    "net_year": self._change(
                        trade.net_amount, year.trade.net_amount if year else None
                    ),
                    "orders": figure(f"orders.{key}", trade.orders, number(trade.orders)),
                    "orders_change": self._change(
                        Decimal(trade.orders), Decimal(before.trade.orders) if before else None
                    ),
                    "customers": figure(
                        f"customers.{key}", trade.customers, number(trade.customers)
                    ),
                    "average_order": self.money(trade.average_order)
                    if trade.average_order is not None
                    else NOTHING,
                    "discount_share": percent(trade.discount_share)
                    if trade.discount_share is not None
                    else NOTHING,
                }
            )
        return rows

    def has_year_before(self) -> bool:
        return any(
            item.is_complete and sentences.year_before(self._figures, item) is not None
            for item in self._figures.months
        )

    @staticmethod
    def _change(now: Decimal, before: Decimal | None) -> Markup:
        change = sentences.relative_change(now, before)
        if change is None:
            return Markup('<span class="plain">{}</span>').format(NOTHING)
        size = rounded(change * 100, 1)
        tone = "plain" if size == 0 else ("good" if size > 0 else "bad")
        return Markup('<span class="{}">{}</span>').format(tone, signed_percent(change))

    # Customers

    def lifecycle_rows(self) -> list[dict[str, object]]:
        states = self._figures.lifecycle
        people = sum(item.customers for item in states)
        worth = sum((item.net_amount for item in states), _ZERO)
        return [
            {
                "state": item.state if item.state in STATE_LABELS else "other",
                "label": STATE_LABELS.get(item.state, (item.state, ""))[0],
                "meaning": STATE_LABELS.get(item.state, (item.state, ""))[1],
                "customers": figure(
                    f"lifecycle.{item.state}.customers", item.customers, number(item.customers)
                ),
                "customer_share": Decimal(item.customers) / people if people else _ZERO,
                "net": figure(
                    f"lifecycle.{item.state}.net", item.net_amount, self.money(item.net_amount)
                ),
                "net_share": item.net_amount / worth if worth > 0 else _ZERO,
            }
            for item in states
        ]

    def lifecycle_bar(self, what: str) -> Markup:
        """One bar of all customers, or of all their net sales, cut by state."""
        states = self._figures.lifecycle
        amounts = [
            Decimal(item.customers) if what == "customers" else max(item.net_amount, _ZERO)
            for item in states
        ]
        whole = sum(amounts, _ZERO)
        noun = "customers" if what == "customers" else "net sales"
        segments = [
            Segment(
                tone=item.state if item.state in STATE_LABELS else "other",
                share=amount / whole,
                text=percent(amount / whole, 0),
                tooltip=f"{STATE_LABELS.get(item.state, (item.state, ''))[0]}: "
                f"{percent(amount / whole)} of {noun}",
            )
            for item, amount in zip(states, amounts, strict=True)
            if amount > 0
        ]
        return charts.whole(
            segments,
            label=f"{noun.capitalize()} by lifecycle state: "
            + ", ".join(segment.tooltip for segment in segments),
        )

    def decile_rows(self) -> list[dict[str, object]]:
        whole = sum((item.net_amount for item in self._figures.deciles), _ZERO)
        rows: list[dict[str, object]] = []
        cumulative = _ZERO
        for item in self._figures.deciles:
            cumulative += item.net_amount
            share = item.net_amount / whole if whole > 0 else _ZERO
            rows.append(
                {
                    "decile": item.decile,
                    "name": self.decile_name(item.decile),
                    "customers": figure(
                        f"decile.{item.decile}.customers", item.customers, number(item.customers)
                    ),
                    "net": figure(
                        f"decile.{item.decile}.net", item.net_amount, self.money(item.net_amount)
                    ),
                    "share": figure(
                        f"decile.{item.decile}.share", rounded(share, 6), percent(share)
                    ),
                    "cumulative": figure(
                        f"decile.{item.decile}.cumulative",
                        rounded(cumulative / whole, 6) if whole > 0 else _ZERO,
                        percent(cumulative / whole if whole > 0 else _ZERO),
                    ),
                    "each": self.money(item.net_amount / item.customers)
                    if item.customers
                    else NOTHING,
                }
            )
        return rows

    @staticmethod
    def decile_name(decile: int) -> str:
        return {1: "1 (best)", 10: "10"}.get(decile, str(decile))

    def decile_chart(self) -> Markup:
        whole = sum((item.net_amount for item in self._figures.deciles), _ZERO)
        cumulative = _ZERO
        columns = []
        for item in self._figures.deciles:
            cumulative += item.net_amount
            share = item.net_amount / whole
            columns.append(
                Column(
                    label=str(item.decile),
                    value=share,
                    text=number(share * 100, 1),
                    tooltip=f"Decile {item.decile}: {percent(share)} of net sales, "
                    f"{percent(cumulative / whole)} together with those before it",
                    is_highlighted=item.decile == 1,
                    part=cumulative / whole,
                )
            )
        return charts.accumulation(
            columns,
            label="Share of net sales by customer decile and its running sum, in percent. "
            "The table holds the same figures.",
        )

    def fading_rows(self) -> list[dict[str, object]]:
        largest = max((item.fading_amount for item in self._figures.deciles), default=_ZERO)

        def row(item: Decile) -> dict[str, object]:
            share = Decimal(item.fading_customers) / item.customers if item.customers else _ZERO
            return {
                "decile": item.decile,
                "name": self.decile_name(item.decile),
                "customers": figure(
                    f"fading.{item.decile}.customers",
                    item.fading_customers,
                    number(item.fading_customers),
                ),
                "share": percent(share),
                "net": figure(
                    f"fading.{item.decile}.net",
                    item.fading_amount,
                    self.money(item.fading_amount),
                ),
                "bar": charts.bar(
                    item.fading_amount / largest if largest > 0 else _ZERO, tone=FADING
                ),
            }

        return [row(item) for item in self._figures.deciles]

    def fading_total(self) -> tuple[int, Decimal]:
        items = self._figures.deciles
        return (
            sum(item.fading_customers for item in items),
            sum((item.fading_amount for item in items), _ZERO),
        )

    def customer_rows(self) -> list[dict[str, object]]:
        """Keys are shortened: enough to find a customer again, too little to pass around."""
        return [
            {
                "key": item.customer_key[:8],
                "decile": item.decile,
                "net": self.money(item.net_amount),
                "orders": number(item.orders),
                "since": number(item.days_since_last_order),
                "usual": number(item.usual_gap_days, 1).removesuffix(".0")
                if item.usual_gap_days is not None
                else NOTHING,
                "allowed": number(item.allowed_gap_days) + ("" if item.has_own_cadence else "*"),
            }
            for item in self._figures.fading
        ]

    # Baskets and campaigns

    def pair_rows(self) -> list[dict[str, object]]:
        largest = max((item.lift for item in self._figures.pairs), default=_ZERO)
        return [
            {
                "antecedent": category_name(item.antecedent),
                "consequent": category_name(item.consequent),
                "lift": number(item.lift, 1),
                "bar": charts.bar(item.lift / largest if largest > 0 else _ZERO),
                "confidence": percent(item.confidence),
                "orders": number(item.orders),
                "support": percent(item.support, 2),
            }
            for item in self._figures.pairs
        ]

    def campaign_rows(self) -> list[dict[str, object]]:
        rates = [item.response_rate or _ZERO for item in self._figures.campaigns]
        largest = max(rates, default=_ZERO)
        return [
            {
                "kind": item.campaign_type,
                "campaigns": number(item.campaigns),
                "contacts": figure(
                    f"campaign.{item.campaign_type}.contacts", item.contacts, number(item.contacts)
                ),
                "responders": figure(
                    f"campaign.{item.campaign_type}.responders",
                    item.responders,
                    number(item.responders),
                ),
                "rate": figure(
                    f"campaign.{item.campaign_type}.rate",
                    rounded(item.response_rate, 6),
                    percent(item.response_rate),
                )
                if item.response_rate is not None
                else NOTHING,
                "redemptions": figure(
                    f"campaign.{item.campaign_type}.redemptions",
                    item.redemptions,
                    number(item.redemptions),
                ),
                "bar": charts.bar(rate / largest if largest > 0 else _ZERO),
            }
            for item, rate in zip(self._figures.campaigns, rates, strict=True)
        ]

    def campaign_total(self) -> dict[str, str]:
        items = self._figures.campaigns
        contacts, responders = (
            sum(item.contacts for item in items),
            sum(item.responders for item in items),
        )
        return {
            "campaigns": number(sum(item.campaigns for item in items)),
            "contacts": number(contacts),
            "responders": number(responders),
            "rate": percent(Decimal(responders) / contacts) if contacts else NOTHING,
            "redemptions": number(sum(item.redemptions for item in items)),
        }

    def redemption_chart(self) -> Markup:
        return charts.columns(
            [
                Column(
                    label=month_abbreviation(item.first_day),
                    value=Decimal(item.redemptions),
                    text=number(item.redemptions),
                    tooltip=f"{month_name(item.first_day)}: {plural(item.redemptions, 'redemption')}, "
                    f"{number(item.matched)} tied to a line",
                    part=Decimal(item.matched),
                )
                for item in self._figures.redemptions[-MONTHS_DRAWN:]
            ],
            label="Coupon redemptions by month, and those tied to a discounted line: "
            + ", ".join(
                f"{month_name(item.first_day)} {item.redemptions} of which {item.matched} tied"
                for item in self._figures.redemptions[-MONTHS_DRAWN:]
            ),
            height=170,
        )

    def answers(self) -> list[dict[str, object]]:
        """The state of the data in four short answers; open ones are marked."""
        quality = self._figures.quality
        total = sum(layer.total for layer in quality.layers)
        passed = sum(layer.passed for layer in quality.layers)
        stale = sum(item.is_stale for item in quality.freshness)
        rejected = sum(item.rows for item in quality.rejected)
        answers: list[dict[str, object]] = [
            {
                "value": figure("checks.passed", passed, f"{number(passed)} of {number(total)}")
                if total
                else "No",
                "text": "checks passed" if total else "check is recorded",
                "is_open": total == 0 or passed < total,
            }
        ]
        check = self._figures.money_check
        if check is not None:
            answers.append(
                {
                    "value": self.money(check.largest_difference),
                    "text": "difference in net sales",
                    "is_open": check.largest_difference != 0,
                }
            )
        answers.append(
            {
                "value": figure("freshness.stale", stale, number(stale)),
                "text": f"of {plural(len(quality.freshness), 'delivery', 'deliveries')} stale",
                "is_open": stale > 0 or not quality.freshness,
            }
        )
        answers.append(
            {"value": number(rejected), "text": "rows set aside", "is_open": rejected > 0}
        )
        return answers

    def has_borrowed_cadence(self) -> bool:
        return any(not item.has_own_cadence for item in self._figures.fading)

    # Quality

    @staticmethod
    def moment(at: datetime) -> str:
        """A moment for the footer, in UTC; a report is read in many zones."""
        utc = at.astimezone(UTC)
        return f"{day_name(utc.date())}, {utc:%H:%M} UTC"

    @staticmethod
    def check_name(check: OpenCheck) -> str:
        """Which check, on which expectation and column."""
        inner = " ".join(part for part in (check.expectation, check.column_name) if part)
        return f"{check.check_name}: {inner}" if inner else check.check_name

    def delivery_rows(self, edition: Edition) -> list[dict[str, object]]:
        """What each source delivered and how fresh it is; stale ones first, with the reason.

        The mart knows ages and refusals; the manifest may name a reason it lacks.
        """
        named = {(item.source_key, item.entity): item.reason for item in edition.stale}
        rows: list[dict[str, object]] = []
        for item in self._figures.quality.freshness:
            given = named.pop((item.source_key, item.entity), None)
            is_stale = item.is_stale or given is not None
            rows.append(
                {
                    "name": f"{item.source_key} / {item.entity}",
                    "newest": day_name(item.newest_date) if item.newest_date else NOTHING,
                    # What is delivered whole has no day of data but that of its delivery.
                    "is_whole": item.newest_date is not None and not item.is_partitioned,
                    "delivered": _count(item.delivered_rows),
                    "quarantined": _count(item.quarantined_rows),
                    "is_stale": is_stale,
                    "state": "missing"
                    if item.state == "missing"
                    else ("stale" if is_stale else "fresh"),
                    "reason": _stale_reason(item, given) if is_stale else "",
                }
            )
        rows.extend(
            {
                "name": f"{source} / {entity}",
                "newest": NOTHING,
                "is_whole": False,
                "delivered": NOTHING,
                "quarantined": NOTHING,
                "is_stale": True,
                "state": "stale",
                "reason": reason,
            }
            for (source, entity), reason in named.items()
        )
        rows.sort(key=lambda row: not row["is_stale"])
        return rows

    def account_rows(self) -> Sequence[OpenAccount]:
        return self._figures.quality.open_accounts[:OPEN_CHECKS_SHOWN]

    def more_open_accounts(self) -> int:
        return max(len(self._figures.quality.open_accounts) - OPEN_CHECKS_SHOWN, 0)

    @staticmethod
    def account_amount(item: OpenAccount, amount: Decimal) -> str:
        """An amount of an account in its own unit: a currency, or a count of something."""
        is_money = _CURRENCY_CODE.fullmatch(item.unit) is not None
        return money(amount, item.unit) if is_money else number(amount)

    def layer_rows(self) -> Sequence[CheckLayer]:
        layers = self._figures.quality.layers

        def place(name: str) -> int:
            return _LAYER_ORDER.index(name) if name in _LAYER_ORDER else len(_LAYER_ORDER)

        return sorted(layers, key=lambda item: (place(item.layer), item.layer))

    def open_checks(self) -> Sequence[OpenCheck]:
        return self._figures.quality.open_checks[:OPEN_CHECKS_SHOWN]

    def more_open_checks(self) -> int:
        return max(len(self._figures.quality.open_checks) - OPEN_CHECKS_SHOWN, 0)

    def rejected(self) -> Sequence[Rejected]:
        return self._figures.quality.rejected[:REJECT_REASONS_SHOWN]

    def more_rejected(self) -> int:
        return max(len(self._figures.quality.rejected) - REJECT_REASONS_SHOWN, 0)
