"""Solutions of the lesson on chemotaxis."""

SOLUTIONS = (
    """
def rate(k, rho, eta, D, d, kappa):
    a, b = D * k**2, kappa + d * k**2
    # r^2 + (a + b) r + a b - eta rho k^2 = 0
    root = np.sqrt(complex((a - b) ** 2 / 4 + eta * rho * k**2))
    return -(a + b) / 2 + root.real
""",
    """
def lifetime(mass, q):
    fall = 4 * (mass / (8 * np.pi) - 1)
    return q / fall if fall > 0 else np.inf
""",
    """
# eta > D (kappa + d k^2) must hold for k = 1, which is 0.12, and not for k = 2, which is 0.18.
law = 0.2 * jf.Entropy() + jf.FieldEnergy("c", diffusion=0.1, decay=0.5) + jf.Secretion() + jf.Chemotaxis(0.15)
""",
)
