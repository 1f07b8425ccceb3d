"""Solutions of the lesson on entropy."""

SOLUTIONS = (
    """
def equilibrium(V, x):
    # subtract the least value first: then no exponential is too large, and the largest is 1
    weights = np.exp(V(x).min() - V(x))
    return weights / (weights.sum() * (x[1] - x[0]))
""",
    """
def fisher(values, h):
    # |grad rho|^2 / rho = 4 |grad rho^(1/2)|^2; the area h^2 of a cell cancels the h^2 of the squared differences
    root = np.sqrt(values)
    return 4 * ((np.diff(root, axis=0) ** 2).sum() + (np.diff(root, axis=1) ** 2).sum())
""",
    """
def rate(V, start, dt, t_end):
    law = jf.Entropy() + jf.Potential(V)
    flow = jf.evolve(law, start, dt=dt, t_end=t_end)
    relative = flow.energies - law(jf.closed_forms.gibbs_state(start.grid, V))
    half = np.argmin(abs(flow.times - t_end / 2))
    return np.log(relative[half] / relative[-1]) / (flow.times[-1] - flow.times[half])
""",
)
