/* The other end of every benchmark: it must never be what is being measured.
 *
 * It copies no byte that it need not: incoming TCP is dropped in the kernel (MSG_TRUNC), outgoing TCP is sent
 * from a memory file (sendfile), a pipe is filled from the same pages (vmsplice) and emptied into /dev/null
 * (splice). The port it listens on is printed first, on loopback always; what it counted is printed last.
 *
 *   peer sink          accept one peer, drop what it sends, then close
 *   peer source N      accept one peer, send it N bytes, then close
 *   peer duplex N      both at the same time
 *   peer echo          accept one peer, send back what it sends
 *   peer hold N        as source, but keep the connection open until our stdin ends
 *   peer count         receive datagrams until our stdin ends; prints how many came, and their bytes
 *   peer flood PORT N  send datagrams of N bytes to PORT until killed
 *   peer fill N        put N bytes into the pipe on stdout, copying nothing
 *   peer write N       the same with write(2), 64 KiB at a time, as most programs do
 *   peer packets N M   write N packets of M bytes each; in a pipe in packet mode one read(2) gives one of them
 *   peer drain [N]     read the pipe on stdin to its end, or N bytes of it
 *   peer ping N        N times write 64 bytes to stdout and wait for them on stdin; prints nanoseconds to stderr
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define CHUNK (1 << 20)

static int connection;
static long long amount;

static void die(const char *what) {
    perror(what);
    exit(1);
}

static int listening(int type) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof at;
    int fd = socket(AF_INET, type, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, length) || getsockname(fd, (struct sockaddr *)&at, &length))
        die("bind");
    if (type == SOCK_STREAM && listen(fd, 16))
        die("listen");
    printf("%d\n", ntohs(at.sin_port));
    fflush(stdout);
    return fd;
}

static int accepted(void) {
    int fd = accept(listening(SOCK_STREAM), NULL, NULL), yes = 1;
    if (fd < 0)
        die("accept");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    return fd;
}

static long long drop(int fd) {
    static char buffer[CHUNK];
    long long total = 0;
    for (;;) {
        ssize_t got = recv(fd, buffer, sizeof buffer, MSG_TRUNC);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return total;
        total += got;
    }
}

/* Text in lines of 64, so that a tool that looks for lines finds some. */
static int text_file(void) {
    int fd = memfd_create("text", 0);
    char *page = malloc(CHUNK);
    if (fd < 0 || !page)
        die("memfd");
    memset(page, 'x', CHUNK);
    for (int i = 63; i < CHUNK; i += 64)
        page[i] = '\n';
    if (write(fd, page, CHUNK) != CHUNK)
        die("write");
    free(page);
    return fd;
}

static void send_all(int fd, long long left) {
    int file = text_file();
    while (left > 0) {
        off_t start = 0;
        ssize_t sent = sendfile(fd, file, &start, left < CHUNK ? (size_t)left : CHUNK);
        if (sent <= 0)
            die("sendfile");
        left -= sent;
    }
}

static void *sender(void *unused) {
    send_all(connection, amount);
    shutdown(connection, SHUT_WR);
    return unused;
}

static void echo(int fd) {
    static char buffer[65536];
    ssize_t got;
    while ((got = recv(fd, buffer, sizeof buffer, 0)) > 0)
        if (send(fd, buffer, got, 0) != got)
            die("send");
}

static void count(int fd) {
    static char buffer[65536];
    int yes = 1, size = 8 << 20;
    long long datagrams = 0, bytes = 0;
    struct pollfd ends[2] = {{.fd = fd, .events = POLLIN}, {.fd = 0, .events = POLLIN}};
    setsockopt(fd, SOL_UDP, UDP_GRO, &yes, sizeof yes);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    while (poll(ends, 2, -1) > 0 && (ends[0].revents || !ends[1].revents)) {
        char control[CMSG_SPACE(sizeof(int))];
        struct iovec part = {buffer, sizeof buffer};
        struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
        ssize_t got = recvmsg(fd, &message, MSG_TRUNC | MSG_DONTWAIT);
        if (got < 0)
            continue;
        int each = got;
        for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c))
            if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO)
                each = *(int *)CMSG_DATA(c);
        datagrams += each ? (got + each - 1) / each : 1;
        bytes += got;
    }
    printf("%lld %lld\n", datagrams, bytes);
}

