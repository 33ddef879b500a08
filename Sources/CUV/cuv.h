#ifndef BERTH_CUV_H
#define BERTH_CUV_H

#include <linux/filter.h>
#include <uv.h>

#endif
