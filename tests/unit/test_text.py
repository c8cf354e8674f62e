"""Text as markup: the same cases as the client library's, in tests/client/text.test.mjs."""

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest

from api.pages.text import linked

CASES = json.loads((Path(__file__).parents[1] / "client" / "text_cases.json").read_text())


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


@pytest.mark.parametrize(("text", "addresses"), CASES)
def test_text_stays_text_and_only_addresses_become_links(text: str, addresses: list[str]) -> None:
    read = Read(linked(text))
    assert (read.text, read.links) == (text, addresses)
    assert read.tags <= {"a"}


def test_markup_in_text_is_shown_and_not_obeyed() -> None:
    assert Read(linked('<script>alert(1)</script> & "quotes"')).tags == set()
