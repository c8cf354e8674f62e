"""People talk while the servers are killed at random; then the log and every page are checked."""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from tests.support.conditions import eventually
from tests.support.faults.checks import check
from tests.support.faults.talk import Talk
from tests.support.killable_processes import Victim
from tests.support.running_service import Stage

CALM_S = (1.0, 6.0)
"""How long a victim is left alone between two deaths; and dead for a tenth of that."""

RARE = (1 / 6, 1 / 2)
"""The same for rare faults, as parts of half a run."""


@dataclass
class Deaths:
    """Kills at random moments, each victim in its own rhythm, so that deaths also coincide.

    In the first half the real-time server dies too, and with its memory what it was told wrongly. In the second it
    lives, and pages have to live with that.
    """

    server: Victim
    others: Sequence[Victim]
    rare: Sequence[Victim]
    chance: random.Random
    count: Counter[str] = field(default_factory=Counter)

    async def happen(self, seconds: float) -> None:
        """Kill for that long; all are alive again on return."""
        await self._happen_to([self.server, *self.others], seconds / 2)
        await self._happen_to(self.others, seconds / 2)

    async def _happen_to(self, victims: Sequence[Victim], seconds: float) -> None:
        until = asyncio.get_running_loop().time() + seconds
        rare = (RARE[0] * seconds, RARE[1] * seconds)
        often = (self._happen_to_one(victim, until, CALM_S) for victim in victims)
        rarely = (self._happen_to_one(victim, until, rare) for victim in self.rare)
        await asyncio.gather(*often, *rarely)

    async def _happen_to_one(self, victim: Victim, until: float, calm: tuple[float, float]) -> None:
        while (left_s := until - asyncio.get_running_loop().time()) > 0:
            calm_s = self.chance.uniform(*calm)
            await asyncio.sleep(min(calm_s, left_s))
            await victim.kill()
            self.count[victim.name] += 1
            await asyncio.sleep(calm_s / 10)
            await victim.start()


async def run(stage: Stage, talk: Talk, deaths: Deaths, *, seconds: float, messages: int) -> dict[str, Any]:
    """Talk while servers die, then until that many messages are posted; then check everything.

    Returns what happened, for people to read.
    """
    async with asyncio.TaskGroup() as group:
        for page in stage.pages:
            group.create_task(talk.take_part(page, random.Random(deaths.chance.random())))
        await deaths.happen(seconds)
        await eventually(lambda: talk.has(messages))
        talk.is_over = True
    checked = await check(stage, talk)
    return {
        "messages": len(talk.said),
        **talk.acts,
        **asdict(checked),
        "recovered by the server": sum(page.recovered for page in stage.pages),
        "caught up from the feed": sum(page.caught_up for page in stage.pages),
        "paused": sum(page.paused for page in stage.pages),
        "loaded afresh": sum(page.restarted for page in stage.pages),
        "deaths": dict(deaths.count),
    }
