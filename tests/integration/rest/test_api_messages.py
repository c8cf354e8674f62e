"""Messages over HTTP: posting, reading, catching up."""

import pytest

from tests.integration.conftest import StartServer
from tests.integration.rest.test_api_rooms import NOT_FOUND, TIMESTAMP
from tests.support.people import Answer, Person

TOO_LONG = "Ensure this field has no more than 4000 characters."


@pytest.fixture
async def room(ada: Person) -> str:
    """The path of a room of ada's, at version 2."""
    return f"/api/rooms/{await ada.open_room('Engines')}"


@pytest.fixture
async def bob_is_in(bob: Person, room: str) -> None:
    """At version 3."""
    assert (await bob.post(f"{room}/join/", {})).status == 200


async def said(person: Person, room: str, content: str) -> Answer:
    answer = await person.post(f"{room}/messages/", {"content": content})
    assert answer.status == 201, answer.raw
    return answer


@pytest.mark.usefixtures("bob_is_in")
async def test_a_message_is_answered_as_it_is_read_later(ada: Person, bob: Person, room: str) -> None:
    posted = await said(ada, room, "hello")
    message = posted.body
    assert TIMESTAMP.fullmatch(message["created_at"])
    assert message == {
        "id": 4,
        "content": "hello",
        "user": ada.user,
        "room": {"id": room.split("/")[-1], "version": 4, "bumped_at": message["created_at"]},
        "created_at": message["created_at"],
    }
    read = await bob.get(f"{room}/messages/")
    assert read.body == {"count": 1, "next": None, "previous": None, "results": [message]}
    assert read.position == posted.position
    shown = (await bob.get(f"{room}/")).body
    assert (shown["version"], shown["bumped_at"]) == (4, message["created_at"])
    assert shown["last_message"] == {name: message[name] for name in ("id", "content", "user", "created_at")}


async def test_content_is_kept_as_sent(ada: Person, room: str) -> None:
    for content in ("  kept as sent \n", "👩‍🚀 𝄞 Ünïcödé", "<b>&amp;</b>", "𝄞" * 4000, '"\\u0000"'):
        await said(ada, room, content)
        assert (await ada.get(f"{room}/messages/")).body["results"][0]["content"] == content


BAD_BODIES: tuple[tuple[bytes, int, object], ...] = (
    (b'{"content": ""}', 400, {"content": ["This field may not be blank."]}),
    (b'{"content": " \\n\\t "}', 400, {"content": ["This field may not be blank."]}),
    (b"{}", 400, {"content": ["This field is required."]}),
    (b"", 400, {"content": ["This field is required."]}),
    (b'{"content": null}', 400, {"content": ["This field may not be null."]}),
    (b'{"content": 7}', 400, {"content": ["Not a valid string."]}),
    (b'{"content": ["a"]}', 400, {"content": ["Not a valid string."]}),
    (b'{"content": "a\\u0000b"}', 400, {"content": ["Null characters are not allowed."]}),
    (b'{"content": "a\\ud800b"}', 400, {"content": ["Lone surrogates are not allowed."]}),
    (b'{"content": "\\udfff"}', 400, {"content": ["Lone surrogates are not allowed."]}),
    (b'{"content": "%s"}' % (b"x" * 4001), 400, {"content": [TOO_LONG]}),
    (b"[]", 400, {"detail": "Invalid data. Expected an object."}),
    (b'"content"', 400, {"detail": "Invalid data. Expected an object."}),
    (b"null", 400, {"detail": "Invalid data. Expected an object."}),
    (b'{"content": "a\xff"}', 400, {"detail": "JSON parse error - not UTF-8"}),
    (b'{"content": "a", "b": NaN}', 400, {"detail": "JSON parse error - not standard JSON"}),
    (b'{"content": "a", "b": %s}' % (b"[" * 20000), 400, {"detail": "JSON parse error - nested too deeply"}),
    (b'{"content": "%s"}' % (b"x" * 10_000_000), 413, {"detail": "The request body is too large."}),
)


