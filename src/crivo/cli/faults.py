"""The transfers with faults in them that `crivo simulate --fault` writes beside a world."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from crivo.adapters.world_files.faulted import WrittenFaults
    from crivo.cli.simulate import SimulateFlags

#: The folder inside the world's.
FAULTED_FOLDER: Final = "faulted"


def checked_faults(texts: Sequence[str]) -> dict[str, int]:
    """The rates (millionths) of the faults that were asked for.

    Raises:
        Refused: FIELD_VALUE.
    """
    from crivo.simulator.faulting import parse_fault

    return dict(parse_fault(text) for text in texts)


def faulted_transfers(flags: SimulateFlags, rates: dict[str, int]) -> WrittenFaults:
    """The transfers with faults, once they are written.

    Raises:
        Refused: FIELD_VALUE, FILE_UNWRITABLE. Unavailable: FILE_UNWRITABLE.
    """
    from crivo.adapters.world_files.faulted import write_faulted
    from crivo.cli.simulate import planned_world
    from crivo.simulator.events.viewpoint import parse_viewpoint

    viewpoint = parse_viewpoint(flags.viewpoint)
    return write_faulted(flags.out / FAULTED_FOLDER, planned_world(flags), viewpoint, rates)
