"""What a fleet leaves in Redis when nobody waits and nobody is served: beginnings of keys behind the hash tag."""

# The schema itself, what an operator set, and the pools that were ever declared.
SCHEMA = ("meta", "seq", "tenants", "pools")

# What living processes keep there beside it.
LIVING = (*SCHEMA, "gateways", "gateway", "workers", "worker", "nodes", "probes", "pool")
