"""Every position of a chain's families, scored as arrays, filtered and ranked: `scan`."""

from kit.evaluation.scan.columns import FIGURES
from kit.evaluation.scan.family_rules import KNOWN
from kit.evaluation.scan.result import ScanResult
from kit.evaluation.scan.scan import scan

__all__ = ["FIGURES", "KNOWN", "ScanResult", "scan"]
