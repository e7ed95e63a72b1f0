// What each operation does, in C. The server is in c_server.c.
#include "frame.h"
#include <math.h>
#include <stddef.h>
#include <time.h>

enum { REPLY_MOST = FRAME_MOST - 64, TERMS_MOST = 10000000, SPIN_MOST_US = 10000000, WAIT_MOST_MS = 60000 };

struct work { long terms, cpu_us, wait_ms, reply_bytes; int block; };

// An operation or a key of `work`: the kind of its reply, the number that it sets, and the most that this may be.
struct entry { const char *name, *kind; size_t offset; long most; };

static const struct entry operations[] = {
    {"ping", "pong", 0, 0},
    {"pi", "pi_r", offsetof(struct work, terms), TERMS_MOST},
    {"spin", "spun", offsetof(struct work, cpu_us), SPIN_MOST_US},
    {"sleep", "slept", offsetof(struct work, wait_ms), WAIT_MOST_MS},
    {"block", "blocked", offsetof(struct work, wait_ms), WAIT_MOST_MS},
    {"blob", "blob", offsetof(struct work, reply_bytes), REPLY_MOST},
    {"work", "worked", 0, 0},
    {NULL, NULL, 0, 0},
};
static const struct entry keys[] = {
    {"cpu_us", NULL, offsetof(struct work, cpu_us), SPIN_MOST_US},
    {"wait_ms", NULL, offsetof(struct work, wait_ms), WAIT_MOST_MS},
    {"reply_bytes", NULL, offsetof(struct work, reply_bytes), REPLY_MOST},
    {NULL, NULL, 0, 0},
};

static const struct entry *find(const struct entry *table, char *word) {
    while (table->name && !is_word(word, table->name)) table++;
    return table->name ? table : NULL;
}

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static int set(struct work *work, const struct entry *entry, char *value) {
    size_t digits = strspn(value, "0123456789");
    if (digits == 0 || digits > 9 || value_end(value, 0) != value + digits) return 0;
    long number = *(long *)((char *)work + entry->offset) = atol(value);
    return number <= entry->most;
}

static int read_work(struct work *work, char *at) {
    if (*at != '{') return 0;
    for (char *key, *value; member(&at, &key, &value);) {
        const struct entry *entry = find(keys, key);
        if (entry ? !set(work, entry, value) : !is_word(key, "block") || !strchr("tf", *value)) return 0;
        if (!entry) work->block = *value == 't';
    }
    return 1;
}

static void pi(struct buffer *out, const char *kind, long terms) {
    char result[32];
    double sum = 0;
    for (long i = 0; i <= terms; i++) sum += 1 / ((2.0 * (double)i + 1) * (2.0 * (double)i + 1));
    reply(out, kind, result, (size_t)sprintf(result, "%.17g", sqrt(8 * sum)));
}

static void text(struct buffer *out, const char *kind, long length) {
    size_t quoted = (size_t)length + 2;
    char *result = memset(allocated(malloc(quoted)), 'x', quoted);
    result[0] = result[quoted - 1] = '"';
    reply(out, kind, result, quoted);
    free(result);
}

// Appends the reply to a request, whose body ends with a 0, and returns for how many milliseconds to hold it.
static long answer(struct buffer *out, char *body, size_t length) {
    char *in = NULL, *params = NULL;
    read_request(body, length, &in, &params);
    if (!in || !params) return failure(out, "bad_request", "not an object in UTF-8 with in, a string, and params");
    const struct entry *operation = find(operations, in);
    if (!operation) {
        // The name is quoted as it is written, so that its escapes are right.
        char message[200];
        int name = (int)(string_end(in) - in) - 2;
        snprintf(message, sizeof message, "there is no operation %.*s", name > 100 ? 0 : name, in + 1);
        return failure(out, "unknown_operation", message);
    }
    struct work work = {.block = is_word(in, "block")};
    int is_right = operation->most > 0 ? set(&work, operation, params) : is_word(in, "ping") || read_work(&work, params);
    if (!is_right) return failure(out, "bad_params", "not what the operation takes, or too much of it");
    for (int64_t end_ns = now_ns() + work.cpu_us * 1000; work.cpu_us > 0 && now_ns() < end_ns;) {}
    struct timespec wait = {work.wait_ms / 1000, work.wait_ms % 1000 * 1000000};
    while (work.block && nanosleep(&wait, &wait) != 0) {}
    if (is_word(in, "pi")) pi(out, operation->kind, work.terms);
    else if (is_word(in, "blob") || is_word(in, "work")) text(out, operation->kind, work.reply_bytes);
    else reply(out, operation->kind, params, (size_t)(value_end(params, 0) - params));
    return work.block ? 0 : work.wait_ms;
}
