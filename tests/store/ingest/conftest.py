"""One pool of decoder processes for all tests, and a way to upload bytes through it."""

from pathlib import Path

import pytest

from store.ingest import IngestError, IngestLimits, IngestOptions, IngestPool

CSV = "text/csv"
PARQUET = "application/vnd.apache.parquet"
NDJSON = "application/x-ndjson"
COLUMNS = "application/json"
ZIP = "application/zip"
LIMITS = IngestLimits(cells=2_000_000, threads=1, memory_bytes=1024**3, cpu_seconds=20, wall_seconds=30.0)


@pytest.fixture(scope="session")
def pool():
    with IngestPool(LIMITS) as pool:
        yield pool


class Upload:
    """Decodes bytes as an upload would be; what came out lies at ``target``."""

    def __init__(self, pool: IngestPool, folder: Path) -> None:
        self._pool = pool
        self._source = folder / "upload"
        self.target = folder / "canonical.parquet"

    def __call__(self, content: bytes, media_type: str = CSV, **options):
        self._source.write_bytes(content)
        return self._pool.run(self._source, media_type=media_type, options=IngestOptions(**options), target=self.target)

    def refused(self, content: bytes, media_type: str = CSV, **options) -> IngestError:
        """The refusal of ``content``; nothing is left behind."""
        with pytest.raises(IngestError) as refusal:
            self(content, media_type, **options)
        assert sorted(path.name for path in self._source.parent.iterdir()) == ["upload"]
        return refusal.value


@pytest.fixture
def upload(pool, tmp_path):
    folder = tmp_path / "upload"
    folder.mkdir()
    return Upload(pool, folder)
