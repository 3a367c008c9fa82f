"""The rules and the features of this release under a policy."""

from __future__ import annotations

from collections.abc import Mapping

from crivo.decision.explanation import feature_reasons
from crivo.decision.procedure import Procedure
from crivo.decision.rule import declared_rules
from crivo.features.registry import default_feature_set


def declared_procedure(texts: Mapping[str, str]) -> Procedure:
    """What decides here; `texts` are the policy files by name.

    Raises:
        Misconfigured: POLICY_INVALID, DEFINITION_INVALID.
    """
    features = default_feature_set()
    return Procedure(
        rules=declared_rules(),
        texts=texts,
        columns=features.names,
        feature_reasons=feature_reasons(features),
    )
