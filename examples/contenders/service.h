// What each operation does, in C. The server is in c_server.c.
#define _GNU_SOURCE
#include <endian.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include "json.h"

enum { FRAME_MOST = 1 << 20, REPLY_MOST = FRAME_MOST - 64, TERMS_MOST = 10000000 };
enum { SPIN_MOST_US = 10000000, WAIT_MOST_MS = 60000 };

struct buffer { char *bytes; size_t length, capacity; };
struct work { long cpu_us, wait_ms, reply_bytes, terms; int block; };

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

// The end of a buffer, with room for so many more bytes.
static char *room(struct buffer *buffer, size_t more) {
    if (buffer->length + more > buffer->capacity)
        buffer->bytes = realloc(buffer->bytes, buffer->capacity = 2 * (buffer->length + more));
    return buffer->bytes + buffer->length;
}

// Appends a reply, so that it leaves in one write with those before it.
static void reply(struct buffer *out, const char *kind, const char *result, size_t length) {
    char *frame = room(out, length + 64);
    size_t head = (size_t)sprintf(frame + 4, "{\"out\":\"%s\",\"result\":", kind);
    uint32_t body = htole32((uint32_t)(head + length + 1));
    memcpy(frame, &body, 4);
    memcpy(frame + 4 + head, result, length);
    frame[4 + head + length] = '}';
    out->length += 4 + head + length + 1;
}

// An error never waits.
static long failure(struct buffer *out, const char *code, const char *message) {
    char result[300];
    int length = snprintf(result, sizeof result, "{\"code\":\"%s\",\"message\":\"%s\"}", code, message);
    reply(out, "error", result, (size_t)length);
    return 0;
}

static int whole(char *value, long most, long *number) {
    size_t digits = strspn(value, "0123456789");
    if (digits == 0 || digits > 9 || value_end(value, 0) != value + digits) return 0;
    return (*number = atol(value)) <= most;
}

static int read_work(char *at, struct work *work) {
    if (*at != '{') return 0;
    for (char *key, *value; member(&at, &key, &value);) {
        int is_right = 0;
        if (is_word(key, "cpu_us")) is_right = whole(value, SPIN_MOST_US, &work->cpu_us);
        if (is_word(key, "wait_ms")) is_right = whole(value, WAIT_MOST_MS, &work->wait_ms);
        if (is_word(key, "reply_bytes")) is_right = whole(value, REPLY_MOST, &work->reply_bytes);
        if (is_word(key, "block")) is_right = (work->block = *value == 't') || *value == 'f';
        if (!is_right) return 0;
    }
    return 1;
}

// Appends the reply to a request, whose body ends with a 0, and returns for how many milliseconds to hold it.
static long answer(struct buffer *out, char *body, size_t length) {
    char *at = space(body), *key, *value, *in = NULL, *params = NULL, *end = *at == '{' ? value_end(at, 0) : NULL;
    // In a locale with UTF-8, mbstowcs finds what is none. A 0 within the body is no JSON.
    if (end && *space(end) == 0 && strlen(body) == length && mbstowcs(NULL, body, 0) != (size_t)-1) {
        while (member(&at, &key, &value)) {
            if (is_word(key, "in")) in = value;
            if (is_word(key, "params")) params = value;
        }
    }
    if (!in || *in != '"' || !params)
        return failure(out, "bad_request", "not an object in UTF-8 with in, a string, and params");
    struct work work = {0};
    size_t given = (size_t)(value_end(params, 0) - params), name = (size_t)(string_end(in) - in) - 2;
    const char *kind = NULL;
    int is_right = 1;
    if (is_word(in, "ping")) kind = "pong";
    if (is_word(in, "pi")) kind = "pi_r", is_right = whole(params, TERMS_MOST, &work.terms);
    if (is_word(in, "spin")) kind = "spun", is_right = whole(params, SPIN_MOST_US, &work.cpu_us);
    if (is_word(in, "sleep")) kind = "slept", is_right = whole(params, WAIT_MOST_MS, &work.wait_ms);
    if (is_word(in, "block")) kind = "blocked", is_right = whole(params, WAIT_MOST_MS, &work.wait_ms), work.block = 1;
    if (is_word(in, "blob")) kind = "blob", is_right = whole(params, REPLY_MOST, &work.reply_bytes);
    if (is_word(in, "work")) kind = "worked", is_right = read_work(params, &work);
    if (!kind || !is_right) {
        char message[200]; // The name is quoted as it is written, so that its escapes are right.
        snprintf(message, sizeof message, "there is no operation %.*s", name > 100 ? 0 : (int)name, in + 1);
        if (kind) return failure(out, "bad_params", "not what the operation takes, or too much of it");
        return failure(out, "unknown_operation", message);
    }
    for (int64_t end_ns = now_ns() + work.cpu_us * 1000; work.cpu_us > 0 && now_ns() < end_ns;) {}
    struct timespec wait = {work.wait_ms / 1000, work.wait_ms % 1000 * 1000000};
    while (work.block && nanosleep(&wait, &wait) != 0) {}
    if (is_word(in, "pi")) {
        char result[32];
        double sum = 0;
        for (long i = 0; i <= work.terms; i++) sum += 1 / ((2.0 * (double)i + 1) * (2.0 * (double)i + 1));
        reply(out, kind, result, (size_t)sprintf(result, "%.17g", sqrt(8 * sum)));
    } else if (is_word(in, "blob") || is_word(in, "work")) {
        size_t length = (size_t)work.reply_bytes + 2;
        char *result = memset(malloc(length), 'x', length);
        result[0] = result[length - 1] = '"';
        reply(out, kind, result, length);
        free(result);
    } else {
        reply(out, kind, params, given);
    }
    return work.block ? 0 : work.wait_ms;
}
