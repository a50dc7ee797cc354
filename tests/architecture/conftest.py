"""The project's root and manifest, and a small project whose rules can be broken one by one."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from orchestration.settings import load_settings
from orchestration.warehouse.manifest import load_manifest

ROOT = Path(__file__).resolve().parent.parent.parent

DEFS = """\
type: orchestration.components.source.LandingSource
attributes:
  source: shop
  vendor: shopline
  entities: [{name: orders}]
"""
CONTRACT = """\
source: shop
vendor: shopline
owner: commerce
tables:
  orders:
    grain: one row per order
    key: [order_id]
    partitioned_by: business_date
    columns:
      order_id: {type: bigint, nullable: false, description: Number of the order.}
      email:
        type: string
        nullable: true
        description: Who ordered.
        personal: identifier
        identifier_type: email
      total: {type: "decimal(18,2)", nullable: false, description: What was paid.}
    expectations:
      - type: expect_table_row_count_to_be_between
        kwargs: {min_value: 1}
        severity: warning
        meta: {because: "a shop sells something every day (2026-11)"}
"""
SOURCES = """\
sources:
  - name: shop
    tables:
      - name: orders
        columns:
          - {name: order_id, data_type: bigint}
          - {name: email_token, data_type: varchar}
          - {name: total, data_type: "decimal(18,2)"}
          - {name: _business_date, data_type: date}
          - {name: _batch_id, data_type: varchar}
"""
FILES = {
    "orchestration/defs/sources/shop/defs.yaml": DEFS,
    "orchestration/settings.py": '"""Reads the environment."""\nimport os\nX = os.environ["SHOPTHREAD_HOME"]\n',
    "expectations/landing/shop.yaml": CONTRACT,
    "dbt_project/dbt_project.yml": "vars:\n  sources:\n    shopline: [shop]\n",
    "dbt_project/models/adapters/shopline/_shopline__sources.yml": SOURCES,
    "dbt_project/models/adapters/shopline/src_shopline__orders.sql": (
        "select * from {{ source('shop', 'orders') }}\n"
    ),
    "tests/fixtures/shopline/orders.csv": "order_id,email,total\n",
    ".env.example": "#SHOPTHREAD_HOME=var\n",
}


@pytest.fixture(scope="session")
def root() -> Path:
    """The project itself."""
    return ROOT


@pytest.fixture(scope="session")
def manifest() -> Mapping[str, Any]:
    """The parsed dbt project."""
    return load_manifest(load_settings()).content


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A project of one source and one entity that keeps the rules about sources."""
    for name, text in FILES.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    for name in ("workspace.yaml", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path
