"""Solutions of the lesson on particles."""

SOLUTIONS = (
    """
def atoms(n):
    # an atom is best at the mean of its piece, and the quantile is s^(1/2)
    return n * np.diff(2 / 3 * (np.arange(n + 1) / n) ** 1.5)
""",
    """
def slowest(epsilon, k):
    # the roots of epsilon r^2 + r + k = 0 are complex for 4 epsilon k > 1
    root = np.sqrt(complex(1 - 4 * epsilon * k))
    return (1 - root.real) / (2 * epsilon)
""",
    """
# With psi = 2 everywhere, v' = 2 (mean - v).
law = jf.Alignment(lambda r: 2 + 0 * r)
""",
)
