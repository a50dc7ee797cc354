"""Every figure of the report, read from the published marts.

All SQL of the report stands here and names only published schemas. A report shows one
data origin and one currency: rows of another origin are never mixed in, and amounts of
another currency are never added; what was left out is counted and named. Shares are
computed from exact sums, never averaged. Formatting belongs to `numbers`.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

import duckdb

MONTHS_OF_AVERAGE: Final = 12
TOP_CUSTOMERS: Final = 12
TOP_PAIRS: Final = 12
FADING: Final = "at_risk"
LIFECYCLE_ORDER: Final = ("new", "active", "reactivated", FADING, "lapsed")
_ORIGIN_ORDER: Final = ("live", "panel", "mixed", "synthetic")
_ZERO: Final = Decimal(0)


class ReportError(RuntimeError):
    """The report cannot be made; the message names the mart and the next action."""


@dataclass(frozen=True)
class Slice:
    """The one data origin and the one currency a report speaks about."""

    data_origin: str
    currency: str


@dataclass(frozen=True)
class LeftOut:
    """Published orders this report does not speak about."""

    data_origin: str
    currency: str
    orders: int
    net_amount: Decimal


@dataclass(frozen=True)
class Trade:
    """Orders of a period and their money."""

    orders: int
    customers: int
    gross_amount: Decimal
    discount_amount: Decimal
    net_amount: Decimal

    @property
    def average_order(self) -> Decimal | None:
        return self.net_amount / self.orders if self.orders else None

    @property
    def discount_share(self) -> Decimal | None:
        """Retailer-funded discounts as a share of gross sales."""
        return self.discount_amount / self.gross_amount if self.gross_amount else None


@dataclass(frozen=True)
class Month:
    """One calendar month of business dates."""

    first_day: date
    trade: Trade
    is_complete: bool
    """Whether the data covers the month from its first to its last day."""


@dataclass(frozen=True)
class LifecycleState:
    """The customers in one state and what they bought so far."""

    state: str
    customers: int
    net_amount: Decimal


@dataclass(frozen=True)
class Decile:
    """A tenth of the customers by net sales; 1 is the tenth that bought most."""

    decile: int
    customers: int
    net_amount: Decimal
    fading_customers: int
    fading_amount: Decimal


@dataclass(frozen=True)
class FadingCustomer:
    """A customer who is overdue by their own rhythm, under a pseudonym."""

    customer_key: str
    decile: int
    net_amount: Decimal
    orders: int
    days_since_last_order: int
    usual_gap_days: Decimal | None
    """The median of the customer's own gaps; None after a single purchase day."""

    allowed_gap_days: int
    """The gap after which the customer counts as overdue."""

    has_own_cadence: bool
    """False where too few purchases make the allowed gap a general one."""


@dataclass(frozen=True)
class Pair:
    """Two categories bought in one order, read in the direction of higher confidence."""

    antecedent: str
    consequent: str
    orders: int
    support: Decimal
    confidence: Decimal
    lift: Decimal


@dataclass(frozen=True)
class PairFloor:
    """The rarest pair the mart keeps, and the orders its shares are taken of."""

    orders: int
    support: Decimal
    of_orders: int
    pairs: int


@dataclass(frozen=True)
class CampaignType:
    """What became of the contacts of all campaigns of one type."""

    campaign_type: str
    campaigns: int
    contacts: int
    responders: int
    redemptions: int

    @property
    def response_rate(self) -> Decimal | None:
        return Decimal(self.responders) / self.contacts if self.contacts else None


@dataclass(frozen=True)
class RedemptionMonth:
    """Coupons redeemed in one calendar month of business dates."""

    first_day: date
    redemptions: int
    matched: int


@dataclass(frozen=True)
class CheckLayer:
    """How the checks of one step of the flow answered last."""

    layer: str
    passed: int
    failed: int
    could_not_run: int

    @property
    def total(self) -> int:
        return self.passed + self.failed + self.could_not_run


