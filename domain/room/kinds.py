"""Every kind of event of a room."""

from typing import TypeAlias, get_args

from eventsourcing.utils import register_topic

from domain.room import access, erasing, invitations, membership, messages, naming, opening
from domain.room.discussion import editing, pinning, reacting, retracting
from domain.room.governance import archiving, moderation, roles, topic

RoomEvent = (
    opening.RoomOpened
    | membership.UserJoined
    | membership.UserLeft
    | messages.MessageAdded
    | naming.RoomRenamed
    | erasing.ContentErased
    | erasing.UserErased
    | roles.RoleGiven
    | moderation.UserBanned
    | moderation.BanLifted
    | moderation.UserMuted
    | moderation.MuteLifted
    | topic.TopicSet
    | archiving.RoomArchived
    | archiving.RoomReopened
    | editing.MessageEdited
    | retracting.MessageRetracted
    | reacting.ReactionAdded
    | reacting.ReactionRemoved
    | pinning.MessagePinned
    | pinning.MessageUnpinned
    | access.VisibilityChanged
    | access.HistoryChanged
    | invitations.UserInvited
    | invitations.InvitationWithdrawn
    | invitations.InvitationDeclined
    | invitations.InvitationLinkMade
    | invitations.InvitationLinkRevoked
)
"""Every event type of a room. Code that handles them all matches on this and ends in `assert_never`."""

KINDS: tuple[type[RoomEvent], ...] = get_args(RoomEvent)

for _kind in KINDS:
    register_topic(_kind.TOPIC, _kind)  # the library registers only events that are defined inside an aggregate

TOPICS = tuple(kind.TOPIC for kind in KINDS)
"""The stored names of a room's events."""

LABELS = {kind.TOPIC: kind.LABEL for kind in KINDS}
"""The label of each topic, as shown to people."""


class KindsByName:
    """The kinds by name, so that code says `Room.MessageAdded`."""

    RoomOpened: TypeAlias = opening.RoomOpened
    UserJoined: TypeAlias = membership.UserJoined
    UserLeft: TypeAlias = membership.UserLeft
    MessageAdded: TypeAlias = messages.MessageAdded
    RoomRenamed: TypeAlias = naming.RoomRenamed
    ContentErased: TypeAlias = erasing.ContentErased
    UserErased: TypeAlias = erasing.UserErased
    RoleGiven: TypeAlias = roles.RoleGiven
    UserBanned: TypeAlias = moderation.UserBanned
    BanLifted: TypeAlias = moderation.BanLifted
    UserMuted: TypeAlias = moderation.UserMuted
    MuteLifted: TypeAlias = moderation.MuteLifted
    TopicSet: TypeAlias = topic.TopicSet
    RoomArchived: TypeAlias = archiving.RoomArchived
    RoomReopened: TypeAlias = archiving.RoomReopened
    MessageEdited: TypeAlias = editing.MessageEdited
    MessageRetracted: TypeAlias = retracting.MessageRetracted
    ReactionAdded: TypeAlias = reacting.ReactionAdded
    ReactionRemoved: TypeAlias = reacting.ReactionRemoved
    MessagePinned: TypeAlias = pinning.MessagePinned
    MessageUnpinned: TypeAlias = pinning.MessageUnpinned
    VisibilityChanged: TypeAlias = access.VisibilityChanged
    HistoryChanged: TypeAlias = access.HistoryChanged
    UserInvited: TypeAlias = invitations.UserInvited
    InvitationWithdrawn: TypeAlias = invitations.InvitationWithdrawn
    InvitationDeclined: TypeAlias = invitations.InvitationDeclined
    InvitationLinkMade: TypeAlias = invitations.InvitationLinkMade
    InvitationLinkRevoked: TypeAlias = invitations.InvitationLinkRevoked


class NamedEvents(KindsByName):
    """What a room inherits. It is one class further down, since the library redefines every event of a direct base."""
