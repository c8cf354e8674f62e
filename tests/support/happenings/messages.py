"""Messages are said, answered, edited, taken back, marked, pinned and read.

Each with the publications that tell the owner of the page of it.
"""

from tests.support.happenings.scene import Happening, Scene
from tests.support.live_service import done
from tests.support.people import Person


async def a_member_speaks(scene: Scene) -> None:
    await scene.say(scene.people[1])


async def speaking_in_another_window(scene: Scene) -> None:
    await scene.say(scene.people[0])


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


async def the_room_is_muted_in_another_window(scene: Scene) -> None:
    me, other = scene.people[0], scene.people[1]
    path = f"/api/rooms/{scene.room}/mute/"
    for method in ("PUT", "DELETE", "PUT", "PUT"):
        assert (await me.request(method, path, {})).status == 200
    await scene.say(other, "unheard")


async def reading_in_another_window(scene: Scene) -> None:
    version = await scene.say(scene.people[1])
    await scene.say(scene.people[1], "not read yet")
    await scene.service.published()  # so that the read mark, which is not an event of the log, is published after them
    await done(scene.people[0], scene.room, "read", {"version": version})


async def about(person: Person, scene: Scene, method: str, path: str, body: object = None) -> None:
    """A request about a message, which is not refused."""
    answer = await person.request(method, f"/api/rooms/{scene.room}/messages/{path}", body)
    assert answer.status == 200, answer.raw


MESSAGES: dict[Happening, tuple[str, ...]] = {
    a_member_speaks: ("message_added",),
    speaking_in_another_window: ("message_added",),
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
    the_room_is_muted_in_another_window: ("room_read",) * 3 + ("message_added",),
    reading_in_another_window: ("message_added", "message_added", "room_read"),
}
