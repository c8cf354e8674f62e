"""The HTTP answer to each error. One table; nothing else in this package chooses a status for an error."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import ceil
from typing import Any

from aiohttp import web

from api.accounts.accounts import WrongCredentials
from api.accounts.passwords import PasswordsBusy
from api.accounts.throttle import TooManyRequests
from api.attachments.storage import FileMissing, FileTooLarge, NoRoomForFile, StorageUnavailable
from api.attachments.uploads import UploadsUsedUp
from api.http.access import NotAnAdmin, NotLoggedIn, PermissionDenied, Unauthorized
from api.http.acting_user import OtherUser
from api.http.csrf import CsrfFailed
from api.http.login import SignUpClosed
from api.http.paging import NoSuchPage
from api.http.parsing import BadJson, BadKey, BadRequest, InvalidFields, NoSuchPath, SlowBody, UnsupportedBody
from api.http.responses import json_response
from audit.ledger import LedgerUnavailable
from audit.proofs.proving import NotProvable
from domain.errors import (
    ActsOnSelf,
    AlreadyAMember,
    AlreadyInvited,
    BannedFromRoom,
    DirectRoom,
    EditWindowOver,
    ErasedMessage,
    HigherRole,
    InvalidField,
    LastOwner,
    LinkNotValid,
    MutedInRoom,
    NameTaken,
    NoSuchHold,
    NoSuchLink,
    NoSuchMember,
    NoSuchMessage,
    NoSuchReaction,
    NoSuchRule,
    NotAllowed,
    NotAMember,
    NotBanned,
    NothingToErase,
    NotInvited,
    NotMuted,
    NotPinned,
    NotYourMessage,
    PinnedAlready,
    ReactedAlready,
    RetractedMessage,
    RoomIsArchived,
    RoomNotArchived,
    RoomNotFound,
    SameRole,
    TooManyEdits,
    TooManyLinks,
    TooManyPins,
    TooManyReactions,
)
from eventstore.errors import (
    ContentWithheld,
    KeyReused,
    NewerFold,
    OutcomeUnknown,
    StoreBusy,
    UnreadableEvent,
    WordsHeld,
)
from eventstore.generation import NotInLog
from postgres.errors import StoreUnavailable
from projections.readmodels.queries import NotInRoom

RETRY_AFTER_S = 1
ACCESS_REFUSAL = web.RequestKey("access_refusal", str)
"""Why the request was refused access."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error answer. `detail` is for people; `code`, where the status alone is ambiguous, for programs."""

    status: int
    body: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self) -> web.Response:
        response = json_response(self.body, status=self.status)
        response.headers.update(self.headers)
        return response


def detail(status: int, text: str) -> Callable[[Any], Refusal]:
    return lambda _: Refusal(status, {"detail": text})


def own_text(status: int, code: str | None = None) -> Callable[[Exception], Refusal]:
    """The error's own text, which is written for clients."""
    return lambda error: Refusal(status, {"detail": str(error), **({"code": code} if code else {})})


def retry_later(status: int, text: str, code: str) -> Callable[[Any], Refusal]:
    return lambda _: Refusal(status, {"detail": text, "code": code}, {"Retry-After": str(RETRY_AFTER_S)})


