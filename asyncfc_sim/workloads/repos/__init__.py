"""Small repositories with bugs, the tools to mend them, and an expert that does: a software-engineering task set."""
