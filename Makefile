.PHONY: check test lint

check: lint test

test:
	.venv/bin/pytest -n auto

lint:
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/lint-imports
	.venv/bin/mypy
