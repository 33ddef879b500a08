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
#include <string.h>
#include <sys/mman.h>

/// Runs the command whose words are on the stack. Returns 1 with its reply on top, or -1 with an error table on top.
typedef int (*clua_perform)(void *context, lua_State *state);

typedef struct {
    clua_perform perform;
    void *context;
} clua_host;

/// Memory for Lua, which goes back to where it was sealed: a script makes and forgets thousands of small objects, and
/// to collect them would take a third of its time. Nothing is collected; when enough has come together, what the state
/// was when the scripts had been compiled is put back, byte by byte, at the same place.
#define CLUA_ARENA_BYTES ((size_t)1 << 32)
#define CLUA_WINDOW_BYTES ((size_t)8 << 20)
#define CLUA_CLASS_BYTES 16
#define CLUA_CLASSES 32

typedef struct clua_piece {
    struct clua_piece *next;
} clua_piece;

typedef struct {
    char *base;
    size_t used;
    /// What was given back, by size: tables and buffers grow through these.
    clua_piece *lists[CLUA_CLASSES];
    /// The state as it was sealed; NULL before.
    char *copy;
    size_t sealed;
    clua_piece *sealed_lists[CLUA_CLASSES];
} clua_arena;

/// What Lua calls for all its memory.
static void *clua_allocate(void *context, void *pointer, size_t old, size_t size) {
    clua_arena *arena = (clua_arena *)context;
    const size_t old_class = old ? (old - 1) / CLUA_CLASS_BYTES : 0;
    void *made = NULL;
    if (size > 0) {
        const size_t class = (size - 1) / CLUA_CLASS_BYTES;
        if (pointer && old && class == old_class) return pointer;
        if (class < CLUA_CLASSES && arena->lists[class]) {
            made = arena->lists[class];
            arena->lists[class] = arena->lists[class]->next;
        } else {
            const size_t bytes = (class + 1) * CLUA_CLASS_BYTES;
            if (bytes > CLUA_ARENA_BYTES - arena->used) return NULL;
            made = arena->base + arena->used;
            arena->used += bytes;
        }
        if (pointer) memcpy(made, pointer, old < size ? old : size);
    }
    if (pointer && old && old_class < CLUA_CLASSES) {
        ((clua_piece *)pointer)->next = arena->lists[old_class];
        arena->lists[old_class] = (clua_piece *)pointer;
    }
    return made;
}

