"""What is built installs and works: the wheel, the sdist, and nothing that does not belong in them."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sdist of the checkout, and the wheel made from that sdist."""
    repository = Path(__file__).parent.parent.parent
    out = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(repository)],
        check=True,
        capture_output=True,
    )
    return out


def wheel(built: Path) -> Path:
    (found,) = built.glob("*.whl")
    return found


def test_the_wheel_holds_packages_data_and_nothing_else(built: Path) -> None:
    names = zipfile.ZipFile(wheel(built)).namelist()
    tops = {name.split("/")[0] for name in names}
    packages = {
        f"mi_sync{part}" for part in ("", "_asana", "_calendar", "_files", "_sandbox", "_slack", "_table", "_trello")
    }
    assert {top for top in tops if not top.endswith(".dist-info")} == packages
    for needed in (
        "mi_sync/mappings/generic_postings.toml",
        "mi_sync/steps/micro-internship.toml",
        "mi_sync/report/page.css",
        "mi_sync/report/page.html.j2",
        "mi_sync/samples/exports/postings.csv",
        "mi_sync/py.typed",
        "mi_sync_sandbox/templates/board.html",
    ):
        assert needed in names
    assert not any("__pycache__" in name or name.endswith(".db") for name in names)


def test_the_sdist_holds_the_tests_and_the_documents(built: Path) -> None:
    (archive,) = built.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        names = {name.partition("/")[2] for name in opened.getnames()}
    assert {"README.md", "LICENSE", "CHANGELOG.md", "config.example.toml", "mappings/README.md"} <= names
    assert any(name.startswith("tests/system/") for name in names)


def test_the_installed_wheel_works_without_the_checkout(built: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", site, wheel(built)],
        check=True,
        capture_output=True,
    )

    def mi_sync(*arguments: str) -> subprocess.CompletedProcess[str]:
        # -S would also drop the dependencies, so the path is put first instead: the wheel's packages win.
        start = f"import sys; sys.path.insert(0, {str(site)!r}); from mi_sync.cli import main; main()"
        return subprocess.run(
            [sys.executable, "-c", start, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
        )

    where = subprocess.run(
        [
            sys.executable,
            "-c",
            f"import sys; sys.path.insert(0, {str(site)!r}); import mi_sync; print(mi_sync.__file__)",
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert where.startswith(str(site))
    assert mi_sync("init", "spring").returncode == 0
    pulled = mi_sync("pull", "--config", "spring/config.toml", "--output", "json")
    assert pulled.returncode == 3, pulled.stderr
    assert '"P-101"' in pulled.stdout


def test_an_editable_install_finds_the_checkouts_mappings(repository: Path) -> None:
    from mi_sync import loader

    assert "generic_postings" in loader.available(repository / "tests")
