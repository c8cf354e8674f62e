"""What lanes do while words are withheld: a backup may have brought erased ones back."""

import pytest

from api.erasure.gated_publisher import GatedPublisher
from centrifugo.publisher import Channels, Publication, PublisherUnavailable
from domain.room.messages import PostMessage
from eventstore.generation import Gate
from tests.support.conditions import eventually
from tests.support.given_when_then import ADA
from tests.support.lanes_under_test import Server, published_to, publishing
from tests.support.store import open_store

MAKE_USER = """
INSERT INTO users (user_id, username, username_key, password_hash) OVERRIDING SYSTEM VALUE VALUES ($1, 'ada', 'ada', '')
"""


@pytest.mark.parametrize("removals_lost", [0, 2])
async def test_what_was_published_before_words_were_withheld_is_in_no_history(
    database_url: str, removals_lost: int
) -> None:
    """A lane may have published returned words before anybody knew: who comes back must not be given them."""
    server = Server()
    async with open_store(database_url) as store:
        await store.database.execute(MAKE_USER, ADA)
        room_id = await store.open_room()
        async with publishing(database_url, store, server):
            said = await store.chat.post_message(PostMessage(room_id, ADA, "returned words"))
            await published_to(database_url, said.position)
            assert server.remembered(ADA)[-1]["body"]["content"] == "returned words"
            server.removals_lost = removals_lost
            store.known.gate.close()

            async def is_forgotten() -> bool:
                return server.remembered(ADA) == []

            await eventually(is_forgotten)
            withheld = await store.chat.post_message(PostMessage(room_id, ADA, "meanwhile"))
            assert server.remembered(ADA) == []
            store.known.gate.open(store.known.gate.closings)
            await published_to(database_url, withheld.position)
            assert [told["body"]["content"] for told in server.remembered(ADA)] == ["meanwhile"]


async def test_nothing_is_published_while_words_are_withheld_and_histories_are_removed_all_the_same() -> None:
    """Whoever publishes, and whatever it has read: all of a process goes through one gate."""
    server, gate = Server(), Gate()
    publisher = GatedPublisher(server, gate)
    publication = Publication(Channels(["personal:1"]), b'{"words": 1}', "first")
    await publisher.publish([publication])
    gate.close()
    with pytest.raises(PublisherUnavailable, match="withheld"):
        await publisher.publish([Publication(Channels(["personal:1"]), b'{"words": 2}', "second")])
    assert server.remembered(1) == [{"words": 1}]
    await publisher.remove_history(["personal:1"])
    assert server.remembered(1) == []
    gate.open(gate.closings)
    await publisher.publish([Publication(Channels(["personal:1"]), b'{"words": 3}', "third")])
    assert server.remembered(1) == [{"words": 3}]
