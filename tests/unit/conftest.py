"""What many tests of the hub begin with."""

import pytest

from tests.support.socketless_hub import World


@pytest.fixture
def world() -> World:
    return World()
