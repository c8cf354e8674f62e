"""Each kind of event, with each mishap on its way to a page."""

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import get_args
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio

from api.erasure.account_erasure import erase_account
from domain.room.erasing import EraseContent
from domain.room.opening import OpenDirect
from domain.values import OPERATOR, RequestId, RoomId, UserId
from projections.fanout.publications import CROWD
from tests.support.conditions import eventually
from tests.support.lanes_under_test import TURN_COLD
from tests.support.live_service import HISTORY, Service, done, give_role, leave_all, new_room
from tests.support.open_pages import OpenPage
from tests.support.people import Person
from tests.support.realtime.relay import Fate, Relay, relay_to
from tests.support.store import open_store

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.long]

FATES: tuple[Fate, ...] = get_args(Fate)


@dataclass(frozen=True)
class Scene:
    """Ada and Bob are in a room, and in another one elsewhere, and own both; Ada has a page open at the room."""

    service: Service
    room: str
    elsewhere: str
    relay: Relay
    page: OpenPage

    @property
    def people(self) -> list[Person]:
        return self.service.people

    async def say(self, person: Person, content: str = "hello") -> int:
        """Returns the message's version."""
        return int((await done(person, self.room, "messages", {"content": content})).body["id"])

    async def go_on(self) -> None:
        """Something happens elsewhere. By its publication a page can tell that it lacks others."""
        await done(self.people[1], self.elsewhere, "messages", {"content": "meanwhile"})

    async def shows(self, version: int) -> None:
        """Wait until the page does."""

        async def is_there() -> bool:
            return bool((await self.page.room())["room"]["version"] == version)

        await eventually(is_there)

    async def assert_fresh(self) -> None:
        await self.service.assert_fresh(self.page)


@pytest_asyncio.fixture(loop_scope="session")
async def scene(service: Service) -> AsyncIterator[Scene]:
    ada, bob, _ = service.people
    room, elsewhere = await new_room(ada), await new_room(ada)
    for each in (room, elsewhere):
        await done(bob, each, "join")
        await give_role(ada, each, bob.user, "owner")
    await service.published()
    async with relay_to(service.websocket_url) as relay:
        page = await service.desk.open(ada, f"/rooms/{room}/", relay.url)
        yield Scene(service, room, elsewhere, relay, page)
        await page.close()
    await leave_all(ada)


async def a_member_speaks(scene: Scene) -> None:
    await scene.say(scene.people[1])


async def speaking_in_another_window(scene: Scene) -> None:
    await scene.say(scene.people[0])


async def a_user_joins(scene: Scene) -> None:
    await done(scene.people[2], scene.room, "join")


async def a_member_leaves(scene: Scene) -> None:
    await done(scene.people[1], scene.room, "leave")


async def opening_a_room_in_another_window(scene: Scene) -> None:
    await new_room(scene.people[0])


async def joining_in_another_window(scene: Scene) -> None:
    other = await new_room(scene.people[1])
    await done(scene.people[0], other, "join")


async def leaving_in_another_window(scene: Scene) -> None:
    await done(scene.people[0], scene.room, "leave")


async def leaving_and_coming_back(scene: Scene) -> None:
    await done(scene.people[0], scene.room, "leave")
    await scene.say(scene.people[1], "while nobody listens")
    await done(scene.people[0], scene.room, "join")
    await scene.say(scene.people[1], "welcome back")


async def a_member_renames_the_room(scene: Scene) -> None:
    await done(scene.people[1], scene.room, "rename", {"name": f"Renamed {scene.room}"})


async def renaming_in_another_window(scene: Scene) -> None:
    await done(scene.people[0], scene.room, "rename", {"name": f"Renamed {scene.room}"})


async def decided(scene: Scene, by: Person, about: Person, what: str, *, method: str = "POST", **body: object) -> None:
    """A decision about a member."""
    path = f"/api/rooms/{scene.room}/members/{about.user['id']}/{what}/"
    answer = await by.request(method, path, {"why": "asked for", **body})
    assert answer.status == 200, answer.raw


async def a_member_gets_a_role(scene: Scene) -> None:
    ada, bob, _ = scene.people
    await decided(scene, bob, ada, "role", method="PUT", role="moderator")


async def giving_a_role_in_another_window(scene: Scene) -> None:
    ada, bob, _ = scene.people
    await decided(scene, ada, bob, "role", method="PUT", role="member")


async def being_removed(scene: Scene) -> None:
    ada, bob, _ = scene.people
    await decided(scene, bob, ada, "remove")


async def a_member_is_removed(scene: Scene) -> None:
    ada, bob, _ = scene.people
    await decided(scene, ada, bob, "remove")


