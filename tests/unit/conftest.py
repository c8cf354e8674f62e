"""What many tests of the hub begin with."""

import pytest

from tests.support.hub_clients import World


@pytest.fixture
def world() -> World:
    return World()
