"""Ids as bodies hold them: described for the OpenAPI document, judged by what keeps them."""

from __future__ import annotations

from typing import Annotated

import msgspec

from crivo.domain.fields import OWN_ID_CHARACTERS_MAX, PRINTABLE_PATTERN
from crivo.governance.pseudonym import ID_CHARACTERS_MAX

#: Of a party, a key or a device: its length is looked at before any hash is computed.
RawId = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=ID_CHARACTERS_MAX,
        extra_json_schema={"pattern": PRINTABLE_PATTERN},
    ),
]
#: Of what is told, or of who tells it: the value itself looks at it.
OwnIdText = Annotated[
    str,
    msgspec.Meta(
        extra_json_schema={
            "minLength": 1,
            "maxLength": OWN_ID_CHARACTERS_MAX,
            "pattern": PRINTABLE_PATTERN,
        }
    ),
]
