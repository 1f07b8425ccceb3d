"""Solutions of the lesson on chemotaxis."""

SOLUTIONS = (
    """
def critical_length(rho, eta, D, d, kappa):
    # a wave grows if D d k^2 < eta rho - D kappa, and the least wave number is k = 2 pi / L
    excess = eta * rho - D * kappa
    return 2 * np.pi * np.sqrt(D * d / excess) if excess > 0 else np.inf
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
