"""The settings of one process: read once from `CRIVO_…`, typed, frozen, unknown names refused."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from crivo.domain.clock import ClockKind
from crivo.domain.errors import Code, Misconfigured

PREFIX: Final = "CRIVO_"
NESTING: Final = "__"

#: Read by the test suite, not by the product: whether a missing part is a failure.
_OUTSIDE: Final = frozenset({"CRIVO_REQUIRE"})

#: `kafka://host:port`, several with commas; behind a slash the space of the log's topics.
_LOG: Final = r"kafka://[^\s,/]+:\d+(,[^\s,/]+:\d+)*(/[A-Za-z0-9_-]{1,64})?"
_URL_OF_LOG: Final = f"^{_LOG}$"
_URLS_OF_LOGS: Final = f"^{_LOG}( {_LOG})*$"

_FROZEN: Final = ConfigDict(frozen=True, extra="forbid")


class HttpSettings(BaseModel):
    """The door: where it listens and what it takes at most."""

    model_config = _FROZEN

    host: str = Field(default="127.0.0.1", min_length=1)
    port: int = Field(default=8000, ge=0, le=65_535)
    #: Known beforehand (containers, demos); without one the first start makes a key and prints it.
    api_key: SecretStr | None = Field(default=None, min_length=32, max_length=128)
    api_key_required: bool = True
    decision_bytes_max: int = Field(default=16 * 1024, ge=1024)
    batch_bytes_max: int = Field(default=4 * 1024 * 1024, ge=1024)
    batch_max: int = Field(default=1_000, ge=1)
    predict_bytes_max: int = Field(default=4 * 1024 * 1024, ge=1024)
    #: 8 KiB a row: over a hundred inputs with long names and every digit.
    predict_rows_max: int = Field(default=256, ge=1)
    in_flight_max: int = Field(default=1_024, ge=1)
    body_seconds_max: float = Field(default=5.0, gt=0)
    answer_seconds_max: float = Field(default=5.0, gt=0)
    drain_seconds_max: int = Field(default=10, ge=1)
    #: Requests a second of the hot routes, of all callers, a batch counting as its transfers; what
    #: is more is shed at once.
    rate_max: float | None = Field(default=None, ge=1, le=1_000_000)
    #: Requests a second of one key, a batch counting as its transfers.
    key_rate_max: float | None = Field(default=None, ge=1, le=1_000_000)


class TlsSettings(BaseModel):
    """TLS at the door: a certificate and its key, and whose clients' certificates are asked for."""

    model_config = _FROZEN

    certificate: Path | None = None
    key: Path | None = None
    client_authority: Path | None = None


class OidcSettings(BaseModel):
    """The OpenID provider whose tokens are taken beside API keys."""

    model_config = _FROZEN

    issuer: str | None = Field(default=None, min_length=1)
    audience: str | None = Field(default=None, min_length=1)
    #: By default what the issuer's discovery document says.
    keys_url: str | None = Field(default=None, min_length=1)
    roles_claim: str = Field(default="roles", min_length=1)
    skew_seconds_max: int = Field(default=30, ge=0, le=600)
    refresh_seconds: float = Field(default=300.0, gt=0)
    retry_seconds: float = Field(default=10.0, gt=0)


class LogSettings(BaseModel):
    """A new log's manifest (by default a wall clock and 4 partitions).

    An existing log keeps its own for good: what is set here must then be the same, and what is not
    set is read from it. Without a `url` it is a file of the home folder.
    """

    model_config = _FROZEN

    url: str | None = Field(default=None, pattern=_URL_OF_LOG)
    clock: ClockKind | None = None
    partitions: int | None = Field(default=None, ge=1, le=1_024)