async def being_banned(scene: Scene) -> None:
    ada, bob, _ = scene.people
    await decided(scene, bob, ada, "ban", minutes=60)


async def a_member_is_banned_and_comes_back(scene: Scene) -> None:
    ada, bob, _ = scene.people
    await decided(scene, ada, bob, "ban", minutes=60)
    await decided(scene, ada, bob, "ban", method="DELETE")
    await done(bob, scene.room, "join")


async def being_muted(scene: Scene) -> None:
    ada, bob, _ = scene.people
    await decided(scene, bob, ada, "mute", minutes=60)


async def being_muted_no_longer(scene: Scene) -> None:
    ada, bob, _ = scene.people
    await decided(scene, bob, ada, "mute", minutes=60)
    await decided(scene, bob, ada, "mute", method="DELETE")


async def the_reason_of_a_mute_is_erased(scene: Scene) -> None:
    await being_muted(scene)
    await erase(scene, (await scene.page.owner.get(f"/api/rooms/{scene.room}/")).body["version"])


async def the_topic_is_set_and_taken_away(scene: Scene) -> None:
    for topic in ("steam", ""):
        answer = await scene.people[1].request("PUT", f"/api/rooms/{scene.room}/topic/", {"topic": topic})
        assert answer.status == 200, answer.raw


async def the_topic_is_set_and_erased(scene: Scene) -> None:
    answer = await scene.people[1].request("PUT", f"/api/rooms/{scene.room}/topic/", {"topic": "steam"})
    await erase(scene, answer.body["room"]["version"])


async def the_room_is_archived(scene: Scene) -> None:
    await done(scene.people[1], scene.room, "archive")


async def the_room_is_reopened(scene: Scene) -> None:
    await done(scene.people[1], scene.room, "archive")
    await done(scene.people[0], scene.room, "reopen")
    await scene.say(scene.people[1], "open again")


async def a_message_is_erased(scene: Scene) -> None:
    await erase(scene, await scene.say(scene.people[1], "not for long"))


async def a_message_with_a_file_is_erased(scene: Scene) -> None:
    author = scene.people[1]
    sent = await author.post(
        f"/api/rooms/{scene.room}/attachments/", raw=b"a plan", headers={"X-File-Name": "plan.txt"}
    )
    body = {"content": "not for long", "attachments": [sent.body["id"]]}
    said = await author.post(f"/api/rooms/{scene.room}/messages/", body)
    await about(author, scene, "PUT", f"{said.body['id']}/pin/")
    await erase(scene, said.body["id"])


async def a_message_is_erased_again(scene: Scene) -> None:
    version = await scene.say(scene.people[0], "not for long")
    await erase(scene, version)
    await erase(scene, version)


async def erase(scene: Scene, version: int) -> None:
    room, request = RoomId(UUID(scene.room)), RequestId(uuid4())
    async with open_store(scene.service.dsn) as store:
        await store.chat.erase_content(EraseContent(room, (version,), OPERATOR, request, "asked for"))


async def a_member_is_erased(scene: Scene) -> None:
    """Who spoke, reacted, pinned and answered under a name, and is named by another message."""
    async with Person(scene.people[1].url) as passer:
        await passer.sign_up(f"passer-{next(_strangers)}")
        await done(passer, scene.room, "join")
        said = await scene.say(passer, "not for long")
        await about(passer, scene, "PUT", f"{said}/reactions/%F0%9F%91%8D/")
        await about(passer, scene, "PUT", f"{said}/pin/")
    await done(scene.people[1], scene.room, "messages", {"content": f"@{passer.user['username']}", "reply_to": said})
    async with open_store(scene.service.dsn) as store:
        user_id = UserId(int(passer.user["id"]))
        async with store.database.transaction() as connection:
            await erase_account(connection, user_id, request=str(uuid4()), who="operator")
        await store.erasing.tell_user_erased(user_id, erased_by=OPERATOR)


async def a_message_is_edited(scene: Scene) -> None:
    version = await scene.say(scene.people[1])
    await about(scene.people[1], scene, "PATCH", f"{version}/", {"content": "edited"})
    await about(scene.people[1], scene, "PATCH", f"{version}/", {"content": "edited again"})


async def a_message_is_retracted(scene: Scene) -> None:
    version = await scene.say(scene.people[1], "taken back")
    await about(scene.people[0], scene, "PUT", f"{version}/reactions/%F0%9F%91%8D/")
    await about(scene.people[1], scene, "POST", f"{version}/retract/", {"why": "by mistake"})


