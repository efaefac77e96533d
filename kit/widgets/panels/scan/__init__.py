"""The scanner: what is wanted, its pictures, its panel."""
