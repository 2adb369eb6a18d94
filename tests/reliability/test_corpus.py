"""The short form of `reliability/corpus.py`, and side effects that no input may cause."""

import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from cdtnet.cli.main import main

pytestmark = pytest.mark.slow

# Whatever reaches out of this process or this folder ends it.
WATCHED = """
import os, sys

def refuse(event, arguments):
    reach = event.startswith(("socket.", "subprocess.", "os.exec", "os.spawn", "os.posix_spawn", "pty."))
    writes = event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+")
    if writes:
        place = os.path.realpath(os.fsdecode(arguments[0])) if not isinstance(arguments[0], int) else ""
        writes = place and not place.startswith((os.getcwd(), "/dev/"))
    if reach or writes or event in ("os.system", "os.fork", "os.forkpty"):
        print("REFUSED", event, arguments)
        os._exit(99)

sys.addaudithook(refuse)
from cdtnet.cli.main import main
sys.exit(main(sys.argv[1:]))
"""

LIMITED = """
import resource, sys
from cdtnet.cli.main import main
from cdtnet.system.machine import STATUS, read_bytes

limit = read_bytes(STATUS, "VmSize") + (1 << 30)
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
sys.exit(main(["harmonize", "bomb.png", "mask.png"]))
"""


@pytest.fixture
def pair(tmp_path, random, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(random.integers(0, 256, (40, 60, 3), dtype=np.uint8)).save("composite.png")
    Image.fromarray(np.pad(np.full((20, 20), 255, np.uint8), ((10, 10), (20, 20)))).save("mask.png")
    return tmp_path


def test_odd_files_end_in_a_picture_or_a_sentence():
    command = [sys.executable, "reliability/corpus.py", "--cuts", "1", "--every", "60"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "| in all |" in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["harmonize", "composite.png", "mask.png", "--model", "{weights}"],
        ["lut", "composite.png", "mask.png", "--model", "{weights}"],
        ["harmonize", "composite.png", "nothing.png"],
    ],
)
def test_nothing_reaches_out_of_the_process_and_its_folder(pair, weights, arguments):
    words = [word.format(weights=weights) for word in arguments]
    done = subprocess.run([sys.executable, "-c", WATCHED, *words], capture_output=True, text=True)
    assert done.returncode == ("nothing.png" in words), done.stdout + done.stderr


def test_the_watch_sees_what_it_should(pair):
    for deed in ("import socket; socket.socket()", "os.system('true')", "open('/tmp/../x', 'w')"):
        watched = WATCHED.replace("from cdtnet.cli.main import main", deed)
        assert subprocess.run([sys.executable, "-c", watched], capture_output=True).returncode == 99


def test_a_picture_that_memory_cannot_hold_is_refused_by_its_header(pair):
    Image.new("L", (20_000, 20_000)).save("bomb.png")
    assert os.path.getsize("bomb.png") < 1_000_000
    done = subprocess.run([sys.executable, "-c", LIMITED], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith(
        "cdtnet: bomb.png has 20000×20000 pixels, which take up to 1.2 GB of memory, and "
    )


def test_names_that_are_no_text_or_nearly_too_long(pair, weights):
    for name in (os.fsdecode(b"\xff\n.png"), "🙂" * 60 + ".png"):
        command = [sys.executable, "-m", "cdtnet", "harmonize", "composite.png", "mask.png"]
        done = subprocess.run([*command, "--model", weights, "-o", name], capture_output=True)
        assert done.returncode == 0, done.stderr
        assert done.stdout == os.fsencode(name) + b"\n"
        assert os.path.exists(name)


def test_a_name_with_line_breaks_is_still_one_line(pair, capsys):
    assert main(["harmonize", "no\nsuch\x1b[31m\u202efile.png", "mask.png"]) == 1
    assert capsys.readouterr().err == (
        "cdtnet: no\\nsuch\\x1b[31m\\u202efile.png does not exist; check the name.\n"
    )
