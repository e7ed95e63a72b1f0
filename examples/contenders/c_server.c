// The least epoll server: c_server HOST:PORT. One thread and one loop. A connection is in connection.h, what a request does
// in service.h.
#define _GNU_SOURCE
#include "connection.h"
#include <arpa/inet.h>
#include <locale.h>
#include <netinet/tcp.h>

enum { EVENTS_MOST = 256 };

static void welcome(int listener) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK), on = 1;
    if (fd < 0 && (errno == EAGAIN || errno == ECONNABORTED)) return;
    if (fd < 0) die("can't accept");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct connection *c = allocated(calloc(1, sizeof *c));
    struct epoll_event event = {.events = c->events = EPOLLIN, .data.ptr = c};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd = fd, &event)) die("can't watch a connection");
}

// Goes on with those that have slept, and returns the milliseconds until the next one is due; −1 if none.
static int wake(void) {
    int64_t now = now_ns();
    for (struct connection *c; (c = sleepers.next) != &sleepers;) {
        if (c->wakes_ns > now) return (int)((c->wakes_ns - now) / 1000000 + 1);
        sleepers.next = c->next;
        c->next->previous = &sleepers;
        c->wakes_ns = 0;
        c->held = 0;
        (c->fd < 0 ? forget : go_on)(c);
    }
    return -1;
}

int main(int count, char **arguments) {
    char *colon = count > 1 ? strrchr(arguments[1], ':') : NULL;
    if (!colon) return 2;
    *colon = 0;
    if (!setlocale(LC_CTYPE, "C.UTF-8")) die("can't use the locale C.UTF-8");
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(colon + 1))};
    inet_pton(AF_INET, arguments[1], &address.sin_addr);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    socklen_t size = sizeof address;
    if (bind(listener, (struct sockaddr *)&address, size) || listen(listener, 4096)) die("can't listen");
    getsockname(listener, (struct sockaddr *)&address, &size);
    printf("listening on %s:%d\n", arguments[1], ntohs(address.sin_port));
    fflush(stdout);
    epoll = epoll_create1(0);
    struct epoll_event events[EVENTS_MOST], event = {.events = EPOLLIN};
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int ready = epoll_wait(epoll, events, EVENTS_MOST, wake());
        for (int index = 0; index < ready; index++) {
            struct connection *c = events[index].data.ptr;
            if (c) receive(c, events[index].events);
            else welcome(listener);
        }
    }
}