def _read_json(value: object) -> object:
    """The value that a text is as JSON; ValueError, without the text, where it is none."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except json.JSONDecodeError as error:
        raise ValueError(f"no JSON: {error.msg} at character {error.pos}") from None


class LakeSettings(BaseModel):
    """Where the tables of the lake lie: without a `url` in the folder `lake` of the home folder."""

    model_config = _FROZEN

    #: A folder, or a URI such as `gs://bucket/folder`.
    url: str | None = Field(default=None, min_length=1)
    #: What the store is told, as JSON: `{"google_service_account": "/run/secrets/lake.json"}`.
    options: Annotated[dict[str, str], BeforeValidator(_read_json)] = Field(
        default_factory=dict, repr=False
    )


class SparkSettings(BaseModel):
    """How a job of Spark decides: `crivo decide --spark MASTER`."""

    model_config = _FROZEN

    #: The folder of jars that `make engines` fetches.
    jars: Path = Path(".tools/engines/spark")
    #: Of Spark's own process on this machine, as Java says it; a batch passes through it.
    memory: str = Field(default="2g", pattern=r"^[1-9]\d*[mg]$")
    #: Records of one batch, about.
    batch_records: int = Field(default=200_000, ge=1)
    #: Whether batches are laid down in the lake too.
    lake: bool = True
    #: Silver and gold are refined once in so many batches, and when a job has reached the end.
    refine_batches: int = Field(default=10, ge=1)


class KafkaSettings(BaseModel):
    """The cluster of the log in Kafka: where it is, how one gets in, how often a record is held."""

    model_config = _FROZEN

    #: `host:port`, several with commas.
    brokers: str | None = Field(default=None, pattern=r"^[^\s,]+:\d+(,[^\s,]+:\d+)*$")
    protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    authority: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = None
    username: str | None = Field(default=None, min_length=1)
    password: SecretStr | None = Field(default=None, min_length=1)
    replicas: int = Field(default=3, ge=1, le=9)
    in_sync_min: int = Field(default=2, ge=1, le=9)
    #: How long who goes on with a log waits for brokers that are all away.
    outage_seconds: float = Field(default=120.0, ge=1, le=3_600)


class RelaySettings(BaseModel):
    """Passing a service's log on to one in Kafka: where that is, and how much may wait for it."""

    model_config = _FROZEN

    #: As the `url` of a log.
    url: str | None = Field(default=None, pattern=_URL_OF_LOG)
    #: What has a record before anyone is answered: the service's file, or brokers and that file.
    first: Literal["file", "brokers"] = "file"
    spool_events: int = Field(default=1_000_000, ge=1)
    #: Whether what outsiders produce to that log's inbox goes into the service's.
    inbox: bool = False


class FollowSettings(BaseModel):
    """The logs of other services that a service follows."""

    model_config = _FROZEN

    #: Each as the `url` of a log, with blanks between.
    urls: str | None = Field(default=None, pattern=_URLS_OF_LOGS)


class EncryptionSettings(BaseModel):
    """When the key of new decision records is followed by another: whichever comes first."""

    model_config = _FROZEN

    rotate_days: int = Field(default=90, ge=1)
    #: Events of the log; random nonces allow 2³² records a key (NIST SP 800-38D).
    rotate_records: int = Field(default=100_000_000, ge=1, le=1 << 32)


class LedgerSettings(BaseModel):
    """The signed chain of decisions: where its segments lie beside the log, and how soon."""

    model_config = _FROZEN

    folder: Path | None = None
    close_seconds: float = Field(default=1.0, ge=0.1, le=3_600)


class SnapshotSettings(BaseModel):
    """How often a service that runs has its state kept: after so many events or so long."""

    model_config = _FROZEN

    enabled: bool = True
    every_events: int = Field(default=1_000_000, ge=1)
    every_seconds: float = Field(default=300.0, gt=0)


class StateSettings(BaseModel):
    """From how many bytes of feature state on what idle keys hold is given back."""

    model_config = _FROZEN

    release_from_bytes: int = Field(default=256 * 1024 * 1024, ge=0)


class TraceSettings(BaseModel):
    """Where traces of single decisions go (OTLP over HTTP), and of which share of them."""

    model_config = _FROZEN

    endpoint: str | None = Field(default=None, pattern="^https?://")
    ratio: float = Field(default=0.01, ge=0, le=1)


class WebhookSettings(BaseModel):
    """Who is told of decisions without asking, and how often an attempt that failed is repeated."""

    model_config = _FROZEN

    file: Path | None = None
    attempts_max: int = Field(default=12, ge=1, le=100)
    timeout_seconds: float = Field(default=10.0, gt=0, le=60)
    retry_seconds: float = Field(default=5.0, gt=0, le=86_400)
    retry_seconds_max: float = Field(default=21_600.0, gt=0, le=86_400)
    keep_days: int = Field(default=30, ge=1)


