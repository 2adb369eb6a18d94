"""`python -m cdtnet`: the command line, for launchers that start modules."""

import sys

from .cli.main import main

sys.exit(main())
