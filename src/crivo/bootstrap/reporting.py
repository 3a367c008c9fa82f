"""Composes the report of one decision of a home folder; it reads, and writes nothing."""

from __future__ import annotations

from crivo.bootstrap.home import Paths
from crivo.bootstrap.offline import log_reader
from crivo.decision.reason_texts import Audience
from crivo.decision.record import decision_event_id, decode_record
from crivo.domain.phase import Phase
from crivo.features.registry import default_feature_set
from crivo.flows.answers import no_decision
from crivo.flows.bundle import load_bundle
from crivo.flows.decision_report import report_decision
from crivo.flows.explain import Explainer
from crivo.governance.decision_report import DecisionReport
from crivo.settings import Settings


def decision_report(
    settings: Settings, end_to_end_id: str, *, audience: Audience, phase: Phase
) -> DecisionReport:
    """What is known of the decision of a phase; a service may be running.

    Raises:
        Refused: NOT_FOUND; CONFLICT where another release decided.
        Unavailable: NOT_FOUND without a log.
        Misconfigured: where the bundle that decided is damaged or gone.
    """
    reader = log_reader(settings)
    try:
        stored = reader.find(decision_event_id(end_to_end_id, phase))
        if stored is None:
            raise no_decision(end_to_end_id)
        hash_ = decode_record(stored.event.payload).given.versions.bundle
        bundle = load_bundle(Paths(settings.home).bundles, hash_)
        explainer = Explainer(
            log=reader,
            bundle=lambda: bundle,
            load=lambda each: load_bundle(Paths(settings.home).bundles, each),
            features=default_feature_set().features,
        )
        return report_decision(reader, explainer, end_to_end_id, audience=audience, phase=phase)
    finally:
        reader.close()
