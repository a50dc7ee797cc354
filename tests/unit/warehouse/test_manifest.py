"""Which models are a layer's, in the words dbt selects by."""

from pathlib import Path
from typing import Any

import pytest

from orchestration.warehouse.manifest import DbtManifest, Layer


def node(path: str, kind: str = "model") -> dict[str, Any]:
    names = Path(path).with_suffix("").parts
    return {"resource_type": kind, "path": path, "name": names[-1], "fqn": ["p", *names]}


@pytest.fixture
def manifest() -> DbtManifest:
    nodes = {
        "seed.p.words": node("words.csv", "seed"),
        "model.p.src": node("adapters/vendor/src.sql"),
        "model.p.stg": node("staging/shop/stg.sql"),
        "model.p.stg_2": node("staging/shop/stg_2.sql"),
        "model.p.fct": node("marts/commerce/fct.sql"),
        "model.p.kpi_fct": node("marts/commerce/kpi_fct.sql"),
        "model.p.dim": node("marts/journey/dim.sql"),
        "test.p.stg": {**node("staging/shop/stg.yml", "test"), "name": "not_null_stg"},
    }
    return DbtManifest(Path(), {"nodes": nodes})


@pytest.mark.parametrize(
    "layer, expected",
    [
        (Layer.STAGING, ["fqn:p.adapters", "fqn:p.staging", "fqn:p.words"]),
        (Layer.MARTS, ["fqn:p.marts.commerce.fct", "fqn:p.marts.journey"]),
        (Layer.KPI, ["fqn:p.marts.commerce.kpi_fct"]),
        (Layer.QUALITY, []),
    ],
)
def test_a_folder_that_is_all_of_one_layer_is_named_once(
    manifest: DbtManifest, layer: Layer, expected: list[str]
) -> None:
    assert manifest.selectors(layer) == expected


def test_a_project_of_one_layer_is_named_by_its_name() -> None:
    one = DbtManifest(Path(), {"nodes": {"model.p.stg": node("staging/stg.sql")}})
    assert one.selectors(Layer.STAGING) == ["fqn:p"]
