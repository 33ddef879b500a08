#ifndef BERTH_CYAML_H
#define BERTH_CYAML_H

#include <yaml.h>

#endif
