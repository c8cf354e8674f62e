"""Owners and moderators decide: names, topics, roles, bans, mutes, the archive.

Each with the publications that tell the owner of the page of it.
"""

from tests.support.happenings.scene import Happening, Scene
from tests.support.live_service import done
from tests.support.people import Person


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


async def the_topic_is_set_and_taken_away(scene: Scene) -> None:
    for topic in ("steam", ""):
        answer = await scene.people[1].request("PUT", f"/api/rooms/{scene.room}/topic/", {"topic": topic})
        assert answer.status == 200, answer.raw


async def the_room_is_archived(scene: Scene) -> None:
    await done(scene.people[1], scene.room, "archive")


async def the_room_is_reopened(scene: Scene) -> None:
    await done(scene.people[1], scene.room, "archive")
    await done(scene.people[0], scene.room, "reopen")
    await scene.say(scene.people[1], "open again")


DECISIONS: dict[Happening, tuple[str, ...]] = {
    a_member_renames_the_room: ("room_renamed",),
    renaming_in_another_window: ("room_renamed",),
    a_member_gets_a_role: ("role_given",),
    giving_a_role_in_another_window: ("role_given",),
    being_removed: ("user_left",),
    a_member_is_removed: ("user_left",),
    being_banned: ("user_banned", "user_left"),
    a_member_is_banned_and_comes_back: ("user_banned", "user_left", "ban_lifted", "user_joined"),
    being_muted: ("user_muted",),
    being_muted_no_longer: ("user_muted", "mute_lifted"),
    the_topic_is_set_and_taken_away: ("topic_set", "topic_set"),
    the_room_is_archived: ("room_archived",),
    the_room_is_reopened: ("room_archived", "room_reopened", "message_added"),
}
