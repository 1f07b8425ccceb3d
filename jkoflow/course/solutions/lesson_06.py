"""Solutions of the lesson on quantiles."""

SOLUTIONS = (
    """
def entropy(x):
    n = len(x) - 1
    # X_s = (width of the cell) / (1 / n)
    return -np.mean(np.log(n * np.diff(x)))
""",
    """
def step(now, before, dt):
    # 3 X - 4 now + before = -2 dt X
    return (4 * now - before) / (3 + 2 * dt)
""",
    """
# Let W = |x|^2 / 2 - b |x|. At rest 0 = (X - mean) - b (2 s - 1), so X runs evenly over the length 2 b.
energy = jf.Interaction(jf.Quadratic() - 2 * jf.PowerLaw(1))
""",
)
