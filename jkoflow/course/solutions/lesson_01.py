"""Solutions of the lesson on the metric."""

SOLUTIONS = (
    """
def distance(m, s, n, t):
    # the mean of ((m - n) + (s - t) z)^2 over z
    return np.sqrt((m - n) ** 2 + (s - t) ** 2)
""",
    """
def geodesic(x, y, t):
    # on the line, quantiles are a flat coordinate: the way is straight
    return (1 - t) * x + t * y
""",
    """
def cost(x, y):
    return ((np.sort(x) - np.sort(y)) ** 2).mean()
""",
)
