"""Plain Python functions as tools: what they declare, their schemas, and how they are called."""