@dataclass(frozen=True)
class OpenCheck:
    """A check that did not pass: what, where, how much; never a value."""

    outcome: str
    severity: str
    asset: str
    check_name: str
    expectation: str
    column_name: str
    evaluated_rows: int | None
    unexpected_rows: int | None


@dataclass(frozen=True)
class Accounts:
    """How many accounts of one kind close; what a step received against what became of it."""

    scope: str
    total: int
    balanced: int


@dataclass(frozen=True)
class OpenAccount:
    """An account that does not close, in its own unit."""

    scope: str
    entity: str
    contract: str
    measure: str
    unit: str
    left: Decimal
    right: Decimal
    difference: Decimal
    unbalanced_batches: int


@dataclass(frozen=True)
class Freshness:
    """How old the served state of one source entity is, judged at the data's own date."""

    source_key: str
    entity: str
    state: str
    """fresh, stale or missing."""

    is_partitioned: bool
    newest_date: date | None
    """Newest business date; of what is delivered whole, the day of its last delivery."""

    lag_days: int | None
    max_age_hours: int | None
    open_refusals: int
    refused_partition: str | None
    refusal_reason: str | None
    delivered_rows: int | None
    quarantined_rows: int | None

    @property
    def is_stale(self) -> bool:
        return self.state != "fresh"


@dataclass(frozen=True)
class Rejected:
    """Rows kept out of landing for one reason; a refused delivery may count 0 readable rows."""

    source_key: str
    entity: str
    reason: str
    rows: int
    batches: int


@dataclass(frozen=True)
class MoneyCheck:
    """The same net sales, summed at the source and along independent ways in the marts."""

    orders_amount: Decimal
    lines_amount: Decimal
    daily_amount: Decimal | None
    source_amount: Decimal | None
    """What landing is bound to serve, as `dq_reconciliation` counted it."""

    @property
    def differences(self) -> tuple[Decimal, ...]:
        ways = (self.source_amount, self.lines_amount, self.daily_amount)
        return tuple(self.orders_amount - way for way in ways if way is not None)

    @property
    def largest_difference(self) -> Decimal:
        return max(self.differences, key=abs, default=_ZERO)


@dataclass(frozen=True)
class Quality:
    """What was checked, delivered, refused and set aside; about every source."""

    layers: tuple[CheckLayer, ...]
    open_checks: tuple[OpenCheck, ...]
    accounts: tuple[Accounts, ...]
    open_accounts: tuple[OpenAccount, ...]
    freshness: tuple[Freshness, ...]
    rejected: tuple[Rejected, ...]


@dataclass(frozen=True)
class Figures:
    """All the report says, in exact numbers; tuples are empty where a mart is empty."""

    slice: Slice | None
    """None when no order is published."""

    as_of: date | None
    left_out: tuple[LeftOut, ...]
    quality: Quality
    total: Trade = Trade(0, 0, _ZERO, _ZERO, _ZERO)
    months: tuple[Month, ...] = ()
    lifecycle: tuple[LifecycleState, ...] = ()
    deciles: tuple[Decile, ...] = ()
    fading: tuple[FadingCustomer, ...] = ()
    pairs: tuple[Pair, ...] = ()
    pair_floor: PairFloor | None = None
    campaigns: tuple[CampaignType, ...] = ()
    redemptions: tuple[RedemptionMonth, ...] = ()
    money_check: MoneyCheck | None = None

    @property
    def complete_months(self) -> tuple[Month, ...]:
        return tuple(month for month in self.months if month.is_complete)

    @property
    def averaged_months(self) -> tuple[Month, ...]:
        """The complete months an average month is made of: one year, so no season weighs more."""
        return self.complete_months[-MONTHS_OF_AVERAGE:]

    @property
    def has_value(self) -> bool:
        """Whether customers can be ranked: someone bought for more than nothing."""
        return sum((decile.net_amount for decile in self.deciles), _ZERO) > 0


def month_start(day: date) -> date:
    """The first day of the month of `day`."""
    return day.replace(day=1)


def next_month(day: date) -> date:
    """The first day of the month after."""
    return month_start(month_start(day) + timedelta(days=32))