class Settings(BaseSettings):
    """Everything that can be set. Business numbers are not here: they are policy."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid")

    home: Path = Path(".crivo")
    data: Path | None = None
    policy: Path = Field(default_factory=lambda: found_here("policy"))
    http: HttpSettings = HttpSettings()
    tls: TlsSettings = TlsSettings()
    oidc: OidcSettings = OidcSettings()
    log: LogSettings = LogSettings()
    kafka: KafkaSettings = KafkaSettings()
    relay: RelaySettings = RelaySettings()
    follow: FollowSettings = FollowSettings()
    lake: LakeSettings = LakeSettings()
    spark: SparkSettings = SparkSettings()
    encryption: EncryptionSettings = EncryptionSettings()
    ledger: LedgerSettings = LedgerSettings()
    snapshots: SnapshotSettings = SnapshotSettings()
    state: StateSettings = StateSettings()
    #: How long the law keeps what a decision held of a person: 5 years (Res. BCB 403/2024).
    retention_days: int = Field(default=1_826, ge=0)
    #: Of what `crivo ingest` reads so much may be refused before it answers 1.
    ingest_refused_share_max: float = Field(default=0.01, ge=0, le=1)
    traces: TraceSettings = TraceSettings()
    webhooks: WebhookSettings = WebhookSettings()
    tracking_url: str | None = None
    #: Where the table of decisions lies instead of a file: a database that others may read.
    decisions_url: SecretStr | None = Field(default=None, min_length=1)
    #: Whether the network under the alias `shadow` scores beside the champion, without a say.
    shadow: bool = True

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what `load_settings` was handed: the environment is an argument, not a global."""
        return (init_settings,)


def found_here(name: str) -> Path:
    """The folder `name` of the working folder, else of the checkout that this program runs from.

    Where neither is there, the first: what reads it says that it is missing.
    """
    here, checkout = Path(name), Path(__file__).resolve().parents[2] / name
    return checkout if checkout.is_dir() and not here.is_dir() else here


def load_settings(environ: Mapping[str, str], **overrides: object) -> Settings:
    """The settings in `environ`, each replaced by an override that is not None.

    An override is named by its path with two underscores, such as `http__port=9000`.

    Raises:
        Misconfigured: SETTING_INVALID for an unknown key or a value that cannot be.
    """
    tree: dict[str, Any] = {}
    for name, text in environ.items():
        if name.upper().startswith(PREFIX) and name.upper() not in _OUTSIDE:
            _plant(tree, name[len(PREFIX) :].lower(), text)
    for path, value in overrides.items():
        if value is not None:
            _plant(tree, path, value)
    try:
        return Settings(**tree)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        key = PREFIX + NESTING.join(str(part) for part in first["loc"]).upper()
        if first["type"] == "extra_forbidden":
            raise _no_setting(key) from None
        secret = key.endswith(("API_KEY", "DECISIONS_URL", "PASSWORD", "OPTIONS"))
        raise Misconfigured(
            Code.SETTING_INVALID,
            f"{key}: {first['msg']}",
            hint="docs/reference/settings.md lists every setting; unknown CRIVO_ names are "
            "refused, so that none is lost.",
            field=key,
            expected=first["msg"],
            found="(hidden)" if secret else first["input"],
        ) from None


def _no_setting(key: str) -> Misconfigured:
    """What is said of a name that is no setting's, with the one that it may stand for."""
    near = get_close_matches(key, sorted(_names(Settings)), n=1)
    meant = f"Did you mean {near[0]}? " if near else ""
    return Misconfigured(
        Code.SETTING_INVALID,
        f"{key} is no setting",
        hint=f"{meant}docs/reference/settings.md lists every setting; unknown CRIVO_ names are "
        "refused, so that none is lost.",
        field=key,
        expected="the name of a setting",
        found=key,
    )


def _names(model: type[BaseModel], before: str = PREFIX) -> Iterator[str]:
    """The variables of a model's settings."""
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from _names(kind, f"{before}{name.upper()}{NESTING}")
        else:
            yield f"{before}{name.upper()}"


def _plant(tree: dict[str, Any], path: str, value: object) -> None:
    *branches, leaf = path.split(NESTING)
    for branch in branches:
        below = tree.setdefault(branch, {})
        if not isinstance(below, dict):
            raise _both(path)
        tree = below
    if isinstance(tree.get(leaf), dict):
        raise _both(path)
    tree[leaf] = value


def _both(path: str) -> Misconfigured:
    return Misconfigured(
        Code.SETTING_INVALID,
        f"{PREFIX}{path.upper()} is both a group and a value",
        field=PREFIX + path.upper(),
        hint="Set either the group's members or remove it.",
    )
