"""Names of users: which are accepted."""

from domain.errors import InvalidField
from domain.names import is_of_letters, is_reserved

USERNAME_LIMIT = 150


def clean(username: str) -> str:
    """The name without the spaces round it that keyboards and clipboards add."""
    return username.strip()


def can_exist(username: str) -> bool:
    """Whether an account may have this name: a text that PostgreSQL can store, no longer than the limit."""
    return len(clean(username)) <= USERNAME_LIMIT and "\x00" not in username


def check_username(username: str) -> None:
    """Raises InvalidField unless `username` is valid."""
    if not username.strip():
        raise InvalidField("username", "This field may not be blank.")
    if len(username) > USERNAME_LIMIT:
        raise InvalidField("username", f"Ensure this field has no more than {USERNAME_LIMIT} characters.")
    if not is_of_letters(username):
        raise InvalidField("username", "Enter a valid username: letters, digits and @/./+/-/_ only.")
    if is_reserved(username):
        raise InvalidField("username", "This name is reserved.")
