#ifndef BERTH_CHIREDIS_H
#define BERTH_CHIREDIS_H

#include <hiredis/hiredis.h>
#include <hiredis/read.h>

#endif
