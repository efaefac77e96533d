"""``python -m kit.pricing``: compile the pricing loops and say how long it took."""

import sys

from kit.pricing.engines import default_engine
from kit.pricing.warm import warm

seconds = warm()
sys.stdout.write(f"The {default_engine()} pricing engine answers after {seconds:.2f} s\n")
