"""People as HTML."""

from markupsafe import Markup

from api.pages.markup.html import escaped
from api.pages.text import initials
from projections.readmodels.shapes import User

HUES = 8


def kind(user: User) -> Markup:
    """A mark for accounts that are not ordinary: admins, bots, deactivated and erased ones."""
    return Markup(f'<span class="kind kind-{user.kind}">{user.kind}</span>' if user.kind else "")  # noqa: S704


def named(user: User) -> Markup:
    """The name of a user and the mark of the account."""
    return Markup(f"<bdi>{escaped(user.username)}</bdi>{kind(user)}")  # noqa: S704


def avatar(user: User) -> Markup:
    """The initials of a user, in one of eight colours."""
    letters = escaped(initials(user.username))
    return Markup(f'<span class="avatar" data-hue="{user.id % HUES}" aria-hidden="true">{letters}</span>')  # noqa: S704
