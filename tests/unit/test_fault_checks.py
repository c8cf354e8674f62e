"""What the fault runs accept of what arrived on a channel, and what they find."""

from typing import Any

import pytest

from tests.support.faults.checks import check_history

ADA, BOB = 1, 2
ROOM = "5a51bd29-9f4b-4f0e-a5f5-5a8f6d4a1c52"


def said(version: int, position: int) -> dict[str, Any]:
    return {"type": "message_added", "version": version, "position": position, "body": body(BOB)}


def moved(kind: str, version: int, position: int, user_id: int) -> dict[str, Any]:
    return {"type": kind, "version": version, "position": position, "body": body(user_id)}


def crowd(first: int, last: int, position: int) -> dict[str, Any]:
    return {
        "type": "members_changed",
        "version": last,
        "position": position,
        "body": {"room": {"id": ROOM}, "from": first},
    }


def body(user_id: int) -> dict[str, Any]:
    return {"room": {"id": ROOM}, "user": {"id": user_id}}


RESTARTED = {"type": "log_restarted", "generation": 2}


def check(*events: dict[str, Any], known: int = 0) -> None:
    check_history(list(enumerate(events, start=7)), ADA, known=known, caught_up_at=set())


def test_a_version_that_is_left_out_is_found() -> None:
    with pytest.raises(AssertionError, match="lacks version 2"):
        check(said(1, 10), said(3, 12))


def test_a_range_that_is_left_out_is_found() -> None:
    with pytest.raises(AssertionError, match="lacks version 2"):
        check(said(1, 10), crowd(62, 121, 131))


def test_a_message_that_comes_again_is_found() -> None:
    with pytest.raises(AssertionError, match="stepped back"):
        check(said(1, 10), said(2, 11), said(1, 10))


def test_a_join_that_comes_too_late_is_found() -> None:
    with pytest.raises(AssertionError, match="stepped back"):
        check(said(1, 10), said(2, 12), moved("user_joined", 3, 11, BOB))


def test_below_what_was_loaded_a_channel_gets_only_what_it_did_not_get_before() -> None:
    check(crowd(2, 61, 70), crowd(122, 181, 190), said(182, 191), known=190)


def test_beyond_what_was_loaded_nothing_is_left_out() -> None:
    with pytest.raises(AssertionError, match="lacks version 183"):
        check(crowd(122, 181, 190), said(182, 191), said(184, 193), known=190)


def test_a_successor_may_cut_a_crowd_elsewhere() -> None:
    check(crowd(2, 61, 70), crowd(2, 51, 60), moved("user_left", 52, 61, BOB), crowd(53, 121, 130), said(122, 131))


def test_a_log_that_went_back_is_followed_once_the_channel_was_told() -> None:
    check(said(1, 10), said(2, 11), RESTARTED, said(2, 11))
    with pytest.raises(AssertionError, match="stepped back"):
        check(said(1, 10), said(2, 11), said(2, 11), RESTARTED)
