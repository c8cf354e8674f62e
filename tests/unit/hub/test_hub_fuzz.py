"""Whatever a client sends, it gets a documented reply or close code and other clients notice nothing."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from centrifugo.hub.protocol.client_commands import METHODS, split_frame
from tests.support.socketless_hub import World

DOCUMENTED_ERRORS = {102, 103, 105, 106, 107, 108, 109, 112}
DOCUMENTED_CLOSES = {3005, 3500, 3501, 3508}

WORLD = World()
WITNESS = WORLD.client("witness")
WITNESS.ask("subscribe", channel="a")

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=4,
)
CHANNELS = st.sampled_from(["a", "open:a", "personal:7", "closed:1", "nowhere:1", ""])
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
    optional={method: REQUESTS | JSON for method in METHODS if method != "send"},
).map(json.dumps)


def check(frames: list[str]) -> None:
    """Send the frames from a new connection; check its replies, its close code and the witness."""
    client = WORLD.client()
    for frame in frames:
        for line in split_frame(frame):
            client.say(line)
    for reply in client.received:
        assert reply.keys() <= {"id", "push", "error", *METHODS}
        assert reply.get("error", {"code": 102})["code"] in DOCUMENTED_ERRORS
    assert client.code in {None, *DOCUMENTED_CLOSES}
    client.connection.lost()
    WITNESS.take()
    WORLD.hub.publish("a", b'"still here"')
    assert [push["pub"]["data"] for push in WITNESS.take()] == ["still here"]


@settings(max_examples=80)
@given(st.lists(st.text() | st.text(alphabet='{}[]":,0123\n\\nulltrefas'), max_size=4))
def test_any_text_gets_a_documented_answer(frames: list[str]) -> None:
    check(frames)


@settings(max_examples=80)
@given(st.lists(COMMANDS, min_size=1, max_size=6))
def test_any_command_gets_a_documented_answer(commands: list[str]) -> None:
    check(commands)


@settings(max_examples=50)
@given(st.text())
def test_any_text_before_connect_is_closed_with_3501(text: str) -> None:
    client = WORLD.socket()
    for line in split_frame(text):
        client.say(line)
    assert client.code == 3501
    assert client.received == []
