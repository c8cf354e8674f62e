"""What must be there and what must be gone, worked out from docs/erasure.md alone: nothing of the product is used."""

import copy
from dataclasses import dataclass, field
from datetime import datetime

NO_DUTY = NEVER = 0
"""As a number of days, which a room's own rule may say against the rule for all rooms."""


@dataclass(frozen=True)
class Text:
    """What a person typed: a message, or a name for a room. Words and client id are found nowhere else."""

    room: str
    version: int
    author: int
    at: datetime
    words: str
    client_id: str | None = None
    is_name: bool = False
    age_days: int = 0

    @property
    def markers(self) -> list[str]:
        return [self.words] if self.client_id is None else [self.words, self.client_id]


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
    them: the request leaves them, unless it is gone on with after the room got another one.
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
    erased_people: dict[int, str] = field(default_factory=dict)

    def is_member(self, room: str, person: int) -> bool:
        stays = self.stays.get((room, person), [])
        return bool(stays) and stays[-1].left is None

    def is_held(self, text: Text) -> bool:
        return any(self.covers(hold, text) for hold in self.holds.values())

    def covers(self, hold: Hold, text: Text) -> bool:
        return (
            (hold.room is None or hold.room == text.room)
            and (hold.since is None or text.at >= hold.since)
            and (hold.until is None or text.at < hold.until)
            and (hold.person in (None, text.author) or (hold.conversations and self._could_read(hold.person, text)))
        )

    def is_kept(self, text: Text) -> bool:
        """By a hold, or by a duty."""
        return self.is_held(text) or text.age_days < (self._days(text.room, "keep") or NO_DUTY)

    def is_ruled(self, text: Text) -> bool:
        """Whether a rule says to erase it."""
        days = self._days(text.room, "erase") or NEVER
        return not text.is_name and days != NEVER and text.age_days >= days

    def said(self, text: Text) -> None:
        """Take a text, and where it is a name, as the one that the room has now."""
        self.texts.add(text)
        if text.is_name:
            self.names[text.room] = text

    def request(self, texts: set[Text]) -> None:
        """Somebody asked to erase these."""
        named = {text for text in texts if self.names[text.room] == text}
        self.unsure |= named
        self.waiting |= texts - named - self.gone
        self.carry_out()

    def carry_out(self) -> None:
        """All that is to go and that nothing keeps goes."""
        due = self.waiting | {text for text in self.texts if self.is_ruled(text)}
        going = {text for text in due if not self.is_kept(text)}
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
