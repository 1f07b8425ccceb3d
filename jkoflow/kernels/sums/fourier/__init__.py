"""Sums over many points by non-uniform fast Fourier transforms (finufft, an extra)."""
