"""Suite files: their shape, and reading them with errors that name file and key.

A file under `expectations/` is either the contract of a source (`landing/`), the suite
of a layer, or the promise of a mart. Everything a suite may say is a model below; the
JSON schema for editors is made from them. Nothing here opens a database or knows how an
expectation is evaluated (`runner`), and no threshold is written here.
"""

import json
import re
from collections.abc import Iterator
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from orchestration.quality.by_day import day_rule, forgives_rows
from orchestration.quality.expectation_types import (
    ALLOWED_TYPES,
    COUNTED_TYPES,
    REFUSED_TYPES,
)
from orchestration.quality.expectations_sql import counted_rule

LANDING_FOLDER = "landing"
LAYER_FOLDERS = ("staging", "int_identity", "int_journey")
MARTS_FOLDER = "marts"

_IDENTIFIER = r"^[a-z_][a-z0-9_]*$"
_ASSET = r"^[a-z][a-z0-9_]*(/[a-z][a-z0-9_]*)+$"
_DATED = re.compile(r"\b20\d\d-(0[1-9]|1[0-2])\b")
_COLUMN_TYPE = r"^(bigint|integer|double|string|boolean|date|timestamp|decimal\(\d+,\s?\d+\))$"
_SIMPLE_TYPES = {
    "bigint": "BIGINT",
    "integer": "INTEGER",
    "double": "DOUBLE",
    "string": "VARCHAR",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
}
_VALUE_BLIND_TYPES = frozenset(
    {
        "expect_column_values_to_be_null",
        "expect_column_values_to_not_be_null",
        "expect_column_values_to_be_unique",
        "expect_column_proportion_of_non_null_values_to_be_between",
        "expect_column_proportion_of_unique_values_to_be_between",
        "expect_column_unique_value_count_to_be_between",
        "expect_compound_columns_to_be_unique",
        "expect_key_to_be_unique",
    }
)
"""Hold for an identifier and for its token alike: tokens keep equality and nothing else."""

COLUMN_KEYS = ("column", "column_A", "column_B")
COLUMN_LIST_KEYS = ("column_list", "column_set", "columns")
"""Arguments of expectations that name columns."""
SQL_KEYS = ("condition", "measure")
"""Arguments that are SQL; an identifier's column is written there as {household_id}."""

_PICKS_A_VALUE = (
    r"\b(min|max|first|last|any_value|mode|median|arg_min|arg_max|quantile\w*|histogram)\s*\("
    r"(?:[^()]|\([^()]*\)|\()*?"
)
"""SQL of an aggregate that gives back a value of its column, up to that column's name. A closing
bracket is taken only with its opening one, so it never leaves the aggregate's own."""

BUSINESS_DATE_COLUMN = "_business_date"
BATCH_COLUMN = "_batch_id"
TOKEN_SUFFIX = "_token"  # noqa: S105 - a column's suffix, no secret


class SuiteError(ValueError):
    """A suite file cannot be used; the message names the file, the key and the fault."""


class Layout(StrEnum):
    """Which columns a table of a landing contract has.

    DELIVERED: the contract's columns as the source sends them. LANDED: identifiers are
    replaced by `<column>_token`, and `_business_date` (day-partitioned entities only)
    and `_batch_id` are added.
    """

    DELIVERED = "delivered"
    LANDED = "landed"


def _dated(because: str) -> str:
    if not _DATED.search(because):
        raise ValueError("carries no date; say since when it is known, as YYYY-MM")
    return because


