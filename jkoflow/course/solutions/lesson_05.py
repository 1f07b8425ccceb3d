"""Solutions of the lesson on the porous medium equation."""

SOLUTIONS = (
    """
def growth(p, d):
    # the time derivative has the power -d a - 1, and the right side has -(d a + a) (p - 1) - a
    return 1 / (d * (p - 2) + p)
""",
    """
def waiting_time(m, A, d):
    # u_t = A |x|^2 / (T (1 - t/T)^2), and the right side is (2 d (m - 1) + 4) A^2 |x|^2 / (1 - t/T)^2
    return 1 / (2 * (d * (m - 1) + 2) * A)
""",
    """
def exponent(law, start, dt, t_end):
    flow = jf.evolve(law, start, dt=dt, t_end=t_end)
    width = np.array([rho.nodes[-1] - rho.nodes[0] for rho in flow])
    half = np.argmin(abs(flow.times - t_end / 2))
    return np.log2(width[-1] / width[half])
""",
)