REFUSALS: dict[type[Exception], Callable[[Any], Refusal]] = {
    # what the client sent
    BadRequest: own_text(400),
    BadJson: own_text(400),
    BadKey: own_text(400),
    InvalidFields: lambda error: Refusal(400, error.problems),
    InvalidField: lambda error: Refusal(400, {error.field: [str(error)]}),
    WrongCredentials: own_text(400),
    SlowBody: detail(408, "The request body did not arrive in time."),
    UnsupportedBody: own_text(415),
    FileTooLarge: own_text(413, "file_too_large"),
    # who the client is
    NotLoggedIn: detail(403, "Authentication credentials were not provided."),
    NotAnAdmin: detail(403, "This is for admins."),
    OtherUser: own_text(409, "other_user"),
    CsrfFailed: own_text(403),
    SignUpClosed: own_text(403, "signup_closed"),
    Unauthorized: detail(401, "unauthorized"),
    PermissionDenied: detail(403, "permission denied"),
    # what the rules say
    NoSuchPage: detail(404, "Invalid page."),
    NotInRoom: detail(404, "Not found."),
    NoSuchPath: detail(404, "Not found."),
    RoomNotFound: detail(404, "Not found."),
    NotAMember: detail(404, "Not found."),
    AlreadyAMember: lambda error: Refusal(409, {"message": str(error)}),
    NameTaken: own_text(409, NameTaken.code),
    NotAllowed: own_text(403, NotAllowed.code),
    DirectRoom: own_text(409, DirectRoom.code),
    AlreadyInvited: own_text(409, AlreadyInvited.code),
    NotInvited: own_text(409, NotInvited.code),
    LinkNotValid: own_text(404, LinkNotValid.code),
    NoSuchLink: own_text(404, NoSuchLink.code),
    TooManyLinks: own_text(409, TooManyLinks.code),
    HigherRole: own_text(403, HigherRole.code),
    NoSuchMember: own_text(404, NoSuchMember.code),
    SameRole: own_text(409, SameRole.code),
    LastOwner: own_text(409, LastOwner.code),
    ActsOnSelf: own_text(409, ActsOnSelf.code),
    BannedFromRoom: own_text(409, BannedFromRoom.code),
    MutedInRoom: own_text(409, MutedInRoom.code),
    NotBanned: own_text(409, NotBanned.code),
    NotMuted: own_text(409, NotMuted.code),
    RoomIsArchived: own_text(409, RoomIsArchived.code),
    RoomNotArchived: own_text(409, RoomNotArchived.code),
    NothingToErase: own_text(409, NothingToErase.code),
    NoSuchMessage: own_text(404, NoSuchMessage.code),
    NotYourMessage: own_text(403, NotYourMessage.code),
    EditWindowOver: own_text(409, EditWindowOver.code),
    TooManyEdits: own_text(409, TooManyEdits.code),
    RetractedMessage: own_text(409, RetractedMessage.code),
    ErasedMessage: own_text(409, ErasedMessage.code),
    ReactedAlready: own_text(409, ReactedAlready.code),
    NoSuchReaction: own_text(409, NoSuchReaction.code),
    TooManyReactions: own_text(409, TooManyReactions.code),
    PinnedAlready: own_text(409, PinnedAlready.code),
    NotPinned: own_text(409, NotPinned.code),
    TooManyPins: own_text(409, TooManyPins.code),
    NoSuchHold: own_text(409, NoSuchHold.code),
    NoSuchRule: own_text(409, NoSuchRule.code),
    WordsHeld: own_text(409, "held"),
    NotProvable: own_text(409, "not_provable"),
    NotInLog: lambda _: Refusal(409, {"detail": "This place is not in the log: load afresh.", "code": "log_restarted"}),
    KeyReused: lambda _: Refusal(
        422, {"detail": "This Idempotency-Key was used before, with another body.", "code": "key_reused"}
    ),
    # temporary
    UploadsUsedUp: own_text(429, "uploads_used_up"),
    FileMissing: detail(404, "Not found."),
    NoRoomForFile: detail(507, "The server has no space left for this file."),
    TooManyRequests: lambda error: Refusal(
        429, {"detail": str(error), "code": "throttled"}, {"Retry-After": str(ceil(error.retry_after_s))}
    ),
    ContentWithheld: retry_later(503, ContentWithheld.REASON, "content_withheld"),
    LedgerUnavailable: retry_later(503, "It is done, but cannot be written to the ledger. Repeat it.", "ledger"),
    PasswordsBusy: retry_later(503, "Too many people are logging in.", "busy"),
    StoreBusy: retry_later(503, "Too many commands are waiting.", "busy"),
    NewerFold: retry_later(503, "This process is of an older release.", "outdated"),
    UnreadableEvent: retry_later(503, "An event in the log cannot be read.", "unreadable_event"),
    StorageUnavailable: retry_later(503, "The files of messages are not available.", "files_unavailable"),
    StoreUnavailable: retry_later(503, "The database is not available.", "unavailable"),
    OutcomeUnknown: retry_later(
        503, "The database went away before it confirmed. Repeat with the same Idempotency-Key.", "outcome_unknown"
    ),
}


ACCESS_REFUSED: dict[type[Exception], str] = {
    NotLoggedIn: "not logged in",
    Unauthorized: "not logged in",
    NotAnAdmin: "not an admin",
    PermissionDenied: "channel of others",
    CsrfFailed: "csrf",
    OtherUser: "other user",
    SignUpClosed: "sign-up closed",
    NotInRoom: "not in room",
    NotAMember: "not in room",
    LinkNotValid: "link not valid",
    NotAllowed: "not the role",
    HigherRole: "higher role",
}
"""The refusals in the security log, each with its reason; also those whose answer hides that the room is there."""


def refusal_of(error: Exception) -> Refusal | None:
    """The answer to an expected error; None for a defect."""
    if isinstance(error, web.HTTPException):
        return _refusal_of_aiohttp(error)
    for kind in type(error).__mro__:
        if kind in REFUSALS:
            return REFUSALS[kind](error)
    return None


def note_refusal(request: web.Request, error: Exception) -> None:
    """Keep for the security log why access is refused, if that is what `error` does."""
    if (reason := ACCESS_REFUSED.get(type(error))) is not None:
        request[ACCESS_REFUSAL] = reason


def _refusal_of_aiohttp(error: web.HTTPException) -> Refusal:
    if isinstance(error, web.HTTPMove):
        return Refusal(error.status, {"detail": error.reason}, {"Location": str(error.location)})
    if isinstance(error, web.HTTPNotFound):
        return Refusal(404, {"detail": "Not found."})
    if isinstance(error, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(error.allowed_methods))
        return Refusal(405, {"detail": f'Method "{error.method}" not allowed.'}, {"Allow": allowed})
    if isinstance(error, web.HTTPRequestEntityTooLarge):
        return Refusal(413, {"detail": "The request body is too large."})
    return Refusal(error.status, {"detail": error.reason})
