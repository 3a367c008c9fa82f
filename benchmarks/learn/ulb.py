"""The rows of the ULB card data set, as `crivo train --data` reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from crivo.adapters.files.reader import FileReader
from crivo.flows.mapping import parse_mapping
from crivo.flows.training_rows import dataset_of_table
from crivo.model.dataset import Dataset

FILE: Final = "ulb/ulb_subset.parquet"
MAPPING: Final = Path(__file__).resolve().parents[2] / "mappings" / "ulb.toml"


def ulb_dataset(data: Path) -> Dataset:
    """Every row, with the weight that restores the true prevalence.

    Raises:
        Refused: FILE_UNREADABLE where `data` holds no such file.
    """
    mapping = parse_mapping(MAPPING.read_text(encoding="utf-8"), name=MAPPING.name)
    return dataset_of_table(FileReader(data / FILE), mapping, progress=lambda *_: None)
