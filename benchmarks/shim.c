/* Counts instructions between two calls, when run under valgrind's callgrind; else does nothing. */
#include <valgrind/callgrind.h>

void start(void)
{
    CALLGRIND_START_INSTRUMENTATION;
    CALLGRIND_ZERO_STATS;
}

void stop(void)
{
    CALLGRIND_DUMP_STATS_AT("measured");
}
