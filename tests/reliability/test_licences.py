"""The installed packages and their licenses, as listed in docs/dependencies.md."""

import runpy
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
licences = runpy.run_path(str(REPOSITORY / "reliability" / "licences.py"))


def test_the_default_install_is_as_documented():
    page = (REPOSITORY / "docs" / "dependencies.md").read_text().splitlines()
    documented = [line for line in page if line.endswith("| the default install |")]
    assert [row for row in licences["rows"]() if row.endswith("| the default install |")] == documented


def test_no_licence_binds_what_uses_the_package():
    stated = {name: licences["licence"](name) for name in licences["brought"]("cdtnet", licences["EXTRAS"])}
    lesser = {name for name, text in stated.items() if "Lesser" in text or "LGPL" in text}
    assert lesser == {"pyvips-binary"}
    for name in stated.keys() - lesser:
        assert "GPL" not in stated[name], name
        assert "General Public" not in stated[name], name
        assert stated[name] != "not stated", name