async def reactions_come_and_go(scene: Scene) -> None:
    version = await scene.say(scene.people[0])
    for person in scene.people[:2]:
        await about(person, scene, "PUT", f"{version}/reactions/%F0%9F%91%8D/")
    await about(scene.people[0], scene, "DELETE", f"{version}/reactions/%F0%9F%91%8D/")


async def a_message_is_pinned_and_taken_down(scene: Scene) -> None:
    one, other = await scene.say(scene.people[0]), await scene.say(scene.people[1])
    await about(scene.people[1], scene, "PUT", f"{one}/pin/")
    await about(scene.people[1], scene, "PUT", f"{other}/pin/")
    await about(scene.people[0], scene, "DELETE", f"{one}/pin/")


async def a_reply_in_another_window(scene: Scene) -> None:
    version = await scene.say(scene.people[1])
    await done(scene.people[0], scene.room, "messages", {"content": "indeed", "reply_to": version})


async def members_are_mentioned(scene: Scene) -> None:
    me, other = scene.people[0], scene.people[1]
    mine, others = me.user["username"], other.user["username"]
    await scene.say(other, f"@{mine} is this yours, or @nemo's?")
    await scene.say(me, f"@{others} and @{mine}: no")
    await scene.say(me, "@room it is for owners")
    await scene.say(other, "nothing to anyone")


async def edits_mention_members(scene: Scene) -> None:
    me, other = scene.people[0], scene.people[1]
    mine = me.user["username"]
    first = await scene.say(other, "hello")
    second = await scene.say(other, f"@{mine} hello")
    await about(other, scene, "PATCH", f"{first}/", {"content": f"@{mine} hello"})
    await about(other, scene, "PATCH", f"{second}/", {"content": f"still @{mine}"})
    await about(other, scene, "PATCH", f"{first}/", {"content": "hello to no one"})


async def another_room(scene: Scene) -> str:
    """A private one, in which the owner of the page is not."""
    bob = scene.people[1]
    room = await new_room(bob)
    await done(bob, room, "visibility", {"visibility": "private"})
    return room


async def an_invitation_to_me_is_withdrawn(scene: Scene) -> None:
    me, other = scene.people[0], scene.people[1]
    for left in (False, True):
        room = await another_room(scene)
        await done(other, room, "invite", {"username": me.user["username"]})
        if left:
            await done(other, room, "withdraw-invitation", {"user_id": me.user["id"]})


async def i_answer_invitations_in_another_window(scene: Scene) -> None:
    me, other = scene.people[0], scene.people[1]
    for answer in ("decline", "join"):
        room = await another_room(scene)
        await done(other, room, "invite", {"username": me.user["username"]})
        await done(me, room, answer)


async def the_room_is_muted_in_another_window(scene: Scene) -> None:
    me, other = scene.people[0], scene.people[1]
    path = f"/api/rooms/{scene.room}/mute/"
    for method in ("PUT", "DELETE", "PUT", "PUT"):
        assert (await me.request(method, path, {})).status == 200
    await scene.say(other, "unheard")


async def about(person: Person, scene: Scene, method: str, path: str, body: object = None) -> None:
    """A request about a message, which is not refused."""
    answer = await person.request(method, f"/api/rooms/{scene.room}/messages/{path}", body)
    assert answer.status == 200, answer.raw


async def reading_in_another_window(scene: Scene) -> None:
    version = await scene.say(scene.people[1])
    await scene.say(scene.people[1], "not read yet")
    await scene.service.published()  # so that the read mark, which is not an event of the log, is published after them
    await done(scene.people[0], scene.room, "read", {"version": version})


async def a_crowd_joins(scene: Scene) -> None:
    await crowd(scene, scene.room)


async def a_crowd_joins_another_room_of_the_page(scene: Scene) -> None:
    await crowd(scene, scene.elsewhere)


async def joining_amid_a_crowd(scene: Scene) -> None:
    await crowd(scene, await new_room(scene.people[1]), int(scene.people[0].user["id"]))


async def leaving_and_coming_back_amid_a_crowd(scene: Scene) -> None:
    await done(scene.people[0], scene.elsewhere, "leave")
    await crowd(scene, scene.elsewhere, int(scene.people[0].user["id"]))


_strangers = itertools.count(1_000_000)


async def crowd(scene: Scene, room: str, *among: int) -> None:
    """Strangers join at once, before and after those who are named."""
    before, after = (list(itertools.islice(_strangers, CROWD)) for _ in range(2))
    async with open_store(scene.service.dsn) as store:
        await store.chat.join_all(RoomId(UUID(room)), [UserId(number) for number in (*before, *among, *after)])


