"""Whatever a client sends, it is answered in the protocol's own words and disturbs nobody else."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from centrifugo.hub import protocol
from tests.support.hub_clients import World

DOCUMENTED_ERRORS = {100, 102, 103, 104, 105, 106, 107, 108, 109, 110, 112}
DOCUMENTED_CLOSES = {3004, 3005, 3010, 3500, 3501, 3507, 3508}

WORLD = World()
WITNESS = WORLD.client("witness")
WITNESS.ask("subscribe", channel="a")

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=4,
)
CHANNELS = st.sampled_from(["a", "open:a", "personal:7", "closed:1", "nowhere:1", "$a", "users:#7", "letters:ab", ""])
TOKENS = st.sampled_from(["", "x", WORLD.token("a"), WORLD.token("closed:1"), WORLD.token("open:a", exp=5)])
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "channel": CHANNELS | JSON,
    "token": TOKENS | JSON,
    "data": JSON,
    "offset": st.integers() | JSON,
    "epoch": st.text() | JSON,
    "recover": st.booleans() | JSON,
    "recoverable": st.booleans() | JSON,
    "positioned": st.booleans() | JSON,
    "join_leave": st.booleans() | JSON,
    "limit": st.integers(-(2**40), 2**40) | JSON,
    "since": st.fixed_dictionaries({}, optional={"offset": st.integers(), "epoch": st.text()}) | JSON,
    "reverse": st.booleans() | JSON,
    "type": st.integers(-3, 9) | JSON,
    "flag": st.integers() | JSON,
    "tf": JSON,
    "delta": st.sampled_from(["fossil", "x"]) | JSON,
    "subs": JSON,
}
REQUESTS = st.fixed_dictionaries({}, optional=FIELDS)
COMMANDS = st.fixed_dictionaries(
    {"id": st.integers(1, 2**32 - 1) | JSON},
    optional={method: REQUESTS | JSON for method in protocol.METHODS if method != "send"},
).map(json.dumps)


def after(frames: list[str]) -> None:
    """Send the frames from a new connection and see that nothing but the protocol's own came of it."""
    client = WORLD.client()
    for frame in frames:
        for line in protocol.lines(frame):
            client.say(line)
    for reply in client.received:
        assert reply.keys() <= {"id", "push", "error", *protocol.METHODS}
        assert reply.get("error", {"code": 100})["code"] in DOCUMENTED_ERRORS
    assert client.code in {None, *DOCUMENTED_CLOSES}
    client.connection.lost()
    WITNESS.take()
    WORLD.hub.publish("a", b'"still here"')
    assert [push["pub"]["data"] for push in WITNESS.take()] == ["still here"]


@settings(max_examples=80, deadline=None)
@given(st.lists(st.text() | st.text(alphabet='{}[]":,0123\n\\nulltrefas'), max_size=4))
def test_any_text_is_answered_in_the_protocols_own_words(frames: list[str]) -> None:
    after(frames)


@settings(max_examples=150, deadline=None)
@given(st.lists(COMMANDS, min_size=1, max_size=6))
def test_any_command_is_answered_in_the_protocols_own_words(commands: list[str]) -> None:
    after(commands)


@settings(max_examples=50, deadline=None)
@given(st.text())
def test_anything_said_before_connecting_ends_the_connection_at_worst(text: str) -> None:
    client = WORLD.socket()
    for line in protocol.lines(text):
        client.say(line)
    assert client.code == 3501
    assert client.received == []
