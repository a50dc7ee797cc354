"""The parsed dbt project: parsed again only when a file of it changed.

Holds names, columns and dependencies, never data or paths of one machine, so it lies
beside the code. Running models belongs to `dbt_process`.
"""

import fcntl
import hashlib
import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from orchestration.settings import Settings

_FINGERPRINT_FILE = "fingerprint.txt"
_IGNORED_FOLDERS = frozenset({"target", "logs", "dbt_packages"})


class ManifestError(RuntimeError):
    """The dbt project cannot be parsed; the message carries dbt's own words."""


class Layer(StrEnum):
    """The gated layers, in the order of the flow. Each is built by one op."""

    STAGING = "staging"
    IDENTITY = "int_identity"
    JOURNEY = "int_journey"
    MARTS = "marts"
    KPI = "kpi"
    QUALITY = "quality"


@dataclass(frozen=True)
class DbtManifest:
    """The manifest as dbt wrote it, with its folder."""

    folder: Path
    content: Mapping[str, Any]

    def models(self, layer: Layer) -> tuple[str, ...]:
        """Unique ids of the models and seeds that a layer's op builds, ordered by name."""
        return tuple(
            unique_id
            for unique_id, node in sorted(self.content["nodes"].items())
            if node["resource_type"] in {"model", "seed"} and layer_of(node) is layer
        )

    def selectors(self, layer: Layer) -> list[str]:
        """What dbt is to select for all models and seeds of a layer; tests are no part of it.

        A folder whose models are all of this layer is named once, because dbt compares every
        selector with every node of the project.
        """
        wanted = set(self.models(layer))
        inside: dict[tuple[str, ...], set[str]] = {}
        for unique_id, node in self.content["nodes"].items():
            if node["resource_type"] in {"model", "seed"}:
                for depth in range(1, len(node["fqn"]) + 1):
                    inside.setdefault(tuple(node["fqn"][:depth]), set()).add(unique_id)
        whole = {path for path, models in inside.items() if models <= wanted}
        return [f"fqn:{'.'.join(path)}" for path in sorted(whole) if path[:-1] not in whole]

    def tests(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Unique id and properties of every data test."""
        for unique_id, node in self.content["nodes"].items():
            if node["resource_type"] == "test":
                yield unique_id, node

    def in_order(self, unique_ids: Iterable[str]) -> list[str]:
        """The same nodes, each behind everything it is built from; otherwise by name."""
        asked = sorted(unique_ids)
        sorter = TopologicalSorter(
            {name: self.content["parent_map"].get(name, ()) for name in self.content["nodes"]}
        )
        place = {name: number for number, name in enumerate(sorter.static_order())}
        return sorted(asked, key=place.__getitem__)

    def tests_that_follow(self, models: AbstractSet[str]) -> set[str]:
        """Tests that dbt adds to these models by itself, under the selection `buildable`.

        Those that ask a model of the set and otherwise only the set or its ancestors.
        """
        within = set(models)
        open_ids = list(models)
        while open_ids:
            for parent in self.content["parent_map"].get(open_ids.pop(), []):
                if parent not in within:
                    within.add(parent)
                    open_ids.append(parent)
        return {
            unique_id
            for unique_id, test in self.tests()
            if (asked := set(test["depends_on"]["nodes"])) & models and asked <= within
        }


def layer_of(node: Mapping[str, Any]) -> Layer:
    """The layer whose op builds a model or seed, told by its folder and its name.

    Facts and dimensions are one op, what is computed from them another, so that a gate
    on a fact stands before every KPI.
    """
    if node["resource_type"] == "seed":
        return Layer.STAGING
    folder, *rest = Path(str(node["path"])).parts
    if folder in {"adapters", "staging"}:
        return Layer.STAGING
    if folder == "identity":
        return Layer.IDENTITY
    if folder == "journey":
        return Layer.JOURNEY
    if folder == "marts":
        return layer_of_mart(rest[0], str(node["name"]))
    raise ManifestError(
        f"model {node['name']} lies in models/{folder}, which is no layer; move it to "
        "adapters, staging, identity, journey or marts"
    )


def layer_of_mart(schema: str, name: str) -> Layer:
    """Marts are three layers: facts and dimensions, what is computed from them, quality."""
    if schema == "quality":
        return Layer.QUALITY
    return Layer.KPI if name.startswith(("kpi_", "mart_")) else Layer.MARTS


def load_manifest(settings: Settings) -> DbtManifest:
    """Read the manifest, parsing the project first when a file of it changed.

    Several processes may ask at once: one parses, the others wait.
    Raises ManifestError when dbt cannot parse the project.
    """
    folder = settings.manifest_dir
    path = folder / "manifest.json"
    wanted = _fingerprint(settings.dbt_project_dir)
    if not _is_current(folder, wanted):
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "parse.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not _is_current(folder, wanted):
                _parse(settings, folder)
                (folder / _FINGERPRINT_FILE).write_text(wanted, "utf-8")
    return DbtManifest(folder, json.loads(path.read_text("utf-8")))


def _is_current(folder: Path, wanted: str) -> bool:
    stamp = folder / _FINGERPRINT_FILE
    return (
        (folder / "manifest.json").exists()
        and (folder / "partial_parse.msgpack").exists()
        and stamp.exists()
        and stamp.read_text("utf-8") == wanted
    )


def _fingerprint(project_dir: Path) -> str:
    digest = hashlib.sha256(sys.version.encode())
    for path in sorted(project_dir.rglob("*")):
        relative = path.relative_to(project_dir)
        if path.is_file() and relative.parts[0] not in _IGNORED_FOLDERS:
            digest.update(relative.as_posix().encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _parse(settings: Settings, folder: Path) -> None:
    project = str(settings.dbt_project_dir)
    command = [
        *(sys.executable, "-m", "dbt.cli.main"),
        *("--log-level-file", "none", "--no-use-colors"),
        *("parse", "--no-partial-parse"),
        *("--project-dir", project, "--profiles-dir", project),
        *("--target-path", str(folder), "--log-path", str(folder)),
    ]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if finished.returncode != 0:
        raise ManifestError(
            f"dbt cannot parse {project}:\n{finished.stdout[-4000:]}{finished.stderr[-2000:]}"
        )
