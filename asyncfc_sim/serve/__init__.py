"""A small model of our own behind OpenAI's chat completions, decoded in NumPy: a live run without a key or a GPU."""
