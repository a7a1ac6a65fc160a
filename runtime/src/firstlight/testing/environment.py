"""The environment variables that a service reads."""

from ..service import Service


def variables(service: Service) -> frozenset[str]:
    """The variable of every setting: those of the runtime, of the team and of each component."""
    kinds = [service.settings, *(component.settings for component in service.components)]
    return frozenset(
        f"{kind.model_config.get('env_prefix', '')}{field}".upper() for kind in kinds for field in kind.model_fields
    )
