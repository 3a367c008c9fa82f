"""MLflow on one SQLite file and a folder, or a server: runs, artifacts, versions, aliases."""

from __future__ import annotations

import json
import logging
import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from crivo.adapters.mlflow.packaging import packaged
from crivo.domain.errors import Code, Unavailable
from crivo.flows.tracker import MODEL_NAME, TrackedData, TrackedRun, TrainingRun
from crivo.model.files import held_alone

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import DatasetInput
    from mlflow.entities.model_registry import ModelVersion

DATABASE: Final = "mlflow.db"
EXPERIMENT: Final = "crivo"
ARTIFACT_FOLDER: Final = "model"
CARD_FILE: Final = "card.md"
#: The tag by which a version's artifact is known.
HASH_TAG: Final = "artifact_hash"
#: Versions of one page of the registry.
_PAGE: Final = 100
#: Letters of a data set's digest.
_DIGEST: Final = 36

#: MLflow reads these when it is imported and when it is called: nothing leaves the machine.
_SILENT: Final = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_CONFIGURE_LOGGING": "false",
    # A server that is not there is said at once, not after seven patient tries.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
}
_LOUD: Final = ("mlflow", "alembic")


class MlflowTracker:
    """A `Tracker` in `folder`: `mlflow.db` and `artifacts/`, readable by `mlflow ui`; or at `url`.

    MLflow is imported at the first record, which costs some seconds once.
    """

    def __init__(self, folder: Path, *, url: str = "") -> None:
        self._folder: Final = folder.absolute()
        self._url: Final = url
        self._place: Final = url or str(self._folder)

    def record(self, run: TrainingRun) -> TrackedRun:
        """The run, kept, and its model registered under the run's alias.

        Raises:
            Unavailable: FILE_UNWRITABLE where the store cannot be written.
        """
        with _silence():
            failures = _failures()
            try:
                with self._alone():
                    return self._record(self._client(), run)
            except failures as error:
                raise _unwritable(self._place, error) from error

    def check(self) -> None:
        """Nothing, where the store answers; a folder that holds none yet has nothing to be told.

        Raises:
            Unavailable: FILE_UNWRITABLE.
        """
        if not self._url and not (self._folder / DATABASE).is_file():
            return
        with _silence():
            failures = _failures()
            try:
                with self._alone():
                    self._client().search_registered_models(max_results=1)
            except failures as error:
                raise _unwritable(self._place, error, done="nothing was changed") from error

    def mark(
        self, aliases: Mapping[str, str], *, tags: Mapping[str, str], card: str
    ) -> frozenset[str]:
        """The aliases (alias → artifact hash) as they stand now; those whose model is known here.

        Raises:
            Unavailable: FILE_UNWRITABLE where the store cannot be written.
        """
        if not self._url and not (self._folder / DATABASE).is_file():
            return frozenset()
        with _silence():
            failures = _failures()
            try:
                with self._alone():
                    return self._mark(self._client(), aliases, tags, card)
            except failures as error:
                raise _unwritable(self._place, error) from error

    def _mark(
        self,
        client: MlflowClient,
        aliases: Mapping[str, str],
        tags: Mapping[str, str],
        card: str,
    ) -> frozenset[str]:
        newest = _newest_versions(client)
        known = {alias: newest[hash_] for alias, hash_ in aliases.items() if hash_ in newest}
        for alias, version in known.items():
            client.set_registered_model_alias(MODEL_NAME, alias, version.version)
        first = known.get(next(iter(aliases), ""))
        if first is not None:
            for name, value in tags.items():
                client.set_model_version_tag(MODEL_NAME, first.version, name, value)
            if card and first.run_id:
                client.log_text(first.run_id, card, CARD_FILE)
        return frozenset(known)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One process at a time opens a folder's store, whose tables the first of them makes: its
        file is there before they are. A server looks to itself.
        """
        if self._url:
            yield
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        with held_alone(self._folder):
            yield

    def _client(self) -> MlflowClient:
        from mlflow import MlflowClient

        store = self._url or f"sqlite:///{self._folder / DATABASE}"
        return MlflowClient(tracking_uri=store, registry_uri=store)

    def _record(self, client: MlflowClient, run: TrainingRun) -> TrackedRun:
        from mlflow.entities import Metric, Param, RunStatus, RunTag

        # A server has a place of its own for artifacts.
        place = None if self._url else (self._folder / "artifacts").as_uri()
        if client.get_experiment_by_name(EXPERIMENT) is None:
            with _made_by_another():
                client.create_experiment(EXPERIMENT, artifact_location=place)
        experiment = client.get_experiment_by_name(EXPERIMENT)
        assert experiment is not None, "it was there, or was made just now"
        kept = client.create_run(experiment.experiment_id, run_name=run.name)
        run_id = kept.info.run_id
        client.log_batch(
            run_id,
            params=[Param(name, value) for name, value in run.params.items()],
            tags=[RunTag(name, value) for name, value in run.tags.items()],
            metrics=[
                Metric(name, value, timestamp=kept.info.start_time, step=0)
                for name, value in run.metrics.items()
            ],
        )
        client.log_inputs(run_id, datasets=[_dataset(run.data)])
        client.log_artifacts(run_id, str(run.folder), f"{ARTIFACT_FOLDER}/{run.folder.name}")
        files = packaged(run, run_id=run_id, place=ARTIFACT_FOLDER)
        for name, text in files.items():
            client.log_text(run_id, text, f"{ARTIFACT_FOLDER}/{name}")
        for name, text in run.texts.items():
            client.log_text(run_id, text, name)
        client.set_terminated(run_id, RunStatus.to_string(RunStatus.FINISHED))
        if not client.search_registered_models(f"name='{MODEL_NAME}'"):
            with _made_by_another():
                client.create_registered_model(MODEL_NAME)
        source = f"{kept.info.artifact_uri}/{ARTIFACT_FOLDER}"
        tags = {HASH_TAG: run.tags[HASH_TAG]} if HASH_TAG in run.tags else None
        version = client.create_model_version(
            MODEL_NAME, source=source, run_id=run_id, tags=tags
        ).version
        client.set_registered_model_alias(MODEL_NAME, run.alias, version)
        return TrackedRun(run_id=run_id, version=str(version), location=self._place)


def _dataset(data: TrackedData) -> DatasetInput:
    """What was learnt from as an MLflow data set; a digest has room for 36 letters."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    columns = [{"name": name, "type": "double", "required": False} for name in data.inputs]
    source = {"log_cut": data.cut, "labels_as_of": data.labels_as_of}
    dataset = Dataset(
        name=data.source,
        digest=data.hash[:_DIGEST],
        source_type="crivo",
        source=json.dumps(source),
        schema=json.dumps({"mlflow_colspec": columns}),
        profile=json.dumps({"rows": data.rows, "inputs": len(data.inputs), "hash": data.hash}),
    )
    return DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])


