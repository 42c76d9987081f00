"""`python -m homeamp_tui`."""

import sys

from homeamp_tui.cli import main

sys.exit(main())
