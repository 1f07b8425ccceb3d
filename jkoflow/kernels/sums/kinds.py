"""The kernels whose sums over pairs are compiled, by number."""

POWER, MORSE, GAUSSIAN = 0, 1, 2
