"""The tuning panel: its controls, its pictures, and what it can run."""
