"""How text, numbers and times are shown: the cases that browsers are tested with, too (tests/client/text.test.mjs)."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from api.pages.text import (
    badge,
    clock,
    clock_with_seconds,
    counted,
    day,
    day_and_clock,
    erased_note,
    joined_and_left,
    number,
    percent,
    preview,
    rate,
    reacted,
    retracted_note,
    span,
)
from domain.values import UserId
from projections.readmodels.members import JoinOrLeave
from projections.readmodels.shapes import Reaction, Retraction, User

CASES = json.loads((Path(__file__).parents[1] / "client" / "text_cases.json").read_text())

FORMATS: dict[str, Callable[..., str]] = {
    "number": number,
    "rate": rate,
    "badge": badge,
    "counted": counted,
    "percent": percent,
    "span": span,
    "day": day,
    "clock": clock,
    "clockWithSeconds": clock_with_seconds,
    "dayAndClock": day_and_clock,
    "erasedNote": erased_note,
    "retractedNote": lambda retraction: retracted_note(msgspec.convert(retraction, Retraction)),
    "reacted": lambda reaction: reacted(msgspec.convert(reaction, Reaction)),
}


@pytest.mark.parametrize("case", CASES["previews"], ids=lambda case: case["name"])
def test_a_preview_is_cut_between_characters(case: dict[str, Any]) -> None:
    character, times = case["repeat"]
    text, kept = character * times + case["then"], case["keeps"]
    assert preview(text) == (text if len(text) == kept else f"{text[:kept]}…")


def test_every_format_has_cases() -> None:
    assert CASES.keys() == FORMATS.keys() | {"previews", "joinsAndLeaves"}


@pytest.mark.parametrize("case", CASES["joinsAndLeaves"], ids=lambda case: case["steps"])
def test_each_who_joined_or_left_is_told_once_with_those_who_did_the_same(case: dict[str, Any]) -> None:
    names = [each.split()[0] for each in case["steps"].split(", ")]
    users = {name: User(UserId(number), name) for number, name in enumerate(dict.fromkeys(names), 1)}
    steps = [
        msgspec.convert({"version": version, "user": msgspec.to_builtins(users[name]), "step": step}, JoinOrLeave)
        for version, (name, step) in enumerate((each.split() for each in case["steps"].split(", ")), 1)
    ]
    told = [f"{', '.join(user.username for user in users)} {what}" for users, what in joined_and_left(steps)]
    assert "; ".join(told) == case["told"]


@pytest.mark.parametrize(("name", "value", "shown"), [(name, *case) for name in FORMATS for case in CASES[name]])
def test_numbers_and_times_look_as_in_browsers(name: str, value: Any, shown: str) -> None:
    arguments = value if isinstance(value, list) else [value]
    assert FORMATS[name](*arguments) == shown
