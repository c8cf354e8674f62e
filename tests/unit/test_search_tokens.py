"""Texts as the tokens that are searched."""

import pytest

from projections.search.index import pause_s
from projections.search.tokens import folded, runs, tokens


def test_ascii_has_the_tokens_that_any_text_has() -> None:
    every = "".join(map(chr, range(128)))
    for text in (every, every[::-1], "The Engine's 2nd_try: http://a.b/C?d=1", "x" * 250, " ", ""):
        assert tokens(text) == [word for run in runs(text) if (word := folded(run))]


def test_scripts_without_spaces_are_pairs_and_other_words_lose_case_and_accents() -> None:
    assert tokens("Café 東京都 Straße") == ["cafe", "東京", "京都", "都", "strasse"]


def test_the_index_rests_while_people_say_much() -> None:
    assert pause_s(0.2, grown=400) == pytest.approx(1.8)
    assert pause_s(0.2, grown=2) == 0
