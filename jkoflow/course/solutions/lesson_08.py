"""Solutions of the lesson on particles."""

SOLUTIONS = (
    """
def atoms(n):
    # the atom of the masses from (i - 1) / n to i / n is best at their mean
    return (np.arange(n) + 0.5) / n
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
