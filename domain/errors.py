"""Why a command is refused. One tree:

ChatError
├── RoomNotFound     no such room
├── NotAMember       the room is there, the user is not in it
├── AlreadyAMember   joined before and has not left
├── NameTaken        another room has that name
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
├── NothingToErase   no words at a version, or words that stay
├── NoSuchHold       no hold with this number is in force
├── NoSuchRule       no rule of retention is in force there
├── NoSuchRequest    no request to erase with this number waits
└── InvalidField     a value that can never be right: blank, too long
"""


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
    """Names of rooms are unique, however they are capitalised."""

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


class NothingToErase(ChatError):
    """A version has no words that can be erased: the text says why."""

    code = "nothing_to_erase"


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