def previous_month(day: date) -> date:
    """The first day of the month before."""
    return month_start(month_start(day) - timedelta(days=1))


def read_figures(
    connection: duckdb.DuckDBPyConnection, *, as_of: date | None, data_origin: str | None = None
) -> Figures:
    """Read all figures of one data origin; the most real one by default.

    Raises ReportError when a mart or a column is missing, or when `data_origin` is asked
    for but has no orders.
    """
    orders = _read_slices(connection)
    chosen = _choose(orders, data_origin)
    as_of = as_of or _data_as_of(connection)
    quality = Quality(
        layers=_read_layers(connection),
        open_checks=_read_open_checks(connection),
        accounts=_read_accounts(connection),
        open_accounts=_read_open_accounts(connection),
        freshness=_read_freshness(connection),
        rejected=_read_rejected(connection),
    )
    if chosen is None:
        return Figures(slice=None, as_of=as_of, left_out=(), quality=quality)
    return Figures(
        slice=chosen,
        as_of=as_of,
        left_out=tuple(
            item
            for item in orders
            if (item.data_origin, item.currency) != (chosen.data_origin, chosen.currency)
        ),
        quality=quality,
        total=_read_total(connection, chosen),
        months=_read_months(connection, chosen, as_of),
        lifecycle=_read_lifecycle(connection, chosen),
        deciles=_read_deciles(connection, chosen),
        fading=_read_fading(connection, chosen),
        pairs=_read_pairs(connection, chosen),
        pair_floor=_read_pair_floor(connection, chosen),
        campaigns=_read_campaigns(connection, chosen),
        redemptions=_read_redemptions(connection, chosen),
        money_check=_read_money_check(connection, chosen),
    )


def _rows(
    connection: duckdb.DuckDBPyConnection, sql: str, *parameters: object
) -> list[tuple[Any, ...]]:
    try:
        return connection.execute(sql, list(parameters)).fetchall()
    except (duckdb.CatalogException, duckdb.BinderException) as error:
        raise ReportError(
            f"the published version lacks what the report reads: {str(error).splitlines()[0]}; "
            "nothing was written; publish a complete version with `shopthread run`, then run "
            "`shopthread report` again"
        ) from error


def _exact(value: object) -> Decimal:
    """A count or amount as Decimal; doubles go through their shortest text, never binary."""
    return value if isinstance(value, Decimal) else Decimal(str(value if value is not None else 0))


def _maybe(value: object) -> Decimal | None:
    return None if value is None else _exact(value)


def _read_slices(connection: duckdb.DuckDBPyConnection) -> tuple[LeftOut, ...]:
    return tuple(
        LeftOut(origin, currency, orders, _exact(net))
        for origin, currency, orders, net in _rows(
            connection,
            """
            select data_origin, currency, count(*), sum(net_amount)
            from commerce.fct_orders
            group by data_origin, currency
            order by data_origin, currency
            """,
        )
    )


def _choose(slices: tuple[LeftOut, ...], data_origin: str | None) -> Slice | None:
    """The most real origin, and in it the currency of most orders."""
    wanted = [item for item in slices if data_origin in (None, item.data_origin)]
    if not wanted:
        if data_origin is None:
            return None
        known = ", ".join(sorted({item.data_origin for item in slices})) or "none"
        raise ReportError(
            f"no order of data origin {data_origin!r} is published (published: {known}); "
            "nothing was written; ask for one of those"
        )

    def rank(item: LeftOut) -> tuple[int, int, str]:
        known = item.data_origin in _ORIGIN_ORDER
        place = _ORIGIN_ORDER.index(item.data_origin) if known else len(_ORIGIN_ORDER)
        return place, -item.orders, item.currency

    best = min(wanted, key=rank)
    return Slice(best.data_origin, best.currency)


def _data_as_of(connection: duckdb.DuckDBPyConnection) -> date | None:
    newest: date | None = _rows(connection, "select max(data_as_of) from quality.catalog")[0][0]
    return newest


_TRADE = """
    count(*),
    count(distinct customer_key),
    coalesce(sum(gross_amount), 0),
    coalesce(sum(retailer_discount_amount), 0),
    coalesce(sum(net_amount), 0)
"""