async def test_a_bad_body_is_explained_and_records_nothing(ada: Person, room: str) -> None:
    for raw, status, body in BAD_BODIES:
        answer = await ada.post(f"{room}/messages/", raw=raw)
        assert (answer.status, answer.body) == (status, body), raw[:40]
    for raw in (b"{", b"content=hello", b'{"content": "a"} {}', b"\xef\xbb\xbf{}", b"\x00"):
        answer = await ada.post(f"{room}/messages/", raw=raw)
        assert answer.status == 400, raw
        assert answer.body["detail"].startswith("JSON parse error - ")
    assert (await ada.get(f"{room}/")).body["version"] == 2


@pytest.mark.usefixtures("bob_is_in")
async def test_only_members_read_and_post(ada: Person, bob: Person, room: str) -> None:
    await bob.post(f"{room}/leave/", {})
    for answer in (
        await bob.post(f"{room}/messages/", {"content": "hello"}),
        await bob.get(f"{room}/messages/"),
        await bob.get(f"{room}/messages/?before=9"),
        await bob.get(f"{room}/events/"),
    ):
        assert (answer.status, answer.body) == (404, NOT_FOUND)


async def test_messages_come_newest_first_a_hundred_a_page(ada: Person, room: str) -> None:
    posted = [(await said(ada, room, f"{number}")).body for number in range(101)]
    first = (await ada.get(f"{room}/messages/")).body
    assert first["results"] == posted[:0:-1]
    second = (await ada.get(first["next"])).body
    assert (second["results"], second["next"]) == (posted[:1], None)
    assert second["previous"] == f"{str(ada.url).rstrip('/')}{room}/messages/"


async def test_the_cursor_stays_right_while_new_messages_arrive(ada: Person, room: str) -> None:
    posted = [(await said(ada, room, f"{number}")).body for number in range(5)]
    first = (await ada.get(f"{room}/messages/?limit=2")).body
    await said(ada, room, "meanwhile")
    second = (await ada.get(first["next"])).body
    third = (await ada.get(second["next"])).body
    assert [*first["results"], *second["results"], *third["results"]] == posted[::-1]
    assert third["next"] is None
    assert (first["count"], second["count"]) == (5, 6)


async def test_numbers_in_a_query_are_checked(ada: Person, room: str) -> None:
    restarted = (409, "log_restarted")
    for path, expected in (
        (f"{room}/messages/?before=", (200, None)),
        (f"{room}/events/?after=", restarted),
        ("/api/feed/?after=", restarted),
    ):
        for text in ("-1", "x", "1.5", "", "9" * 30, "%D9%A1"):
            answer = await ada.get(path + text)
            assert (answer.status, list(answer.body)) == (400, [path.split("?")[1][:-1]]), path + text
        beyond = await ada.get(path + "9" * 18)
        assert (beyond.status, beyond.body.get("code")) == expected, path
    for limit in ("0", "100000"):
        assert (await ada.get(f"/api/feed/?limit={limit}")).status == 400


async def test_a_place_that_is_not_in_the_log_is_refused(ada: Person, room: str) -> None:
    await said(ada, room, "hello")
    feed = (await ada.get("/api/feed/")).body
    position, token = feed["position"], feed["log"]
    generation, at, digest = token.split("-")
    version = (await ada.get(f"{room}/events/")).body["version"]
    token_path = f"/api/token/subscription/?channel=personal:{ada.user['id']}"
    delivery_path = "/api/delivery/?"
    for path in (f"/api/feed/?after={position}", f"{room}/events/?after={version}", token_path, delivery_path):
        assert (await ada.get(path)).status == 200
        for same in (token, f"{generation}.3f2a1c-{at}-{digest[:12]}"):
            assert (await ada.get(f"{path}&log={same}")).status == 200
            assert (await ada.get(f"{path}&log={token}&log={same}")).status == 200
        for other in (
            f"{int(generation) + 1}-{at}-{digest}",
            f"{generation}-{int(at) + 1}-{digest}",
            f"{generation}-{int(at) - 1}-{digest}",
            f"{generation}-{at}-{digest[2:]}00",
            f"{generation}.3f2a1c-{at}-{digest[2:14]}",
            f"{generation}-{at}-{digest[:4]}",
            f"{generation}-{at}-",
            f"{token}&log={generation}-{int(at) - 1}-{digest}",
            f"{'9' * 30}-{at}-{digest}",
            "nonsense",
            "",
        ):
            refused = await ada.get(f"{path}&log={other}")
            assert (refused.status, refused.body["code"]) == (409, "log_restarted"), other
    for path in (f"/api/feed/?after={position + 1}", f"{room}/events/?after={version + 1}"):
        refused = await ada.get(path)
        assert (refused.status, refused.body["code"]) == (409, "log_restarted"), path


