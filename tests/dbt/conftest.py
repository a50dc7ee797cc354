"""The parsed dbt project of this repository."""

import pytest

from orchestration.settings import Settings, apply_environment, load_settings
from orchestration.warehouse.manifest import DbtManifest, load_manifest


@pytest.fixture(scope="session")
def settings() -> Settings:
    return load_settings()


@pytest.fixture(scope="session")
def manifest(settings: Settings) -> DbtManifest:
    apply_environment(settings)
    return load_manifest(settings)
