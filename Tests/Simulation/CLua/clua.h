#ifndef BERTH_CLUA_H
#define BERTH_CLUA_H
#include <lua5.1/lua.h>
#include <lua5.1/lauxlib.h>
#include <lua5.1/lualib.h>
#endif
