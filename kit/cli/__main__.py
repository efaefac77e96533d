"""``python -m kit.cli`` is ``kit``."""

from kit.cli import main

raise SystemExit(main())
