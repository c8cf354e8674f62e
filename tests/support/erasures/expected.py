"""What must be there and what must be gone, worked out from docs/erasure.md alone: nothing of the product is used."""

import copy
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

NO_DUTY = NEVER = 0
"""As a number of days, which a room's own rule may say against the rule for all rooms."""

END = 1_000_000_000
"""A version beyond all others."""

Kind = Literal["message", "name", "topic", "reason"]


@dataclass(frozen=True)
class File:
    """What a message has; `name` and `content` are found nowhere else."""

    id: str
    name: str
    content: str


@dataclass(frozen=True)
class Text:
    """What a person typed: a version of a message, a name or topic of a room, or why they retracted a message.

    `message` is the version that added the message. Words, the client id that is sealed with them, and the idempotency
    key of the command are found nowhere else. `age_days` is how long ago it was said.
    """

    room: str
    version: int
    author: int
    at: datetime
    words: str
    client_id: str | None = None
    key: str | None = None
    kind: Kind = "message"
    message: int | None = None
    age_days: int = 0
    file: File | None = None

    @property
    def markers(self) -> list[str]:
        name = self.file.name if self.file is not None else None
        return [each for each in (self.words, self.client_id, self.key, name) if each is not None]


@dataclass(frozen=True)
class Hold:
    """Covers what meets every condition; None means any."""

    person: int | None = None
    conversations: bool = False
    room: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class Rule:
    """In days; None says nothing of it."""

    keep: int | None
    erase: int | None


@dataclass
class Stay:
    """From one version of a room to another, or until now."""

    joined: int
    left: int | None = None


@dataclass
class Expected:
    """The state of everything, as far as erasures, holds and rules are concerned.

    `waiting` has what requests asked for and something keeps; `unsure` the names that a request met while rooms had
    them: the request leaves them, unless it is gone on with after the room got another one. `retracted` has messages,
    by their rooms and versions.
    """

    texts: set[Text] = field(default_factory=set)
    names: dict[str, Text] = field(default_factory=dict)
    people: dict[int, str] = field(default_factory=dict)
    stays: dict[tuple[str, int], list[Stay]] = field(default_factory=dict)
    holds: dict[int, Hold] = field(default_factory=dict)
    rules: dict[str | None, Rule] = field(default_factory=dict)
    waiting: set[Text] = field(default_factory=set)
    unsure: set[Text] = field(default_factory=set)
    gone: set[Text] = field(default_factory=set)
    retracted: set[tuple[str, int]] = field(default_factory=set)
    erased_people: dict[int, str] = field(default_factory=dict)

    @property
    def erased_markers(self) -> list[str]:
        """What must be nowhere: also names of people who are erased."""
        return [marker for text in self.gone for marker in text.markers] + [*self.erased_people.values()]

    def is_member(self, room: str, person: int) -> bool:
        stays = self.stays.get((room, person), [])
        return bool(stays) and stays[-1].left is None

    def versions(self, text: Text) -> list[Text]:
        """All that a message said, oldest first; another text stands for itself."""
        if text.message is None:
            return [text]
        place = (text.room, text.message)
        return sorted(
            (each for each in self.texts if (each.room, each.message) == place), key=lambda each: each.version
        )

    def whole(self, texts: Iterable[Text]) -> set[Text]:
        """These, and of each message all versions."""
        return {version for text in texts for version in self.versions(text)}

    def messages(self) -> list[Text]:
        """What each message says now that is not erased, oldest first."""
        now: dict[tuple[str, int], Text] = {}
        for text in sorted(self.texts - self.gone, key=lambda text: (text.at, text.version)):
            if text.message is not None:
                now[text.room, text.message] = text
        return list(now.values())

    def is_held(self, text: Text) -> bool:
        """Of a message, a hold on one version keeps all."""
        versions = self.versions(text)
        return any(self.covers(hold, version) for hold in self.holds.values() for version in versions)

    def covers(self, hold: Hold, text: Text) -> bool:
        return (
            (hold.room is None or hold.room == text.room)
            and (hold.since is None or text.at >= hold.since)
            and (hold.until is None or text.at < hold.until)
            and (hold.person in (None, text.author) or (hold.conversations and self._could_read(hold.person, text)))
        )

    def is_kept(self, text: Text) -> bool:
        """By a hold, or by a duty, for which a message is as old as its last version."""
        return self.is_held(text) or self.versions(text)[-1].age_days < self.keep_days(text.room)

    def is_kept_once_edited(self, message: Text, at: datetime) -> bool:
        """Whether a duty or a hold would keep the message if its author edited it at that moment."""
        edit = replace(message, version=END, at=at, age_days=0)
        return self.keep_days(edit.room) > 0 or any(self.covers(hold, edit) for hold in self.holds.values())

    def is_ruled(self, text: Text) -> bool:
        """Whether a rule says to erase it: a message, which is as old as its first version."""
        days = self._days(text.room, "erase") or NEVER
        return text.message is not None and days != NEVER and self.versions(text)[0].age_days >= days

    def keep_days(self, room: str) -> int:
        return self._days(room, "keep") or NO_DUTY

    def said(self, text: Text) -> None:
        """Take a text, and where it is a name, as the one that the room has now."""
        self.texts.add(text)
        if text.kind == "name":
            self.names[text.room] = text

    def request(self, texts: set[Text]) -> None:
        """Somebody asked to erase these."""
        asked = self.whole(texts)
        named = {text for text in asked if self.names[text.room] == text}
        self.unsure |= named
        self.waiting |= asked - named - self.gone
        self.carry_out()

    @property
    def due(self) -> set[Text]:
        """All that is to go, now or once nothing keeps it."""
        return self.whole(self.waiting | {text for text in self.texts - self.gone if self.is_ruled(text)})

    def carry_out(self) -> None:
        """All that is to go and that nothing keeps goes."""
        going = {text for text in self.due if not self.is_kept(text)}
        self.gone |= going
        self.waiting -= going

    @property
    def here(self) -> set[Text]:
        """What must be there."""
        return {
            text
            for text in self.texts - self.gone
            if text not in self.unsure or self.names[text.room] == text or self.is_kept(text)
        }

    def as_it_was(self) -> "Expected":
        """What a backup holds that is taken now."""
        return copy.deepcopy(self)

    def _could_read(self, person: int | None, text: Text) -> bool:
        """Up to when they left: who joins reads what was said before."""
        assert person is not None
        return any(stay.left is None or stay.left > text.version for stay in self.stays.get((text.room, person), []))

    def _days(self, room: str, what: str) -> int | None:
        """A rule for the room goes before the one for all, in what it says."""
        for place in (room, None):
            days: int | None = getattr(self.rules.get(place), what, None)
            if days is not None:
                return days
        return None
