"""What operators decide in rooms, who succeeds an owner who is gone, and what accounts look like."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from aiohttp.test_utils import TestServer
from click.testing import CliRunner, Result

from api.http.app_keys import ACCOUNTS
from cli.main import main
from tests.integration.conftest import Visit
from tests.support.operator import OPERATOR
from tests.support.people import Person

Run = Callable[..., Result]


@pytest.fixture
def onrecord(database_url: str, tmp_path: Path) -> Run:
    def run(*arguments: str) -> Result:
        return CliRunner(env={"DATABASE_URL": database_url, "DATA_DIR": str(tmp_path)}).invoke(main, list(arguments))

    return run


@pytest.fixture
async def eve(visit: Visit) -> Person:
    return await visit("eve")


@pytest.fixture
async def room(ada: Person, bob: Person, eve: Person) -> str:
    """A room that ada opened, and bob and eve joined."""
    opened = await ada.open_room("Engines")
    for person in (bob, eve):
        assert (await person.post(f"/api/rooms/{opened}/join/", {})).status == 200
    return opened


async def done(onrecord: Run, *arguments: str) -> str:
    result = await asyncio.to_thread(onrecord, *arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


async def roles(reader: Person, room: str) -> dict[str, str]:
    found = (await reader.get(f"/api/rooms/{room}/members/")).body["results"]
    return {member["username"]: member["role"] for member in found}


async def newest(reader: Person, room: str) -> dict[str, object]:
    body: dict[str, object] = (await reader.get(f"/api/rooms/{room}/events/")).body["events"][-1]["body"]
    return body


async def version(reader: Person, room: str) -> int:
    return int((await reader.get(f"/api/rooms/{room}/")).body["version"])


async def test_an_operator_decides_where_no_owner_can(
    onrecord: Run, ada: Person, bob: Person, eve: Person, room: str
) -> None:
    await done(onrecord, "room", "role", "Engines", "bob", "moderator", "--why", "asked by phone")
    assert (await newest(eve, room))["user"] == {"id": 0, "username": "operator"}
    assert (await newest(eve, room))["why"] == "asked by phone"
    await done(onrecord, "room", "remove", "Engines", "ada", "--why", "left the company")
    assert await roles(eve, room) == {"bob": "owner", "eve": "member"}
    await done(onrecord, "room", "mute", room, "eve", "--minutes", "30", "--why", "shouting")
    assert (await eve.post(f"/api/rooms/{room}/messages/", {"content": "hello"})).body["code"] == "muted"
    await done(onrecord, "room", "unmute", room, "eve", "--why", "quiet now")
    assert (await eve.post(f"/api/rooms/{room}/messages/", {"content": "hello"})).status == 201
    await done(onrecord, "room", "topic", "Engines", "Steam", "--why", "asked by phone")
    await done(onrecord, "room", "archive", "Engines", "--why", "over")
    now = await done(onrecord, "room", "show", "Engines")
    assert "topic Steam state archived owners bob members 2" in " ".join(now.split())
    before = await done(onrecord, "room", "show", "Engines", "--at", "5")
    assert "topic none state open owners ada moderators bob members 3" in " ".join(before.split())
    changed = (await done(onrecord, "room", "diff", "Engines", "5", str(await version(eve, room)))).splitlines()
    assert {"topic: Steam", "archived", "bob is owner", "- ada"} <= set(changed)
    told = json.loads(await done(onrecord, "room", "show", "Engines", "--json"))
    assert (told["roles"], told["topic"], told["is_archived"]) == ({str(bob.user["id"]): "owner"}, "Steam", True)
    refused = await asyncio.to_thread(onrecord, "room", "remove", "Engines", "ada", "--why", "again")
    assert (refused.exit_code, "no such member" in refused.output) == (1, True)


async def test_a_deactivated_owner_is_succeeded_and_looks_like_it(
    onrecord: Run, ada: Person, bob: Person, eve: Person, room: str
) -> None:
    await ada.request(
        "PUT", f"/api/rooms/{room}/members/{eve.user['id']}/role/", {"role": "moderator", "why": "trusted"}
    )
    assert (await ada.post(f"/api/rooms/{room}/messages/", {"content": "hello"})).status == 201
    await done(onrecord, "user", "deactivate", "ada", "--why", "left")
    assert (await roles(bob, room))["eve"] == "owner", "the longest-standing moderator"
    said = (await bob.get(f"/api/rooms/{room}/messages/")).body["results"][0]
    assert said["user"] == {**ada.user, "kind": "deactivated"}
    assert '<span class="kind kind-deactivated">deactivated</span>' in (await bob.get(f"/rooms/{room}/")).raw.decode()


async def test_an_erased_owner_is_succeeded_and_looks_like_it(
    onrecord: Run, ada: Person, bob: Person, room: str
) -> None:
    await done(onrecord, "user", "erase", "ada", "--why", "asked for", "--yes")
    assert (await roles(bob, room))["bob"] == "owner"
    members = (await bob.get(f"/api/rooms/{room}/members/")).body["results"]
    assert (members[0]["username"], members[0]["kind"]) == (f"erased user {ada.user['id']}", "erased")
    listed = await done(onrecord, "user", "show", str(ada.user["id"]))
    assert ("user, erased " in listed, "deactivated" in listed) == (True, False)


async def test_bots_and_admins_look_like_what_they_are_at_once(
    onrecord: Run, server: TestServer, ada: Person, bob: Person, room: str
) -> None:
    await done(onrecord, "user", "bot", "bob", "--why", "posts builds")
    await server.app[ACCOUNTS].set_role("ada", "admin", operator=OPERATOR)
    said = await bob.post(f"/api/rooms/{room}/messages/", {"content": "built"})
    assert said.body["user"] == {**bob.user, "kind": "bot"}
    kinds = {
        each["username"]: each.get("kind") for each in (await ada.get(f"/api/rooms/{room}/members/")).body["results"]
    }
    assert kinds == {"ada": "admin", "bob": "bot", "eve": None}
    assert json.loads(await done(onrecord, "user", "list", "bob", "--json"))["is_bot"] is True
    await done(onrecord, "user", "bot", "bob", "--off", "--why", "a person again")
    assert (await newest(ada, room))["user"] == bob.user


async def test_what_an_erased_person_typed_as_reasons_and_topics_goes_too(
    onrecord: Run, ada: Person, bob: Person, eve: Person, room: str
) -> None:
    await ada.post(f"/api/rooms/{room}/members/{eve.user['id']}/remove/", {"why": "told bad jokes"})
    await ada.request("PUT", f"/api/rooms/{room}/topic/", {"topic": "steam"})
    await done(onrecord, "user", "erase", "ada", "--why", "asked for", "--yes")
    events = (await bob.get(f"/api/rooms/{room}/events/?after=4")).body["events"]
    removal, topic = events[0]["body"], events[1]["body"]["room"]
    assert (removal["why"], removal["erased"]["why"], topic["topic"]) == ("", "asked for", "")
    assert "bad jokes" not in json.dumps(events)
