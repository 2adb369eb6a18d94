"""Build the documentation site into build/site.

    python docs/build.py

Needs `pip install -c constraints.txt -e '.[docs]'`. A warning, such as a dead link, fails the build.

The pages are written to build/docs first; nothing generated is kept in the repository:

- pages of docs/ as they are, but for links to files outside docs/, which lead to pages that show these files;
- the front page, contributing, security and changelog from README.md and the files of those names;
- the API reference: what `cdtnet` exports, into which mkdocstrings inserts the docstrings;
- the command-line reference, from the argparse parsers.
"""

import argparse
import os
import posixpath
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cdtnet
from cdtnet.cli.main import build_parser

ROOT = Path(__file__).resolve().parent.parent
OUTPUT = ROOT / "build" / "docs"  # `docs_dir` of mkdocs.yml
DOCS = "docs/"
PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "CHANGELOG.md": "changelog.md",
}
LANGUAGES = {".py": "python", ".toml": "toml", ".yaml": "yaml", ".yml": "yaml"}
LINK = re.compile(r"(\]\()(?!\w+:|#|/)([^)\s#]+)(#[^)\s]*)?(\))")
FENCE = re.compile(r"^(```.*?^```)", re.MULTILINE | re.DOTALL)


def main() -> int:
    """Write the pages, build the site, and return the exit code of the build."""
    shutil.rmtree(OUTPUT.parent / "site", ignore_errors=True)
    write_pages()
    command = [sys.executable, "-m", "zensical", "build", "--clean", "--strict"]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def write_pages() -> None:
    """Write all pages and pictures of the site to `OUTPUT`."""
    shutil.rmtree(OUTPUT, ignore_errors=True)
    shutil.copytree(ROOT / DOCS, OUTPUT, ignore=shutil.ignore_patterns("*.py", "*.json", "__pycache__"))
    for path in sorted(reachable()):
        page = OUTPUT / uri_of(path)
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(page_of(path), encoding="utf-8")
    (OUTPUT / "api.md").write_text(api_reference(), encoding="utf-8")
    (OUTPUT / "commands.md").write_text(command_reference(), encoding="utf-8")


def reachable() -> set[str]:
    """Find the pages of docs/ and all files outside it that they link to, directly or through each other."""
    found = {path.relative_to(ROOT).as_posix() for path in (ROOT / DOCS).rglob("*.md")} | PAGES.keys()
    waiting = sorted(found)
    while waiting:
        new = {target for target in targets(waiting.pop()) if not target.startswith(DOCS)} - found
        waiting += [target for target in new if (ROOT / target).exists()]
        found.update(waiting)
    return found


def targets(path: str) -> Iterator[str]:
    """List what a Markdown file of the repository links to, as paths from its root."""
    if path.endswith(".md"):
        for prose in FENCE.split((ROOT / path).read_text(encoding="utf-8"))[::2]:
            for match in LINK.finditer(prose):
                yield target_of(path, match[2])


def target_of(path: str, link: str) -> str:
    """Return the file that a relative link in the file `path` names, as a path from the root."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), link))


def uri_of(path: str) -> str:
    """Return the page of the site that shows a file or folder of the repository."""
    if path.startswith(DOCS):
        return path.removeprefix(DOCS)
    return PAGES.get(path) or f"source/{path.removesuffix('.md')}.md"


def page_of(path: str) -> str:
    """Return the Markdown of the page that shows a file or folder of the repository."""
    source = ROOT / path
    if path.endswith(".md"):
        return with_links_of_the_site(source.read_text(encoding="utf-8"), path)
    if source.is_dir():
        items = (item for item in source.iterdir() if item.name[0] not in "._")
        content = "\n".join(sorted(f"- `{item.name}{'/' * item.is_dir()}`" for item in items))
    else:
        language = LANGUAGES.get(source.suffix, "text")
        content = f"````{language}\n{source.read_text(encoding='utf-8').rstrip()}\n````"
    return f"---\nsearch:\n  exclude: true\n---\n\n# {path}\n\n{content}\n"


def with_links_of_the_site(markdown: str, path: str) -> str:
    """Rewrite the relative links of the file `path` for its page; leave code blocks alone."""
    here = posixpath.dirname(uri_of(path)) or "."

    def rewritten(match: re.Match[str]) -> str:
        target = target_of(path, match[2])
        link = posixpath.relpath(uri_of(target), here) if (ROOT / target).exists() else match[2]
        return f"{match[1]}{link}{match[3] or ''}{match[4]}"

    parts = FENCE.split(markdown)
    parts[::2] = [LINK.sub(rewritten, prose) for prose in parts[::2]]
    return "".join(parts)


def api_reference() -> str:
    """Return the page of everything that `cdtnet` exports: functions, then classes, then errors."""
    names = sorted(cdtnet.__all__, key=lambda name: (name.endswith("Error"), name[0].isupper(), name))
    entries = "".join(f"\n::: cdtnet.{name}\n" for name in names)
    return f"# Python API\n\nImport these names from `cdtnet`.\n{entries}"


def command_reference() -> str:
    """Return the page of all commands and options."""
    os.environ["COLUMNS"] = "100"  # argparse wraps usage lines there
    parts = ["# Command line", "`cdtnet COMMAND --help` prints the same in a terminal."]
    for parser, level in parsers(build_parser(), 1):
        parts += [f"{'#' * level} {parser.prog}"] if level > 1 else []
        parts += [escaped(parser.description or ""), f"```text\n{parser.format_usage().strip()}\n```"]
        parts += [table(parser)]
    return "\n\n".join(parts) + "\n"


def parsers(parser: argparse.ArgumentParser, level: int) -> Iterator[tuple[argparse.ArgumentParser, int]]:
    """Yield a parser and the parsers of its subcommands, each with its depth."""
    if hasattr(parser, "complete"):
        parser.complete()
    yield parser, level
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from parsers(command, level + 1)


def table(parser: argparse.ArgumentParser) -> str:
    """Return the arguments of a parser, or its subcommands, as a Markdown table."""
    formatter = parser._get_formatter()
    rows = ["| argument | meaning |", "|---|---|"]
    for action in parser._actions:
        for item in getattr(action, "_choices_actions", [action]):
            meaning = formatter._expand_help(item) if item.help else ""
            rows.append(f"| `{formatter._format_action_invocation(item)}` | {escaped(meaning)} |")
    return "\n".join(rows)


def escaped(text: str) -> str:
    """Return text of a parser as Markdown with escaped characters, except in code in backquotes."""
    parts = text.split("`")
    parts[::2] = [re.sub(r"[*_<>\[\]|]", lambda match: f"&#{ord(match[0])};", part) for part in parts[::2]]
    return "`".join(parts)


if __name__ == "__main__":
    sys.exit(main())
