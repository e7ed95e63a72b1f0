// A request as it comes, and replies as they leave.
#include "json.h"
#include <endian.h>
#include <stdint.h>
#include <stdio.h>

enum { FRAME_MOST = 1 << 20 };

struct buffer { char *bytes; size_t length, capacity; };

static void die(const char *what) {
    perror(what);
    exit(1);
}

static void *allocated(void *memory) {
    if (!memory) die("can't allocate memory");
    return memory;
}

// Returns the end of a buffer, with room for so many more bytes.
static char *room(struct buffer *buffer, size_t more) {
    if (buffer->length + more > buffer->capacity) {
        buffer->capacity = 2 * (buffer->length + more);
        buffer->bytes = allocated(realloc(buffer->bytes, buffer->capacity));
    }
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

// Returns 0: an error never waits.
static long failure(struct buffer *out, const char *code, const char *message) {
    char result[300];
    int length = snprintf(result, sizeof result, "{\"code\":\"%s\",\"message\":\"%s\"}", code, message);
    reply(out, "error", result, (size_t)length);
    return 0;
}

// Finds the two values in a body that ends with a 0. They stay NULL if it is no request.
static void read_request(char *body, size_t length, char **in, char **params) {
    char *at = space(body), *end = *at == '{' ? value_end(at, 0) : NULL;
    // mbstowcs fails on bytes that are not UTF-8. A 0 within the body is no JSON.
    if (!end || *space(end) != 0 || strlen(body) != length || mbstowcs(NULL, body, 0) == (size_t)-1) return;
    for (char *key, *value; member(&at, &key, &value);) {
        if (is_word(key, "in")) *in = *value == '"' ? value : NULL;
        if (is_word(key, "params")) *params = value;
    }
}
