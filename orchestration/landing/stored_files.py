"""The files of accepted batches: their digests, and which of them are not whole any more.

A landed file never changes after its rename, so its digest says for ever whether it is what
was judged. What becomes of a damaged one is decided in `land`; who must not build upon it, in
`orchestration.components.build_chain`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path

from orchestration.landing.ledger import Batch, Ledger


@dataclass(frozen=True)
class DamagedFile:
    """An accepted batch whose file is not what was accepted."""

    batch: Batch
    problem: str

    def __str__(self) -> str:
        return (
            f"{self.batch.source_key}/{self.batch.entity} {self.batch.partition_key}: the landed "
            f"file of batch {self.batch.batch_id} {self.problem}"
        )


def digest_of(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def damaged_files(
    home: Path, ledger: Ledger, entities: Iterable[tuple[str, str]]
) -> list[DamagedFile]:
    """Accepted batches of these (source, entity) pairs whose files are gone or differ.

    Reads every byte of them: 0.03 s for the panel's 57 MB. A batch that landed before
    digests were kept is only asked whether its file is there.
    """
    found = []
    read: dict[Path, str] = {}
    for source, entity in sorted(entities):
        digests = ledger.file_digests(source, entity)
        for batch in ledger.accepted(source, entity):
            path = home / str(batch.file)
            expected = digests.get(batch.batch_id)
            if not path.is_file():
                found.append(DamagedFile(batch, "is gone"))
                continue
            # Days that landed together lie in one file.
            if expected is not None and path not in read:
                read[path] = digest_of(path)
            if expected is not None and read[path] != expected:
                found.append(DamagedFile(batch, "has other bytes than were accepted"))
    return found
