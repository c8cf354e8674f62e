"""What a client holds that has only ever heard publications."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any


def as_last(message: dict[str, Any]) -> dict[str, Any]:
    """A message as room lists show it."""
    shown = ("id", "content", "user", "created_at", "erased", "retracted")
    return {name: message[name] for name in shown if name in message}


def with_reactions(message: dict[str, Any], reactions: list[Any]) -> dict[str, Any]:
    """The message with these reactions; without any, it has no such field."""
    rest = {name: value for name, value in message.items() if name != "reactions"}
    return rest | {"reactions": reactions} if reactions else rest


@dataclass
class Client:
    """What a browser holds that subscribed before anything happened. It knows publications and nothing else."""

    user_id: int
    rooms: dict[str, dict[str, Any]] = field(default_factory=dict)
    messages: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def hear(self, publications: Sequence[dict[str, Any]]) -> None:
        """Apply them in order; a repeat is dropped by its version, and a gap is a defect."""
        for publication in publications:
            room_id = publication["body"]["room"]["id"]
            held = self.rooms.get(room_id)
            if held is None:
                self._enter(room_id, publication)
            elif publication["version"] > held["version"]:
                assert publication["version"] == held["version"] + 1, f"user {self.user_id} missed something"
                self._apply(room_id, held, publication)

    def _enter(self, room_id: str, publication: dict[str, Any]) -> None:
        """Outside a room, the first thing to be heard of it is that one joined it."""
        assert publication["type"] == "user_joined", publication
        assert publication["body"]["user"]["id"] == self.user_id, publication
        self.rooms[room_id] = publication["body"]["room"]
        self.messages[room_id] = []

    def _apply(self, room_id: str, held: dict[str, Any], publication: dict[str, Any]) -> None:
        body = publication["body"]
        match publication["type"]:
            case "message_added":
                self.messages[room_id].append(body)
                self.rooms[room_id] = held | body["room"] | {"last_message": as_last(body)}
            case "user_left" if body["user"]["id"] == self.user_id:
                del self.rooms[room_id], self.messages[room_id]
            case "user_joined" | "user_left" | "room_renamed" | "topic_set" | "room_archived" | "room_reopened":
                self.rooms[room_id] = updated(held, body["room"])
            case "user_erased":
                self.rooms[room_id] = updated(held, body["room"])
            case "role_given" | "user_banned" | "ban_lifted" | "user_muted" | "mute_lifted":
                self.rooms[room_id] = updated(held, body["room"])
            case "visibility_changed" | "history_changed" | "user_invited" | "invitation_withdrawn":
                self.rooms[room_id] = updated(held, body["room"])
            case "invitation_declined" | "invitation_link_made" | "invitation_link_revoked":
                self.rooms[room_id] = updated(held, body["room"])
            case "content_erased":
                last = held["last_message"]
                if last is not None and last["id"] in body["versions"] and "erased" not in last:
                    last = {**last, "content": "", "erased": body["erased"]}
                self.rooms[room_id] = updated({"last_message": last}, body["room"])
                self.messages[room_id] = [
                    {**message, "content": "", "erased": body["erased"]}
                    if message["id"] in body["versions"] and "erased" not in message
                    else message
                    for message in self.messages[room_id]
                ]
            case "message_edited" | "message_retracted" | "message_pinned" | "message_unpinned" if not body["message"]:
                self.rooms[room_id] = held | body["room"]  # said before they joined
            case "message_edited" | "message_retracted" | "message_pinned" | "message_unpinned":
                is_last = (held["last_message"] or {}).get("id") == body["message"]["id"]
                last = as_last(body["message"]) if is_last else held["last_message"]
                self.rooms[room_id] = held | body["room"] | {"last_message": last}
                self._change(room_id, body["message"]["id"], lambda _: body["message"])
            case "reaction_added" | "reaction_removed":
                self.rooms[room_id] = held | body["room"]
                self._change(room_id, body["message_id"], lambda message: with_reactions(message, body["reactions"]))
            case unknown:
                raise AssertionError(f"a publication of type {unknown}")

    def _change(self, room_id: str, message_id: int, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        self.messages[room_id] = [
            change(message) if message["id"] == message_id else message for message in self.messages[room_id]
        ]


def updated(held: dict[str, Any], told: dict[str, Any]) -> dict[str, Any]:
    """The room as an event tells it, with the last message as known where the event does not tell it."""
    return told | {"last_message": told["last_message"] or held["last_message"]}
