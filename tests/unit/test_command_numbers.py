"""No number that is typed is larger than what takes it."""

from collections.abc import Iterator
from typing import Any

import click
import pytest

from cli.main import main
from cli.support.log_reader import VersionOrTime


def parameters(command: click.Command, path: str = "onrecord") -> Iterator[tuple[str, click.Parameter]]:
    for parameter in command.params:
        yield f"{path} {parameter.name}", parameter
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            yield from parameters(inner, f"{path} {name}")


NUMBERS: dict[str, click.ParamType[Any]] = {
    name: parameter.type
    for name, parameter in parameters(main)
    if isinstance(parameter.type, (click.types.IntParamType, click.types.FloatParamType, VersionOrTime))
}


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_beyond_a_bigint_is_refused(name: str) -> None:
    for text in (str(2**63), "9" * 5000):
        with pytest.raises(click.BadParameter):
            NUMBERS[name].convert(text, None, None)
