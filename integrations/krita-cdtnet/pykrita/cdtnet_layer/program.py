"""Calling the command line program `cdtnet`; nothing here knows Krita."""

import shlex
import shutil
import subprocess
import tempfile
import time

DEFAULTS = {"strength": 1.0, "tone": 1.0, "color": 1.0, "keep_hue": False, "command": "cdtnet"}


def command(settings, layer, below, whole, result):
    """The words that harmonize the picture `layer` over `below`, both as large as the document.

    Raises:
        ValueError: The program is not installed.
    """
    words = shlex.split(settings["command"])
    if not words or not shutil.which(words[0]):
        raise ValueError(
            f"The program {words[0] if words else 'cdtnet'} is not found: install it with "
            "'pipx install cdtnet', or give its full path as the command."
        )
    words += ["compose", layer, below, "--at=0,0", "--overwrite", "-o", whole, "--layer", result]
    for name in ("strength", "tone", "color"):
        if settings[name] != DEFAULTS[name]:
            words += [f"--{name}", f"{settings[name]:.4f}"]
    return [*words, "--keep-hue"] if settings["keep_hue"] else words


def call(words, waiting):
    """Run a command; what it says, without what is written where.

    Args:
        words: Of the command.
        waiting: Called ten times a second; False ends the program.

    Raises:
        ValueError: It failed, or was ended; what it says last.
    """
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said)
        while process.poll() is None:
            if not waiting():
                process.terminate()
                process.wait()
                raise ValueError("Cancelled; nothing was changed.")
            time.sleep(0.1)
        said.seek(0)
        lines = said.read().decode("utf-8", "replace").strip().splitlines()
    if process.returncode:
        raise ValueError(lines[-1].replace("cdtnet: ", "", 1) if lines else "cdtnet ended without a word.")
    return " ".join(line for line in lines if not line.startswith("Written"))