def _trade(row: tuple[Any, ...]) -> Trade:
    orders, customers, gross, discount, net = row
    return Trade(orders, customers, _exact(gross), _exact(discount), _exact(net))


def _read_total(connection: duckdb.DuckDBPyConnection, chosen: Slice) -> Trade:
    rows = _rows(
        connection,
        f"select {_TRADE} from commerce.fct_orders where data_origin = ? and currency = ?",
        chosen.data_origin,
        chosen.currency,
    )
    return _trade(rows[0])


def _read_months(
    connection: duckdb.DuckDBPyConnection, chosen: Slice, as_of: date | None
) -> tuple[Month, ...]:
    """All months from the first order to the last day known, also those without an order."""
    rows = _rows(
        connection,
        f"""
        select cast(date_trunc('month', business_date) as date), min(business_date),
            max(business_date), {_TRADE}
        from commerce.fct_orders
        where data_origin = ? and currency = ?
        group by 1
        order by 1
        """,
        chosen.data_origin,
        chosen.currency,
    )
    if not rows:
        return ()
    read = {row[0]: _trade(row[3:]) for row in rows}
    first_day, last_day = rows[0][1], as_of or rows[-1][2]
    months: list[Month] = []
    start = month_start(first_day)
    while start <= max(last_day, rows[-1][0]):
        is_complete = start >= first_day and next_month(start) - timedelta(days=1) <= last_day
        months.append(Month(start, read.get(start, Trade(0, 0, _ZERO, _ZERO, _ZERO)), is_complete))
        start = next_month(start)
    return tuple(months)


def _read_lifecycle(
    connection: duckdb.DuckDBPyConnection, chosen: Slice
) -> tuple[LifecycleState, ...]:
    rows = _rows(
        connection,
        """
        select lifecycle_state, count(*), sum(net_amount)
        from customer.mart_customer_lifecycle
        where data_origin = ? and currency = ?
        group by lifecycle_state
        """,
        chosen.data_origin,
        chosen.currency,
    )
    states = [LifecycleState(state, count, _exact(net)) for state, count, net in rows]

    def place(item: LifecycleState) -> tuple[int, str]:
        known = item.state in LIFECYCLE_ORDER
        return (LIFECYCLE_ORDER.index(item.state) if known else len(LIFECYCLE_ORDER)), item.state

    return tuple(sorted(states, key=place))


def _read_deciles(connection: duckdb.DuckDBPyConnection, chosen: Slice) -> tuple[Decile, ...]:
    return tuple(
        Decile(decile, customers, _exact(net), fading, _exact(fading_net))
        for decile, customers, net, fading, fading_net in _rows(
            connection,
            """
            select
                worth.value_decile,
                count(*),
                sum(worth.net_amount),
                count(*) filter (where lifecycle.lifecycle_state = ?),
                coalesce(sum(worth.net_amount) filter (where lifecycle.lifecycle_state = ?), 0)
            from customer.mart_customer_value as worth
            left join customer.mart_customer_lifecycle as lifecycle
                on lifecycle.customer_key = worth.customer_key
                and lifecycle.data_origin = worth.data_origin
                and lifecycle.currency = worth.currency
            where worth.data_origin = ? and worth.currency = ?
            group by worth.value_decile
            order by worth.value_decile
            """,
            FADING,
            FADING,
            chosen.data_origin,
            chosen.currency,
        )
    )


