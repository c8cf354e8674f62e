"""Names of static files: each holds a hash of the file, and of all that a bundle of modules imports."""

import re
import subprocess
from pathlib import Path

import pytest

from api.files import STATIC
from api.http.files.bundles import Module
from api.http.files.static_files import StaticFiles, static_files
from tests.support.realtime.server import ROOT

MODULES = {
    "pages/room.js": b'import {\n  find,\n} from "./dom.js";\nimport { Api as Asks } from "../onrecord/api.js";\n'
    b'export const later = () => import("./later.js");\nfind(Asks);\n',
    "pages/dom.js": b"/** Finds. */\nexport const find = 1;\n",
    "pages/later.js": b'import { find } from "./dom.js";\nimport "./only.js";\nexport function show() {\n  find;\n}\n',
    "pages/only.js": b"// For later alone.\nglobalThis.only = 1;\n",
    "pages/discover.js": b'import "./dom.js";\n',
    "onrecord/api.js": b'/** @import { Room } from "./room.js" */\nexport class Api {}\n',
    "css/base.css": b"/* All pages. */\nbody {\n  margin: 0;\n}\n",
}
SERVED = {"pages/room.js", "pages/later.js", "pages/discover.js", "css/base.css"}


def changed(before: StaticFiles, after: StaticFiles) -> set[str]:
    return {name for name in SERVED if before.url(name) != after.url(name)}


def body(files: StaticFiles, name: str) -> str:
    return next(file.body.decode() for file in files.files if file.url == files.url(name))


def test_a_change_gives_a_new_name_to_the_file_and_to_all_bundles_that_import_it() -> None:
    before = StaticFiles(MODULES)
    after = StaticFiles({**MODULES, "pages/dom.js": b"export const find = 2;\n"})
    assert changed(before, after) == {"pages/room.js", "pages/discover.js"}
    after = StaticFiles({**MODULES, "pages/only.js": b"globalThis.only = 2;\n"})
    assert changed(before, after) == {"pages/later.js", "pages/room.js"}
    assert changed(before, StaticFiles({**MODULES, "css/base.css": b""})) == {"css/base.css"}
    assert changed(before, StaticFiles(MODULES)) == set()


def test_a_bundle_has_its_modules_once_and_what_is_imported_later_has_a_bundle_of_its_own() -> None:
    files = StaticFiles(MODULES)
    assert {file.url for file in files.files} == {files.url(name) for name in SERVED}
    assert re.findall(r'modules\["(.*?)"\] =', body(files, "pages/room.js")) == [
        "pages/dom.js",
        "onrecord/api.js",
        "pages/room.js",
    ]
    assert re.findall(r'modules\["(.*?)"\] =', body(files, "pages/later.js")) == ["pages/only.js", "pages/later.js"]
    assert f'import("{files.url("pages/later.js")}")' in body(files, "pages/room.js")
    assert body(files, "css/base.css") == "body {\nmargin: 0;\n}\n"


def test_another_file_or_template_is_another_build() -> None:
    builds = {
        StaticFiles(MODULES).build,
        StaticFiles({**MODULES, "css/base.css": b""}).build,
        StaticFiles(MODULES, templates=b"<html>").build,
    }
    assert len(builds) == 3
    assert StaticFiles(MODULES).build == StaticFiles(MODULES).build


def test_modules_that_import_each_other_have_no_names() -> None:
    with pytest.raises(ValueError, match=r"import each other: a\.js > b\.js > a\.js"):
        StaticFiles({"a.js": b'import "./b.js";', "b.js": b'import "./a.js";'})
    with pytest.raises(ValueError, match=r"import each other: a\.js > b\.js > a\.js"):
        StaticFiles({"a.js": b'import("./b.js");', "b.js": b'import("./a.js");'})
    with pytest.raises(ValueError, match=r"a\.js imports b\.js, which is not there"):
        StaticFiles({"a.js": b'import "./b.js";'})
    with pytest.raises(ValueError, match=r"a\.js imports b\.js, which is not there"):
        StaticFiles({"a.js": b'import("./b.js");'})


@pytest.mark.parametrize(
    "code", ["export default 1;", 'export * from "./b.js";', "export let a;", 'import * as b from "./b.js";']
)
def test_code_that_cannot_be_bundled_is_refused(code: str) -> None:
    with pytest.raises(ValueError, match=r"a\.js cannot be bundled"):
        StaticFiles({"a.js": code.encode(), "b.js": b""})


def test_no_module_of_ours_asks_for_another_without_its_hash() -> None:
    files = static_files()
    for file in files.files:
        if "/vendor/" not in file.url:
            code = re.sub(r"/\*.*?\*/|//[^\n]*\n", "", file.body.decode(), flags=re.DOTALL)
            assert re.findall(r"""(?:\bfrom|\bimport)\s*\(?\s*["'`](?!/static/[\w/-]+\.[0-9a-f]{12}\.js)""", code) == []
            assert re.findall(r"url\((?!#)|@import", code) == []


def test_what_is_left_out_of_a_module_is_not_run(tmp_path: Path) -> None:
    """The tokens of each module are those of its source, but for imports and the word `export`."""
    pairs = []
    for path in sorted(STATIC.rglob("*.js")):
        name = path.relative_to(STATIC).as_posix()
        served = tmp_path / f"{name.replace('/', '_')}.served"
        served.write_text(Module.of(name, path.read_text()).code)
        pairs += [str(path), str(served)]
    done = subprocess.run(
        ["node", str(ROOT / "tests" / "client" / "same_tokens.mjs"), *pairs],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
