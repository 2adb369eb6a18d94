"""The pinned requirements match pyproject.toml, and have hashes and no URLs."""

import runpy
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement

REPOSITORY = Path(__file__).parents[2]
FILES = ("build", "check", "torch", "torch-cpu", "tools")
pin = runpy.run_path(str(REPOSITORY / "requirements" / "pin.py"))


def test_constraints_are_the_pins_without_hashes():
    assert pin["problem"]() is None


@pytest.mark.parametrize("name", FILES)
def test_every_pin_is_one_version_of_known_hashes(name):
    text = (REPOSITORY / "requirements" / f"{name}.txt").read_text()
    pins = pin["read"](text)
    assert all(set(Requirement(line).specifier).pop().operator == "==" for line in pins)
    assert all(
        hashes and all(len(value) == len("sha256:") + 64 for value in hashes) for hashes in pins.values()
    )
    assert "://" not in text
    assert "@" not in text


def test_everything_asked_for_is_pinned_to_a_version_that_fits():
    pinned: dict[str, list[str]] = {}
    for line in pin["pinned"]():
        requirement = Requirement(line)
        pinned.setdefault(requirement.name, []).append(str(requirement.specifier).removeprefix("=="))
    asked = [Requirement(line) for line in (*requires("cdtnet"), *pin["BUILD"])]
    for requirement in (asked for asked in asked if asked.name != "cdtnet"):
        versions = pinned[requirement.name.lower().replace("_", "-")]
        assert all(requirement.specifier.contains(version) for version in versions), requirement
