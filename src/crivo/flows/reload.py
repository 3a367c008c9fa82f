"""Reloading the policy while serving: changed files become the bundle that decides next.

Everything but the last step happens beside the thread that decides: the files are read, parsed and
bound, and the bundle is stored under its hash. Then it is adopted whole, between two decisions. So
each decision is made by one bundle, which is on disk before the first decision names it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Final

from crivo.decision.procedure import POLICY_FILES
from crivo.decision.rule import Rule
from crivo.domain.errors import CrivoError
from crivo.flows.bundle import Bundle, make_bundle, read_policy, stored_policy
from crivo.flows.stamps import Stamps, stamps_of

#: How often the files are looked at. A change is taken once they have rested for one look.
LOOK_SECONDS: Final = 1.0

_LOGGER: Final = logging.getLogger("crivo.policy")


class Reload(StrEnum):
    """What came of a change: the label of its metric."""

    ADOPTED = "adopted"
    REFUSED = "refused"


class PolicyReload:
    """Follows the policy files of a folder. One thread calls `look`; `adopt` hands over.

    A change that breaks the schema, or that no bundle can be stored of, leaves what decides as it
    is: it is logged and told once, and the next change is another chance.

    Args:
        folder: Where decision.toml, degraded.toml and rules.toml are.
        bundles: Where bundles are stored.
        rules: The declared rules.
        bundle: The bundle that decides.
        adopt: Makes the deciding thread go on with another bundle.
        told: Hears what came of each change.
    """

    def __init__(
        self,
        *,
        folder: Path,
        bundles: Path,
        rules: tuple[Rule, ...],
        bundle: Bundle,
        adopt: Callable[[Bundle], None],
        told: Callable[[Reload], None],
    ) -> None:
        self._folder: Final = folder
        self._bundles: Final = bundles
        self._rules: Final = rules
        self._adopt: Final = adopt
        self._told: Final = told
        self._bundle = bundle
        self._texts = stored_policy(bundles, bundle.versions.bundle)
        self._seen: Stamps = ()
        self._judged: Stamps = ()

    def run(self, stop: threading.Event) -> None:
        """Looks now and then, until `stop`."""
        while not stop.wait(LOOK_SECONDS):
            self.look()

    def look(self) -> None:
        """Adopts or refuses what changed since the last look, if nothing changes any more."""
        stamps = self._stamps()
        seen, self._seen = self._seen, stamps
        if stamps == self._judged or stamps != seen:
            return
        try:
            texts = read_policy(self._folder)
            if stamps != self._stamps():
                return
            self._judged = stamps
            if texts != self._texts:
                self._take(texts)
        except CrivoError as error:
            self._judged = stamps
            facts = {"words": str(error), "in_force": self._bundle.versions.bundle}
            _LOGGER.warning("policy.refused", extra={"code": error.code, "facts": facts})
            self._told(Reload.REFUSED)

    def _stamps(self) -> Stamps:
        return stamps_of(self._folder / name for name in POLICY_FILES)

    def _take(self, texts: dict[str, str]) -> None:
        before = self._bundle
        made = make_bundle(
            self._bundles,
            plan=before.plan,
            rules=self._rules,
            policy=texts,
            artifact=before.artifact,
        )
        # The same model: what it holds compiled and in memory goes on being used.
        self._bundle = replace(
            made, plan=before.plan, artifact=before.artifact, scorer=before.scorer
        )
        self._texts = texts
        facts = {"before": before.versions.bundle, "now": made.versions.bundle}
        _LOGGER.info("policy.adopted", extra={"facts": facts})
        self._adopt(self._bundle)
        self._told(Reload.ADOPTED)
