"""A witness over HTTP: `POST /add-checkpoint`, and `GET /<hash of an origin>/checkpoint`."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable

from aiohttp import web

from audit.witnesses.client import ADD_CHECKPOINT, LONGEST_ANSWER
from audit.witnesses.witness import CheckpointWitness, WitnessAnswer

log = logging.getLogger(__name__)


def create_witness_app(witness: CheckpointWitness) -> web.Application:
    """The application. What cannot be recorded is answered 503, and not cosigned."""

    async def answer(decide: Callable[[], WitnessAnswer]) -> web.Response:
        try:
            found = await asyncio.to_thread(decide)
        except sqlite3.Error:
            log.exception("what was cosigned cannot be recorded")
            found = WitnessAnswer(503, "what was cosigned cannot be recorded\n")
        return web.Response(status=found.status, text=found.text, content_type=found.content_type)

    async def add_checkpoint(request: web.Request) -> web.Response:
        body = await request.read()
        return await answer(lambda: witness.add_checkpoint(body))

    async def checkpoint(request: web.Request) -> web.Response:
        return await answer(lambda: witness.checkpoint(request.match_info["origin"]))

    app = web.Application(client_max_size=LONGEST_ANSWER)
    app.add_routes(
        [
            web.post(f"/{ADD_CHECKPOINT}", add_checkpoint),
            web.get(r"/{origin:[0-9a-f]{64}}/checkpoint", checkpoint),
        ]
    )
    return app
