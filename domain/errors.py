"""Why a command is refused. One tree:

ChatError
├── RoomNotFound     no such room
├── NotAMember       the room is there, the user is not in it
├── AlreadyAMember   joined before and has not left
├── NameTaken        another room has that name
├── NothingToErase   no words at a version, or words that stay
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


class InvalidField(ChatError):
    """One field of a command is wrong in itself: `field` names it, the text says what is wrong."""

    code = "invalid"

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(problem)
        self.field = field
