"""Members find what was said, and only what they may read."""

from typing import Any
from urllib.parse import quote

import pytest
import pytest_asyncio
from aiohttp.test_utils import TestServer

from api.http.app_keys import ACCOUNTS, CORE
from tests.integration.conftest import Visit
from tests.support.operator import OPERATOR
from tests.support.people import Answer, Person
from tests.support.visiting import ada, bob

__all__ = ["ada", "bob"]

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def room(ada: Person, bob: Person) -> str:
    """The path of a room of ada's and bob's."""
    path = f"/api/rooms/{await ada.open_room(named('Engines', ada))}"
    assert (await bob.post(f"{path}/join/", {})).status == 200
    return path


def named(room: str, person: Person) -> str:
    """A name that only this person's room has."""
    return f"{room}-of-{person.user['username']}"


async def said(person: Person, room: str, content: str) -> int:
    answer = await person.post(f"{room}/messages/", {"content": content})
    assert answer.status == 201, answer.raw
    return int(answer.body["id"])


async def search(person: Person, query: str, more: str = "") -> Answer:
    return await person.get(f"/api/search/messages/?q={quote(query)}{more}")


async def found(person: Person, query: str) -> list[str]:
    answer = await search(person, query)
    assert answer.status == 200, answer.raw
    assert answer.body["complete"], answer.raw
    results: list[dict[str, Any]] = answer.body["results"]
    return [each["message"]["content"] for each in results]


@pytest.mark.parametrize(
    ("content", "query"),
    [
        ("The Engine weaves patterns", "engine"),
        ("The Engine weaves patterns", "WEAVES the"),
        ("The Engine weaves patterns", '"engine weaves"'),
        ("The Engine weaves patterns", "patt*"),
        ("Ein Café in der Straße", "cafe strasse"),
        ("東京大学に行きました", "大学"),
        ("東京大学に行きました", "学"),
        ("東京大学に行きました", "東京大学"),
        ("ผมชอบกินข้าวผัด", "ข้าวผัด"),
        ("학교에서 만나요", "학교"),
        ("see https://example.org/a?b=1", "has:link"),
        ("see https://example.org/a?b=1", "example.org"),
        ("it's 'quoted' \\ well", "it's \\ quoted"),
        ("To be, or not to be: that is it", '"to be or not to be"'),
        ("To be, or not to be: that is it", '"be or"'),
        ("To be, or not to be: that is it", '"or no*"'),
        ("To be, or not to be: that is it", '"be that is"'),
        ("Sein & nicht 大学 in", '"大学 in"'),
        ("Sein & nicht 大学 in", '"学 in"'),
    ],
)
async def test_words_are_found_in_every_script(ada: Person, room: str, content: str, query: str) -> None:
    await said(ada, room, content)
    await said(ada, room, "something else")
    assert await found(ada, query) == [content]


@pytest.mark.parametrize(
    "query",
    [
        '"weaves engine"',
        '"to be or to not"',
        '"not be"',
        '"be to*"',
        "engine loom",
        "pat",
        "12*",
        "by*",
        "大京",
        "from:BOB engine",
        "before:2001-01-01 engine",
    ],
)
async def test_what_does_not_match_is_not_found(ada: Person, bob: Person, room: str, query: str) -> None:
    await said(ada, room, "The Engine weaves patterns 東京大学")
    await said(ada, room, "To be, or not to be")
    assert await found(ada, query.replace("BOB", bob.user["username"])) == []


async def test_conditions_name_people_and_rooms(ada: Person, bob: Person, room: str) -> None:
    looms = named("Looms", ada)
    other = f"/api/rooms/{await ada.open_room(looms)}"
    await said(ada, room, "thread one")
    await said(bob, room, "thread two")
    await said(ada, other, "thread three")
    assert await found(ada, "thread") == ["thread three", "thread two", "thread one"]
    assert await found(ada, f"thread from:{bob.user['username']}") == ["thread two"]
    assert await found(ada, f"thread in:{looms.lower()} after:2001-01-01") == ["thread three"]
    assert await found(bob, "thread") == ["thread two", "thread one"]


