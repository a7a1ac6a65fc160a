"""The optional components, one module or package each."""