def _read_fading(
    connection: duckdb.DuckDBPyConnection, chosen: Slice
) -> tuple[FadingCustomer, ...]:
    return tuple(
        FadingCustomer(key, decile, _exact(net), orders, since, _maybe(usual), allowed, own)
        for key, decile, net, orders, since, usual, allowed, own in _rows(
            connection,
            """
            select
                worth.customer_key,
                worth.value_decile,
                worth.net_amount,
                worth.order_count,
                lifecycle.days_since_last_order,
                lifecycle.median_gap_days,
                lifecycle.allowed_gap_days,
                lifecycle.has_own_cadence
            from customer.mart_customer_lifecycle as lifecycle
            inner join customer.mart_customer_value as worth
                on worth.customer_key = lifecycle.customer_key
                and worth.data_origin = lifecycle.data_origin
                and worth.currency = lifecycle.currency
            where
                lifecycle.data_origin = ?
                and lifecycle.currency = ?
                and lifecycle.lifecycle_state = ?
            order by worth.net_amount desc, worth.customer_key
            limit ?
            """,
            chosen.data_origin,
            chosen.currency,
            FADING,
            TOP_CUSTOMERS,
        )
    )


def _read_pairs(connection: duckdb.DuckDBPyConnection, chosen: Slice) -> tuple[Pair, ...]:
    """Each pair once, in the direction whose confidence is higher."""
    return tuple(
        Pair(one, other, orders, _exact(support), _exact(confidence), _exact(lift))
        for one, other, orders, support, confidence, lift in _rows(
            connection,
            """
            select
                antecedent_category,
                consequent_category,
                order_count_both,
                support,
                confidence,
                lift
            from commerce.mart_basket_affinity
            where data_origin = ?
            qualify
                row_number() over (
                    partition by
                        least(antecedent_category, consequent_category),
                        greatest(antecedent_category, consequent_category)
                    order by confidence desc, antecedent_category
                )
                = 1
            order by lift desc, antecedent_category, consequent_category
            limit ?
            """,
            chosen.data_origin,
            TOP_PAIRS,
        )
    )


