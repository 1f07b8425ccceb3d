"""Solutions of the lesson on the JKO scheme."""

SOLUTIONS = (
    """
def gaussian_step(m, s, dt):
    # the objective is F(n) + G(t), and each has one minimum:
    # (n - m) / dt + n = 0   and   (t - s) / dt + t - 1 / t = 0, a quadratic equation for t > 0
    return m / (1 + dt), (s + np.sqrt(s**2 + 4 * dt * (1 + dt))) / (2 * (1 + dt))
""",
    """
def ledger(flow):
    # the last step may be shorter, so every step has a dt of its own
    cost = (flow.distances**2 / (2 * flow.dts)).sum()
    return cost, flow.energies[0] - flow.energies[-1]
""",
    """
def order(law, start, scheme, dt, t_end):
    # the error is C dt^p, so two runs differ by C dt^p (1 - 2^-p), and the next two by 2^-p of it
    a, b, c = (jf.evolve(law, start, scheme=scheme, dt=dt / k, t_end=t_end).final for k in (1, 2, 4))
    return np.log2(float(jf.wasserstein(a, b)) / float(jf.wasserstein(b, c)))
""",
)
