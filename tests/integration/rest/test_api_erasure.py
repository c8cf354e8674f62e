"""Admins erase what was said: the words go, that they were said stays, and everybody who could read them is told."""

import asyncio
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio
from aiohttp.test_utils import TestServer
from click.testing import CliRunner

from cli.main import main
from tests.integration.conftest import Visit
from tests.integration.pages.test_operations import promoted
from tests.support.people import PASSWORD, Answer, Person

WHY = "asked for in letter 17"
SAID = "a telephone number"


async def furnished(ada: Person, bob: Person, name: str) -> str:
    """A room that both are in; version 3 is bob's joining, 4 what ada said, 5 what bob said."""
    room = await ada.open_room(name)
    await bob.post(f"/api/rooms/{room}/join/")
    await ada.post(f"/api/rooms/{room}/messages/", {"content": SAID})
    await bob.post(f"/api/rooms/{room}/messages/", {"content": "harmless"})
    return room


@pytest.fixture
async def room(ada: Person, bob: Person) -> str:
    return await furnished(ada, bob, "General")


shares_a_service = pytest.mark.asyncio(loop_scope="module")
"""With the other tests of what is refused."""


@pytest_asyncio.fixture(loop_scope="module")
async def another_admin(service: TestServer, person: Visit) -> Person:
    """An admin of the service that is shared."""
    return await promoted(await person("grace"), service)


async def erase(admin: Person, room: str, *versions: int, dry_run: bool = False) -> Answer:
    body = {"versions": list(versions), "why": WHY, "dry_run": dry_run}
    return await admin.post(f"/api/rooms/{room}/erase/", body)


async def test_an_erased_message_keeps_its_place_author_and_time_and_says_when_and_why_it_was_erased(
    admin: Person, ada: Person, bob: Person, room: str
) -> None:
    before = (await bob.get(f"/api/rooms/{room}/messages/")).body["results"]
    answer = await erase(admin, room, 4)
    assert answer.status == 200, answer.body
    assert answer.body["erased"] == [{"room_id": room, "versions": [4]}]
    newest, erased = (await bob.get(f"/api/rooms/{room}/messages/")).body["results"]
    assert newest == before[0]
    assert erased.pop("erased")["why"] == WHY
    assert erased == {**before[1], "content": ""}
    for answer in (
        await bob.get(f"/api/rooms/{room}/events/?after=0"),
        await bob.get("/api/feed/?after=0"),
        await bob.get("/api/rooms/"),
        await ada.get(f"/api/rooms/{room}/messages/?before=5"),
    ):
        assert SAID not in answer.raw.decode()
    said = (await bob.get(f"/api/rooms/{room}/events/?after=3")).body["events"]
    assert [event["type"] for event in said] == ["message_added", "message_added", "content_erased"]
    assert (said[0]["body"]["content"], said[0]["body"]["erased"]["why"]) == ("", WHY)
    assert "erased" not in said[1]["body"]
    erasure = said[2]["body"]
    assert (erasure["versions"], erasure["erased"]["why"]) == ([4], WHY)
    assert erasure["user"] == {**admin.user, "kind": "admin"}
    assert erasure["erased"] == said[0]["body"]["erased"]


async def test_a_dry_run_says_what_would_go_and_erases_nothing(admin: Person, bob: Person, room: str) -> None:
    answer = await erase(admin, room, 4, 5, dry_run=True)
    assert (answer.status, answer.body["dry_run"], answer.body["erased"][0]["versions"]) == (200, True, [4, 5])
    assert SAID in (await bob.get(f"/api/rooms/{room}/messages/")).raw.decode()
    assert (await bob.get(f"/api/rooms/{room}/")).body["version"] == 5


async def test_the_last_message_of_a_room_is_erased_in_lists_too(admin: Person, ada: Person, room: str) -> None:
    await erase(admin, room, 5)
    last = (await ada.get("/api/rooms/")).body["results"][0]["last_message"]
    assert (last["id"], last["content"], last["erased"]["why"]) == (5, "", WHY)


async def test_what_is_erased_already_is_recorded_and_told_again_and_keeps_its_first_reason(
    admin: Person, ada: Person, room: str
) -> None:
    await erase(admin, room, 4)
    first = (await ada.get(f"/api/rooms/{room}/messages/")).body["results"][1]["erased"]
    again = await admin.post(f"/api/rooms/{room}/erase/", {"versions": [4], "why": "once more", "dry_run": False})
    assert again.status == 200
    events = (await ada.get(f"/api/rooms/{room}/events/?after=5")).body["events"]
    assert [event["body"]["erased"]["why"] for event in events] == [WHY, "once more"]
    assert (await ada.get(f"/api/rooms/{room}/messages/")).body["results"][1]["erased"] == first


