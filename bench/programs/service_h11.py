# mypy: disable-error-code="import-not-found"
"""The emitted service on h11, which lets any verb through to the application."""

import uvicorn
from acme_links.app import create_app
from acme_links.settings import Settings, load

from .additions import add

if __name__ == "__main__":
    add()
    settings = load(Settings)
    uvicorn.run(create_app(settings), port=settings.port, loop="uvloop", http="h11", log_config=None, access_log=False)
