"""Who is in a room changes: one by one, in a crowd, by coming back.

Each with the publications that tell the owner of the page of it.
"""

import itertools
from uuid import UUID

from domain.room.opening import OpenDirect
from domain.values import RoomId, UserId
from projections.fanout.publications import CROWD
from tests.support.happenings.scene import STRANGERS, Happening, Scene
from tests.support.live_service import done, new_room
from tests.support.store import open_store


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


async def a_crowd_joins(scene: Scene) -> None:
    await crowd(scene, scene.room)


async def a_crowd_joins_another_room_of_the_page(scene: Scene) -> None:
    await crowd(scene, scene.elsewhere)


async def joining_amid_a_crowd(scene: Scene) -> None:
    await crowd(scene, await new_room(scene.people[1]), int(scene.people[0].user["id"]))


async def leaving_and_coming_back_amid_a_crowd(scene: Scene) -> None:
    await done(scene.people[0], scene.elsewhere, "leave")
    await crowd(scene, scene.elsewhere, int(scene.people[0].user["id"]))


async def crowd(scene: Scene, room: str, *among: int) -> None:
    """Strangers join at once, before and after those who are named."""
    before, after = (list(itertools.islice(STRANGERS, CROWD)) for _ in range(2))
    async with open_store(scene.service.dsn) as store:
        await store.chat.join_all(RoomId(UUID(room)), [UserId(number) for number in (*before, *among, *after)])


async def a_direct_conversation_begins(scene: Scene) -> None:
    ada, bob = (UserId(int(person.user["id"])) for person in scene.people[:2])
    async with open_store(scene.service.dsn) as store:
        opened = await store.admission.open_direct(OpenDirect(bob, (ada, UserId(next(STRANGERS)))))
    await done(scene.people[1], str(opened.event.originator_id), "messages", {"content": "between us"})


MOVES: dict[Happening, tuple[str, ...]] = {
    a_user_joins: ("user_joined",),
    a_member_leaves: ("user_left",),
    opening_a_room_in_another_window: ("user_joined",),
    joining_in_another_window: ("user_joined",),
    leaving_in_another_window: ("user_left",),
    leaving_and_coming_back: ("user_left", "user_joined", "message_added"),
    a_crowd_joins: ("members_changed",),
    a_crowd_joins_another_room_of_the_page: ("members_changed",),
    joining_amid_a_crowd: ("user_joined", "members_changed"),
    leaving_and_coming_back_amid_a_crowd: ("user_left", "user_joined", "members_changed"),
    a_direct_conversation_begins: ("user_joined", "user_joined", "message_added"),
}
