"""Messages, and what stands between them, as HTML."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from markupsafe import Markup
from msgspec import UNSET

from api.pages.items.people import avatar, kind, named
from api.pages.markup.html import attribute, escaped, with_controls_shown, with_markup, with_markup_and_controls
from api.pages.text import (
    clock,
    clock_with_seconds,
    continues,
    day,
    erased_note,
    exactly,
    joined_and_left,
    last_words,
    reacted,
    retracted_note,
    runs_of,
)
from domain.values import RoomId, UserId
from eventstore.values import Position, Version
from projections.readmodels.members import JoinOrLeave, Step
from projections.readmodels.shapes import Message, User

DAY = len("2026-11-27")
# Every `noqa: S704` here is of HTML put together in the same function, of numbers and of what `escaped` and `attribute`
# made safe.
FOLDED = 3
"""Joins and leaves in a row: more than these fold."""

STEPS: dict[Step, str] = {"joined": "joined", "left": "left", "removed": "was removed"}

UNREAD_LINE = Markup('<li class="unread-line" id="unread"><span>New messages</span></li>')
NO_POSITIONS: Mapping[Version, Position] = MappingProxyType({})


def reply_line(
    room_id: RoomId | str, answered: Version, quoted: Message | None = None, *, in_history: bool = False
) -> Markup:
    """Above an answer: the message that it answers."""
    said = "an earlier message"
    if quoted is not None:
        line = last_words(quoted)
        words = with_controls_shown(line) if in_history else escaped(line)
        by = f'<bdi class="quoted-author">{escaped(quoted.user.username)}</bdi>{kind(quoted.user)}'
        said = f'{by}: <bdi class="quoted-text">{words}</bdi>'
    href = f"/rooms/{room_id}/?at={answered}#m{answered}"
    return Markup(f'<p class="reply-line"><a href="{href}">{said}</a></p>')  # noqa: S704


def message_text(message: Message, *, in_history: bool = False) -> Markup:
    """What a message says, or why it says nothing any more."""
    text: str
    if message.erased is not UNSET:
        text = escaped(erased_note(message.erased.at, message.erased.why))
    elif message.retracted is not UNSET:
        text = escaped(retracted_note(message.retracted))
    else:
        text = with_markup_and_controls(message.content) if in_history else with_markup(message.content)
    return Markup(f'<div class="text" dir="auto">{text}</div>')  # noqa: S704


def reactions(room_id: RoomId | str, message: Message) -> Markup:
    """The reactions to a message."""
    items = "".join(
        f'<li><a class="reaction" href="/rooms/{room_id}/messages/{message.id}/" data-emoji="{attribute(each.emoji)}" '
        f'title="{attribute(reacted(each))}">{escaped(each.emoji)} <span class="count">{each.count}</span></a></li>'
        for each in message.reactions or []
    )
    return Markup(f'<ul class="reactions" aria-label="Reactions">{items}</ul>')  # noqa: S704


def author(user: User) -> str:
    """Who wrote a message: up to the time of it."""
    return f'{avatar(user)}<p class="meta"><bdi class="author">{escaped(user.username)}</bdi>{kind(user)}'


def message_item(
    room_id: str,
    message: Message,
    me: UserId,
    *,
    written_by: str,
    quoted: Message | None = None,
    in_history: bool = False,
    is_continued: bool = False,
    is_sought: bool = False,
    position: Position | None = None,
) -> str:
    """A message in a list; `written_by` is its `author`. `templates/room.html` has an empty one for scripts."""
    version, by = message.id, message.user.id
    classes = _classes(message, me, is_continued=is_continued, is_sought=is_sought)
    page = f"/rooms/{room_id}/messages/{version}/"
    said_at = _time(message.created_at, in_history=in_history)
    return (
        f'<li class="message{classes}" id="m{version}" data-id="{version}" data-author="{by}">{written_by} '
        f'<a class="when" href="/rooms/{room_id}/?at={version}#m{version}">{said_at}</a></p>'
        f"{reply_line(room_id, message.reply_to, quoted, in_history=in_history) if message.reply_to else ''}"
        f"{message_text(message, in_history=in_history)}"
        f"{attachments(room_id, message)}{mentions(message)}"
        f"{reactions(room_id, message) if message.reactions else ''}"
        f'<p class="side"><a class="edited" href="{page}#versions"{"" if message.edited_at else " hidden"}>edited</a> '
        f'<span class="pinned-mark"{"" if message.pinned else " hidden"}>pinned</span> '
        f'<a class="chip" href="{page}" title="Who could see it, its versions, its place">'
        '<span class="visually-hidden">Version </span><span aria-hidden="true">v</span>'
        f'<span class="number">{version}</span><span class="position">{f" · {position}" if position else ""}</span>'
        "</a> "
        f'<a class="actions" href="{page}" aria-label="More about this message">⋯</a></p></li>\n'
    )


def _classes(message: Message, me: UserId, *, is_continued: bool, is_sought: bool) -> str:
    is_changed = (
        message.erased
        or message.retracted
        or message.edited_at
        or message.reactions
        or message.pinned
        or message.reply_to
        or message.mentions
        or message.attachments
    )
    return (
        f"{' erased' if message.erased else ''}{' retracted' if message.retracted else ''}"
        f"{' changed' if is_changed else ''}{' own' if message.user.id == me else ''}"
        f"{' continued' if is_continued else ''}{' sought' if is_sought else ''}"
    )


def _time(at: str, *, in_history: bool) -> str:
    if in_history:
        return f'<time datetime="{at}" title="{exactly(at)}" data-with-zone>{clock_with_seconds(at)} UTC</time>'
    return f'<time datetime="{at}" title="{exactly(at)}">{clock(at)}</time>'


def attachments(room_id: RoomId | str, message: Message) -> Markup:
    """The files of a message: images as such, all others to download."""
    if not message.attachments:
        return Markup()
    items = []
    for file in message.attachments:
        url = f"/api/rooms/{room_id}/messages/{message.id}/attachments/{file.id}/"
        image = f'<img width="{file.width}" height="{file.height}" loading="lazy" alt="" src="{url}">'
        name = escaped(file.name or "file")
        shown = f'<a href="{url}">{image if file.width else ""}<bdi class="file-name">{name}</bdi></a>'
        items.append(f"<li>{shown} {file.size:,} bytes</li>")
    return Markup(f'<ul class="attachments" aria-label="Files">{"".join(items)}</ul>')  # noqa: S704


def mentions(message: Message) -> Markup:
    """Whom a message mentions."""
    if not message.mentions or message.erased or message.retracted:
        return Markup()
    named = (
        f'<bdi class="mention" data-user-id="{user.id}">@{escaped(user.username)}</bdi>{kind(user)} '
        for user in message.mentions
    )
    return Markup(f'<p class="mentions">{"".join(named)}</p>')  # noqa: S704


def message_list(
    room_id: RoomId,
    messages: Sequence[Message],
    me: UserId,
    *,
    first_unread: int | None = None,
    in_history: bool = False,
    sought: int | None = None,
    joins_and_leaves: Sequence[JoinOrLeave] = (),
    positions: Mapping[Version, Position] = NO_POSITIONS,
    answered: Sequence[Message] = (),
) -> Markup:
    """Messages, ascending, with days, who joined and left between them, and a line above what is new. `answered` are
    those that they answer and that are not among them.
    """
    runs = runs_of(joins_and_leaves, messages)
    by_id = {message.id: message for message in (*answered, *messages)}
    room, authors = str(room_id), {message.user: "" for message in messages}
    for user in authors:
        authors[user] = author(user)
    items = [_joins(runs[Version(0)])] if 0 in runs else []
    before: Message | None = None
    for message in messages:
        if before is None or message.created_at[:DAY] != before.created_at[:DAY]:
            items.append(f'<li class="day"><span>{day(message.created_at)}</span></li>\n')
        if message.id == first_unread:
            items.append(UNREAD_LINE)
        follows = before is not None and before.id not in runs and message.id != first_unread and not in_history
        items.append(
            message_item(
                room,
                message,
                me,
                written_by=authors[message.user],
                quoted=by_id.get(message.reply_to) if message.reply_to else None,
                in_history=in_history,
                is_continued=follows and before is not None and continues(message, before),
                is_sought=message.id == sought,
                position=positions.get(message.id),
            )
        )
        if message.id in runs:
            items.append(_joins(runs[message.id]))
        before = message
    return Markup(f'<ol class="messages">\n{"".join(items)}</ol>')  # noqa: S704


def _joins(run: Sequence[JoinOrLeave]) -> str:
    line = "; ".join(f"{', '.join(named(user) for user in users)} {told}" for users, told in joined_and_left(run))
    if len(run) > FOLDED:
        steps = "".join(f"<li>{named(each.user)} {STEPS[each.step]}</li>" for each in run)
        shown = f"<details><summary>{line}</summary><ul>{steps}</ul></details>"
    else:
        shown = f"<span>{line}</span>"
    return f'<li class="joins" data-since="{run[0].version}">{shown}</li>\n'
