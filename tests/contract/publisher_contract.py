"""What every Publisher promises. Subclasses provide `site`: a publisher, and the server it publishes to."""

import json
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from centrifugo.publisher import PER_CALL, Channels, Publication, PublicationRefused, Publisher
from tests.support.realtime.server import API_KEY, connection_token, subscription_token, websocket_url


@dataclass(frozen=True)
class Site:
    """A publisher, and the port of its server."""

    publisher: Publisher
    port: int

    async def history(self, channel: str) -> list[Any]:
        """What the channel's history holds, oldest first."""
        return [publication["data"] for publication in (await self._history(channel))["publications"]]

    async def position(self, channel: str) -> tuple[str, int]:
        """The channel's epoch, and the offset of its newest publication."""
        found = await self._history(channel)
        return found["epoch"], found["offset"]

    async def recovers(self, user: str, epoch: str, offset: int) -> bool:
        """Whether the user's personal channel has all that a client at this place missed."""
        channel = f"personal:{user}"
        place = {"recover": True, "epoch": epoch, "offset": offset}
        async with aiohttp.ClientSession() as session, session.ws_connect(websocket_url(self.port)) as socket:
            listener = ChannelListener(socket)
            await listener.ask({"id": 1, "connect": {"token": connection_token(user)}})
            subscription = {"channel": channel, "token": subscription_token(user, channel), **place}
            answer = await listener.ask({"id": 2, "subscribe": subscription})
        return bool(answer["subscribe"].get("recovered", False))

    async def _history(self, channel: str) -> dict[str, Any]:
        async with aiohttp.ClientSession() as session:
            url = f"http://127.0.0.1:{self.port}/api/history"
            request = session.post(url, json={"channel": channel, "limit": -1}, headers={"X-API-Key": API_KEY})
            async with request as response:
                result: dict[str, Any] = (await response.json())["result"]
        return result

    @asynccontextmanager
    async def listening(self, user: str, channel: str = "") -> AsyncIterator["ChannelListener"]:
        """A client subscribed to a channel, by default the user's own, with tokens such as the service issues."""
        channel = channel or f"personal:{user}"
        async with aiohttp.ClientSession() as session, session.ws_connect(websocket_url(self.port)) as socket:
            listener = ChannelListener(socket)
            await listener.ask({"id": 1, "connect": {"token": connection_token(user)}})
            subscription = {"channel": channel, "token": subscription_token(user, channel)}
            await listener.ask({"id": 2, "subscribe": subscription})
            yield listener


class ChannelListener:
    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._received: list[dict[str, Any]] = []

    async def ask(self, command: dict[str, Any]) -> dict[str, Any]:
        await self._socket.send_json(command)
        answer = await self._next()
        assert answer["id"] == command["id"]
        assert "error" not in answer
        return answer

    async def refused(self, command: dict[str, Any]) -> int:
        """The error with which the command is answered."""
        await self._socket.send_json(command)
        code: int = (await self._next())["error"]["code"]
        return code

    async def publications(self, count: int) -> list[Any]:
        """The data of the next `count` publications."""
        return [(await self._next())["push"]["pub"]["data"] for _ in range(count)]

    async def push(self) -> dict[str, Any]:
        """The next push: what it is of, by its kind."""
        push: dict[str, Any] = (await self._next())["push"]
        return push

    async def closed(self) -> int | None:
        """Wait until the server closes the connection, and return the code."""
        message = await self._socket.receive(timeout=60)
        assert message.type is aiohttp.WSMsgType.CLOSE, message
        return self._socket.close_code

    async def _next(self) -> dict[str, Any]:
        while not self._received:
            frame = await self._socket.receive_str(timeout=60)
            self._received += [json.loads(line) for line in frame.split("\n")]
        return self._received.pop(0)


def users(count: int) -> list[str]:
    """Users whose channels no other test publishes to."""
    prefix = secrets.token_hex(4)
    return [f"{prefix}-{n}" for n in range(count)]


def channels(names: Sequence[str]) -> Channels:
    return Channels([f"personal:{name}" for name in names])


def publication(to: Channels, data: Any, *, key: str | None = None) -> Publication:
    return Publication(to, json.dumps(data, ensure_ascii=False).encode(), key or secrets.token_hex(8))


