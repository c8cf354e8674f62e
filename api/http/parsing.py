"""What a request contains, as typed values, and the contract's texts for what is wrong with it.

Bodies, forms, query strings, paths and keys come in here and nowhere else; forms that bring files, in
`files/form_files.py`.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import lru_cache
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin
from urllib.parse import parse_qsl, unquote
from uuid import UUID

import msgspec
from aiohttp import web
from msgspec import NODEFAULT, Struct, UnsetType
from msgspec.structs import FieldInfo, astuple, fields

from domain.values import ClientId, RoomId, UserId
from eventstore.values import Version

Body = TypeVar("Body", bound=Struct)
BIGINT = 2**63 - 1
KEY_LIMIT = 200
FILE_NAME_LIMIT = 255
NAME_HEADER = "X-File-Name"
FIELDS_LIMIT = 50
"""Fields of a form."""
SEGMENT_LIMIT = 255
"""Bytes between two slashes of a path: as many as a file's name may have."""
BODY_TIMEOUT_S = 30.0
"""For a body to arrive, once its headers have."""

FORM = "application/x-www-form-urlencoded"
HOST = re.compile(r"[A-Za-z0-9._:\[\]-]*")

REQUIRED = "This field is required."
NULL = "This field may not be null."
NOT_A_STRING = "Not a valid string."
NUL = "Null characters are not allowed."
SURROGATES = "Lone surrogates are not allowed."
NOT_A_NUMBER = "A valid integer is required."
NOT_NUMBERS = "A list of valid integers is required."
NOT_TEXTS = "A list of valid strings is required."
NOT_A_BOOLEAN = "Must be a valid boolean."


class BadJson(Exception):
    """The body is not JSON, or not a JSON object; the text says which."""


class BadKey(Exception):
    """The Idempotency-Key header is empty, too long or not printable."""


class BadRequest(Exception):
    """The request line, the Host header or a form is malformed; the text says which."""


class UnsupportedBody(Exception):
    """The body is compressed, or is not the kind of form or the charset that we read; the text says which."""


class SlowBody(Exception):
    """The body did not arrive in time."""


class NoSuchPath(Exception):
    """An id in the path that nothing can have."""


class InvalidFields(Exception):
    """What is wrong with a body or a query, by field."""

    def __init__(self, problems: Mapping[str, list[str]]) -> None:
        super().__init__(f"invalid: {', '.join(problems)}")
        self.problems = problems


def check_request(request: web.Request) -> None:
    """What is asked of every request, for a page, an API endpoint or a file, before its handler runs.

    Raises BadRequest, NoSuchPath.
    """
    if not HOST.fullmatch(request.host):
        raise BadRequest("The Host header is malformed.")
    if _has_surrogates(request.raw_path):
        raise BadRequest("The address is not UTF-8.")
    path = request.path
    if "\x00" in path or (
        len(path) > SEGMENT_LIMIT // 4 and any(len(part.encode()) > SEGMENT_LIMIT for part in path.split("/"))
    ):
        raise NoSuchPath(path)


async def read_bytes(request: web.Request) -> bytes:
    """The request's body as it was sent; to be called once. Raises UnsupportedBody when it is compressed, SlowBody,
    HTTPRequestEntityTooLarge.
    """
    if request.headers.get("Content-Encoding", "identity").strip().lower() not in ("identity", ""):
        raise UnsupportedBody("Send the body without Content-Encoding.")
    if request.content.is_eof():  # a small body has arrived with its headers: no need to wait
        raw = request.content.read_nowait()
        if len(raw) > request.client_max_size:
            raise web.HTTPRequestEntityTooLarge(request.client_max_size, len(raw))
        return raw
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            return await request.read()
    except TimeoutError:
        raise SlowBody from None


async def body_chunks(request: web.Request, limit: int) -> AsyncIterator[bytes]:
    """The body as it comes, however large it is. Each piece has to arrive in time.

    Raises UnsupportedBody, SlowBody; HTTPRequestEntityTooLarge at once, where it says that it has over `limit` bytes.
    """
    if request.headers.get("Content-Encoding", "identity").strip().lower() not in ("identity", ""):
        raise UnsupportedBody("Send the body without Content-Encoding.")
    if request.content_length is not None and request.content_length > limit:
        raise web.HTTPRequestEntityTooLarge(limit, request.content_length)
    while True:
        try:
            async with asyncio.timeout(BODY_TIMEOUT_S):
                chunk = await request.content.readany()
        except TimeoutError:
            raise SlowBody from None
        if not chunk:
            return
        yield chunk


