"""Rooms of a list as HTML."""

from collections.abc import Mapping, Sequence

from markupsafe import Markup
from msgspec import UNSET

from api.pages.items.people import kind, named
from api.pages.markup.html import escaped
from api.pages.text import badge, counted, last_words, room_group
from domain.values import RoomId, UserId
from projections.readmodels.reading.read_marks import Reading
from projections.readmodels.shapes import RoomSummary

CURRENT = ' aria-current="page"'
NO_KIND = '<span class="kind" hidden></span>'
EMPTY = (
    f'<span class="last"><bdi class="by"></bdi>{NO_KIND}<span class="colon" hidden>: </span><bdi class="words"></bdi>'
    '</span> <span class="members"></span>'
)
"""The last message and the members of a room, for scripts to fill."""

GROUPS = {"unread": "Unread", "rooms": "Rooms", "direct": "Direct", "muted": "Muted"}
# Every `noqa: S704` here is of HTML put together in the same function, of numbers and of what `escaped` made safe.


def room_list(
    rooms: Sequence[RoomSummary], readings: Mapping[RoomId, Reading], current: RoomId | None, me: UserId
) -> Markup:
    """The items of a list of rooms."""
    return Markup(  # noqa: S704
        "".join(_room(room, readings.get(room.id), current, me, rest=_last_and_members(room)) for room in rooms)
    )


def room_groups(
    rooms: Sequence[RoomSummary], readings: Mapping[RoomId, Reading], current: RoomId | None, me: UserId
) -> Markup:
    """The lists of the sidebar: one for each group, as scripts fill empty ones. It shows no last messages."""
    items = dict.fromkeys(GROUPS, "")
    for room in rooms:
        items[room_group(room, readings)] += _room(room, readings.get(room.id), current, me, rest=EMPTY)
    groups = (
        f'<div class="room-group">\n<p class="group-title" id="group-{group}">{title}</p>\n'
        f'<ol class="rooms" data-group="{group}" aria-labelledby="group-{group}">\n{items[group]}</ol>\n</div>\n'
        for group, title in GROUPS.items()
    )
    return Markup("".join(groups))  # noqa: S704


def _room(room: RoomSummary, reading: Reading | None, current: RoomId | None, me: UserId, *, rest: str) -> str:
    """A room in a list, with what is unread in it. `templates/layout.html` has an empty one, for scripts to fill."""
    unread, mentions, is_muted = (reading.unread, reading.mentions, reading.is_muted) if reading else (0, 0, False)
    return (
        f'<li class="room{" muted" if is_muted else ""}" data-id="{room.id}" data-visibility="{room.visibility}">'
        f'<a href="/rooms/{room.id}/#unread"{CURRENT if room.id == current else ""}>'
        f'<span class="name">{_name(room, me)}</span> '
        f'<span class="unread"{"" if unread else " hidden"}><span class="count">{badge(unread)}</span>'
        f'<span class="visually-hidden"> unread</span><span class="mentioned"{"" if mentions else " hidden"}> @'
        f'<span class="mention-count">{badge(mentions)}</span><span class="visually-hidden"> mentions</span></span>'
        f"</span> {rest}</a></li>\n"
    )


def _name(room: RoomSummary, me: UserId) -> str:
    if room.people is UNSET:
        return f"<bdi>{escaped(room.name)}</bdi>"
    return ", ".join(named(person) for person in room.people if person.id != me)


def _last_and_members(room: RoomSummary) -> str:
    last = room.last_message
    kind_of_last = kind(last.user) if last is not None and last.user.kind else NO_KIND
    return (
        f'<span class="last"><bdi class="by">{escaped(last.user.username) if last else ""}</bdi>{kind_of_last}'
        f'<span class="colon"{"" if last else " hidden"}>: </span>'
        f'<bdi class="words">{escaped(last_words(last)) if last else "No messages yet"}</bdi></span> '
        f'<span class="members">{counted(room.member_count, "member")}</span>'
    )
