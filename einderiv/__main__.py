"""``python -m einderiv``."""

import sys

from .cli import main

sys.exit(main())
