"""Solutions of the lesson on two species."""

SOLUTIONS = (
    """
def distance(t, d, k, m):
    # a' = k (b - a) and b' = -m (b - a)
    return d * np.exp(-(k + m) * t)
""",
    """
def mobilities(K):
    # K[0, j] / 1 = K[j, 0] / alpha[j] leaves one choice, and the last pair must agree with it
    alpha = np.array([1, K[1, 0] / K[0, 1], K[2, 0] / K[0, 2]])
    agree = np.isclose(K[1, 2] / alpha[1], K[2, 1] / alpha[2])
    return alpha if agree and np.all(alpha > 0) else None
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
