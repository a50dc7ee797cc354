"""Rules about Python files: each holds in the project and is seen to fail when broken."""

from pathlib import Path

import pytest

from tools import house


def test_every_module_says_what_belongs_in_it(root: Path) -> None:
    found = house.modules_without_border_sign(root)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("text", ["", '"""Short."""\n', "import os\n"])
def test_a_module_without_border_sign_is_found(small: Path, text: str) -> None:
    (small / "orchestration/prices.py").write_text(text)
    found = house.modules_without_border_sign(small)
    assert any(line.startswith("orchestration/prices.py:") for line in found)


def test_no_name_fits_everything(root: Path) -> None:
    found = house.names_without_topic(root)
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "name", ["orchestration/utils.py", "tests/helpers/x.py", "dbt_project/macros/common.sql"]
)
def test_a_name_without_topic_is_found(small: Path, name: str) -> None:
    (small / name).parent.mkdir(parents=True, exist_ok=True)
    (small / name).write_text("")
    assert len(house.names_without_topic(small)) == 1


def test_only_settings_read_the_environment(root: Path) -> None:
    found = house.readers_of_the_environment(root)
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "line",
    ["import os\nhome = os.environ['HOME']", "from os import getenv", "import os\nos.getenv('X')"],
)
def test_a_reader_of_the_environment_is_found(small: Path, line: str) -> None:
    assert house.readers_of_the_environment(small) == []
    (small / "orchestration/prices.py").write_text(line)
    (found,) = house.readers_of_the_environment(small)
    assert found.startswith("orchestration/prices.py:")


def test_the_example_of_settings_lists_every_variable(root: Path) -> None:
    found = house.settings_without_example(root)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("listed", ["", "#SHOPTHREAD_HOME=\n#SHOPTHREAD_GONE=\n"])
def test_a_variable_that_is_missing_or_gone_is_found(small: Path, listed: str) -> None:
    assert house.settings_without_example(small) == []
    (small / ".env.example").write_text(listed)
    assert len(house.settings_without_example(small)) == 1


def test_both_servers_load_one_location(root: Path) -> None:
    found = house.location_names_that_differ(root)
    assert not found, "\n".join(found)


def test_a_location_named_differently_is_found(small: Path) -> None:
    file = small / "workspace.yaml"
    file.write_text(file.read_text().replace("location_name: shopthread", "location_name: other"))
    assert len(house.location_names_that_differ(small)) == 1
