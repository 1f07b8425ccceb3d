"""The command ``python -m jkoflow``; see ``jkoflow.command``."""

import sys

from .command import main

sys.exit(main())
