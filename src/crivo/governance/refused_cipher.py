"""Encryption of what was refused: rows of files, dead letters, and words about them that quote.

Nothing of it has a pseudonym yet, so no person's key can be chosen: it lies under the data keys of
records, sealed as they are (`RecordCipher`), and ends with its retention. Authenticated with it is
its place, with all that stays readable beside it, so that none of that can be changed unseen.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

import msgspec

from crivo.domain.errors import Code, Misconfigured
from crivo.governance.record_cipher import RecordCipher, key_number

#: What stays readable of something that was refused, from its place on.
Beside = tuple[str | int, ...]

#: Longer than an id of an event, which is what records are bound to.
_OF: Final = "crivo refused v1"
_ENCODER: Final = msgspec.msgpack.Encoder()


class RefusedCipher:
    """Seals and opens what was refused. Safe to call from several threads.

    Args:
        make: The keys of records, in a cipher of its own: asked for once, when first needed, since
            what is readable can be listed without them.
    """

    def __init__(self, make: Callable[[], RecordCipher]) -> None:
        self._make: Final = make
        # A cipher of records seals in one thread.
        self._lock: Final = threading.Lock()
        self._made: RecordCipher | None = None

    def seal(self, content: bytes, *, beside: Beside) -> bytes:
        """The content, sealed; a new key is durable first.

        Raises:
            Misconfigured: FILE_UNREADABLE, KEY_MISSING, KEY_INVALID.
            Unavailable: FILE_UNWRITABLE.
        """
        with self._lock:
            cipher = self._cipher()
            cipher.rotate(None)
            return cipher.seal(content, event_id=_bound(beside))

    def open(self, sealed: bytes, *, beside: Beside, where: str) -> bytes:
        """The content that was sealed; `where` it lies, for people.

        Raises:
            Misconfigured: KEY_MISSING where its key is unknown, SEAL_BROKEN where it was not
                sealed so, KEY_INVALID, FILE_UNREADABLE.
        """
        with self._lock:
            cipher = self._cipher()
        try:
            return cipher.open(sealed, event_id=_bound(beside))
        except Misconfigured as error:
            raise _unopened(error, sealed, where) from None

    def _cipher(self) -> RecordCipher:
        if self._made is None:
            self._made = self._make()
        return self._made


def _bound(beside: Beside) -> bytes:
    return _ENCODER.encode((_OF, *beside))


def _unopened(error: Misconfigured, sealed: bytes, where: str) -> Misconfigured:
    """The error of a cipher of records in words about what was refused."""
    number = key_number(sealed)
    match error.code:
        case Code.KEY_MISSING:
            words = f"what {where} quotes is sealed under data key {number}, which is not here"
            hint = "Ask with the home folder that refused it (--home), or restore its folder keys/."
            found = "none"
        case Code.SEAL_BROKEN:
            words = f"what {where} quotes is not what was sealed, or was under another key"
            hint = (
                "Ask with the home folder that refused it (--home): others have keys of the same "
                "numbers. If this is that one, what lies there was changed."
            )
            found = "others"
        case _:
            return error
    expected = f"bytes that open under data key {number}"
    return Misconfigured(error.code, words, hint=hint, expected=expected, found=found)
