"""`POST /v1/decisions:batch`: many transfers in one body, decided as if one by one."""

from __future__ import annotations

import asyncio
from typing import Final

import msgspec
from starlette.types import Receive, Scope, Send

from crivo.adapters.http.access import caller_name
from crivo.adapters.http.answers import DecisionAnswer, decision_body, respond_json
from crivo.adapters.http.bodies import parse_decision
from crivo.adapters.http.hot import (
    TRACE_PARENT,
    Handler,
    HotRoutes,
    check_ready,
    durable,
)
from crivo.adapters.http.problems import Problem, problem_of
from crivo.adapters.http.receive import header, read_json_body
from crivo.adapters.http.service import Parts
from crivo.domain.errors import Code, CrivoError, invalid
from crivo.domain.transfer import Transfer
from crivo.flows.answers import Answer
from crivo.flows.pending import Pending
from crivo.flows.receiving import check_supplied

PATH: Final = "/v1/decisions:batch"

#: Transfers that are decided before the loop gets its turn: about two milliseconds.
SLICE: Final = 50

_LIST: Final = msgspec.json.Decoder(list[msgspec.Raw])

Decided = Pending[Answer] | CrivoError


class BatchResult(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One transfer's answer, or its problem document; `status` is what it alone would have had."""

    status: int
    decision: DecisionAnswer | None = None
    problem: Problem | None = None


def batch_route(hot: HotRoutes) -> Handler:
    """The handler of the route, for `HotRoutes.paths`."""
    parts, limits = hot.parts, hot.parts.limits

    async def handle(scope: Scope, receive: Receive, send: Send) -> None:
        arrived_ns = parts.monotonic_ns()
        raw = await read_json_body(
            scope,
            receive,
            bytes_max=limits.batch_bytes_max,
            seconds_max=limits.body_seconds_max,
        )
        check_ready(parts)
        bodies = _parse_list(raw, count_max=hot.batch_max)
        hot.charge(scope, len(bodies))
        decided, new = await _decide(parts, bodies, arrived_ns, caller_name(scope))
        sequenced_ns = parts.monotonic_ns()
        answers = await _durable(decided, seconds_max=limits.answer_seconds_max)
        durable_ns = parts.monotonic_ns()
        await respond_json(send, msgspec.json.encode([_result(each) for each in answers]))
        answered_ns = parts.monotonic_ns()
        made = [each for each in answers if isinstance(each, Answer)]
        seconds, log_seconds = (answered_ns - arrived_ns) / 1e9, (durable_ns - sequenced_ns) / 1e9
        parts.telemetry.decisions_answered(
            seconds, log_seconds, decisions=len(made), repeats=max(0, len(made) - new)
        )
        for each in answers:
            if isinstance(each, CrivoError):
                parts.telemetry.refused(each.code)
        if parts.traces is not None and made:
            parts.traces.batch_answered(
                PATH,
                header(scope, TRACE_PARENT),
                made[0].end_to_end_id,
                (len(made), len(answers) - len(made)),
                (arrived_ns, sequenced_ns, durable_ns, answered_ns),
            )

    return handle


def _parse_list(raw: bytes, *, count_max: int) -> list[msgspec.Raw]:
    """The bodies in a list, each still to be parsed.

    Raises:
        Refused: BODY_MALFORMED; FIELD_VALUE for none, or more than `count_max`.
    """
    try:
        bodies = _LIST.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise invalid(
            Code.BODY_MALFORMED, field="body", expected="an array of transfers", found=str(error)
        ) from None
    if not 1 <= len(bodies) <= count_max:
        expected = f"1 to {count_max} transfers"
        raise invalid(Code.FIELD_VALUE, field="body", expected=expected, found=len(bodies))
    return bodies


async def _decide(
    parts: Parts, bodies: list[msgspec.Raw], arrived_ns: int, caller: str | None
) -> tuple[list[Decided], int]:
    """What `decide` says of each body, in order, and how many of them are new; none is waited for.

    Raises:
        Unavailable: as `DecisionService.decide_many`, where it failed with the first slice.
    """
    decided: list[Decided] = []
    new = 0
    for start in range(0, len(bodies), SLICE):
        if start:
            # Decisions that wait get their turn between the slices of a long list.
            await asyncio.sleep(0)
        before = parts.decisions.folded
        try:
            decided += _slice(parts, bodies[start : start + SLICE], arrived_ns, caller)
        except CrivoError as error:
            if not start:
                raise
            # Those before are made: each of the others hears why it was not.
            decided += [error] * (len(bodies) - start)
            break
        new += parts.decisions.folded - before
    return decided, new


def _slice(
    parts: Parts, bodies: list[msgspec.Raw], arrived_ns: int, caller: str | None
) -> list[Decided]:
    decided: list[Decided | None] = []
    asked: list[tuple[Transfer, int | None]] = []
    identities: dict[int, bytes] = {}
    for body in bodies:
        try:
            transfer, supplied, identity = parse_decision(bytes(body), parts.pseudonyms)
            check_supplied(parts.decisions.clock, supplied)
        except CrivoError as error:
            decided.append(error)
        else:
            if identity is not None:
                identities[len(asked)] = identity
            asked.append((transfer, supplied))
            decided.append(None)
    made = parts.decisions.decide_many(
        asked, arrived_ns=arrived_ns, identities=identities, caller=caller
    )
    answers = iter(made)
    return [next(answers) if each is None else each for each in decided]


async def _durable(decided: list[Decided], *, seconds_max: float) -> list[Answer | CrivoError]:
    """Each answer once it is on disk, or why there is none: the log settles them in order."""
    answers: list[Answer | CrivoError] = []
    given_up: CrivoError | None = None
    for each in decided:
        if isinstance(each, CrivoError):
            answers.append(each)
        elif given_up is not None and not each.done:
            answers.append(given_up)
        else:
            try:
                answer = await durable(each, seconds_max=seconds_max)
                answers.append(answer)
            except CrivoError as error:
                answers.append(error)
                given_up = None if each.done else error
    return answers


def _result(answer: Answer | CrivoError) -> BatchResult:
    if isinstance(answer, Answer):
        return BatchResult(200, decision=decision_body(answer))
    problem = problem_of(answer)
    return BatchResult(problem.status, problem=problem)
