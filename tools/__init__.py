"""What measures this checkout rather than the kit; run by make, and no part of the product."""