class PublisherContract:
    async def test_a_publication_reaches_all_of_its_channels_and_no_other(self, site: Site) -> None:
        *recipients, other = users(4)
        await site.publisher.publish([publication(channels(recipients), {"n": 1})])
        assert [await site.history(f"personal:{user}") for user in recipients] == [[{"n": 1}]] * 3
        assert await site.history(f"personal:{other}") == []

    @pytest.mark.parametrize(
        "data", [None, 0, "", [], "line\nbreak \u2028 \x00 é 🦉 </script>", {"a": [1.5, {"b": None}]}]
    )
    async def test_any_json_arrives_unchanged(self, site: Site, data: Any) -> None:
        (user,) = users(1)
        async with site.listening(user) as listener:
            await site.publisher.publish([publication(channels([user]), data)])
            assert await listener.publications(1) == [data]

    async def test_a_broadcast_larger_than_one_call_reaches_all(self, site: Site) -> None:
        recipients = users(2 * PER_CALL + 1)
        async with site.listening(recipients[0]) as first, site.listening(recipients[-1]) as last:
            await site.publisher.publish([publication(channels(recipients), "all")])
            assert await first.publications(1) == await last.publications(1) == ["all"]
        assert await site.history(f"personal:{recipients[PER_CALL]}") == ["all"]

    async def test_every_channel_gets_its_publications_in_order(self, site: Site) -> None:
        recipients = users(PER_CALL + 10)
        groups = [
            channels(recipients),
            channels(recipients[:2]),
            channels(recipients[1:3]),
            channels(recipients[PER_CALL - 1 :]),
        ]
        sent = [publication(groups[n % 4], n) for n in range(40)]
        async with site.listening(recipients[1]) as listener:
            await site.publisher.publish(sent)
            assert await listener.publications(30) == [n for n in range(40) if n % 4 != 3]
        assert await site.history(f"personal:{recipients[-1]}") == [n for n in range(40) if n % 4 in (0, 3)]

    async def test_one_call_is_delivered_before_the_next(self, site: Site) -> None:
        recipients = channels(users(50))
        for n in range(20):
            await site.publisher.publish([publication(recipients, n)])
        assert await site.history(recipients.names[25]) == list(range(20))

    async def test_a_repeated_key_reaches_a_channel_once(self, site: Site) -> None:
        known, new = users(2)
        await site.publisher.publish([publication(channels([known]), "first", key="fact:1")])
        for _ in range(2):
            await site.publisher.publish([publication(channels([known, new]), "again", key="fact:1")])
        assert await site.history(f"personal:{known}") == ["first"]
        assert await site.history(f"personal:{new}") == ["again"]

    async def test_others_can_publish_between_the_parts_of_a_broadcast_and_a_repeat_completes_it(
        self, site: Site
    ) -> None:
        recipients = users(PER_CALL + 1)
        whole = publication(channels(recipients), "whole")
        first, last = whole.parts
        await site.publisher.publish([first])
        await site.publisher.publish([publication(channels(recipients[-1:]), "between")])
        await site.publisher.publish([last])
        await site.publisher.publish([whole])
        assert await site.history(f"personal:{recipients[0]}") == ["whole"]
        assert await site.history(f"personal:{recipients[-1]}") == ["between", "whole"]

    async def test_an_empty_call_and_a_publication_without_channels_are_accepted(self, site: Site) -> None:
        (user,) = users(1)
        await site.publisher.publish([])
        await site.publisher.publish([publication(channels([]), "to none"), publication(channels([user]), "to one")])
        assert await site.history(f"personal:{user}") == ["to one"]

    async def test_an_unknown_namespace_is_refused_and_earlier_publications_are_accepted(self, site: Site) -> None:
        (user,) = users(1)
        before, refused = publication(channels([user]), "before"), publication(Channels(["nowhere:1"]), "refused")
        with pytest.raises(PublicationRefused) as refusal:
            await site.publisher.publish([before, refused, publication(channels([user]), "behind")])
        assert (refusal.value.index, refusal.value.code) == (1, 102)
        assert (await site.history(f"personal:{user}"))[0] == "before"

    async def test_the_other_channels_of_a_refused_publication_get_it(self, site: Site) -> None:
        (user,) = users(1)
        with pytest.raises(PublicationRefused):
            await site.publisher.publish([publication(Channels(["nowhere:1", f"personal:{user}"]), "here")])
        assert await site.history(f"personal:{user}") == ["here"]

    async def test_every_connection_of_the_user_is_disconnected_and_no_other(self, site: Site) -> None:
        user, other = users(2)
        async with site.listening(user) as here, site.listening(user) as there, site.listening(other) as elsewhere:
            await site.publisher.disconnect(user, code=4501, reason="logged out")
            assert await here.closed() == await there.closed() == 4501
            await site.publisher.publish([publication(channels([other]), "still here")])
            assert await elsewhere.publications(1) == ["still here"]

    async def test_those_who_are_in_a_room_hear_who_comes_goes_and_types_until_they_are_unsubscribed(
        self, site: Site
    ) -> None:
        ada, bob, room = *users(2), f"here:{secrets.token_hex(4)}"
        async with site.listening(ada, room) as hers:
            assert (await hers.push())["join"]["info"]["user"] == ada
            async with site.listening(bob, room) as his:
                assert (await his.push())["join"]["info"]["user"] == bob
                found = await his.ask({"id": 3, "presence": {"channel": room}})
                assert {each["user"] for each in found["presence"]["presence"].values()} == {ada, bob}
                assert (await hers.push())["join"]["info"]["user"] == bob
                await site.publisher.publish([publication(Channels([room]), "bob types")])
                assert await hers.publications(1) == await his.publications(1) == ["bob types"]
                await site.publisher.unsubscribe(bob, room)
                assert (await his.push())["unsubscribe"]["code"] == 2000  # clients stay away
                assert (await hers.push())["leave"]["info"]["user"] == bob
                await site.publisher.publish([publication(Channels([room]), "ada types")])
                assert await hers.publications(1) == ["ada types"]
                refused = await his.refused({"id": 4, "presence": {"channel": room}})
                assert refused == 103
            refused = await hers.refused({"id": 5, "publish": {"channel": room, "data": "by myself"}})
            assert refused == 103

    async def test_a_removed_history_is_gone_and_other_channels_keep_theirs(self, site: Site) -> None:
        *recipients, other = users(PER_CALL + 3)
        await site.publisher.publish([publication(channels([*recipients, other]), n) for n in (1, 2)])
        assert await site.history(f"personal:{recipients[-1]}") == [1, 2]
        await site.publisher.remove_history(channels(recipients).names)
        assert [await site.history(f"personal:{user}") for user in (recipients[0], recipients[-1])] == [[], []]
        assert await site.history(f"personal:{other}") == [1, 2]

    async def test_a_channel_whose_history_was_removed_goes_on_at_the_next_offset(self, site: Site) -> None:
        (user,) = users(1)
        channel = f"personal:{user}"
        await site.publisher.publish([publication(channels([user]), n) for n in (1, 2)])
        before = await site.position(channel)
        await site.publisher.remove_history([channel])
        await site.publisher.remove_history([channel])
        assert await site.position(channel) == before
        async with site.listening(user) as listener:
            await site.publisher.publish([publication(channels([user]), 3)])
            assert await listener.publications(1) == [3]
        assert await site.position(channel) == (before[0], before[1] + 1)
        assert await site.history(channel) == [3]

    async def test_a_client_that_missed_what_is_removed_is_told_that_it_cannot_recover(self, site: Site) -> None:
        (user,) = users(1)
        channel = f"personal:{user}"
        await site.publisher.publish([publication(channels([user]), 1)])
        epoch, seen = await site.position(channel)
        await site.publisher.publish([publication(channels([user]), 2)])
        await site.publisher.remove_history([channel])
        assert await site.recovers(user, epoch, seen) is False
        assert await site.recovers(user, epoch, seen + 1) is True

    async def test_removing_the_history_of_channels_that_have_none_does_nothing(self, site: Site) -> None:
        (user,) = users(1)
        await site.publisher.remove_history([])
        await site.publisher.remove_history(["nowhere:1", "plain", f"personal:{user}"])
        await site.publisher.publish([publication(channels([user]), "kept")])
        await site.publisher.remove_history(["nowhere:1", f"personal:{user}"])  # the refusal of one stops no other
        assert await site.history(f"personal:{user}") == []

    async def test_disconnecting_a_user_who_is_not_connected_does_nothing(self, site: Site) -> None:
        (user,) = users(1)
        await site.publisher.disconnect(user, code=4501, reason="logged out")
