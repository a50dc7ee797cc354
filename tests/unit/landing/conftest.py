"""A small source with one day-partitioned and one snapshot entity, and judges that obey."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from orchestration.landing.contract import Column, EntityContract, IdentifierKind, RowRule
from orchestration.landing.land import Judged, Landing, Verdict
from orchestration.landing.ledger import Ledger
from orchestration.settings import Settings, load_settings
from orchestration.sources.config import SourceConfig
from orchestration.sources.files import FileReader

SOURCE = SourceConfig.model_validate(
    {
        "source": "corner_shop",
        "vendor": "corner_shop",
        "description": "A shop made up for tests.",
        "owner": "commerce",
        "data_origin": "synthetic",
        "lawful_basis": "none",
        "cadence": "daily",
        "time_zone": "America/New_York",
        "reader": {"kind": "folder", "path": "shop"},
        "entities": [
            {
                "name": "sales",
                "description": "One line of a receipt.",
                "channel": "store",
                "partitioned": True,
                "event_column": "sold_at",
            },
            {"name": "products", "description": "One product.", "channel": "store"},
            {
                "name": "counts",
                "description": "What somebody counted on a day.",
                "channel": "store",
                "partitioned": True,
                "date_column": "counted_on",
            },
        ],
    }
)

CONTRACTS = {
    "sales": EntityContract(
        columns=(
            Column("receipt", "bigint", nullable=False),
            Column("card", "bigint", nullable=False, identifier=IdentifierKind("loyalty_card")),
            Column("amount", "decimal(18,2)", nullable=False),
            Column("sold_at", "timestamp", nullable=False),
        ),
        row_rules=(RowRule("negative_amount", "amount < 0"),),
        quarantined_share_allowed=0.5,
        quarantined_rows_allowed=0,
        suite_fingerprint="first",
    ),
    "products": EntityContract(
        columns=(
            Column("product", "bigint", nullable=False),
            Column("name", "string", nullable=True),
        ),
        row_rules=(),
        quarantined_share_allowed=0.0,
        quarantined_rows_allowed=0,
        suite_fingerprint="first",
    ),
    "counts": EntityContract(
        columns=(
            Column("counted_on", "date", nullable=True),
            Column("pieces", "bigint", nullable=True),
        ),
        row_rules=(),
        quarantined_share_allowed=0.0,
        quarantined_rows_allowed=0,
        suite_fingerprint="first",
    ),
}


@dataclass
class ObedientJudge:
    """Answers what `decide` says of the judged rows, and remembers how often it was asked."""

    decide: Callable[[pd.DataFrame], str] = lambda _: "passed"
    asked: list[int] = field(default_factory=list)
    names_days: bool = False
    """Whether a verdict names the days with an amount above 100, as the real judge would."""

    def __call__(self, judged: Judged) -> Verdict:
        import duckdb

        with duckdb.connect(str(judged.database), read_only=True) as connection:
            rows = connection.execute(f"select * from {judged.table}").df()
            failing = (
                connection.execute(
                    "select distinct cast(_business_date as varchar)"
                    f" from {judged.by_day} where amount > 100"
                ).fetchall()
                if self.names_days
                else []
            )
        self.asked.append(len(rows))
        outcome = self.decide(rows)
        return Verdict(outcome, f"the judge said {outcome}", (), tuple(name for (name,) in failing))


@dataclass
class Shop:
    """Delivers files and lands them."""

    settings: Settings
    ledger: Ledger
    folder: Path
    judge: ObedientJudge
    now: datetime = datetime(2026, 11, 25, 12, tzinfo=UTC)
    source: SourceConfig = SOURCE

    def landing(self, entity: str, contract: EntityContract | None = None) -> Landing:
        return Landing(
            settings=self.settings,
            ledger=self.ledger,
            source=self.source,
            entity=self.source.entity(entity),
            contract=contract or CONTRACTS[entity],
            reader=FileReader(
                "corner_shop",
                entity,
                self.folder,
                self.settings.inbox_dir,
                self.source.entity(entity).format,
            ),
            judge=self.judge,
            run_id="run-1",
            now=self.now,
        )

    def deliver(
        self, entity: str, rows: Sequence[dict[str, Any]], partition: str | None = None
    ) -> Path:
        """Write the base file, or a file of one partition into the inbox."""
        path = (
            self.folder / f"{entity}.parquet"
            if partition is None
            else self.settings.inbox_dir / "corner_shop" / entity / f"{partition}.parquet"
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        frame = pd.DataFrame(list(rows))
        for column in ("sold_at",):
            if column in frame:
                frame[column] = frame[column].astype("datetime64[us]")
        frame.to_parquet(path, index=False)
        return path

    def landed(self, entity: str) -> pd.DataFrame:
        """Every landed row of the batches that are current."""
        current = self.ledger.current("corner_shop", entity).values()
        files = sorted({str(batch.file) for batch in current})
        if not files:
            return pd.DataFrame()
        frames = [pd.read_parquet(self.settings.home / file) for file in files]
        rows = pd.concat(frames, ignore_index=True)
        return rows[rows["_batch_id"].isin({batch.batch_id for batch in current})].reset_index(
            drop=True
        )


def sale(receipt: int, day: int, *, amount: float = 1.5, card: int | None = 7) -> dict[str, Any]:
    """A sale at noon in New York on a day of January 2017."""
    return {
        "receipt": receipt,
        "card": card,
        "amount": amount,
        "sold_at": datetime(2017, 1, day, 17, 0, 0),
    }


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    settings = load_settings(
        {
            "SHOPTHREAD_HOME": str(tmp_path / "var"),
            "SHOPTHREAD_FIRST_DAY": "2017-01-01",
            "SHOPTHREAD_LAST_DAY": "2017-01-31",
        }
    )
    folder = tmp_path / "shop"
    folder.mkdir()
    return Shop(settings, Ledger(settings.ledger_path), folder, ObedientJudge())


JANUARY = [date(2017, 1, day) for day in range(1, 32)]
