"""Solutions of the lesson on the JKO scheme."""

SOLUTIONS = (
    """
def gaussian_step(m, s, dt, theta, stiffness, c):
    # the objective is F(n) + G(t), and each has one minimum:
    # (n - m) / dt + stiffness (n - c) = 0, a linear equation, and
    # (t - s) / dt + stiffness t - theta / t = 0, a quadratic equation for t > 0
    q = 1 + stiffness * dt
    return (m + stiffness * dt * c) / q, (s + np.sqrt(s**2 + 4 * theta * dt * q)) / (2 * q)
""",
    """
def reach(flow):
    # W2(rho_0, rho_k) <= sum W2 = sum dt^(1/2) (W2 / dt^(1/2)) <= (t_k sum W2^2 / dt)^(1/2)
    return np.sqrt(2 * flow.times * (flow.energies[0] - flow.energies))
""",
    """
def order(law, start, scheme, dt, t_end):
    # the error is C dt^p, so two runs differ by C dt^p (1 - 2^-p), and the next two by 2^-p of it
    a, b, c = (jf.evolve(law, start, scheme=scheme, dt=dt / k, t_end=t_end).final for k in (1, 2, 4))
    return np.log2(float(jf.wasserstein(a, b)) / float(jf.wasserstein(b, c)))
""",
)
