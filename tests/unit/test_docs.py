"""What the documentation points to is there."""

import re
from pathlib import Path

import pytest

from tests.support.compose_file import ROOT

DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
FOLDERS = (
    "(?:api|benchmarks|centrifugo|cli|deploy|docs|domain|eventstore|"
    "migrations|projections|replay|static|templates|tests)"
)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_every_file_that_a_document_names_is_there(document: Path) -> None:
    text = document.read_text()
    links = [link for link in re.findall(r"\]\(([^)#\s]+)", text) if "://" not in link]
    missing = {link for link in links if not (document.parent / link).exists()}
    named = re.findall(rf"`({FOLDERS}/[\w./-]*)`", text)
    assert missing | {name for name in named if not (ROOT / name).exists()} == set()


def test_every_document_can_be_found_from_the_readme() -> None:
    readme = (ROOT / "README.md").read_text()
    assert [path.name for path in (ROOT / "docs").glob("*.md") if f"(docs/{path.name})" not in readme] == []
