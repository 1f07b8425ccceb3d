"""Solutions of the lesson on convexity."""

SOLUTIONS = (
    """
def convexity(V, x):
    values = V(x)
    return (values[2:] - 2 * values[1:-1] + values[:-2]).min() / (x[1] - x[0]) ** 2
""",
    """
def allowed(law, x, y):
    # quantiles of the same masses: the geodesic is a straight line between the nodes
    middle = x.like((x.nodes + y.nodes) / 2)
    below = (law(x) + law(y)) / 2 - law(middle)
    return 8 * below / float(jf.wasserstein(x, y)) ** 2
""",
    """
def contraction_rate(law, one, other, dt, t_end):
    flows = [jf.evolve(law, start, dt=dt, t_end=t_end) for start in (one, other)]
    distance = np.array([float(jf.wasserstein(a, b)) for a, b in zip(*flows)])
    # the time 0 says nothing: there the bound is an equality
    return (-np.log(distance[1:] / distance[0]) / flows[0].times[1:]).min()
""",
)
