"""What a play notes of each answer, from a service that takes its time."""

from __future__ import annotations

import asyncio
import time

from aiohttp import web

from crivo.cli.player import DECISIONS, Score, Step, play
from crivo.cli.scoreboard import lines

#: How long the service waits before it answers.
WAIT_MS = 60


async def played(*plays: tuple[list[Step], int]) -> tuple[Score, list[float]]:
    """The score of the plays, each of steps and a rate, and its seconds after each of them."""

    async def decide(request: web.Request) -> web.Response:
        await asyncio.sleep(WAIT_MS / 1e3)
        body = await request.json()
        if body["id"] == "bad":
            return web.json_response({"code": "AMOUNT_INVALID"}, status=422)
        return web.json_response({"outcome": body["outcome"]})

    async def report(_: web.Request) -> web.Response:
        return web.json_response({}, status=201)

    app = web.Application()
    app.router.add_post("/v1/decisions", decide)
    app.router.add_post("/v1/reports", report)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        host, port = runner.addresses[0][:2]
        score = Score()
        address, seconds = f"http://{host}:{port}", []
        for steps, rate in plays:
            await play(address, "key", steps, score, rate=rate, show=lambda *_: None)
            seconds.append(score.seconds)
        return score, seconds
    finally:
        await runner.cleanup()


def test_each_answer_is_counted_where_it_belongs_with_the_time_it_took():
    steps = [
        Step("/v1/decisions", b'{"id": "a", "outcome": "ALLOW"}', "a"),
        Step("/v1/decisions", b'{"id": "b", "outcome": "HOLD"}', "b"),
        Step("/v1/decisions", b'{"id": "bad"}', "bad"),
        Step("/v1/reports", b"{}", "b"),
    ]
    score, _ = asyncio.run(played((steps, 0)))
    assert (score.decided, score.reported) == (2, 1)
    assert dict(score.outcomes) == {"ALLOW": 1, "HOLD": 1}
    assert dict(score.refused) == {"AMOUNT_INVALID": 1}
    assert (score.played, score.stopped, score.frauds_known) == ({"a", "b"}, {"b"}, {"b"})
    # What was refused was not decided, and takes part in no latency.
    assert len(score.latencies_ms) == 2
    assert min(score.latencies_ms) >= WAIT_MS
    assert score.seconds * 1e3 >= WAIT_MS


def test_the_rate_of_decisions_is_not_lowered_by_reports_that_are_played_at_a_pace_afterwards():
    decided = [Step("/v1/decisions", b'{"id": "a", "outcome": "ALLOW"}', "a")]
    reports = [Step("/v1/reports", b"{}", "a")] * 5
    score, (decided_in, in_all) = asyncio.run(played((decided, 0), (reports, 50)))
    assert (score.decided, score.reported) == (1, 5)
    assert in_all == decided_in >= WAIT_MS / 1e3
    assert score.decisions_per_second == 1 / decided_in


#: What each outcome's transfer is of, in centavos, so that every sum of some is another.
AMOUNTS = {"ALLOW": 1, "WARN": 20, "STEP_UP": 300, "HOLD": 4_000, "REJECT": 50_000}


def answered(outcome: str, name: str) -> Step:
    """A transfer of the outcome's amount that is answered so."""
    body = b'{"id": "%s", "outcome": "%s"}' % (name.encode(), outcome.encode())
    return Step(DECISIONS, body, name, amount_centavos=AMOUNTS[outcome])


def test_of_the_five_outcomes_only_hold_and_reject_freeze_money():
    steps = [answered(outcome, f"{outcome} {number}") for outcome in AMOUNTS for number in range(3)]
    reports = [Step("/v1/reports", b"{}", f"{outcome} 0") for outcome in AMOUNTS]
    score, _ = asyncio.run(played(([*steps, *reports], 0)))
    assert dict(score.outcomes) == dict.fromkeys(AMOUNTS, 3)
    said = lines(score)["R$ stopped, R$ frozen wrongly"]
    assert said.startswith("R$ 540,00, R$ 1.080,00 ")
    # What warns or asks for more is not simply allowed either.
    assert (len(score.stopped), score.precision, score.recall) == (12, 4 / 12, 4 / 5)


def test_a_play_at_a_pace_takes_its_time():
    steps = [Step("/v1/reports", b"{}", "a")] * 6
    begun = time.perf_counter()
    asyncio.run(played((steps, 50)))
    # The sixth is sent a tenth of a second after the first; a loop may wake a moment early.
    assert time.perf_counter() - begun > 0.099
