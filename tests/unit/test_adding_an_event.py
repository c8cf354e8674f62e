"""docs/adding-an-event.md lists the files that its example touched: those, and no others."""

import re

from tests.support.realtime.server import ROOT

GUIDE = (ROOT / "docs" / "adding-an-event.md").read_text()
MOST = 15
"""Files outside tests and documents that a new event with a field of its own may touch, and a person writes."""

WRITTEN_BY_A_PROGRAM = {"migrations/schema.sql"}

LATER = {
    "migrations/0017_rename_count.sql",
    "migrations/0021_words_apart.sql",
    "migrations/0023_statistics_without_words.sql",
}
"""What the example's own migration lacked, and what has changed since, for installations that had run it."""

AT_EVERY_ROUTE = {"benchmarks/growth/doors.py"}
"""What a benchmark asks at every route: its own test names a route that it lacks."""

FOLDERS = ("domain", "postgres", "eventstore", "centrifugo", "projections", "audit", "replay", "api", "cli")
OTHERS = ("migrations", "static", "templates", "benchmarks", "deploy")


def listed() -> list[str]:
    """The files in the tables of the guide."""
    return re.findall(r"^\| `([^`]+)` \|", GUIDE, re.MULTILINE)


def names() -> list[str]:
    """What the example is called in code, in rows and in requests."""
    line = re.search(r"^Names to search for: (.+)\.$", GUIDE, re.MULTILINE)
    assert line is not None
    return re.findall(r"`([^`]+)`", line[1])


def mentioning() -> set[str]:
    """The files of the product that hold one of the names."""
    search = re.compile("|".join(map(re.escape, names())))
    return (
        {
            file.relative_to(ROOT).as_posix()
            for folder in (*FOLDERS, *OTHERS)
            for file in (ROOT / folder).rglob("*")
            if file.suffix in (".py", ".sql", ".js", ".ts", ".html", ".css", ".json", ".conf")
            and search.search(file.read_text())
        }
        - LATER
        - AT_EVERY_ROUTE
    )


def test_the_guide_lists_every_file_that_knows_the_event_and_no_other() -> None:
    assert sorted(listed()) == sorted(mentioning())
    assert len({*listed()} - WRITTEN_BY_A_PROGRAM) <= MOST


def test_every_test_that_the_guide_names_is_there() -> None:
    named = set(re.findall(r"`(test_\w+)`", GUIDE))
    tests = "\n".join(file.read_text() for file in (ROOT / "tests").rglob("test_*.py"))
    assert {name for name in named if f"def {name}(" not in tests} == set()
