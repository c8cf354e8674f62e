"""Which passwords are accepted, and the one form in which they are hashed."""

import unicodedata
from functools import cache

from zxcvbn.frequency_lists import FREQUENCY_LISTS

from domain.errors import InvalidField

AT_LEAST = 10
AT_MOST = 1000
SHORT_NAME = 4
"""A name with fewer characters is in too many good passwords to be refused there."""


def normal_form(password: str) -> str:
    """The password in NFC: keyboards differ in how they compose a letter with its accent."""
    return unicodedata.normalize("NFC", password)


def check_password(password: str, *, username: str, field: str = "password") -> None:
    """Raises InvalidField unless `password` can protect the account of `username`, and is short enough to hash."""
    folded = normal_form(password).casefold()
    if len(normal_form(password)) < AT_LEAST:
        raise InvalidField(field, f"Ensure this field has at least {AT_LEAST} characters.")
    if len(password) > AT_MOST:
        raise InvalidField(field, f"Ensure this field has no more than {AT_MOST} characters.")
    if folded in _common():
        raise InvalidField(field, "This password is too common.")
    name = normal_form(username).casefold()
    if folded == name or (len(name) >= SHORT_NAME and name in folded):
        raise InvalidField(field, "The password contains the user name.")


@cache
def _common() -> frozenset[str]:
    """Common passwords that are long enough to be accepted otherwise. Source: the list of zxcvbn."""
    return frozenset(word for word in FREQUENCY_LISTS["passwords"] if len(word) >= AT_LEAST)
