"""Private rooms, invitations, links and direct conversations over HTTP."""

import asyncio
import uuid
from datetime import timedelta
from hashlib import sha256
from uuid import UUID

import pytest
from aiohttp.test_utils import TestServer

from api.http.app_keys import CORE
from domain.room.invitations import MakeLink
from domain.values import RoomId, UserId
from tests.integration.conftest import Visit
from tests.support.people import Answer, Person
from tests.support.visiting import ada, bob

__all__ = ["ada", "bob"]

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOT_FOUND = {"detail": "Not found."}


async def private_room(owner: Person, name: str = "Secret", **chosen: str) -> str:
    answer = await owner.post("/api/rooms/", {"name": name, "visibility": "private", **chosen})
    assert answer.status == 201, answer.raw
    return str(answer.body["id"])


async def say(person: Person, room: str, content: str) -> int:
    answer = await person.post(f"/api/rooms/{room}/messages/", {"content": content})
    assert answer.status == 201, answer.raw
    return int(answer.body["id"])


async def done(person: Person, path: str, body: object = None) -> Answer:
    answer = await person.post(path, body or {})
    assert answer.status in (200, 201), answer.raw
    return answer


async def invited(inviter: Person, room: str, invitee: Person) -> None:
    """Invite, and accept."""
    await done(inviter, f"/api/rooms/{room}/invite/", {"username": invitee.user["username"]})
    await done(invitee, f"/api/rooms/{room}/join/")


async def contents(person: Person, room: str) -> list[str]:
    answer = await person.get(f"/api/rooms/{room}/messages/")
    assert answer.status == 200, answer.raw
    assert answer.body["count"] == len(answer.body["results"])
    return [message["content"] for message in answer.body["results"]][::-1]


@pytest.mark.asyncio(loop_scope="function")  # a service of its own
async def test_a_private_room_looks_to_a_stranger_like_one_that_does_not_exist(visit: Visit) -> None:
    ada, bob = await visit("ada"), await visit("bob")
    room, unknown = await private_room(ada), str(uuid.uuid4())
    await say(ada, room, "hidden words")
    assert (await bob.get("/api/search/")).body["results"] == []
    commands = {
        "join": {},
        "leave": {},
        "rename": {"name": "Mine"},
        "messages": {"content": "hello"},
        "read": {"version": 1},
        "invite": {"username": "bob"},
        "withdraw-invitation": {"user_id": 1},
        "decline": {},
        "links": {},
        "revoke-link": {"link": 1},
        "visibility": {"visibility": "public"},
        "history": {"history": "since_joining"},
    }
    for name, body in commands.items():
        answers = [await bob.post(f"/api/rooms/{each}/{name}/", body) for each in (room, unknown)]
        assert [(answer.status, answer.body) for answer in answers] == [(404, NOT_FOUND)] * 2, name


async def test_whether_a_private_room_has_a_name_is_not_told(ada: Person, bob: Person) -> None:
    merger, sale = (f"{what}-of-{ada.user['username']}" for what in ("Merger", "Sale"))
    await private_room(ada, merger)
    assert (await bob.post("/api/rooms/", {"name": merger})).status == 201
    assert (await ada.post("/api/rooms/", {"name": merger.lower()})).status == 409
    theirs = await private_room(bob, merger)
    refused = await bob.post(f"/api/rooms/{theirs}/visibility/", {"visibility": "public"})
    assert (refused.status, refused.body["code"]) == (409, "name_taken")
    await done(bob, f"/api/rooms/{theirs}/rename/", {"name": sale})
    await done(bob, f"/api/rooms/{theirs}/visibility/", {"visibility": "public"})
    assert (await ada.post("/api/rooms/", {"name": sale.lower()})).status == 409


async def test_names_are_free_or_taken_by_what_the_same_batch_decides(ada: Person) -> None:
    name = f"Merger of {ada.user['username']}"
    rooms = [await private_room(ada, name) for _ in range(5)]
    answers = await asyncio.gather(
        *(ada.post(f"/api/rooms/{room}/visibility/", {"visibility": "public"}) for room in rooms),
        *(ada.post("/api/rooms/", {"name": name}) for _ in range(5)),
        *(ada.post("/api/rooms/", {"name": name, "visibility": "private"}) for _ in range(5)),
    )
    public = sorted(answer.status for answer in answers[:10])
    assert public in ([200] + [409] * 9, [201] + [409] * 9)
    assert [answer.status for answer in answers[10:]] == [201] * 5


