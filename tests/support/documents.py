"""The commands that the documents give to operators, to be typed as they stand there."""

import re

from tests.support.compose_file import ROOT


def blocks(heading: str, *, document: str = "operations.md") -> list[str]:
    """The blocks of commands under a heading, such as `### The embedded database`."""
    text = (ROOT / "docs" / document).read_text().partition(f"\n{heading}\n")[2]
    level = len(heading.partition(" ")[0])
    section = re.split(rf"^#{{1,{level}}} ", text, maxsplit=1, flags=re.MULTILINE)[0]
    found = re.findall(r"^```\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    assert found, heading
    return found
