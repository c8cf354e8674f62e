"""Why a command is refused. One tree:

ChatError
├── RoomNotFound     no such room
├── NotAMember       the room is there, the user is not in it
├── AlreadyAMember   joined before and has not left
├── NameTaken        another public room has that name
├── NotAllowed       for owners or moderators only
├── HigherRole       the other person has a higher role
├── SameRole         the member has that role already
├── LastOwner        others would be left without an owner
├── ActsOnSelf       for other people only
├── NoSuchMember     the other person is not a member
├── BannedFromRoom   banned, and the time is not over
├── MutedInRoom      muted, and the time is not over
├── NotBanned        there is no ban to lift
├── NotMuted         there is no mute to lift
├── RoomIsArchived   the room is only read
├── RoomNotArchived  there is nothing to reopen
├── DirectRoom       a direct conversation stays as it is
├── DirectRoomExists the conversation of these people is there
├── AlreadyInvited   an invitation is under way
├── NotInvited       no invitation is under way
├── LinkNotValid     a link that was revoked, expired or is used up
├── NoSuchLink       a link that is not in use
├── TooManyLinks     as many links as a room may have
├── NothingToErase   no words at a version, or words that stay
├── NoSuchMessage    no message at a version of a room
├── NotYourMessage   only its author, and in part moderators, may do that
├── EditWindowOver   the installation does not let it be edited any more
├── TooManyEdits     of one message
├── RetractedMessage the message was taken back
├── ErasedMessage    the words of the message were erased
├── ReactedAlready   with the same emoji
├── NoSuchReaction   of this user, with that emoji
├── TooManyReactions different emoji on one message
├── PinnedAlready    the message is pinned
├── NotPinned        the message is not pinned
├── TooManyPins      in one room
├── NoSuchHold       no hold with this number is in force
├── NoSuchRule       no rule of retention is in force there
├── NoSuchRequest    no request to erase with this number waits
└── InvalidField     a value that can never be right: blank, too long
"""

from domain.values import RoomId


class ChatError(Exception):
    """A command that the rules refuse. Nothing was recorded; `code` is what programs branch on."""

    code = "refused"


class RoomNotFound(ChatError):
    """A room with this id does not exist."""

    code = "room_not_found"


class NotAMember(ChatError):
    """Only members post in, leave and read a room."""

    code = "not_a_member"


class AlreadyAMember(ChatError):
    """A user is in a room once."""

    code = "already_a_member"


class NameTaken(ChatError):
    """Names of public rooms are unique, however they are capitalised."""

    code = "name_taken"


class NotAllowed(ChatError):
    """Only an owner of the room, or only a moderator, may do this: the text says which."""

    code = "not_allowed"


class HigherRole(ChatError):
    """Nobody acts on a person with a higher role."""

    code = "higher_role"


class SameRole(ChatError):
    """A member has one role, and this is it."""

    code = "same_role"


class LastOwner(ChatError):
    """A room with members has an owner."""

    code = "last_owner"


class ActsOnSelf(ChatError):
    """People leave a room; they do not remove, ban or mute themselves."""

    code = "acts_on_self"


class NoSuchMember(ChatError):
    """The person whom it is about is not a member of the room."""

    code = "no_such_member"


class BannedFromRoom(ChatError):
    """A banned person joins when the time is over: the text says when."""

    code = "banned"


class MutedInRoom(ChatError):
    """A muted member says nothing until the time is over: the text says when."""

    code = "muted"


class NotBanned(ChatError):
    """The person is not banned from the room."""

    code = "not_banned"


class NotMuted(ChatError):
    """The person is not muted in the room."""

    code = "not_muted"


class RoomIsArchived(ChatError):
    """Nothing is said in an archived room, and no one joins it."""

    code = "archived"


class RoomNotArchived(ChatError):
    """A room that is open cannot be reopened."""

    code = "not_archived"


class DirectRoom(ChatError):
    """A direct conversation has its people and no name, for good."""

    code = "direct_room"


class DirectRoomExists(ChatError):
    """These people have a direct conversation: `room_id`."""

    code = "direct_room_exists"

    def __init__(self, room_id: RoomId) -> None:
        super().__init__("These people have a direct conversation already.")
        self.room_id = room_id


class AlreadyInvited(ChatError):
    """The user has an invitation already."""

    code = "already_invited"


class NotInvited(ChatError):
    """The user has no invitation."""

    code = "not_invited"


class LinkNotValid(ChatError):
    """The link opens no room: it never did, or was revoked, has expired or is used up."""

    code = "link_not_valid"


class NoSuchLink(ChatError):
    """The room has no such link in use."""

    code = "no_such_link"


class TooManyLinks(ChatError):
    """The room has as many links in use as it may have."""

    code = "too_many_links"


class NothingToErase(ChatError):
    """A version has no words that can be erased: the text says why."""

    code = "nothing_to_erase"


class NoSuchMessage(ChatError):
    """A version of a room added no message."""

    code = "no_such_message"


class NotYourMessage(ChatError):
    """Only its author may edit a message, and only its author and moderators may retract it."""

    code = "not_your_message"


class EditWindowOver(ChatError):
    """The time in which a message may be edited is over, or the installation allows no edits."""

    code = "edit_window_over"


class TooManyEdits(ChatError):
    """A message was edited as often as is allowed."""

    code = "too_many_edits"


class RetractedMessage(ChatError):
    """The message was retracted."""

    code = "message_retracted"


class ErasedMessage(ChatError):
    """The words of the message were erased."""

    code = "message_erased"


class ReactedAlready(ChatError):
    """A user reacts to a message with an emoji once."""

    code = "already_reacted"


class NoSuchReaction(ChatError):
    """The user did not react to the message with this emoji."""

    code = "no_such_reaction"


class TooManyReactions(ChatError):
    """A message has as many different emoji as is allowed."""

    code = "too_many_reactions"


class PinnedAlready(ChatError):
    """A message is pinned once."""

    code = "already_pinned"


class NotPinned(ChatError):
    """The message is not pinned."""

    code = "not_pinned"


class TooManyPins(ChatError):
    """The room has as many pinned messages as is allowed."""

    code = "too_many_pins"


class NoSuchHold(ChatError):
    """No hold with this number is in force."""

    code = "no_such_hold"


class NoSuchRule(ChatError):
    """The room, or all rooms, have no rule of retention."""

    code = "no_such_rule"


class NoSuchRequest(ChatError):
    """No request to erase with this number waits to be carried out."""

    code = "no_such_request"


class InvalidField(ChatError):
    """One field of a command is wrong in itself: `field` names it, the text says what is wrong."""

    code = "invalid"

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(problem)
        self.field = field
