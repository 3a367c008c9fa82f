"""What a ledger hands out, as JSON: segments, checkpoints, proofs, and the public key."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, Final, TypeVar

from crivo.domain.errors import Code, CrivoError, Misconfigured
from crivo.domain.phase import Phase
from crivo.flows.ledger_proof import Proof
from crivo.governance.segment import Segment

PUBLIC_KEY_FILE: Final = "public_key"
PUBLIC_KEY_BYTES: Final = 32

_BYTES: Final = frozenset(
    each.name for each in fields(Segment) if str(each.type) in {"Digest", "Signature"}
)

Value = TypeVar("Value")


def segment_to_json(segment: Segment) -> dict[str, Any]:
    """A segment as JSON has it: bytes in hex."""
    return {
        each.name: value.hex() if isinstance(value := getattr(segment, each.name), bytes) else value
        for each in fields(segment)
    }


def segment_of_json(document: Mapping[str, Any]) -> Segment:
    """The segment of a JSON object.

    Raises:
        Refused: a value that cannot be. KeyError, TypeError, ValueError: no such object.
    """
    facts: dict[str, Any] = {each.name: document[each.name] for each in fields(Segment)}
    return Segment(**facts | {name: bytes.fromhex(facts[name]) for name in _BYTES})


def checkpoint_to_json(segments: Sequence[Segment]) -> dict[str, Any]:
    """The newest segment of each partition."""
    return {"checkpoint": [segment_to_json(each) for each in segments]}


def proof_to_json(proof: Proof) -> dict[str, Any]:
    """A proof; the record in base64."""
    return {
        "end_to_end_id": proof.end_to_end_id,
        "phase": proof.phase,
        "record": base64.b64encode(proof.record).decode(),
        "offset": proof.offset,
        "path": [each.hex() for each in proof.path],
        "segment": segment_to_json(proof.segment),
    }


def read_checkpoint(path: Path) -> list[Segment]:
    """The segments of a checkpoint that `crivo ledger checkpoint` printed.

    Raises:
        Misconfigured: FILE_UNREADABLE.
    """
    return _read(
        path,
        "a checkpoint of `crivo ledger checkpoint`",
        lambda document: [segment_of_json(each) for each in document["checkpoint"]],
    )


def read_proof(path: Path) -> Proof:
    """The proof that `crivo ledger show` printed.

    Raises:
        Misconfigured: FILE_UNREADABLE.
    """
    return _read(path, "a proof of `crivo ledger show`", _proof)


def read_public_key(path: Path) -> bytes:
    """The public key in a file: 64 hexadecimal digits.

    Raises:
        Misconfigured: FILE_UNREADABLE.
    """
    expected = "64 hexadecimal digits"
    if not path.exists():
        raise Misconfigured(
            Code.FILE_UNREADABLE,
            f"{path} is not there: nothing was sealed yet",
            hint="A service writes it beside the first segment that it closes. An import decides, "
            "and so seals, nothing.",
            path=str(path),
            expected=expected,
            found="no file",
        )
    try:
        key = bytes.fromhex(path.read_text("ascii").strip())
    except (OSError, ValueError) as error:
        raise _unreadable(path, expected, str(error)) from error
    if len(key) != PUBLIC_KEY_BYTES:
        raise _unreadable(path, expected, f"{len(key)} bytes")
    return key


def _proof(document: Mapping[str, Any]) -> Proof:
    end_to_end_id, phase = document.get("end_to_end_id"), document.get("phase")
    return Proof(
        end_to_end_id=None if end_to_end_id is None else str(end_to_end_id),
        phase=None if phase is None else Phase(phase),
        record=base64.b64decode(document["record"], validate=True),
        offset=int(document["offset"]),
        segment=segment_of_json(document["segment"]),
        path=tuple(bytes.fromhex(each) for each in document["path"]),
    )


def _read(path: Path, expected: str, parse: Callable[[Any], Value]) -> Value:
    try:
        return parse(json.loads(path.read_text("utf-8")))
    except (
        OSError, CrivoError, KeyError, TypeError, ValueError, RecursionError, binascii.Error,
    ) as error:  # fmt: skip
        raise _unreadable(path, expected, str(error)) from error


def _unreadable(path: Path, expected: str, found: str) -> Misconfigured:
    return Misconfigured(
        Code.FILE_UNREADABLE,
        f"{path} is not {expected}: {found}",
        hint="Give the file as it was printed.",
        path=str(path),
        expected=expected,
        found=found,
    )
