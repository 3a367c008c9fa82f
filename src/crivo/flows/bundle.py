"""A bundle: everything but the log that a decision followed from, in one folder named by its hash.

    bundles/<hash>/manifest.json     kernel version, versions, SHA-256 of every file
                   plan.json         the features
                   rules.json        conditions, reasons, which reason a feature speaks for
                   policy/*.toml     states, severities, parameters, thresholds, limits, degraded
                   model/<hash>/     the artifact

A decision names its bundle in `given`, so replay reads the bundle and the log and nothing else.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from crivo.decision.explanation import feature_reasons
from crivo.decision.procedure import (
    DECISION_FILE,
    DEGRADED_FILE,
    POLICY_FILES,
    RULES_FILE,
    Procedure,
)
from crivo.decision.record import DERIVE_VERSION, Versions
from crivo.decision.rule import Rule, rules_from_json, rules_to_json
from crivo.domain.errors import Code, Misconfigured, Unavailable
from crivo.features.layout import KERNEL_VERSION
from crivo.features.plan import Plan, plan_from_json
from crivo.flows.policy_file import kept_bytes, policy_file
from crivo.model.artifact import Artifact, ArtifactKind, load_artifact, save_artifact
from crivo.model.files import canonical_json, sync_folder, write_synced
from crivo.model.scorer import Scorer

FORMAT: Final = "crivo.bundle.v1"
MANIFEST: Final = "manifest.json"
PLAN_FILE: Final = "plan.json"
RULES_JSON: Final = "rules.json"

#: Which program derives: the kernel that makes vectors, and the code that makes outcomes of them.
PROGRAM_VERSION: Final = f"{KERNEL_VERSION}.{DERIVE_VERSION}"

#: The first release of each version of the deciding program: it and those that follow, up to the
#: next line, replay what that version decided. Only append.
RELEASES: Final[Mapping[str, str]] = {
    "1.1": "a build before 0.1.0",
    "1.2": "a build before 0.1.0",
    "1.3": "a build before 0.1.0",
    "1.4": "a build before 0.1.0",
    "1.5": "a build before 0.1.0",
    "1.6": "a build before 0.1.0",
    "1.7": "a build before 0.1.0",
    "1.8": "a build before 0.1.0",
    "2.8": "a build before 0.1.0",
    "2.9": "0.1.0",
}


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle as it is used: its hashes, and its parts ready to decide with."""

    versions: Versions
    plan: Plan
    procedure: Procedure
    artifact: Artifact
    scorer: Scorer

    @property
    def decides_transfers(self) -> bool:
        """Whether the model reads the plan's vectors; else it answers `/predict` alone."""
        return self.artifact.kind is ArtifactKind.EVENTS


def read_policy(folder: Path) -> dict[str, str]:
    """The policy files of an installation by name.

    Raises:
        Misconfigured: FILE_UNREADABLE; POLICY_INVALID for bytes that are no text.
    """
    if not folder.is_dir():
        raise Misconfigured(
            Code.FILE_UNREADABLE,
            f"there is no policy folder at {folder}",
            hint="Set CRIVO_POLICY to the folder policy/ of the repository, or to your own copy.",
            path=str(folder),
        )
    return {name: policy_file(folder / name) for name in POLICY_FILES}


def stored_policy(bundles_folder: Path, hash_: str) -> dict[str, str]:
    """The texts of the policy files that a bundle was made with.

    Raises:
        Misconfigured: FILE_UNREADABLE.
    """
    return read_policy(bundles_folder / hash_ / "policy")


def make_bundle(
    bundles_folder: Path,
    *,
    plan: Plan,
    rules: tuple[Rule, ...],
    policy: Mapping[str, str],
    artifact: Artifact,
) -> Bundle:
    """The bundle of these parts, complete and on disk under its hash, and loaded from there.

    `policy` are the texts of decision.toml, degraded.toml and rules.toml. Making it again changes
    nothing.

    Raises:
        Misconfigured: POLICY_INVALID, DEFINITION_INVALID, PLAN_MISMATCH where the parts do not fit.
        Unavailable: FILE_UNWRITABLE.
    """
    files = {
        PLAN_FILE: plan.to_json().encode(),
        RULES_JSON: rules_to_json(rules, feature_reasons(plan.feature_set)),
        **{f"policy/{name}": policy[name].encode() for name in POLICY_FILES},
    }
    # Built once in memory before anything is written: a bundle that cannot decide is never kept.
    procedure = _procedure(files, plan)
    scorer_of(artifact, plan)
    manifest = canonical_json(
        {
            "format": FORMAT,
            "program": PROGRAM_VERSION,
            "features": plan.set_hash,
            "plan": plan.plan_hash,
            "model": artifact.hash,
            "rules": _rules_hash(files, procedure),
            "policy": _policy_hash(procedure),
            "files": {name: _sha256(content) for name, content in files.items()},
        }
    )
    hash_ = _sha256(manifest)
    if not (bundles_folder / hash_).exists():
        _write(bundles_folder, hash_, {**files, MANIFEST: manifest}, artifact)
    return load_bundle(bundles_folder, hash_)


