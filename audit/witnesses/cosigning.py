"""Asks all witnesses of a policy to cosign a checkpoint, side by side, and waits for none of them longer than 2 s.

A witness that does not cosign is left alone for a while, longer each time, so that it delays no further checkpoint.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime

import aiohttp
import asyncpg

from audit.proofs.policy import Witness
from audit.signing.checkpoint import Checkpoint
from audit.signing.notes import Note
from audit.signing.signer import Contradiction
from audit.tree import store
from audit.tree.merkle import Hash
from audit.tree.store import Epoch
from audit.witnesses.client import Answer, Cosigned, NotCosigned, OtherSize, add_checkpoint
from audit.witnesses.standing import Standing, read_standings, write_standings
from audit.witnesses.submission import Submission

PATIENCE_S = 2.0
LEFT_ALONE_S = 5.0
LEFT_ALONE_AT_MOST_S = 300.0

ReadPath = Callable[[int], Awaitable[Sequence[Hash]]]


class RolledBack(Contradiction):
    """A witness has cosigned a larger tree than the one that is signed now; the text names it."""


class Witnesses:
    """The witnesses of one log. `ask` is called by one task at a time."""

    def __init__(self, witnesses: Sequence[Witness], *, patience_s: float = PATIENCE_S) -> None:
        """`witnesses`: those with a URL are asked."""
        self._witnesses = [each for each in witnesses if each.url]
        self._patience_s = patience_s
        self._failures: dict[str, int] = {}
        self._left_alone_until: dict[str, float] = {}

    async def cosign(self, note: Note, epoch: Epoch, connection: asyncpg.Connection) -> Note:
        """The checkpoint with the cosignatures that came in time. Raises RolledBack."""
        now = asyncio.get_running_loop().time()
        lacking = [each for each in self._witnesses if not note.claims(each.key)]
        asked = [each for each in lacking if self._left_alone_until.get(each.name, now) <= now]
        if not asked:
            return note
        known = {each.name: each.size for each in await read_standings(epoch.number, connection)}
        size = Checkpoint.parse(note.text).size
        one_at_a_time = asyncio.Lock()

        async def path_from(old: int) -> Sequence[Hash]:
            async with one_at_a_time:
                return await store.consistency_path(epoch.number, old, size, connection) if old else ()

        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=self._patience_s)) as http:
            answers = await asyncio.gather(
                *(self._ask(each, known.get(each.name, 0), note, size, path_from, http) for each in asked)
            )
        standings = [self._standing(each, answer, size) for each, answer in zip(asked, answers, strict=True)]
        await write_standings(epoch.number, standings, connection)
        for witness, answer in zip(asked, answers, strict=True):
            if isinstance(answer, OtherSize) and answer.size > size:
                raise RolledBack(
                    f"the witness {witness.name} has cosigned a tree of {answer.size} events, and the log has {size}"
                )
        return note.with_signatures(
            [line for each in answers if isinstance(each, Cosigned) for line in each.signatures]
        )

    async def _ask(
        self, witness: Witness, old: int, note: Note, size: int, path_from: ReadPath, http: aiohttp.ClientSession
    ) -> Answer:
        """Ask one; a second time where it saw another tree last than we know."""
        try:
            async with asyncio.timeout(self._patience_s):
                known = old if old <= size else 0
                answer = await add_checkpoint(witness, Submission(known, tuple(await path_from(known)), note), http)
                if isinstance(answer, OtherSize) and answer.size <= size:
                    path = tuple(await path_from(answer.size))
                    answer = await add_checkpoint(witness, Submission(answer.size, path, note), http)
                return answer
        except TimeoutError:
            return NotCosigned(f"it did not answer within {self._patience_s:g} s")

    def _standing(self, witness: Witness, answer: Answer, size: int) -> Standing:
        now = datetime.now(UTC)
        match answer:
            case Cosigned(time=time):
                self._failures.pop(witness.name, None)
                return Standing(witness.name, size, datetime.fromtimestamp(time, UTC), now, None)
            case OtherSize(size=other):
                self._leave_alone(witness.name)
                return Standing(witness.name, 0, None, now, f"it saw a tree of {other} events last")
            case NotCosigned(why=why):
                self._leave_alone(witness.name)
                return Standing(witness.name, 0, None, now, why)

    def _leave_alone(self, name: str) -> None:
        failures = self._failures[name] = self._failures.get(name, 0) + 1
        wait_s = min(LEFT_ALONE_S * 2 ** min(failures - 1, 16), LEFT_ALONE_AT_MOST_S)
        self._left_alone_until[name] = asyncio.get_running_loop().time() + wait_s
