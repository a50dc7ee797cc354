"""The house rules that no linter knows, as functions from a project's root to what breaks them.

Each function returns one sentence per breach, with the file, and an empty list when its rule
holds; tests/architecture runs them on the project and on small trees that break them. Rules
about Dagster's asset graph lie in `house_graph`, rules about style belong to ruff, about one
model to dbt-bouncer.
"""

import ast
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from orchestration.quality.suites import Layout, SuiteFile, load_suites
from orchestration.warehouse.manifest import Layer, layer_of

NO_TOPIC = frozenset({"utils", "util", "helpers", "helper", "common", "base", "misc", "shared"})
SHORTEST_BORDER_SIGN = 60
PACKAGED = ("panel_package", "synthetic_retailer")
PUBLISHED = ("customer", "commerce", "journey", "kpi")

_LIST_OF_BATCHES = 'ref("src_shopthread__batches")'
_BATCHES_OF = re.compile(
    r'from \{\{ ref\("src_shopthread__batches"\) \}\}\s+'
    r"where (entity (= '\w+'|in \([^)]*\)) and is_current\s*\)|verdict = 'accepted' and )"
)
_RECORDS_OF = re.compile(r'newest_records\("(src_[a-z0-9_]+)"\)')
_LANDED = re.compile(r'landed\("\w+", "(\w+)"\)')
_QUOTED = re.compile(r"'(\w+)'")


def _python(root: Path, *folders: str) -> Iterator[tuple[Path, ast.Module]]:
    for folder in folders:
        for file in sorted((root / folder).rglob("*.py")):
            text = file.read_text(encoding="utf-8")
            yield file.relative_to(root), ast.parse(text, filename=str(file))


def _yaml(file: Path) -> Any:
    return yaml.safe_load(file.read_text(encoding="utf-8")) or {}


# -- Python ------------------------------------------------------------------------------


def modules_without_border_sign(root: Path) -> list[str]:
    """Every module begins by saying what it is and what does not belong in it."""
    found = []
    for file, module in _python(root, "orchestration", "tools"):
        sign = ast.get_docstring(module) or ""
        if file.name != "__main__.py" and len(sign) < SHORTEST_BORDER_SIGN:
            found.append(f"{file}: its docstring does not say what belongs here and what does not")
    return found


def names_without_topic(root: Path) -> list[str]:
    """No module, folder or macro has a name under which everything fits."""
    return [
        f"{file.relative_to(root)}: names no topic; name what lies in it"
        for folder in ("orchestration", "tools", "tests", "bench", "dbt_project/macros")
        for file in sorted((root / folder).rglob("*"))
        if file.stem in NO_TOPIC and file.suffix in {"", ".py", ".sql"}
    ]


def readers_of_the_environment(root: Path) -> list[str]:
    """Only settings.py reads or writes environment variables."""
    names = {"os.environ", "os.getenv", "os.putenv", "os.unsetenv", "os.environb"}
    found = []
    for file, module in _python(root, "orchestration"):
        if file == Path("orchestration/settings.py"):
            continue
        lines = [
            node.lineno
            for node in ast.walk(module)
            if (isinstance(node, ast.Attribute) and ast.unparse(node) in names)
            or (
                isinstance(node, ast.ImportFrom)
                and any(f"{node.module}.{alias.name}" in names for alias in node.names)
            )
        ]
        found += [f"{file}:{n}: reads the environment; add a setting instead" for n in lines]
    return found


def settings_without_example(root: Path) -> list[str]:
    """`.env.example` lists exactly the variables that settings.py reads."""
    settings = (root / "orchestration/settings.py").read_text(encoding="utf-8")
    example = (root / ".env.example").read_text(encoding="utf-8")
    read = set(re.findall(r"\bSHOPTHREAD_[A-Z_]+\b", settings)) - {"SHOPTHREAD_PROJECT"}
    listed = set(re.findall(r"^#?(SHOPTHREAD_[A-Z_]+)=", example, re.MULTILINE))
    found = [f".env.example: {name} is missing" for name in sorted(read - listed)]
    return found + [f".env.example: nothing reads {name}" for name in sorted(listed - read)]


