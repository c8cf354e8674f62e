"""What the documentation points to is there."""

import re
from pathlib import Path

import click
import msgspec
import pytest

from cli.main import main
from projections.readmodels.shapes import Message, StreamEvent
from tests.support.compose_file import ROOT

DECISIONS = ROOT / "docs" / "decisions"
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
FOLDERS = (
    "(?:api|benchmarks|centrifugo|cli|deploy|docs|domain|eventstore|"
    "migrations|postgres|projections|replay|static|templates|tests)"
)

over_documents = pytest.mark.parametrize(
    "document", DOCUMENTS, ids=lambda document: str(document.relative_to(ROOT).with_suffix(""))
)


def links(document: Path) -> list[tuple[str, str]]:
    """Where a document links to inside this repository: file (empty: itself) and anchor (empty: none)."""
    found = re.findall(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)", document.read_text(encoding="utf-8"))
    return [(file, anchor) for file, anchor in found if "://" not in file]


def anchors(document: Path) -> set[str]:
    """The headings of a document, as links name them."""
    headings = re.findall(r"^#+ (.*)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@over_documents
def test_every_file_that_a_document_names_is_there(document: Path) -> None:
    missing = {file for file, _ in links(document) if not (document.parent / file).exists()}
    named = re.findall(rf"`({FOLDERS}/[\w./-]*)`", document.read_text(encoding="utf-8"))
    assert missing | {name for name in named if not (ROOT / name).exists()} == set()


@over_documents
def test_every_heading_that_a_document_links_to_is_there(document: Path) -> None:
    wanted = {(document.parent / file if file else document, anchor) for file, anchor in links(document) if anchor}
    assert {(str(target), anchor) for target, anchor in wanted if anchor not in anchors(target)} == set()


def test_every_document_can_be_found_from_the_readme() -> None:
    readme = (ROOT / "README.md").read_text()
    found = [*(ROOT / "docs").glob("*.md"), DECISIONS / "README.md"]
    assert [path for path in found if f"({path.relative_to(ROOT)})" not in readme] == []


def test_every_decision_is_in_their_index_and_has_its_three_parts() -> None:
    index = (DECISIONS / "README.md").read_text()
    for page in DECISIONS.glob("*.md"):
        if page.name != "README.md":
            assert f"({page.name})" in index
            assert re.findall(r"^## (.*)$", page.read_text(), re.MULTILINE) == ["Context", "Decision", "Consequences"]


def test_the_event_in_the_readme_is_one_that_the_api_could_answer() -> None:
    (text,) = re.findall(r"^```json\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    shown = msgspec.json.decode(text)
    event = StreamEvent(**{**shown, "body": msgspec.convert(shown["body"], Message)})
    assert msgspec.to_builtins(event) == shown


def commands(document: Path) -> set[str]:
    """The commands of ours in a document's code, each up to a comment or the end of its line."""
    text = document.read_text(encoding="utf-8")
    code = [*re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL), *re.findall(r"`([^`\n]+)`", text)]
    return {found for piece in code for found in re.findall(r"(?<!=)\bonrecord ([a-z][^#\n)]*)", piece)}


@over_documents
def test_every_command_in_a_document_is_one_of_the_program(document: Path) -> None:
    for typed in commands(document):
        command: click.Command | None = main
        for word in typed.split():
            if isinstance(command, click.Group):
                command = command.commands.get(word)
        assert command is not None, typed
        known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
        assert set(re.findall(r" (--?[a-z][\w-]*)", typed)) <= known, typed
