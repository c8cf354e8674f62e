"""Look-alike names: refused for new people and rooms; old ones are kept and found by their own names."""

import asyncpg
from aiohttp.test_utils import TestServer

from api.schema import bring_up_to_date
from api.wiring import create_fold
from replay.progress import Progress
from replay.rebuild.verify import verify
from tests.integration.conftest import Visit
from tests.support.people import PASSWORD, Person

CYRILLIC = "ad\u0430"


def unseen(_: Progress) -> None:
    """Nobody watches."""


async def test_a_name_that_looks_like_another_is_taken(ada: Person, visit: Visit) -> None:
    refused = await (await visit()).post("/api/signup/", {"username": CYRILLIC, "password": PASSWORD})
    assert (refused.status, list(refused.body)) == (400, ["username"])
    await ada.open_room("General")
    again = await ada.post("/api/rooms/", {"name": "Gener\u0430l"})
    assert (again.status, again.body["code"]) == (409, "name_taken")


async def test_accounts_and_rooms_of_an_older_rule_are_kept(
    visit: Visit, server: TestServer, database_url: str
) -> None:
    ada, twin = await visit("ada"), await visit("placeholder")
    room = await ada.open_room("General")
    other = await ada.open_room("Engines")
    admin = await asyncpg.connect(database_url)
    await admin.execute("UPDATE users SET username_key = lower(username)")
    await admin.execute(
        "UPDATE users SET username = $1, username_key = $1 WHERE user_id = $2", CYRILLIC, twin.user["id"]
    )
    await admin.execute("UPDATE body_keys SET key = 'of another rule'")
    await admin.execute("UPDATE name_rule SET version = 1")
    for _ in range(2):
        await bring_up_to_date(admin)
        for name, user in (("ada", ada.user), (CYRILLIC, twin.user), (f" {CYRILLIC.upper()} ", twin.user)):
            answer = await (await visit()).post("/api/login/", {"username": name, "password": PASSWORD})
            assert (answer.status, answer.body["id"]) == (200, user["id"])
    assert await admin.fetchval("SELECT count(DISTINCT key) FROM body_keys") == 2
    await admin.close()
    assert (await verify(create_fold(), database_url, unseen)).differences == []
    found = (await ada.get("/api/search/?q=Gener%D0%B0l")).body["results"]
    assert [each["id"] for each in found] == [room]
    assert room != other
