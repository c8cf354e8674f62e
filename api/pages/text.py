"""Text, numbers and times as pages show them: times in UTC, where `static/onrecord/format.js` knows the reader's zone.

`static/onrecord/text.js` and `format.js` have the same rules; `tests/client/text_cases.json` is tested on both sides.
"""

import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Any
from unicodedata import category

from msgspec import UNSET

from api.pages.markup.html import plain
from domain.values import RoomId, UserId
from eventstore.values import Version
from projections.readmodels.members import JoinOrLeave, Step
from projections.readmodels.reading.read_marks import Reading
from projections.readmodels.shapes import LastMessage, Message, Reaction, Retraction, RoomSummary, User

MAX_BADGE = 99
GROUPED = timedelta(minutes=5)
"""Messages of one author are one group while each follows the one before it within this time."""

MOST_NAMED = 4
"""Of those who joined, or left, without a message between."""

MOST_TOLD = 3
"""Joins and leaves of one person that are told one by one."""

MAX_PREVIEW = 120
"""Code points."""

EXTENDS = re.compile("[\u200d\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]")
"""What belongs to the character before it, like a combining mark: joiners, skin tones, tags."""

JOINER = "\u200d"
FLAG_LETTER = re.compile("[\U0001f1e6-\U0001f1ff]")


def preview(text: str) -> str:
    """The beginning of a message, never cut inside what a reader sees as one character."""
    if len(text) <= MAX_PREVIEW:
        return text
    end = MAX_PREVIEW - 1
    while end > 0 and _is_inside_character(text, end):
        end -= 1
    return f"{text[:end]}…"


def _is_inside_character(text: str, at: int) -> bool:
    if EXTENDS.match(text, at) or category(text[at]).startswith("M") or text[at - 1] == JOINER:
        return True
    return bool(FLAG_LETTER.match(text, at)) and _count_flag_letters(text, at) % 2 == 1


def _count_flag_letters(text: str, at: int) -> int:
    """Flag letters directly before `at`: two make a flag."""
    count = 0
    while count < at and FLAG_LETTER.match(text, at - 1 - count):
        count += 1
    return count


def erased_note(at: str | None, why: str) -> str:
    """What stands in the place of erased words: `Erased on Tuesday, 24 November 2026, 08:50: asked for in a letter`."""
    return why if at is None else f"Erased on {day_and_clock(at)}: {why or 'no reason kept'}"


def retracted_note(retraction: Retraction) -> str:
    """What stands in the place of retracted words: `Retracted by ada on Tuesday, 24 November 2026, 08:50: why`."""
    why = f": {retraction.why}" if retraction.why else ""
    return f"Retracted by {_with_kind(retraction.by)} on {day_and_clock(retraction.at)}{why}"


def title_of(room: RoomSummary | dict[str, Any], me: UserId | None) -> str:
    """What a room is called on the pages of a user: a direct conversation by the names of the other people."""
    if isinstance(room, dict):  # of a template, empty
        return str(room["name"])
    return room.name if room.people is UNSET else ", ".join(each.username for each in room.people if each.id != me)


def last_words(message: LastMessage | Message) -> str:
    """What a list of rooms shows of its last message."""
    if message.erased is not UNSET:
        return "(erased)"
    if message.retracted is not UNSET:
        return "(retracted)"
    return preview(plain(message.content)) if message.content else "(files)"


def _with_kind(user: User) -> str:
    return f"{user.username} ({user.kind})" if user.kind else user.username


def reacted(reaction: Reaction) -> str:
    """Who reacted: `ada, bob and 3 others`."""
    names, others = ", ".join(map(_with_kind, reaction.users)), reaction.count - len(reaction.users)
    return f"{names} and {counted(others, 'other')}" if others > 0 else names


def joined_and_left(steps: Sequence[JoinOrLeave]) -> list[tuple[list[User], str]]:
    """A run of joins and leaves on one line, as people and what they did: `ada, bob` and `joined`, `eve` and `left`.

    Each is named once, with those who did the same; of many, the first.
    """
    of_each: dict[UserId, list[Step]] = {}
    users = {each.user.id: each.user for each in steps}
    for each in steps:
        of_each.setdefault(each.user.id, []).append(each.step)
    alike: dict[str, list[User]] = {}
    for user_id, own in of_each.items():
        alike.setdefault(_what_was_done(own), []).append(users[user_id])
    lines = []
    for told, people in alike.items():
        shown = people[: MOST_NAMED - 1] if len(people) > MOST_NAMED else people
        others = len(people) - len(shown)
        rest = f"and {counted(others, 'other')} " if others else ""
        lines.append((shown, rest + told.replace("removed", "was removed" if len(people) == 1 else "were removed")))
    return lines


