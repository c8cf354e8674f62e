"""Names of people and rooms: what they may be made of, and the form in which they are compared.

Two names that look alike are one name: they are compared by their skeleton (UTS 39, from the library disarm). Another
rule, or another version of that library, makes other keys: then `NAME_RULE` and the version of the fold are raised.
"""

import unicodedata

from disarm import skeleton_key

NAME_RULE = 2
"""The version of the rule by which keys are made. Source of the table: disarm 0.17.2, Unicode 17."""

FILLERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Characters without a shape that Unicode does not count among format characters or spaces."""
JOINERS = frozenset("\u200c\u200d")
"""They shape letters in Persian and Indic names, and join emoji."""
UNSEEN = ("Cc", "Cf", "Zl", "Zp", "Zs")
MARKS = ("Mn", "Mc")
SIGNS = frozenset("_.@+-")

ALIKE = str.maketrans("i10", "llo")
"""What looks alike in some typeface, or in capitals: I, l and 1; O and 0."""

RESERVED = (
    *("admin", "administrator", "all", "anonymous", "api", "channel", "deleted", "everyone", "here", "me", "moderator"),
    *("nobody", "null", "official", "onrecord", "operator", "owner", "room", "root", "security", "staff", "support"),
    *("system", "undefined", "you"),
)
"""Names that would speak for the service, or for more than one person."""


def name_key(name: str) -> str:
    """The form in which names are compared: two names with the same key are the same name to a person."""
    whole = name.encode("utf-8", "replace").decode()  # no half of a surrogate pair, of which there is no skeleton
    return skeleton_key(unicodedata.normalize("NFKC", " ".join(whole.split())).casefold())


def username_key(username: str) -> str:
    """The form in which names of people are compared, which is stricter: a person may be taken for another."""
    return name_key(username).translate(ALIKE).replace("rn", "m")


def username_keys(username: str) -> list[str]:
    """The keys that the account of this name may have, the likelier one last.

    The first belongs to accounts from before rule 2 whose names now look like another's: both stay.
    """
    former = unicodedata.normalize("NFKC", username.strip()).casefold()
    return [kept_key(former), username_key(username)]


def kept_key(former: str) -> str:
    """The key of an account whose name looks like that of an older account. No accepted name has it."""
    return f"={former}"


def is_reserved(username: str) -> bool:
    """Whether a person's name looks like one that is reserved."""
    return username_key(username) in _RESERVED_KEYS


def is_unseen(character: str) -> bool:
    """Whether a character leaves no trace on the screen, on its own."""
    return (
        unicodedata.category(character) in UNSEEN
        or character in FILLERS
        or _selects_variant(character)
        or "\U000e0000" <= character <= "\U000e0fff"
    )


def is_blank(text: str) -> bool:
    """Whether there is nothing to see in `text`."""
    return all(map(is_unseen, text))


def has_hidden(name: str) -> bool:
    """Whether a name has unseen characters other than spaces, and than joiners and selectors where they have work."""
    return any(
        is_unseen(character) and character != " " and not _has_work(character, before)
        for before, character in zip([" ", *name], name, strict=False)
    )


def is_of_letters(username: str) -> bool:
    """Whether a name has letters of any script with their marks, digits and @ . + - _ only."""
    return not has_hidden(username) and all(
        character.isalnum()
        or character in SIGNS
        or (before != " " and unicodedata.category(character) in MARKS and not _selects_variant(character))
        or character in JOINERS
        for before, character in zip([" ", *username], username, strict=False)
    )


def _has_work(character: str, before: str) -> bool:
    if is_unseen(before):
        return before != " " and character in JOINERS and _selects_variant(before)
    return _selects_variant(character) or (character in JOINERS and not before.isascii())


def _selects_variant(character: str) -> bool:
    return "\ufe00" <= character <= "\ufe0f" or character in "\u180b\u180c\u180d\u180f"


_RESERVED_KEYS = frozenset(map(username_key, RESERVED))
