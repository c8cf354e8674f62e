"""The embedded hub: broadcasts to very many channels, and deliveries to very many connected clients.

The clients live in a process of their own, so that this process is the hub's alone: `python -m benchmarks hub`.
"""

import asyncio
import gc
import json
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from multiprocessing.connection import Connection as Pipe

import jwt
import psutil
from aiohttp import web

from benchmarks.hub_clients import clients, content, received
from centrifugo.hub.configuration import loading as configuration
from centrifugo.hub.connection import websocket
from centrifugo.hub.hub import Hub

SECRET = "the secret of the benchmark, of as many bytes as the longest of the HMACs wants"
CLIENTS = 2_000
GROUP = 50
EVENTS_A_SECOND = 100
STEADY_S = 10
BURST_EVENTS = 2_000
CHANNELS = 100_000
PAYLOAD_BYTES = 200


async def run() -> None:
    print("\n### The embedded hub\n\n```")
    await broadcasts()
    await deliveries()
    print("```")


def row(name: str, value: str) -> None:
    print(f"{name:<66}{value:>14}", flush=True)


async def broadcasts() -> None:
    """To 100,000 channels with history and an idempotency key, without subscribers."""
    before = _memory()
    hub, channels = _hub(), [f"personal:{n}" for n in range(CHANNELS)]
    for name in ("first, every channel new", "second", "third"):
        async with _longest_turn() as turn:
            started = time.perf_counter()
            await hub.broadcast(channels, _data(), idempotency_key=name)
            row(f"broadcast to {CHANNELS:,} channels with history: {name}", f"{_ms_since(started):.0f} ms")
        row("  the event loop held at most", f"{turn.ms:.1f} ms")
    row("  memory a channel, with 3 publications and 3 keys", f"{(_memory() - before) / CHANNELS:.0f} B")


async def deliveries() -> None:
    """To 2,000 clients on real sockets: first at the rate of a busy service, then as fast as it goes."""
    hub, app = _hub(), web.Application()
    websocket.mount(app, hub)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    before = _memory()
    with clients(runner.addresses[0][1], _logins()) as pipe:
        await received(pipe)
        row(f"{CLIENTS:,} connected clients: memory a client", f"{(_memory() - before) / CLIENTS / 1_000:.1f} kB")
        await _steady(hub, pipe)
        await _burst(hub, pipe)
    await runner.cleanup()


async def _steady(hub: Hub, pipe: Pipe) -> None:
    events = EVENTS_A_SECOND * STEADY_S
    pipe.send(events * GROUP)
    await received(pipe)
    started, cpu = time.perf_counter(), time.process_time()
    for number in range(events):
        await asyncio.sleep(max(0.0, started + number / EVENTS_A_SECOND - time.perf_counter()))
        await hub.broadcast(_group(number), _data(), idempotency_key=f"steady:{number}")
    latencies = [arrival.latency_s for arrival in await received(pipe)]
    busy = (time.process_time() - cpu) / (time.perf_counter() - started)
    quantiles = [q * 1_000 for q in statistics.quantiles(latencies, n=100)]
    row(f"{EVENTS_A_SECOND} events/s into groups of {GROUP}: delivered", f"{len(latencies):,} of {events * GROUP:,}")
    row("  latency, half of them below", f"{quantiles[49]:.1f} ms")
    row("  latency, 99 % of them below", f"{quantiles[98]:.1f} ms")
    row("  of one core", f"{busy:.0%}")


async def _burst(hub: Hub, pipe: Pipe) -> None:
    pipe.send(BURST_EVENTS * GROUP)
    await received(pipe)
    cpu, started = time.process_time(), time.perf_counter()
    async with _longest_turn() as turn:
        for number in range(BURST_EVENTS):
            await hub.broadcast(_group(number), _data(), idempotency_key=f"burst:{number}")
            await asyncio.sleep(0)
        delivered = len(await received(pipe))
    took, busy = time.perf_counter() - started, time.process_time() - cpu
    row(f"as fast as it goes, groups of {GROUP}: deliveries", f"{delivered / took:,.0f} /s")
    row("  deliveries a second of the hub's own processor time", f"{delivered / busy:,.0f} /s")
    row("  the event loop held at most", f"{turn.ms:.1f} ms")


def _hub() -> Hub:
    namespace = {"name": "personal", "force_recovery": True, "history_ttl": "1h", "history_size": 1_000}
    settings = {"client": {"token": {"hmac_secret_key": SECRET}}, "channel": {"namespaces": [namespace]}}
    return Hub(configuration.load(settings, {}))


def _data() -> bytes:
    """About as much as is published for one message, with the time in it."""
    body = {"type": "message_added", "id": 0, "content": content(time.perf_counter()), "body": ""}
    return json.dumps({**body, "body": "x" * (PAYLOAD_BYTES - len(json.dumps(body)))}, separators=(",", ":")).encode()


def _group(number: int) -> list[str]:
    first = number * GROUP % CLIENTS
    return [f"personal:{n}" for n in range(first, first + GROUP)]


def _logins() -> list[tuple[str, str, str]]:
    return [
        (
            f"personal:{n}",
            jwt.encode({"sub": str(n)}, SECRET),
            jwt.encode({"sub": str(n), "channel": f"personal:{n}"}, SECRET),
        )
        for n in range(CLIENTS)
    ]


class _Turn:
    """How long the event loop was held at most, in milliseconds of processor time: others may use the machine too."""

    ms = 0.0


@asynccontextmanager
async def _longest_turn() -> AsyncIterator[_Turn]:
    turn = _Turn()

    async def watch() -> None:
        last = time.thread_time()
        while True:
            await asyncio.sleep(0)
            now = time.thread_time()
            turn.ms, last = max(turn.ms, (now - last) * 1_000), now

    task = asyncio.create_task(watch())
    yield turn
    task.cancel()


def _ms_since(started: float) -> float:
    return (time.perf_counter() - started) * 1_000


def _memory() -> int:
    gc.collect()
    memory: int = psutil.Process().memory_info().rss
    return memory
