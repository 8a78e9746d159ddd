"""The options of commands, as click has them: bundles of decorators, the types of their values, what goes together.

For each bundle there is a TypedDict of the values that click makes of it. `cli/request.py` turns those into typed runs.
"""
