"""A target for every parser: inputs made of the parser's own words, and the verdict that must hold for any input.

`python -m tests.fuzz` runs them all.
"""
