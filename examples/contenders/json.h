// The JSON that C lacks: as much as a server needs that returns values as they were written. All texts end with a 0.
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

// A value nested deeper is refused: each level is a call.
enum { DEPTH_MOST = 10000 };

// Skips white space.
static char *space(char *at) { return at + strspn(at, " \t\r\n"); }

// Returns the end of a string, or NULL.
static char *string_end(char *at) {
    if (*at++ != '"') return NULL;
    for (; *at != '"'; at++) {
        if ((unsigned char)*at < ' ') return NULL;
        if (*at != '\\') continue;
        if (*++at == 'u') {
            for (int digit = 0; digit < 4; digit++)
                if (!isxdigit((unsigned char)*++at)) return NULL;
        } else if (*at == 0 || !strchr("\"\\/bfnrt", *at)) return NULL;
    }
    return at + 1;
}

// Returns the end of a number, or NULL.
static char *number_end(char *at) {
    at += *at == '-';
    size_t digits = strspn(at, "0123456789");
    if (digits == 0 || (digits > 1 && *at == '0')) return NULL;
    at += digits;
    if (*at == '.') {
        if ((digits = strspn(at + 1, "0123456789")) == 0) return NULL;
        at += 1 + digits;
    }
    if (*at != 'e' && *at != 'E') return at;
    at += 1 + (at[1] == '+' || at[1] == '-');
    digits = strspn(at, "0123456789");
    return digits > 0 ? at + digits : NULL;
}

// Returns the end of a value, or NULL.
static char *value_end(char *at, int depth) {
    if (*at == '"') return string_end(at);
    for (const char *const *word = (const char *const[]){"true", "false", "null", NULL}; *word; word++)
        if (strncmp(at, *word, strlen(*word)) == 0) return at + strlen(*word);
    if (*at != '{' && *at != '[') return number_end(at);
    char close = *at == '{' ? '}' : ']';
    at = space(at + 1);
    if (*at == close) return at + 1;
    for (; depth < DEPTH_MOST; at = space(at + 1)) {
        if (close == '}') {
            if (!(at = string_end(at)) || *(at = space(at)) != ':') return NULL;
            at = space(at + 1);
        }
        if (!(at = value_end(at, depth + 1))) return NULL;
        at = space(at);
        if (*at == close) return at + 1;
        if (*at != ',') return NULL;
    }
    return NULL;
}

// Moves on to the next member of an object that is known to be one; `at` begins at its brace. False after the last.
static int member(char **at, char **key, char **value) {
    *key = space(*at + 1);
    if (**at == '}' || **key == '}') return 0;
    *value = space(space(string_end(*key)) + 1);
    *at = space(value_end(*value, 0));
    return 1;
}

// Whether a string means this word of small letters, any of which may be an escape.
static int is_word(char *at, const char *word) {
    for (at++; *at != '"'; word++) {
        char hex[5] = {0};
        int is_escape = *at == '\\' && at[1] == 'u';
        long letter = is_escape ? strtol(memcpy(hex, at + 2, 4), NULL, 16) : *at;
        if (*word == 0 || letter != *word) return 0;
        at += is_escape ? 6 : 1;
    }
    return *word == 0;
}