def _newest_versions(client: MlflowClient) -> dict[str, ModelVersion]:
    """The newest version of each artifact hash."""
    found: dict[str, ModelVersion] = {}
    token: str | None = None
    while True:
        page = client.search_model_versions(
            f"name='{MODEL_NAME}'", max_results=_PAGE, page_token=token
        )
        for version in page:
            hash_ = version.tags.get(HASH_TAG)
            if hash_ and (hash_ not in found or int(version.version) > int(found[hash_].version)):
                found[hash_] = version
        token = page.token
        if not token:
            return found


@contextmanager
def _made_by_another() -> Iterator[None]:
    """What another training makes on the same server in the same moment is there as well."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def _failures() -> tuple[type[Exception], ...]:
    """What a store that is away or broken raises: MLflow lets through some of its database."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    return MlflowException, SQLAlchemyError, OSError


@contextmanager
def _silence() -> Iterator[None]:
    """MLflow without telemetry, notices and the warnings of its dependencies, then as before."""
    before = {name: os.environ.get(name) for name in _SILENT}
    levels = {name: logging.getLogger(name).level for name in _LOUD}
    os.environ.update(_SILENT)
    for name in _LOUD:
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


def _unwritable(
    place: str, error: Exception, *, done: str = "the artifact is kept in models/"
) -> Unavailable:
    return Unavailable(
        Code.FILE_UNWRITABLE,
        f"the tracker's store cannot be written: {error}",
        hint=f"Check the folder's rights and room, or the server; {done}.",
        folder=place,
    )
