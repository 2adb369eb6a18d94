"""`cdtnet app`: open a page in the browser to place, paint, harmonize and compare pictures."""

import argparse
import warnings

from ..errors import needs
from .options import add_cut_out_option, add_model_options, add_page_options, finder_of, runtime, say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommand's arguments."""
    add_model_options(parser)
    add_page_options(parser, port=8188)
    add_cut_out_option(parser, "let the page cut objects out of photos")
    parser.add_argument("--no-browser", action="store_true", help="only print the page's address")


def run(arguments: argparse.Namespace) -> None:
    """Load the model, print the address, open it in a browser, and serve until interrupted."""
    import webbrowser

    from ..imaging.cutting import load_finder

    with needs("web", "The page"):
        from ..web.app.server import make_app
        from ..web.app.work import Models
        from ..web.hosting import address, listen, serve
    models = Models(arguments.model, runtime(arguments))
    models.load(models.first)  # so that its errors are reported here instead of in the page
    if arguments.cut_out:
        load_finder(finder_of(arguments))
    with listen(arguments.host, arguments.port) as listener:
        url = address(arguments.host, listener)
        print(url, flush=True)
        say("Ctrl-C stops.")
        if arguments.host not in ("127.0.0.1", "::1", "localhost"):
            say("Anyone who can reach this address can use this page.")
        if not arguments.no_browser:
            webbrowser.open(url)
        warnings.simplefilter("ignore", UserWarning)  # the page shows remarks itself
        names = [arguments.host, *arguments.name]
        finder = finder_of(arguments)
        serve(make_app(models, names=names, strength=arguments.strength, finder=finder), listener)
