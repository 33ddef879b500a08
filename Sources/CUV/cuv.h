#ifndef BERTH_CUV_H
#define BERTH_CUV_H

#include <uv.h>

#endif
