"""Suite files: what they must say, and errors that name file and key."""

import json
from pathlib import Path
from textwrap import dedent

import jsonschema
import pytest
import yaml

from orchestration.quality import Layout, SuiteError, compare_columns, load_suite, load_suites
from orchestration.quality.expectation_types import REFUSED_TYPES
from orchestration.quality.suites import QuarantineLimit, TableSuite, json_schema, tables_of
from tests.unit.quality.conftest import BECAUSE, expectation, table_suite

EXPECTATIONS = Path(__file__).resolve().parents[3] / "expectations"

CONTRACT = """\
source: shop
vendor: shop
owner: commerce
tables:
  members:
    grain: one row per member
    key: [member_id]
    partitioned_by: business_date
    columns:
      member_id: {type: bigint, nullable: false, description: The member.}
      email: {type: string, nullable: true, description: An address, personal: identifier, identifier_type: email}
      spent: {type: "decimal(18, 2)", nullable: false, description: Money.}
    quarantine:
      - {reason: nobody, rows: member_id is null, meta: {because: "nobody is nobody (2026-11)"}}
      - {reason: negative, rows: spent < 0, meta: {because: "no returns here (2026-11)"}}
    max_quarantined_share: {share: 0.1, or_rows: 1, meta: {because: "a tenth is dirt (2026-11)"}}
    expectations:
      - type: expect_column_values_to_be_between
        kwargs: {column: spent, min_value: 0, max_value: 10}
        severity: critical
        meta: {because: "the most is 9.99 (2026-11)"}
"""


def written(tmp_path: Path, text: str, name: str = "landing/shop.yaml") -> Path:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dedent(text))
    return path


def test_a_contract_knows_its_assets_columns_and_rules(tmp_path: Path) -> None:
    table = load_suite(written(tmp_path, CONTRACT)).tables["members"]
    assert table.asset_key == ("landing", "shop", "members")
    assert table.duckdb_columns(Layout.DELIVERED) == {
        "member_id": "BIGINT",
        "email": "VARCHAR",
        "spent": "DECIMAL(18,2)",
    }
    assert list(table.duckdb_columns(Layout.LANDED).items()) == [
        ("member_id", "BIGINT"),
        ("email_token", "VARCHAR"),
        ("spent", "DECIMAL(18,2)"),
        ("_business_date", "DATE"),
        ("_batch_id", "VARCHAR"),
    ]
    assert table.identifier_columns == {"email"}
    assert table.personal_names(Layout.LANDED) == {"email_token"}
    assert table.quarantine_reason_sql() == (
        "case when (member_id is null) then 'nobody' when (spent < 0) then 'negative' end"
    )


@pytest.mark.parametrize(
    "before, after, said",
    [
        ("severity: critical", "severity: high", "tables.members.expectations.0.severity"),
        ('(2026-11)"}\n', '"}\n', "expectations.0.meta.because: Value error, carries no date"),
        ('        meta: {because: "the most is 9.99 (2026-11)"}\n', "", "0.meta: Field required"),
        ("between\n", "betwixt\n", "not among the types that were tried on DuckDB"),
        ("column: spent, min", "column: spend, min", "expectations.0: spend is not among the col"),
        ("column: spent, min", "column: email, min", "looks into email, which is a token once"),
        ("key: [member_id]", "key: [id]", "key: id is not among the columns"),
        ("    key: [member_id]\n", "", "give either `key` or `no_key`"),
        (", identifier_type: email", "", "`personal: identifier` and one of `identifier_type`"),
        (
            "identifier_type: email",
            "identifier_by: {column: email, kinds: {mail: {type: email}}}",
            "email: identifier_by.column: email is not a column of this contract that says",
        ),
        (
            "identifier_type: email",
            "identifier_type: email, identifier_by: {column: spent, kinds: {a: {type: email}}}",
            "`identifier_by` takes the place of `identifier_type`",
        ),
        ("reason: negative", "reason: nobody", "reason nobody is given twice"),
        ("grain: one", "grian: one", "tables.members.grian: Extra inputs are not permitted"),
        ("vendor: shop\n", "", "source and vendor are given together"),
        ("source: shop\n", "source: shop\nsource: store\n", "key 'source' is given twice"),
        ("source: shop", "source: store", "by its header it is landing/store.yaml"),
        ("type: bigint", "type: number", "columns.member_id.type"),
    ],
)
def test_an_error_names_the_file_and_the_key(
    tmp_path: Path, before: str, after: str, said: str
) -> None:
    # The last place is the expectation's: the quarantine rules hold the others.
    head, found, tail = CONTRACT.rpartition(before)
    assert found
    path = written(tmp_path, head + after + tail)
    with pytest.raises(SuiteError) as raised:
        load_suite(path)
    assert str(path) in str(raised.value)
    assert said in str(raised.value)


