"""``python -m kit``: the `kit` command, where no script of that name is on the path."""

import sys

from kit.cli import main

if __name__ == "__main__":
    sys.exit(main())