async def test_a_former_name_can_be_erased_and_the_name_of_now_cannot(admin: Person, ada: Person, room: str) -> None:
    kept = await erase(admin, room, 1)
    assert kept.body["erased"] == []
    why = "it is the name that the room has: rename the room first"
    assert kept.body["kept"] == [{"room_id": room, "versions": [1], "why": why}]
    await ada.post(f"/api/rooms/{room}/rename/", {"name": "Engines"})
    assert (await erase(admin, room, 1)).body["erased"] == [{"room_id": room, "versions": [1]}]
    assert "General" not in (await ada.get(f"/api/rooms/{room}/events/?after=0")).raw.decode()
    assert (await ada.post("/api/rooms/", {"name": "General"})).status == 201


@shares_a_service
@pytest.mark.parametrize(
    ("body", "status", "named"),
    [
        ({"versions": [3], "why": WHY}, 409, "nothing_to_erase"),
        ({"versions": [99], "why": WHY}, 409, "nothing_to_erase"),
        ({"versions": [], "why": WHY}, 400, "versions"),
        ({"versions": [0], "why": WHY}, 400, "versions"),
        ({"versions": "4", "why": WHY}, 400, "versions"),
        ({"versions": list(range(1, 1002)), "why": WHY}, 400, "versions"),
        ({"versions": [4], "older_than_days": 1, "why": WHY}, 400, "versions"),
        ({"why": WHY}, 400, "versions"),
        ({"older_than_days": 36501, "why": WHY}, 400, "older_than_days"),
        ({"older_than_days": -1, "why": WHY}, 400, "older_than_days"),
        ({"versions": [4], "why": " "}, 400, "why"),
        ({"versions": [4], "why": "x" * 501}, 400, "why"),
        ({"versions": [4]}, 400, "why"),
        ({"versions": [4], "why": WHY, "dry_run": 1}, 400, "dry_run"),
    ],
)
async def test_a_wrong_request_is_refused_by_name_and_erases_nothing(
    another_admin: Person, person: Visit, body: dict[str, object], status: int, named: str
) -> None:
    ada = await person("ada")
    room = await furnished(ada, await person("bob"), f"Of {ada.user['username']}")
    answer = await another_admin.post(f"/api/rooms/{room}/erase/", {"dry_run": False, **body})
    assert (answer.status, named in answer.raw.decode()) == (status, True), answer.raw
    assert (await ada.get(f"/api/rooms/{room}/")).body["version"] == 5


async def test_only_admins_erase(ada: Person, room: str) -> None:
    assert (await erase(ada, room, 4)).status == 403


async def test_a_room_that_is_not_there_is_not_found(admin: Person) -> None:
    assert (await erase(admin, "00000000-0000-4000-8000-000000000000", 4)).status == 404


async def test_messages_of_a_certain_age_are_erased_in_one_request(
    admin: Person, ada: Person, room: str, database_url: str
) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute("UPDATE messages SET posted_at = now() - interval '40 days' WHERE version = 4")
    await connection.close()
    answer = await admin.post(f"/api/rooms/{room}/erase/", {"older_than_days": 30, "why": WHY, "dry_run": False})
    assert answer.body["erased"] == [{"room_id": room, "versions": [4]}]
    assert "harmless" in (await ada.get(f"/api/rooms/{room}/messages/")).raw.decode()


async def test_a_user_is_erased_with_everything_they_said_and_only_the_number_stays(
    admin: Person, ada: Person, bob: Person, room: str, database_url: str
) -> None:
    number = ada.user["id"]
    await ada.post(f"/api/rooms/{room}/read/", {"version": 4})
    given = {"role": "owner", "why": "trusted"}
    await ada.request("PUT", f"/api/rooms/{room}/members/{bob.user['id']}/role/", given)
    await bob.post(f"/api/rooms/{room}/rename/", {"name": "Engines"})
    dry = await admin.post(f"/api/users/{number}/erase/", {"why": WHY})
    assert (dry.status, dry.body["dry_run"], dry.body["account"]["sessions"]) == (200, True, 1)
    assert (await ada.get("/api/rooms/")).status == 200
    answer = await admin.post(f"/api/users/{number}/erase/", {"why": WHY, "dry_run": False})
    assert answer.status == 200
    assert answer.body["erased"] == [{"room_id": room, "versions": [1, 4, 7]}], (
        "the name, what she said, and why she gave a role"
    )
    assert answer.body["account"]["shown_as"] == f"erased user {number}"
    assert answer.body["account"]["read_marks"] == 1
    assert (await ada.get("/api/rooms/")).status == 403
    assert (await (await fresh(ada)).post("/api/login/", {"username": "ada", "password": PASSWORD})).status == 400
    seen = await bob.get(f"/api/rooms/{room}/events/?after=0")
    assert SAID not in seen.raw.decode()
    assert '"ada"' not in seen.raw.decode()
    assert {"id": number, "username": f"erased user {number}", "kind": "erased"} in [
        event["body"]["user"] for event in seen.body["events"]
    ]
    connection = await asyncpg.connect(database_url)
    tables = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
    for (table,) in await connection.fetch(tables):
        found = await connection.fetchval(f"SELECT count(*) FROM {table} AS row WHERE row::text ~ '\\mada\\M'")
        assert found == 0, table
    await connection.close()


