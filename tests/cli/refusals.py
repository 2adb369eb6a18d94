"""Error messages of a command for unusable input."""

from pathlib import Path

import pytest

from cdtnet.cli.main import main


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Return the error message of a command, which must not change the working folder."""
    before = _files()
    assert main(arguments) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("cdtnet: ")
    assert printed.err.count("\n") == 1
    assert _files() == before
    return printed.err


def _files() -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in Path.cwd().rglob("*") if path.is_file()}
