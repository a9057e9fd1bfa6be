"""The language: text and wire forms to the terms of `core.syntax`, and back. Knows nothing of scheduling."""