/// A state and its memory, to be closed by `clua_close`.
static inline lua_State *clua_new(void) {
    clua_arena *arena = (clua_arena *)calloc(1, sizeof(clua_arena));
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    arena->base = (char *)mmap(NULL, CLUA_ARENA_BYTES, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (arena->base == MAP_FAILED) abort();
    return lua_newstate(clua_allocate, arena);
}

static inline clua_arena *clua_arena_of(lua_State *state) {
    void *context;
    lua_getallocf(state, &context);
    return (clua_arena *)context;
}

static inline void clua_close(lua_State *state) {
    clua_arena *arena = clua_arena_of(state);
    munmap(arena->base, CLUA_ARENA_BYTES);
    free(arena->copy);
    free(arena);
}

/// From now on `clua_rewind` leads back to here. Only while nothing runs.
static inline void clua_seal(lua_State *state) {
    clua_arena *arena = clua_arena_of(state);
    lua_gc(state, LUA_GCCOLLECT, 0);
    lua_gc(state, LUA_GCSTOP, 0);
    arena->sealed = arena->used;
    arena->copy = (char *)realloc(arena->copy, arena->sealed);
    if (!arena->copy) abort();
    memcpy(arena->copy, arena->base, arena->sealed);
    memcpy(arena->sealed_lists, arena->lists, sizeof arena->lists);
}

/// Everything since the seal has never been, once it is much. Only while nothing runs.
static inline void clua_rewind(lua_State *state, int is_due) {
    clua_arena *arena = clua_arena_of(state);
    if (!arena->copy || (!is_due && arena->used - arena->sealed < CLUA_WINDOW_BYTES)) return;
    memcpy(arena->base, arena->copy, arena->sealed);
    memcpy(arena->lists, arena->sealed_lists, sizeof arena->lists);
    arena->used = arena->sealed;
}

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

/// One part of a format of Redis' `struct` library: a letter, and the number behind it (0 where none stands).
static int clua_part(lua_State *state, const char **format, size_t *number) {
    const int letter = *(*format)++;
    *number = 0;
    while (**format >= '0' && **format <= '9') *number = *number * 10 + (size_t)(*(*format)++ - '0');
    if (!strchr("<dBHIsc", letter)) luaL_error(state, "struct: format '%c' is not simulated", letter);
    return letter;
}

/// Bytes of a whole number: `B` one, `H` two, `I` four or as many as stand behind it. 0 for other letters.
static size_t clua_width(int letter, size_t number) {
    return letter == 'B' ? 1 : letter == 'H' ? 2 : letter == 'I' ? (number ? number : 4) : 0;
}

/// `struct.pack`, for little-endian formats without alignment: `d`, `B`, `H`, `I<n>`, `s` (a zero byte behind it), `c0`.
static int clua_struct_pack(lua_State *state) {
    const char *format = luaL_checkstring(state, 1);
    int index = 1;
    luaL_Buffer out;
    luaL_buffinit(state, &out);
    while (*format) {
        size_t number;
        const int letter = clua_part(state, &format, &number);
        const size_t width = clua_width(letter, number);
        if (letter == '<') continue;
        index++;
        if (letter == 'd') {
            const double value = luaL_checknumber(state, index);
            luaL_addlstring(&out, (const char *)&value, sizeof value);
        } else if (width) {
            const double value = luaL_checknumber(state, index);
            unsigned long long bits = value < 0 ? (unsigned long long)(long long)value : (unsigned long long)value;
            for (size_t i = 0; i < width; i++, bits >>= 8) luaL_addchar(&out, (char)(bits & 0xFF));
        } else {
            size_t length;
            const char *text = luaL_checklstring(state, index, &length);
            luaL_argcheck(state, letter == 's' || !number || length >= number, index, "string too short");
            luaL_addlstring(&out, text, letter == 'c' && number ? number : length);
            if (letter == 's') luaL_addchar(&out, '\0');
        }
    }
    luaL_pushresult(&out);
    return 1;
}

/// `struct.unpack` of the same formats: the values, then the position behind them.
static int clua_struct_unpack(lua_State *state) {
    const char *format = luaL_checkstring(state, 1);
    size_t count;
    const char *data = luaL_checklstring(state, 2, &count);
    size_t at = (size_t)luaL_optinteger(state, 3, 1) - 1;
    lua_settop(state, 2);
    while (*format) {
        size_t number;
        const int letter = clua_part(state, &format, &number);
        size_t width = clua_width(letter, number);
        if (letter == '<') continue;
        luaL_checkstack(state, 2, "too many results");
        if (letter == 's') {
            const char *end = at < count ? (const char *)memchr(data + at, 0, count - at) : NULL;
            if (!end) luaL_error(state, "unfinished string in data");
            lua_pushlstring(state, data + at, (size_t)(end - data) - at);
            at = (size_t)(end - data) + 1;
            continue;
        }
        if (letter == 'c') {
            if (!number) {
                if (!lua_isnumber(state, -1)) luaL_error(state, "format `c0' needs a previous size");
                number = (size_t)lua_tonumber(state, -1);
                lua_pop(state, 1);
            }
            width = number;
        } else if (letter == 'd') {
            width = sizeof(double);
        }
        luaL_argcheck(state, width <= count && at <= count - width, 2, "data string too short");
        if (letter == 'd') {
            double value;
            memcpy(&value, data + at, sizeof value);
            lua_pushnumber(state, value);
        } else if (letter == 'c') {
            lua_pushlstring(state, data + at, width);
        } else {
            unsigned long long bits = 0;
            for (size_t i = width; i > 0; i--) bits = bits << 8 | (unsigned char)data[at + i - 1];
            lua_pushnumber(state, (double)bits);
        }
        at += width;
    }
    lua_pushinteger(state, (lua_Integer)at + 1);
    return lua_gettop(state) - 2;
}

/// Opens the libraries a script may use, `redis.call`, `redis.pcall` and `struct`.
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
    lua_createtable(state, 0, 2);
    lua_pushcclosure(state, clua_struct_pack, 0);
    lua_setfield(state, -2, "pack");
    lua_pushcclosure(state, clua_struct_unpack, 0);
    lua_setfield(state, -2, "unpack");
    lua_setfield(state, LUA_GLOBALSINDEX, "struct");
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
