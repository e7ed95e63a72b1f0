// A connection of c_server.c: its buffers, and what it waits for.
#include "service.h"
#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

// A connection with this much unsent is not read any further.
enum { UNSENT_MOST = 1 << 16, READ_MOST = 1 << 14 };

struct connection {
    int fd, ends; // It ends once all is sent.
    uint32_t events;
    struct buffer in, out;
    int64_t wakes_ns; // When it goes on, if it sleeps; else 0.
    size_t held;      // The length of the reply that it sleeps for, at the end of `out`.
    struct connection *previous, *next;
};
// A ring of those that sleep, which begins and ends here. The next one to wake is first.
static struct connection sleepers = {.previous = &sleepers, .next = &sleepers};
static int epoll;

// Most sleep as long as those before them, and so are last.
static void fall_asleep(struct connection *c, long ms) {
    c->wakes_ns = now_ns() + ms * 1000000;
    struct connection *before = sleepers.previous;
    while (before->wakes_ns > c->wakes_ns) before = before->previous;
    c->previous = before;
    c->next = before->next;
    before->next = c->next->previous = c;
}

static void forget(struct connection *c) {
    if (c->fd >= 0) close(c->fd);
    c->fd = -1;
    if (c->wakes_ns) return; // It is among the sleepers.
    free(c->in.bytes);
    free(c->out.bytes);
    free(c);
}

// Answers frames that are whole, up to one that sleeps, and returns how many bytes they had.
static size_t answer_all(struct connection *c) {
    size_t at = 0;
    for (uint32_t length; !c->wakes_ns && c->out.length < UNSENT_MOST && c->in.length - at >= 4; at += 4 + length) {
        memcpy(&length, c->in.bytes + at, 4);
        length = le32toh(length);
        if (length > FRAME_MOST) {
            failure(&c->out, "frame_too_large", "over 1048576 bytes");
            c->ends = 1;
            at = c->in.length;
            break;
        }
        if (c->in.length - at < 4 + length) break;
        char *body = c->in.bytes + at + 4, after = body[length];
        size_t before = c->out.length;
        body[length] = 0;
        long sleep_ms = answer(&c->out, body, length);
        body[length] = after;
        if (sleep_ms > 0) {
            c->held = c->out.length - before;
            fall_asleep(c, sleep_ms);
        }
    }
    if (at > 0) memmove(c->in.bytes, c->in.bytes + at, c->in.length -= at);
    return at;
}

// Answers and sends what is possible now, and waits for more. The connection may be gone afterwards.
static void go_on(struct connection *c) {
    int is_over = 0;
    for (size_t answered = 1; answered > 0 && !is_over;) {
        answered = answer_all(c);
        size_t ready = c->out.length - c->held;
        ssize_t sent = ready > 0 ? send(c->fd, c->out.bytes, ready, MSG_NOSIGNAL) : 0;
        is_over = sent < 0 && errno != EAGAIN;
        if (sent > 0) memmove(c->out.bytes, c->out.bytes + sent, c->out.length -= (size_t)sent);
    }
    if (is_over || (c->ends && c->out.length == 0)) {
        forget(c);
        return;
    }
    struct epoll_event next = {.events = c->out.length > c->held ? EPOLLOUT : 0, .data.ptr = c};
    if (!c->ends && !c->wakes_ns && c->out.length < UNSENT_MOST) next.events |= EPOLLIN;
    if (next.events != c->events) epoll_ctl(epoll, EPOLL_CTL_MOD, c->fd, &next);
    c->events = next.events;
}

static void receive(struct connection *c, uint32_t events) {
    ssize_t count = events & EPOLLIN ? recv(c->fd, room(&c->in, READ_MOST + 1), READ_MOST, 0) : 1;
    int is_gone = (count < 0 && errno != EAGAIN) || events & (EPOLLERR | EPOLLHUP);
    if (events & EPOLLIN && count > 0) c->in.length += (size_t)count;
    c->ends |= count == 0;
    (is_gone ? forget : go_on)(c);
}
