"""The commands that make a release. A person runs them."""

from pathlib import Path
from shlex import quote

from generator.package_index import INDEX

UPLOAD = '"$UPLOAD_URL"'


def tag_and_push(version: str, commit: str, branch: str) -> list[str]:
    """Tag the commit, and push the tag with its branch or with neither."""
    tag = f"v{version}"
    refs = f"{quote(branch)} {tag}" if branch else tag
    return [f'git tag --annotate {tag} --message "Firstlight {version}" {commit}', f"git push --atomic origin {refs}"]


def upload(version: str, built: tuple[Path, Path], notes: Path) -> list[str]:
    """Put wheel and source distribution into the package index, or beside the tag where there is no index."""
    files = " ".join(quote(f"dist/{path.name}") for path in built)
    if INDEX is None:
        return [f"gh release create v{version} --verify-tag --notes-file {quote(f'dist/{notes.name}')} {files}"]
    if INDEX["url"].startswith("file://"):
        return [f"cp {files} {quote(INDEX['url'].removeprefix('file://'))}"]
    return [f"uv publish --publish-url {UPLOAD} {files}  # UPLOAD_URL: where the index {INDEX['name']} takes uploads"]


def following(version: str) -> str:
    """The version that begins after a release."""
    major, minor, _ = version.split(".")
    return f"{major}.{int(minor) + 1}.0.dev0"
