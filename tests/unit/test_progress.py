"""What people see of a command that takes a while."""

import pytest

from cli.support.progress_bar import progress
from replay.progress import Progress

STEPS = [Progress(position, 400, events) for position, events in ((100, 1000), (200, 1100), (400, 1300))]


def shown(capsys: pytest.CaptureFixture[str]) -> str:
    with progress("rebuild") as report:
        for step in STEPS:
            report(step)
    return capsys.readouterr().err


def test_a_terminal_shows_one_line_that_grows_and_is_ended(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cli.support.progress_bar.BAR_EVERY_S", 0)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    first, second = shown(capsys).lstrip("\r").split("\r")
    assert first.startswith("rebuild:  50%  1,100 events")
    assert second.startswith("rebuild: 100%  1,300 events")
    assert first.count("█") < second.count("█") == 30
    assert second.count("\n") == 1
    assert second.endswith("\n")


def test_elsewhere_there_are_plain_lines(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.support.progress_bar.LINE_EVERY_S", 0)
    lines = shown(capsys).splitlines()
    assert [line.split("  ")[:2] for line in lines] == [
        ["rebuild:", "50%"],
        ["rebuild: 100%", "1,300 events"],
    ]
    assert "\r" not in "".join(lines)
