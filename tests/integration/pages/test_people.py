"""The people of a room, without scripts: roles, moderation, the topic and archiving by forms."""

import re

import asyncpg
import pytest

from tests.integration.conftest import Visit
from tests.integration.pages.test_session_end import fields_of
from tests.support.people import Person


@pytest.fixture
async def room(ada: Person, bob: Person) -> str:
    """A room that ada opened and bob joined."""
    opened = await ada.open_room("Engines")
    assert (await bob.post(f"/api/rooms/{opened}/join/", {})).status == 200
    return opened


async def people(person: Person, room: str) -> str:
    return (await person.get(f"/rooms/{room}/people/")).raw.decode()


async def decide(person: Person, room: str, what: str, **fields: str) -> int:
    sent = await person.submit(f"/rooms/{room}/people/{what}/", fields)
    assert sent.status != 303 or sent.headers["Location"] == f"/rooms/{room}/people/"
    return sent.status


def listed(page: str) -> dict[str, str]:
    """The role of each member on the page."""
    return dict(re.findall(r'<bdi class="author">(\w+)</bdi>.*? <span class="role role-\w+">(\w+)</span>', page))


async def test_an_owner_gives_roles_and_members_are_offered_no_form(ada: Person, bob: Person, room: str) -> None:
    assert listed(await people(bob, room)) == {"ada": "owner", "bob": "member"}
    assert "/people/" not in "".join(re.findall(r'action="([^"]+)"', await people(bob, room)))
    member = str(bob.user["id"])
    assert await decide(ada, room, "role", member=member, role="moderator", why="trusted") == 303
    assert listed(await people(bob, room)) == {"ada": "owner", "bob": "moderator"}
    assert await decide(ada, room, "role", member=member, role="king", why="trusted") == 400
    assert await decide(bob, room, "remove", member=str(ada.user["id"]), why="no") == 403
    assert await decide(bob, room, "remove", member="x" * 50, why="no") == 404


async def test_a_muted_member_reads_why_and_until_when_and_has_no_composer(ada: Person, bob: Person, room: str) -> None:
    member = str(bob.user["id"])
    assert await decide(ada, room, "mute", member=member, minutes="60", why="<b>spam</b>") == 303
    page = (await bob.get(f"/rooms/{room}/")).raw.decode()
    assert re.search(r"You are muted in this room until .+ UTC: &lt;b&gt;spam&lt;/b&gt;</p>", page)
    assert re.search(r"<textarea[^>]* disabled", page)
    assert "is muted until" in await people(bob, room)
    assert await decide(ada, room, "lift-mute", member=member, why="sorry") == 303
    page = (await bob.get(f"/rooms/{room}/")).raw.decode()
    assert not re.search(r"<textarea[^>]* disabled", page)
    assert "Bans and mutes" not in await people(bob, room)


async def test_what_is_refused_in_an_archived_room_or_to_a_muted_member_is_not_offered(
    ada: Person, bob: Person, room: str
) -> None:
    said = (await bob.post(f"/api/rooms/{room}/messages/", {"content": "hello"})).body["id"]
    path = f"/rooms/{room}/messages/{said}/"
    await bob.submit(f"{path}react/", {"emoji": "👍"})

    async def offered() -> set[str]:
        page = (await bob.get(path)).raw.decode()
        assert "in this room until" in page or "archived" in page or "reply-heading" in page
        return set(re.findall(rf'action="{path}(\w+)/"', page)) | set(re.findall(r'name="(reply_to)"', page))

    assert await offered() == {"react", "unreact", "edit", "pin", "retract", "reply_to"}
    await decide(ada, room, "mute", member=str(bob.user["id"]), minutes="60", why="spam")
    assert await offered() == {"unreact", "retract"}
    await decide(ada, room, "lift-mute", member=str(bob.user["id"]), why="sorry")
    await decide(ada, room, "archive")
    assert await offered() == {"retract"}


async def test_a_decision_that_is_sent_twice_is_made_once(ada: Person, bob: Person, room: str) -> None:
    path = f"/rooms/{room}/people/"
    fields = {**fields_of((await ada.get(path)).raw, f"{path}mute/"), "minutes": "5", "why": "spam"}
    for _ in range(2):
        assert (await ada.submit(f"{path}mute/", fields)).status == 303
    joined = fields_of((await bob.get("/discover/")).raw, f"/rooms/{room}/leave/")
    for _ in range(2):
        assert (await bob.submit(f"/rooms/{room}/leave/", joined)).status == 303
    events = (await ada.get(f"/api/rooms/{room}/events/")).body["events"]
    assert [event["type"] for event in events[-3:]] == ["user_joined", "user_muted", "user_left"]


async def test_a_banned_member_cannot_come_back_before_the_ban_is_lifted(ada: Person, bob: Person, room: str) -> None:
    member = str(bob.user["id"])
    assert await decide(ada, room, "ban", member=member, minutes="x", why="spam") == 400
    assert await decide(ada, room, "ban", member=member, minutes="60", why="spam") == 303
    assert listed(await people(ada, room)) == {"ada": "owner"}
    refused = await bob.submit(f"/rooms/{room}/join/", {})
    assert refused.status == 409
    assert "You are banned from this room until" in refused.raw.decode()
    assert (await bob.get(f"/rooms/{room}/people/")).status == 404
    assert await decide(ada, room, "lift-ban", member=member, why="sorry") == 303
    assert (await bob.submit(f"/rooms/{room}/join/", {})).status == 303


