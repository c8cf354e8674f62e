"""Rooms over HTTP: opening, finding, joining, leaving."""

import asyncio
import re
import uuid

from tests.integration.conftest import Visit
from tests.support.people import Person

NOT_FOUND = {"detail": "Not found."}
NOT_LOGGED_IN = {"detail": "Authentication credentials were not provided."}
TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


async def test_the_opener_of_a_room_is_its_first_member(ada: Person) -> None:
    opened = await ada.post("/api/rooms/", {"name": "Engines"})
    assert opened.status == 201
    assert TIMESTAMP.fullmatch(opened.body.pop("bumped_at"))
    room_id = opened.body.pop("id")
    shape = {"name": "Engines", "version": 2, "member_count": 1, "last_message": None}
    assert opened.body == {**shape, "visibility": "public", "history": "all"}
    room = await ada.get(f"/api/rooms/{room_id}/")
    assert (room.status, room.body["member_count"], room.position) == (200, 1, opened.position)


async def test_a_name_belongs_to_one_room_even_when_many_race_for_it(ada: Person) -> None:
    answers = await asyncio.gather(*(ada.post("/api/rooms/", {"name": "Engines"}) for _ in range(50)))
    assert sorted(answer.status for answer in answers) == [201] + [409] * 49
    taken = await ada.post("/api/rooms/", {"name": " ENGINES "})
    assert (taken.status, taken.body["code"]) == (409, "name_taken")
    assert (await ada.get("/api/rooms/")).body["count"] == 1


async def test_joining_and_leaving_show_at_once(ada: Person, bob: Person) -> None:
    room_id = await ada.open_room("Engines")
    joined = await bob.post(f"/api/rooms/{room_id}/join/", {})
    assert joined.status == 200
    assert joined.body["user"] == bob.user
    assert (joined.body["room"]["version"], joined.body["room"]["member_count"]) == (3, 2)
    assert (await bob.get(f"/api/rooms/{room_id}/")).body == joined.body["room"]

    again = await bob.post(f"/api/rooms/{room_id}/join/", {})
    assert (again.status, again.body) == (409, {"message": "already a member"})

    left = await bob.post(f"/api/rooms/{room_id}/leave/", {})
    assert (left.status, left.body["room"]["version"], left.body["room"]["member_count"]) == (200, 4, 1)
    for answer in (await bob.get(f"/api/rooms/{room_id}/"), await bob.post(f"/api/rooms/{room_id}/leave/", {})):
        assert (answer.status, answer.body) == (404, NOT_FOUND)
    assert (await ada.get(f"/api/rooms/{room_id}/")).body["member_count"] == 1


async def test_an_owner_renames_a_room_and_everybody_reads_it_at_once(ada: Person, bob: Person) -> None:
    room_id = await bob.open_room("Engines")
    await ada.post(f"/api/rooms/{room_id}/join/", {})
    renamed = await bob.post(f"/api/rooms/{room_id}/rename/", {"name": " Looms "})
    assert (renamed.status, renamed.body["user"]) == (200, bob.user)
    assert (renamed.body["room"]["name"], renamed.body["room"]["version"]) == ("Looms", 4)
    room = await ada.get(f"/api/rooms/{room_id}/")
    assert (room.body, room.position) == (renamed.body["room"], renamed.position)
    assert (await ada.get("/api/readings/")).body["readings"][0]["unread"] == 0
    assert [found["name"] for found in (await ada.get("/api/search/?q=loom")).body["results"]] == ["Looms"]
    found = (await ada.get(f"/api/rooms/{room_id}/events/?after=3")).body["events"][0]
    assert (found["type"], found["body"]) == ("room_renamed", renamed.body)


async def test_a_room_may_have_any_name_that_no_other_room_has(ada: Person, bob: Person) -> None:
    room_id, _ = await ada.open_room("Engines"), await ada.open_room("Bugs")
    rename = f"/api/rooms/{room_id}/rename/"
    taken = await ada.post(rename, {"name": " bugs "})
    assert (taken.status, taken.body["code"]) == (409, "name_taken")
    assert (await ada.post(rename, {"name": "ENGINES"})).status == 200
    same = await ada.post(rename, {"name": "ENGINES"})
    assert (same.status, same.body) == (400, {"name": ["The room has this name already."]})
    assert (await ada.post(rename, {"name": "nul\0"})).body == {"name": ["Null characters are not allowed."]}
    assert (await ada.post(rename, {"name": "Looms"})).status == 200
    assert (await bob.post("/api/rooms/", {"name": "Engines"})).status == 201
    assert (await ada.get(f"/api/rooms/{room_id}/")).body["version"] == 4
    assert (await bob.post(rename, {"name": "Mine"})).status == 404


async def test_a_rename_that_is_sent_twice_happens_once(ada: Person) -> None:
    room_id = await ada.open_room("Engines")
    first, again = [
        await ada.post(f"/api/rooms/{room_id}/rename/", {"name": "Looms"}, headers={"Idempotency-Key": "k"})
        for _ in range(2)
    ]
    assert (first.status, first.body, first.position) == (again.status, again.body, again.position)


async def test_of_many_rooms_that_want_one_name_one_gets_it(ada: Person) -> None:
    rooms = [await ada.open_room(f"Room {number}") for number in range(20)]
    answers = await asyncio.gather(*(ada.post(f"/api/rooms/{room}/rename/", {"name": "Best"}) for room in rooms))
    assert sorted(answer.status for answer in answers) == [200] + [409] * 19