Because = Annotated[str, Field(min_length=12), AfterValidator(_dated)]
Severity = Literal["critical", "warning", "info"]
Share = Annotated[float, Field(ge=0, le=1)]
Identifier = Annotated[str, Field(pattern=_IDENTIFIER)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Reason(_Strict):
    """Why a number is what it is."""

    because: Because = Field(description="The fact behind it, with its month as YYYY-MM.")


Scope = Annotated[
    Identifier | None,
    Field(
        description="The system that makes the identifier up, for types whose values mean "
        "nothing elsewhere: a customer number of a shop, a cookie of a site."
    ),
]
Region = Annotated[
    Annotated[str, Field(pattern="^[A-Z]{2}$")] | None,
    Field(description="Country of telephone numbers that are written without a country code."),
]


class IdentifierKind(_Strict):
    """What an identifier is."""

    type: Identifier = Field(description="The identity graph's type.")
    scope: Scope = None
    region: Region = None


class IdentifierBy(_Strict):
    """Another column of the row says what an identifier is."""

    column: Identifier = Field(description="The column of this contract that says it.")
    kinds: dict[str, IdentifierKind] = Field(
        min_length=1, description="What each of its words means; under any other word no token."
    )


class Column(_Strict):
    """One column of a contract."""

    type: Annotated[str, Field(pattern=_COLUMN_TYPE)]
    nullable: bool
    description: Annotated[str, Field(min_length=3)]
    personal: Literal["identifier", "attribute"] | None = Field(
        default=None,
        description="identifier: replaced by a token when it lands; attribute: says "
        "something about a person. Neither ever shows a value in a result.",
    )
    identifier_type: Identifier | None = Field(
        default=None, description="The identity graph's type, only for identifiers."
    )
    identifier_scope: Scope = None
    identifier_region: Region = None

    identifier_by: IdentifierBy | None = Field(
        default=None,
        description="Instead of `identifier_type`, where each row says what its identifier is.",
    )

    @model_validator(mode="after")
    def _identifier_has_a_type(self) -> Self:
        if (self.personal == "identifier") != self.is_identifier:
            raise ValueError(
                "`personal: identifier` and one of `identifier_type` and `identifier_by` are"
                " given together or not at all"
            )
        if self.identifier_type is not None and self.identifier_by is not None:
            raise ValueError("`identifier_by` takes the place of `identifier_type`: give one")
        return self

    @property
    def is_identifier(self) -> bool:
        """Whether a token takes its place in landing."""
        return self.identifier_type is not None or self.identifier_by is not None

    @property
    def duckdb_type(self) -> str:
        """The type as DuckDB writes it."""
        if self.type.startswith("decimal"):
            return self.type.upper().replace(" ", "")
        return _SIMPLE_TYPES[self.type]


class Expectation(_Strict):
    """One expectation in Great Expectations' own words."""

    type: str = Field(json_schema_extra={"enum": list(ALLOWED_TYPES)})
    name: Identifier | None = Field(
        default=None,
        description="What is expected, in words; required where the arguments are SQL, and "
        "where a table has two expectations of one type on the same columns.",
    )
    kwargs: dict[str, Any]
    severity: Severity
    meta: Reason

    @field_validator("type")
    @classmethod
    def _is_known(cls, value: str) -> str:
        if value in REFUSED_TYPES:
            raise ValueError(f"{value} is refused: {REFUSED_TYPES[value]}")
        if value not in ALLOWED_TYPES:
            raise ValueError(
                f"{value} is not among the types that were tried on DuckDB "
                "(orchestration/quality/expectation_types.py)"
            )
        return value

    @model_validator(mode="after")
    def _sql_has_a_name(self) -> Self:
        if self.name is None and any(key in self.kwargs for key in SQL_KEYS):
            raise ValueError("an expectation written in SQL needs a name that says what it asks")
        return self

    @property
    def label(self) -> str:
        """How results call it; unique together with its columns within a table."""
        return f"{self.type} ({self.name})" if self.name else self.type

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns its arguments name, in their order."""
        named = [self.kwargs[key] for key in COLUMN_KEYS if isinstance(self.kwargs.get(key), str)]
        for key in COLUMN_LIST_KEYS:
            value = self.kwargs.get(key)
            if isinstance(value, list):
                named.extend(item for item in value if isinstance(item, str))
        return tuple(named)

    def renamed(self, names: dict[str, str]) -> "Expectation":
        """The same expectation about columns that bear other names."""
        kwargs: dict[str, Any] = {}
        for key, value in self.kwargs.items():
            if key in COLUMN_KEYS:
                kwargs[key] = names.get(value, value)
            elif key in COLUMN_LIST_KEYS and isinstance(value, list):
                kwargs[key] = [names.get(item, item) for item in value]
            elif key in SQL_KEYS and isinstance(value, str):
                text = value
                for name, new in names.items():
                    text = text.replace(f"{{{name}}}", new)
                kwargs[key] = text
            else:
                kwargs[key] = value
        return self.model_copy(update={"kwargs": kwargs})


class Volume(_Strict):
    """How many rows one judged table may have."""

    min_rows: Annotated[int, Field(ge=0)] | None = None
    max_rows: Annotated[int, Field(ge=0)] | None = None
    severity: Severity
    meta: Reason

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.min_rows is None and self.max_rows is None:
            raise ValueError("give min_rows, max_rows or both")
        return self


class Freshness(_Strict):
    """How old the newest accepted data may be at `as_of`."""

    max_age: Annotated[str, Field(pattern=r"^[1-9]\d*[hd]$")] = Field(
        description="Hours or days, as 36h or 7d."
    )
    severity: Severity
    meta: Reason

    @property
    def max_age_hours(self) -> int:
        return int(self.max_age[:-1]) * (24 if self.max_age.endswith("d") else 1)


class QuarantineRule(_Strict):
    """Rows that do not land but are kept, with a reason code."""

    reason: Identifier
    rows: Annotated[str, Field(min_length=3)] = Field(
        description="SQL predicate over the delivered columns; true for a row to set aside."
    )
    meta: Reason


class QuarantineLimit(_Strict):
    """How much of a batch may be set aside before the whole batch is refused."""

    share: Share
    or_rows: Annotated[int, Field(ge=0)] = Field(
        default=0, description="So many rows are tolerated in a small batch whatever their share."
    )
    meta: Reason

    def allows(self, *, physical_rows: int, quarantined_rows: int) -> bool:
        """Tell whether a batch of `physical_rows` may lose `quarantined_rows`; never all of them."""
        if quarantined_rows == 0:
            return True
        return quarantined_rows < physical_rows and quarantined_rows <= max(
            self.or_rows, self.share * physical_rows
        )


class TableSuite(_Strict):
    """Everything one table promises."""

    asset: Annotated[str, Field(pattern=_ASSET)] | None = Field(
        default=None,
        description="The Dagster asset's key, as staging/stg_pos__transactions; "
        "its last two words are schema and table. Given by the file for landing.",
    )
    description: str | None = None
    grain: Annotated[str, Field(min_length=3)]
    key: list[Identifier] = Field(default_factory=list)
    no_key: Reason | None = Field(
        default=None, description="Why no columns are unique; instead of `key`."
    )
    partitioned_by: Literal["business_date"] | None = Field(
        default=None, description="Day-partitioned by the source's local business date."
    )
    columns: dict[Identifier, Column] = Field(default_factory=dict)
    personal_columns: list[Identifier] = Field(
        default_factory=list,
        description="Columns about a person where the file holds no contract of columns.",
    )
    volume: Volume | None = None
    freshness: Freshness | None = None
    quarantine: list[QuarantineRule] = Field(default_factory=list)
    max_quarantined_share: QuarantineLimit | None = None
    expectations: list[Expectation]

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if bool(self.key) == (self.no_key is not None):
            raise ValueError("give either `key` or `no_key` with its because")
        if self.columns:
            unknown = sorted(set(self.key) - set(self.columns))
            if unknown:
                raise ValueError(f"key: {', '.join(unknown)} is not among the columns")
            self._check_expectations()
        self._check_identifiers()
        self._check_measures()
        asked = [(item.label, item.columns) for item in self.expectations]
        for label, columns in asked:
            if asked.count((label, columns)) > 1:
                raise ValueError(
                    f"expectations: {label} on {', '.join(columns) or 'the table'} is given "
                    "twice; results could not be told apart, so give each a name"
                )
        reasons = [rule.reason for rule in self.quarantine]
        twice = sorted({reason for reason in reasons if reasons.count(reason) > 1})
        if twice:
            raise ValueError(f"quarantine: reason {', '.join(twice)} is given twice")
        if self.quarantine and self.max_quarantined_share is None:
            raise ValueError("quarantine rules need a max_quarantined_share")
        return self

    def _check_expectations(self) -> None:
        identifiers = set(self.identifier_columns)
        for number, expectation in enumerate(self.expectations):
            unknown = sorted(set(expectation.columns) - set(self.columns))
            if unknown:
                raise ValueError(
                    f"expectations.{number}: {', '.join(unknown)} is not among the columns"
                )
            touched = identifiers & set(expectation.columns)
            if touched and expectation.type not in _VALUE_BLIND_TYPES:
                raise ValueError(
                    f"expectations.{number}: {expectation.type} looks into {min(touched)}, "
                    "which is a token once landed; only null and uniqueness checks hold for it"
                )

    def _check_identifiers(self) -> None:
        for name, column in self.columns.items():
            told = column.identifier_by.column if column.identifier_by is not None else None
            if told is not None and (told not in self.columns or self.columns[told].personal):
                raise ValueError(
                    f"{name}: identifier_by.column: {told} is not a column of this contract"
                    " that says nothing personal"
                )

    def _check_measures(self) -> None:
        """A measure's number is shown: it may count people, and not be one's value."""
        for name in sorted(self.personal_names(Layout.DELIVERED)):
            picked = re.compile(_PICKS_A_VALUE + rf"\b{name}\b", re.IGNORECASE)
            for number, expectation in enumerate(self.expectations):
                if picked.search(str(expectation.kwargs.get("measure", ""))):
                    raise ValueError(
                        f"expectations.{number}: the measure would show a value of {name}, which "
                        "is personal; count rows or distinct values instead"
                    )

    @property
    def asset_key(self) -> tuple[str, ...]:
        """The Dagster key as its words."""
        if self.asset is None:
            raise SuiteError(
                "this table's suite names no asset; load it with load_suite, which does"
            )
        return tuple(self.asset.split("/"))

    @property
    def name(self) -> str:
        """The table's name."""
        return self.asset_key[-1]

    @property
    def schema_name(self) -> str:
        """The schema of the table in the warehouse."""
        return self.asset_key[-2]

    @property
    def identifier_columns(self) -> frozenset[str]:
        """Delivered columns that become tokens."""
        return frozenset(name for name, column in self.columns.items() if column.is_identifier)

    def column_names(self, layout: Layout) -> dict[str, str]:
        """Delivered name -> name in `layout`, in contract order."""
        tokens = self.identifier_columns if layout is Layout.LANDED else frozenset()
        return {name: f"{name}{TOKEN_SUFFIX}" if name in tokens else name for name in self.columns}

    def duckdb_columns(self, layout: Layout) -> dict[str, str]:
        """Name -> DuckDB type of every column of `layout`, in order; empty without a contract."""
        if not self.columns:
            return {}
        names = self.column_names(layout)
        columns = {
            names[name]: "VARCHAR" if names[name] != name else column.duckdb_type
            for name, column in self.columns.items()
        }
        if layout is Layout.LANDED:
            if self.partitioned_by == "business_date":
                columns[BUSINESS_DATE_COLUMN] = "DATE"
            columns[BATCH_COLUMN] = "VARCHAR"
        return columns

    def personal_names(self, layout: Layout) -> frozenset[str]:
        """Columns in `layout` of which no value may appear anywhere."""
        names = self.column_names(layout)
        marked = {names[name] for name, column in self.columns.items() if column.personal}
        return frozenset(marked | set(self.personal_columns))

    def quarantine_reason_sql(self) -> str:
        """SQL expression over delivered columns: a row's first reason code, else NULL."""
        if not self.quarantine:
            return "cast(null as varchar)"
        cases = " ".join(f"when ({rule.rows}) then '{rule.reason}'" for rule in self.quarantine)
        return f"case {cases} end"


class SuiteFile(_Strict):
    """One file of suites: a source's contract, a layer's suite or a mart's promise."""

    source: Identifier | None = Field(default=None, description="landing/: the source's key.")
    vendor: Identifier | None = Field(default=None, description="landing/: the shape of its data.")
    layer: Literal["staging", "int_identity", "int_journey"] | None = None
    mart: Identifier | None = Field(default=None, description="marts/: the mart's name.")
    owner: Annotated[str, Field(pattern=r"^[a-z][a-z-]*$")]
    tables: dict[Identifier, TableSuite] = Field(min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _name_landed_assets(cls, data: Any) -> Any:
        if not isinstance(data, dict) or not isinstance(data.get("tables"), dict):
            return data
        source = data.get("source")
        if source is None:
            return data
        tables = {
            name: {**table, "asset": f"landing/{source}/{name}"}
            if isinstance(table, dict)
            else table
            for name, table in data["tables"].items()
        }
        return {**data, "tables": tables}

    @model_validator(mode="after")
    def _is_one_kind(self) -> Self:
        if sum(kind is not None for kind in (self.source, self.layer, self.mart)) != 1:
            raise ValueError("give exactly one of source, layer, mart")
        if (self.source is None) != (self.vendor is None):
            raise ValueError("source and vendor are given together")
        for name, table in self.tables.items():
            if table.asset is None:
                raise ValueError(f"tables.{name}: asset is missing")
            if table.name != name:
                raise ValueError(f"tables.{name}: asset {table.asset} names another table")
            if self.source is not None and not table.columns:
                raise ValueError(f"tables.{name}: a contract lists its columns")
            if self.layer is not None and table.schema_name != self.layer:
                raise ValueError(f"tables.{name}: asset {table.asset} lies in another layer")
        if self.mart is not None and set(self.tables) != {self.mart}:
            raise ValueError("a mart's file holds exactly the table it is named after")
        return self


# The C parser where it is installed: the suites of a run take 0.3 s instead of 2.6 s.
_SafeLoader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _UniqueKeyLoader(_SafeLoader):  # type: ignore[valid-type,misc]
    """Safe loading that refuses a key given twice; YAML would keep the last one silently."""

    def construct_mapping(
        self,
        node: Any,
        deep: bool = False,  # noqa: FBT001, FBT002 - its signature
    ) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"key {key!r} is given twice", key_node.start_mark
                )
            seen.add(key)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping


def load_suite(path: Path) -> SuiteFile:
    """Read one suite file.

    Raises SuiteError, which names the file, every faulty key and what is wrong with it.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise SuiteError(f"{path}: cannot be read: {error.strerror}") from error
    return _suite_of(path, text)


@lru_cache(maxsize=512)
def _suite_of(path: Path, text: str) -> SuiteFile:
    """A suite that was read once is not parsed again, in a step forked from its reader either."""
    try:
        data = yaml.load(text, Loader=_UniqueKeyLoader)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        raise SuiteError(f"{path}: is not valid YAML: {error}") from error
    if not isinstance(data, dict):
        raise SuiteError(f"{path}: holds no keys; see expectations/README.md for the format")
    try:
        suite = SuiteFile.model_validate(data)
    except ValidationError as error:
        raise SuiteError(f"{path}: {_in_one_line(error)}") from error
    _check_place(path, suite)
    _check_arguments(path, suite)
    return suite


def _check_place(path: Path, suite: SuiteFile) -> None:
    folder, name = path.parent.name, path.stem
    if suite.source is not None:
        expected = (LANDING_FOLDER, suite.source)
    elif suite.mart is not None:
        expected = (MARTS_FOLDER, suite.mart)
    else:
        expected = (str(suite.layer), name)
    if (folder, name) != expected:
        raise SuiteError(
            f"{path}: lies in the wrong place; by its header it is {expected[0]}/{expected[1]}.yaml"
        )


def _check_arguments(path: Path, suite: SuiteFile) -> None:
    """Arguments of our own types are known here; Great Expectations' own when it is asked."""
    for name, table in suite.tables.items():
        for number, item in enumerate(table.expectations):
            place = f"tables.{name}.expectations.{number}.kwargs"
            if item.type in COUNTED_TYPES:
                try:
                    counted_rule(item.type, item.kwargs, name)
                except ValueError as error:
                    raise SuiteError(f"{path}: {place}: {_in_one_line(error)}") from error
            if table.partitioned_by is None or item.severity != "critical":
                continue
            if forgives_rows(item) and day_rule(item) is None:
                raise SuiteError(
                    f"{path}: {place}: {item.label} forgives a share of the rows and cannot be "
                    "counted by day, so a range would hide a bad day; "
                    "use expect_share_of_rows_to_be_at_most"
                )


def _in_one_line(error: ValueError) -> str:
    if isinstance(error, ValidationError):
        return "; ".join(
            f"{'.'.join(str(part) for part in fault['loc']) or 'the file'}: {fault['msg']}"
            for fault in error.errors()
        )
    return str(error)


def load_suites(expectations_dir: Path) -> dict[Path, SuiteFile]:
    """Read every suite file below `expectations_dir`, in a stable order.

    Raises SuiteError for the first faulty file, for a folder the house does not know and
    for a table that two files promise.
    """
    suites: dict[Path, SuiteFile] = {}
    owners: dict[str, Path] = {}
    for path in sorted([*expectations_dir.rglob("*.yaml"), *expectations_dir.rglob("*.yml")]):
        folders = (LANDING_FOLDER, *LAYER_FOLDERS, MARTS_FOLDER)
        if path.parent.parent != expectations_dir or path.parent.name not in folders:
            raise SuiteError(f"{path}: suites lie in one of {', '.join(folders)} and not deeper")
        suite = load_suite(path)
        for table in suite.tables.values():
            asset = "/".join(table.asset_key)
            if asset in owners:
                raise SuiteError(f"{path}: {asset} has a suite in {owners[asset]} already")
            owners[asset] = path
        suites[path] = suite
    return suites


def tables_of(suites: dict[Path, SuiteFile]) -> Iterator[TableSuite]:
    """Every table's suite of `load_suites`, in file order."""
    for suite in suites.values():
        yield from suite.tables.values()


def json_schema() -> str:
    """The JSON schema of a suite file, as committed in expectations/schema.json."""
    schema = SuiteFile.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "Shopthread suite file"
    return json.dumps(schema, indent=2, sort_keys=True) + "\n"