def _what_was_done(steps: Sequence[Step]) -> str:
    """What one person did: `left and joined again`."""
    if len(steps) > MOST_TOLD:
        return "joined and left several times"
    *before, last = steps
    again = " again" if before and (last == "joined" or last in before) else ""
    return f"{', '.join(before)} and {last}{again}" if before else last


def runs_of(steps: Sequence[JoinOrLeave], messages: Sequence[Message]) -> dict[Version, list[JoinOrLeave]]:
    """Joins and leaves by the message (ascending) that they follow; 0 before the first."""
    runs: dict[Version, list[JoinOrLeave]] = {}
    ids = [message.id for message in messages]
    for each in steps:
        place = bisect_left(ids, each.version)
        runs.setdefault(ids[place - 1] if place else Version(0), []).append(each)
    return runs


def initials(username: str) -> str:
    """The first letters of the first two words of a name: `ada.lovelace` is `AL`."""
    words = [word for word in re.split(r"[^\w]|_", username) if word]
    return "".join(word[0] for word in words[:2]).upper() or "?"


def continues(message: Message, before: Message) -> bool:
    """Whether `message` is shown under the name of the one before it."""
    if message.user.id != before.user.id or message.reply_to is not UNSET:
        return False
    said, said_before = datetime.fromisoformat(message.created_at), datetime.fromisoformat(before.created_at)
    return said - said_before <= GROUPED and said.date() == said_before.date()


def number(value: float) -> str:
    """Rounded half up: `1,234`."""
    return f"{_rounded(value, '1'):,}"


def rate(value: float) -> str:
    """With one decimal below ten: `9.5`, `12`."""
    return number(value) if value >= 10 else str(_rounded(value, "0.1"))


def _rounded(value: float, unit: str) -> Decimal:
    return Decimal(value).quantize(Decimal(unit), ROUND_HALF_UP)


def room_group(room: RoomSummary, readings: Mapping[RoomId, Reading]) -> str:
    """The part of the sidebar in which a room is listed."""
    reading = readings.get(room.id)
    if reading is not None and reading.is_muted:
        return "muted"
    if reading is not None and reading.unread > 0:
        return "unread"
    return "direct" if room.visibility == "direct" else "rooms"


def badge(count: int) -> str:
    """What is unread: `7`, `99+`."""
    return f"{MAX_BADGE}+" if count > MAX_BADGE else str(count)


def counted(count: int, noun: str) -> str:
    """`1 member`, `1,234 members`."""
    return f"{number(count)} {noun if count == 1 else f'{noun}s'}"


def percent(part: int, whole: int) -> str:
    """Rounded down: `99 %` until all is done."""
    return f"{100 * part // whole if whole > 0 else 100} %"


def span(seconds: float) -> str:
    """A time in its largest unit, rounded down: `45 s`, `12 min`, `5 h`, `3 days`."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min"
    return f"{whole // 3600} h" if whole < 86_400 else counted(whole // 86_400, "day")


def day(timestamp: str) -> str:
    """`Tuesday, 24 November 2026`."""
    return _day_of(timestamp[:10])


@lru_cache(maxsize=100)
def _day_of(date: str) -> str:
    return datetime.fromisoformat(date).strftime("%A, %-d %B %Y")


def clock(timestamp: str) -> str:
    """`08:50`."""
    return timestamp[11:16]


def clock_with_seconds(timestamp: str) -> str:
    """`08:50:07`."""
    return timestamp[11:19]


def day_and_clock(timestamp: str) -> str:
    """`Tuesday, 24 November 2026, 08:50`."""
    return f"{day(timestamp)}, {clock(timestamp)}"


def exactly(timestamp: str) -> str:
    """`Tuesday, 24 November 2026, 08:50:07 UTC`."""
    return f"{day(timestamp)}, {clock_with_seconds(timestamp)} UTC"
