"""Modal questions and messages, one a module; what is at stake stands above the buttons."""
