"""The notebooks of the lessons."""
