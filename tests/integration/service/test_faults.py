"""Hub, application processes and PostgreSQL die while people talk; every page is right afterwards."""

import asyncio
import os
import random
from pathlib import Path

import pytest

from tests.support.conditions import eventually
from tests.support.faults.checks import check
from tests.support.faults.crowd import Crowd, sign_up_crowd
from tests.support.faults.database import InTurn, Maintenance, Postmaster, Restore
from tests.support.faults.pages import Connections, Sleep
from tests.support.faults.run import Deaths, run
from tests.support.faults.talk import Talk
from tests.support.killable_processes import Hanging, LaneNumber, Victim
from tests.support.lanes_under_test import lanes_of
from tests.support.running_service import set_up

SECONDS = float(os.environ.get("SECONDS", "10"))
"""How long things die; `make soak` asks for more."""
CROWD = int(os.environ.get("CROWD", "1000"))
"""How many people come into a room at once; `make soak` asks for more."""
FAULT_SEED = int(os.environ.get("FAULT_SEED", "1"))
"""What dies in which order; `make soak` asks for another one each time."""


@pytest.mark.long
@pytest.mark.timeout(2 * SECONDS + 240)
async def test_pages_equal_fresh_ones_after_everything_was_killed_at_random(
    tmp_path: Path, postgres_folder: Path
) -> None:
    print(f"FAULT_SEED={FAULT_SEED}")  # noqa: T201 - pytest shows it with a failure
    chance = random.Random(FAULT_SEED)
    async with set_up(tmp_path, postgres_folder, people=12, rooms=4, lanes=2) as stage:
        talk = Talk(stage.rooms)
        turn = asyncio.Lock()
        others: list[Victim] = [
            *stage.apps,
            InTurn(stage.database, turn),
            Hanging(stage.hub),
            *map(Hanging, stage.apps),
            Connections(stage.pages, chance),
            Sleep(stage.pages, stage.dsn, chance),
            LaneNumber(stage.dsn, chance),
        ]
        restore = Restore(stage.backup, talk, stage.apps)
        rare: list[Victim] = [
            InTurn(Postmaster(stage.postgres, postgres_folder), turn),
            Maintenance(stage.dsn, chance),
            Crowd(stage.dsn, await sign_up_crowd(stage.dsn, CROWD), stage.rooms[0]),
            InTurn(restore, turn),
        ]
        happened = await run(stage, talk, Deaths(stage.hub, others, rare, chance), seconds=SECONDS, messages=100)
    print(happened, "restored under so many processes:", dict(restore.under))  # noqa: T201 - what `make soak` is for


@pytest.mark.long
async def test_a_process_killed_with_kill_9_loses_its_lanes_to_the_other_within_seconds(
    tmp_path: Path, postgres_folder: Path
) -> None:
    async with set_up(tmp_path, postgres_folder, people=4, rooms=2, lanes=2) as stage:
        dying, other = stage.apps
        talk = Talk(stage.rooms)

        async def said_more(than: int) -> bool:
            return len(talk.said) >= than

        async def held_by(*pids: int) -> bool:
            holders = {lane.holder for lane in await lanes_of(stage.dsn)}
            return {int(holder.rpartition(":")[2]) for holder in holders if holder} == set(pids)

        await eventually(lambda: held_by(dying.pid, other.pid))
        async with asyncio.TaskGroup() as group:
            for number, page in enumerate(stage.pages):
                group.create_task(talk.take_part(page, random.Random(number)))
            await eventually(lambda: said_more(100))
            await dying.kill()
            await eventually(lambda: held_by(other.pid))
            said = len(talk.said)
            await eventually(lambda: said_more(said + 100))
            talk.is_over = True
        assert (await check(stage, talk)).arrived > 400
        assert not any(page.caught_up or page.recovered for page in stage.pages)
