"""Composes the import of payment orders: files of messages, parsed as over HTTP."""

from __future__ import annotations

from pathlib import Path

from crivo.adapters.files.orders import message_files
from crivo.adapters.http.pacs008 import named_id, parse_pacs008
from crivo.adapters.http.receive import check_size
from crivo.bootstrap.home import wall_clock
from crivo.bootstrap.offline import Progress, importing
from crivo.domain.transfer import Transfer
from crivo.flows.ingest import IngestResult
from crivo.flows.ingest_orders import ingest_orders
from crivo.settings import Settings


def import_orders(
    settings: Settings,
    path: Path,
    *,
    until: int | None,
    received_at: int | None,
    progress: Progress,
) -> IngestResult:
    """What became of a message, or of a folder of them, in the log and the home's quarantine.

    Raises:
        Refused, Unavailable: as `message_files` and `flows.ingest_orders`; Unavailable LOG_LOCKED
            while a service writes the log.
    """
    bytes_max = settings.http.decision_bytes_max
    # Looked at before the home is made: a file that is not there leaves nothing behind.
    files = message_files(path, bytes_max=bytes_max)
    with importing(settings) as home:

        def parse(raw: bytes) -> Transfer:
            check_size(len(raw), bytes_max=bytes_max)
            transfer, _, _ = parse_pacs008(raw, home.pseudonyms)
            return transfer

        return ingest_orders(
            files,
            parse,
            named_id,
            home.log,
            home.quarantine,
            now=wall_clock(),
            until=until,
            received_at=received_at,
            progress=progress,
        )
