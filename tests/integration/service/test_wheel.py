"""A built wheel is the whole program: installed away from the checkout, it serves everything a page needs."""

import re
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from api.files import CENTRIFUGE, ROOT, VENDORED
from api.http.files.static_files import static_files
from api.vendor_scripts import vendor_scripts
from tests.conftest import scratch_folder
from tests.support.serving import serving

NOT_PACKED = {"tests", "benchmarks"}
DATA = {"migrations", "static", "templates"}


def build(checkout: Path, into: Path) -> subprocess.CompletedProcess[str]:
    """Build a wheel of `checkout`."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(into)]
    return subprocess.run(command, cwd=checkout, capture_output=True, text=True)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of this checkout."""
    folder = tmp_path_factory.mktemp("dist")
    run = build(ROOT, folder)
    assert run.returncode == 0, run.stderr
    (file,) = folder.iterdir()
    return file


@pytest.fixture
def empty_folder() -> Iterator[Path]:
    with scratch_folder() as folder:
        yield folder


@pytest.fixture
def installed(wheel: Path, tmp_path: Path) -> Path:
    """The folder of the programs of an environment that holds the wheel, and sees the dependencies of this one."""
    venv.create(tmp_path, symlinks=True)
    bin_folder = tmp_path / "bin"
    install = [sys.executable, "-m", "pip", "--python", str(bin_folder / "python"), "install", "--quiet"]
    subprocess.run([*install, "--no-index", "--no-deps", str(wheel)], check=True)
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(tmp_path)}))
    dependencies = [path for path in sys.path if path.endswith("-packages")]
    (packages / "dependencies.pth").write_text("\n".join(dependencies))  # the .pth files in those are not followed
    where = [str(bin_folder / "python"), "-I", "-c", "import api; print(api.__file__)"]
    assert subprocess.run(where, capture_output=True, text=True, check=True).stdout.startswith(str(packages))
    return bin_folder


def files_to_pack() -> set[str]:
    """Every file of every package of this checkout, and of the folders of data."""
    packages = {file.parent.name for file in ROOT.glob("*/__init__.py")} - NOT_PACKED
    return {
        str(file.relative_to(ROOT))
        for folder in packages | DATA
        for file in (ROOT / folder).rglob("*")
        if file.is_file() and file.suffix != ".pyc"
    }


def test_a_wheel_holds_every_package_and_all_data_and_the_scripts_of_others(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    scripts = {str(script.relative_to(ROOT)) for script in VENDORED}
    licences = {"centrifuge/LICENSE", "linkify-it/LICENSE", "markdown-it/LICENSE", "uc.micro/LICENSE.txt"}
    assert packed == files_to_pack() | scripts | {f"node_modules/{licence}" for licence in licences}


async def test_an_installed_wheel_serves_pages_from_an_empty_folder(installed: Path, empty_folder: Path) -> None:
    async with (
        serving(None, installed / "onrecord", empty_folder) as service,
        aiohttp.ClientSession(service.url) as browser,
    ):

        async def get(path: str) -> bytes:
            async with browser.get(path, raise_for_status=True) as answer:
                return await answer.read()

        await get("/readyz")
        assert b"/api/rooms/" in await get("/api/docs/")
        linked = re.findall(r'(?:href|src)="/(static/[^"]+)"', (await get("/login/")).decode())
        assert {Path(file).suffix for file in linked} == {".css", ".svg"}
        assert {f"/{file}" for file in linked} <= {file.url for file in static_files().files}
        for file in static_files().files:  # as this checkout would serve it
            assert await get(file.url) == file.body
        assert await get("/static/vendor/centrifuge.js") == CENTRIFUGE.read_bytes()
        assert await get("/static/vendor/markdown-it.js") == vendor_scripts()["markdown-it.js"]


def test_a_wheel_is_not_built_without_the_scripts_of_others(tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    for name in ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE", "api/files.py"):
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, checkout / name)
    run = build(checkout, tmp_path / "dist")
    assert run.returncode == 1
    assert run.stderr == "node_modules/centrifuge/dist/centrifuge.js is missing: run `make wheel`, or `npm ci` first\n"
