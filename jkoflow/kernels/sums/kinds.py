"""The numbers of the kinds of kernels whose sums over pairs are compiled."""

POWER, MORSE, GAUSSIAN = 0, 1, 2
