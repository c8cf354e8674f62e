"""Rooms of a list as HTML."""

from markupsafe import Markup

from api.pages.items.people import kind
from api.pages.markup.html import escaped
from api.pages.text import badge, counted, last_words, title_of
from domain.values import RoomId, UserId
from projections.readmodels.reading.read_marks import Reading
from projections.readmodels.shapes import RoomSummary

CURRENT = ' aria-current="page"'


def room_item(room: RoomSummary, reading: Reading | None, current: RoomId | None, me: UserId) -> Markup:
    """A room in a list, with what is unread in it. `templates/layout.html` has an empty one, for scripts to fill."""
    unread, mentions, is_muted = (reading.unread, reading.mentions, reading.is_muted) if reading else (0, 0, False)
    last = room.last_message
    kind_of_last = kind(last.user) if last is not None and last.user.kind else '<span class="kind" hidden></span>'
    return Markup(  # noqa: S704
        f'<li class="room{" muted" if is_muted else ""}" data-id="{room.id}" data-visibility="{room.visibility}">'
        f'<a href="/rooms/{room.id}/#unread"{CURRENT if room.id == current else ""}>'
        f'<span class="name"><bdi>{escaped(title_of(room, me))}</bdi></span> '
        f'<span class="unread"{"" if unread else " hidden"}><span class="count">{badge(unread)}</span>'
        f'<span class="visually-hidden"> unread</span><span class="mentioned"{"" if mentions else " hidden"}> @'
        f'<span class="mention-count">{badge(mentions)}</span><span class="visually-hidden"> mentions</span></span>'
        "</span> "
        f'<span class="last"><bdi class="by">{escaped(last.user.username) if last else ""}</bdi>{kind_of_last}'
        f'<span class="colon"{"" if last else " hidden"}>: </span>'
        f'<bdi class="words">{escaped(last_words(last)) if last else "No messages yet"}</bdi></span> '
        f'<span class="members">{counted(room.member_count, "member")}</span></a></li>\n'
    )
