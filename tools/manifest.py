"""Parse the dbt project if a file of it changed, as the product itself would.

`python -m tools.manifest` is what `make setup` runs, so that the first page of the UI and
the linters find the manifest. How it is parsed is decided in `orchestration.warehouse`.
"""

import sys

from orchestration.settings import load_settings
from orchestration.warehouse.manifest import ManifestError, load_manifest


def main() -> int:
    """Parse, or say why dbt cannot."""
    try:
        manifest = load_manifest(load_settings())
    except ManifestError as error:
        print(f"setup: {error}", file=sys.stderr)
        return 1
    print(f"setup: {len(manifest.content['nodes'])} dbt nodes in {manifest.folder.name}/")
    return 0


if __name__ == "__main__":
    sys.exit(main())
