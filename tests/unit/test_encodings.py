"""Files have an encoding that no terminal and no locale decides."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("api", "centrifugo", "cli", "domain", "eventstore", "postgres", "projections", "replay")
TEXT = {"read_text", "write_text"}
OPENS = {"open", "TemporaryFile", "NamedTemporaryFile", "fdopen"}


def calls_without_encoding(tree: ast.AST) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and needs_encoding(node):
            yield node


def needs_encoding(call: ast.Call) -> bool:
    """Whether the call reads or writes text, and does not say in which encoding."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if any(keyword.arg == "encoding" for keyword in call.keywords):
        return False
    if name in TEXT:
        return True
    modes = [node.value for node in call.args if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return name in OPENS and any(set(mode) <= set("rwax+t") and mode for mode in modes)


def test_no_text_is_read_in_the_encoding_of_the_locale() -> None:
    found = [
        f"{file.relative_to(ROOT)}:{call.lineno}"
        for package in PACKAGES
        for file in (ROOT / package).rglob("*.py")
        for call in calls_without_encoding(ast.parse(file.read_text(encoding="utf-8")))
    ]
    assert found == []