async def test_an_answer_says_where_the_log_has_what_it_recorded(
    ada: Person, bob: Person, room: str, start_server: StartServer
) -> None:
    other = await start_server()
    steps = [
        (ada, "/api/rooms/", {"name": "Another"}),
        (ada, f"{room}/messages/", {"content": "hello"}),
        (ada, f"{room}/messages/", {"content": "hello"}),  # a repeat
        (ada, f"{room}/rename/", {"name": "Renamed"}),
        (bob, f"{room}/join/", {}),
        (bob, f"{room}/leave/", {}),
    ]
    for person, path, body in steps:
        answer = await person.post(path, body, headers={"Idempotency-Key": path})
        assert answer.status in (200, 201), answer.raw
        source, at, digest = answer.headers["X-Log"].split("-")
        assert int(at) >= answer.position
        for url in (person.url, other.make_url("/")):
            asked = f"{url}".rstrip("/") + "/api/delivery/?log="
            assert (await person.get(f"{asked}{source}-{at}-{digest}")).status == 200
            assert (await person.get(f"{asked}{source}-{at}-{digest[2:]}00")).status == 409


@pytest.mark.usefixtures("bob_is_in")
async def test_a_client_catches_up_on_a_room_from_the_version_it_has(ada: Person, bob: Person, room: str) -> None:
    message = (await said(ada, room, "hello")).body
    left = (await bob.post(f"{room}/leave/", {})).body
    answer = await ada.get(f"{room}/events/?after=3")
    assert answer.body["version"] == 5
    events = answer.body["events"]
    assert [(event["version"], event["type"], event["body"]) for event in events] == [
        (4, "message_added", message),
        (5, "user_left", left),
    ]
    assert set(events[0]) == {"version", "position", "type", "body", "occurred_at"}
    limited = (await ada.get(f"{room}/events/?limit=2")).body
    assert ([event["version"] for event in limited["events"]], limited["version"]) == ([1, 2], 5)


async def test_a_message_is_told_with_the_key_of_its_request(ada: Person, room: str) -> None:
    key = {"Idempotency-Key": "a key of hers"}
    assert (await ada.post(f"{room}/messages/", {"content": "hello"}, headers=key)).status == 201
    for path in (f"{room}/events/?after=2", "/api/feed/"):
        told = (await ada.get(path)).body["events"][-1]
        assert (told["type"], told["idempotency_key"]) == ("message_added", "a key of hers")


@pytest.mark.usefixtures("bob_is_in")
async def test_a_client_catches_up_on_everything_from_the_position_it_has(ada: Person, bob: Person, room: str) -> None:
    before = (await bob.get("/api/rooms/")).position
    message = (await said(ada, room, "hello")).body
    left = await bob.post(f"{room}/leave/", {})
    await said(ada, room, "bob is gone")
    answer = await bob.get(f"/api/feed/?after={before}")
    assert [event["body"] for event in answer.body["events"]] == [message, left.body]
    assert answer.body["position"] == answer.position > left.position
    step = (await bob.get(f"/api/feed/?after={before}&limit=1")).body
    assert (len(step["events"]), step["position"]) == (1, step["events"][0]["position"])


async def test_what_is_meant_for_another_user_is_refused_before_anything_else(ada: Person, bob: Person) -> None:
    room = await ada.open_room("Engines")
    await bob.post(f"/api/rooms/{room}/join/")
    for_ada, for_bob = ({"X-User": str(person.user["id"]), "X-CSRFToken": "old"} for person in (ada, bob))
    refused = await bob.post(f"/api/rooms/{room}/messages/", {"content": "ada's words"}, headers=for_ada)
    assert (refused.status, refused.body["code"]) == (409, "other_user")
    assert (await bob.post(f"/api/rooms/{room}/messages/", {"content": "his own"}, headers=for_bob)).status == 403
    for path in ("/api/feed/", "/api/rooms/", "/api/token/connection/"):
        assert (await bob.get(path, headers=for_ada)).status == 409
        assert (await bob.get(path, headers=for_bob)).status == 200
    assert (await bob.get(f"/api/rooms/{room}/messages/")).body["count"] == 0
