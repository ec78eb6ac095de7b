"""The suites: each file is a question, where its rows come from, and how it is measured."""