async def the_room_becomes_private_and_public_again(scene: Scene) -> None:
    await done(scene.people[0], scene.room, "visibility", {"visibility": "private"})
    await done(scene.people[0], scene.room, "visibility", {"visibility": "public"})


async def joiners_read_less_and_more_again(scene: Scene) -> None:
    await done(scene.people[0], scene.room, "history", {"history": "since_joining"})
    await scene.say(scene.people[1])
    await done(scene.people[0], scene.room, "history", {"history": "all"})


async def invite(scene: Scene) -> None:
    await done(scene.people[1], scene.room, "invite", {"username": scene.people[2].user["username"]})


async def a_user_is_invited_and_declines(scene: Scene) -> None:
    await invite(scene)
    await done(scene.people[2], scene.room, "decline")


async def an_invitation_is_withdrawn(scene: Scene) -> None:
    await invite(scene)
    await done(scene.people[1], scene.room, "withdraw-invitation", {"user_id": scene.people[2].user["id"]})


async def an_invited_user_joins_a_private_room(scene: Scene) -> None:
    await scene.say(scene.people[1], "before")
    await done(scene.people[0], scene.room, "visibility", {"visibility": "private"})
    await invite(scene)
    await done(scene.people[2], scene.room, "join")


async def a_link_is_made_used_and_revoked(scene: Scene) -> None:
    made = (await done(scene.people[1], scene.room, "links", {"uses": 2})).body
    joined = await scene.people[2].post("/api/join/", {"token": made["token"]})
    assert joined.status == 200, joined.raw
    await done(scene.people[1], scene.room, "revoke-link", {"link": made["link"]})


async def a_user_joins_where_history_begins_with_joining(scene: Scene) -> None:
    await scene.say(scene.people[1], "not for those who join later")
    await done(scene.people[0], scene.room, "history", {"history": "since_joining"})
    await done(scene.people[2], scene.room, "join")
    await done(scene.people[1], scene.room, "leave")


async def coming_back_where_history_begins_with_joining(scene: Scene) -> None:
    ada, bob, _ = scene.people
    heard = await scene.say(bob, "heard")
    await done(ada, scene.room, "history", {"history": "since_joining"})
    await done(ada, scene.room, "leave")
    missed = await scene.say(bob, "while the other was away")
    await done(ada, scene.room, "join")
    await scene.say(bob, "welcome back")
    await about(bob, scene, "PATCH", f"{missed}/", {"content": "not for the other"})
    await about(bob, scene, "PATCH", f"{heard}/", {"content": "heard before"})
    await about(bob, scene, "PUT", f"{missed}/pin/")


async def a_direct_conversation_begins(scene: Scene) -> None:
    ada, bob = (UserId(int(person.user["id"])) for person in scene.people[:2])
    async with open_store(scene.service.dsn) as store:
        opened = await store.admission.open_direct(OpenDirect(bob, (ada, UserId(next(_strangers)))))
    await done(scene.people[1], str(opened.event.originator_id), "messages", {"content": "between us"})


Event = Callable[[Scene], Awaitable[None]]