def file_name(request: web.Request) -> str:
    """The name of the file that is sent, from the header X-File-Name: UTF-8, percent-encoded. Of a path, its last part.

    Raises InvalidFields unless it has 1 to 255 characters, all printable.
    """
    try:
        return checked_file_name(unquote(request.headers.get(NAME_HEADER, ""), errors="strict"))
    except UnicodeDecodeError:
        raise InvalidFields({"name": [NOT_A_STRING]}) from None


def checked_file_name(sent: str) -> str:
    """The name of a file, from a header or from a form; of a path, its last part. Raises InvalidFields."""
    name = sent.replace("\\", "/").rpartition("/")[2]
    if not 1 <= len(name) <= FILE_NAME_LIMIT or not name.isprintable():
        raise InvalidFields({"name": [f"The name of a file has 1 to {FILE_NAME_LIMIT} printable characters."]})
    return name


def upload_ids(texts: Sequence[str]) -> list[UUID]:
    """Ids of uploads. Raises InvalidFields."""
    try:
        return [UUID(text) for text in texts]
    except ValueError:
        raise InvalidFields({"attachments": ["You have no such upload in this room."]}) from None


def upload_id(request: web.Request) -> UUID:
    """The upload in the path. Raises NoSuchPath unless it is a UUID."""
    try:
        return UUID(request.match_info["upload_id"])
    except ValueError:
        raise NoSuchPath(request.match_info["upload_id"]) from None


async def read_form(request: web.Request) -> dict[str, str]:
    """The fields of the request's form by name; the first counts where a name repeats. No body counts as no field.

    Raises UnsupportedBody, SlowBody, BadRequest.
    """
    raw = await read_bytes(request)
    if not raw:
        return {}
    if request.content_type != FORM:
        raise UnsupportedBody(f"Send the form as {FORM}.")
    if (request.charset or "utf-8").lower() not in ("utf-8", "utf8"):
        raise UnsupportedBody("Send the form in UTF-8.")
    try:
        pairs = parse_qsl(raw.decode(), keep_blank_values=True, errors="strict", max_num_fields=FIELDS_LIMIT)
    except UnicodeDecodeError:
        raise BadRequest("The form is not UTF-8.") from None
    except ValueError:
        raise BadRequest("The form has too many fields.") from None
    return dict(reversed(pairs))


async def read_body(request: web.Request, kind: type[Body]) -> Body:
    """The request's body as `kind`, whose fields are strings, positive numbers, lists of these, and booleans.

    No body counts as `{}`; unknown fields are ignored.

    Raises UnsupportedBody, SlowBody, BadJson, InvalidFields.
    """
    raw = await read_bytes(request) or b"{}"
    try:
        body = msgspec.json.decode(raw, type=kind)
    except (ValueError, RecursionError):
        raise _explain(raw, kind) from None
    if not all(_in_range(value) for value in astuple(body)):
        raise _explain(raw, kind)
    return body


def _in_range(value: Any) -> bool:
    """Whether all numbers of a field are positive, and fit the database."""
    if isinstance(value, list):
        return all(map(_in_range, value))
    return type(value) is not int or 0 < value <= BIGINT


def _explain(raw: bytes, kind: type[Struct]) -> Exception:
    """Why `raw` does not decode as `kind`, in the contract's texts."""
    try:
        value = json.loads(raw.decode())
    except RecursionError:
        return BadJson("JSON parse error - nested too deeply")
    except UnicodeDecodeError:
        return BadJson("JSON parse error - not UTF-8")
    except ValueError as error:
        return BadJson(f"JSON parse error - {error}")
    if not isinstance(value, dict):
        return BadJson("Invalid data. Expected an object.")
    problems = {field.encode_name: problem for field in fields(kind) if (problem := _problem(value, field))}
    return InvalidFields(problems) if problems else BadJson("JSON parse error - not standard JSON")


