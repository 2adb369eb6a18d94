"""The batch on a real Ray cluster with two nodes, one of which is killed, from and to a real S3 server."""

import json
import logging
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from cdtnet.cli.main import main
from tests.datasets import trees
from tests.processes import started, until

PICTURES = 20
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed: pip install 'cdtnet[ray]'"),
]


@pytest.fixture(scope="module")
def environment():
    """The environment of Ray, S3 and all processes started here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_AUTH_MODE", "disabled")  # no token in the home folder; the nodes are on loopback
        patch.setenv("AWS_ACCESS_KEY_ID", "nobody")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "nothing")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        yield patch


@pytest.fixture(scope="module")
def bucket(environment):
    """A bucket of a local S3 server, as a file system."""
    import fsspec
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    environment.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    store = fsspec.filesystem("s3", use_listings_cache=False)
    store.mkdir("bucket")
    yield store
    server.stop()


@pytest.fixture(scope="module")
def cluster(environment):
    """A head without cores, and two nodes with a core each; a line on its stdin kills one."""
    command = [sys.executable, str(Path(__file__).with_name("ray_cluster.py"))]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, **pipes) as process:
        lines = iter(process.stdout.readline, "")
        process.address = next(line.split()[1] for line in lines if line.startswith("address: "))
        yield process


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Pictures in sub-folders, one of them truncated, with one mask for all."""
    root = tmp_path_factory.mktemp("cluster") / "in"
    for k in range(PICTURES):
        trees.picture(root / f"{k % 3}" / f"{k}.png", size=(64, 48))
    trees.truncate(trees.picture(root / "cut.png", size=(64, 48)))
    trees.mask(root / "mask.png", size=(64, 48))
    return root


def rows(table):
    """Return the fields that do not depend on where a record was made."""
    kept = ("output", "status", "pixels", "foreground")
    found = [json.loads(line) for line in table.splitlines()]
    return {row["output"]: [row[name] for name in kept] for row in found}


def test_a_node_is_lost_and_nothing_else(bucket, cluster, folder, tmp_path, weights, capsys):
    options = ["--model", weights, "--strength", "0.8"]
    out = tmp_path / "out"
    assert main(["batch", str(folder), str(out), "--mask", str(folder / "mask.png"), *options]) == 1
    expected = {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*.png")}
    assert len(expected) == PICTURES

    bucket.put(f"{folder}/", "bucket/in/", recursive=True)
    there = ["s3://bucket/in", "s3://bucket/out", "--mask", "s3://bucket/in/mask.png", *options]
    command = [sys.executable, "-m", "cdtnet", "batch", *there, "--ray", cluster.address]
    with started(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        until(lambda: bucket.glob("bucket/out/*/*.png"), process, pause=0.2)
        print(file=cluster.stdin, flush=True)
        assert len(bucket.glob("bucket/out/*/*.png")) < PICTURES
        printed, messages = process.communicate()
    assert process.returncode == 1, messages
    assert printed == "s3://bucket/out\n"
    assert f"Harmonized: {PICTURES}. Failed: 1. Done before: 0." in messages

    made = [path for path in bucket.find("bucket/out") if path.endswith(".png")]
    assert {path.removeprefix("bucket/out/"): bucket.cat(path) for path in made} == expected
    others = {path.removeprefix("bucket/out/") for path in bucket.find("bucket/out")} - expected.keys()
    assert others == {"batch.json", "results.jsonl"}
    assert rows(bucket.cat("bucket/out/results.jsonl")) == rows((out / "results.jsonl").read_bytes())

    capsys.readouterr()
    bucket.rm("bucket/out/0/0.png")
    assert main(["batch", *there]) == 1  # goes on without Ray; the one that is cut short is tried again
    assert f"Harmonized: 1. Failed: 1. Done before: {PICTURES - 1}." in capsys.readouterr().err
    assert bucket.cat("bucket/out/0/0.png") == expected["0/0.png"]


def test_what_keeps_the_actors_from_working_is_said(bucket, cluster, folder, capsys):
    arguments = ["s3://bucket/in", "s3://bucket/none", "--mask", "s3://bucket/in/mask.png"]
    command = [*arguments, "--model", "nowhere.safetensors", "--ray", cluster.address]
    done = subprocess.run([sys.executable, "-m", "cdtnet", "batch", *command], capture_output=True, text=True)
    assert done.returncode == 1
    assert "nowhere.safetensors" in done.stderr.splitlines()[-1]
    assert bucket.glob("bucket/none/*/*.png") == []
