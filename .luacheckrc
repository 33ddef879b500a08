-- Scripts run inside Redis 7 (Lua 5.1) and are joined with the lib_*.lua they name before they are loaded.
std = "lua51"
read_globals = { "redis", "cjson", "cmsgpack", "bit", "struct", "KEYS", "ARGV" }
max_line_length = 120
-- A library's locals are used by the scripts it is joined with, and a script uses those of its libraries.
files["**/lib_*.lua"] = { ignore = { "211" } }
