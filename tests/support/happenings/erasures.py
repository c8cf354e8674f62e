"""Words are erased, and people.

Each with the publications that tell the owner of the page of it.
"""

from uuid import UUID, uuid4

from api.erasure.account_erasure import erase_account
from domain.room.erasing import EraseContent
from domain.values import OPERATOR, RequestId, RoomId, UserId
from tests.support.happenings.decisions import being_muted
from tests.support.happenings.messages import about
from tests.support.happenings.scene import STRANGERS, Happening, Scene
from tests.support.live_service import done
from tests.support.people import Person
from tests.support.store import open_store


async def the_reason_of_a_mute_is_erased(scene: Scene) -> None:
    await being_muted(scene)
    await erase(scene, (await scene.people[0].get(f"/api/rooms/{scene.room}/")).body["version"])


async def the_topic_is_set_and_erased(scene: Scene) -> None:
    answer = await scene.people[1].request("PUT", f"/api/rooms/{scene.room}/topic/", {"topic": "steam"})
    await erase(scene, answer.body["room"]["version"])


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
        await passer.sign_up(f"passer-{next(STRANGERS)}")
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


ERASURES: dict[Happening, tuple[str, ...]] = {
    the_reason_of_a_mute_is_erased: ("user_muted", "content_erased"),
    the_topic_is_set_and_erased: ("topic_set", "content_erased"),
    a_message_is_erased: ("message_added", "content_erased"),
    a_message_with_a_file_is_erased: ("message_added", "message_pinned", "content_erased"),
    a_message_is_erased_again: ("message_added", "content_erased", "content_erased"),
    a_member_is_erased: (
        *("user_joined", "message_added", "reaction_added", "message_pinned"),
        *("message_added", "user_erased"),
    ),
}
