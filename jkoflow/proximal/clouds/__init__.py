"""Steps of point masses in R^d."""

from .particle_proximal import ParticleProximal

__all__ = ["ParticleProximal"]
