/* Loaded before the C library: lets syncs fail or take long while a file says so. Each sync that it spoils adds a byte to a file beside it. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int told(const char *what) {
    const char *directory = getenv("REJOIN_CHAOS_DISK");
    char path[4096];
    if (!directory || snprintf(path, sizeof path, "%s/%s", directory, what) >= (int)sizeof path || access(path, F_OK) != 0)
        return 0;
    if (snprintf(path, sizeof path, "%s/%s.fired", directory, what) < (int)sizeof path) {
        int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (file >= 0) {
            ssize_t written = write(file, "x", 1);
            (void)written;
            close(file);
        }
    }
    return 1;
}

static int sync_by(const char *name, int file) {
    if (told("slow"))
        usleep(120 * 1000);
    if (told("failing")) {
        errno = EIO;
        return -1;
    }
    int (*next)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    return next(file);
}

int fsync(int file) { return sync_by("fsync", file); }
int fdatasync(int file) { return sync_by("fdatasync", file); }
