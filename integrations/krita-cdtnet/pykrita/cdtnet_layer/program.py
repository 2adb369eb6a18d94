"""Calling the command line program `cdtnet`, independently of Krita."""

import shlex
import shutil
import subprocess
import tempfile
import time

DEFAULTS = {"strength": 1.0, "tone": 1.0, "color": 1.0, "keep_hue": False, "command": "cdtnet"}


def command(settings, layer, below, whole, result):
    """Return the command that harmonizes the picture `layer` over `below`, both of the document's size.

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
    """Run a command, and return its messages, except for those about written files.

    Args:
        words: The command.
        waiting: Called ten times a second; if it returns False, the program is ended.

    Raises:
        ValueError: The command failed or was ended; its last message.
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
