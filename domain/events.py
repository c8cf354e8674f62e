"""What an event says about itself: code that shows, searches or lists events asks it, and keeps no table of its own."""

from typing import ClassVar, Protocol, cast

from eventsourcing.domain import Aggregate

from domain.values import UserId


class SelfDescribing(Protocol):
    """What every kind of event has, next to its fields. None of it is stored but the topic."""

    TOPIC: ClassVar[str]
    """Its stored name. It never changes; code may move without touching history."""

    LABEL: ClassVar[str]
    """What people call it. Reads on from the actor's name: "ada joined"."""

    @property
    def actor(self) -> UserId:
        """Who did it."""

    @property
    def text(self) -> str | None:
        """The words in it that a person wrote; None where it has none."""


def event_classes(aggregate: type[Aggregate]) -> tuple[type[SelfDescribing], ...]:
    """The kinds of event nested in an aggregate, in the order of their definition."""
    base = aggregate.Event
    nested = [
        member
        for member in vars(aggregate).values()
        if isinstance(member, type) and issubclass(member, base) and member is not base
    ]
    return cast(tuple[type[SelfDescribing], ...], tuple(dict.fromkeys(nested)))
