"""Solutions of the lesson on two species."""

SOLUTIONS = (
    """
def distance(t, d, k, m):
    # a' = k (b - a) and b' = -m (b - a)
    return d * np.exp(-(k + m) * t)
""",
    """
def has_energy(K):
    n = len(K)
    for i in range(n):
        for j in range(i):
            both_zero = K[i, j] == 0 and K[j, i] == 0
            if not (both_zero or K[i, j] * K[j, i] > 0):
                return False
    if n < 3:
        return True
    # both ways round the circle; if a pair does not interact, both products are 0
    return bool(np.isclose(K[0, 1] * K[1, 2] * K[2, 0], K[1, 0] * K[2, 1] * K[0, 2]))
""",
    """
# The distance falls with the rate 2 a12, fluctuations with a11 + a12.
law = (
    1.5 * jf.CrossInteraction(jf.Quadratic(), between=("a", "b"))
    - 1.5 * jf.Interaction(jf.Quadratic(), "a")
    - 1.5 * jf.Interaction(jf.Quadratic(), "b")
)
""",
)