def location_names_that_differ(root: Path) -> list[str]:
    """`dagster dev` and `dg dev` load the same module under the same name."""
    entry = _yaml(root / "workspace.yaml")["load_from"][0]["python_module"]
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    dg = project["tool"]["dg"]["project"]
    pairs = {
        "location name": (entry["location_name"], dg["code_location_name"]),
        "module": (entry["module_name"], dg["code_location_target_module"]),
    }
    return [
        f"workspace.yaml says {what} {ours}, pyproject.toml says {theirs}"
        for what, (ours, theirs) in pairs.items()
        if ours != theirs
    ]


# -- sources: the same names in every place ------------------------------------------------


def source_instances(root: Path) -> dict[str, dict[str, Any]]:
    """Attributes of every configured source, by its folder's name."""
    folder = root / "orchestration/defs/sources"
    return {
        file.parent.name: _yaml(file)["attributes"] for file in sorted(folder.glob("*/defs.yaml"))
    }


def dbt_sources(root: Path) -> dict[str, tuple[Path, dict[str, Any]]]:
    """Every dbt source of the adapters, with the file that declares it."""
    found = {}
    for file in sorted((root / "dbt_project/models/adapters").glob("*/_*__sources.yml")):
        for source in _yaml(file).get("sources", []):
            found[source["name"]] = (file, source)
    return found


def _suite_files(root: Path) -> dict[str, SuiteFile]:
    suites = load_suites(root / "expectations").values()
    return {suite.source: suite for suite in suites if suite.source is not None}


def unwired_sources(root: Path) -> list[str]:
    """A source has the same name and the same entities in every place, and no place an orphan."""
    instances, declared, contracts = source_instances(root), dbt_sources(root), _suite_files(root)
    listed = _yaml(root / "dbt_project/dbt_project.yml").get("vars", {}).get("sources", {})
    by_dbt = {name for name, (file, _) in declared.items() if file.parent.name != "shopthread"}
    places = {
        "orchestration/defs/sources": set(instances),
        "expectations/landing": set(contracts),
        "vars.sources of dbt_project.yml": {name for names in listed.values() for name in names},
        "the sources of dbt_project/models/adapters": by_dbt - {"ledger"},
    }
    every = set().union(*places.values())
    found = [
        f"source {name} is missing in {place}"
        for place, names in places.items()
        for name in sorted(every - names)
    ]
    for name in sorted(every.intersection(*places.values())):
        vendor = instances[name]["vendor"]
        if name not in listed.get(vendor, []):
            found.append(f"source {name}: vars.sources does not list it under its vendor {vendor}")
        # A data package or a generator is its own fixture; tests cut small worlds from it.
        packaged = instances[name].get("reader", {}).get("kind") in PACKAGED
        if not packaged and not (root / "tests/fixtures" / vendor).is_dir():
            found.append(f"vendor {vendor}: has no fixtures in tests/fixtures/{vendor}")
        folder = root / "dbt_project/models/adapters" / vendor
        adapters = {file.stem.partition("__")[2] for file in folder.glob(f"src_{vendor}__*.sql")}
        entities = {
            "its defs.yaml": {entity["name"] for entity in instances[name]["entities"]},
            "its contract": set(contracts[name].tables),
            "its dbt source": {table["name"] for table in declared[name][1]["tables"]},
            "the adapters of its vendor": adapters,
        }
        all_entities = set().union(*entities.values())
        found += [
            f"source {name}: entity {entity} is missing in {place}"
            for place, names in entities.items()
            for entity in sorted(all_entities - names)
        ]
    return found


def drifting_columns(root: Path) -> list[str]:
    """Columns of a dbt source are those that landing writes by the contract, in order."""
    found = []
    declared = dbt_sources(root)
    for name, suite in _suite_files(root).items():
        if name not in declared:
            continue
        file, source = declared[name]
        tables = {table["name"]: table for table in source["tables"]}
        for entity, contract in suite.tables.items():
            if entity not in tables:
                continue
            wanted = {
                column: kind.lower().replace(" ", "")
                for column, kind in contract.duckdb_columns(Layout.LANDED).items()
            }
            written = {
                column["name"]: str(column.get("data_type", "")).lower().replace(" ", "")
                for column in tables[entity].get("columns", [])
            }
            if list(wanted.items()) != list(written.items()):
                differ = sorted(set(wanted.items()) ^ set(written.items()))
                what = ", ".join(f"{column} {kind}" for column, kind in differ) or "their order"
                found.append(f"{file.relative_to(root)}: {name}.{entity} drifted: {what}")
    return found


