# mypy: disable-error-code="import-not-found"
"""The emitted service on h11, which lets any verb through to the application."""

import uvicorn
from firstlight import create_app
from firstlight.identity import WEB
from firstlight.settings import load_for

from .additions import SERVICE

if __name__ == "__main__":
    settings = load_for(SERVICE.settings, SERVICE.identity, WEB)
    application = create_app(settings, SERVICE)
    uvicorn.run(application, port=settings.port, loop="uvloop", http="h11", log_config=None, access_log=False)
