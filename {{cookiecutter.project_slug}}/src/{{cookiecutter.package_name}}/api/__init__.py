"""The resources of the API, one package each. `service.py` lists their operations."""