def _read_pair_floor(connection: duckdb.DuckDBPyConnection, chosen: Slice) -> PairFloor | None:
    orders, support, of_orders, directions = _rows(
        connection,
        """
        select min(order_count_both), min(support), max(order_count), count(*)
        from commerce.mart_basket_affinity
        where data_origin = ?
        """,
        chosen.data_origin,
    )[0]
    return PairFloor(orders, _exact(support), of_orders, directions // 2) if directions else None


def _read_campaigns(
    connection: duckdb.DuckDBPyConnection, chosen: Slice
) -> tuple[CampaignType, ...]:
    return tuple(
        CampaignType(*row)
        for row in _rows(
            connection,
            """
            select
                campaign_type, campaign_count, contact_count, responder_count, redemption_count
            from kpi.kpi_campaign
            where data_origin = ?
            order by campaign_type
            """,
            chosen.data_origin,
        )
    )


def _read_redemptions(
    connection: duckdb.DuckDBPyConnection, chosen: Slice
) -> tuple[RedemptionMonth, ...]:
    """Redemptions by month of the business date, from the first to the last month with one."""
    rows = _rows(
        connection,
        """
        select
            cast(date_trunc('month', business_date) as date),
            count(*),
            count(*) filter (where is_matched_to_line)
        from commerce.fct_coupon_events
        where data_origin = ? and event_type = 'redeemed'
        group by 1
        order by 1
        """,
        chosen.data_origin,
    )
    if not rows:
        return ()
    read = {day: (count, matched) for day, count, matched in rows}
    months: list[RedemptionMonth] = []
    start = rows[0][0]
    while start <= rows[-1][0]:
        months.append(RedemptionMonth(start, *read.get(start, (0, 0))))
        start = next_month(start)
    return tuple(months)


def _read_money_check(connection: duckdb.DuckDBPyConnection, chosen: Slice) -> MoneyCheck:
    parameters = (chosen.data_origin, chosen.currency)
    net = "select coalesce(sum(net_amount), 0) from {} where data_origin = ? and currency = ?"
    return MoneyCheck(
        orders_amount=_exact(
            _rows(connection, net.format("commerce.fct_orders"), *parameters)[0][0]
        ),
        lines_amount=_exact(
            _rows(connection, net.format("commerce.fct_order_lines"), *parameters)[0][0]
        ),
        daily_amount=_maybe(
            _rows(
                connection,
                """
                select sum(numerator)
                from kpi.kpi_daily
                where kpi_key = 'net_sales' and data_origin = ? and currency = ?
                """,
                *parameters,
            )[0][0]
        ),
        source_amount=_maybe(
            _rows(
                connection,
                """
                select sum(left_value)
                from quality.dq_reconciliation
                where
                    scope = 'landing_to_mart'
                    and contract = 'fct_orders'
                    and measure = 'net_amount'
                    and data_origin = ?
                    and unit = ?
                """,
                *parameters,
            )[0][0]
        ),
    )


def _read_layers(connection: duckdb.DuckDBPyConnection) -> tuple[CheckLayer, ...]:
    return tuple(
        CheckLayer(*row)
        for row in _rows(
            connection,
            """
            with asked as (
                select
                    -- The step whose table was asked, whoever asked it: a fact's dbt tests and
                    -- its suite count together. Adapters and seeds are staging's own.
                    case
                        when split_part(asset, '/', 1) in ('adapters', 'reference') then 'staging'
                        else split_part(asset, '/', 1)
                    end as step,
                    outcome
                from quality.dq_results
            )
            select
                step,
                count(*) filter (where outcome = 'passed'),
                count(*) filter (where outcome = 'failed'),
                count(*) filter (where outcome not in ('passed', 'failed'))
            from asked
            group by step
            order by step
            """,
        )
    )


def _read_open_checks(connection: duckdb.DuckDBPyConnection) -> tuple[OpenCheck, ...]:
    return tuple(
        OpenCheck(*row)
        for row in _rows(
            connection,
            """
            select
                outcome,
                severity,
                asset,
                check_name,
                coalesce(expectation, ''),
                coalesce(column_name, ''),
                evaluated_rows,
                unexpected_rows
            from quality.dq_results
            where outcome <> 'passed'
            order by
                case severity when 'critical' then 1 when 'warning' then 2 else 3 end,
                asset,
                check_name,
                expectation,
                column_name
            """,
        )
    )


def _read_accounts(connection: duckdb.DuckDBPyConnection) -> tuple[Accounts, ...]:
    return tuple(
        Accounts(*row)
        for row in _rows(
            connection,
            """
            select scope, count(*), count(*) filter (where is_balanced)
            from quality.dq_reconciliation
            group by scope
            order by scope
            """,
        )
    )


def _read_open_accounts(connection: duckdb.DuckDBPyConnection) -> tuple[OpenAccount, ...]:
    return tuple(
        OpenAccount(*row)
        for row in _rows(
            connection,
            """
            select
                scope,
                entity,
                contract,
                measure,
                unit,
                left_value,
                right_value,
                difference,
                coalesce(unbalanced_batch_count, 0)
            from quality.dq_reconciliation
            where is_balanced is distinct from true
            order by abs(difference) desc, scope, entity, contract, measure, unit
            """,
        )
    )


def _read_freshness(connection: duckdb.DuckDBPyConnection) -> tuple[Freshness, ...]:
    return tuple(
        Freshness(*row)
        for row in _rows(
            connection,
            """
            select
                freshness.source_key,
                freshness.entity,
                freshness.freshness_state,
                freshness.is_partitioned,
                freshness.newest_date,
                freshness.lag_days,
                freshness.max_age_hours,
                freshness.open_refusal_count,
                freshness.refused_partition,
                freshness.refusal_reason,
                cast(account.physical_value as bigint),
                cast(account.quarantined_value as bigint)
            from quality.dq_freshness as freshness
            left join quality.dq_reconciliation as account
                on account.scope = 'batch'
                and account.source_key = freshness.source_key
                and account.entity = freshness.entity
            order by freshness.freshness_state = 'fresh', freshness.source_key, freshness.entity
            """,
        )
    )


def _read_rejected(connection: duckdb.DuckDBPyConnection) -> tuple[Rejected, ...]:
    return tuple(
        Rejected(*row)
        for row in _rows(
            connection,
            """
            select
                source_key,
                entity,
                reason_code,
                cast(sum(rows) as bigint),
                count(distinct batch_id)
            from quality.dq_rejects
            group by source_key, entity, reason_code
            order by sum(rows) desc, source_key, entity, reason_code
            """,
        )
    )
