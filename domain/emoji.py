"""Which texts are one emoji: the sequences that Unicode recommends, by the table of the library `emoji`."""

from collections.abc import Mapping
from functools import cache

VARIATION = "\ufe0f"
"""Asks for the emoji form of a character that also has a text form. Keyboards leave it out here and there."""


def qualified(text: str) -> str | None:
    """The emoji as Unicode spells it in full; None for what is no single emoji."""
    return _by_plain_form().get(text.replace(VARIATION, ""))


@cache
def _by_plain_form() -> Mapping[str, str]:
    """Each emoji by its spelling without variations. Read when the first one is asked for: the table is large."""
    from emoji import EMOJI_DATA, STATUS

    spelt_out = (text for text, facts in EMOJI_DATA.items() if facts["status"] == STATUS["fully_qualified"])
    return {text.replace(VARIATION, ""): text for text in spelt_out}
