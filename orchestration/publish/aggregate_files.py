"""Write `aggregate/`: KPI marts without the rows that are built from few people.

The only part of a version that is safe for everyone. Which mart goes there, and how the
people behind each of its rows are counted, is data: one `AggregateRule` per mart. A KPI
mart without a rule is left out, never published by default.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from orchestration.publish.errors import PublishError, cause, reason
from orchestration.publish.hashes import hash_relation
from orchestration.publish.manifest import AggregateEntry, AggregateSummary
from orchestration.publish.parquet_files import export
from orchestration.publish.quoting import identifier

AGGREGATE_DIR = "aggregate"
AGGREGATE_SCHEMA = "kpi"
FEWEST_PEOPLE = 10

_LARGE = "aggregated_rows"


@dataclass(frozen=True)
class AggregateRule:
    """How the people behind each row of one mart are counted.

    `people` is a query with the columns `key` and `people` over the published marts; a row
    without a match counts as built from nobody. None says that the mart describes no people.
    """

    mart: str
    sentence: str
    key: tuple[str, ...] = ()
    people: str | None = None


RULES = (
    AggregateRule(
        mart="kpi.dim_kpi",
        sentence="A dictionary of definitions: it describes no people and is whole.",
    ),
    AggregateRule(
        mart="kpi.kpi_daily",
        sentence=(
            "A row needs at least {fewest} different known customers on its day, channel and "
            "data origin: customers who ordered, and for coupon KPIs customers who redeemed."
        ),
        key=("kpi_key", "date", "channel_key", "data_origin"),
        people="""
            with behind as (
                select 'fct_orders' as fact, business_date, channel_key, data_origin, customer_key
                from commerce.fct_orders
                union all
                select 'fct_coupon_events', business_date, channel_key, data_origin, customer_key
                from journey.fct_touchpoints
                where touchpoint_type = 'coupon_redeemed'
            )
            select
                kpi.kpi_key,
                behind.business_date as date,
                behind.channel_key,
                behind.data_origin,
                count(distinct behind.customer_key) as people
            from behind
            inner join kpi.dim_kpi as kpi on kpi.fact = behind.fact
            group by all
        """,
    ),
    AggregateRule(
        mart="kpi.kpi_campaign",
        sentence=(
            "A row needs at least {fewest} different households that were contacted and at "
            "least {fewest} that redeemed, counted over all campaigns of the type."
        ),
        key=("campaign_type", "data_origin"),
        people="""
            with contacted as (
                select campaign_key, customer_key
                from journey.fct_touchpoints
                where touchpoint_type = 'mail_in_home'
            ),
            behind as (
                select campaign_key, customer_key as contacted, null as responded from contacted
                union all
                select campaign_key, null, customer_key
                from commerce.fct_coupon_events
                where event_type = 'redeemed'
            )
            select
                campaign.campaign_type,
                campaign.data_origin,
                least(count(distinct contacted), count(distinct responded)) as people
            from behind
            inner join commerce.dim_campaign as campaign
                on campaign.campaign_key = behind.campaign_key
            group by all
        """,
    ),
)


def write_aggregate(
    analytics: duckdb.DuckDBPyConnection,
    version_dir: Path,
    marts: Collection[str],
    rules: Sequence[AggregateRule] = RULES,
) -> AggregateSummary:
    """Write one Parquet file per ruled KPI mart that exists, and a README with the rules.

    `analytics` is a connection whose current database is the built file. Raises PublishError
    when a rule does not fit its mart: a broken rule must not open the mart.
    """
    folder = version_dir / AGGREGATE_DIR
    folder.mkdir()
    entries = {
        rule.mart: _write(analytics, version_dir, rule) for rule in rules if rule.mart in marts
    }
    left_out = {
        mart: "no rule says how many people are behind a row"
        for mart in sorted(marts)
        if mart.startswith(f"{AGGREGATE_SCHEMA}.") and mart not in entries
    }
    summary = AggregateSummary(fewest_people=FEWEST_PEOPLE, marts=entries, left_out=left_out)
    (folder / "README.md").write_text(_readme(summary), encoding="utf-8")
    return summary


def _write(
    analytics: duckdb.DuckDBPyConnection, version_dir: Path, rule: AggregateRule
) -> AggregateEntry:
    schema, name = rule.mart.split(".", 1)
    table = identifier(schema, name)
    file = f"{AGGREGATE_DIR}/{name}.parquet"
    try:
        analytics.execute(
            f"create or replace temp table {_LARGE} as"
            f" select mart.* from {table} as mart{_only_large(rule)}"
        )
        columns = [row[0] for row in analytics.execute(f"describe {table}").fetchall()]
        kept = hash_relation(analytics, _LARGE, columns)
        total = analytics.execute(f"select count(*) from {table}").fetchone()
    except duckdb.Error as error:
        raise PublishError(
            f"the rule for small cells of {rule.mart} does not fit the marts: {reason(error)}. "
            "Nothing was published. Change the rule in "
            "orchestration/publish/aggregate_files.py together with the mart"
        ) from cause(error)
    export(analytics, f"select * from {_LARGE}", version_dir / file)
    return AggregateEntry(
        rows=kept.rows,
        suppressed_rows=(total[0] if total else 0) - kept.rows,
        content_hash=kept.hash,
        rule=rule.sentence.format(fewest=FEWEST_PEOPLE),
        file=file,
    )


def _only_large(rule: AggregateRule) -> str:
    if rule.people is None:
        return ""
    same = " and ".join(
        f"behind.{identifier(name)} is not distinct from mart.{identifier(name)}"
        for name in rule.key
    )
    return (
        f" where exists (select 1 from ({rule.people}) as behind"
        f" where {same} and behind.people >= {FEWEST_PEOPLE})"
    )


def _readme(summary: AggregateSummary) -> str:
    lines = [
        "# Aggregated KPIs",
        "",
        (
            f"Rows built from fewer than {summary.fewest_people} people are left out of these "
            "files. People without a known identifier do not count towards that number."
        ),
        "",
        "| mart | rows | left out | rule |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {mart} | {entry.rows} | {entry.suppressed_rows} | {entry.rule} |"
        for mart, entry in summary.marts.items()
    ]
    lines += [f"| {mart} | 0 | all | {reason} |" for mart, reason in summary.left_out.items()]
    lines += [
        "",
        (
            "Sums over these rows are lower than the true totals wherever rows are left out. A "
            "total known from elsewhere, less the rows shown here, can reveal what was left "
            "out: do not put this folder beside unsuppressed totals of the same days and "
            "channels."
        ),
        "",
    ]
    return "\n".join(lines)
