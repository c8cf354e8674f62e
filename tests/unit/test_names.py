"""Names as people see them: what looks alike is one name, what cannot be seen is refused, every script is welcome."""

import hashlib

import pytest

from api.accounts.usernames import check_username
from domain.errors import InvalidField
from domain.names import NAME_RULE, RESERVED, has_hidden, is_blank, name_key, username_key
from domain.room import check_name

KEYS = {2: "710a687170c0abba9b222b2850cca456b3ba9e98175033735ba280ab6335e65d"}
"""For each rule the digest of the keys of all characters. Another one needs another rule, and another fold version."""


def test_one_rule_always_makes_the_same_keys() -> None:
    characters = [chr(code) for code in range(0x20000) if not 0xD800 <= code < 0xE000]
    keys = "\n".join(f"{name_key(f'x{c}')} {username_key(f'x{c}')}" for c in characters)
    assert hashlib.sha256(keys.encode()).hexdigest() == KEYS[NAME_RULE]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ada", "ad\u0430"),  # a Cyrillic a
        ("ada", "ADA"),
        ("grace", "\uff47race"),  # a wide g
        ("Straße", "STRASSE"),
        ("scope", "\u0455\u0441\u043e\u0440\u0435"),  # Cyrillic throughout
    ],
)
def test_names_that_look_alike_are_one(one: str, other: str) -> None:
    assert name_key(one) == name_key(other)
    assert username_key(one) == username_key(other)


@pytest.mark.parametrize(
    ("one", "other"), [("paypal", "paypaI"), ("bob", "b0b"), ("linus", "1inus"), ("mary", "rnary")]
)
def test_names_that_look_alike_are_one_name(one: str, other: str) -> None:
    assert username_key(one) == username_key(other)


@pytest.mark.parametrize(("one", "other"), [("Mail", "Mall"), ("Room 1", "Room l"), ("Äpfel", "Apfel")])
def test_rooms_that_read_differently_are_two(one: str, other: str) -> None:
    assert name_key(one) != name_key(other)


OF_EVERY_SCRIPT = (
    *("हिन्दी", "สมชาย", "กุ๊ก"),
    *("\u0645\u064f\u062d\u064e\u0645\u064e\u0651\u062f", "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"),
    *("José", "Jose\u0301", "李雷", "a.b@c+d-e_f"),
)
"""Hindi, Thai, vocalised Arabic, Persian with a joiner, and others."""


@pytest.mark.parametrize("name", OF_EVERY_SCRIPT)
def test_names_of_every_script_are_accepted(name: str) -> None:
    check_username(name)
    check_name(name)


@pytest.mark.parametrize("name", ["👩🏽\u200d🚀 crew", "❤\ufe0f", "❤\ufe0f\u200d🔥", "A room, its name; 1/2"])
def test_a_room_has_a_name_of_anything_that_can_be_seen(name: str) -> None:
    check_name(name)


HIDDEN = (
    "\u200b\u200e\u202e\u2066\u2069\u2060\ufeff\u00ad\u034f\u115f\u1160\u3164\uffa0\u2800\u180e"
    "\U000e0001\U000e0061\U000e0100"
)


@pytest.mark.parametrize("hidden", HIDDEN, ids=lambda character: f"U+{ord(character):04X}")
def test_invisible_characters_are_refused_in_names_and_are_blank(hidden: str) -> None:
    assert is_blank(hidden)
    for name in (hidden, f"a{hidden}da", f"ada{hidden}", f"{hidden}ada"):
        assert has_hidden(name)
        for check in (check_username, check_name):
            with pytest.raises(InvalidField):
                check(name)


@pytest.mark.parametrize("name", ["\u0301ada", "a\u200dda", "a\u200cda", "ada\ufe0f", "\ufe0f", "a b", "a/b", "<ada>"])
def test_invalid_user_names(name: str) -> None:
    with pytest.raises(InvalidField):
        check_username(name)


@pytest.mark.parametrize("name", [*RESERVED, "Admin", "\u0430dmin", "adm1n", "R00T"])
def test_reserved_names_are_refused_however_they_are_written(name: str) -> None:
    with pytest.raises(InvalidField, match="reserved"):
        check_username(name)


def test_a_name_with_half_of_a_surrogate_pair_has_a_key_too() -> None:
    assert name_key("a\ud83d")


@pytest.mark.parametrize("unseen", ["\ufe0f", "\u200d", "\u200c", "\u200b"])
def test_what_cannot_be_seen_makes_no_other_name(unseen: str) -> None:
    assert name_key(f"李雷{unseen}") == name_key("李雷")
