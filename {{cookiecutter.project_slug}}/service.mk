# Make targets of this service. `make help` lists each target that has a comment like this:
# seed: ## Fill the development database
