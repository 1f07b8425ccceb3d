"""Solutions of the lesson on the porous medium equation."""

SOLUTIONS = (
    """
def growth(m, d):
    # rho = t^(-d a) f(x / t^a): the time derivative has the power -d a - 1, lap rho^m has -d a m - 2 a
    return 1 / (d * (m - 1) + 2)
""",
    """
def waiting_time(m, A):
    # u_t = A x^2 / (T (1 - t/T)^2), and the right side is (2 (m - 1) + 4) A^2 x^2 / (1 - t/T)^2
    return 1 / (2 * (m + 1) * A)
""",
    """
def exponent(law, start, dt, t_end):
    flow = jf.evolve(law, start, dt=dt, t_end=t_end)
    width = np.array([rho.nodes[-1] - rho.nodes[0] for rho in flow])
    half = np.argmin(abs(flow.times - t_end / 2))
    return np.log2(width[-1] / width[half])
""",
)
