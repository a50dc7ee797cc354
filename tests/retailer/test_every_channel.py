"""Every source of the synthetic retailer lands whole and reaches its contracts."""

import pytest

from tests.retailer.conftest import Retailer, synthetic_sources

QUICK = "synthetic_store_floor"
"""Landed by `make test` too; the others take half a minute together."""


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(source, marks=[] if source == QUICK else [pytest.mark.slow])
        for source in synthetic_sources()
    ],
)
def test_what_a_clean_retailer_delivers_is_accepted(clean: Retailer, source: str) -> None:
    for entity, report in clean.land(source).items():
        refused = {item.partition: item.reason for item in report.refused}
        assert refused == {}, f"{source}/{entity}"
        assert report.warnings == (), f"{source}/{entity}"
        assert report.total("landed_rows") > 0, f"{source}/{entity}"
        assert report.total("quarantined_rows") == 0, f"{source}/{entity}"
        assert report.verdict is not None
        warned = [check for check in report.verdict.checks if check.outcome != "passed"]
        assert warned == [], f"{source}/{entity}"


@pytest.mark.slow
def test_every_landed_record_is_in_its_contract_or_accounted_for(clean: Retailer) -> None:
    for source in synthetic_sources():
        clean.land(source)
    built = clean.dbt(
        *("build", "-s", "+dq_reconciliation", "--exclude-resource-type", "unit_test"),
        *("--indirect-selection", "buildable"),
    )
    assert built.returncode == 0, built.stdout[-4000:]
    unbalanced = clean.ask(
        "select scope, source_key, entity, contract, measure, unit, left_value, right_value"
        " from quality.dq_reconciliation where not is_balanced"
    )
    assert unbalanced == []
    fed = {
        str(contract)
        for (contract,) in clean.ask(
            "select distinct contract from quality.dq_reconciliation"
            " where scope = 'contract' and data_origin = 'synthetic' and staged_value > 0"
        )
    }
    assert fed
