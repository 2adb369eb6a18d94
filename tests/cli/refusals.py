"""What a command says to input that it cannot use."""

from pathlib import Path

import pytest

from cdtnet.cli.main import main


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one sentence, on stderr, that a command ends with; it changes nothing in the working folder."""
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
