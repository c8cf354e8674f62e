"""The history page: the stream of a room's events, and next to it the room at one of its versions."""

import asyncio
from urllib.parse import urlencode

from aiohttp import web
from msgspec.json import encode, format

from api.core import Core
from api.http.app_keys import CORE, SESSION
from api.http.parsing import query_number, query_version, room_id
from api.pages.admission import page
from api.pages.history.difference import difference
from api.pages.history.stream import KIND_NAMES, StreamFilter, said_by, stream_around, stream_filtered, words_of
from api.pages.page import ROOM, Context, render
from api.pages.proofs import proof_context
from api.pages.state import layout_context, my_rooms
from domain.room import LABELS
from domain.values import RoomId, UserId
from eventstore.values import Version
from projections.readmodels.admission.readable import Readable
from projections.readmodels.queries import PAGE, NotInRoom
from projections.readmodels.shapes import StreamEvent

MESSAGES = 30
"""Messages shown, the newest at that version."""

TABS = {"room": "The room then", "audience": "Audience", "text": "Text", "difference": "Difference", "proof": "Proof"}


async def get_history(request: web.Request) -> web.Response:
    """GET /rooms/{room_id}/history/?at=<version>: the newest version by default.

    `tab` is what is shown of it; `person`, `kind` and `words` choose the events of the stream. An unknown `kind`
    chooses none of them, and the page says so.
    """
    core, user_id, room = request.app[CORE], request[SESSION].user.id, room_id(request)
    now = (await core.queries.room(user_id, room)).value
    readable = await core.queries.readable(user_id, room)
    version = nearest(readable, query_version(request, "at", default=now.version, most=now.version))
    query = request.query
    kind = query.get("kind", "")
    shown = StreamFilter(query.get("person", ""), kind if kind in KIND_NAMES else "", query.get("words", ""))
    tab = query.get("tab", "room") if query.get("tab") in TABS else "room"
    state, then, stream, chosen, part = await asyncio.gather(
        my_rooms(request),
        core.bodies.room_at(room, version),
        stream_filtered(core.queries, user_id, room, version, shown)
        if shown
        else stream_around(core.queries, user_id, room, version),
        core.queries.events(user_id, room, after=Version(version - 1), limit=1),
        _part(request, tab, core, user_id, room, version, readable),
    )
    wanted = {"tab": tab if "tab" in query else "", "person": shown.person, "kind": shown.kind, "words": shown.words}
    kept = {name: value for name, value in wanted.items() if value}
    context = {
        **layout_context(state),
        "room": now,
        "version": version,
        "oldest": readable.after(Version(0)),
        "earlier": readable.before(version),
        "later": readable.after(version),
        "then": then,
        "events": stream.events,
        "continues_at": stream.continues_at,
        "filter": shown,
        "unknown_kind": "" if kind in KIND_NAMES else kind,
        "kinds": KIND_NAMES,
        "labels": LABELS,
        "chosen": chosen.value.events[0],
        "tabs": TABS,
        "tab": tab,
        "link": lambda **other: f"?{urlencode({**kept, 'at': version, **other})}",
        **part,
    }
    return render(request, "history.html", context)


def nearest(readable: Readable, version: Version) -> Version:
    """`version`, or the next that may be read: a slider has versions in between that its user may not read."""
    if version in readable:
        return version
    found = readable.before(version) or readable.after(version)
    if found is None:
        raise NotInRoom
    return found


async def _part(
    request: web.Request, tab: str, core: Core, user_id: UserId, room: RoomId, version: Version, readable: Readable
) -> Context:
    """What one of the tabs shows."""
    if tab == "audience":
        name, number = request.query.get("name", ""), max(1, query_number(request, "page", default=1))
        audience, later = await asyncio.gather(
            core.members.audience(room, version, name=name, page=number),
            core.members.later_readers(room, version, name=name, page=number),
        )
        has_more = PAGE in (len(audience), len(later))
        return {"audience": audience, "later_readers": later, "name": name, "page": number, "has_more": has_more}
    if tab == "text":
        found = await core.queries.events(user_id, room, after=Version(version - 1), limit=1)
        return {"typed": words_of(found.value.events[0]), "recorded": as_recorded(found.value.events[0])}
    if tab == "difference":
        most = Version(max(version - 1, 1))
        since = query_number(request, "from", default=readable.before(version) or version)
        return {
            "compared": await difference(core, user_id, room, nearest(readable, Version(min(since, most))), version)
        }
    if tab == "proof":
        return await _proof(request, core, room, version)
    members, said = await asyncio.gather(
        core.members.at(room, version),
        core.queries.messages_before(user_id, room, before=Version(version + 1), limit=MESSAGES, at=version),
    )
    messages = said.value.results[::-1]
    answered = await core.messages.answered_by(user_id, room, messages, at=version)
    return {"members": members, "messages": messages, "answered": answered}


async def _proof(request: web.Request, core: Core, room: RoomId, version: Version) -> Context:
    """`proven_message`: the one that the event says or edits, None of another event, and the versions of it that are
    shown to the reader.
    """
    session = request[SESSION]
    found = await core.queries.events(session.user.id, room, after=Version(version - 1), limit=1)
    message = said_by(found.value.events[0])
    if message is None:
        return {"proven_message": None}
    said = (await core.messages.versions(session.user.id, room, message, is_admin=session.is_admin)).value
    versions = [each.version for each in said.versions]
    return {
        "proven_message": said.message,
        "shown_versions": versions,
        **await proof_context(request, room, versions),
    }


def as_recorded(event: StreamEvent) -> str:
    """An event as programs read it, with the words that people may read."""
    return format(encode(event), indent=2).decode()


ROUTES = (web.get(f"{ROOM}/history/", page(get_history)),)
