"""The chain from landing to the marts: what stands, what must be built, who may go on.

Joins the build stamps in the warehouse with what landing holds now. An op that finds
something unfinished or outdated behind it refuses; a full run builds it again, and only
that. Stamps and fingerprints are `orchestration.warehouse.stamps`; whether checks passed is
the guard's question.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import dagster as dg

from orchestration.landing.ledger import Ledger
from orchestration.settings import Settings
from orchestration.warehouse.manifest import DbtManifest
from orchestration.warehouse.stamps import (
    Fingerprints,
    Stamp,
    ancestors,
    fingerprints,
    read_stamps,
    stamp_building,
    stamp_built,
)

REBUILD_TAG = "shopthread/rebuild"
"""Run tag: build everything that is asked for, also what stands as it would be built."""

_SHOWN = 3
_LEDGER_SOURCE = "ledger"


class BrokenChainError(dg.Failure):
    """What an op builds on is unfinished or outdated; names it and the run that mends it."""


@dataclass(frozen=True)
class BuildChain:
    """What stands in the warehouse, beside what would be built now. Read under the lock."""

    settings: Settings
    manifest: DbtManifest
    run_id: str
    wanted: Fingerprints
    stamps: Mapping[str, Stamp]

    def require(self, building: Sequence[str], what: str) -> None:
        """Raise BrokenChainError unless everything that `building` is built from stands.

        `what` names, for the message, what would have been made.
        """
        self._require(sorted(ancestors(self.manifest, building)), what)

    def require_all(self, what: str) -> None:
        """Raise BrokenChainError unless every model and seed of the project stands."""
        self._require(sorted(self.wanted.by_id), what)

    def _require(self, unique_ids: Sequence[str], what: str) -> None:
        unfit = self.wanted.unfit(self.stamps, unique_ids)
        if not unfit:
            return
        shown = "; ".join(self._problem(unique_id) for unique_id in unfit[:_SHOWN])
        more = f"; and {len(unfit) - _SHOWN} more" if len(unfit) > _SHOWN else ""
        raise BrokenChainError(
            description=(
                f"{what} was not made, because what it is built from does not stand: {shown}"
                f"{more}. Nothing was changed and the last published version stays served. Run "
                "job `full` (or `shopthread run`): it builds what does not fit, and only that."
            ),
            metadata={"models_that_do_not_fit": len(unfit)},
            allow_retries=False,
        )

    def _problem(self, unique_id: str) -> str:
        node = self.manifest.content["nodes"][unique_id]
        name = f"{node['schema']}/{node['name']}"
        stamp = self.stamps.get(unique_id)
        if stamp is None:
            return f"{name} was never built in this warehouse"
        if stamp.is_building:
            return f"{name} is unfinished, run {stamp.run_id[:8]} ended while it was built"
        return f"{name} was built from another landing, as-of date or code, by run {stamp.run_id[:8]}"

    def to_build(self, models: Sequence[str], *, rebuild: bool) -> list[str]:
        """Which of the models a step is asked for do not stand; all of them with `rebuild`."""
        return list(models) if rebuild else self.wanted.unfit(self.stamps, models)

    def announce(self, building: Iterable[str]) -> None:
        """Say, before the first is touched, that these cannot be relied on."""
        stamp_building(self.settings, self.run_id, building)

    def settle(self, built: Iterable[str]) -> None:
        """Say what these were built from; the others stay unfinished."""
        names = list(built)
        stamp_built(self.settings, self.run_id, {name: self.wanted.by_id[name] for name in names})


def build_chain(
    settings: Settings, ledger: Ledger, manifest: DbtManifest, run_id: str
) -> BuildChain:
    """Read the chain as it is now; the caller holds the lock of the warehouse."""
    contents = source_contents(settings, ledger, manifest)
    wanted = fingerprints(settings, manifest, contents)
    return BuildChain(settings, manifest, run_id, wanted, read_stamps(settings))


def source_contents(settings: Settings, ledger: Ledger, manifest: DbtManifest) -> dict[str, str]:
    """What every source of the dbt project holds, as a digest by unique id.

    Of a landed entity: its accepted batches, whose files never change. Of the ledger: the
    file that was exported for dbt last.
    """
    accepted = ledger.accepted_batches()
    contents = {}
    for unique_id, source in manifest.content["sources"].items():
        name = str(source["name"])
        if source["source_name"] == _LEDGER_SOURCE:
            contents[unique_id] = _digest_of_file(settings.ledger_export_dir / f"{name}.parquet")
        else:
            batches = accepted.get((str(source["source_name"]), name), ())
            contents[unique_id] = hashlib.sha256("\n".join(batches).encode()).hexdigest()
    return contents


def _digest_of_file(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else "never exported"
