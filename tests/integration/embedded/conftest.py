from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.embedded import data_folder


@pytest.fixture
def data_dir() -> Iterator[Path]:
    with data_folder() as folder:
        yield folder
