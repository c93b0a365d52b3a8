// What ThreadSanitizer does not see of Swift's `Synchronization.Mutex`, told to it.
//
// Taking and freeing a mutex that nobody contends is inlined and instrumented. The contended ways are functions of
// libswiftSynchronization, which is not: a happens-before that goes through them is lost, and whatever the mutex keeps is
// reported as a race. Preloaded, this library stands before these functions, calls them, and says what they did.
// Built and preloaded by Tests/sanitize.sh; processes without the sanitizer take no notice of it.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>

extern void __tsan_acquire(void *address) __attribute__((weak));
extern void __tsan_release(void *address) __attribute__((weak));

#define SWIFT __attribute__((swiftcall))
#define SELF __attribute__((swift_context)) void *
#define NEXT(kind, symbol) \
    static kind real; \
    if (!real) real = (kind)dlsym(RTLD_NEXT, symbol)

#define LOCK_SLOW "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define TRY_LOCK_SLOW "$s15Synchronization12_MutexHandleV12_tryLockSlowSbyF"
#define UNLOCK_SLOW "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

typedef SWIFT void (*lock_slow)(uint32_t, SELF);
typedef SWIFT bool (*try_lock_slow)(SELF);
typedef SWIFT void (*unlock_slow)(SELF);

SWIFT void seen_lock_slow(uint32_t thread, SELF mutex) __asm__(LOCK_SLOW);
SWIFT void seen_lock_slow(uint32_t thread, SELF mutex) {
    NEXT(lock_slow, LOCK_SLOW);
    real(thread, mutex);
    if (__tsan_acquire) __tsan_acquire(mutex);
}

SWIFT bool seen_try_lock_slow(SELF mutex) __asm__(TRY_LOCK_SLOW);
SWIFT bool seen_try_lock_slow(SELF mutex) {
    NEXT(try_lock_slow, TRY_LOCK_SLOW);
    bool taken = real(mutex);
    if (taken && __tsan_acquire) __tsan_acquire(mutex);
    return taken;
}

SWIFT void seen_unlock_slow(SELF mutex) __asm__(UNLOCK_SLOW);
SWIFT void seen_unlock_slow(SELF mutex) {
    NEXT(unlock_slow, UNLOCK_SLOW);
    if (__tsan_release) __tsan_release(mutex);
    real(mutex);
}
