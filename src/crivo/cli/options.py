"""Options that several commands share; nothing here is heavy."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from crivo.domain.phase import Phase

Home = Annotated[
    Path | None,
    typer.Option("--home", help="Folder of log, models and keys. [default: CRIVO_HOME or .crivo]"),
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as one JSON document.")]
LabelsAsOf = Annotated[
    str | None,
    typer.Option("--labels-as-of", help="Instant (RFC 3339, Z). [default: the log's end]"),
]
Log = Annotated[
    str | None,
    typer.Option(
        "--log", help="A log in Kafka, kafka://HOST:PORT. [default: CRIVO_LOG__URL or a file]"
    ),
]
Mapping = Annotated[
    Path | None, typer.Option("--mapping", help="Mapping file (TOML) that explains the columns.")
]
#: What a count of rows, versions or transfers may be: more than any log holds, and far below
#: the integers of 64 bits that databases and arrays take.
COUNT_MAX: Final = 1_000_000_000
#: What a topic and a database can number.
OFFSET_MAX: Final = 2**63 - 1
#: Ten years, beyond any retention.
DAYS_MAX: Final = 3_650
LabelDelayDays = Annotated[
    int,
    typer.Option("--label-delay-days", min=0, max=DAYS_MAX, help="Younger transfers are IMMATURE."),
]
SilentOneIn = Annotated[
    int,
    typer.Option(
        "--silent-one-in",
        min=1,
        max=COUNT_MAX,
        help="Keep one silent transfer in so many, so weighted.",
    ),
]
Limit = Annotated[int, typer.Option("--limit", min=0, max=COUNT_MAX, help="Rows to show.")]
PhaseOption = Annotated[
    Phase, typer.Option("--phase", help="Which of the two decisions of the transfer.")
]
Seed = Annotated[int, typer.Option("--seed", help="Seed of everything random.")]
#: What every library that learns takes for a seed.
TRAINING_SEED_MAX: Final = 2**32 - 1
TrainingSeed = Annotated[
    int,
    typer.Option("--seed", min=0, max=TRAINING_SEED_MAX, help="Seed of everything random."),
]
