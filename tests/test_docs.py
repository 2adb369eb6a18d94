"""The documentation: links lead to existing files, and generated pages are complete."""

import importlib.util
import re
from pathlib import Path

import pytest

import cdtnet
from cdtnet.cli.main import COMMANDS

ROOT = Path(__file__).parents[1]
specification = importlib.util.spec_from_file_location("build_docs", ROOT / "docs" / "build.py")
build = importlib.util.module_from_spec(specification)
specification.loader.exec_module(build)

PAGES = sorted(path.relative_to(ROOT).as_posix() for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")))


@pytest.mark.parametrize("path", PAGES)
def test_links_lead_to_files_of_the_repository(path):
    assert [target for target in build.targets(path) if not (ROOT / target).exists()] == []


@pytest.mark.parametrize("path", [path for path in PAGES if path.startswith("docs/")])
def test_every_page_is_in_the_navigation(path):
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("nav:")[2]
    assert f": {path.removeprefix('docs/')}\n" in navigation


def test_links_to_sources_lead_to_pages_that_show_them():
    page = build.with_links_of_the_site(
        "[a](../src/cdtnet/config.py) [b](lut.md#c) ![d](app.png)\n```\n[e](../README.md)\n```\n",
        "docs/python.md",
    )
    assert page == (
        "[a](source/src/cdtnet/config.py.md) [b](lut.md#c) ![d](app.png)\n```\n[e](../README.md)\n```\n"
    )


def test_the_command_reference_has_every_verb_and_its_options():
    page = build.command_reference()
    for command in COMMANDS:
        assert f"\n## cdtnet {command}\n" in page
    assert "\n### cdtnet study serve\n" in page
    assert "| `--strength N` |" in page


def test_the_api_reference_has_every_name_that_is_exported():
    assert set(re.findall(r"::: cdtnet\.(\w+)", build.api_reference())) == set(cdtnet.__all__)
