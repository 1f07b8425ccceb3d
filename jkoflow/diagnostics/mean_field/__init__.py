"""Particles against their limit of many."""

from .coupling import coupling_error, field_gradient_distance

__all__ = ["coupling_error", "field_gradient_distance"]
