"""What a fleet leaves in Redis when nobody waits and nobody is served: beginnings and patterns of keys behind the hash tag."""

# The schema itself, settings, the pools that were ever declared with their rates, and the usage of 35 days.
SCHEMA = (
    "state", "meta", "repair", "doing", "settings", "versions", "declared", "withdrawn", "zeros", "pauses", "limits", "pools",
    "pool:*:rate", "usage",
)  # fmt: skip

# What living processes keep there beside it.
LIVING = (*SCHEMA, "declarers", "gateways", "gateway", "workers", "worker", "slot", "nodes", "probes", "pool")
