"""The position builder: what is held and how it is put together, its pictures, its panel."""
