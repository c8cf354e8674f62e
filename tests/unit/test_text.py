"""How text, numbers and times are shown: the cases that browsers are tested with, too (tests/client/text.test.mjs)."""

import json
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from api.pages.text import (
    badge,
    clock,
    clock_with_seconds,
    counted,
    day,
    day_and_clock,
    erased_note,
    linked,
    number,
    percent,
    preview,
    rate,
)

CASES = json.loads((Path(__file__).parents[1] / "client" / "text_cases.json").read_text())

FORMATS: dict[str, Callable[..., str]] = {
    "number": number,
    "rate": rate,
    "badge": badge,
    "counted": counted,
    "percent": percent,
    "day": day,
    "clock": clock,
    "clockWithSeconds": clock_with_seconds,
    "dayAndClock": day_and_clock,
    "erasedNote": erased_note,
}


class Read(HTMLParser):
    """What a browser makes of markup: its text, and where its links lead."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.text = ""
        self.links: list[str | None] = []
        self.tags: set[str] = set()
        self.feed(str(markup))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links.append(dict(attrs)["href"])

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize(("text", "addresses"), CASES["links"])
def test_text_stays_text_and_only_addresses_become_links(text: str, addresses: list[str]) -> None:
    read = Read(linked(text))
    assert (read.text, read.links) == (text, addresses)
    assert read.tags <= {"a"}


def test_markup_in_text_is_shown_and_not_obeyed() -> None:
    assert Read(linked('<script>alert(1)</script> & "quotes"')).tags == set()


@pytest.mark.parametrize("case", CASES["previews"], ids=lambda case: case["name"])
def test_a_preview_is_cut_between_characters(case: dict[str, Any]) -> None:
    character, times = case["repeat"]
    text, kept = character * times + case["then"], case["keeps"]
    assert preview(text) == (text if len(text) == kept else f"{text[:kept]}…")


def test_every_format_has_cases() -> None:
    assert CASES.keys() == FORMATS.keys() | {"links", "previews"}


@pytest.mark.parametrize(("name", "value", "shown"), [(name, *case) for name in FORMATS for case in CASES[name]])
def test_numbers_and_times_look_as_in_browsers(name: str, value: Any, shown: str) -> None:
    arguments = value if isinstance(value, list) else [value]
    assert FORMATS[name](*arguments) == shown