# -- dbt -------------------------------------------------------------------------------------


def sources_read_outside_adapters(root: Path) -> list[str]:
    """Only adapters and the macro that unions sources write source()."""
    allowed = {Path("dbt_project/macros/landed.sql")}
    found = []
    for file in sorted((root / "dbt_project").rglob("*.sql")):
        name = file.relative_to(root)
        if name.parts[1] == "target" or name in allowed or "adapters" in name.parts:
            continue
        if re.search(r"\bsource\s*\(", file.read_text(encoding="utf-8")):
            found.append(f"{name}: reads a source; only adapters do")
    return found


def models(manifest: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Every model of the parsed project, by its unique id."""
    nodes = manifest["nodes"].items()
    return {key: node for key, node in nodes if node["resource_type"] == "model"}


def gated_models(root: Path, manifest: Mapping[str, Any]) -> dict[str, str]:
    """Unique id of every model that carries a suite, with the asset the suite names."""
    by_table = {(node["schema"], node["name"]): key for key, node in models(manifest).items()}
    return {
        by_table[table.schema_name, table.name]: "/".join(table.asset_key)
        for suite in load_suites(root / "expectations").values()
        if suite.source is None
        for table in suite.tables.values()
        if (table.schema_name, table.name) in by_table
    }


def suites_of_nothing(root: Path, manifest: Mapping[str, Any]) -> list[str]:
    """Every suite behind landing names a model that exists, in the schema it says."""
    known = {(node["schema"], node["name"]) for node in models(manifest).values()}
    return [
        f"{file.relative_to(root)}: there is no model {table.schema_name}.{table.name}"
        for file, suite in load_suites(root / "expectations").items()
        if suite.source is None
        for table in suite.tables.values()
        if (table.schema_name, table.name) not in known
    ]


def layers_and_marts_without_suite(root: Path, manifest: Mapping[str, Any]) -> list[str]:
    """Every published mart has a suite, and so have staging, identity and journey as layers."""
    gated = gated_models(root, manifest)
    found = [
        f"mart {node['schema']}.{node['name']} has no suite in expectations/marts"
        for key, node in sorted(models(manifest).items())
        if node["schema"] in PUBLISHED and key not in gated
    ]
    schemas = {models(manifest)[key]["schema"] for key in gated}
    layers = (Layer.STAGING, Layer.IDENTITY, Layer.JOURNEY)
    return found + [f"layer {layer} has no suite" for layer in layers if layer not in schemas]


def gates_that_do_not_hold(root: Path, manifest: Mapping[str, Any]) -> list[str]:
    """Behind a model with a suite, no other table is built by the same op.

    A blocking check holds back what lies behind an op border and nothing else. The quality
    layer may chain: only the publish lies behind it, and that is an op of its own.
    """
    nodes = models(manifest)
    children: dict[str, list[str]] = {}
    for key, node in nodes.items():
        for parent in node["depends_on"]["nodes"]:
            children.setdefault(parent, []).append(key)
    found = []
    for gate, asset in sorted(gated_models(root, manifest).items()):
        seen: set[str] = set()
        ahead = list(children.get(gate, []))
        while ahead:
            key = ahead.pop()
            if key in seen:
                continue
            seen.add(key)
            ahead += children.get(key, [])
            node = nodes[key]
            same_op = layer_of(node) is layer_of(nodes[gate]) is not Layer.QUALITY
            if same_op and node["config"]["materialized"] != "view":
                found.append(
                    f"{asset}: {node['name']} is built behind it by the same op "
                    f"({layer_of(node)}), so the gate cannot hold it back"
                )
    return found


def undeclared_models(manifest: Mapping[str, Any]) -> list[str]:
    """Every staging contract and mart has an enforced contract, a grain, an owner and words."""
    found = []
    for node in models(manifest).values():
        name = f"{node['schema']}.{node['name']}"
        if not node["description"]:
            found.append(f"{name}: has no description")
        found += [
            f"{name}.{column['name']}: has no description"
            for column in node["columns"].values()
            if not column["description"]
        ]
        if not node["name"].startswith(("stg_",)) and not node["path"].startswith("marts"):
            continue
        if not node["config"]["contract"]["enforced"]:
            found.append(f"{name}: its contract is not enforced")
        meta = node["config"]["meta"]
        missing = [key for key in ("grain", "owner", "personal_data") if not meta.get(key)]
        if missing:
            found.append(f"{name}: meta lacks {', '.join(missing)}")
        unknown = sorted(set(meta.get("grain") or []) - set(node["columns"]))
        if unknown:
            found.append(f"{name}: its grain names no column of it: {', '.join(unknown)}")
    return found


def keys_without_a_test(manifest: Mapping[str, Any]) -> list[str]:
    """A table's grain is tested: nobody finds out by a sum that a key came twice."""
    tested: dict[str, set[tuple[str, ...]]] = {}
    for node in manifest["nodes"].values():
        test = node.get("test_metadata") or {}
        given = test.get("kwargs") or {}
        given = {**given, **(given.get("arguments") or {})}
        if test.get("name") == "names_its_rows":
            columns = [str(given["column_name"])]
        elif test.get("name") == "unique_combination":
            columns = [str(column) for column in given["columns"]]
        else:
            continue
        tested.setdefault(str(node.get("attached_node")), set()).add(tuple(sorted(columns)))
    return [
        f"{node['schema']}.{node['name']}: nothing tests its grain ({', '.join(grain)})"
        for unique_id, node in models(manifest).items()
        if node["config"]["materialized"] == "table"
        and (grain := node["config"]["meta"].get("grain"))
        and tuple(sorted(grain)) not in tested.get(unique_id, set())
    ]


def _landed_entity(manifest: Mapping[str, Any], adapter: str) -> str:
    """The entity that an adapter reads; without the adapter's SQL, the end of its name."""
    for node in models(manifest).values():
        if node["name"] == adapter and (read := _LANDED.search(node["raw_code"])):
            return read.group(1)
    return adapter.rsplit("__", maxsplit=1)[-1]


def models_that_misname_their_batches(manifest: Mapping[str, Any]) -> list[str]:
    """A model that takes the batches of some entities says so, and means the same in its SQL.

    Its build stamp follows what it says: a model that says less than it reads would stand
    although it is outdated.
    """
    found = []
    for node in models(manifest).values():
        condition = _BATCHES_OF.search(node["raw_code"])
        read = None
        if condition:
            by_entity = condition.group(2)
            read = ["*"] if by_entity is None else sorted(_QUOTED.findall(by_entity))
        by_record = [
            _landed_entity(manifest, adapter) for adapter in _RECORDS_OF.findall(node["raw_code"])
        ]
        if by_record:
            read = sorted({*(read or []), *by_record})
        said = node["config"]["meta"].get("accepted_batches_of")
        if (None if said is None else sorted(said)) != read:
            found.append(
                f"{node['schema']}.{node['name']}: takes the batches of {read or 'all entities'}"
                f" and says {said or 'nothing'} in meta.accepted_batches_of"
            )
        if said is not None and node["raw_code"].count(_LIST_OF_BATCHES) + bool(by_record) != 1:
            found.append(f"{node['schema']}.{node['name']}: reads the list of batches twice")
    return found


def macros_out_of_place(manifest: Mapping[str, Any]) -> list[str]:
    """One macro per file, named like it, described with its arguments, and used.

    Beside it may stand only its spellings for engines, `<engine>__<macro>`.
    """
    ours = {
        key: macro
        for key, macro in manifest["macros"].items()
        if macro["package_name"] == manifest["metadata"]["project_name"]
        and macro["path"].startswith("macros")
    }
    readers = [*manifest["nodes"].values(), *manifest["macros"].values()]
    used = {key for reader in readers for key in reader.get("depends_on", {}).get("macros", [])}
    found = []
    for key, macro in sorted(ours.items()):
        name, file = macro["name"], Path(macro["path"]).stem
        engine, shim, spelled = name.partition("__")
        if shim and engine.isalpha() and spelled == file:
            continue
        place = f"{macro['original_file_path']}: macro {name}"
        if name != file:
            found.append(f"{place} lies in a file of another name")
        if not macro["description"]:
            found.append(f"{place} has no description")
        found += [
            f"{place}: argument {argument['name']} has no description"
            for argument in macro["arguments"]
            if not argument["description"]
        ]
        called_by_dbt = name == "generate_schema_name" or name.startswith("materialization_")
        if key not in used and not called_by_dbt:
            found.append(f"{place} is used by nobody")
    return found