static void flood(int port, int each) {
    static char buffer[65536];
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    setsockopt(fd, SOL_UDP, UDP_SEGMENT, &each, sizeof each);
    for (;;) /* refused until the tool listens: not an error here */
        sendto(fd, buffer, 65000 / each * each, 0, (struct sockaddr *)&to, sizeof to);
}

/* The pipe keeps its default size of 64 KiB, as the one that a shell makes. */
static void fill(long long left, int copying) {
    char *page = mmap(NULL, CHUNK, PROT_READ, MAP_SHARED, text_file(), 0);
    size_t most = copying ? 65536 : CHUNK;
    while (left > 0) {
        struct iovec part = {page, left < (long long)most ? (size_t)left : most};
        ssize_t sent = copying ? write(1, page, part.iov_len) : vmsplice(1, &part, 1, 0);
        if (sent <= 0)
            die("fill");
        left -= sent;
    }
}

static void packets(long long left, int each) {
    static char buffer[65536];
    fcntl(1, F_SETPIPE_SZ, CHUNK);
    while (left-- > 0)
        if (write(1, buffer, each) != each)
            die("write");
}

static long long drain(long long most) {
    int nowhere = open("/dev/null", O_WRONLY);
    long long total = 0;
    ssize_t moved;
    while (total < most && (moved = splice(0, NULL, nowhere, NULL, CHUNK, 0)) > 0)
        total += moved;
    return total;
}

static void ping(long long rounds) {
    char buffer[64] = {[63] = '\n'};
    struct timespec from, to;
    for (long long i = -100; i < rounds; i++) { /* a hundred to warm up */
        ssize_t left = sizeof buffer;
        if (i == 0)
            clock_gettime(CLOCK_MONOTONIC, &from);
        if (write(1, buffer, sizeof buffer) != sizeof buffer)
            die("write");
        while (left > 0) {
            ssize_t got = read(0, buffer, left);
            if (got <= 0)
                die("read");
            left -= got;
        }
    }
    clock_gettime(CLOCK_MONOTONIC, &to);
    fprintf(stderr, "%lld\n", ((to.tv_sec - from.tv_sec) * 1000000000LL + to.tv_nsec - from.tv_nsec) / rounds);
}

int main(int argc, char **argv) {
    const char *mode = argc > 1 ? argv[1] : "";
    amount = argc > 2 ? atoll(argv[2]) : 0;
    int size = argc > 3 ? atoi(argv[3]) : 0;
    signal(SIGPIPE, SIG_IGN);
    if (!strcmp(mode, "sink")) {
        printf("%lld\n", drop(accepted()));
    } else if (!strcmp(mode, "source")) {
        connection = accepted();
        sender(NULL);
        drop(connection);
    } else if (!strcmp(mode, "duplex")) {
        pthread_t thread;
        connection = accepted();
        pthread_create(&thread, NULL, sender, NULL);
        printf("%lld\n", drop(connection));
        pthread_join(thread, NULL);
    } else if (!strcmp(mode, "hold")) {
        send_all(accepted(), amount);
        while (getchar() != EOF)
            ;
    } else if (!strcmp(mode, "echo")) {
        echo(accepted());
    } else if (!strcmp(mode, "count")) {
        count(listening(SOCK_DGRAM));
    } else if (!strcmp(mode, "fill")) {
        fill(amount, 0);
    } else if (!strcmp(mode, "write")) {
        fill(amount, 1);
    } else if (!strcmp(mode, "packets")) {
        packets(amount, size);
    } else if (!strcmp(mode, "flood")) {
        flood((int)amount, size);
    } else if (!strcmp(mode, "ping")) {
        ping(amount);
    } else if (!strcmp(mode, "drain")) {
        printf("%lld\n", drain(amount ? amount : LLONG_MAX));
    } else {
        fprintf(stderr, "peer: no such mode: %s\n", mode);
        return 2;
    }
    return 0;
}
