"""Baselines: what a run came to row by row, as one small file."""
