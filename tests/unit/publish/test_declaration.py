"""What is read from dbt's manifest about marts."""

import json
from pathlib import Path

import pytest

from orchestration.publish import MartDeclaration, PublishError, declared_marts


def test_keys_required_columns_and_run_metadata_are_read(tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.json"
    orders = {
        "resource_type": "model",
        "schema": "commerce",
        "name": "fct_orders",
        "alias": "fct_orders",
        "config": {"materialized": "view"},
        "constraints": [{"type": "primary_key", "columns": ["order_key", "line_no"]}],
        "columns": {
            "order_key": {"constraints": [{"type": "not_null"}]},
            "built_at": {"config": {"meta": {"run_metadata": True}}, "constraints": []},
        },
    }
    one_key = {
        **orders,
        "name": "dim_kpi",
        "alias": None,
        "schema": "kpi",
        "constraints": [],
        "columns": {
            "kpi_key": {"constraints": [{"type": "primary_key"}]},
            "seen_at": {"meta": {"run_metadata": True}},
        },
    }
    view = {
        **orders,
        "name": "fct_touchpoints",
        "alias": None,
        "schema": "journey",
        "config": {"materialized": "view", "meta": {"grain": ["touchpoint_key"]}},
        "constraints": [],
        "columns": {},
    }
    staging = {**orders, "schema": "staging"}
    test = {**orders, "resource_type": "test"}
    nodes = {str(i): node for i, node in enumerate((orders, one_key, view, staging, test))}
    manifest.write_text(json.dumps({"nodes": nodes}))
    assert declared_marts(manifest) == {
        "commerce.fct_orders": MartDeclaration(
            key=("order_key", "line_no"),
            required=frozenset({"order_key"}),
            run_metadata=frozenset({"built_at"}),
        ),
        "journey.fct_touchpoints": MartDeclaration(key=("touchpoint_key",)),
        "kpi.dim_kpi": MartDeclaration(key=("kpi_key",), run_metadata=frozenset({"seen_at"})),
    }


@pytest.mark.parametrize("text", [None, "not json", "[]", "{}"])
def test_what_is_no_manifest_is_named(tmp_path: Path, text: str | None) -> None:
    manifest = tmp_path / "manifest.json"
    if text is not None:
        manifest.write_text(text)
    with pytest.raises(PublishError, match=r"manifest\.json cannot be read as a dbt manifest"):
        declared_marts(manifest)