async def test_one_joins_by_an_invitation_and_once(ada: Person, bob: Person) -> None:
    room = await private_room(ada)
    sent = await done(ada, f"/api/rooms/{room}/invite/", {"username": bob.user["username"].upper()})
    assert (sent.body["user"], sent.body["invitee"]) == (ada.user, bob.user)
    again = await ada.post(f"/api/rooms/{room}/invite/", {"username": bob.user["username"]})
    assert (again.status, again.body["code"]) == (409, "already_invited")
    assert (await ada.get(f"/api/rooms/{room}/invitations/")).body == {"users": [bob.user]}
    [invitation] = (await bob.get("/api/invitations/")).body["invitations"]
    assert (invitation["room"], invitation["invited_by"]) == ({"id": room, "name": "Secret"}, ada.user)
    assert (await bob.get(f"/api/rooms/{room}/messages/")).status == 404

    await done(bob, f"/api/rooms/{room}/join/")
    assert (await bob.get("/api/invitations/")).body == {"invitations": []}
    assert (await bob.get(f"/api/rooms/{room}/")).body["visibility"] == "private"
    await done(bob, f"/api/rooms/{room}/leave/")
    assert (await bob.post(f"/api/rooms/{room}/join/", {})).status == 404


@pytest.mark.parametrize("how", ["declined", "withdrawn"])
async def test_an_invitation_ends_without_joining(ada: Person, bob: Person, how: str) -> None:
    room = await private_room(ada)
    await done(ada, f"/api/rooms/{room}/invite/", {"username": bob.user["username"]})
    if how == "declined":
        await done(bob, f"/api/rooms/{room}/decline/")
    else:
        await done(ada, f"/api/rooms/{room}/withdraw-invitation/", {"user_id": bob.user["id"]})
    assert (await bob.get("/api/invitations/")).body == {"invitations": []}
    assert (await bob.post(f"/api/rooms/{room}/join/", {})).status == 404
    refused = await ada.post(f"/api/rooms/{room}/withdraw-invitation/", {"user_id": bob.user["id"]})
    assert (refused.status, refused.body["code"]) == (409, "not_invited")
    await done(ada, f"/api/rooms/{room}/invite/", {"username": bob.user["username"]})
    await done(bob, f"/api/rooms/{room}/join/")


async def test_there_is_no_inviting_of_users_who_are_not_there(ada: Person) -> None:
    room = await private_room(ada)
    refused = await ada.post(f"/api/rooms/{room}/invite/", {"username": "nemo"})
    assert (refused.status, refused.body) == (400, {"username": ["There is no such user: nemo"]})


async def test_a_link_lets_in_as_many_as_it_says(ada: Person, person: Visit) -> None:
    room = await private_room(ada)
    made = (await done(ada, f"/api/rooms/{room}/links/", {"uses": 2})).body
    people = [await person(f"user{number}") for number in range(5)]
    answers = await asyncio.gather(*(each.post("/api/join/", {"token": made["token"]}) for each in people))
    assert sorted(answer.status for answer in answers) == [200, 200, 404, 404, 404]
    refused = next(answer for answer in answers if answer.status == 404)
    assert refused.body["code"] == "link_not_valid"
    assert (await ada.get(f"/api/rooms/{room}/")).body["member_count"] == 3


async def test_a_link_says_where_it_leads_and_how_often_it_was_used(ada: Person, bob: Person) -> None:
    room = await private_room(ada)
    made = (await done(ada, f"/api/rooms/{room}/links/", {"uses": 3, "days": 2})).body
    assert made["path"] == f"/join/?link={made['token']}"
    assert (await bob.get(f"/api/join/?link={made['token']}")).body == {"id": room, "name": "Secret"}
    await done(bob, "/api/join/", {"token": made["token"]})
    again = await bob.post("/api/join/", {"token": made["token"]})
    assert again.status == 409
    [link] = (await bob.get(f"/api/rooms/{room}/links/")).body["links"]
    assert (link["link"], link["made_by"], link["uses"], link["max_uses"]) == (made["link"], ada.user, 1, 3)
    assert made["token"] not in str(link)


