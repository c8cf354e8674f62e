"""What a room is about."""

from dataclasses import dataclass
from datetime import datetime

from domain.errors import InvalidField
from domain.room.event import UserEvent
from domain.room.governance.roles import Roles
from domain.room.state import RoomState
from domain.room.texts import check_topic
from domain.values import ClientId, RoomId, UserId
from domain.words import Words, words


@dataclass(frozen=True, slots=True)
class SetTopic:
    """Say what a room is about; an empty text: nothing in particular."""

    room_id: RoomId
    user_id: UserId
    topic: str
    client_id: ClientId | None = None

    def decide(self, room: "Topics", _now: datetime) -> None:
        room.set_topic(user_id=self.user_id, topic=self.topic)


class TopicSet(UserEvent):
    """An owner said what the room is about. Without words, it is about nothing in particular from then on."""

    TOPIC = "topic_set"
    LABEL = "set the topic"
    WORDS = "topic"
    WORDS_OPTIONAL = True
    topic: str | None = None
    sealed: str | None = None

    @property
    def has_topic(self) -> bool:
        """Whether the room has one from then on."""
        return self.topic is not None or self.sealed is not None

    @property
    def words(self) -> Words | None:
        return words(self.topic, self.sealed) if self.has_topic else None

    def apply(self, aggregate: RoomState) -> None:
        aggregate.topic_version = self.originator_version if self.has_topic else 0


class Topics(Roles):
    """What the room is about."""

    def set_topic(self, *, user_id: UserId, topic: str) -> None:
        """Set the topic, one line of at most 250 characters; an empty one ends it.

        Raises InvalidField, also where there was none to end; NotAMember, NotAllowed.
        """
        self.check_owner(user_id)
        if topic.strip() == "":
            if self.topic_version == 0:
                raise InvalidField("topic", "The room has no topic.")
            self.trigger_event(TopicSet, user_id=user_id, topic=None)
        else:
            check_topic(topic)
            self.trigger_event(TopicSet, user_id=user_id, topic=topic.strip())