def test_arguments_of_our_own_types_are_checked_when_the_file_is_read(tmp_path: Path) -> None:
    text = CONTRACT + (
        "      - type: expect_share_of_rows_to_be_at_most\n"
        "        name: torn_by_its_comma\n"
        "        kwargs: {condition: coalesce(spent, 0) > 3, max_share: 0}\n"
        "        severity: critical\n"
        '        meta: {because: "flow style cuts at the comma (2026-11)"}\n'
    )
    with pytest.raises(SuiteError, match=r"tables\.members\.expectations\.1\.kwargs: .*not perm"):
        load_suite(written(tmp_path, text))


@pytest.mark.parametrize("text", ["", "- a\n", "{", "\t"])
def test_what_is_no_suite_at_all_is_named(tmp_path: Path, text: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(SuiteError, match=r"shop\.yaml"):
        load_suite(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match=r"nowhere\.yaml: cannot be read"):
        load_suite(tmp_path / "nowhere.yaml")


@pytest.mark.parametrize("refused", REFUSED_TYPES)
def test_a_type_that_is_wrong_on_duckdb_is_refused_with_what_to_use(refused: str) -> None:
    with pytest.raises(ValueError, match="is refused: "):
        table_suite(expectation(refused, column="points"))


def test_sql_without_a_name_and_two_expectations_under_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="needs a name"):
        table_suite(expectation("expect_measure_to_be_between", measure="select 1", max_value=1))
    twice = expectation("expect_column_values_to_not_be_null", column="points")
    with pytest.raises(ValueError, match="given twice"):
        table_suite(twice, twice)


def test_a_suite_lies_where_its_header_says_and_an_asset_has_one_suite(tmp_path: Path) -> None:
    layer = """\
        layer: staging
        owner: commerce
        tables:
          stg_members:
            asset: staging/stg_members
            grain: one row per member
            key: [member_id]
            expectations: []
        """
    written(tmp_path, layer, "staging/one.yaml")
    assert len(load_suites(tmp_path)) == 1
    written(tmp_path, layer, "staging/two.yaml")
    with pytest.raises(SuiteError, match=r"staging/stg_members has a suite in .*one\.yaml"):
        load_suites(tmp_path)
    (tmp_path / "staging" / "two.yaml").unlink()
    written(tmp_path, layer, "elsewhere/three.yaml")
    with pytest.raises(SuiteError, match="suites lie in one of"):
        load_suites(tmp_path)


@pytest.mark.parametrize(
    "physical, quarantined, allowed",
    [(0, 0, True), (1, 1, False), (5, 1, True), (5, 2, False), (100, 10, True), (100, 11, False)],
)
def test_so_many_rows_may_be_set_aside_and_never_all(
    physical: int, quarantined: int, allowed: bool
) -> None:
    limit = QuarantineLimit.model_validate({"share": 0.1, "or_rows": 1, "meta": BECAUSE})
    assert limit.allows(physical_rows=physical, quarantined_rows=quarantined) is allowed


