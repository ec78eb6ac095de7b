"""The command line: one file per command, each with a `run` that prints its findings and returns the exit code."""
