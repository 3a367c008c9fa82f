"""What to do about each error, where the place that raised it does not know better.

`docs/reference/errors.md` has the same sentences, which a test compares.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from crivo.domain.errors import Code

ADVICE: Final[Mapping[Code, str]] = {
    Code.AMOUNT_INVALID: (
        "Send `amount_centavos` as an integer; in a table, correct the row or the mapping's unit."
    ),
    Code.AMOUNT_RANGE: "Correct the amount; a transfer of zero needs no decision.",
    Code.TIME_INVALID: (
        "Write it such as `2026-11-23T12:00:00Z`; in a table, correct the mapping's column or zone."
    ),
    Code.TIME_RANGE: "Look at the unit: seconds read as milliseconds land far away.",
    Code.ID_INVALID: "Compare it with what `expected` says; identifiers are case-sensitive.",
    Code.ID_TIME: (
        "Send a transfer when it is initiated; read a past transfer in with `crivo ingest`."
    ),
    Code.PAYEE_IS_PAYER: (
        "Send the account that is paid, and both institutions where their numbers are alike; in a "
        "table whose payees have numbers of their own, map them as `payee_key`."
    ),
    Code.FIELD_MISSING: "Add the field.",
    Code.FIELD_TYPE: "Send the type that `expected` names.",
    Code.FIELD_VALUE: "Send what `expected` says; a word of a list as it is spelt there.",
    Code.FIELD_UNKNOWN: "Remove the field or correct its name; nothing is ignored in silence.",
    Code.STEP_INVALID: (
        "Send the steps as they happened; `expected` names the states that may follow."
    ),
    Code.SCHEMA_UNKNOWN: (
        "Read it with the release that wrote it, or name one of the schemas that `expected` lists."
    ),
    Code.BODY_MALFORMED: "Send what `expected` says, whole and in UTF-8.",
    Code.BODY_TOO_LARGE: (
        "Send no more in one body than `expected` says; the ceilings are in "
        "docs/reference/settings.md."
    ),
    Code.BODY_TOO_SLOW: "Send the whole body at once; look at the network between.",
    Code.CONTENT_TYPE: "Send `Content-Type: application/json` and the body as it is.",
    Code.METHOD_NOT_ALLOWED: "Use the method that the documentation of the path names.",
    Code.HTTP_VERSION: "Speak HTTP/1.1, or let a proxy in front translate.",
    Code.ROW_MALFORMED: (
        "Put the corrected row into a file of its own, with the header, and import that with "
        "`--received TIME` (below)."
    ),
    Code.CLOCK_AHEAD: "Set the sender's clock; on a replay log supply `received_at`.",
    Code.RECEIPT_TOO_OLD: (
        "On a replay log send transfers in the order of their receipt; on a wall log set the "
        "clock of the machine."
    ),
    Code.CONFLICT: "What came first stands; find out which of the two is real.",
    Code.STEP_CONFLICT: (
        "Read the decision: `events` says what followed so far, `expected` what may follow now."
    ),
    Code.DUPLICATE: "Nothing: the first one counts, and reading it again changes nothing.",
    Code.NOT_FOUND: "Check the EndToEndId, case included.",
    Code.UNAUTHENTICATED: (
        "Send `Authorization: Bearer KEY`; `crivo keys new NAME --home HOME` makes a key, where "
        "HOME is the folder of the service."
    ),
    Code.FORBIDDEN: (
        "Use a key of a role that docs/reference/http.md names for the path; `crivo keys new NAME "
        "--role ROLE` makes one."
    ),
    Code.RATE_LIMITED: "Wait as `Retry-After` says; `CRIVO_HTTP__KEY_RATE_MAX` is the rate.",
    Code.MODEL_NOT_FOR_TRANSFERS: "Ask `POST /predict`, or train with a mapping of kind `events`.",
    Code.LOG_LOCKED: "Stop the other process, or ask the running service over HTTP.",
    Code.LOG_ORDER: (
        "Import older tables first, or into a new home folder; a row that was mended goes in "
        "with `--received TIME` (below). Mend times that are still to come, or import up to now "
        "with `--until`."
    ),
    Code.LOG_UNAVAILABLE: (
        "Look at the disk (space, permissions, errors) and send the request again; nothing was "
        "answered."
    ),
    Code.LOG_MISMATCH: (
        "Use the home folder that the log was made for, or make a new one; docs/how-to/topics.md "
        "says what `crivo topics apply` mends."
    ),
    Code.KEY_MISSING: (
        "Restore the folder `keys/` that belongs to this log; no other key takes its place."
    ),
    Code.KEY_INVALID: (
        "Restore the folder `keys/` that belongs to this log; docs/explanation/ledger.md says what "
        "to keep."
    ),
    Code.SEAL_BROKEN: (
        "Keep the file as it is for whoever asks why, and restore the log from its newest copy."
    ),
    Code.RETENTION: (
        "Erase it on the day that `expected` names; where somebody answers for doing it before,"
        " `crivo erase` with `--override`."
    ),
    Code.LEDGER_BROKEN: (
        "`crivo ledger verify` says what and where; keep log and segments as they are for "
        "whoever asks why."
    ),
    Code.IMPORT_TOO_LARGE: "Split the file by time and ingest the parts in order.",
    Code.IMPORT_REFUSED: (
        "See `crivo quarantine list` (`--log` names a log in Kafka); mend the mapping or the rows, "
        "and import again: what is there is not doubled."
    ),
    Code.OVERLOADED: "Wait as `Retry-After` says and send the same request again.",
    Code.INDEX_UNAVAILABLE: (
        "Ask again; decisions are made and found by id meanwhile. If it stays, look at its disk"
        " or its server."
    ),
    Code.NOT_READY: "Wait until `/health/ready` answers 200; "
    "after a broken thread start it anew and report the bug.",
    Code.PORT_TAKEN: "Stop it, or name another port with `--port`.",
    Code.INTERNAL: "Keep the time and the EndToEndId, and report it as CONTRIBUTING describes.",
    Code.DEFINITION_INVALID: "Correct the declaration that the message names.",
    Code.PLAN_MISMATCH: (
        "Train again with the features of this version, or serve the version the model was "
        "trained with."
    ),
    Code.SNAPSHOT_INVALID: (
        "Nothing need be done: state is rebuilt from an older one or from the log."
    ),
    Code.ARTIFACT_INVALID: (
        "Restore the folder from where it was made, or train again; it is never served as it is."
    ),
    Code.MODEL_MISSING: (
        "Run `crivo train`, which promotes the first model of a home by itself; `crivo models "
        "promote` chooses among several."
    ),
    Code.POLICY_INVALID: (
        "Correct the entry that the message names; the policy in force stays until then."
    ),
    Code.MAPPING_INVALID: (
        "Correct the mapping; docs/reference/mapping.md lists every key and value."
    ),
    Code.SETTING_INVALID: (
        "`crivo doctor` prints all settings and where each came from; docs/reference/settings.md "
        "lists them."
    ),
    Code.FILE_UNREADABLE: "Check the path and its permissions.",
    Code.FILE_UNWRITABLE: "Check its permissions and the space on the disk.",
    Code.DATA_TOO_SMALL: "Bring more data, or a longer past.",
    Code.LEAK_SUSPECTED: (
        "Remove it from the mapping, or show when it is known; where a feature counts earlier "
        "reports, say when they were known; if somebody looked and it is no leak, `crivo train "
        "--allow-leak NAME`."
    ),
    Code.REPLAY_DIFFERS: (
        "Keep the home folder as it is; the message names the first decision that differs."
    ),
    Code.GATE_FAILED: "Read which check; do not promote.",
    Code.WORLD_DIFFERS: "Read the report; what failed names its part, target and range.",
    Code.LAKE_DIFFERS: (
        "Nothing was written. Move the lake away and refine it anew from the log; bronze past the "
        "log's retention is kept by `crivo lake rebuild`."
    ),
    Code.LAKE_BUSY: "Refine again when they are done; nothing is lost or doubled.",
    Code.LAKE_UNAVAILABLE: (
        "See `CRIVO_LAKE__URL`, `CRIVO_LAKE__OPTIONS` and the store that they name; refining goes "
        "on where it stopped."
    ),
}
