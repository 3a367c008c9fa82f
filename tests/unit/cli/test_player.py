"""What a play notes of each answer, from a service that takes its time."""

from __future__ import annotations

import asyncio

from aiohttp import web

from crivo.cli.player import Score, Step, play

#: How long the service waits before it answers.
WAIT_MS = 60


async def played(steps: list[Step]) -> Score:
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
        await play(f"http://{host}:{port}", "key", steps, score, rate=0, show=lambda *_: None)
        return score
    finally:
        await runner.cleanup()


def test_each_answer_is_counted_where_it_belongs_with_the_time_it_took():
    steps = [
        Step("/v1/decisions", b'{"id": "a", "outcome": "ALLOW"}', "a"),
        Step("/v1/decisions", b'{"id": "b", "outcome": "HOLD"}', "b"),
        Step("/v1/decisions", b'{"id": "bad"}', "bad"),
        Step("/v1/reports", b"{}", "b"),
    ]
    score = asyncio.run(played(steps))
    assert (score.decided, score.reported) == (2, 1)
    assert dict(score.outcomes) == {"ALLOW": 1, "HOLD": 1}
    assert dict(score.refused) == {"AMOUNT_INVALID": 1}
    assert (score.played, score.stopped, score.frauds_known) == ({"a", "b"}, {"b"}, {"b"})
    # What was refused was not decided, and takes part in no latency.
    assert len(score.latencies_ms) == 2
    assert min(score.latencies_ms) >= WAIT_MS
    assert score.seconds * 1e3 >= WAIT_MS
