"""What a list of hits shows of a message."""

import pytest

from projections.search.marking import MOST, excerpt
from projections.search.query import parse


def marked(text: str, query: str) -> str:
    """The excerpt with brackets around hits."""
    return "".join(f"[{each.text}]" if each.is_hit else each.text for each in excerpt(text, parse(query).marked))


@pytest.mark.parametrize(
    ("text", "query", "shown"),
    [
        ("The Engine weaves", "engine from:ada", "The [Engine] weaves"),
        ("Ein Café in der Straße", "cafe strasse", "Ein [Café] in der [Straße]"),
        ("cog cogs", "cog", "[cog] cogs"),
        ("cog cogs", "cog*", "[cog] [cogs]"),
        ('weaves "the engine"', '"the engine"', 'weaves "[the] [engine]"'),
        ("東京大学に行きました大学", "大学", "東京[大学]に行きました[大学]"),
        ("大大大", "大大", "[大大]大"),
        ("ﾊﾞスでﬁx", "fix", "ﾊﾞスで[ﬁx]"),
        ("nothing", "has:link", "nothing"),
        ("", "engine", ""),
    ],
)
def test_hits_are_marked_in_the_text_as_it_was_typed(text: str, query: str, shown: str) -> None:
    assert marked(text, query) == shown


def test_a_long_text_is_shown_around_its_first_hit() -> None:
    shown = marked(f"{'before ' * 100}needle{' after' * 100} needle", "needle")
    assert len(shown) <= MOST + len("…[]…")
    assert shown.startswith("…before")
    assert shown.endswith("…")
    assert shown.count("[needle]") == 1
    assert marked("a" * 1000, "b*") == "a" * MOST + "…"