@pytest.mark.parametrize(
    "query", ["", "  ", "...", "has:wings", "before:tomorrow", "from:nobody-here x", "in:Nowhere x", "x" * 501]
)
async def test_a_bad_query_is_refused_and_the_field_named(ada: Person, room: str, query: str) -> None:
    answer = await search(ada, query)
    assert (answer.status, list(answer.body)) == (400, ["q"]), answer.raw


async def test_results_are_read_page_by_page(ada: Person, room: str) -> None:
    for number in range(60):
        await said(ada, room, f"cog {number}")
    first = (await search(ada, "cog")).body
    second = (await search(ada, "cog", f"&cursor={first['next']}")).body
    contents = [each["message"]["content"] for each in (*first["results"], *second["results"])]
    assert contents == [f"cog {number}" for number in reversed(range(60))]
    assert (len(first["results"]), second["next"]) == (50, None)


async def test_an_edited_message_is_found_by_its_newest_version_and_a_retracted_one_never(
    ada: Person, bob: Person, room: str
) -> None:
    message = await said(ada, room, "first thought")
    assert await found(bob, "thought") == ["first thought"]
    assert (await ada.request("PATCH", f"{room}/messages/{message}/", {"content": "second idea"})).status == 200
    assert await found(bob, "thought") == []
    assert await found(bob, "idea") == ["second idea"]
    assert (await ada.post(f"{room}/messages/{message}/retract/", {})).status == 200
    assert await found(bob, "idea") == []


async def test_who_left_finds_nothing_of_the_room_and_who_came_later_nothing_of_before(
    ada: Person, bob: Person
) -> None:
    answer = await ada.post("/api/rooms/", {"name": named("Late", ada), "history": "since_joining"})
    assert answer.status == 201, answer.raw
    room = f"/api/rooms/{answer.body['id']}"
    await said(ada, room, "secret before")
    assert (await bob.post(f"{room}/join/", {})).status == 200
    await said(ada, room, "secret after")
    assert await found(bob, "secret") == ["secret after"]
    assert (await bob.post(f"{room}/leave/", {})).status == 200
    assert await found(bob, "secret") == []
    assert await found(ada, "secret") == ["secret after", "secret before"]


async def test_messages_with_files_are_found_with_and_without_words_and_edited(ada: Person, room: str) -> None:
    async def with_file(content: str) -> int:
        sent = await ada.post(f"{room}/attachments/", raw=b"plan", headers={"X-File-Name": "plan.txt"})
        answer = await ada.post(f"{room}/messages/", {"content": content, "attachments": [sent.body["id"]]})
        assert answer.status == 201, answer.raw
        return int(answer.body["id"])

    await with_file("")
    edited = await with_file("a drawing")
    await said(ada, room, "a drawing without")
    assert await found(ada, "has:file") == ["a drawing", ""]
    assert (await ada.request("PATCH", f"{room}/messages/{edited}/", {"content": "a sketch"})).status == 200
    assert await found(ada, "has:file") == ["a sketch", ""]
    assert await found(ada, f"sketch has:file from:{ada.user['username']}") == ["a sketch"]
    assert await found(ada, "drawing has:file") == []
    shown = (await ada.get("/search/?q=has:file")).raw
    assert shown.count(b"plan.txt") == 2


async def test_words_go_from_the_index_with_their_erasure(
    service: TestServer, person: Visit, ada: Person, room: str
) -> None:
    admin = await person("grace")
    await service.app[ACCOUNTS].set_role(admin.user["username"], "admin", operator=OPERATOR)
    message = await said(ada, room, "kept gearwheel")
    edited = await ada.request("PATCH", f"{room}/messages/{message}/", {"content": "another gearwheel"})
    assert edited.status == 200
    await said(ada, room, "harmless")
    assert await found(ada, "gearwheel") == ["another gearwheel"]
    erased = await admin.post(f"{room}/erase/", {"versions": [message], "why": "asked for", "dry_run": False})
    assert erased.status == 200, erased.raw
    indexed = await service.app[CORE].database.fetch("SELECT string_agg(tokens::text, ' ') FROM search_index")
    assert "harmless" in indexed[0][0]
    assert "gearwheel" not in indexed[0][0]
    assert await found(ada, "gearwheel") == []
