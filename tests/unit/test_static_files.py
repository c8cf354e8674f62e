"""Names of static files: each holds a hash of the file and of all that it imports."""

import re

import pytest

from api.http.files.static_files import StaticFiles, static_files

MODULES = {
    "pages/room.js": b'import {\n  find,\n} from "./dom.js";\nimport { Api } from "../onrecord/api.js";\n',
    "pages/dom.js": b"export const find = 1;\n",
    "pages/discover.js": b'import "./dom.js";\n',
    "onrecord/api.js": b'/** @import { Room } from "./room.js" */\nexport class Api {}\n',
    "css/base.css": b"body { margin: 0; }\n",
}


def changed(before: StaticFiles, after: StaticFiles) -> set[str]:
    return {name for name in MODULES if before.url(name) != after.url(name)}


def test_a_change_gives_a_new_name_to_a_file_and_to_all_that_import_it() -> None:
    before = StaticFiles(MODULES)
    after = StaticFiles({**MODULES, "pages/dom.js": b"export const find = 2;\n"})
    assert changed(before, after) == {"pages/dom.js", "pages/room.js", "pages/discover.js"}
    assert changed(before, StaticFiles({**MODULES, "css/base.css": b""})) == {"css/base.css"}
    assert changed(before, StaticFiles(MODULES)) == set()


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
        StaticFiles({"a.js": b'import "./b.js";', "b.js": b'export * from "./a.js";'})
    with pytest.raises(ValueError, match=r"a\.js imports b\.js, which is not there"):
        StaticFiles({"a.js": b'import "./b.js";'})


def test_no_module_of_ours_asks_for_another_without_its_hash() -> None:
    files = static_files()
    for file in files.files:
        if "/vendor/" not in file.url:
            code = re.sub(r"/\*.*?\*/|//[^\n]*\n", "", file.body.decode(), flags=re.DOTALL)
            assert re.findall(r"""(?:\bfrom|\bimport)\s*\(?\s*["'`](?!/static/[\w/-]+\.[0-9a-f]{12}\.js)""", code) == []
            assert re.findall(r"url\((?!#)|@import", code) == []
