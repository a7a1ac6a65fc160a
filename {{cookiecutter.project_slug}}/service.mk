# Targets of this service; `make help` lists those with a comment like this one's:
# seed: ## Fill the development database
