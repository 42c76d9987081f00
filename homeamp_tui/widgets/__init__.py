"""One widget a module, each with its style beside it."""
