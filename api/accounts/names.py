"""Names of users: which are accepted, and the form in which they are compared."""

import re
import unicodedata

from domain.errors import InvalidField

USERNAME = re.compile(r"[\w.@+-]+")
USERNAME_LIMIT = 150


def clean(username: str) -> str:
    """The name without the spaces round it that keyboards and clipboards add."""
    return username.strip()


def username_key(username: str) -> str:
    """The form in which user names are compared: case and look-alike characters folded."""
    return unicodedata.normalize("NFKC", clean(username)).casefold()


def is_username(username: str) -> bool:
    """Whether it is a valid user name: letters, digits and @ . + - _ only, at most 150 of them."""
    return len(username) <= USERNAME_LIMIT and USERNAME.fullmatch(username) is not None


def check_username(username: str) -> None:
    """Raises InvalidField unless `username` is valid."""
    if not username.strip():
        raise InvalidField("username", "This field may not be blank.")
    if len(username) > USERNAME_LIMIT:
        raise InvalidField("username", f"Ensure this field has no more than {USERNAME_LIMIT} characters.")
    if not is_username(username):
        raise InvalidField("username", "Enter a valid username: letters, digits and @/./+/-/_ only.")