async def test_join_and_leave_need_no_body(ada: Person, bob: Person) -> None:
    room_id = await ada.open_room("Engines")
    assert (await bob.post(f"/api/rooms/{room_id}/join/", raw=b"")).status == 200
    assert (await bob.post(f"/api/rooms/{room_id}/leave/", raw=b"")).status == 200


async def test_an_unknown_room_is_not_found(ada: Person) -> None:
    unknown = str(uuid.uuid4())
    for room_id in (unknown, "12", "x" * 300, unknown.replace("-", ""), "{" + unknown + "}", "%00"):
        for answer in (
            await ada.get(f"/api/rooms/{room_id}/"),
            await ada.get(f"/api/rooms/{room_id}/messages/"),
            await ada.get(f"/api/rooms/{room_id}/events/"),
            await ada.post(f"/api/rooms/{room_id}/messages/", {"content": "hello"}),
            await ada.post(f"/api/rooms/{room_id}/join/", {}),
            await ada.post(f"/api/rooms/{room_id}/leave/", {}),
            await ada.post(f"/api/rooms/{room_id}/rename/", {"name": "Engines"}),
        ):
            assert (answer.status, answer.body) == (404, NOT_FOUND)


async def test_a_name_that_is_none_is_refused_by_field(ada: Person) -> None:
    for name, problem in (
        ("", "This field may not be blank."),
        ("  ", "This field may not be blank."),
        ("x" * 101, "Ensure this field has no more than 100 characters."),
        ("two\nlines", "A name is one line of text."),
        ("nul\0", "Null characters are not allowed."),
        (None, "This field may not be null."),
        (7, "Not a valid string."),
    ):
        answer = await ada.post("/api/rooms/", {"name": name})
        assert (answer.status, answer.body) == (400, {"name": [problem]})
    assert (await ada.post("/api/rooms/", {})).body == {"name": ["This field is required."]}
    assert (await ada.get("/api/feed/")).body["events"] == []


async def test_rooms_are_listed_latest_bumped_first_a_hundred_a_page(ada: Person) -> None:
    ids = [await ada.open_room(f"Room {number}") for number in range(101)]
    assert (await ada.post(f"/api/rooms/{ids[0]}/messages/", {"content": "hello"})).status == 201
    first = (await ada.get("/api/rooms/")).body
    assert [room["id"] for room in first["results"]] == [ids[0], *reversed(ids[2:])]
    assert first["results"][0]["last_message"]["content"] == "hello"
    assert (first["count"], first["previous"]) == (101, None)
    assert first["next"] == f"{ada.url}api/rooms/?page=2"

    second = (await ada.get(first["next"])).body
    assert [room["id"] for room in second["results"]] == [ids[1]]
    assert (second["count"], second["next"], second["previous"]) == (101, None, f"{ada.url}api/rooms/")


async def test_a_page_that_is_none_is_invalid(ada: Person) -> None:
    room_id = await ada.open_room("Engines")
    for path in ("/api/rooms/", "/api/search/", f"/api/rooms/{room_id}/messages/"):
        assert (await ada.get(f"{path}?page=1")).status == 200
        for page in ("0", "-1", "2", "1.5", "two", "", "9" * 12, "9" * 40, "%D9%A1"):
            answer = await ada.get(f"{path}?page={page}")
            assert (answer.status, answer.body) == (404, {"detail": "Invalid page."})


async def test_search_finds_rooms_by_name_and_says_who_is_in(ada: Person, bob: Person) -> None:
    engines = await ada.open_room("Difference Engines")
    await bob.open_room("Bugs")
    found = (await bob.get("/api/search/?q=ENGINE")).body
    assert TIMESTAMP.fullmatch(found["results"][0].pop("created_at"))
    assert found == {
        "count": 1,
        "next": None,
        "previous": None,
        "results": [{"id": engines, "name": "Difference Engines", "is_member": False}],
    }
    everything = (await bob.get("/api/search/")).body["results"]
    assert [(room["name"], room["is_member"]) for room in everything] == [("Bugs", True), ("Difference Engines", False)]
    assert (await bob.get("/api/search/?q=%00")).body == {"q": ["Null characters are not allowed."]}
    assert (await bob.get("/api/search/?q=%25")).body["results"] == []


async def test_links_of_a_search_keep_what_was_searched(ada: Person) -> None:
    for number in range(101):
        await ada.open_room(f"a&b {number}")
    following = (await ada.get("/api/search/?q=a%26b")).body["next"]
    assert len((await ada.get(following)).body["results"]) == 1


async def test_nothing_is_for_people_who_are_not_signed_in(visit: Visit) -> None:
    anonymous = await visit()
    room = f"/api/rooms/{uuid.uuid4()}"
    for method, path in (
        ("GET", "/api/rooms/"),
        ("POST", "/api/rooms/"),
        ("GET", "/api/search/"),
        ("GET", f"{room}/"),
        ("GET", f"{room}/messages/"),
        ("POST", f"{room}/messages/"),
        ("POST", f"{room}/join/"),
        ("POST", f"{room}/leave/"),
        ("POST", f"{room}/rename/"),
        ("GET", f"{room}/events/"),
        ("GET", "/api/feed/"),
        ("POST", "/api/logout/"),
    ):
        answer = await anonymous.request(method, path)
        assert (answer.status, answer.body) == (403, NOT_LOGGED_IN), path
