"""The rows of a simulated world, as `crivo simulate`, `ingest` and `train` make them."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from crivo.bootstrap.offline import import_table, log_reader, read_mapping
from crivo.bootstrap.service import serving_plan
from crivo.cli.simulate import TRANSFERS_FILE, SimulateFlags, simulate_world
from crivo.domain.instant import DAY
from crivo.domain.streams import Stream
from crivo.flows.training_rows import dataset_of_log
from crivo.model.dataset import Dataset
from crivo.settings import load_settings

LABEL_DELAY: Final = 7 * DAY
_MAPPING: Final = Path(__file__).resolve().parents[2] / "mappings" / "simulated.toml"


def pix_dataset(*, seed: int, scale: str, days: int) -> Dataset:
    """Every mature transfer of a world of the default prevalence and difficulty, with its label.

    The world and its log lie in a folder that is gone afterwards.
    """
    with TemporaryDirectory() as folder:
        flags = SimulateFlags(
            out=Path(folder) / "world",
            tables="platform",
            seed=seed,
            start="2026-03-02",
            days=days,
            past_days=0,
            scale=scale,
            file_format="parquet",
        )
        simulate_world(flags, lambda *_: None)
        settings = load_settings({}, home=Path(folder) / "home", log__clock="replay")
        table, mapping = flags.out / TRANSFERS_FILE, read_mapping(_MAPPING)
        import_table(settings, table, mapping, until=None, progress=lambda *_: None)
        log = log_reader(settings)
        try:
            newest = max(
                log.order_time(stream, part)
                for stream in Stream
                for part in range(log.manifest.partitions)
            )
            return dataset_of_log(
                log,
                serving_plan(),
                labels_as_of=newest + 1,
                label_delay=LABEL_DELAY,
                progress=lambda *_: None,
            )
        finally:
            log.close()
