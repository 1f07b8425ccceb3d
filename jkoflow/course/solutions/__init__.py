"""The solutions of the exercises."""
