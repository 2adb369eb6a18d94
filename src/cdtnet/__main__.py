"""Run the command line: `python -m cdtnet`."""

import sys

from .cli.main import main

sys.exit(main())
