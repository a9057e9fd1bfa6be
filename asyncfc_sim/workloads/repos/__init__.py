"""Small repositories with bugs, the tools to mend them, and an expert that does: a software-engineering task set.

No model that comes with this package is asked to mend them: models/tiny-futures knows an office, and is far too small.
What stands in for a model here are recorded turns of the expert (recorded/README.md); any served model may be tried.
"""
