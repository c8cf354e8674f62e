"""An aggregate whose events have changed twice since they were first recorded: the example of docs/changing-events.md.

It is a test's own. No event of a room has needed a change so far, and one made up as an example would stay in every log
forever, and in every program that reads one.
"""

from datetime import UTC, datetime
from typing import Any

from eventsourcing.domain import Aggregate, event


class Meeting(Aggregate):
    """People come together at a time, for some minutes."""

    TOPIC = "meeting"

    class Event(Aggregate.Event):
        """Something that happened to a meeting."""

    class Called(Event, Aggregate.Created):
        """Version 2 told how long it would take; version 3 tells `starts` as a moment instead of a text in UTC."""

        TOPIC = "meeting_called"
        class_version = 3
        title: str
        starts: datetime
        minutes: int

        @staticmethod
        def upcast_v1_v2(state: dict[str, Any]) -> None:
            state["minutes"] = 60  # every meeting took an hour before it could be said

        @staticmethod
        def upcast_v2_v3(state: dict[str, Any]) -> None:
            state["starts"] = moment(state["starts"])

    Created = Called

    class Moved(Event):
        """Version 2 tells `starts` as a moment instead of a text in UTC."""

        TOPIC = "meeting_moved"
        class_version = 2
        starts: datetime

        @staticmethod
        def upcast_v1_v2(state: dict[str, Any]) -> None:
            state["starts"] = moment(state["starts"])

    @event(Called)
    def __init__(self, title: str, starts: datetime, minutes: int) -> None:
        self.title = title
        self.starts = starts
        self.minutes = minutes

    @event(Moved)
    def move(self, starts: datetime) -> None:
        self.starts = starts


TOPICS = (Meeting.Called.TOPIC, Meeting.Moved.TOPIC)


def moment(text: str) -> datetime:
    """A text of the first releases, which was in UTC without saying so."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
