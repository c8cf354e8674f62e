"""Why a command is refused. One tree:

ChatError
├── RoomNotFound     no such room
├── NotAMember       the room is there, the user is not in it
├── AlreadyAMember   joined before and has not left
├── NameTaken        another room has that name
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
