"""What a fleet leaves in Redis when nobody waits and nobody is served: beginnings of keys behind the hash tag."""

# The schema itself, and what an operator set.
SCHEMA = ("meta", "seq", "tenants", "versions")

# What living processes and pools that were declared keep there.
LIVING = (*SCHEMA, "gateways", "gateway", "workers", "worker", "pools", "pool", "node")
