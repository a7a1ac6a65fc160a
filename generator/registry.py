"""The registry of images: that of the pipeline's host, or the organisation's own."""

from .organisation import ORGANISATION

GITHUB = "ghcr.io"
# What a pipeline says about the registry of its host, and the same for a registry with credentials of its own.
_IMAGE = ('"ghcr.io/${GITHUB_REPOSITORY,,}"', "$CI_REGISTRY_IMAGE")
_LOGIN = {
    "registry: ghcr.io": "registry: HOST",
    "username: ${{ github.actor }}": "username: ${{ secrets.REGISTRY_USER }}",
    "password: ${{ github.token }}": "password: ${{ secrets.REGISTRY_PASSWORD }}",
    "REGISTRY_USER: ${{ github.actor }}": "REGISTRY_USER: ${{ secrets.REGISTRY_USER }}",
    "REGISTRY_PASSWORD: ${{ github.token }}": "REGISTRY_PASSWORD: ${{ secrets.REGISTRY_PASSWORD }}",
    # GitLab's jobs have the variables of the project as they are.
    "  variables: # for the hosts, to pull the image\n    REGISTRY_USER: $CI_REGISTRY_USER\n"
    "    REGISTRY_PASSWORD: $CI_REGISTRY_PASSWORD\n": "",
    '"$CI_REGISTRY_PASSWORD"': '"$REGISTRY_PASSWORD"',
    '"$CI_REGISTRY_USER"': '"$REGISTRY_USER"',
    '"$CI_REGISTRY"': "HOST",
}


def image(slug: str) -> str:
    """The name of a service's image, without a tag: with the organisation's registry, if it has one."""
    registry = ORGANISATION["image"]["registry"]
    return f"{registry}/{slug}" if registry else slug


def host() -> str:
    """The host of the organisation's registry; empty without one."""
    return str(ORGANISATION["image"]["registry"]).partition("/")[0]


def with_registry(pipeline: str, slug: str) -> str:
    """A pipeline that publishes to the organisation's registry. GitHub's own has no further credentials."""
    if not host():
        return pipeline
    for written in _IMAGE:
        pipeline = pipeline.replace(written, image(slug))
    for written, meant in _LOGIN.items() if host() != GITHUB else ():
        pipeline = pipeline.replace(written, meant.replace("HOST", host()))
    return pipeline
