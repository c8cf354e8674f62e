"""Modules of JavaScript in one file: a browser asks for a page's script once, and not for each of its modules.

What is bundled is code in our style: imports and exports by name, each at the beginning of a line. A module that is
imported by a call, `import("./history.js")`, is the first of a bundle of its own, which is loaded later.

A bundle runs each of its modules in a function, and keeps what they export in `globalThis.modules`, by their names.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from api.vendor_scripts import NOT_RUN

IMPORT = re.compile(r'^import\s*(?:\{([^}]*)\}\s*from\s*)?"(\.{1,2}/[^"]+)";\n?', re.MULTILINE)
LATER = re.compile(r'\bimport\("(\.{1,2}/[^"]+)"\)')
EXPORT = re.compile(r"^export ((?:async )?(?:const|class|function) (\w+))", re.MULTILINE)
NOT_BUNDLED = re.compile(r"^(?:export (?!(?:async )?(?:const|class|function) )|import (?!\{|\"))[^\n]*", re.MULTILINE)
COMMENT = re.compile(r"/\*(?:[^*]|\*(?!/))*\*/ ?| // .*$", re.MULTILINE)
"""What is left of them. A test compares the tokens: that no string looks like a comment."""

MODULES = "const modules = (globalThis.modules ??= {});\n"


@dataclass(frozen=True, slots=True)
class Module:
    """`imports`: of each import what stands between its braces, and the name of the module."""

    name: str
    code: str
    imports: tuple[tuple[str, str], ...]
    later: frozenset[str]
    exports: tuple[str, ...]

    @classmethod
    def of(cls, name: str, source: str) -> "Module":
        """Raises ValueError for code that cannot be bundled."""
        if (unknown := NOT_BUNDLED.search(source)) is not None:
            raise ValueError(f"{name} cannot be bundled: {unknown[0]}")
        imports = tuple((found[1] or "", _joined(name, found[2])) for found in IMPORT.finditer(source))
        exports = tuple(found[2] for found in EXPORT.finditer(source))
        code = COMMENT.sub("", NOT_RUN.sub("", EXPORT.sub(r"\1", IMPORT.sub("", source))))
        later = frozenset(_joined(name, path) for path in LATER.findall(code))
        return cls(name, code, imports, later, exports)

    def run(self, urls: Mapping[str, str]) -> str:
        """The statement that runs it. `urls` are those of the modules that it imports later."""
        names = ((" ".join(names.split()).replace(" as ", ": "), module) for names, module in self.imports if names)
        imports = "".join(f'const {{ {names.rstrip(", ")} }} = modules["{module}"];\n' for names, module in names)
        code = LATER.sub(lambda found: f'import("{urls[_joined(self.name, found[1])]}")', self.code)
        return f'modules["{self.name}"] = (() => {{\n{imports}{code}return {{ {", ".join(self.exports)} }};\n}})();\n'


class Bundles:
    """The modules of a program, by name. Raises ValueError when they import each other in a circle, or one that is not
    there.
    """

    def __init__(self, sources: Mapping[str, str]) -> None:
        self._modules = {name: Module.of(name, source) for name, source in sources.items()}
        self._orders: dict[str, tuple[str, ...]] = {}
        for name in self._modules:
            self._order(name, ())
        imported = {module for each in self._modules.values() for _, module in each.imports}
        self._later = {later for name, each in self._modules.items() for later in each.later if self._has(later, name)}
        self.firsts = [name for name in self._modules if name in self._later or name not in imported]
        """The modules that bundles begin with: each is asked for by its name."""

    def later(self, first: str) -> set[str]:
        """What the modules of a bundle import later: each is the first of a bundle."""
        return {name for module in self._order(first, ()) for name in self._modules[module].later}

    def bundle(self, first: str, urls: Mapping[str, str]) -> str:
        """The code of a bundle. `urls` has those of `later`."""
        present = self._present(first) if first in self._later else frozenset()
        order = [name for name in self._order(first, ()) if name not in present]
        runs = "".join(self._modules[name].run(urls) for name in order)
        exports = self._modules[first].exports if first in self._later else ()
        return f"{MODULES}{runs}" + (
            f'export const {{ {", ".join(exports)} }} = modules["{first}"];\n' if exports else ""
        )

    def _has(self, name: str, importer: str) -> bool:
        if name not in self._modules:
            raise ValueError(f"{importer} imports {name}, which is not there")
        return True

    def _present(self, later: str) -> frozenset[str]:
        """The modules that have run before `later` is imported, from whichever bundle that is."""
        importing = [set(self._order(first, ())) for first in self.firsts if later in self.later(first)]
        return frozenset(set.intersection(*importing))

    def _order(self, name: str, importers: tuple[str, ...]) -> tuple[str, ...]:
        """A module and all that it imports, in the order in which they run."""
        if name in importers:
            raise ValueError(f"modules import each other: {' > '.join((*importers, name))}")
        if name not in self._orders and self._has(name, importers[-1] if importers else ""):
            before = (
                each for _, module in self._modules[name].imports for each in self._order(module, (*importers, name))
            )
            self._orders[name] = (*dict.fromkeys(before), name)
        return self._orders[name]


def names_of(sources: Collection[str]) -> list[str]:
    """Those of modules of ours."""
    return [name for name in sources if name.endswith(".js") and not name.startswith("vendor/")]


def _joined(importer: str, relative: str) -> str:
    parts = list(PurePosixPath(importer).parent.parts)
    for part in relative.split("/"):
        if part == "..":
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts)
