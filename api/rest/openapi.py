"""The OpenAPI 3.1 document, derived from the URL table and from the types of bodies and answers.

Source: https://spec.openapis.org/oas/v3.1.0
"""

import inspect
import re
from collections.abc import Iterable
from importlib.metadata import version
from typing import Any, get_args

import msgspec
from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import fields

from api.http.access import SAFE
from api.http.csrf import HEADER as CSRF_HEADER
from api.http.endpoints import Access, Endpoint
from api.http.parsing import BIGINT, KEY_LIMIT
from projections.readmodels.shapes import Body, StreamEvent

Json = dict[str, Any]
REF = "#/components/schemas/{name}"


class Problem(Struct, frozen=True):
    """Why a request was refused: `detail` for people and, where the status alone is ambiguous, `code` for programs."""

    detail: str
    code: str | UnsetType = UNSET


class Conflict(Struct, frozen=True):
    """Why a join was refused: they are a member already."""

    message: str


class EventBody:
    """Stands for `Body`."""


Event: Any = msgspec.defstruct(
    "StreamEvent",
    [
        (field.name, EventBody if field.name == "body" else field.type, msgspec.field(default=field.default))
        for field in fields(StreamEvent)
    ],
    namespace={"__doc__": StreamEvent.__doc__},
)

FIELD_PROBLEMS: Json = {
    "title": "FieldProblems",
    "description": "What is wrong, by field.",
    "type": "object",
    "minProperties": 1,
    "additionalProperties": {"type": "array", "items": {"type": "string"}, "minItems": 1},
}
NUMBER: Json = {"type": "integer", "minimum": 0, "maximum": BIGINT}
COUNT: Json = {"type": "integer", "minimum": 1, "maximum": 500}
PATH: dict[str, Json] = {
    "room_id": {"type": "string", "format": "uuid"},
    "user_id": {"type": "integer", "minimum": 1, "maximum": BIGINT},
    "version": {"type": "integer", "minimum": 1, "maximum": BIGINT},
    "emoji": {"type": "string", "minLength": 1},
}
QUERY: dict[str, tuple[Json, str]] = {
    "page": ({"type": "integer", "minimum": 1}, "Page of 100 results; the first by default."),
    "q": (
        {"type": "string", "pattern": "^[^\\u0000]*$"},
        "What is looked for: a text in names of rooms, or a query in messages.",
    ),
    "cursor": ({"type": "integer", "minimum": 1, "maximum": BIGINT}, "`next` of the answer before: older messages."),
    "before": (NUMBER, "Only messages with smaller ids: a cursor that stays correct while new messages arrive."),
    "at": ({"type": "integer", "minimum": 1, "maximum": BIGINT}, "The members right after this version of the room."),
    "log": (
        {"type": "string"},
        "`log` of the feed or the publication that the client continues from; may be repeated. 409 when the log no "
        "longer has that event.",
    ),
    "after": (NUMBER, "Only events after this version (of a room) or position (of the log)."),
    "limit": (COUNT, "How many at most."),
    "link": ({"type": "string", "pattern": "^[^\\u0000]*$"}, "The token of an invitation link."),
    "channel": (
        {"type": "string"},
        "The channel to subscribe to: `personal:` and the caller's id; `operations:figures` for admins.",
    ),
}
REASONS = {
    400: "The request is malformed",
    401: "Not logged in",
    403: "Not logged in, the CSRF token is missing or wrong, or (with a code) the role in the room does not allow it",
    404: "It does not exist, or this user may not see it",
    409: "The current state does not allow it",
    408: "The body did not arrive in time",
    413: "The body is too large",
    415: "The body is compressed",
    507: "The server has no space left for the file",
    422: "The Idempotency-Key was used before, with another body",
    429: "Too many requests: see Retry-After",
    503: "The database is unavailable or overloaded: see Retry-After",
}


def openapi(endpoints: Iterable[Endpoint]) -> Json:
    """The document that describes these endpoints."""
    endpoints = list(endpoints)
    types = [
        Problem,
        Conflict,
        *get_args(Body),
        *(e.response for e in endpoints),
        *(e.body for e in endpoints if e.body is not None),
    ]
    schemas, components = msgspec.json.schema_components(
        [describable(kind) for kind in types], schema_hook=_event_body, ref_template=REF
    )
    schema_of = dict(zip(map(repr, types), schemas, strict=True))
    paths: dict[str, Json] = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint, schema_of)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "onrecord",
            "version": version("onrecord"),
            "description": "An event-sourced chat backend: what was said is kept, proved and replayed.",
        },
        "paths": paths,
        "components": {
            "schemas": {**components, "FieldProblems": FIELD_PROBLEMS},
            "securitySchemes": {"session": {"type": "apiKey", "in": "cookie", "name": "sessionid"}},
        },
    }


