"""What the wheel installs: one importable name, and every package of ours under it."""

import tomllib

from conftest import ROOT

SETUPTOOLS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]


def test_every_package_is_installed_under_one_name():
    folders = SETUPTOOLS["package-dir"]
    found = {
        ".".join([name, *path.parent.relative_to(ROOT / folder).parts])
        for name, folder in folders.items()
        for path in (ROOT / folder).rglob("__init__.py")
    }
    assert sorted(SETUPTOOLS["packages"]) == sorted(found)
    assert {name.split(".")[0] for name in found} == {"emoflow"}
