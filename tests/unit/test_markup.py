"""Markup in messages: what is shown of it, the same on the server as in browsers, and nothing that a text can do."""

import gc
import json
import os
import random
import subprocess
import time
from collections.abc import Sequence
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from api.pages.markup.html import CONTROLS, plain, with_controls_shown, with_markup, with_markup_and_controls
from api.vendor_scripts import vendor_scripts
from tests.support.realtime.node import node

CLIENT_TESTS = Path(__file__).parents[1] / "client"
CASES = json.loads((CLIENT_TESTS / "markup_cases.json").read_text())

RANDOM_TEXTS = int(os.environ.get("MARKUP_TEXTS", "2000"))
LONGEST = 4000
"""Characters of a message."""
AT_MOST_MS = 500
"""Of the processor's time, for a message: on a busy machine, the clock says little. Quiet, the slowest takes 70."""

ELEMENTS = {"a", "blockquote", "code", "em", "li", "ol", "p", "pre", "strong", "ul"}
ATTRIBUTES = {
    "a": {"href", "rel", "target"},
    "li": {"value"},
    "p": {"class"},
    "pre": {"tabindex"},
}


def pieces(text: str) -> list[str]:
    return text.split()


MARKS = pieces("* ** *** ` `` ``` > # ## --- === - + | || _ __ ~~ ~~~ \\ \\* ! . ) ( [ ] \" ' : :// http s: ://")
WORDS = pieces("a word 5 é 重点 “ ” 。 👍🏽 ☀ İ \u017f K \U0001e4d0 \U000113d4 \u1b4e")
ATTACKS = pieces("""
    [x](https://e.example) ![i](https://e.example/i.png) [x](javascript:alert(1)) [x]: <b> <!-- --> <https://e.example>
    <script>alert(1)</script> <img/src=x/onerror=alert(1)> </p> </div> <a> &amp; &#42; &colon; &Tab; &lt;b&gt; <math>
    javascript:alert(1) JaVaScRiPt: javascript:// data:text/html,x vbscript:x //e.example <svg/onload=alert(1)> </code>
""")
ADDRESSES = pieces("""
    https://e.example/a http://e.example/*x* https://e.example/`y` http://1.2.3.999/ https://xn--a/ https://a"b"/"q"
    http://u:p@e.example:80/?q=1#f https://[::1]/ https://e.example/"onclick=alert(1)/ HTTPS://E.EXAMPLE
    https://e.example/(<b>) http://e.example/'<script>'
""")
SPACES = list(" \t\n\r\0\x0b\x0c\x1f\x85\xa0\u1680\u2003\u2028\u2029\u3000\ufeff\u200b\u200e\u202e\u2066\u2069")
LINES = ["\n\n", "\r\n", "  ", "\n    ", "\n```\n", "\n```py\n"]
LINES += [f"{before}{mark}" for before in ("", "\n", "\n  ", "\n     ") for mark in ("> ", "- ", "1. ", "10. ", "* ")]

CATASTROPHIC = [
    *(
        ">",
        "> ",
        "- ",
        "* ",
        "1. ",
        "*",
        "**",
        "*a",
        "*a ",
        "* a*",
        "**a *b ",
        "*a**b",
        "*_",
        "**_`",
        "a*b*",
        "重*",
        "*\n",
    ),
    *(
        "`",
        "`a",
        "` ",
        "``a`",
        "```\n",
        "```\na\n",
        "> ```\n",
        "~~~\n",
        "[",
        "![",
        "<",
        "_",
        "&",
        "&#",
        "\0",
        "\u202e",
        "👍🏽",
    ),
    *("http://", "http://a/(", "https://a.", "http://a*", "://", "http:", "(http://a", "https://a/[", 'https://a/"b'),
    *(
        "https://-",
        "http://@",
        "http://a:1",
        "http://a/'",
        "a:",
        "> - ",
        "> - *",
        ">\n",
        "-\n",
        "- a\n",
        "1. a\n",
        "> a\n",
    ),
    *("\n", "\t", " ", "- - - a\n", "  - a\n", "http://a-"),
]


class Shown(NamedTuple):
    """What the browser's side makes of a text."""

    html: str
    took_ms: float


