"""The service: the one place that joins log, features, model, policy and door."""

from __future__ import annotations

import logging
import secrets
import socket
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import lru_cache, partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from msgspec.structs import asdict

from crivo.adapters.http.app import Application, create_app
from crivo.adapters.http.auth import PageAccess
from crivo.adapters.http.feed import Feed
from crivo.adapters.http.loop import LoopNotify
from crivo.adapters.http.running import Running
from crivo.adapters.http.server import listen, run_server
from crivo.adapters.http.service import Limits, Parts
from crivo.adapters.telemetry.metrics import Metrics
from crivo.bootstrap.access import Access, make_access, tls_context
from crivo.bootstrap.brokers_first import open_serving_home, watch_brokers
from crivo.bootstrap.follow import open_followers
from crivo.bootstrap.home import Home, Paths, wall_clock
from crivo.bootstrap.index import open_index
from crivo.bootstrap.ledger import checked_proof
from crivo.bootstrap.logs import configure_logging
from crivo.bootstrap.privacy import privacy_service
from crivo.bootstrap.relay import OpenRelay, open_relay
from crivo.bootstrap.releasing import keep_released, note_state
from crivo.bootstrap.sealing import Publisher, keep_sealed
from crivo.bootstrap.served_inbox import OpenInbox, open_inbox
from crivo.bootstrap.snapshots import keep_snapshots, start_of
from crivo.bootstrap.staleness import keep_measured
from crivo.bootstrap.tracing import traces_of
from crivo.bootstrap.warming import warm
from crivo.bootstrap.webhooks import OpenWebhooks, open_webhooks
from crivo.decision.rule import declared_rules
from crivo.domain.clock import LogClock
from crivo.domain.errors import Code, CrivoError, Misconfigured
from crivo.features.plan import Plan, compile_plan
from crivo.features.registry import default_feature_set
from crivo.flows.aliases import Alias, aliases_of
from crivo.flows.bundle import Bundle, load_bundle, make_bundle, read_policy
from crivo.flows.decide import DecisionService
from crivo.flows.erase import PrivacyService
from crivo.flows.explain import Explainer
from crivo.flows.follow_up import FollowUpService
from crivo.flows.hold_ends import HoldService, look_after_holds
from crivo.flows.judged_scores import JudgedScores, judged_scores
from crivo.flows.project import Projection
from crivo.flows.promote import load_champion
from crivo.flows.reload import PolicyReload
from crivo.flows.report import ReportService
from crivo.flows.review import ReviewService
from crivo.flows.revising import ReviseService
from crivo.flows.settlement_phase import SettlementPhase
from crivo.flows.telling import TellingService
from crivo.model.network import Network, load_network
from crivo.settings import Settings

if TYPE_CHECKING:
    from crivo.adapters.telemetry.traces import Traces

#: How long one thread may keep Python's lock from another: the loop must not wait long for it.
SWITCH_SECONDS: Final = 0.0005

_BYTES_OF_A_KEY: Final = 32
_LOGGER: Final = logging.getLogger("crivo.service")


def serving_plan() -> Plan:
    """The plan of all declared features."""
    return compile_plan(default_feature_set())


def champion_bundle(settings: Settings) -> Bundle:
    """The bundle of the champion, the declared features and rules, and the policy in its folder.

    Raises:
        Unavailable: MODEL_MISSING. Misconfigured: ARTIFACT_INVALID, PLAN_MISMATCH, POLICY_INVALID,
            FILE_UNREADABLE.
    """
    paths = Paths(settings.home)
    return make_bundle(
        paths.bundles,
        plan=serving_plan(),
        rules=declared_rules(),
        policy=read_policy(settings.policy),
        artifact=load_champion(paths.models),
    )


def shadow_network(settings: Settings, bundle: Bundle) -> Network | None:
    """The network that scores beside the bundle's model; None where none bears the alias.

    One that reads other vectors than those that are served is left out, and that is logged.

    Raises:
        Unavailable: MODEL_MISSING. Misconfigured: ARTIFACT_INVALID.
    """
    paths = Paths(settings.home)
    hash_ = aliases_of(paths.models).get(Alias.SHADOW)
    if hash_ is None or not settings.shadow or not bundle.decides_transfers:
        return None
    network = load_network(paths.networks / hash_)
    if network.plan_hash == bundle.plan.plan_hash:
        return network
    facts = {"network": hash_, "reads": network.plan_hash, "served": bundle.plan.plan_hash}
    _LOGGER.warning("shadow.of_another_plan", extra={"facts": facts})
    return None


@dataclass(frozen=True, slots=True)
class Service:
    """A service that is put together and not yet running. `new_key` is None where one was known."""

    app: Application
    decisions: DecisionService
    running: Running
    page: PageAccess
    metrics: Metrics
    home: Home
    new_key: str | None


