// Preloaded into servers under valgrind, whose sigsuspend writes into the caller's mask and dies when that is a
// constant, as in Swift's libdispatch: this one hands over a copy.

#include <signal.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

int sigsuspend(const sigset_t *mask) {
    sigset_t copy = *mask;
    // The kernel's set is 8 bytes long.
    return (int)syscall(SYS_rt_sigsuspend, &copy, (size_t)8);
}
