"""`cdtnet serve`: serve an HTTP API that harmonizes pictures."""

import argparse
import os
import warnings
from pathlib import Path

from ..errors import CdtnetError, needs
from ..system.machine import available_cores, share_cores
from ..web.limits import Limits
from .options import add_runtime_options, count, runtime, say

KEY_VARIABLE = "CDTNET_API_KEY"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommand's arguments."""
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    add("--port", type=int, default=8000, help="port, or 0 for any free one (default: %(default)s)")
    add(
        "--model",
        action="append",
        metavar="NAME_OR_FILE",
        help="model that requests may choose; may be repeated, the first is the default (cdtnet-256)",
    )
    add_runtime_options(parser)
    add(
        "--workers",
        type=count,
        default=max(1, round(available_cores() ** 0.5)),
        help="pictures processed at a time; they share the cores (default: %(default)s)",
    )
    add("--queue", type=count, default=16, help="requests that may wait (default: %(default)s)")
    limits = Limits()
    add("--max-bytes", type=count, default=limits.max_bytes, help="limit of a request (default: %(default)s)")
    add(
        "--max-pixels",
        type=count,
        default=limits.max_pixels,
        help="limit of a picture (default: %(default)s)",
    )
    add(
        "--timeout",
        type=count,
        default=limits.timeout,
        metavar="SECONDS",
        help="limit from a request to its response (default: %(default)s)",
    )
    add(
        "--api-key-file",
        type=Path,
        metavar="FILE",
        help=f"file with the key that requests must send (default: ${KEY_VARIABLE}, or no key)",
    )


def run(arguments: argparse.Namespace) -> None:
    """Load the models, print the address, and serve until a signal; finish current requests."""
    share_cores(arguments.workers)
    from ..inference.harmonizer import Harmonizer

    with needs("web", "The server"):
        from ..web.api.server import make_app
        from ..web.hosting import address, listen, serve
        from ..web.queue import WorkQueue
    key = _key(arguments.api_key_file)
    given = arguments.model or ["cdtnet-256"]
    models = {_name(model): model for model in given}
    if len(models) < len(given):
        raise CdtnetError("Two models have the same name; requests cannot distinguish them.")
    harmonizers = {name: Harmonizer(model, **runtime(arguments)) for name, model in models.items()}
    limits = Limits(arguments.max_bytes, arguments.max_pixels, arguments.timeout)
    with listen(arguments.host, arguments.port) as listener:
        print(address(arguments.host, listener), flush=True)
        if key is None and arguments.host not in ("127.0.0.1", "::1", "localhost"):
            say("Anyone who can reach this address can use the server: no key is set.")
        warnings.simplefilter("ignore", UserWarning)  # each response contains its remark
        queue = WorkQueue(arguments.workers, arguments.queue)
        app = make_app(harmonizers, queue, limits, key)
        serve(app, listener, patience=limits.timeout, places=queue.capacity)
        queue.close()


def _name(model: str) -> str:
    """Return the name of a model in requests: for a file, its name without folder and suffix."""
    return Path(model).stem


def _key(file: Path | None) -> str | None:
    """Read the key from the file or the environment."""
    try:
        key = file.read_text(encoding="utf-8") if file else os.environ.get(KEY_VARIABLE)
    except (OSError, UnicodeDecodeError) as error:
        raise CdtnetError(f"The key file {file} cannot be read; check its name and permissions.") from error
    if key is None:
        return None
    key = key.strip()
    if not (key.isascii() and key.isprintable() and key) or " " in key:
        raise CdtnetError(f"{file or KEY_VARIABLE} must contain a key: one word of ASCII characters.")
    return key
