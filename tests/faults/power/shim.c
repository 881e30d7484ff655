/* Power loss, simulated against us: a library for LD_PRELOAD that remembers what was made durable, and nothing else.
 *
 * The data directory ($POWER_DATA) is taken to be a page cache; only what was fsynced is on the disk, which is
 * $POWER_SHADOW:
 *
 *     content/<key>   a regular file as it was at its last fsync or fdatasync
 *     folders/<key>   a folder's names as they were at its last fsync: lines "f <key> <name>" or "d <key> <name>"
 *
 * <key> is the inode with its birth time, so that a renamed file stays the same file and a reused inode is another one.
 * POSIX promises no more: fsync of a file does not make its name durable, fsync of a folder not the files' content.
 * supply.py restores a data directory from this, block by block with or without what was never synced.
 *
 * $POWER_IGNORE=1 makes every fsync under $POWER_DATA a lie: it returns 0 and nothing is remembered.
 * The real fsync is not called: the shadow survives kill -9 because the kernel does, and that is all a test needs.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_SIZE 64
#define CHUNK (256 * 1024)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* A simulation that cannot do its work must not look like a disk that did. */
static void give_up(const char *step, const char *path) {
    fprintf(stderr, "power shim: %s %s: %s\n", step, path, strerror(errno));
    abort();
}

static int key_of(int folder, const char *name, char *key, mode_t *mode) {
    struct statx seen;
    int flags = *name ? AT_SYMLINK_NOFOLLOW : AT_EMPTY_PATH;
    if (statx(folder, name, flags, STATX_BASIC_STATS | STATX_BTIME, &seen) != 0)
        return -1;
    long long seconds = 0;
    unsigned nanoseconds = 0;
    if (seen.stx_mask & STATX_BTIME) {
        seconds = (long long)seen.stx_btime.tv_sec;
        nanoseconds = seen.stx_btime.tv_nsec;
    }
    snprintf(key, KEY_SIZE, "%llu-%lld-%u", (unsigned long long)seen.stx_ino, seconds, nanoseconds);
    *mode = seen.stx_mode;
    return 0;
}

/* Whether fd is the data directory or below it. Its path before a deletion or rename is good enough for that. */
static int concerns_us(int fd) {
    const char *data = getenv("POWER_DATA");
    char link[64], path[PATH_MAX];
    if (data == NULL || getenv("POWER_SHADOW") == NULL)
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0)
        return 0;
    path[length] = '\0';
    size_t prefix = strlen(data);
    return strncmp(path, data, prefix) == 0 && (path[prefix] == '/' || path[prefix] == '\0');
}

static void shadow_path(char *path, const char *shelf, const char *key, const char *suffix) {
    snprintf(path, PATH_MAX, "%s/%s/%s%s", getenv("POWER_SHADOW"), shelf, key, suffix);
}

static void write_all(int to, const char *from, size_t count, const char *path) {
    while (count > 0) {
        ssize_t written = write(to, from, count);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            give_up("write", path);
        from += written;
        count -= (size_t)written;
    }
}

/* Read through fd itself where that is possible: closing a second descriptor of a database would drop the locks that
 * the process holds on it. Only write-only files, which nobody locks, are opened again. */
static int readable(int fd, char *buffer) {
    char link[64];
    if (pread(fd, buffer, 1, 0) >= 0 || errno != EBADF)
        return fd;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    int again = open(link, O_RDONLY | O_CLOEXEC);
    if (again < 0)
        give_up("open again", link);
    return again;
}

static void keep_content(int fd, const char *key) {
    char draft[PATH_MAX], path[PATH_MAX];
    shadow_path(draft, "content", key, ".draft");
    shadow_path(path, "content", key, "");
    char *buffer = malloc(CHUNK);
    if (buffer == NULL)
        give_up("malloc", path);
    int from = readable(fd, buffer);
    int to = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (to < 0)
        give_up("open", draft);
    off_t offset = 0;
    ssize_t count;
    while ((count = pread(from, buffer, CHUNK, offset)) != 0) {
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            give_up("read", path);
        write_all(to, buffer, (size_t)count, draft);
        offset += count;
    }
    free(buffer);
    if (from != fd)
        close(from);
    if (close(to) != 0 || rename(draft, path) != 0)
        give_up("keep", path);
}

static void keep_name(FILE *list, int folder, const char *name) {
    char key[KEY_SIZE];
    mode_t mode;
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return;
    if (key_of(folder, name, key, &mode) != 0)
        return; /* it vanished meanwhile */
    if (S_ISREG(mode) || S_ISDIR(mode))
        fprintf(list, "%c %s %s\n", S_ISDIR(mode) ? 'd' : 'f', key, name);
}

static void keep_names(int fd, const char *key) {
    char link[64], draft[PATH_MAX], path[PATH_MAX];
    shadow_path(draft, "folders", key, ".draft");
    shadow_path(path, "folders", key, "");
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    int again = open(link, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = again < 0 ? NULL : fdopendir(again);
    FILE *list = fopen(draft, "we");
    if (folder == NULL || list == NULL)
        give_up("open", draft);
    struct dirent *entry;
    while ((entry = readdir(folder)) != NULL)
        keep_name(list, again, entry->d_name);
    closedir(folder);
    if (fclose(list) != 0 || rename(draft, path) != 0)
        give_up("keep", path);
}

/* 1 if the descriptor was ours and is now durable (or was lied about), 0 if the real call must be made. */
static int made_durable(int fd) {
    char key[KEY_SIZE];
    mode_t mode;
    int before = errno;
    if (!concerns_us(fd) || key_of(fd, "", key, &mode) != 0) {
        errno = before;
        return 0;
    }
    const char *ignore = getenv("POWER_IGNORE");
    if (ignore == NULL || strcmp(ignore, "1") != 0) {
        pthread_mutex_lock(&lock);
        if (S_ISDIR(mode))
            keep_names(fd, key);
        else if (S_ISREG(mode))
            keep_content(fd, key);
        pthread_mutex_unlock(&lock);
    }
    errno = before;
    return 1;
}

static int really(const char *name, int fd) {
    int (*next)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    if (next == NULL)
        give_up("dlsym", name);
    return next(fd);
}

int fsync(int fd) {
    return made_durable(fd) ? 0 : really("fsync", fd);
}

int fdatasync(int fd) {
    return made_durable(fd) ? 0 : really("fdatasync", fd);
}
