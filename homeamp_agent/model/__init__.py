"""The words of the domain (DESIGN, 'Words'): immutable values, no I/O.

Imports pydantic and nothing of ours, so every other part may import it.
"""