def build_service(settings: Settings) -> Service:
    """The whole service over the settings' home folder; its files are open, nothing listens yet.

    Raises:
        Unavailable: MODEL_MISSING, LOG_LOCKED. Misconfigured: as `champion_bundle`, and for a
            shadow that is not what was written.
    """
    bundle, metrics = champion_bundle(settings), Metrics()
    shadow = shadow_network(settings, bundle)
    metrics.serves(asdict(bundle.versions))
    notify = LoopNotify(committed=metrics.committed)

    def end(error: CrivoError) -> None:
        running.failed(error)

    with ExitStack() as opened:
        home = open_serving_home(settings, notify, opened)
        index, webhooks = open_index(home, opened), open_webhooks(home, metrics, opened)
        decisions = _decisions(home, bundle, shadow)
        access, telling = make_access(settings), TellingService(decisions, home.pseudonyms)
        relay = open_relay(settings, home, metrics)
        inbox = open_inbox(settings, home, decisions, metrics, notify.hand_over)
        holds = HoldService(decisions, metrics.hold_ended)
        feed, traces = Feed(), traces_of(settings, metrics)
        running = Running(
            recover=lambda: _recover(decisions, settings),
            beside={
                **_where_set(access, traces, webhooks, relay, inbox),
                **_beside(settings, home, decisions, holds, metrics, notify),
                **watch_brokers(settings, home.log.check, end, metrics),
            },
            sample=lambda: _sample(decisions, app, metrics),
            close=opened.pop_all().close,
            notify=notify,
            feed=feed,
            telemetry=metrics,
        )
    running.project(Projection(home.reader, index, seen=running.show, noted=decisions.noted))
    page = PageAccess(now=wall_clock, secret=lambda: secrets.token_urlsafe(_BYTES_OF_A_KEY))
    app = create_app(
        Parts(
            decisions=decisions,
            settlement_phase=SettlementPhase(decisions),
            index=index,
            reports=ReportService(decisions),
            telling=telling,
            reviews=ReviewService(decisions),
            privacy=_privacy(settings, home, decisions, notify),
            follow_ups=FollowUpService(decisions, telling, holds),
            explainer=_explainer(home, decisions),
            prove=partial(checked_proof, settings),
            judged=_judged(home, bundle),
            deliveries=webhooks.deliveries,
            pseudonyms=home.pseudonyms,
            keys=access.keys,
            page=page,
            feed=feed,
            telemetry=metrics,
            traces=traces,
            limits=_limits(settings),
            is_ready=lambda: running.is_ready,
            check_log=home.log.check,
            running=running,
            settle=notify.run,
            monotonic_ns=time.perf_counter_ns,
            now=wall_clock,
            version=version("crivo"),
        )
    )
    return Service(app, decisions, running, page, metrics, home, access.new_key)


def serve(
    settings: Settings, *, announce: Callable[[Service, str], None], ready: Callable[[str], None]
) -> None:
    """Serves until SIGINT or SIGTERM; `announce` hears the address once it is listened on, `ready`
    once transfers are taken there.

    Raises:
        Unavailable: PORT_TAKEN, MODEL_MISSING, LOG_LOCKED. Misconfigured: as `build_service`, and
            what a thread meets that no waiting mends, such as another log where it passes its own.
    """
    configure_logging(json_lines=not sys.stderr.isatty())
    _check_file(settings)
    tls = tls_context(settings)
    listener = listen(settings.http.host, settings.http.port)
    with listener:
        service = build_service(settings)
        failures: list[CrivoError] = []
        host, port = listener.getsockname()[:2]
        scheme, named = "http" if tls is None else "https", f"[{host}]" if ":" in host else host
        address = f"{scheme}://{named}:{port}"
        announce(service, address)
        service.running.became_ready = partial(ready, address)
        sys.setswitchinterval(SWITCH_SECONDS)

        def stopper(stop: Callable[[], None]) -> None:
            def fail(error: CrivoError) -> None:
                failures.append(error)
                stop()

            service.running.failed = fail

        run_server(
            service.app,
            listener,
            drain_seconds=settings.http.drain_seconds_max,
            stopper=stopper,
            tls=tls,
        )
    if failures:
        raise failures[0]


def _check_file(settings: Settings) -> None:
    if settings.log.url is not None:
        raise Misconfigured(
            Code.SETTING_INVALID,
            "a service appends to a log of its own, in a file of the home folder",
            hint="Unset CRIVO_LOG__URL; CRIVO_RELAY__URL passes that log on to Kafka, or has it "
            "there first (CRIVO_RELAY__FIRST); `crivo decide --log …` answers what waits there.",
            field="CRIVO_LOG__URL",
            expected="not set",
            found=settings.log.url,
        )


def _decisions(home: Home, bundle: Bundle, shadow: Network | None) -> DecisionService:
    return DecisionService(
        log=home.log,
        bundle=bundle,
        clock=LogClock(home.log.manifest.clock, wall=wall_clock),
        monotonic_ns=time.perf_counter_ns,
        host=socket.gethostname(),
        shadow=shadow,
    )