NUMBERS = """
SELECT table_name, column_name FROM information_schema.columns
WHERE table_schema = 'public' AND column_name IN ('user_id', 'owner')
"""
OF_THE_LOG = {"users", "memberships", "messages", "authors", "account_standings"}
"""Tables that keep a number: that there was such a user, what they might do, where they were, and that they spoke."""


async def test_no_table_keeps_what_a_user_did_outside_the_log(
    admin: Person, ada: Person, room: str, database_url: str, tmp_path: Path
) -> None:
    number = ada.user["id"]
    await ada.post(f"/api/rooms/{room}/read/", {"version": 4})
    await ada.request("PUT", f"/api/rooms/{room}/mute/")
    await ada.get(f"/api/token/subscription/?channel=personal:{number}")
    said = await ada.post(f"/api/rooms/{room}/messages/", {"content": SAID}, headers={"Idempotency-Key": "k"})
    pinned = f"/api/rooms/{room}/messages/{said.body['id']}/pin/"
    await ada.request("PUT", pinned, headers={"Idempotency-Key": "without words"})
    await ada.post(f"/api/rooms/{room}/attachments/", raw=b"ada's", headers={"X-File-Name": "ada.txt"})
    environment = {"DATABASE_URL": database_url, "DATA_DIR": str(tmp_path)}
    command = ["user", "reset-password", "ada", "--why", "ada has forgotten it"]
    done = await asyncio.to_thread(CliRunner(env=environment).invoke, main, command)
    assert done.exit_code == 0, done.output
    connection = await asyncpg.connect(database_url)

    async def rows() -> set[str]:
        asked = [(row["table_name"], row["column_name"]) for row in await connection.fetch(NUMBERS)]
        counted = [
            (table, await connection.fetchval(f"SELECT count(*) FROM {table} WHERE {column} = $1", number))
            for table, column in asked
        ]
        return {table for table, count in counted if count}

    outside = {"sessions", "read_marks", "muted_rooms", "leases", "password_resets", "idempotency_keys", "uploads"}
    assert await rows() == OF_THE_LOG | outside
    assert "ada" in str(await connection.fetch("SELECT subject, why FROM operator_actions"))
    assert (await admin.post(f"/api/users/{number}/erase/", {"why": WHY, "dry_run": False})).status == 200
    assert await rows() == OF_THE_LOG
    assert "ada" not in str(await connection.fetch("SELECT subject, why FROM operator_actions"))
    assert await connection.fetchval("SELECT password_hash FROM users WHERE user_id = $1", number) == ""
    await connection.close()


async def fresh(person: Person) -> Person:
    """A browser without cookies."""
    person.http.cookie_jar.clear()
    await person.get_csrf()
    return person


async def test_the_name_of_an_erased_user_is_free_and_the_number_is_not(
    admin: Person, ada: Person, visit: Visit
) -> None:
    number = ada.user["id"]
    await admin.post(f"/api/users/{number}/erase/", {"why": WHY, "dry_run": False})
    other = await visit("ada")
    assert other.user["id"] != number


async def test_a_request_to_erase_a_user_is_repeated_when_its_answer_was_lost(admin: Person, bob: Person) -> None:
    path = f"/api/users/{bob.user['id']}/erase/"
    for had_account in (True, False):  # who said nothing, so that all of it was done
        answer = await admin.post(path, {"why": WHY, "dry_run": False})
        assert (answer.status, answer.body["account"]["had_account"]) == (200, had_account), answer.raw


@shares_a_service
@pytest.mark.parametrize("number", ["0", "x", "99999999", "9" * 400])
async def test_a_user_who_is_not_there_is_not_found(another_admin: Person, number: str) -> None:
    assert (await another_admin.post(f"/api/users/{number}/erase/", {"why": WHY, "dry_run": False})).status == 404