def test_columns_are_compared_by_name_with_every_difference_named() -> None:
    expected = {"a": "BIGINT", "b": "DECIMAL(18,2)", "c": "DATE"}
    assert compare_columns(expected, [("c", "DATE"), ("a", "BIGINT"), ("b", "DECIMAL(18,2)")]) == ()
    delivered = [("a", "BIGINT"), ("A", "BIGINT"), ("b", "DOUBLE"), ("d", "DATE"), ("d", "DATE")]
    assert compare_columns(expected, delivered) == (
        "missing: c",
        "unexpected: A, d",
        "duplicated: a, d",
        "wrong type: b is DOUBLE instead of DECIMAL(18,2)",
    )


# -- the files of the house ------------------------------------------------------------------


def shipped() -> list[TableSuite]:
    return list(tables_of(load_suites(EXPECTATIONS)))


def test_every_file_is_valid_for_editors_too() -> None:
    schema = json.loads((EXPECTATIONS / "schema.json").read_text())
    validator = jsonschema.Draft202012Validator(schema)
    for path in load_suites(EXPECTATIONS):
        text = path.read_text()
        assert text.startswith("# yaml-language-server: $schema=../schema.json\n"), path
        faults = [error.message for error in validator.iter_errors(yaml.safe_load(text))]
        assert not faults, path


def test_the_schema_is_the_one_of_the_models() -> None:
    assert (EXPECTATIONS / "schema.json").read_text() == json_schema(), (
        "expectations/schema.json is not current; expectations/README.md says how to write it"
    )


def test_the_schema_refuses_what_the_models_refuse() -> None:
    validator = jsonschema.Draft202012Validator(json.loads(json_schema()))
    good = yaml.safe_load(CONTRACT)
    assert validator.is_valid(good)
    changes: list[dict[str, object]] = [
        {"severity": "high"},
        {"type": "expect_nothing"},
        {"kwarg": {}},
    ]
    for change in changes:
        bad = yaml.safe_load(CONTRACT)
        bad["tables"]["members"]["expectations"][0].update(change)
        assert not validator.is_valid(bad), change


def test_every_table_has_expectations_and_one_that_closes_the_gate() -> None:
    for suite in shipped():
        assert any(item.severity == "critical" for item in suite.expectations), suite.asset


def test_the_contract_covers_the_eight_entities_and_their_people() -> None:
    contract = load_suite(EXPECTATIONS / "landing" / "complete_journey.yaml")
    assert set(contract.tables) == {
        "transactions",
        "products",
        "demographics",
        "campaigns",
        "campaign_descriptions",
        "coupons",
        "coupon_redemptions",
        "promotions",
    }
    with_people = {name for name, table in contract.tables.items() if table.identifier_columns}
    assert with_people == {"transactions", "demographics", "campaigns", "coupon_redemptions"}
    partitioned = {name for name, table in contract.tables.items() if table.partitioned_by}
    assert partitioned == {"transactions"}


def contract_with_measure(measure: str) -> str:
    """The contract above, asking a measure instead of a range."""
    head, _, _ = CONTRACT.partition("    expectations:\n")
    return head + (
        "    expectations:\n"
        "      - type: expect_measure_to_be_between\n"
        "        name: members\n"
        f"        kwargs: {{measure: '{measure}', max_value: 10}}\n"
        "        severity: critical\n"
        '        meta: {because: "there are nine (2026-11)"}\n'
    )


@pytest.mark.parametrize(
    "measure",
    [
        "select max({email}) from {table}",
        "select MIN(try_cast({email} as bigint)) from {table}",
        "select coalesce(any_value(cast({email} as bigint) + 1), 0) from {table}",
    ],
)
def test_a_measure_that_would_show_a_personal_value_is_refused(
    tmp_path: Path, measure: str
) -> None:
    with pytest.raises(SuiteError, match="the measure would show a value of email"):
        load_suite(written(tmp_path, contract_with_measure(measure)))


@pytest.mark.parametrize(
    "measure",
    [
        "select count(distinct {email}) from {table}",
        "select coalesce(max(n), 0) from (select count(*) as n from {table} group by {email})",
        "select max(spent) from {table}",
    ],
)
def test_a_measure_that_counts_people_is_welcome(tmp_path: Path, measure: str) -> None:
    assert load_suite(written(tmp_path, contract_with_measure(measure))).tables