def _privacy(
    settings: Settings, home: Home, decisions: DecisionService, notify: LoopNotify
) -> PrivacyService:
    publish = Publisher(decisions, notify.soon)
    return privacy_service(settings, home, publish=publish, now=decisions.clock.now)


def _judged(home: Home, bundle: Bundle) -> Callable[[], JudgedScores | None]:
    """The rows that judged the model: they are read and scored once, when somebody looks."""
    return lru_cache(maxsize=1)(partial(judged_scores, home.paths.judged, bundle.artifact))


def _explainer(home: Home, decisions: DecisionService) -> Explainer:
    return Explainer(
        log=home.log,
        bundle=lambda: decisions.bundle,
        load=lambda hash_: load_bundle(home.paths.bundles, hash_),
        features=default_feature_set().features,
    )


def _limits(settings: Settings) -> Limits:
    http = settings.http
    return Limits(
        decision_bytes_max=http.decision_bytes_max,
        batch_bytes_max=http.batch_bytes_max,
        batch_max=http.batch_max,
        predict_bytes_max=http.predict_bytes_max,
        predict_rows_max=http.predict_rows_max,
        in_flight_max=http.in_flight_max,
        body_seconds_max=http.body_seconds_max,
        answer_seconds_max=http.answer_seconds_max,
        rate_max=http.rate_max,
        key_rate_max=http.key_rate_max,
    )


def _where_set(
    access: Access,
    traces: Traces | None,
    webhooks: OpenWebhooks,
    relay: OpenRelay | None,
    inbox: OpenInbox | None,
) -> dict[str, Callable[[threading.Event], None]]:
    """What works in threads of its own where a setting asks for it, by name."""
    return {
        **({} if access.issuer_keys is None else {"oidc": access.issuer_keys.keep_up}),
        **({} if traces is None else {"traces": traces.work}),
        **({} if relay is None else {"relay": relay.work}),
        **({} if inbox is None else {"inbox": inbox.work}),
        **({} if webhooks.sender is None else {"webhooks": webhooks.sender.work}),
    }


def _beside(
    settings: Settings,
    home: Home,
    decisions: DecisionService,
    holds: HoldService,
    metrics: Metrics,
    notify: LoopNotify,
) -> dict[str, Callable[[threading.Event], None]]:
    """What works in threads of its own while the service runs, by name."""
    plan = decisions.bundle.plan
    revisions = ReviseService(decisions, metrics.revised, monotonic_ns=time.perf_counter_ns)
    return {
        **open_followers(settings, home, decisions, notify.hand_over, metrics),
        "ledger": partial(keep_sealed, settings, home, decisions, notify.soon, metrics),
        "snapshots": lambda stop: keep_snapshots(
            settings, plan, end=decisions.log.end, failed=metrics.snapshot_failed, stop=stop
        ),
        "staleness": partial(keep_measured, settings, decisions, metrics),
        "release": partial(keep_released, decisions, notify.hand_over),
        "policy": _reload(settings, decisions, metrics, notify).run,
        "holds": lambda stop: look_after_holds(
            stop, notify.hand_over, holds.end_due, revisions.revise_some
        ),
    }


def _reload(
    settings: Settings, decisions: DecisionService, metrics: Metrics, notify: LoopNotify
) -> PolicyReload:
    """What follows the policy files, and has the loop adopt what they become."""

    def adopt(bundle: Bundle) -> None:
        decisions.adopt(bundle)
        metrics.serves(asdict(bundle.versions))

    return PolicyReload(
        folder=settings.policy,
        bundles=Paths(settings.home).bundles,
        rules=declared_rules(),
        bundle=decisions.bundle,
        adopt=lambda bundle: notify.hand_over(lambda: adopt(bundle)),
        told=metrics.policy_reloaded,
    )


def _recover(decisions: DecisionService, settings: Settings) -> None:
    """State as of the log's end, and every kernel compiled: the first request finds both. A
    snapshot is read while kernels are compiled or loaded.
    """
    bundle = decisions.bundle
    with ThreadPoolExecutor(max_workers=1) as beside:
        start = beside.submit(start_of, settings, bundle.plan, decisions.log)
        warm(bundle)
    decisions.recover(lambda _folded, _end: None, start=start.result())
    note_state(decisions)


def _sample(decisions: DecisionService, app: Application, metrics: Metrics) -> None:
    metrics.flying(app.hot.in_flight)
    counts = decisions.counts
    metrics.state(counts.keys, counts.state_bytes, late=counts.late)
    metrics.log_end(decisions.log.end())
    metrics.held(len(decisions.holds))
    metrics.listed(decisions.replica.lists.added)
    metrics.summed(decisions.replica.sums.held)