def load_bundle(bundles_folder: Path, hash_: str) -> Bundle:
    """The bundle of this hash, after every byte of it was checked.

    Raises:
        Misconfigured: ARTIFACT_INVALID where a byte is not what was written, FILE_UNREADABLE where
            a file is missing, PLAN_MISMATCH where another program's version wrote it.
    """
    folder = bundles_folder / hash_
    manifest = _manifest(folder, hash_)
    files = {name: kept_bytes(folder / name) for name in manifest["files"]}
    for name, content in files.items():
        if _sha256(content) != manifest["files"][name]:
            raise _broken(folder, name, manifest["files"][name], _sha256(content))
    if manifest["program"] != PROGRAM_VERSION:
        raise Misconfigured(
            Code.PLAN_MISMATCH,
            "the bundle was made by another version of the deciding program",
            hint="Use the release that made it.",
            field="program",
            expected=PROGRAM_VERSION,
            found=manifest["program"],
        )
    plan = plan_from_json(files[PLAN_FILE].decode())
    procedure = _procedure(files, plan)
    artifact = load_artifact(folder / "model" / manifest["model"])
    versions = Versions(
        bundle=hash_,
        features=plan.set_hash,
        plan=plan.plan_hash,
        model=artifact.hash,
        rules=_rules_hash(files, procedure),
        policy=_policy_hash(procedure),
        kernel=PROGRAM_VERSION,
    )
    for name in ("features", "plan", "model", "rules", "policy"):
        if getattr(versions, name) != manifest[name]:
            raise _broken(folder, name, manifest[name], getattr(versions, name))
    return Bundle(versions, plan, procedure, artifact, scorer_of(artifact, plan))


def _procedure(files: Mapping[str, bytes], plan: Plan) -> Procedure:
    rules, reasons = rules_from_json(files[RULES_JSON])
    return Procedure(
        rules=rules,
        texts={name: files[f"policy/{name}"].decode() for name in POLICY_FILES},
        columns=plan.names,
        feature_reasons=reasons,
    )


def scorer_of(artifact: Artifact, plan: Plan) -> Scorer:
    """What scores the vectors of the plan, or the rows of a model of rows.

    Raises:
        Misconfigured: PLAN_MISMATCH where a model of transfers reads another plan's vectors.
    """
    if artifact.kind is ArtifactKind.ROWS:
        return Scorer(artifact)
    if artifact.plan_hash != plan.plan_hash:
        raise _other_features(artifact, plan)
    return Scorer(artifact, plan_hash=plan.plan_hash)


def _other_features(artifact: Artifact, plan: Plan) -> Misconfigured:
    """Names what the model and the plan do not share; names alike are other meanings or kernels."""
    gone = sorted(set(artifact.input_names) - set(plan.names))
    new = sorted(set(plan.names) - set(artifact.input_names))
    parts = [
        f"{what} {', '.join(names[:3])}" + (f" and {len(names) - 3} more" if names[3:] else "")
        for what, names in (("the model does not know", new), ("nothing makes", gone))
        if names
    ]
    return Misconfigured(
        Code.PLAN_MISMATCH,
        f"model {artifact.hash[:12]} was trained on other features than those in force: "
        + ("; ".join(parts) or "their names are the same, and a definition or the kernel is not"),
        hint="Train and promote again (`crivo train`, `crivo models promote`), or serve the "
        "release that the model was trained with.",
        field="plan_hash",
        expected=artifact.plan_hash,
        found=plan.plan_hash,
    )


def _rules_hash(files: Mapping[str, bytes], procedure: Procedure) -> str:
    return _sha256(files[RULES_JSON] + procedure.files[RULES_FILE].hash.encode())


def _policy_hash(procedure: Procedure) -> str:
    hashes = [procedure.files[name].hash for name in (DECISION_FILE, DEGRADED_FILE)]
    return _sha256("".join(hashes).encode())


def _write(
    bundles_folder: Path, hash_: str, files: Mapping[str, bytes], artifact: Artifact
) -> None:
    """Written aside, synced, renamed: the folder is there whole, or it is not there."""
    aside = bundles_folder / f".{hash_}.{os.getpid()}.partial"
    try:
        bundles_folder.mkdir(parents=True, exist_ok=True)
        if aside.exists():
            shutil.rmtree(aside)
        (aside / "policy").mkdir(parents=True)
        save_artifact(aside / "model", artifact)
        for name, content in files.items():
            write_synced(aside / name, content)
        sync_folder(aside / "policy")
        sync_folder(aside)
        aside.rename(bundles_folder / hash_)
        sync_folder(bundles_folder)
    except OSError as error:
        raise Unavailable(
            Code.FILE_UNWRITABLE,
            f"the bundle cannot be stored: {error.strerror}",
            hint="Nothing is decided with what is not kept: look at the disk and its permissions.",
            path=str(bundles_folder),
        ) from error


def _manifest(folder: Path, hash_: str) -> dict[str, Any]:
    content = kept_bytes(folder / MANIFEST)
    if _sha256(content) != hash_:
        raise _broken(folder, MANIFEST, hash_, _sha256(content))
    manifest: dict[str, Any] = json.loads(content)
    if manifest.get("format") != FORMAT:
        raise _broken(folder, "format", FORMAT, str(manifest.get("format")))
    return manifest


def _broken(folder: Path, name: str, expected: str, found: str) -> Misconfigured:
    return Misconfigured(
        Code.ARTIFACT_INVALID,
        f"{name} in {folder} is not what was written",
        hint="Restore the folder from a copy.",
        field=name,
        expected=expected,
        found=found,
    )


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
