"""When a publish makes a new version, and when it says that nothing changed."""

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime

from orchestration.publish import (
    CheckSummary,
    MartDeclaration,
    Outcome,
    Override,
    PublishContext,
    PublishOptions,
    PublishResult,
    StaleSource,
    WaivedRefusal,
    publish,
)
from orchestration.settings import Settings

PublishOn = Callable[[int | None], PublishResult]
Change = Callable[[str], None]


def test_the_same_marts_again_leave_the_version_and_say_so(
    settings: Settings, change: Change, publish_on: PublishOn
) -> None:
    first = publish_on(None)
    assert first.outcome is Outcome.PUBLISHED
    change("insert into quality.dq_results values ('contract', 'run-2')")
    change("update quality.catalog set row_count = 41")
    change("create or replace table kpi.kpi_campaign as from kpi.kpi_campaign order by all desc")
    again = publish_on(1)
    assert again.outcome is Outcome.UNCHANGED
    assert again.version == 1
    assert again.message.startswith("unchanged, version 1 stays: all 11 compared marts")
    folders = [path.name for path in settings.published_dir.iterdir() if path.is_dir()]
    assert sorted(folders) == ["1", "current"]


def test_another_state_of_the_sources_is_a_new_version_with_the_reason(
    settings: Settings,
    context: PublishContext,
    publish_on: PublishOn,
    options: PublishOptions,
) -> None:
    publish_on(None)
    stale = StaleSource(
        source_key="complete_journey",
        entity="coupons",
        reason="contract refused the newest batch",
        partition_key="snapshot",
    )
    override = Override(check="staging/contract", reason="agreed with the till team", by="ana")
    waiver = WaivedRefusal(
        source_key="complete_journey",
        entity="products",
        partition_key="snapshot",
        reason="contract refused the newest batch",
        because="the catalogue of last week will do",
        waived_at=datetime(2026, 11, 25, 9, 30, tzinfo=UTC),
    )
    told = dataclasses.replace(
        context,
        checks=CheckSummary(passed=211, failed=1, could_not_run=0),
        stale_sources=(stale,),
        overrides=(override,),
        waivers=(waiver,),
    )
    second = publish(settings, run_id="r2", parent=1, context=told, options=options)
    assert second.version == 2
    assert second.changed == ()
    assert second.reasons == (
        "the state of the sources changed",
        "checks fail that did not, or pass again",
        "overrides changed",
        "waived refusals changed",
    )
    manifest = second.published.manifest
    assert (manifest.stale_sources, manifest.overrides) == ((stale,), (override,))
    assert manifest.waivers == (waiver,)
    third = publish(settings, run_id="r3", parent=2, context=told, options=options)
    assert third.outcome is Outcome.UNCHANGED, "the same state is no news"


def test_run_metadata_is_left_out_of_equality_but_not_of_the_files(
    settings: Settings, context: PublishContext, change: Change, options: PublishOptions
) -> None:
    declared = {
        "kpi.kpi_daily": MartDeclaration(),
        "kpi.dim_kpi": MartDeclaration(run_metadata=frozenset({"name"})),
        "commerce.fct_orders": MartDeclaration(),
        "journey.fct_touchpoints": MartDeclaration(),
    }

    def run(parent: int | None) -> PublishResult:
        return publish(
            settings,
            run_id=f"r{parent}",
            parent=parent,
            context=context,
            declared=declared,
            options=options,
        )

    run(None)
    change("update kpi.dim_kpi set name = 'seen at another time'")
    assert run(1).outcome is Outcome.UNCHANGED
    change("update kpi.kpi_daily set numerator = numerator + 1")
    second = run(1)
    assert second.changed == ("kpi.kpi_daily",)
    entry = second.published.manifest.marts["kpi.dim_kpi"]
    assert entry.run_metadata == ("name",)
    assert not entry.is_linked_to_parent, "its bytes differ from the parent's"


def test_a_duplicated_row_a_lost_row_and_a_changed_comment_are_changes(
    change: Change, publish_on: PublishOn
) -> None:
    publish_on(None)
    change("insert into quality.catalog select * from quality.catalog")
    change("insert into commerce.dim_campaign from commerce.dim_campaign limit 1")
    change("comment on table journey.fct_touchpoints is 'Said anew.'")
    change("drop table kpi.kpi_unruled")
    assert publish_on(1).changed == (
        "commerce.dim_campaign",
        "journey.fct_touchpoints",
        "kpi.kpi_unruled",
    )
