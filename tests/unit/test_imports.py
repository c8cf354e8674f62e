"""The table of packages in docs/architecture.md: who may import whom."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

MAY_IMPORT = {
    "domain": set[str](),
    "postgres": set[str](),
    "eventstore": {"postgres"},
    "centrifugo": set[str](),
    "projections": {"domain", "postgres", "eventstore", "centrifugo"},
    "replay": {"domain", "postgres", "eventstore", "projections"},
    "api": {"domain", "postgres", "eventstore", "centrifugo", "projections", "replay"},
    "cli": {"domain", "postgres", "eventstore", "centrifugo", "projections", "replay", "api"},
}


def imported_packages(package: str) -> set[str]:
    found: set[str] = set()
    for file in (ROOT / package).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                found.update(alias.name.split(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
                found.add(node.module.split(".")[0])
    return found & MAY_IMPORT.keys()


@pytest.mark.parametrize("package", sorted(MAY_IMPORT))
def test_imports_point_one_way(package: str) -> None:
    assert imported_packages(package) - {package} <= MAY_IMPORT[package]
