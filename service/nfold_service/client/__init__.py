"""The other side of the service: an expansion that is done there, as if it were done here. Knows no web framework."""

from nfold_service.client.expanding import expand_through

__all__ = ["expand_through"]