async def test_a_revoked_link_opens_nothing(ada: Person, bob: Person) -> None:
    room = await private_room(ada)
    made = (await done(ada, f"/api/rooms/{room}/links/", {"uses": 3})).body
    await done(ada, f"/api/rooms/{room}/revoke-link/", {"link": made["link"]})
    for answer in (
        await bob.get(f"/api/join/?link={made['token']}"),
        await bob.post("/api/join/", {"token": made["token"]}),
        await bob.get("/api/join/?link=guessed"),
    ):
        assert (answer.status, answer.body["code"]) == (404, "link_not_valid")
    assert (await ada.get(f"/api/rooms/{room}/links/")).body == {"links": []}
    refused = await ada.post(f"/api/rooms/{room}/revoke-link/", {"link": made["link"]})
    assert (refused.status, refused.body["code"]) == (404, "no_such_link")


async def test_a_link_expires(service: TestServer, ada: Person, bob: Person) -> None:
    room = await private_room(ada)
    hashed = sha256(b"a token").hexdigest()
    moment = timedelta(microseconds=1)
    await service.app[CORE].admission.make_link(MakeLink(RoomId(UUID(room)), UserId(ada.user["id"]), hashed, moment, 5))
    refused = await bob.post("/api/join/", {"token": "a token"})
    assert (refused.status, refused.body["code"]) == (404, "link_not_valid")
    assert (await ada.get(f"/api/rooms/{room}/links/")).body == {"links": []}


async def test_a_room_has_so_many_links_in_use_and_no_more(ada: Person, bob: Person) -> None:
    room = await private_room(ada)
    links = [await done(ada, f"/api/rooms/{room}/links/") for _ in range(20)]
    refused = await ada.post(f"/api/rooms/{room}/links/", {})
    assert (refused.status, refused.body["code"]) == (409, "too_many_links")
    await done(bob, "/api/join/", {"token": links[0].body["token"]})
    await done(ada, f"/api/rooms/{room}/links/")  # in place of the one that is used up
    assert (await ada.post(f"/api/rooms/{room}/links/", {})).status == 409


async def test_where_history_begins_with_joining_one_reads_ones_own_stays(ada: Person, bob: Person) -> None:
    room = await private_room(ada, history="since_joining")
    before = await say(ada, room, "before bob")
    await invited(ada, room, bob)
    assert (await bob.get("/api/rooms/")).body["results"][0]["last_message"] is None
    assert await contents(bob, room) == []
    await say(ada, room, "bob is here")
    await done(bob, f"/api/rooms/{room}/leave/")
    assert (await bob.get(f"/api/rooms/{room}/messages/")).status == 404
    away = await say(ada, room, "bob is away")
    await invited(ada, room, bob)
    back = await say(ada, room, "bob is back")

    assert await contents(bob, room) == ["bob is here", "bob is back"]
    assert await contents(ada, room) == ["before bob", "bob is here", "bob is away", "bob is back"]
    older = (await bob.get(f"/api/rooms/{room}/messages/?before={back}&limit=1")).body
    assert [message["content"] for message in older["results"]] == ["bob is here"]
    events = (await bob.get(f"/api/rooms/{room}/events/?after=0&limit=1000")).body["events"]
    versions = [event["version"] for event in events]
    assert before not in versions
    assert away not in versions
    assert versions[-1] == back
    assert (await bob.get(f"/api/rooms/{room}/members/?at={away}")).status == 404
    assert (await bob.get(f"/api/rooms/{room}/members/?at={back}")).status == 200
    [reading] = (await bob.get("/api/readings/")).body["readings"]
    assert reading["unread"] == 1


async def test_where_history_is_for_all_one_reads_what_was_said_before_and_meanwhile(ada: Person, bob: Person) -> None:
    room = await private_room(ada)
    await say(ada, room, "before bob")
    await invited(ada, room, bob)
    await done(bob, f"/api/rooms/{room}/leave/")
    await say(ada, room, "bob is away")
    await invited(ada, room, bob)
    assert await contents(bob, room) == ["before bob", "bob is away"]
    events = (await bob.get(f"/api/rooms/{room}/events/?limit=1000")).body["events"]
    assert [event["version"] for event in events] == list(range(1, events[-1]["version"] + 1))


