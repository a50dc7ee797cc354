"""Settings are read once, and a value that cannot be used is named with its variable."""

from pathlib import Path

import pytest

from orchestration.settings import SettingsError, apply_environment, load_settings


def test_an_empty_environment_gives_the_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load_settings({})
    assert settings.uses_demo_key
    assert settings.home.name == "var"
    assert settings.engine_memory == "1GB"
    assert settings.keep_runs_days == 180


@pytest.mark.parametrize(
    "name, value, said",
    [
        ("SHOPTHREAD_AS_OF", "31.12.2017", "write a date as YYYY-MM-DD"),
        ("SHOPTHREAD_FIRST_DAY", "", "write a date as YYYY-MM-DD"),
        ("SHOPTHREAD_HOME", "/srv/shop,thread", "without a comma"),
        ("SHOPTHREAD_ENGINE_MEMORY", "lots", "as in 1500MB or 4GB"),
        ("SHOPTHREAD_ENGINE_MEMORY", "80%", "as in 1500MB or 4GB"),
        ("SHOPTHREAD_KEEP_RUNS_DAYS", "0", "a whole number of days"),
        ("SHOPTHREAD_KEEP_RUNS_DAYS", "for ever", "a whole number of days"),
    ],
)
def test_a_value_that_cannot_be_used_is_named(name: str, value: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said) as refused:
        load_settings({name: value})
    assert name in str(refused.value)


def test_children_are_told_where_state_lies_and_call_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment: dict[str, str] = {}
    monkeypatch.setattr("os.environ", environment)
    monkeypatch.setattr("os.umask", lambda _mode: 0)
    apply_environment(
        load_settings({"SHOPTHREAD_HOME": str(tmp_path), "SHOPTHREAD_ENGINE_MEMORY": "4GB"})
    )
    assert environment["SHOPTHREAD_HOME"] == str(tmp_path)
    assert environment["SHOPTHREAD_ENGINE_MEMORY"] == "4GB"
    assert environment["DAGSTER_DISABLE_TELEMETRY"] == "yes"
    assert environment["DBT_SEND_ANONYMOUS_USAGE_STATS"] == "false"
    assert environment["GX_ANALYTICS_ENABLED"] == "false"
