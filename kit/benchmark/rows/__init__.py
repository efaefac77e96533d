"""The rows of the benchmark, one file per room; `kit.benchmark.registry.all_rows` imports them."""
