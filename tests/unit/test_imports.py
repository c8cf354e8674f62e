"""Who may import whom, as the tables in docs/architecture.md say."""

import ast
import re
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SECTION = "## Packages and who may import whom\n"
ROW = re.compile(r"^\| `([^`]+)` \| [^|]+ \| ([^|]+) \|$", re.MULTILINE)
MOST_FILES = 15
"""Files side by side in a folder: beyond that, its parts want folders of their own."""


def tables() -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """For each package, the packages it may import; for each part of one, the parts of the same package."""
    section = (ROOT / "docs" / "architecture.md").read_text().partition(SECTION)[2].partition("\n## ")[0]
    rows = {owner: set(re.findall(r"`([^`]+)`", cell)) for owner, cell in ROW.findall(section)}
    packages = {owner.removesuffix("/"): allowed for owner, allowed in rows.items() if "/" not in owner[:-1]}
    return packages, {owner: allowed for owner, allowed in rows.items() if "/" in owner[:-1]}


PACKAGES, PARTS = tables()
FILES = {path.relative_to(ROOT).as_posix(): path for name in PACKAGES for path in (ROOT / name).rglob("*.py")}


def package_of(file: str) -> str:
    return file.partition("/")[0]


def part_of(file: str) -> str:
    """A row of its own, the sub-package that it is in, or all modules that are in the package itself."""
    package, name, *deeper = file.split("/")
    if file in PARTS:
        return file
    return f"{package}/{name}/" if deeper else f"{package}/*.py"


def imports_of(file: str) -> Iterator[str]:
    """Our files that a file imports."""
    for node in ast.walk(ast.parse(FILES[file].read_text())):
        if isinstance(node, ast.Import):
            yield from (imported for alias in node.names for imported in file_of(alias.name))
        elif isinstance(node, ast.ImportFrom):
            yield from (imported for alias in node.names for imported in file_of(f"{node.module}.{alias.name}"))


def file_of(name: str) -> Iterator[str]:
    """The file of a module, or of the module that a name is in; none when it is not ours."""
    place = name.replace(".", "/")
    outer = place.rpartition("/")[0]
    candidates = (f"{place}.py", f"{place}/__init__.py", f"{outer}.py", f"{outer}/__init__.py")
    yield from [file for file in candidates if file in FILES][:1]


def is_allowed(importer: str, imported: str) -> bool:
    if package_of(importer) != package_of(imported):
        return any(f"{imported}/".startswith(f"{allowed}/") for allowed in PACKAGES[package_of(importer)])
    part = part_of(importer)
    return part not in PARTS or part_of(imported) in {part, *PARTS[part]}


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_point_one_way(package: str) -> None:
    pairs = [(file, imported) for file in FILES if package_of(file) == package for imported in imports_of(file)]
    assert [f"{file} imports {imported}" for file, imported in pairs if not is_allowed(file, imported)] == []


def test_no_import_leads_back_to_where_it_began() -> None:
    TopologicalSorter({file: set(imports_of(file)) - {file} for file in FILES}).prepare()  # CycleError names the files


def test_the_tables_name_every_package_and_every_part_of_a_divided_one() -> None:
    folders = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "benchmarks"}
    assert folders == set(PACKAGES)
    divided = {package_of(part) for part in PARTS}
    assert {part_of(file) for file in FILES if package_of(file) in divided and FILES[file].name != "__init__.py"} == {
        *PARTS
    }


def test_the_tables_list_what_is_imported_before_what_imports_it() -> None:
    for table in (PACKAGES, PARTS):
        seen: set[str] = set()
        for owner, allowed in table.items():
            assert {name.removesuffix("/publisher.py") for name in allowed} <= seen, owner
            seen.add(owner)


def test_no_folder_is_crowded() -> None:
    modules: dict[str, int] = {}
    for file in FILES.values():
        modules[str(file.parent)] = modules.get(str(file.parent), 0) + (file.name != "__init__.py")
    assert {folder: count for folder, count in modules.items() if count > MOST_FILES} == {}


def test_a_class_name_stands_for_one_class() -> None:
    found: dict[str, list[str]] = {}
    for name, file in FILES.items():
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found.setdefault(node.name, []).append(name)
    assert {name: files for name, files in found.items() if len(files) > 1} == {}


WIRING = {file for file in FILES if file.startswith("api/wiring/")}
BUILDS_ITS_OWN = {"centrifugo/hub/__main__.py"}
"""A program of its own: the hub without the service."""
NOT_PARTS = {"Path", "RoomNotFound"}


def built_in(file: str) -> set[str]:
    """What a file imports and calls by its name: the classes it makes objects of, and the functions it calls."""
    tree = ast.parse(FILES[file].read_text())
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}
    called = (node.func for node in ast.walk(tree) if isinstance(node, ast.Call))
    names = (node.value if isinstance(node, ast.Subscript) else node for node in called)
    return {node.id for node in names if isinstance(node, ast.Name)} & imported


def test_parts_are_built_in_the_composition_root_and_nowhere_else() -> None:
    built = {name for file in WIRING for name in built_in(file)}
    parts = {name for name in built if name[0].isupper()} - NOT_PARTS | {"create_mapper"}
    assert len(parts) > 30
    elsewhere = {file: found for file in FILES if file not in WIRING and (found := built_in(file) & parts)}
    assert set(elsewhere) == BUILDS_ITS_OWN, elsewhere
