"""The optional components. Each is a module or a package."""