def _problem(value: dict[str, Any], field: FieldInfo) -> list[str] | None:
    if field.encode_name not in value:
        return [REQUIRED] if field.default is NODEFAULT else None
    sent = value[field.encode_name]
    if sent is None:
        return [NULL]
    kind = _plain(field.type)
    if kind is bool:
        return None if isinstance(sent, bool) else [NOT_A_BOOLEAN]
    if get_origin(kind) is list and _plain(get_args(kind)[0]) is str:
        is_right = isinstance(sent, list) and all(isinstance(each, str) and not _has_surrogates(each) for each in sent)
        return None if is_right else [NOT_TEXTS]
    if get_origin(kind) is list:
        is_right = isinstance(sent, list) and all(type(each) is int and _in_range(each) for each in sent)
        return None if is_right else [NOT_NUMBERS]
    if kind is not str:
        return None if type(sent) is int and _in_range(sent) else [NOT_A_NUMBER]
    if not isinstance(sent, str):
        return [NOT_A_STRING]
    return [SURROGATES] if _has_surrogates(sent) else None


def _plain(kind: Any) -> Any:
    """The type of a field without what it says of its values, and without that it may be left out."""
    if get_origin(kind) is Annotated:
        return _plain(get_args(kind)[0])
    if isinstance(kind, UnionType) or get_origin(kind) is Union:
        return _plain(next(each for each in get_args(kind) if each is not UnsetType))
    return getattr(kind, "__supertype__", kind)


def _has_surrogates(text: str) -> bool:
    return not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text)


def query_text(request: web.Request, name: str) -> str:
    """A text from the query string, empty by default. Raises InvalidFields for characters that no text may contain."""
    text = request.query.get(name, "")
    if "\x00" in text:
        raise InvalidFields({name: [NUL]})
    if _has_surrogates(text):
        raise InvalidFields({name: [SURROGATES]})
    return text


def user_id(request: web.Request) -> UserId:
    """The user in the path. Raises NoSuchPath unless it is a number that a user can have."""
    return UserId(_path_number(request, "user_id"))


def message_version(request: web.Request) -> Version:
    """The message in the path, by its version. Raises NoSuchPath unless it is a number that a version can have."""
    return Version(_path_number(request, "version"))


def _path_number(request: web.Request, name: str) -> int:
    text = request.match_info[name]
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(BIGINT)) and 0 < int(text) <= BIGINT):
        raise NoSuchPath(text)
    return int(text)


def emoji(request: web.Request) -> str:
    """The emoji in the path, which may be none."""
    return request.match_info["emoji"]


def room_id(request: web.Request) -> RoomId:
    """The room in the path. Raises NoSuchPath unless it is a UUID in its canonical form."""
    return _as_room_id(request.match_info["room_id"])


@lru_cache(maxsize=10_000)
def _as_room_id(text: str) -> RoomId:
    try:
        parsed = UUID(text)
    except ValueError:
        raise NoSuchPath(text) from None
    if str(parsed) != text.lower():
        raise NoSuchPath(text)
    return RoomId(parsed)


def idempotency_key(request: web.Request) -> ClientId | None:
    """The Idempotency-Key header; None without one. Raises BadKey unless it is 1 to 200 printable characters."""
    key = request.headers.get("Idempotency-Key")
    return None if key is None else checked_key(key)


def checked_key(key: str) -> ClientId:
    """A key, from a header or from the hidden field of a form. Raises BadKey."""
    if not 1 <= len(key) <= KEY_LIMIT or not key.isprintable():
        raise BadKey(f"Idempotency-Key: use 1 to {KEY_LIMIT} printable characters.")
    return ClientId(key)


def query_number(request: web.Request, name: str, *, default: int, least: int = 0, most: int = BIGINT) -> int:
    """A number from the query string. Raises InvalidFields unless it is a whole number from `least` to `most`."""
    text = request.query.get(name)
    if text is None:
        return default
    if (number := as_number(text)) is None:
        raise InvalidFields({name: [NOT_A_NUMBER]})
    if number < least:
        raise InvalidFields({name: [f"Ensure this value is greater than or equal to {least}."]})
    if number > most:
        raise InvalidFields({name: [f"Ensure this value is less than or equal to {most}."]})
    return number


def query_version(request: web.Request, name: str, *, default: Version, most: int = BIGINT) -> Version:
    """A version of a room from the query string. Raises InvalidFields unless it is from 1 to `most`."""
    return Version(query_number(request, name, default=default, least=1, most=most))


def as_number(text: str) -> int | None:
    """A whole number with no more digits than the database's largest; None for any other text."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= len(str(BIGINT)) else None