async def test_a_topic_and_an_archived_room_are_shown_to_all(ada: Person, bob: Person, room: str) -> None:
    assert await decide(bob, room, "topic", topic="mine") == 403
    assert await decide(ada, room, "topic", topic="a <i>topic</i>") == 303
    assert (
        '<p class="topic"><bdi>a &lt;i&gt;topic&lt;/i&gt;</bdi></p>' in (await bob.get(f"/rooms/{room}/")).raw.decode()
    )
    assert await decide(ada, room, "archive") == 303
    page = (await bob.get(f"/rooms/{room}/")).raw.decode()
    assert '<p class="archived-notice" role="status">' in page
    assert (await bob.submit(f"/rooms/{room}/", {"content": "hello"})).status == 409
    assert await decide(ada, room, "reopen") == 303
    assert (await bob.submit(f"/rooms/{room}/", {"content": "hello"})).status == 303


async def test_the_last_owner_is_told_what_to_do_before_leaving(ada: Person, bob: Person, room: str) -> None:
    refused = await ada.submit(f"/rooms/{room}/leave/", {})
    assert refused.status == 409
    assert "make another member an owner first" in refused.raw.decode()


async def test_strangers_see_no_people(visit: Visit, room: str) -> None:
    assert (await (await visit("eve")).get(f"/rooms/{room}/people/")).status == 404


async def test_the_history_says_who_decided_what_about_whom_and_why(ada: Person, bob: Person, room: str) -> None:
    member = str(bob.user["id"])
    assert await decide(ada, room, "role", member=member, role="moderator", why="trusted") == 303
    assert await decide(ada, room, "topic", topic="steam") == 303
    assert await decide(ada, room, "topic", topic="") == 303
    assert await decide(ada, room, "ban", member=member, minutes="60", why="spam") == 303
    page = (await ada.get(f"/rooms/{room}/history/")).raw.decode()
    for told in (
        "gave a role: <bdi>bob</bdi> is moderator now, because <q><bdi>trusted</bdi></q>",
        "set the topic: <bdi>steam</bdi>",
        "took the topic away",
        "banned a person: <bdi>bob</bdi> until",
        '<bdi class="author">bob</bdi> was removed by <bdi>ada</bdi>, because <q><bdi>spam</bdi></q>',
    ):
        assert told in page, told
    assert "<li><bdi>ada</bdi> <span" in page


async def test_every_page_that_names_a_bot_says_so(
    visit: Visit, ada: Person, bob: Person, room: str, database_url: str
) -> None:
    eve = await visit("eve")
    await eve.post(f"/api/rooms/{room}/join/", {})
    assert await decide(ada, room, "role", member=str(bob.user["id"]), role="moderator", why="trusted") == 303
    said = (await bob.post(f"/api/rooms/{room}/messages/", {"content": "from a program"})).body["id"]
    await bob.submit(f"/rooms/{room}/messages/{said}/pin/", {})
    await ada.post(f"/api/rooms/{room}/messages/", {"content": "thank you, @bob", "reply_to": said})
    await bob.submit(f"/rooms/{room}/invitations/make-link/", {"days": "1", "uses": "1"})
    assert await decide(bob, room, "ban", member=str(eve.user["id"]), why="spam", minutes="5") == 303
    direct = (await ada.post("/api/direct/", {"usernames": ["bob"]})).body["id"]
    private = (await bob.post("/api/rooms/", {"name": "Builds", "visibility": "private"})).body["id"]
    await bob.post(f"/api/rooms/{private}/invite/", {"username": "ada"})
    await bob.submit(f"/rooms/{room}/messages/{said}/edit/", {"content": "from a good program"})
    connection = await asyncpg.connect(database_url)
    await connection.execute("UPDATE users SET is_bot = true WHERE user_id = $1", bob.user["id"])
    await connection.close()
    for path, times in {
        f"/rooms/{room}/": 7,  # joined, said, answered, mentioned, member, pinned, the direct conversation
        f"/rooms/{room}/?at={said}": 7,
        f"/rooms/{room}/messages/{said}/": 4,
        f"/rooms/{room}/history/": 10,
        f"/rooms/{room}/history/?tab=audience": 5,
        f"/rooms/{room}/history/?tab=difference&from=1": 5,
        f"/rooms/{room}/history/?tab=difference&from={said}": 5,
        f"/rooms/{room}/people/": 3,
        f"/rooms/{room}/invitations/": 2,
        f"/rooms/{direct}/": 3,
        "/invitations/": 2,
        "/rooms/?page=1": 2,
        "/search/?q=program": 2,
    }.items():
        page = (await ada.get(path)).raw.decode().partition('<div id="state"')[0]
        named = re.findall(r"<bdi[^>]*>@?bob</bdi>(?:<span class=\"kind kind-bot\">bot</span>)?", page)
        assert [name for name in named if not name.endswith("bot</span>")] == [], path
        assert len(named) >= times, (path, len(named))


async def test_who_was_removed_and_who_came_back_is_told_between_the_messages(
    ada: Person, bob: Person, room: str
) -> None:
    await ada.post(f"/api/rooms/{room}/messages/", {"content": "hello"})
    assert await decide(ada, room, "remove", member=str(bob.user["id"]), why="spam") == 303
    page = (await ada.get(f"/rooms/{room}/")).raw.decode()
    assert re.findall(r'<li class="joins"[^>]*><span>(.*?)</span>', page)[-1] == "<bdi>bob</bdi> was removed"
    await bob.post(f"/api/rooms/{room}/join/", {})
    await bob.post(f"/api/rooms/{room}/leave/", {})
    page = (await ada.get(f"/rooms/{room}/")).raw.decode()
    assert "<bdi>bob</bdi> was removed, joined and left</span>" in page
    page = (await ada.get(f"/rooms/{room}/history/?tab=difference&from=4")).raw.decode()
    assert 'Went: <bdi class="author">bob</bdi>' in page
