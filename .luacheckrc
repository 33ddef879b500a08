-- What Redis 7 gives a script (Lua 5.1). `scripts/lint-lua` runs this over each verb joined with the shared parts, as
-- Redis sees it; a verb uses only some of them, so an unused local is no finding.
std = "lua51"
read_globals = { "redis", "cjson", "cmsgpack", "bit", "struct", "KEYS", "ARGV" }
ignore = { "211" }
max_line_length = 130
