"""Loads the plugin in a clone; an installed harness brings the same plugin by its entry point."""

pytest_plugins = ["harness.plugin"]
