"""The benchmark of growth asks at every door, and tries every command: a new one must be given what to ask."""

from pathlib import Path

from benchmarks import plots
from benchmarks.growth import commands, doors


def test_every_route_is_asked_or_said_why_not() -> None:
    assert doors.changes()
    assert list(doors.reads())


def test_every_command_is_tried_or_said_why_not() -> None:
    assert commands.tried()


def test_a_plot_of_the_same_numbers_is_the_same_file(tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(plots, "FOLDER", tmp_path)
    drawn = []
    for _ in range(2):
        plots.lines("growth", "Time & <place>", ["1,000", "1,000,000"], {"a post": [0.4, 0.5], "a page": [8.0, None]})
        drawn.append((tmp_path / "growth.svg").read_text())
    assert drawn[0] == drawn[1]
    assert "Time &amp; &lt;place&gt;" in drawn[0]
    assert drawn[0].count("<circle") == 3
