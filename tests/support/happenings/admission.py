"""Who may come in, and what they may read from before.

Each with the publications that tell the owner of the page of it.
"""

from tests.support.happenings.messages import about
from tests.support.happenings.scene import Happening, Scene
from tests.support.live_service import done, new_room


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


ADMISSION: dict[Happening, tuple[str, ...]] = {
    an_invitation_to_me_is_withdrawn: ("invitations_changed",) * 3,
    i_answer_invitations_in_another_window: ("invitations_changed",) * 3 + ("user_joined",),
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
}