def describable(kind: Any) -> Any:
    """`kind`, or a copy of it that msgspec can describe: it has no schema for the body of an event."""
    if not isinstance(kind, type) or not issubclass(kind, Struct):
        return kind
    members = [(field.name, list[Event] if field.type == list[StreamEvent] else field.type) for field in fields(kind)]
    if all(field.type == type_ for field, (_, type_) in zip(fields(kind), members, strict=True)):
        return kind
    return msgspec.defstruct(kind.__name__, members, namespace={"__doc__": kind.__doc__})


def _event_body(kind: type) -> Json:
    if kind is not EventBody:
        raise NotImplementedError
    return {"anyOf": [{"$ref": REF.format(name=shape.__name__)} for shape in get_args(Body)]}


def _operation(endpoint: Endpoint, schema_of: dict[str, Json]) -> Json:
    summary, _, description = (inspect.getdoc(endpoint.handler) or "").partition(": ")
    operation: Json = {
        "operationId": endpoint.handler.__name__,
        "summary": summary,
        "description": description,
        "parameters": _parameters(endpoint),
        "responses": _responses(endpoint, schema_of),
        "security": [{"session": []}] if endpoint.access is not Access.EVERYONE else [],
    }
    if endpoint.body is not None:
        schema = schema_of[repr(endpoint.body)]
        operation["requestBody"] = {
            "required": bool(endpoint.body.__struct_fields__),
            "content": {"application/json": {"schema": schema}},
        }
    return operation


def _parameters(endpoint: Endpoint) -> list[Json]:
    parameters: list[Json] = [
        {"name": name, "in": "path", "required": True, "schema": PATH[name]}
        for name in re.findall(r"{(\w+)}", endpoint.path)
    ]
    for name in endpoint.query:
        schema, meaning = QUERY[name]
        parameters.append({"name": name, "in": "query", "schema": schema, "description": meaning})
    if endpoint.method not in SAFE:
        text = {"type": "string"}
        parameters.append({"name": CSRF_HEADER, "in": "header", "required": True, "schema": text})
    if endpoint.records:
        key = {"type": "string", "minLength": 1, "maxLength": KEY_LIMIT, "pattern": "^[!-~]([ -~]*[!-~])?$"}
        meaning = "A name for this request: a repeat records nothing and gets the same answer."
        parameters.append({"name": "Idempotency-Key", "in": "header", "schema": key, "description": meaning})
    return parameters


def _responses(endpoint: Endpoint, schema_of: dict[str, Json]) -> Json:
    success = {"description": "Done", "content": {"application/json": {"schema": schema_of[repr(endpoint.response)]}}}
    refusals = {
        str(status): {
            "description": REASONS[status],
            "content": {"application/json": {"schema": _refusal(endpoint, status, schema_of)}},
        }
        for status in sorted(_statuses(endpoint))
    }
    return {str(endpoint.status): success, **refusals}


def _statuses(endpoint: Endpoint) -> set[int]:
    """Every status with which this endpoint may refuse a request."""
    statuses = {429, 503, *endpoint.refusals}
    if endpoint.body is not None:
        statuses |= {400, 408, 413, 415}
    if endpoint.query:
        statuses.add(400)
    if "log" in endpoint.query:
        statuses.add(409)
    if endpoint.method not in SAFE or endpoint.access is not Access.EVERYONE:
        statuses.add(403)
    if "{" in endpoint.path or "page" in endpoint.query:
        statuses.add(404)
    if endpoint.records:
        statuses |= {400, 422}
    return statuses


def _refusal(endpoint: Endpoint, status: int, schema_of: dict[str, Json]) -> Json:
    problem = schema_of[repr(Problem)]
    if status == 400:
        return {"anyOf": [problem, {"$ref": "#/components/schemas/FieldProblems"}]}
    if status == 409 and endpoint.body is not None and not endpoint.body.__struct_fields__:
        return {"anyOf": [schema_of[repr(Conflict)], problem]}
    return problem
