// SPDX-License-Identifier: MIT
// $(exit N) for GNU make: ends make with status N. Whatever status a recipe fails with, make's own is 2, but
// `make exec` promises the script's.
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <gnumake.h>

int plugin_is_GPL_compatible;
int make_exit_gmk_setup(const gmk_floc *where);

static char *end_make(const char *name, unsigned int argc, char **argv) {
    (void)name;
    (void)argc;
    fflush(NULL);
    // Not exit(): its handlers are make's own, for a make that goes on.
    _exit(atoi(argv[0]));
}

int make_exit_gmk_setup(const gmk_floc *where) {
    (void)where;
    gmk_add_function("exit", end_make, 1, 1, GMK_FUNC_DEFAULT);
    return 1;
}
