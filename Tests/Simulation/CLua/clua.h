// Lua 5.1, and what Swift cannot do with it: a function that raises a Lua error jumps over the frames above it, so the
// frame that raises must be C, and Swift's must have returned.
#ifndef BERTH_CLUA_H
#define BERTH_CLUA_H

#include <errno.h>
#include <lua5.1/lauxlib.h>
#include <lua5.1/lua.h>
#include <lua5.1/lualib.h>
#include <stdio.h>
#include <stdlib.h>

/// Runs the command whose words are on the stack. Returns 1 with its reply on top, or -1 with an error table on top.
typedef int (*clua_perform)(void *context, lua_State *state);

typedef struct {
    clua_perform perform;
    void *context;
} clua_host;

static int clua_call(lua_State *state) {
    const clua_host *host = (const clua_host *)lua_topointer(state, lua_upvalueindex(1));
    return host->perform(host->context, state) < 0 ? lua_error(state) : 1;
}

static int clua_pcall(lua_State *state) {
    const clua_host *host = (const clua_host *)lua_topointer(state, lua_upvalueindex(1));
    host->perform(host->context, state);
    return 1;
}

static int clua_missing_global(lua_State *state) {
    const char *name = lua_tostring(state, 2);
    return luaL_error(state, "Script attempted to access nonexistent global variable '%s'", name ? name : "?");
}

static int clua_read_only(lua_State *state) { return luaL_error(state, "Attempt to modify a readonly table"); }

/// The handler of an uncaught error: a table of its words and where it happened.
static int clua_trace(lua_State *state) {
    if (!lua_istable(state, 1)) {
        const char *words = lua_tostring(state, 1);
        lua_createtable(state, 0, 3);
        lua_pushfstring(state, "ERR %s", words ? words : luaL_typename(state, 1));
        lua_setfield(state, -2, "err");
    } else {
        lua_pushvalue(state, 1);
    }
    lua_Debug at;
    for (int level = 1; level <= 2 && lua_getstack(state, level, &at); level++) {
        lua_getinfo(state, "Sl", &at);
        if (*at.what != 'C') {
            lua_pushstring(state, at.source);
            lua_setfield(state, -2, "source");
            lua_pushinteger(state, at.currentline);
            lua_setfield(state, -2, "line");
            break;
        }
    }
    return 1;
}

/// Opens the libraries a script may use, `redis.call` and `redis.pcall`.
static inline void clua_open(lua_State *state, const clua_host *host) {
    const lua_CFunction libraries[] = {luaopen_base, luaopen_string, luaopen_table, luaopen_math};
    for (int i = 0; i < 4; i++) {
        lua_pushcclosure(state, libraries[i], 0);
        lua_call(state, 0, 0);
    }
    lua_createtable(state, 0, 2);
    lua_pushlightuserdata(state, (void *)host);
    lua_pushcclosure(state, clua_call, 1);
    lua_setfield(state, -2, "call");
    lua_pushlightuserdata(state, (void *)host);
    lua_pushcclosure(state, clua_pcall, 1);
    lua_setfield(state, -2, "pcall");
    lua_setfield(state, LUA_GLOBALSINDEX, "redis");
}

/// Leaves on the stack the environment of the scripts: it reads the globals, and refuses a write and an unknown name.
static inline void clua_push_environment(lua_State *state) {
    lua_createtable(state, 0, 1);
    lua_pushcclosure(state, clua_missing_global, 0);
    lua_setfield(state, -2, "__index");
    lua_pushvalue(state, LUA_GLOBALSINDEX);
    lua_insert(state, -2);
    lua_setmetatable(state, -2); // the globals, on top

    lua_createtable(state, 0, 0);
    lua_createtable(state, 0, 2);
    lua_pushvalue(state, LUA_GLOBALSINDEX);
    lua_setfield(state, -2, "__index");
    lua_pushcclosure(state, clua_read_only, 0);
    lua_setfield(state, -2, "__newindex");
    lua_setmetatable(state, -2);
    lua_remove(state, -2);
}

static inline void clua_push_trace(lua_State *state) { lua_pushcclosure(state, clua_trace, 0); }

/// As Redis spells a score and a Lua number. Returns the length.
static inline int clua_spell(double number, char *buffer, size_t size) {
    return snprintf(buffer, size, "%.17g", number);
}

/// Reads a number that ends with its text's zero byte. Returns how many bytes were read; `range` tells an overflow.
static inline size_t clua_read(const char *text, double *number, int *range) {
    char *end;
    errno = 0;
    *number = strtod(text, &end);
    *range = errno == ERANGE;
    return (size_t)(end - text);
}

#endif
