"""The HTTP client when the server or a proxy in front of it fails. The contract covers the rest."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from centrifugo.client import CentrifugoClient
from centrifugo.publisher import PER_CALL, Channels, Publication, PublicationRefused, PublisherUnavailable

API_KEY = "an API key that must not appear in an error"
INTERNAL_ERROR = 100


class FailingServer:
    """Serves `batch`: fails as the test asks, and otherwise accepts each key once per channel."""

    def __init__(self) -> None:
        self.url = ""
        self.calls = 0
        self.accepted: dict[str, list[int]] = defaultdict(list)
        self.errors: dict[tuple[str, int], list[int]] = {}
        """Error codes with which a channel answers the first attempts to publish this data."""
        self.answers: dict[int, web.Response | None] = {}
        """The response to the call of this number, in place of the real one; None: no response, ever."""
        self._keys: set[tuple[str, str]] = set()

    async def batch(self, request: web.Request) -> web.Response:
        self.calls += 1
        if self.calls in self.answers:
            return self.answers[self.calls] or await asyncio.Future[web.Response]()
        commands = [command["broadcast"] for command in (await request.json())["commands"]]
        return web.json_response({"replies": [{"broadcast": self._broadcast(**command)} for command in commands]})

    def _broadcast(self, channels: list[str], data: int, idempotency_key: str) -> dict[str, object]:
        return {"responses": [self._publish(channel, data, idempotency_key) for channel in channels]}

    def _publish(self, channel: str, data: int, key: str) -> dict[str, object]:
        if codes := self.errors.get((channel, data)):
            return {"error": {"code": codes.pop(0), "message": "as the test asks"}}
        if (channel, key) not in self._keys:
            self._keys.add((channel, key))
            self.accepted[channel].append(data)
        return {"result": {"offset": len(self.accepted[channel]), "epoch": "abcdefgh"}}


@pytest.fixture
async def server() -> AsyncIterator[FailingServer]:
    server = FailingServer()
    app = web.Application()
    app.router.add_post("/api/batch", server.batch)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}/api"
    yield server
    await runner.cleanup()


@pytest.fixture
async def client(server: FailingServer) -> AsyncIterator[CentrifugoClient]:
    client = CentrifugoClient(server.url, API_KEY, timeout_s=2)
    yield client
    await client.close()


def publications(*to: list[str]) -> list[Publication]:
    """Publication n has data n."""
    return [Publication(Channels(names), str(n).encode(), f"fact:{n}") for n, names in enumerate(to)]


def numbered(count: int) -> list[str]:
    return [f"personal:{n}" for n in range(count)]


async def refusal(client: CentrifugoClient, what: list[Publication]) -> PublicationRefused:
    with pytest.raises(PublicationRefused) as raised:
        await client.publish(what)
    return raised.value


async def failure(client: CentrifugoClient, what: list[Publication]) -> PublisherUnavailable:
    with pytest.raises(PublisherUnavailable) as raised:
        await client.publish(what)
    assert API_KEY not in f"{raised.value!r} {raised.value.__cause__!r}"
    return raised.value


async def test_a_temporary_error_says_how_much_is_done_and_a_retry_completes_it(
    server: FailingServer, client: CentrifugoClient
) -> None:
    server.errors["b", 1] = [INTERNAL_ERROR]
    what = publications(["a"], ["b", "c"], ["d"])
    assert (await failure(client, what)).done == 1
    await client.publish(what[1:])
    assert dict(server.accepted) == {"a": [0], "b": [1], "c": [1], "d": [2]}


async def test_a_failure_between_two_publications_keeps_their_order(
    server: FailingServer, client: CentrifugoClient
) -> None:
    server.errors["a", 1] = [INTERNAL_ERROR]
    what = publications(["a", "b"], ["a"], ["a", "c"], ["b"])
    await client.publish(what[(await failure(client, what)).done :])
    assert server.accepted["a"] == [0, 1, 2]
    assert server.accepted["b"] == [0, 3]


async def test_a_large_publication_is_done_when_all_its_parts_are(
    server: FailingServer, client: CentrifugoClient
) -> None:
    recipients = numbered(2 * PER_CALL + 1)
    server.errors[recipients[-1], 1] = [INTERNAL_ERROR]
    what = publications(["first"], recipients, ["last"])
    assert (await failure(client, what)).done == 1
    assert server.accepted[recipients[0]] == [1]


async def test_a_permanent_error_names_the_publication(server: FailingServer, client: CentrifugoClient) -> None:
    server.errors["b", 1] = [102]
    refused = await refusal(client, publications(["a"], ["b"], ["c"]))
    assert (refused.index, refused.code, refused.message) == (1, 102, "as the test asks")
    assert server.accepted["a"] == [0]


async def test_a_temporary_error_is_reported_before_a_permanent_one(
    server: FailingServer, client: CentrifugoClient
) -> None:
    server.errors["a", 0] = [102, 102]
    server.errors["b", 0] = [INTERNAL_ERROR]
    what = publications(["a", "b"])
    await failure(client, what)
    assert (await refusal(client, what)).code == 102
    assert server.accepted["b"] == [0]


async def test_nothing_is_sent_after_a_call_that_failed(server: FailingServer, client: CentrifugoClient) -> None:
    server.answers[2] = web.Response(status=503)
    assert (await failure(client, publications(["a"], ["a"], ["a"]))).done == 1
    assert (server.calls, server.accepted["a"]) == (2, [0])


@pytest.mark.parametrize(
    "answer",
    [
        web.Response(status=500),
        web.Response(status=502, text="<html>"),
        web.Response(status=401),
        web.Response(status=404),
        web.Response(status=413),
        web.Response(status=307, headers={"Location": "/api/batch"}),
        web.Response(body=b""),
        web.Response(body=b"<html>"),
        web.Response(body=b"{}"),
        web.Response(body=b"[]"),
        web.Response(body=b'{"error":{"code":107,"message":"bad request"}}'),
        web.Response(body=b'{"replies":[]}'),
        web.Response(body=b'{"replies":[{}]}'),
        web.Response(body=b'{"replies":[{"broadcast":{"responses":[]}}]}'),
        web.Response(body=b'{"replies":[{"broadcast":{"responses":[{"result":{}},{"result":{}}]}}]}'),
        web.Response(body=b'{"replies":[{"broadcast":{"responses":[{"result":{}}'),
    ],
    ids=lambda answer: f"{answer.status} {answer.body!r}",
)
async def test_any_response_but_an_acceptance_asks_for_a_retry(
    server: FailingServer, client: CentrifugoClient, answer: web.Response
) -> None:
    server.answers[1] = answer
    assert (await failure(client, publications(["a"]))).done == 0
    await client.publish(publications(["a"]))
    assert server.accepted["a"] == [0]


async def test_publications_before_a_mismatched_reply_are_done(server: FailingServer, client: CentrifugoClient) -> None:
    accepted = '{"broadcast":{"responses":[{"result":{}}]}}'
    server.answers[1] = web.Response(text=f'{{"replies":[{accepted},{accepted}]}}')
    assert (await failure(client, publications(["a"], ["b", "c"]))).done == 1


async def test_a_server_that_does_not_respond_times_out(server: FailingServer, client: CentrifugoClient) -> None:
    server.answers[2] = None
    assert (await failure(client, publications(["a"], ["a"]))).done == 1


async def test_an_unreachable_server_asks_for_a_retry(unused_tcp_port: int) -> None:
    client = CentrifugoClient(f"http://127.0.0.1:{unused_tcp_port}/api", API_KEY)
    assert (await failure(client, publications(["a"]))).done == 0
    with pytest.raises(PublisherUnavailable):
        await client.disconnect("7", code=4501, reason="logged out")
    await client.close()
