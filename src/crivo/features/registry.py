"""The catalogue's features, found by reflection: a new file or feature is served by existing."""

from __future__ import annotations

import importlib
import pkgutil

from crivo.domain.errors import Code, Misconfigured
from crivo.features import catalogue
from crivo.features.spec import FeatureSet


def default_feature_set() -> FeatureSet:
    """Every feature of every file in `catalogue/`, files by name, each in its own order.

    Raises:
        Misconfigured: DEFINITION_INVALID for a file without `FEATURES`, or two equal features.
    """
    features = []
    names = sorted(module.name for module in pkgutil.iter_modules(catalogue.__path__))
    for name in names:
        module = importlib.import_module(f"{catalogue.__name__}.{name}")
        if not isinstance(getattr(module, "FEATURES", None), tuple):
            raise Misconfigured(
                Code.DEFINITION_INVALID,
                f"catalogue/{name}.py declares no FEATURES",
                hint="FEATURES: tuple[Feature, ...] lists what the file declares.",
                field="FEATURES",
                expected="a tuple of features",
                found=name,
            )
        features += module.FEATURES
    return FeatureSet(tuple(features))
