"""Which reason a feature speaks for, when it is the model that asked for more than ALLOW."""

from __future__ import annotations

from crivo.decision.reasons import ReasonCode
from crivo.domain.errors import Code, Misconfigured
from crivo.features.spec import FeatureSet


def feature_reasons(features: FeatureSet) -> dict[str, ReasonCode]:
    """The reason of each feature by the feature's name: the one that its card names.

    Raises:
        Misconfigured: DEFINITION_INVALID for a card whose reason is none of the closed list.
    """
    found = {}
    for feature in features.features:
        try:
            found[feature.name] = ReasonCode(feature.card.reason)
        except ValueError:
            raise Misconfigured(
                Code.DEFINITION_INVALID,
                f"feature {feature.name} speaks for a reason that does not exist",
                hint="Name a code of decision/reasons.py in the feature's card, or add one there.",
                field="card.reason",
                expected="one of " + ", ".join(sorted(ReasonCode)),
                found=feature.card.reason,
            ) from None
    return found
