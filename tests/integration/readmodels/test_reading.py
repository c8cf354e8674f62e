"""Members at a version, and what is unread."""

from uuid import UUID

from domain.values import RoomId
from eventstore.values import Version
from tests.integration.conftest import Visit
from tests.support.people import Person
from tests.support.store import open_store


async def post(person: Person, room: str, content: str) -> int:
    return int((await person.post(f"/api/rooms/{room}/messages/", {"content": content})).body["id"])


async def readings(person: Person) -> dict[str, tuple[int, int]]:
    """Version and unread messages of each room."""
    found = (await person.get("/api/readings/")).body["readings"]
    return {reading["room_id"]: (reading["version"], reading["unread"]) for reading in found}


async def test_messages_of_others_are_unread_until_a_device_has_seen_them(ada: Person, bob: Person) -> None:
    room = await ada.open_room("General")
    await post(ada, room, "before bob came")
    await bob.post(f"/api/rooms/{room}/join/")  # version 4
    await post(ada, room, "one")
    await post(bob, room, "his own")
    await post(ada, room, "two")
    assert await readings(bob) == {room: (4, 2)}
    read = await bob.post(f"/api/rooms/{room}/read/", {"version": 6})
    counts = {"version": 6, "unread": 1, "counted": 7, "mentions": 0}
    assert read.body == {"room_id": room, **counts, "is_muted": False, "mute_changes": 0}
    assert (await bob.post(f"/api/rooms/{room}/read/", {"version": 5})).body["version"] == 6
    assert (await bob.post(f"/api/rooms/{room}/read/", {"version": 1000})).body["version"] == 7
    assert await readings(bob) == {room: (7, 0)}


async def test_a_mark_is_for_members_and_takes_a_version(ada: Person, bob: Person) -> None:
    room = await ada.open_room("General")
    assert (await bob.post(f"/api/rooms/{room}/read/", {"version": 1})).status == 404
    for wrong in ({}, {"version": None}, {"version": "1"}, {"version": 0}, {"version": True}, {"version": 2**63}):
        refused = await ada.post(f"/api/rooms/{room}/read/", wrong)
        assert (refused.status, list(refused.body)) == (400, ["version"])


async def test_a_mute_is_the_users_own_off_the_record_and_ends_when_they_leave(ada: Person, bob: Person) -> None:
    room = await ada.open_room("General")
    path = f"/api/rooms/{room}/mute/"
    assert (await bob.request("PUT", path, {})).status == 404
    await bob.post(f"/api/rooms/{room}/join/")
    for method, is_muted, changes in (("PUT", True, 1), ("PUT", True, 1), ("DELETE", False, 2), ("PUT", True, 3)):
        answer = (await bob.request(method, path, {})).body
        assert (answer["is_muted"], answer["mute_changes"], answer["counted"]) == (is_muted, changes, 3)
    assert [each["is_muted"] for each in (await ada.get("/api/readings/")).body["readings"]] == [False]
    for action in ("leave", "join"):
        await bob.post(f"/api/rooms/{room}/{action}/")
    (reading,) = (await bob.get("/api/readings/")).body["readings"]
    assert (reading["is_muted"], reading["counted"]) == (False, 5)


async def test_members_at_every_version_are_those_that_the_log_tells(
    ada: Person, bob: Person, visit: Visit, database_url: str
) -> None:
    eve = await visit("eve")
    room = await ada.open_room("General")
    for person, action in ((bob, "join"), (eve, "join"), (bob, "leave"), (eve, "leave"), (bob, "join"), (eve, "join")):
        await person.post(f"/api/rooms/{room}/{action}/")
    newest = (await ada.get(f"/api/rooms/{room}/")).body["version"]
    async with open_store(database_url) as store:
        for version in range(1, newest + 1):
            found = (await ada.get(f"/api/rooms/{room}/members/?at={version}")).body
            then = await store.time_travel.room_at(RoomId(UUID(room)), Version(version))
            assert {user["id"] for user in found["results"]} == then.members
            assert found["count"] == len(then.members)
    now = (await ada.get(f"/api/rooms/{room}/members/")).body["results"]
    assert [user["username"] for user in now] == ["ada", "bob", "eve"]