EVENTS: dict[Event, tuple[str, ...]] = {
    a_member_speaks: ("message_added",),
    speaking_in_another_window: ("message_added",),
    a_user_joins: ("user_joined",),
    a_member_leaves: ("user_left",),
    opening_a_room_in_another_window: ("user_joined",),
    joining_in_another_window: ("user_joined",),
    leaving_in_another_window: ("user_left",),
    leaving_and_coming_back: ("user_left", "user_joined", "message_added"),
    a_member_renames_the_room: ("room_renamed",),
    renaming_in_another_window: ("room_renamed",),
    a_crowd_joins: ("members_changed",),
    a_crowd_joins_another_room_of_the_page: ("members_changed",),
    joining_amid_a_crowd: ("user_joined", "members_changed"),
    leaving_and_coming_back_amid_a_crowd: ("user_left", "user_joined", "members_changed"),
    a_member_gets_a_role: ("role_given",),
    giving_a_role_in_another_window: ("role_given",),
    being_removed: ("user_left",),
    a_member_is_removed: ("user_left",),
    being_banned: ("user_banned", "user_left"),
    a_member_is_banned_and_comes_back: ("user_banned", "user_left", "ban_lifted", "user_joined"),
    being_muted: ("user_muted",),
    being_muted_no_longer: ("user_muted", "mute_lifted"),
    the_reason_of_a_mute_is_erased: ("user_muted", "content_erased"),
    the_topic_is_set_and_taken_away: ("topic_set", "topic_set"),
    the_topic_is_set_and_erased: ("topic_set", "content_erased"),
    the_room_is_archived: ("room_archived",),
    the_room_is_reopened: ("room_archived", "room_reopened", "message_added"),
    a_message_is_erased: ("message_added", "content_erased"),
    a_message_with_a_file_is_erased: ("message_added", "message_pinned", "content_erased"),
    a_message_is_erased_again: ("message_added", "content_erased", "content_erased"),
    a_member_is_erased: (
        *("user_joined", "message_added", "reaction_added", "message_pinned"),
        *("message_added", "user_erased"),
    ),
    a_message_is_edited: ("message_added", "message_edited", "message_edited"),
    a_message_is_retracted: ("message_added", "reaction_added", "message_retracted"),
    reactions_come_and_go: ("message_added", "reaction_added", "reaction_added", "reaction_removed"),
    a_message_is_pinned_and_taken_down: (
        *("message_added", "message_added"),
        *("message_pinned", "message_pinned", "message_unpinned"),
    ),
    members_are_mentioned: ("message_added",) * 4,
    edits_mention_members: ("message_added",) * 2 + ("message_edited",) * 3,
    a_reply_in_another_window: ("message_added", "message_added"),
    an_invitation_to_me_is_withdrawn: ("invitations_changed",) * 3,
    i_answer_invitations_in_another_window: ("invitations_changed",) * 3 + ("user_joined",),
    the_room_is_muted_in_another_window: ("room_read",) * 3 + ("message_added",),
    reading_in_another_window: ("message_added", "message_added", "room_read"),
    the_room_becomes_private_and_public_again: ("visibility_changed", "visibility_changed"),
    joiners_read_less_and_more_again: ("history_changed", "message_added", "history_changed"),
    a_user_is_invited_and_declines: ("user_invited", "invitation_declined"),
    an_invitation_is_withdrawn: ("user_invited", "invitation_withdrawn"),
    an_invited_user_joins_a_private_room: ("message_added", "visibility_changed", "user_invited", "user_joined"),
    a_link_is_made_used_and_revoked: ("invitation_link_made", "user_joined", "invitation_link_revoked"),
    a_user_joins_where_history_begins_with_joining: ("message_added", "history_changed", "user_joined", "user_left"),
    coming_back_where_history_begins_with_joining: (
        *("message_added", "history_changed", "user_left", "user_joined", "message_added"),
        *("message_edited", "message_edited", "message_pinned"),
    ),
    a_direct_conversation_begins: ("user_joined", "user_joined", "message_added"),
}
"""What can happen, and the publications that tell the owner of the page of it."""

FORGETTING = {"content_erased", "user_erased"}
"""After these, no channel remembers what was published before."""

every_event = pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.__name__)


@every_event
@pytest.mark.parametrize("fate", FATES)
async def test_a_page_equals_a_fresh_one_after(scene: Scene, event: Event, fate: Fate) -> None:
    scene.relay.fates = itertools.chain(itertools.repeat(fate, len(EVENTS[event])), itertools.repeat("delivered"))
    await event(scene)
    await scene.go_on()
    await scene.assert_fresh()
    assert scene.relay.recoveries == []


@every_event
@pytest.mark.parametrize(("events_after", "is_recovered"), [(0, True), (HISTORY, False)], ids=["briefly", "for long"])
async def test_a_page_equals_a_fresh_one_after_it_was_cut_off(
    scene: Scene, event: Event, events_after: int, is_recovered: bool
) -> None:
    scene.relay.cut()
    await event(scene)
    for _ in range(events_after):
        await scene.go_on()
    await scene.service.published()
    scene.relay.mend()
    await scene.assert_fresh()
    recoveries = [is_recovered and FORGETTING.isdisjoint(EVENTS[event])]
    await eventually(partial(recovered, scene, recoveries))  # polling may have brought the page up to date before


async def recovered(scene: Scene, recoveries: list[bool]) -> bool:
    return scene.relay.recoveries == recoveries


@pytest.mark.parametrize("fate", ["delivered", "doubled"])
async def test_a_page_that_hears_of_a_pause_receives_everything_again(scene: Scene, fate: Fate) -> None:
    ada, bob, _ = scene.people
    database = await asyncpg.connect(scene.service.dsn)
    await database.execute(TURN_COLD, ada.user["id"])
    await database.close()
    scene.relay.fates = itertools.repeat(fate)
    await scene.shows(await scene.say(bob, "left out"))
    await scene.shows(await scene.say(bob, "heard"))
    await scene.assert_fresh()
    assert scene.relay.recoveries == []
