"""What a source says of a file it delivers: the manifest beside it.

`<partition>.manifest.json`, written after the file: it says that the file is whole, which
version of its partition it is, and how many records it holds. Finding files is `files`,
comparing the records belongs to landing.
"""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

SUFFIX = ".manifest.json"

_LARGEST = 64 << 10


class ManifestError(ValueError):
    """A manifest cannot be read; the message says what is wrong and quotes nothing of it."""


class DeliveryManifest(BaseModel):
    """What a source says of one file."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    version: Annotated[int, Field(ge=0, lt=10**18)]
    """Grows with every delivery of the same partition."""
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    """Of the file's bytes."""
    records: Annotated[int, Field(ge=0)] | None = None


def read_manifest(path: Path) -> DeliveryManifest:
    """Read one manifest. Raises ManifestError when it is none, OSError when it is not there."""
    with path.open("rb") as handle:
        text = handle.read(_LARGEST + 1)
    if len(text) > _LARGEST:
        raise ManifestError(f"it is longer than {_LARGEST:,} bytes")
    try:
        return DeliveryManifest.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the document"
        raise ManifestError(f"{where}: {first['msg']}") from error
