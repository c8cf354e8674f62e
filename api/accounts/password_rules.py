"""Which passwords are accepted, and the one form in which they are hashed."""

import unicodedata
from functools import cache

from zxcvbn.frequency_lists import FREQUENCY_LISTS

from domain.errors import InvalidField

MIN_LENGTH = 10
MAX_LENGTH = 1000
SHORT_NAME = 4
"""Shorter user names occur in good passwords by chance, so a password may contain them."""


def normal_form(password: str) -> str:
    """The password in NFC: keyboards differ in how they compose a letter with its accent."""
    return unicodedata.normalize("NFC", password)


def check_password(password: str, *, username: str, field: str = "password") -> None:
    """Raises InvalidField unless `password` can protect the account of `username`, and is short enough to hash."""
    folded = normal_form(password).casefold()
    if len(normal_form(password)) < MIN_LENGTH:
        raise InvalidField(field, f"Ensure this field has at least {MIN_LENGTH} characters.")
    if len(password) > MAX_LENGTH:
        raise InvalidField(field, f"Ensure this field has no more than {MAX_LENGTH} characters.")
    if folded in _common():
        raise InvalidField(field, "This password is too common.")
    name = normal_form(username).casefold()
    if folded == name or (len(name) >= SHORT_NAME and name in folded):
        raise InvalidField(field, "The password contains the user name.")


@cache
def _common() -> frozenset[str]:
    """Common passwords that are long enough to be accepted otherwise. Source: the list of zxcvbn."""
    return frozenset(word for word in FREQUENCY_LISTS["passwords"] if len(word) >= MIN_LENGTH)
