"""Two releases on one log: the older process gives way to the newer one."""

import os
from pathlib import Path

import asyncpg

from api.wiring import create_fold
from projections.readmodels.projection import RoomsProjection
from replay.progress import unwatched
from replay.rebuild.rebuild import rebuild
from replay.rebuild.verify import verify
from tests.integration.conftest import StartServer
from tests.support import older_program
from tests.support.conditions import eventually
from tests.support.people import Person
from tests.support.serving import serving

OLDER, NEWER = older_program.VERSION, RoomsProjection.version


async def test_an_older_process_gives_way_to_a_newer_one(
    database_url: str, start_server: StartServer, tmp_path: Path
) -> None:
    admin = await asyncpg.connect(database_url)
    await admin.execute("UPDATE fold_versions SET version = $1", OLDER)
    (tmp_path / "older").mkdir()
    program = older_program.older_program(tmp_path / "older")
    environment = {"DATABASE_URL": database_url, "DATA_DIR": str(tmp_path / "data")}
    with (tmp_path / "log").open("w+") as log:
        async with serving(log.fileno(), program, tmp_path, **environment) as older, Person(older.url) as ada:
            await ada.sign_up("ada")
            messages = f"/api/rooms/{await ada.open_room('Engines')}/messages/"
            assert (await ada.post(messages, {"content": "before"})).status == 201

            await rebuild(create_fold(), database_url, unwatched)
            refused = await ada.post(messages, {"content": "refused"})
            assert (refused.status, refused.body["code"]) == (503, "outdated")
            assert (await ada.get("/readyz")).status == 503
            assert (await ada.get(messages)).body["count"] == 1

            newer = await start_server()

            async def is_taken_over() -> bool:
                return bool(await admin.fetchval("SELECT holder LIKE $1 FROM fanout_lanes", f"%:{os.getpid()}"))

            await eventually(is_taken_over)
            async with Person(newer.make_url("/")) as too:
                await too.log_in("ada")
                assert (await too.post(messages, {"content": "after"})).status == 201
                said = [message["content"] for message in (await too.get(messages)).body["results"]]
                assert sorted(said) == ["after", "before"]
        log.seek(0)
        said_why = f"version {NEWER} of the fold is in force, this program has version {OLDER}"
        loud = [line for line in log if '"level":"error"' in line]
        assert any("stopped: a newer program folds here" in line and said_why in line for line in loud), loud
        assert any("lanes left to a newer program" in line and said_why in line for line in loud), loud
    assert (await verify(create_fold(), database_url, unwatched)).differences == []
    await admin.close()
