"""A service with a database. Its package, with tables and migrations, is made by the test."""

import sys

from firstlight import Identity, Service, main
from firstlight.components.database import DATABASE

SERVICE = Service(
    identity=Identity(name="acme-parcels", version="1.0.0", package="acme_parcels"), components=[DATABASE]
)

if __name__ == "__main__":
    sys.exit(main(SERVICE))
