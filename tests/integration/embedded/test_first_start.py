"""A first start that is interrupted, at whatever moment, is completed by the next one."""

import asyncio
import signal
from pathlib import Path

import pytest

from tests.support.conditions import eventually
from tests.support.embedded import starting
from tests.support.people import Person
from tests.support.serving import serving

MILESTONES = (
    "postgres.lock",
    "postgres.new-*",
    "postgres.new-*/global/pg_control",
    "postgres.new-*/base/??*",
    "postgres",
    "postgres/postmaster.pid",
    "secrets.json",
)
"""What a first start makes, in this order."""

MOMENTS_S = tuple(0.4 + 0.4 * number for number in range(4))
ENDS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)


def has(data_dir: Path, what: str) -> bool:
    return next(data_dir.glob(what), None) is not None


async def is_completed_by_the_next_start(data_dir: Path) -> None:
    async with serving(DATA_DIR=str(data_dir)) as service, Person(service.url) as ada:
        assert (await ada.get("/readyz")).status == 200
        await ada.log_in("ada", "demo")
        assert (await ada.get("/api/rooms/")).body["count"] == 3
        assert await service.stop(signal.SIGTERM) == 0
    assert not (data_dir / "postgres" / "postmaster.pid").exists()


@pytest.mark.parametrize("milestone", MILESTONES)
async def test_killed_as_soon_as_something_is_there(milestone: str, data_dir: Path) -> None:
    async with starting(data_dir) as process:

        async def is_there() -> bool:
            assert process.returncode is None
            return has(data_dir, milestone)

        await eventually(is_there)
        process.kill()
        await process.wait()
    await is_completed_by_the_next_start(data_dir)


@pytest.mark.parametrize(("moment_s", "end"), [(moment, ENDS[n % 3]) for n, moment in enumerate(MOMENTS_S)])
async def test_ended_after_some_time(moment_s: float, end: signal.Signals, data_dir: Path) -> None:
    async with starting(data_dir) as process:
        await asyncio.sleep(moment_s)  # the moment is what is tried, nothing is waited for
        process.send_signal(end)
        await process.wait()
    await is_completed_by_the_next_start(data_dir)


async def test_a_killed_one_leaves_nothing_next_to_the_cluster(data_dir: Path) -> None:
    left = data_dir / "postgres.new-abandoned"
    (left / "base").mkdir(parents=True)
    async with serving(DATA_DIR=str(data_dir)) as service:
        assert await service.stop(signal.SIGTERM) == 0
    assert not has(data_dir, "postgres.new-*")
