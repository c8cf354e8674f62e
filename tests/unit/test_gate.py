"""The gate that words pass on their way out of a process."""

import pytest

from eventstore.errors import ContentWithheld
from eventstore.generation import Gate


def test_what_was_read_while_it_was_open_passes() -> None:
    gate = Gate()
    gate.check(gate.closings)


def test_what_was_read_before_a_closing_never_passes_also_when_it_is_open_again() -> None:
    gate = Gate()
    before = gate.closings
    gate.close()
    with pytest.raises(ContentWithheld):
        gate.check(before)
    gate.open(gate.closings)
    with pytest.raises(ContentWithheld):
        gate.check(before)
    gate.check(gate.closings)


def test_what_was_read_while_it_was_closed_does_not_pass() -> None:
    gate = Gate()
    gate.close()
    with pytest.raises(ContentWithheld):
        gate.check(gate.closings)


def test_who_looked_before_another_closing_does_not_open_it() -> None:
    gate = Gate()
    gate.close()
    looked = gate.closings
    gate.close()
    gate.open(looked)
    assert not gate.is_open
    gate.open(gate.closings)
    assert gate.is_open


def test_each_closing_makes_listeners_forget() -> None:
    gate, forgotten = Gate(), []
    gate.on_close(lambda: forgotten.append(gate.closings))
    gate.close()
    gate.close()
    assert forgotten == [1, 2]
