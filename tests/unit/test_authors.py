"""The names of those who have just asked to say something."""

import pytest

from domain.values import UserId
from projections.readmodels import authors
from projections.readmodels.authors import Authors
from projections.readmodels.shapes import User
from tests.support.given_when_then import ADA, BOB


def test_an_author_is_known_by_the_newest_name() -> None:
    known = Authors()
    known.expect(User(ADA, "ada"))
    known.expect(User(ADA, "ada", "admin"))
    assert known.find(ADA) == User(ADA, "ada", "admin")
    assert known.find(BOB) is None


def test_a_name_does_not_count_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authors, "KEPT_S", 0.0)
    known = Authors()
    known.expect(User(ADA, "ada"))
    assert known.find(ADA) is None


def test_the_one_who_asked_least_recently_is_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authors, "CAPACITY", 2)
    known = Authors()
    for user in (User(ADA, "ada"), User(BOB, "bob"), User(ADA, "ada"), User(UserId(3), "cy")):
        known.expect(user)
    assert known.find(ADA) is not None
    assert known.find(BOB) is None


def test_an_erased_user_is_never_known_again() -> None:
    known = Authors()
    known.expect(User(ADA, "ada"))
    known.erase(ADA)
    assert known.find(ADA) is None
    known.expect(User(ADA, "ada"))
    assert known.find(ADA) is None
