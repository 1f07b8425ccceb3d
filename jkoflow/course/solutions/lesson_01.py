"""Solutions of the lesson on the metric."""

SOLUTIONS = (
    """
def distance(a, b, c, d):
    # the quantiles differ by (middle of one - middle of the other) + (s - 1/2) (length of one - length of the other),
    # and the mean of (s - 1/2)^2 is 1/12
    return np.sqrt((a + b - c - d) ** 2 / 4 + ((b - a) - (d - c)) ** 2 / 12)
""",
    """
def longest(x, y):
    # a gap g of x and h of y becomes g - t (g - h), which is 0 at t = g / (g - h) if h < g
    g, h = np.diff(x), np.diff(y)
    closing = h < g
    return (g[closing] / (g - h)[closing]).min(initial=np.inf)
""",
    """
def cost(x, y):
    return ((np.sort(x) - np.sort(y)) ** 2).mean()
""",
)
