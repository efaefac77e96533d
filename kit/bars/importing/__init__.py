"""Minutes of vendors into the store: what a file means is detected, declared, or refused in words."""

from kit.bars.importing.importer import ImportReport, import_files

__all__ = ["ImportReport", "import_files"]