def in_browsers(texts: Sequence[str]) -> list[Shown]:
    """By the script that browsers get."""
    given = json.dumps({"script": vendor_scripts()["markdown-it.js"].decode(), "texts": texts})
    run = subprocess.run([node(), CLIENT_TESTS / "markup_of.mjs"], input=given, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return [Shown(**shown) for shown in json.loads(run.stdout)]


@pytest.fixture(scope="module")
def catastrophes() -> dict[str, Shown]:
    """What the browser's side makes of the longest text of each piece."""
    return dict(zip(CATASTROPHIC, in_browsers([filled_with(piece) for piece in CATASTROPHIC]), strict=True))


def filled_with(piece: str) -> str:
    return (piece * LONGEST)[:LONGEST]


@cache
def random_texts(count: int = RANDOM_TEXTS) -> tuple[str, ...]:
    """Of markup, of what looks like it, and of any characters. The seed is fixed: a failure happens again."""
    chance = random.Random(20261126)

    def piece() -> str:
        if chance.random() < 0.05:
            return chr(chance.choice([chance.randrange(1, 0xD800), chance.randrange(0xE000, 0x30000)]))
        return chance.choice(chance.choice([MARKS, MARKS, WORDS, ATTACKS, ADDRESSES, SPACES, LINES, LINES]))

    return tuple("".join(piece() for _ in range(chance.randrange(1, 40))) for _ in range(count))


class Read(HTMLParser):
    """What a browser makes of markup: its text, its elements, and where its links lead."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.text = ""
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(str(markup))
        self.close()
        assert self.open == []

    @property
    def links(self) -> list[str | None]:
        return [attributes.get("href") for tag, attributes in self.elements if tag == "a"]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize(("text", "addresses"), CASES["links"])
def test_only_addresses_become_links(text: str, addresses: list[str]) -> None:
    assert Read(with_markup(text)).links == addresses


@pytest.mark.parametrize(("text", "words"), CASES["plain"])
def test_lists_show_the_words_without_their_marks(text: str, words: str) -> None:
    assert plain(text) == words


@pytest.mark.parametrize(("text", "html"), CASES["markup"])
def test_markup_is_shown_as_in_browsers(text: str, html: str) -> None:
    assert str(with_markup(text)) == html


def test_random_texts_look_the_same_as_in_browsers() -> None:
    """60,000 of them once: `MARKUP_TEXTS=60000`."""
    for text, shown in zip(random_texts(), in_browsers(random_texts()), strict=True):
        assert str(with_markup(text)) == shown.html, text


def test_no_text_makes_anything_but_a_few_elements() -> None:
    for text in random_texts():
        for tag, attributes in Read(with_markup(text)).elements:
            assert tag in ELEMENTS, text
            assert attributes.keys() <= ATTRIBUTES.get(tag, set()), text


def test_a_link_leads_where_its_text_says_and_out_of_here() -> None:
    for text in random_texts():
        html = str(with_markup(text))
        for found in html.split("<a ")[1:]:
            read = Read(f"<a {found.partition('</a>')[0]}</a>")
            ((_, attributes),) = read.elements
            href = attributes["href"]
            assert href is not None
            assert href == read.text, text
            assert href.lower().startswith(("http://", "https://")), text
            assert attributes["rel"] == "noopener noreferrer nofollow"
            assert attributes["target"] == "_blank"


def test_all_that_was_typed_is_shown_but_for_the_marks() -> None:
    """Letters and digits: none is hidden by markup, but the number of an item, which its list shows."""
    for text in random_texts():
        read = Read(with_markup(text))
        numbers = "".join(attributes["value"] or "" for tag, attributes in read.elements if tag == "li" and attributes)
        shown, typed = (sorted(filter(str.isalnum, part)) for part in (read.text + numbers, text))
        assert shown == typed, text


@pytest.mark.parametrize("piece", CATASTROPHIC)
def test_no_text_takes_long_on_either_side(piece: str, catastrophes: dict[str, Shown]) -> None:
    gc.disable()  # what other tests have left is none of this one's time
    started = time.process_time()
    html = str(with_markup(filled_with(piece)))
    took_ms = (time.process_time() - started) * 1000
    gc.enable()
    assert catastrophes[piece].html == html
    assert (took_ms < AT_MOST_MS, catastrophes[piece].took_ms < AT_MOST_MS) == (True, True)


@pytest.mark.parametrize("control", CONTROLS)
def test_controls_of_direction_are_marks_in_the_history(control: str) -> None:
    name, meaning = CONTROLS[control]
    mark = f'<span class="control" title="{meaning}">{name}</span>'
    assert str(with_controls_shown(f"<a{control}b>")) == f"&lt;a{mark}b&gt;"
    shown = str(with_markup_and_controls(f"`x{control}` https://example.org/{control}gnp"))
    assert shown.count(mark) == 2
    assert f'href="https://example.org/{control}gnp"' in shown
    assert control not in Read(shown).text


def everything(shown: Any) -> set[str]:
    return {tag for tag, _ in Read(shown).elements}


def test_the_random_texts_have_all_the_markup_that_there_is() -> None:
    assert set().union(*map(everything, map(with_markup, random_texts()))) == ELEMENTS