@pytest.mark.parametrize("change", ["visibility", "history"])
async def test_opening_a_room_further_opens_nothing_that_was_said_before(
    ada: Person, bob: Person, person: Visit, change: str
) -> None:
    if change == "visibility":
        room, to = await private_room(ada), {"visibility": "public"}
    else:
        room, to = await private_room(ada, history="since_joining"), {"history": "all"}
    await invited(ada, room, bob)
    await say(ada, room, "under the stricter rule")
    changed = await done(ada, f"/api/rooms/{room}/{change}/", to)
    assert changed.body["room"].items() >= to.items()
    eve = await person("eve")
    await invited(ada, room, eve)
    joined = (await eve.get(f"/api/rooms/{room}/")).body
    assert joined["last_message"] is None
    await say(ada, room, "under the new one")
    fay = await person("fay")
    await invited(ada, room, fay)
    assert await contents(eve, room) == await contents(fay, room) == ["under the new one"]
    assert await contents(bob, room) == ["under the stricter rule", "under the new one"]


async def test_only_an_owner_says_who_may_enter_and_what_joiners_read(ada: Person, bob: Person) -> None:
    room = await private_room(ada)
    await invited(ada, room, bob)
    for path, body in (("visibility", {"visibility": "public"}), ("history", {"history": "since_joining"})):
        refused = await bob.post(f"/api/rooms/{room}/{path}/", body)
        assert (refused.status, refused.body["code"]) == (403, "not_allowed")
    for path, body in (("visibility", {"visibility": "private"}), ("history", {"history": "all"})):
        assert (await ada.post(f"/api/rooms/{room}/{path}/", body)).status == 400
    assert (await ada.post(f"/api/rooms/{room}/visibility/", {"visibility": "direct"})).status == 400


@pytest.mark.asyncio(loop_scope="function")  # a service of its own
async def test_the_same_people_have_one_direct_conversation(visit: Visit) -> None:
    ada, bob, eve = [await visit(name) for name in ("ada", "bob", "eve")]
    answers = await asyncio.gather(
        *(ada.post("/api/direct/", {"usernames": ["bob", "eve"]}) for _ in range(3)),
        *(bob.post("/api/direct/", {"usernames": ["eve", "ADA", "bob"]}) for _ in range(3)),
    )
    assert sorted(answer.status for answer in answers) == [200] * 5 + [201]
    assert len({answer.body["id"] for answer in answers}) == 1
    two = await done(ada, "/api/direct/", {"usernames": ["bob"]})
    assert two.status == 201
    room = (await eve.get("/api/rooms/")).body["results"][0]
    assert (room["name"], room["visibility"], room["member_count"]) == ("ada, bob, eve", "direct", 3)
    assert room["people"] == [ada.user, bob.user, eve.user]
    assert (await eve.get("/api/search/")).body["results"] == []


async def test_a_direct_conversation_stays_as_it_is(ada: Person, bob: Person, person: Visit) -> None:
    room = (await done(ada, "/api/direct/", {"usernames": [bob.user["username"]]})).body["id"]
    eve = await person("eve")
    refused = {
        "invite": {"username": eve.user["username"]},
        "links": {},
        "leave": {},
        "rename": {"name": "Us"},
        "visibility": {"visibility": "public"},
        "history": {"history": "since_joining"},
    }
    for path, body in refused.items():
        answer = await ada.post(f"/api/rooms/{room}/{path}/", body)
        assert (answer.status, answer.body["code"]) == (409, "direct_room"), path
    assert (await eve.post(f"/api/rooms/{room}/join/", {})).status == 404
    await say(bob, room, "between us")
    assert await contents(ada, room) == ["between us"]


@pytest.mark.asyncio(loop_scope="function")  # a service of its own
@pytest.mark.parametrize("usernames", [[], ["ada"], [f"user{n}" for n in range(8)], ["nemo"]])
async def test_a_direct_conversation_is_of_two_to_eight_who_are_there(visit: Visit, usernames: list[str]) -> None:
    ada = await visit("ada")
    for name in usernames:
        if name.startswith("user"):
            await visit(name)
    refused = await ada.post("/api/direct/", {"usernames": usernames})
    assert refused.status == 400, refused.raw
