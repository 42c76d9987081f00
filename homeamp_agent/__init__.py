"""The homeamp agent: one daemon per host that knows what every setting should be.

This package root holds the product's name and version and nothing else, so that importing a part
of the agent never drags in the rest.
"""

PRODUCT = "homeamp"
VERSION = "0.1.0"
