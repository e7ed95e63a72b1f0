// The least epoll server: c_server HOST:PORT. One thread and one loop. What a request does is in service.h: all of it holds
// the loop, a sleep too, since timers are more than the least.
#include "service.h"
#include <arpa/inet.h>
#include <errno.h>
#include <locale.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

// A connection with this much unsent is not read any further.
enum { UNSENT_MOST = 1 << 16, READ_MOST = 1 << 14, EVENTS_MOST = 256 };

struct connection {
    int fd, ends; // It ends once all is sent.
    uint32_t events;
    struct buffer in, out;
};
static int epoll;

static void forget(struct connection *c) {
    close(c->fd);
    free(c->in.bytes);
    free(c->out.bytes);
    free(c);
}

// Answers the frames that are whole, and returns how many bytes they had.
static size_t answer_all(struct connection *c) {
    size_t at = 0;
    for (uint32_t length; c->out.length < UNSENT_MOST && c->in.length - at >= 4; at += 4 + length) {
        memcpy(&length, c->in.bytes + at, 4);
        length = le32toh(length);
        if (length > FRAME_MOST) {
            failure(&c->out, "frame_too_large", "over 1048576 bytes");
            c->ends = 1;
            at = c->in.length;
            break;
        }
        if (c->in.length - at < 4 + length) break;
        char *body = c->in.bytes + at + 4, behind = body[length];
        body[length] = 0;
        answer(&c->out, body, length);
        body[length] = behind;
    }
    memmove(c->in.bytes, c->in.bytes + at, c->in.length -= at);
    return at;
}

// Reads what is there, answers and sends what is possible now, and returns whether the connection goes on.
static int serve(struct connection *c, uint32_t events) {
    if (events & EPOLLIN) {
        ssize_t count = recv(c->fd, room(&c->in, READ_MOST + 1), READ_MOST, 0);
        if (count < 0) return errno == EAGAIN;
        c->in.length += (size_t)count;
        c->ends |= count == 0;
    }
    for (size_t answered = 1; answered > 0;) {
        answered = answer_all(c);
        ssize_t sent = c->out.length > 0 ? send(c->fd, c->out.bytes, c->out.length, MSG_NOSIGNAL) : 0;
        if (sent < 0 && errno != EAGAIN) return 0;
        if (sent > 0) memmove(c->out.bytes, c->out.bytes + sent, c->out.length -= (size_t)sent);
    }
    struct epoll_event next = {.events = c->out.length > 0 ? EPOLLOUT : 0, .data.ptr = c};
    if (!c->ends && c->out.length < UNSENT_MOST) next.events |= EPOLLIN;
    if (next.events != c->events) epoll_ctl(epoll, EPOLL_CTL_MOD, c->fd, &next);
    c->events = next.events;
    return !c->ends || c->out.length > 0;
}

static void welcome(int listener) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK), on = 1;
    if (fd < 0) return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct connection *c = calloc(1, sizeof *c);
    struct epoll_event event = {.events = c->events = EPOLLIN, .data.ptr = c};
    epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd = fd, &event);
}

int main(int count, char **arguments) {
    char *colon = count > 1 ? strrchr(arguments[1], ':') : NULL;
    if (!colon) return 2;
    *colon = 0;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(colon + 1))};
    inet_pton(AF_INET, arguments[1], &address.sin_addr);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    socklen_t size = sizeof address;
    if (bind(listener, (struct sockaddr *)&address, size) || listen(listener, 4096)) {
        perror("can't listen");
        return 1;
    }
    getsockname(listener, (struct sockaddr *)&address, &size);
    printf("listening on %s:%d\n", arguments[1], ntohs(address.sin_port));
    fflush(stdout);
    setlocale(LC_CTYPE, "C.UTF-8");
    epoll = epoll_create1(0);
    struct epoll_event events[EVENTS_MOST], event = {.events = EPOLLIN};
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int ready = epoll_wait(epoll, events, EVENTS_MOST, -1);
        for (int index = 0; index < ready; index++) {
            struct connection *c = events[index].data.ptr;
            if (!c) welcome(listener);
            else if (!serve(c, events[index].events)) forget(c);
        }
    }
}
