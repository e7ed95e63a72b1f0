// The least epoll server: c_server HOST:PORT. One thread and one loop. A connection is in connection.h, what a request does
// in service.h.
#include "connection.h"
#include <arpa/inet.h>
#include <locale.h>
#include <netinet/tcp.h>

enum { EVENTS_MOST = 256 };

static void welcome(int listener) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK), on = 1;
    if (fd < 0) return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct connection *c = calloc(1, sizeof *c);
    struct epoll_event event = {.events = c->events = EPOLLIN, .data.ptr = c};
    epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd = fd, &event);
}

// Goes on with those that have slept, and returns for how many milliseconds nothing is due, as epoll_wait takes it.
static int wake(void) {
    struct connection *list = sleeping;
    int64_t now = list ? now_ns() : 0, next = INT64_MAX;
    for (sleeping = NULL; list;) {
        struct connection *c = list;
        list = c->next;
        if (c->wakes_ns > now) {
            c->next = sleeping;
            sleeping = c;
        } else {
            c->wakes_ns = 0;
            c->held = 0;
            (c->fd < 0 ? forget : go_on)(c);
        }
    }
    for (struct connection *c = sleeping; c; c = c->next) next = c->wakes_ns < next ? c->wakes_ns : next;
    return sleeping ? (int)((next - now) / 1000000 + 1) : -1;
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
        int ready = epoll_wait(epoll, events, EVENTS_MOST, wake());
        for (int index = 0; index < ready; index++) {
            struct connection *c = events[index].data.ptr;
            if (c) receive(c, events[index].events);
            else welcome(listener);
        }
    }
}
